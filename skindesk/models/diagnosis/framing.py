"""What of an image is asked about: turned by an angle, then cut to a rectangle. Plain geometry, no pixels.

A turned image is shown and asked about in its *frame*, the smallest upright rectangle around it; parts of a
crop are shares (0 to 1) of that frame, as in `trainer.images.framing.ImageView`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

SMALLEST_SHARE = 0.02
"""Least width and height of a crop, as shares of the frame: a handful of pixels of a usual image."""

_RIGHT_ANGLE = 90.0
_UPRIGHT_WITHIN = 1e-9  # degrees; what rounding may leave of a multiple of 90


@dataclass(frozen=True)
class Box:
    """An upright rectangle in shares of a frame, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.height

    def shares(self) -> tuple[float, float, float, float]:
        """Return x, y, width and height."""
        return (self.x, self.y, self.width, self.height)

    def moved(self, across: float, down: float) -> Box:
        """Return the box moved by shares of the frame, as far as the frame allows."""
        x = min(max(self.x + across, 0.0), 1.0 - self.width)
        y = min(max(self.y + down, 0.0), 1.0 - self.height)
        return replace(self, x=x, y=y)

    def resized(self, left: float = 0.0, top: float = 0.0, right: float = 0.0, bottom: float = 0.0) -> Box:
        """Return the box with its edges moved by shares of the frame, never inside out, within the frame."""
        x = min(max(self.x + left, 0.0), self.right - SMALLEST_SHARE) if left else self.x
        y = min(max(self.y + top, 0.0), self.bottom - SMALLEST_SHARE) if top else self.y
        far = max(min(self.right + right, 1.0), x + SMALLEST_SHARE) if right else self.right
        low = max(min(self.bottom + bottom, 1.0), y + SMALLEST_SHARE) if bottom else self.bottom
        return Box(x, y, far - x, low - y)


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def box_between(x0: float, y0: float, x1: float, y1: float) -> Box:
    """Return the box between two opposite corners, cut to the frame and not smaller than the smallest."""
    left, right = sorted((min(max(x0, 0.0), 1.0), min(max(x1, 0.0), 1.0)))
    top, bottom = sorted((min(max(y0, 0.0), 1.0), min(max(y1, 0.0), 1.0)))
    width, height = max(right - left, SMALLEST_SHARE), max(bottom - top, SMALLEST_SHARE)
    return Box(min(left, 1.0 - width), min(top, 1.0 - height), width, height)


@dataclass(frozen=True)
class Framing:
    """How an image is turned and cut.

    Attributes:
        rotation: clockwise, degrees, over -180 to 180.
        crop: drawn by the user; `None` for as much as the angle leaves without empty corners.
    """

    rotation: float = 0.0
    crop: Box | None = None

    def part(self, width: float, height: float) -> Box | None:
        """Return the part of the frame that is asked about; `None` for all of it.

        Args:
            width: of the image before it is turned, pixels.
            height: the same.
        """
        if self.crop is not None:
            return self.crop
        return None if _upright(self.rotation) else inscribed(width, height, self.rotation)

    def turned(self, degrees: float, width: float, height: float) -> Framing:
        """Return the framing with the image turned further.

        Quarter turns take the crop with them; any other angle turns the image under a crop that stays.

        Args:
            degrees: clockwise.
            width: of the image, pixels.
            height: the same.
        """
        rotation = normalised(self.rotation + degrees)
        if self.crop is None:
            return Framing(rotation)
        old = frame_size(width, height, self.rotation)
        new = frame_size(width, height, rotation)
        across = (self.crop.x + self.crop.width / 2 - 0.5) * old[0]
        down = (self.crop.y + self.crop.height / 2 - 0.5) * old[1]
        wide, high = self.crop.width * old[0], self.crop.height * old[1]
        for _ in range(round(degrees / _RIGHT_ANGLE) % 4 if _upright(degrees) else 0):
            across, down, wide, high = -down, across, high, wide
        crop = box_between(
            (across - wide / 2) / new[0] + 0.5,
            (down - high / 2) / new[1] + 0.5,
            (across + wide / 2) / new[0] + 0.5,
            (down + high / 2) / new[1] + 0.5,
        )
        return Framing(rotation, crop)


UNTOUCHED = Framing()
"""The image as it is."""


def normalised(degrees: float) -> float:
    """Return the same angle over -180 and up to 180 degrees."""
    turned = -((180.0 - degrees) % 360.0 - 180.0)
    return 0.0 if turned == 0.0 else turned  # no -0.0


def frame_size(width: float, height: float, rotation: float) -> tuple[float, float]:
    """Return width and height of the smallest upright rectangle around a turned image, pixels."""
    if _upright(rotation):
        return (height, width) if round(rotation / _RIGHT_ANGLE) % 2 else (width, height)
    cosine, sine = _turns(rotation)
    return width * cosine + height * sine, width * sine + height * cosine


def inscribed(width: float, height: float, rotation: float) -> Box:
    """Return the largest upright rectangle inside a turned image, centred, as a part of its frame.

    Either two opposite corners of the rectangle touch the long sides of the image, or all four its sides;
    both cases follow from elementary trigonometry.

    Args:
        width: of the image, pixels.
        height: the same.
        rotation: degrees.
    """
    if _upright(rotation):
        return WHOLE
    cosine, sine = _turns(rotation)
    long, short = max(width, height), min(width, height)
    if short <= 2.0 * sine * cosine * long or abs(sine - cosine) < 1e-9:  # noqa: PLR2004 - about 45 degrees
        half = short / 2.0
        wide, high = (half / sine, half / cosine) if width >= height else (half / cosine, half / sine)
    else:
        double = cosine * cosine - sine * sine
        wide = (width * cosine - height * sine) / double
        high = (height * cosine - width * sine) / double
    frame_wide, frame_high = frame_size(width, height, rotation)
    share_wide, share_high = min(wide / frame_wide, 1.0), min(high / frame_high, 1.0)
    return Box((1.0 - share_wide) / 2, (1.0 - share_high) / 2, share_wide, share_high)


def _upright(rotation: float) -> bool:
    return abs(rotation / _RIGHT_ANGLE - round(rotation / _RIGHT_ANGLE)) * _RIGHT_ANGLE < _UPRIGHT_WITHIN


def _turns(rotation: float) -> tuple[float, float]:
    angle = math.radians(rotation)
    return abs(math.cos(angle)), abs(math.sin(angle))

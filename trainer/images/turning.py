"""Images turned and cut as a person asks; of large ones parts are views, since there is no room for a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from trainer.images import memory
from trainer.images.squares import reduced

if TYPE_CHECKING:
    from trainer.images.pixels import Pixels

_HELD_BYTES = 4  # per pixel of the image: where the decoder has put it
_SOURCE_BYTES = 7  # per pixel of the image: a dense copy, Pillow's image
_TURNED_BYTES = 10  # per pixel of the turned one: Pillow's image, and its bytes twice while they are joined


def turned(image: Pixels, degrees: float) -> Pixels:
    """Turn an image clockwise, whole, in the smallest upright rectangle around it.

    Corners that turn in from outside take the median colour of the image's border, which for a lesion in the
    middle is skin; black would be an edge that a network may see something in. Quarter turns change no pixel. For
    other angles an image that would need more memory than one may take (from 34 million pixels) is shrunk first.

    Args:
        image: uint8 of shape (height, width, 3).
        degrees: clockwise, any.
    """
    quarters, rest = divmod(degrees % 360.0, 90.0)
    if rest == 0.0:
        return _dense(np.rot90(image, -int(quarters)))
    picture, fill = Image.fromarray(_turnable(image, degrees)), border_colour(image)
    return np.asarray(
        picture.rotate(-degrees, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=fill)
    )


def border_colour(image: Pixels) -> tuple[int, int, int]:
    """Return the median colour of an image's border: red, green and blue.

    Args:
        image: uint8 of shape (height, width, 3).
    """
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    red, green, blue = (int(level) for level in np.median(border, axis=0))
    return red, green, blue


def cropped(image: Pixels, crop: tuple[float, float, float, float]) -> Pixels:
    """Return a part of an image, at least one pixel.

    Args:
        image: uint8 of shape (height, width, 3).
        crop: x, y, width, height as shares of the image's sides; what lies outside 0 to 1 is left out.
    """
    height, width = image.shape[:2]
    x, y, wide, high = crop
    left = min(max(round(x * width), 0), width - 1)
    top = min(max(round(y * height), 0), height - 1)
    right = min(max(round((x + wide) * width), left + 1), width)
    bottom = min(max(round((y + high) * height), top + 1), height)
    return _dense(image[top:bottom, left:right])


def _dense(part: Pixels) -> Pixels:
    """Return a view as an array of its own, unless it is large."""
    return part if part.size > 3 * memory.WHOLE else np.ascontiguousarray(part)


def _turnable(image: Pixels, degrees: float) -> Pixels:
    """Return an image so small that it can be turned within the memory that one may take."""
    height, width = image.shape[:2]
    cosine, sine = abs(np.cos(np.radians(degrees))), abs(np.sin(np.radians(degrees)))
    around = (width * cosine + height * sine) * (width * sine + height * cosine)
    needed = _SOURCE_BYTES * width * height + _TURNED_BYTES * around
    left = max(memory.LIMIT - memory.BAND_BYTES - _HELD_BYTES * width * height, 0)
    if needed <= left:
        return image
    scale = float(np.sqrt(left / needed))
    return reduced(image, max(1, int(scale * max(width, height))))

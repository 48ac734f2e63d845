"""The part of an image that is used: turned, then cropped. Decoders load when the first image is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trainer.errors import ImageError

if TYPE_CHECKING:
    from trainer.config import Shape
    from trainer.images.pixels import Pixels


class ImageView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An image file and the part of it that counts.

    Attributes:
        path: of the file.
        rotation: clockwise, degrees; any angle, applied after the file's own orientation.
        crop: x, y, width, height of the part that counts, as shares (0 to 1) of the rotated image; `None`: all.
    """

    path: str
    rotation: float = 0.0
    crop: tuple[float, float, float, float] | None = None

    @property
    def whole(self) -> bool:
        """Whether the whole image is used as it is."""
        return self.rotation == 0.0 and self.crop is None


def read_view(view: ImageView) -> Pixels:
    """Read an image file, turn it and crop it.

    Returns:
        uint8 of shape (height, width, 3); of a large image perhaps a view that is not contiguous.

    Raises:
        ImageError: it cannot be read, or is too large to be turned.
    """
    from trainer.images.decoding import reading

    with reading(Path(view.path)) as (pixels, _):
        return framed(pixels, view)


def framed(image: Pixels, view: ImageView) -> Pixels:
    """Turn and crop an image that has been read.

    Args:
        image: uint8 of shape (height, width, 3).
        view: how.

    Raises:
        ImageError: it is too large to be turned.
    """
    from trainer.images.turning import cropped, turned

    try:
        image = turned(image, view.rotation)
    except MemoryError as error:
        raise ImageError(
            f"{view.path} is too large to rotate; make the image smaller.", "oversize"
        ) from error
    return image if view.crop is None else cropped(image, view.crop)


def network_square(width: float, height: float, shape: Shape) -> tuple[float, float, float, float]:
    """Return what the network sees of a rectangle: x, y, width, height in the rectangle's own units.

    `pad` reaches beyond the rectangle: there the network sees black.
    """
    if shape == "squash":
        return (0.0, 0.0, width, height)
    side = min(width, height) if shape == "centre-square" else max(width, height)
    return ((width - side) / 2, (height - side) / 2, side, side)

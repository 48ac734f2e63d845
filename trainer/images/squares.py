"""Images brought to the network's square, and made small; large ones in bands, with the same result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from PIL import Image

from trainer.images.memory import BAND, WHOLE

if TYPE_CHECKING:
    from trainer.config import Geometry, Resampling
    from trainer.images.pixels import Pixels

_Box: TypeAlias = tuple[int, int, int, int]  # left, top, right, bottom

_RESAMPLING: dict[Resampling, Image.Resampling] = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def to_square(image: Pixels, size: int, geometry: Geometry) -> Pixels:
    """Bring an image to the network's square.

    `centre-square` cuts the largest centred square and resizes it, `squash` resizes both sides, `pad` fits
    the longer side and adds black borders. Shrinking averages over all pixels concerned (antialiasing).

    Args:
        image: uint8 of shape (height, width, 3).
        size: side of the square, pixels.
        geometry: shape and resampling.

    Returns:
        uint8 of shape (size, size, 3); `image` itself where it has that shape already.
    """
    if image.shape[:2] == (size, size):
        return image
    return np.asarray(square_of(image if _is_large(image) else Image.fromarray(image), size, geometry))


def square_of(image: Image.Image | Pixels, size: int, geometry: Geometry) -> Image.Image:
    """Return the same as a Pillow image, from a Pillow image (mode RGB) or an array."""
    width, height = size_of(image)
    if isinstance(image, Image.Image) and (width, height) == (size, size):
        return image
    filter_ = _RESAMPLING[geometry.resampling]
    whole = (0, 0, width, height)
    if geometry.shape == "squash":
        return _resized(image, whole, (size, size), filter_)
    if geometry.shape == "centre-square":
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        return _resized(image, (left, top, left + side, top + side), (size, size), filter_)
    scale = size / max(width, height)
    fitted = (max(1, round(width * scale)), max(1, round(height * scale)))
    square = Image.new("RGB", (size, size))
    square.paste(_resized(image, whole, fitted, filter_), ((size - fitted[0]) // 2, (size - fitted[1]) // 2))
    return square


def size_of(image: Image.Image | Pixels) -> tuple[int, int]:
    """Return width and height of an image, pixels."""
    return image.size if isinstance(image, Image.Image) else (image.shape[1], image.shape[0])


def reduced(image: Pixels, side: int) -> Pixels:
    """Shrink an image, averaging over all pixels concerned; a large one in bands.

    Args:
        image: uint8 of shape (height, width, 3).
        side: the most pixels of the longer side.

    Returns:
        uint8 of shape (height, width, 3); `image` itself if it is as small already.
    """
    width, height = size_of(image)
    scale = side / max(width, height)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    source = image if _is_large(image) else Image.fromarray(image)
    return np.asarray(_resized(source, (0, 0, width, height), size, Image.Resampling.BILINEAR))


def grey_miniature(image: Pixels, side: int) -> Image.Image:
    """Return a uint8 RGB image (height, width, 3) as a small grey square (mode L), squashed, averaged over boxes."""
    box = (0, 0, image.shape[1], image.shape[0])
    if _is_large(image):
        return _resized(image, box, (side, side), Image.Resampling.BOX, "L")
    return Image.fromarray(image).convert("L").resize((side, side), Image.Resampling.BOX)


def _is_large(image: Pixels) -> bool:
    return image.size > 3 * WHOLE


def _resized(
    image: Image.Image | Pixels,
    box: _Box,
    size: tuple[int, int],
    filter_: Image.Resampling,
    mode: Literal["RGB", "L"] = "RGB",
) -> Image.Image:
    """Cut a box out of an image and resize it."""
    left, top, right, bottom = box
    if isinstance(image, Image.Image):
        if box != (0, 0, *image.size):
            part = Image.new("RGB", (right - left, bottom - top), None)
            part.paste(image, (-left, -top))  # `crop` warns of large images
            image = part
        return image.resize(size, filter_)
    return _resized_in_bands(image[top:bottom, left:right], size, filter_, mode)


def _resized_in_bands(
    image: Pixels, size: tuple[int, int], filter_: Image.Resampling, mode: Literal["RGB", "L"]
) -> Image.Image:
    """Resize rows and then columns, as Pillow does, with 8 bits in between; the first step is done in bands.

    The other way round where Pillow 13 does so: if the height loses more than twice the pixels that the width does.
    """
    height, width = image.shape[:2]
    columns_first = height > size[1] and height - size[1] > 2 * (width - size[0])
    between = Image.new(mode, (width, size[1]) if columns_first else (size[0], height), None)
    length, across = (width, height) if columns_first else (height, width)
    step = max(1, BAND // across)
    for start in range(0, length, step):
        end = min(start + step, length)
        pixels = image[:, start:end] if columns_first else image[start:end]
        band = Image.fromarray(np.ascontiguousarray(pixels)).convert(mode)
        if columns_first:
            between.paste(band.resize((end - start, size[1]), filter_), (start, 0))
        else:
            between.paste(band.resize((size[0], end - start), filter_), (0, start))
    return between.resize(size, filter_)

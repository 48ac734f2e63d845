"""Pixels of any kind become 8-bit sRGB: orientation, transparency, colour profiles, wide samples.

The rules, where a format leaves a choice:

* EXIF orientation is applied: what is up in the picture is up in the array.
* An embedded ICC profile is converted to sRGB (relative colorimetric, with black point compensation); a
  damaged profile is ignored, as browsers do. CMYK without a profile is taken as plain inks.
* Transparent pixels are composited on white, as image viewers show them on a page.
* Of 16-bit samples the high byte is kept (as libpng does); of 12-bit ones the 8 high bits.
* Floating-point, signed and 32-bit samples do not say what white is. The first of 1, 255 and 65535 that no
  value exceeds is white, 0 is black; with negative or larger values, lowest is black and highest white. What
  is not a finite number is black.
"""

from __future__ import annotations

import functools
import io
import struct
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.ImageCms import ImageCmsTransform

Pixels: TypeAlias = npt.NDArray[np.uint8]

TAG_ORIENTATION = 274

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TRANSPOSED = frozenset({5, 6, 7, 8})
_UPSIDE_DOWN = frozenset({3, 4, 7, 8})
_MIRRORED = frozenset({2, 3, 6, 7})
_WHITES = (1.0, 255.0, 65535.0)
_STRIP = 1 << 18  # samples that are scaled at a time, since this takes many times their memory

Span: TypeAlias = tuple[float, float]
"""Lowest and highest of some samples."""


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn and mirror an image as its EXIF orientation (1 to 8) says; other numbers change nothing."""
    transpose = _UPRIGHT.get(orientation)
    return image if transpose is None else image.transpose(transpose)


def upright_view(pixels: Pixels, orientation: int) -> Pixels:
    """Return the same of an array (height, width, 3), as a view of it: a large image has no room for a copy."""
    if orientation in _TRANSPOSED:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in _UPSIDE_DOWN:
        pixels = pixels[::-1]
    if orientation in _MIRRORED:
        pixels = pixels[:, ::-1]
    return pixels


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return width and height of an image when it is turned in that way."""
    return size[::-1] if orientation in _TRANSPOSED else size


def orientation_of(image: Image.Image) -> int:
    """Return a loaded image's EXIF orientation; 1 where there is none or the EXIF block is damaged."""
    exif = image.info.get("exif")
    if exif is None and "Raw profile type exif" in image.info:  # how ImageMagick keeps EXIF in a PNG
        try:
            exif = bytes.fromhex("".join(str(image.info["Raw profile type exif"]).split("\n")[3:]))
        except ValueError:
            return 1
    if not isinstance(exif, bytes):
        return 1
    data = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(data[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", data, 4)
        (entries,) = struct.unpack_from(order + "H", data, start)
        for position in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind = struct.unpack_from(order + "HH", data, position)
            if tag == TAG_ORIENTATION:
                code = "I" if kind == 4 else "H"  # noqa: PLR2004 - TIFF's LONG, else SHORT
                return int(struct.unpack_from(order + code, data, position + 8)[0])
    except struct.error:
        return 1
    return 1


def srgb(image: Image.Image) -> Image.Image:
    """Return a loaded Pillow image as sRGB without alpha (mode RGB); the same object if it is that already.

    Args:
        image: of any mode but I and F (see `eight_bits` for those).
    """
    profile = image.info.get("icc_profile")
    transparent = "transparency" in image.info
    if image.mode == "RGB" and profile is None and not transparent:
        return image
    if image.mode.startswith("I;16"):
        image = _grey_of_16_bits(image)
    alpha: Image.Image | None = None
    if transparent or image.mode in {"LA", "PA", "RGBA", "RGBa"}:
        image = image.convert("LA" if image.mode in {"1", "L", "LA"} else "RGBA")
        alpha = image.getchannel("A")
        image = image.getchannel("L") if image.mode == "LA" else image.convert("RGB")
    elif image.mode in {"1", "P"}:
        image = image.convert("L" if image.mode == "1" else "RGB")
    if isinstance(profile, bytes) or image.mode == "LAB":
        image = _by_profile(image, profile or b"")
    if image.mode != "RGB":
        image = image.convert("RGB")
    if alpha is None:
        return image
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=alpha)
    return page


def in_bands(image: Image.Image, room: Pixels | None, rows: int) -> Pixels:
    """Return a loaded image as sRGB, some rows at a time.

    Args:
        image: of any mode but I and F.
        room: where to put it, uint8 of at least three bytes per pixel. It may be the memory of the image itself, if
            that has four bytes per pixel: three take their place, so that there is no second copy.
        rows: to be converted at a time.

    Returns:
        uint8 of shape (height, width, 3).
    """
    width, height = image.size
    line = 3 * width
    packed = np.empty(line * height, np.uint8) if room is None else room
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        band = image.crop((0, top, width, bottom))
        packed[top * line : bottom * line] = np.asarray(srgb(band)).reshape(-1)
    return packed[: line * height].reshape(height, width, 3)


def needs_span(samples: npt.NDArray[Any]) -> bool:
    """Whether samples do not say what white is, so that it depends on all of an image's."""
    return samples.dtype.kind != "u" or samples.dtype.itemsize > 2  # noqa: PLR2004 - bytes of 16 bits


def span_of(samples: npt.NDArray[Any], span: Span | None = None) -> Span:
    """Return the lowest and highest of samples (not empty), and of those that `span` was found in."""
    lowest, highest = span or (np.inf, -np.inf)
    for strip in _strips(samples):
        values = _finite(strip)
        lowest, highest = min(lowest, float(values.min())), max(highest, float(values.max()))
    return lowest, highest


def eight_bits(
    samples: npt.NDArray[Any], bits: int, *, span: Span | None = None, white_is_zero: bool = False
) -> Pixels:
    """Reduce samples of any width to 8 bits by the rules at the top of this module.

    Args:
        samples: of any shape and numeric dtype, not empty.
        bits: that unsigned samples of up to 16 bits really use (a 12-bit sample lies in a uint16).
        span: lowest and highest of the whole image's samples if these are a part of them.
        white_is_zero: whether small numbers are bright (TIFF's WhiteIsZero).
    """
    if needs_span(samples):
        levels = np.empty(samples.shape, np.uint8)
        black, white = span or span_of(samples)
        if black >= 0 and white <= _WHITES[-1]:
            black, white = 0.0, next(level for level in _WHITES if white <= level)
        scale = 255 / (white - black) if white > black else 0.0
        for strip, scaled in zip(_strips(samples), _strips(levels), strict=True):
            scaled[...] = np.rint((_finite(strip) - black) * scale)
    else:
        levels = (samples >> max(0, bits - 8)).astype(np.uint8)
    return 255 - levels if white_is_zero else levels


def _strips(samples: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Yield some rows at a time, as views."""
    rows = max(1, _STRIP * len(samples) // samples.size)
    for top in range(0, len(samples), rows):
        yield samples[top : top + rows]


def _finite(samples: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    values = samples.astype(np.float64)
    if samples.dtype.kind == "f":
        finite = np.isfinite(values)
        if not finite.all():
            values[~finite] = 0.0
    return values


def _grey_of_16_bits(image: Image.Image) -> Image.Image:
    samples = np.asarray(image)
    grey = Image.fromarray(eight_bits(samples, 16))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey.putalpha(Image.fromarray(np.where(samples == transparent, 0, 255).astype(np.uint8)))
    return grey


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image:
    from PIL import ImageCms

    transform = _transform_to_srgb(profile, image.mode)
    if transform is None:
        return image
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None
    return converted


@functools.lru_cache(maxsize=32)
def _transform_to_srgb(profile: bytes, mode: str) -> ImageCmsTransform | None:
    """Return the transform from an ICC profile to sRGB; `None` if there is nothing to do or it is damaged."""
    from PIL import ImageCms

    try:
        if mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        else:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if mode == "RGB" and ImageCms.getProfileDescription(source).startswith("sRGB"):
            return None
        return ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None

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
_WHITES = (1.0, 255.0, 65535.0)


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn and mirror an image as its EXIF orientation (1 to 8) says; other numbers change nothing."""
    transpose = _UPRIGHT.get(orientation)
    return image if transpose is None else image.transpose(transpose)


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


def turned(image: Pixels, degrees: float) -> Pixels:
    """Turn an image clockwise, whole, in the smallest upright rectangle around it.

    Corners that turn in from outside take the median colour of the image's border, which for a lesion in the
    middle is skin; black would be an edge that a network may see something in. Quarter turns change no pixel.

    Args:
        image: uint8 of shape (height, width, 3).
        degrees: clockwise, any.
    """
    quarters, rest = divmod(degrees % 360.0, 90.0)
    if rest == 0.0:
        return np.ascontiguousarray(np.rot90(image, -int(quarters)))
    picture, fill = Image.fromarray(image), border_colour(image)
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
    return np.ascontiguousarray(image[top:bottom, left:right])


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


def eight_bits(samples: npt.NDArray[Any], bits: int, *, white_is_zero: bool = False) -> Pixels:
    """Reduce samples of any width to 8 bits by the rules at the top of this module.

    Args:
        samples: of any shape and numeric dtype.
        bits: that unsigned samples of up to 16 bits really use (a 12-bit sample lies in a uint16).
        white_is_zero: whether small numbers are bright (TIFF's WhiteIsZero).
    """
    if samples.dtype.kind == "u" and samples.dtype.itemsize <= 2:  # noqa: PLR2004 - bytes of 16 bits
        levels = (samples >> max(0, bits - 8)).astype(np.uint8)
    elif samples.size == 0:
        levels = samples.astype(np.uint8)
    else:
        values = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        black, white = float(values.min()), float(values.max())
        if black >= 0 and white <= _WHITES[-1]:
            black, white = 0.0, next(level for level in _WHITES if white <= level)
        scale = 255 / (white - black) if white > black else 0.0
        levels = np.rint((values - black) * scale).astype(np.uint8)
    return 255 - levels if white_is_zero else levels


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

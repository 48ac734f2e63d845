"""The decoder: any accepted file becomes uint8 RGB, whole or not at all.

Training, diagnosis, import and the command line all read images here, so they all see the same pixels. What
a file holds decides how it is read, not its name; of several pages or frames the first is read. The rules for
colours, transparency and wide samples stand in `trainer.images.pixels`.

All functions may be called from several threads at once. Nothing is printed.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import io
import logging
import stat
import struct
import threading
import warnings
import zlib
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import numpy as np
from PIL import Image, _imaging
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from trainer.errors import ImageError, ImageProblem
from trainer.images.pixels import TAG_ORIENTATION, Pixels, eight_bits, orientation_of, srgb, upright

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL.ImageFile import ImageFile

    from trainer.config import Geometry, Resampling

MAX_PIXELS = 200_000_000
"""Largest image that is decoded, pixels: some 600 MB as RGB."""
MAX_BYTES = 1 << 30
"""Largest file that is read, bytes."""
MISSING = "There is no file {path}; check the name."
"""What is said of a file that is not there."""

FormatName: TypeAlias = Literal["JPEG", "PNG", "BMP", "TIFF", "WebP"]

_SIGNATURES: tuple[tuple[bytes, FormatName], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)
_BMP_HEADERS = frozenset({b"", *(bytes([size]) for size in (12, 16, 40, 52, 56, 64, 108, 124))})
"""Header sizes that occur; a text may begin with BM, too."""
_OTHER_SIGNATURES = (
    (0, b"GIF8", "a GIF image"),
    (4, b"ftypheic", "a HEIC image"),
    (4, b"ftypmif1", "a HEIC image"),
    (4, b"ftypavif", "an AVIF image"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (128, b"DICM", "a DICOM file"),
)
_ACCEPTED = "JPEG, PNG, BMP, TIFF or WebP"
_RAW_LIMIT = 1 << 31  # bytes of wide samples held while they are reduced to 8 bits

_JPEG_SCAN = b"\xff\xda"
_JPEG_END = b"\xff\xd9"
_JPEG_GREYS = (128, (128, 128, 128), (127, 127, 127, 127), (128, 128, 128, 128))

_TAG_BITS = 258
_TAG_COMPRESSION = 259
_TAG_PHOTOMETRIC = 262
_TAG_PLANES = 284
_TAG_SAMPLE_FORMAT = 339
_TAG_PROFILE = 34675
_SEPARATE_PLANES = 2
_WHITE_IS_ZERO = 0
_UNSIGNED = 1

_RESAMPLING: dict[Resampling, Image.Resampling] = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

# `warnings.catch_warnings` changes the state of the whole process: one thread at a time.
_warnings_lock = threading.Lock()

for _library in ("PIL", "tifffile"):
    # Without a handler Python prints their warnings about odd tags on stderr.
    logging.getLogger(_library).addHandler(logging.NullHandler())
with contextlib.suppress(AttributeError, OSError):
    # libtiff prints its errors itself; Pillow raises them as exceptions anyway. Where libtiff's symbols are
    # not exported (a static build) they go on being printed.
    ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)


class ImageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an image file once it has been decoded in full.

    Attributes:
        width, height: in pixels, upright.
        format: JPEG, PNG, BMP, TIFF or WebP, by content.
        bytes: size of the file.
        sha256: of the file's bytes, 64 hexadecimal digits.
    """

    width: int
    height: int
    format: str
    bytes: int
    sha256: str


class _Damaged(Exception):  # noqa: N818 - never leaves this module: it becomes an ImageError
    """A file's content contradicts its format; the argument says how, to be read after "because"."""

    def __init__(self, reason: str, kind: ImageProblem = "undecodable") -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind: ImageProblem = kind


def check_image(path: Path) -> ImageFacts:
    """Decode an image file in full and say what it is.

    Raises:
        ImageError: it cannot be read; `kind` says why.
    """
    content = read_file(path)
    image, name = _decode(content, str(path))
    return ImageFacts(
        width=image.width,
        height=image.height,
        format=name,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def read_file(path: Path) -> bytes:
    """Return the bytes of an image file, of an ordinary one only: a pipe or a device might never end.

    Raises:
        ImageError: they cannot be had, or are too many; `kind` says why.
    """
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise ImageError(f"{path} is a folder, not an image; name a file in it.", "unreadable")
        if not stat.S_ISREG(facts.st_mode):
            raise ImageError(f"{path} is not an ordinary file; name an image file.", "unreadable")
        if facts.st_size > MAX_BYTES:
            raise ImageError(
                f"{path} holds {facts.st_size / 1e9:.1f} GB, more than the {MAX_BYTES / 1e9:.1f} GB that are "
                f"read; make the image smaller.",
                "oversize",
            )
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ImageError(MISSING.format(path=path), "missing") from error
    except PermissionError as error:
        raise ImageError(f"{path} may not be read; change its permissions.", "unreadable") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImageError(
            f"{path} cannot be read: {reason}; check the name and the disk.", "unreadable"
        ) from error
    except ValueError as error:  # a null character in the name
        raise ImageError(f"{str(path)!r} is no file name; check the name.", "missing") from error


def read_image(path: Path) -> Pixels:
    """Read an image file as upright sRGB.

    Returns:
        uint8 of shape (height, width, 3); not writable.

    Raises:
        ImageError: it cannot be read; `kind` says why.
    """
    return np.asarray(_decode(read_file(path), str(path))[0])


def decode_image(content: bytes, name: str) -> Pixels:
    """Decode the bytes of an image file as upright sRGB.

    Args:
        content: the whole file.
        name: what to call it in an error's sentence.

    Returns:
        uint8 of shape (height, width, 3); not writable.

    Raises:
        ImageError: it cannot be decoded; `kind` says why.
    """
    return np.asarray(_decode(content, name)[0])


def read_square(path: Path, size: int, geometry: Geometry) -> Pixels:
    """Read an image file and bring it to the network's square; the same as `to_square(read_image(path))`.

    Raises:
        ImageError: it cannot be read; `kind` says why.
    """
    return np.asarray(_squared(_decode(read_file(path), str(path))[0], size, geometry))


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
    return np.asarray(_squared(Image.fromarray(image), size, geometry))


def _squared(image: Image.Image, size: int, geometry: Geometry) -> Image.Image:
    width, height = image.size
    if (width, height) == (size, size):
        return image
    filter_ = _RESAMPLING[geometry.resampling]
    if geometry.shape == "squash":
        return image.resize((size, size), filter_)
    if geometry.shape == "centre-square":
        side = min(width, height)
        centre = Image.new("RGB", (side, side), None)
        centre.paste(image, (-((width - side) // 2), -((height - side) // 2)))  # `crop` warns of large images
        return centre.resize((size, size), filter_)
    scale = size / max(width, height)
    fitted = (max(1, round(width * scale)), max(1, round(height * scale)))
    square = Image.new("RGB", (size, size))
    square.paste(image.resize(fitted, filter_), ((size - fitted[0]) // 2, (size - fitted[1]) // 2))
    return square


def _decode(content: bytes, name: str) -> tuple[Image.Image, FormatName]:
    """Return the upright sRGB image (mode RGB) and its format."""
    try:
        format_ = _format_of(content)
        image = _upright_rgb(content, format_)
    except _Damaged as error:
        raise ImageError(f"{name} cannot be used because {error.reason}.", error.kind) from error
    except (MemoryError, Image.DecompressionBombError) as error:
        raise ImageError(
            f"{name} cannot be used because it needs too much memory; make the image smaller.", "oversize"
        ) from error
    except Exception as error:  # a decoder fed with damaged bytes may raise anything
        if _looks_cut(content, error):
            raise ImageError(
                f"{name} cannot be used because it is cut off; copy or download it again.", "truncated"
            ) from error
        raise ImageError(
            f"{name} cannot be used because it is damaged; copy or download it again."
        ) from error
    return image, format_


def _format_of(content: bytes) -> FormatName:
    for signature, name in _SIGNATURES:
        if content.startswith(signature):
            return name
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WebP"
    if content.startswith(b"BM") and content[14:18].rstrip(b"\0") in _BMP_HEADERS:
        return "BMP"
    if not content:
        raise _Damaged("it is empty (0 bytes); copy or download it again", "truncated")
    for offset, signature, description in _OTHER_SIGNATURES:
        if content.startswith(signature, offset):
            raise _Damaged(f"it is {description}; save it as {_ACCEPTED}")
    raise _Damaged(f"it is no image; replace it by a {_ACCEPTED} file or remove it")


def _looks_cut(content: bytes, error: Exception) -> bool:
    """Whether a decoder gave up because bytes are missing at the end."""
    if content.startswith(b"RIFF"):
        return len(content) < 8 + int.from_bytes(content[4:8], "little")
    if content.startswith(b"\xff\xd8"):
        return content.rfind(_JPEG_END) <= content.rfind(_JPEG_SCAN)
    if content[:4] in (b"II*\x00", b"MM\x00*"):
        order: Literal["little", "big"] = "little" if content.startswith(b"I") else "big"
        if int.from_bytes(content[4:8], order) >= len(content):
            return True
    return "truncated" in str(error).lower()


def _upright_rgb(content: bytes, format_: FormatName) -> Image.Image:
    if format_ == "TIFF":
        return _tiff_as_rgb(content)
    warns = False
    if format_ == "PNG":
        warns = _check_png(content)
    elif format_ == "WebP":
        _check_webp(content)
    with _quiet() if warns else contextlib.nullcontext():
        image = _OPENERS[format_](io.BytesIO(content))
        _check_size(*image.size)
        image.load()
    if format_ == "JPEG":
        _check_jpeg_end(content, image)
    return upright(srgb(image), orientation_of(image))


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _Damaged(
            f"it has {width} x {height} pixels, more than the {MAX_PIXELS // 1_000_000} million that are read; "
            f"make the image smaller",
            "oversize",
        )


class _Jpeg(JpegImageFile):
    """A JPEG file (of a multi-picture file the first picture), opened without a look at its resolution.

    Pillow reads the resolution through the whole EXIF block and warns when that is damaged.
    """

    def _read_dpi_from_exif(self) -> None:
        pass


_OPENERS: dict[FormatName, type[ImageFile]] = {
    "JPEG": _Jpeg,
    "PNG": PngImageFile,
    "BMP": BmpImageFile,
    "WebP": WebPImageFile,
}


def _check_jpeg_end(content: bytes, image: ImageFile) -> None:
    """Find a JPEG whose missing end was closed with an end marker: libjpeg fills what lacks with mid-grey.

    Bytes added before the end marker change the picture exactly if the decoder still had blocks to fill.
    """
    if image.getpixel((image.width - 1, image.height - 1)) not in _JPEG_GREYS:
        return
    end = content.rfind(_JPEG_END)
    longer = _Jpeg(io.BytesIO(content[:end] + b"\x5a" * 512 + content[end:]))
    longer.load()
    if longer.tobytes() != image.tobytes():
        raise _Damaged("it is cut off; copy or download it again", "truncated")


def _check_png(content: bytes) -> bool:
    """Walk the chunks: Pillow accepts a file that lacks its end, and checks no checksum of pixels.

    Returns:
        whether it is animated: Pillow warns about irregular animations.
    """
    animated = False
    position = 8
    while position + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, position)
        kind = content[position + 4 : position + 8]
        end = position + 12 + length
        if kind == b"IHDR" and length >= 8:  # noqa: PLR2004 - width and height
            _check_size(*struct.unpack_from(">II", content, position + 8))
        if end > len(content):
            break
        if kind[:1].isupper():  # a chunk that pixels depend on
            (checksum,) = struct.unpack_from(">I", content, end - 4)
            if zlib.crc32(memoryview(content)[position + 4 : end - 4]) != checksum:
                raise _Damaged("it is damaged; copy or download it again")
        animated = animated or kind == b"acTL"
        if kind == b"IEND":
            return animated
        position = end
    raise _Damaged("it is cut off; copy or download it again", "truncated")


def _check_webp(content: bytes) -> None:
    """Refuse a WebP canvas that is too large: Pillow's decoder reserves its memory when it is created."""
    kind = content[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(content[24:27], "little") + 1
        height = int.from_bytes(content[27:30], "little") + 1
    elif kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width = int.from_bytes(content[26:28], "little") & 0x3FFF
        height = int.from_bytes(content[28:30], "little") & 0x3FFF
    _check_size(width, height)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _tiff_as_rgb(content: bytes) -> Image.Image:
    with _quiet():  # Pillow warns about odd tags while it reads them
        try:
            image = TiffImageFile(io.BytesIO(content))
        except SyntaxError:  # sample formats that Pillow does not know
            return _wide_tiff_as_rgb(content)
        _check_size(*image.size)
        tags = image.tag_v2
        bits = max(_numbers(tags.get(_TAG_BITS, 1)))
        raw_planes = tags.get(_TAG_COMPRESSION) == 1 and tags.get(_TAG_PLANES) == _SEPARATE_PLANES
        if bits > 8 and raw_planes:  # noqa: PLR2004 - Pillow takes these for planes of 8 bits
            return _wide_tiff_as_rgb(content)
        white_is_zero = tags.get(_TAG_PHOTOMETRIC) == _WHITE_IS_ZERO
        unsigned = max(_numbers(tags.get(_TAG_SAMPLE_FORMAT, _UNSIGNED))) == _UNSIGNED
        image.load()  # turns it upright, too
    if image.mode not in {"I;16", "I;16B", "I;16L", "I", "F"}:
        return srgb(image)
    samples = np.asarray(image)
    if image.mode == "I" and unsigned:
        samples = samples.view(np.uint32)  # Pillow has signed ones only
    grey = Image.fromarray(eight_bits(samples, bits, white_is_zero=white_is_zero))
    grey.info.update(image.info)
    return srgb(grey)


def _numbers(value: object) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (int(str(value)),)


def _wide_tiff_as_rgb(content: bytes) -> Image.Image:
    """Read floating-point RGB, 64-bit and other TIFF files that Pillow refuses or reads wrongly."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(content)) as file:
        page = file.pages.first
        _check_size(page.imagewidth, page.imagelength)
        if page.nbytes > _RAW_LIMIT:
            raise _Damaged(f"its samples take {page.nbytes / 1e9:.1f} GB; make the image smaller", "oversize")
        if page.nbytes == 0:
            raise _Damaged("it is damaged; copy or download it again")
        unknown = _Damaged(f"its kind of TIFF is not known; save it as 8-bit {_ACCEPTED}")
        if page.photometric not in (0, 1, 2) or page.axes not in ("YX", "YXS", "SYX"):
            raise unknown
        try:
            samples = page.asarray()
        except (KeyError, ValueError) as error:
            if "imagecodecs" in str(error):  # an optional package for rare compressions
                raise unknown from error
            raise
        if page.axes == "SYX":
            samples = np.moveaxis(samples, 0, -1)
        orientation = page.tags.get(TAG_ORIENTATION)
        profile = page.tags.get(_TAG_PROFILE)
    levels = eight_bits(samples, int(page.bitspersample), white_is_zero=page.photometric == _WHITE_IS_ZERO)
    image = Image.fromarray(np.ascontiguousarray(levels))
    if profile is not None:
        image.info["icc_profile"] = bytes(profile.value)
    return upright(srgb(image), 1 if orientation is None else int(orientation.value))

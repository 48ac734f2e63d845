"""The decoder: any accepted file becomes uint8 RGB, whole or not at all.

Training, diagnosis, import and the command line all read images here, so they all see the same pixels. What
a file holds decides how it is read, not its name; of several pages or frames the first is read. The rules for
colours, transparency and wide samples stand in `trainer.images.pixels`, the limits of memory in
`trainer.images.memory`.

A progressive JPEG beyond that limit (from 150 million pixels with the usual 4:2:0 colours, 104 million with 4:4:4) is
decoded at half its width and height, which is still far more than a network sees: made from it, the network's square
differs by one level or so of 255.

All functions may be called from several threads at once. Nothing is printed.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import io
import logging
import threading
import warnings
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from PIL import Image, _imaging
from PIL.BmpImagePlugin import BmpImageFile
from PIL.PngImagePlugin import PngImageFile

from trainer.images.headers import check_bmp, check_png, check_webp
from trainer.images.jpeg import Jpeg, LengthenedJpeg, check_jpeg, end_of_picture
from trainer.images.memory import BAND, WHOLE, shared
from trainer.images.opening import MISSING, opened
from trainer.images.pixels import Pixels, in_bands, orientation_of, srgb, upright, upright_size, upright_view
from trainer.images.refusals import ACCEPTED, Refused, cut_off, damaged, shown
from trainer.images.squares import size_of, square_of, to_square
from trainer.images.tiff import check_tiff, tiff_as_rgb
from trainer.images.tiff_layout import TiffLayout
from trainer.images.webp import StillWebP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from PIL.ImageFile import ImageFile

    from trainer.config import Geometry

__all__ = [
    "MISSING",
    "ImageFacts",
    "check_image",
    "checked",
    "decode_image",
    "read_image",
    "read_square",
    "reading",
    "to_square",
]


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
_LONGEST_SIGNATURE = 132

_JPEG_SCAN = b"\xff\xda"
_JPEG_END = b"\xff\xd9"
_JPEG_GREYS = (128, (128, 128, 128), (127, 127, 127, 127), (128, 128, 128, 128))
_TAIL = 1 << 20  # bytes at the end of a file in which its end marker is looked for
_CHUNK = 1 << 20

# Bytes per pixel in Pillow's memory; all other modes take four.
_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}

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


class _Plan(NamedTuple):
    """What a file's header says, before memory is taken.

    Attributes:
        format: by content.
        needed: memory that decoding takes, bytes.
        decode: does it.
    """

    format: FormatName
    needed: int
    decode: Callable[[], _Upright]


class _Upright(NamedTuple):
    """A decoded image.

    Attributes:
        image: in sRGB, upright: a Pillow image (mode RGB) if it is small, else an array.
        size: width and height of the picture in the file, upright, pixels; the image may have half of both.
    """

    image: Image.Image | Pixels
    size: tuple[int, int]


@contextlib.contextmanager
def checked(path: Path) -> Iterator[tuple[Pixels, ImageFacts]]:
    """Decode an image file in full and return its facts; its share of the memory is held to the end.

    Yields:
        the same as `read_image` and `check_image` return; width and height are always the file's.

    Raises:
        ImageError: it cannot be read; `kind` says why.
    """
    with opened(path) as stream, _decoded(stream, shown(path)) as (upright, format_):
        width, height = upright.size
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        digest = hashlib.sha256()
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
        yield (
            np.asarray(upright.image),
            ImageFacts(width=width, height=height, format=format_, bytes=size, sha256=digest.hexdigest()),
        )


def check_image(path: Path) -> ImageFacts:
    """Decode an image file in full and return its facts.

    Raises:
        ImageError: it cannot be read; `kind` says why.
    """
    with checked(path) as (_, facts):
        return facts


@contextlib.contextmanager
def reading(path: Path) -> Iterator[tuple[Pixels, tuple[int, int]]]:
    """Read an image file; its share of the memory is held to the end.

    Yields:
        the same as `read_image` returns, and width and height of the picture in the file, upright, pixels.

    Raises:
        ImageError: it cannot be read; `kind` says why.
    """
    with opened(path) as stream, _decoded(stream, shown(path)) as (upright, _):
        yield np.asarray(upright.image), upright.size


def read_image(path: Path) -> Pixels:
    """Read an image file as upright sRGB.

    Returns:
        uint8 of shape (height, width, 3), not writable; of a large image perhaps a view that is not contiguous,
        of the largest progressive JPEGs at half their width and height.

    Raises:
        ImageError: it cannot be read; `kind` says why.
    """
    with reading(path) as (pixels, _):
        return pixels


def decode_image(content: bytes, name: str) -> Pixels:
    """Decode the bytes of an image file as upright sRGB.

    Args:
        content: the whole file.
        name: what to call it in an error's sentence.

    Returns:
        the same as `read_image`.

    Raises:
        ImageError: it cannot be decoded; `kind` says why.
    """
    with _decoded(io.BytesIO(content), shown(name)) as (upright, _):
        return np.asarray(upright.image)


def read_square(path: Path, size: int, geometry: Geometry) -> Pixels:
    """Read an image file and bring it to the network's square; the same as `to_square(read_image(path))`.

    Raises:
        ImageError: it cannot be read; `kind` says why.
    """
    with opened(path) as stream, _decoded(stream, shown(path)) as (upright, _):
        return np.asarray(square_of(upright.image, size, geometry))


@contextlib.contextmanager
def _decoded(stream: BinaryIO, name: str) -> Iterator[tuple[_Upright, FormatName]]:
    """Give the decoded image and its format; hold its memory to the end."""
    size = stream.seek(0, io.SEEK_END)
    with _refusing(stream, size, name):
        plan = _plan(stream, size)
    with shared.taken(plan.needed):
        with _refusing(stream, size, name):
            upright = plan.decode()
        if not isinstance(upright.image, Image.Image):
            upright.image.flags.writeable = False
        yield upright, plan.format


@contextlib.contextmanager
def _refusing(stream: BinaryIO, size: int, name: str) -> Iterator[None]:
    """Turn whatever a decoder raises into an `ImageError`."""
    try:
        yield
    except Refused as error:
        raise error.of(name) from error
    except (MemoryError, Image.DecompressionBombError) as error:
        raise Refused("it needs too much memory; make the image smaller", "oversize").of(name) from error
    except Exception as error:  # a decoder fed with damaged bytes may raise anything
        if isinstance(error, OSError) and error.errno is not None:  # of the disk, not of a decoder
            raise
        raise (cut_off() if _looks_cut(stream, size, error) else damaged()).of(name) from error


def _plan(stream: BinaryIO, size: int) -> _Plan:
    stream.seek(0)
    format_ = _format_of(stream.read(_LONGEST_SIGNATURE))
    if format_ == "TIFF":
        layout = TiffLayout(stream, size)
        return _Plan(format=format_, needed=check_tiff(layout), decode=lambda: _tiff(layout))
    if format_ == "JPEG":
        needed, halved = check_jpeg(stream, size)
        return _Plan(format=format_, needed=needed, decode=lambda: _jpeg(stream, halved=halved))
    if format_ == "PNG":
        needed, animated = check_png(stream, size)
        return _Plan(
            format=format_, needed=needed, decode=lambda: _usual(PngImageFile, stream, warns=animated)
        )
    if format_ == "BMP":
        return _Plan(format=format_, needed=check_bmp(stream), decode=lambda: _usual(BmpImageFile, stream))
    needed, length = check_webp(stream, size)

    def webp() -> _Upright:
        stream.seek(0)
        return _usual(StillWebP, io.BytesIO(stream.read(length)))

    return _Plan(format=format_, needed=needed, decode=webp)


def _format_of(content: bytes) -> FormatName:
    for signature, name in _SIGNATURES:
        if content.startswith(signature):
            return name
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WebP"
    if content.startswith(b"BM") and content[14:18].rstrip(b"\0") in _BMP_HEADERS:
        return "BMP"
    if not content:
        raise Refused("it is empty (0 bytes); copy or download it again", "truncated")
    for offset, signature, description in _OTHER_SIGNATURES:
        if content.startswith(signature, offset):
            raise Refused(f"it is {description}; save it as {ACCEPTED}")
    raise Refused(f"it is not an image; replace it with a {ACCEPTED} file or remove it")


def _looks_cut(stream: BinaryIO, size: int, error: Exception) -> bool:
    """Whether a decoder gave up because bytes are missing at the end."""
    stream.seek(0)
    if stream.read(2) == b"\xff\xd8":
        stream.seek(max(0, size - _TAIL))
        tail = stream.read(_TAIL)
        return tail.rfind(_JPEG_END) <= tail.rfind(_JPEG_SCAN)
    return "truncated" in str(error).lower()


def _tiff(layout: TiffLayout) -> _Upright:
    with _quiet():  # Pillow warns about odd tags while it reads them
        image = tiff_as_rgb(layout)
    return _Upright(image, size_of(image))


def _usual(opener: type[ImageFile], stream: BinaryIO, *, warns: bool = False) -> _Upright:
    stream.seek(0)
    with _quiet() if warns else contextlib.nullcontext():
        image = opener(stream)
        room = _loaded(image)
    return _as_rgb(image, room, image.size)


def _jpeg(stream: BinaryIO, *, halved: bool) -> _Upright:
    stream.seek(0)
    image: Jpeg = Jpeg(stream)
    if halved:
        image.halve()
    room = _loaded(image)
    if image.getpixel((image.width - 1, image.height - 1)) in _JPEG_GREYS:
        image, room = _complete_jpeg(stream, image, room, halved=halved)
    return _as_rgb(image, room, image.full_size)


def _complete_jpeg(
    stream: BinaryIO, image: Jpeg, room: Pixels | None, *, halved: bool
) -> tuple[Jpeg, Pixels | None]:
    """Refuse a JPEG whose missing end was closed with an end marker: libjpeg fills what lacks with mid-grey.

    Bytes added before the end marker change the picture exactly if the decoder still had blocks to fill. It is
    decoded again in the place of the first time.
    """
    digest = _digest(image)
    end = end_of_picture(stream)
    if end is None:
        return image, room
    stream.seek(0)
    longer = LengthenedJpeg(stream)
    longer.end = end
    if halved:
        longer.halve()
    room = _loaded(longer, room)
    if _digest(longer) != digest:
        raise cut_off()
    return longer, room


def _digest(image: Image.Image) -> bytes:
    digest = hashlib.sha256()
    step = max(1, BAND // image.width)
    for top in range(0, image.height, step):
        digest.update(image.crop((0, top, image.width, min(top + step, image.height))).tobytes())
    return digest.digest()


def _loaded(image: ImageFile, room: Pixels | None = None) -> Pixels | None:
    """Decode an opened file; return the memory that it lies in if it is a large one of four bytes per pixel."""
    pixels = image.width * image.height
    if pixels > WHOLE and image.mode not in _STORED:
        # What Pillow takes itself it gives back as a whole: here RGB can be packed in the same place.
        room = np.empty(4 * pixels, np.uint8) if room is None else room
        image.im = _imaging.map_buffer(room, image.size, "raw", 0, (image.mode, 0, 1))
    image.load()
    return room


def _as_rgb(image: ImageFile, room: Pixels | None, size: tuple[int, int]) -> _Upright:
    """Bring a loaded image of a file, whose picture has that width and height, to sRGB."""
    orientation = orientation_of(image)
    size = upright_size(size, orientation)
    if image.width * image.height <= WHOLE:
        return _Upright(upright(srgb(image), orientation), size)
    pixels = in_bands(image, room, max(1, BAND // image.width))
    return _Upright(upright_view(pixels, orientation), size)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

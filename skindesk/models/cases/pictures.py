"""Pictures of cases: copies without any metadata, small ones for lists, and the day an image was taken.

A copy holds the pixels that the decoder gives, upright and in sRGB, as PNG: the network sees the same as in the
original, and nothing else of the original file is carried over.
"""

from __future__ import annotations

import io
import re
from datetime import date
from typing import TYPE_CHECKING

from trainer.errors import ImageError
from trainer.files import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.images.framing import ImageView
    from trainer.images.pixels import Pixels

SIDE = 256
"""Longest side of a thumbnail, pixels."""

_JPEG_QUALITY = 85
_EXIF_PART, _TAKEN, _CHANGED = 0x8769, 0x9003, 0x0132  # numbers of the EXIF standard
_DAY = re.compile(r"(\d{4})[:\-](\d\d)[:\-](\d\d)")


def png_of(pixels: Pixels) -> bytes:
    """Return an image's pixels, and nothing else, as PNG."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def write_copy(pixels: Pixels, file: Path) -> None:
    """Write an image's pixels, and nothing else, as PNG.

    Raises:
        StorageError: the file cannot be written.
    """
    write_bytes(file, png_of(pixels), private=True)


def thumbnail_of(pixels: Pixels, view: ImageView) -> bytes:
    """Return a small JPEG of what was analysed of an image; empty where it is too large to be turned."""
    from PIL import Image

    from trainer.images.framing import framed

    try:
        image = Image.fromarray(framed(pixels, view))
    except ImageError:
        return b""
    image.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_JPEG_QUALITY)
    return stream.getvalue()


def day_taken(file: Path) -> str:
    """Return the day that a camera wrote into a JPEG, ISO; empty where there is none."""
    from PIL.JpegImagePlugin import JpegImageFile

    try:
        with file.open("rb") as stream:
            exif = JpegImageFile(stream).getexif()
            stated = exif.get_ifd(_EXIF_PART).get(_TAKEN) or exif.get(_CHANGED) or ""
    except Exception:  # noqa: BLE001 - damaged metadata may raise anything, and the image may be fine
        return ""
    found = _DAY.match(str(stated))
    try:
        return date(*map(int, found.groups())).isoformat() if found else ""
    except ValueError:
        return ""

"""TIFF files: decoded part by part, by Pillow where it knows their samples and else by tifffile."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from trainer.images.memory import BAND, BAND_BYTES, WHOLE, check_memory, pixel_bytes
from trainer.images.pixels import eight_bits, in_bands, needs_span, span_of, srgb, upright, upright_view
from trainer.images.refusals import ACCEPTED, Refused, cut_off, damaged
from trainer.images.tiff_layout import (
    COMPRESSION,
    ORIENTATION,
    PHOTOMETRIC,
    PROFILE,
    SAMPLE_FORMAT,
    TiffLayout,
)

if TYPE_CHECKING:
    from trainer.images.pixels import Pixels, Span
    from trainer.images.tiff_layout import Part

Samples: TypeAlias = npt.NDArray[Any]

_UNCOMPRESSED, _OLD_JPEG = 1, 6
_DEFLATE = frozenset({8, 32946})
_WHITE_IS_ZERO = 0
_UNSIGNED = 1
_BYTE = 8  # bits
_CHUNK = 1 << 20
_PART_COPIES = 5
"""Copies of a part's samples: compressed, in the file made of it, in the library's buffers, decoded, as numbers."""
_PART_PIXEL = 16
"""Bytes of a part's pixel while it becomes RGB."""


def check_tiff(layout: TiffLayout) -> int:
    """Return the memory that decoding takes, bytes."""
    pixels = layout.width * layout.length
    if layout.number(COMPRESSION, 1) == _OLD_JPEG and pixels > WHOLE:
        raise _unknown()
    rows = max(layout.segment_length, min(layout.rows_at_once, layout.length))
    decoded = max(layout.width * rows * layout.samples * layout.bits // _BYTE, layout.segment_bytes)
    if pixels <= WHOLE:
        return check_memory(pixel_bytes(pixels, 4) + _PART_COPIES * decoded)
    if layout.bits > _BYTE:
        needed = 3 * pixels + layout.width * rows * _PART_PIXEL + _PART_COPIES * decoded
    else:  # the part as compressed, in the file made of it, in libtiff's buffer, as Pillow's image
        needed = 3 * pixels + 2 * layout.part_bytes + decoded + 4 * layout.width * rows + BAND_BYTES
    return check_memory(needed, "save it in smaller strips or tiles")


def tiff_as_rgb(layout: TiffLayout) -> Image.Image | Pixels:
    """Decode the first image as upright sRGB: a Pillow image if it is small, else an array."""
    orientation = layout.number(ORIENTATION, 1)
    reading = _Reading(layout)
    if layout.width * layout.length <= WHOLE:
        return upright(reading.whole(), orientation)
    return upright_view(reading.in_bands(), orientation)


class _Reading:
    """Decodes the parts of one image."""

    def __init__(self, layout: TiffLayout) -> None:
        self._layout = layout
        self._compression = layout.number(COMPRESSION, 1)
        self._white_is_zero = layout.number(PHOTOMETRIC, 1) == _WHITE_IS_ZERO
        self._unsigned = max(layout.numbers(SAMPLE_FORMAT).tolist(), default=_UNSIGNED) == _UNSIGNED

    def whole(self) -> Image.Image:
        """Return the image as sRGB, as stored."""
        return srgb(self._with_profile(self._decoded(next(self._layout.parts())), None))

    def in_bands(self) -> Pixels:
        """Return the same as an array."""
        layout, span = self._layout, self._span()
        pixels = np.empty((layout.length, layout.width, 3), np.uint8)
        for part in layout.parts():
            image = self._with_profile(self._decoded(part), span)
            in_bands(image, pixels[part.top : part.top + part.rows].reshape(-1), max(1, BAND // layout.width))
        return pixels

    def _span(self) -> Span | None:
        """Return the lowest and highest sample of the whole image, if its samples do not say what white is."""
        span: Span | None = None
        if self._unsigned and self._layout.bits <= 2 * _BYTE:
            return None
        for part in self._layout.parts():
            decoded = self._decoded(part)
            if isinstance(decoded, Image.Image) or not needs_span(decoded):
                return None
            span = span_of(decoded, span)
        return span

    def _with_profile(self, decoded: Image.Image | Samples, span: Span | None) -> Image.Image:
        if not isinstance(decoded, Image.Image):
            levels = eight_bits(decoded, self._layout.bits, span=span, white_is_zero=self._white_is_zero)
            decoded = Image.fromarray(levels)
        profile = self._layout.tags.get(PROFILE)
        if profile is not None:
            decoded.info["icc_profile"] = profile.data
        return decoded

    def _decoded(self, part: Part) -> Image.Image | Samples:
        """Return a part as an image of 8-bit samples, or its samples where they are wider."""
        try:
            return self._decoded_by_pillow(part)
        except Refused:
            raise
        except Exception as error:  # a decoder fed with damaged bytes may raise anything
            raise (damaged() if part.complete else cut_off()) from error

    def _decoded_by_pillow(self, part: Part) -> Image.Image | Samples:
        layout = self._layout
        if layout.bits > _BYTE and layout.separate and self._compression == _UNCOMPRESSED:
            return self._decoded_by_tifffile(part)  # Pillow takes these for planes of 8 bits
        try:
            image = TiffImageFile(io.BytesIO(part.file))
        except SyntaxError:  # sample formats that Pillow does not know
            return self._decoded_by_tifffile(part)
        image.load()
        if image.mode not in {"I;16", "I;16B", "I;16L", "I", "F"}:
            return image
        samples = np.asarray(image)
        # Pillow has signed 32-bit samples only.
        return samples.view(np.uint32) if image.mode == "I" and self._unsigned else samples

    def _decoded_by_tifffile(self, part: Part) -> Samples:
        """Read floating-point RGB, 64-bit and other samples that Pillow refuses or reads wrongly."""
        import tifffile

        if self._compression in _DEFLATE:
            for segment in part.segments:
                _check_inflated(segment, self._layout.segment_bytes)
        elif self._compression != _UNCOMPRESSED:
            raise _unknown()
        with tifffile.TiffFile(io.BytesIO(part.file)) as file:
            page = file.pages.first
            if page.photometric not in (0, 1, 2) or page.axes not in ("YX", "YXS", "SYX"):
                raise _unknown()
            samples: Samples = page.asarray()
            return np.moveaxis(samples, 0, -1) if page.axes == "SYX" else samples


def _unknown() -> Refused:
    return Refused(f"this kind of TIFF is not supported; save it as 8-bit {ACCEPTED}")


def _check_inflated(segment: bytes, most: int) -> None:
    """Refuse a strip or tile that decompresses to more than it should: tifffile would hold all of it."""
    inflated, rest, kept = zlib.decompressobj(), segment, 0
    while rest and not inflated.eof:
        kept += len(inflated.decompress(rest, _CHUNK))
        if kept > most:
            raise damaged()
        rest = inflated.unconsumed_tail

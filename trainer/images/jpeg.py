"""JPEG files: what their header promises, and whether the picture is complete (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, BinaryIO

import msgspec
from PIL.JpegImagePlugin import JpegImageFile

from trainer.images.memory import BAND_BYTES, check_memory, fits, pixel_bytes
from trainer.images.refusals import Refused, check_size, cut_off, damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_LEAST_BITS = {0xC0: 2, 0xC1: 2, 0xC2: 1}
"""Bits that the shortest Huffman code of a block takes: one symbol for its mean, one for the rest."""
_BLOCK_BYTES = 128
"""Memory that the 64 coefficients of a block take."""
_SCAN, _END = 0xDA, 0xD9
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")

_MOST_PADDING = 1 << 16
_MOST_HEADER = 64 << 20
_MOST_SEGMENTS = 10_000
_MOST_SCANS = 100
_MOST_SCANNED = 1 << 32  # pixels, counted once for every scan
_CHUNK = 1 << 20


class Jpeg(JpegImageFile):
    """A JPEG file (of a multi-picture file the first picture), opened without a look at its resolution.

    Pillow reads the resolution through the whole EXIF block and warns when that is damaged.

    Attributes:
        full_size: width and height of the picture in the file, pixels.
    """

    full_size = (0, 0)

    def _open(self) -> None:
        super()._open()
        self.full_size = self.size

    def halve(self) -> None:
        """Have it decoded at half its width and height: of each block the 4 x 4 lowest frequencies."""
        self.draft(None, (max(1, self.width // 2), max(1, self.height // 2)))

    def _read_dpi_from_exif(self) -> None:
        pass


class LengthenedJpeg(Jpeg):
    """The same with bytes added before the end marker, which change the picture if it is not complete."""

    end = 0
    """Where the end marker is, set before it is loaded."""
    _rest = b"\x5a" * 512 + b"\xff\xd9"

    def load_read(self, read_bytes: int) -> bytes:
        """Return the next bytes of the file."""
        assert self.fp is not None
        left = self.end - self.fp.tell()
        if left > 0:
            return bytes(self.fp.read(min(left, read_bytes)))
        rest, self._rest = self._rest, b""
        return rest


class JpegHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What precedes the first scan.

    Attributes:
        marker: of the frame, which tells the coding process.
        width, height: pixels.
        sampling: horizontal and vertical factor of each component.
        first_scan: where it begins, bytes.
        together: whether the first scan has all components.
    """

    marker: int
    width: int
    height: int
    sampling: tuple[tuple[int, int], ...]
    first_scan: int
    together: bool

    @property
    def keeps_coefficients(self) -> bool:
        """Whether the decoder keeps the coefficients of the whole image, since several scans complete them."""
        return self.marker in _PROGRESSIVE or not self.together

    @property
    def blocks(self) -> int:
        """Number of 8 x 8 blocks, all components together."""
        most_wide = max(wide for wide, _ in self.sampling)
        most_high = max(high for _, high in self.sampling)
        columns = -(-self.width // (8 * most_wide))
        rows = -(-self.height // (8 * most_high))
        return columns * rows * sum(wide * high for wide, high in self.sampling)


def check_jpeg(stream: BinaryIO, size: int) -> tuple[int, bool]:
    """Refuse what the header shows to be too large or incomplete.

    Returns:
        the memory it needs, bytes, and whether it must be halved for that.
    """
    header = _read_header(stream)
    check_size(header.width, header.height)
    pixels = header.width * header.height
    if (size - header.first_scan) * 8 < header.blocks * _LEAST_BITS.get(header.marker, 0):
        raise cut_off()
    stored = 1 if len(header.sampling) == 1 else 4
    if not header.keeps_coefficients:
        return check_memory(pixel_bytes(pixels, stored)), False
    scans = sum(marker == _SCAN for marker, _ in _markers(stream, header.first_scan))
    if scans > _MOST_SCANS or scans * pixels > _MOST_SCANNED:
        raise Refused("it has too many scans; save it as a baseline JPEG", "oversize")
    needed = _with_coefficients(header, pixels, stored)
    if fits(needed):
        return needed, False
    halved = -(-header.width // 2) * -(-header.height // 2)
    remedy = "save it as a baseline JPEG or as PNG, or make the image smaller"
    return check_memory(_with_coefficients(header, halved, stored), remedy), True


def _with_coefficients(header: JpegHeader, pixels: int, stored: int) -> int:
    """Return the memory that decoding takes which keeps all coefficients; they go before colours are converted."""
    decoding = header.blocks * _BLOCK_BYTES + pixels * stored + BAND_BYTES
    return max(decoding, pixel_bytes(pixels, stored))


def end_of_picture(stream: BinaryIO) -> int | None:
    """Return where the end marker of the first picture is, bytes; `None` if there is none."""
    markers = _markers(stream, _read_header(stream).first_scan)
    return next((position for marker, position in markers if marker == _END), None)


def _read_header(stream: BinaryIO) -> JpegHeader:
    frame: tuple[int, int, int, tuple[tuple[int, int], ...]] | None = None
    position, padding = 2, _MOST_PADDING
    for _ in range(_MOST_SEGMENTS):
        stream.seek(position)
        around = stream.read(padding + 2)
        start = _next_marker(around)
        if start is None or position > _MOST_HEADER:
            raise cut_off() if len(around) < padding + 2 else damaged()
        padding -= start
        marker = around[start + 1]
        position += start + 2
        if marker == _END:
            raise damaged()
        if marker in _ALONE:
            continue
        segment = around[start + 2 :] if len(around) - start > 2 + 1024 else _read_at(stream, position, 1024)
        if len(segment) < 3:  # noqa: PLR2004 - a length and what it counts
            raise cut_off()
        (length,) = struct.unpack_from(">H", segment)
        if marker in _FRAMES:
            frame = _frame(marker, segment)
        if marker == _SCAN:
            if frame is None:
                raise damaged()
            return JpegHeader(
                marker=frame[0],
                width=frame[1],
                height=frame[2],
                sampling=frame[3],
                first_scan=position,
                together=segment[2] >= len(frame[3]),
            )
        position += max(length, 2)
    raise damaged()


def _next_marker(around: bytes) -> int | None:
    """Return where the next marker is: bytes of padding may precede it."""
    found = re.search(rb"\xff[^\x00\xff]", around)
    return None if found is None else found.start()


def _read_at(stream: BinaryIO, position: int, length: int) -> bytes:
    stream.seek(position)
    return stream.read(length)


def _frame(marker: int, segment: bytes) -> tuple[int, int, int, tuple[tuple[int, int], ...]]:
    try:
        height, width, components = struct.unpack_from(">HHB", segment, 3)
        factors = [segment[9 + 3 * index] for index in range(components)]
    except (struct.error, IndexError) as error:
        raise cut_off() from error
    sampling = tuple((factor >> 4, factor & 15) for factor in factors)
    if not sampling or any(not 1 <= side <= 4 for pair in sampling for side in pair):  # noqa: PLR2004 - T.81
        raise damaged()
    return marker, width, height, sampling


def _markers(stream: BinaryIO, start: int) -> Iterator[tuple[int, int]]:
    """Yield the markers from the first scan to the end of the picture, and where they are."""
    yield _SCAN, start - 2
    position = start
    while chunk := _read_at(stream, position, _CHUNK):
        at = 0
        while found := _MARKER.search(chunk, at):
            marker, at = chunk[found.start() + 1], found.end()
            yield marker, position + found.start()
            if marker == _END:
                return
        position += max(at, len(chunk) - 1)  # a marker may lie across two chunks
        if len(chunk) < _CHUNK:
            return

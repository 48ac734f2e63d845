"""How a TIFF file is laid out (TIFF 6.0; BigTIFF), and parts of it as small TIFF files of their own.

A part of a few strips or rows of tiles is copied, as it is compressed, behind a directory of what is needed to
decode it. So a large image is decoded in bands by any library, and none reads a directory that claims gigabytes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt

from trainer.images.memory import BAND, WHOLE
from trainer.images.refusals import Refused, check_size, cut_off, damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
ORIENTATION, SAMPLES, ROWS_PER_STRIP, PLANES, SAMPLE_FORMAT = 274, 277, 278, 284, 339
TILE_WIDTH, TILE_LENGTH, PROFILE = 322, 323, 34675
_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES = 273, 279, 324, 325
_COPIED = frozenset(
    # How samples are coded: bits, compression, colours, palette, predictor, fax options, JPEG tables, YCbCr.
    {258, 259, 262, 266, 277, 284, 292, 293, 317, 320, 322, 332, 334, 338, 339, 347, 529, 530, 531, 532}
)
_PLACES = frozenset({_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES})
_READ = _COPIED | _PLACES | {WIDTH, LENGTH, ORIENTATION, ROWS_PER_STRIP, TILE_LENGTH, PROFILE}

_UNIT = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_INTEGERS = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8"}
_SHORT, _LONG, _LONG8 = 3, 4, 16
_MOST_TAGS = 4096
_MOST_TAG_BYTES = 32 << 20
_MOST_SEGMENTS = 1 << 20
_MOST_SAMPLES = 64
_UNCOMPRESSED = 1
_YCBCR = 6
_SEPARATE = 2

Integers = npt.NDArray[np.int64]


class Tag(msgspec.Struct, frozen=True):
    """One entry of a directory: type and count as TIFF defines them, and its bytes in the file's order."""

    kind: int
    count: int
    data: bytes


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of an image.

    Attributes:
        top: first row.
        rows: how many.
        file: a TIFF file of them.
        segments: its strips or tiles, compressed.
        complete: whether all their bytes were in the file; the last strip may promise more than it needs.
    """

    top: int
    rows: int
    file: bytes
    segments: tuple[bytes, ...]
    complete: bool


class TiffLayout:
    """The first image of a TIFF file.

    Attributes:
        width, length: in pixels, as stored.
        tags: what is known of it.
    """

    def __init__(self, stream: BinaryIO, size: int) -> None:
        """Read the directory.

        Raises:
            Refused: it contradicts itself, is cut off, or promises too much.
        """
        self._stream, self._size = stream, size
        self._order, self.tags = _read_directory(stream, size)
        self.width, self.length = self.number(WIDTH, 0), self.number(LENGTH, 0)
        check_size(self.width, self.length)
        self.samples = self.number(SAMPLES, 3 if self.number(COMPRESSION, 1) in {6, 7} else 1)
        if not 1 <= self.samples <= _MOST_SAMPLES:
            raise damaged()
        self.separate = self.number(PLANES, 1) == _SEPARATE
        self.bits = max(self.numbers(BITS).tolist(), default=1)
        self.tiled = _STRIP_OFFSETS not in self.tags
        self._segment_width = self.number(TILE_WIDTH, 0) if self.tiled else self.width
        self.segment_length = self.number(TILE_LENGTH if self.tiled else ROWS_PER_STRIP, self.length)
        if not self.tiled:
            self.segment_length = min(self.segment_length, self.length)
        if min(self._segment_width, self.segment_length, self.bits) < 1:
            raise damaged()
        self._across = -(-self.width // self._segment_width)
        self._planes = self.samples if self.separate else 1
        self._uncompressed = self.number(COMPRESSION, 1) == _UNCOMPRESSED
        self._offsets, self._byte_counts = self._places()
        if self._uncompressed and not self.tiled and self.number(PHOTOMETRIC, 1) != _YCBCR:
            self._cut_into_rows()
        self._down = -(-self.length // self.segment_length)

    def number(self, tag: int, otherwise: int) -> int:
        """Return the first value of a tag, an integer."""
        values = self.numbers(tag)
        return int(values[0]) if len(values) else otherwise

    def numbers(self, tag: int) -> Integers:
        """Return the values of a tag, integers; none if it is missing."""
        entry = self.tags.get(tag)
        if entry is None or entry.kind not in _INTEGERS:
            return np.zeros(0, np.int64)
        return np.frombuffer(entry.data, self._order + _INTEGERS[entry.kind]).astype(np.int64)

    @property
    def rows_at_once(self) -> int:
        """How many rows a part has: all of a small image, else strips or rows of tiles of about a band."""
        if self.width * self.length <= WHOLE:
            return self._down * self.segment_length
        return max(1, BAND // (self.width * self.segment_length)) * self.segment_length

    @property
    def segment_bytes(self) -> int:
        """Bytes of one strip or tile as it is decoded."""
        samples = 1 if self.separate else self.samples
        return -(-self._segment_width * samples * self.bits // 8) * self.segment_length

    @property
    def part_bytes(self) -> int:
        """Most bytes of a part as it is compressed."""
        segments = (
            -(-min(self.rows_at_once, self.length) // self.segment_length) * self._across * self._planes
        )
        return min(
            int(self._byte_counts.max()) * segments, int(self._byte_counts.sum()), self._size * self._planes
        )

    def parts(self) -> Iterator[Part]:
        """Yield the image from top to bottom."""
        step = self.rows_at_once
        for top in range(0, self.length, step):
            rows = min(step, self.length - top)
            first, last = top // self.segment_length, -(-(top + rows) // self.segment_length)
            segments, complete = self._segments(first, last)
            file = self._file(rows, segments)
            yield Part(top=top, rows=rows, file=file, segments=tuple(segments), complete=complete)

    def _places(self) -> tuple[Integers, Integers]:
        """Return where each strip or tile begins, and its bytes, which old programs left out."""
        needed = self._across * -(-self.length // self.segment_length) * self._planes
        if needed > _MOST_SEGMENTS:
            raise Refused("it has too many strips or tiles; save it again as TIFF or PNG", "oversize")
        offsets = self.numbers(_TILE_OFFSETS if self.tiled else _STRIP_OFFSETS)[:needed]
        if len(offsets) < needed or (offsets < 0).any():
            raise damaged()
        if self._uncompressed:
            return offsets, np.full(needed, self.segment_bytes)
        counts = self.numbers(_TILE_BYTES if self.tiled else _STRIP_BYTES)[:needed]
        if len(counts) < needed or (counts <= 0).any():
            ends = np.append(np.sort(offsets), self._size)
            counts = ends[np.searchsorted(ends, offsets, side="right")] - offsets
        # No compression in use makes samples twice as long; what is beyond is padding.
        return offsets, np.minimum(counts, 2 * self.segment_bytes + (1 << 12))

    def _cut_into_rows(self) -> None:
        """Make each row of a large image a strip: many programs write uncompressed ones as a single strip."""
        if self.width * self.length <= WHOLE:
            return
        row_bytes = self.segment_bytes // self.segment_length
        rows = np.arange(self.length)
        strips = self._offsets.reshape(self._planes, -1)[:, rows // self.segment_length]
        self._offsets = (strips + rows % self.segment_length * row_bytes).reshape(-1)
        self._byte_counts = np.full(len(self._offsets), row_bytes)
        self.segment_length = 1

    def _segments(self, first: int, last: int) -> tuple[list[bytes], bool]:
        segments, complete = [], True
        for plane in range(self._planes):
            start = plane * self._down * self._across
            for index in range(start + first * self._across, start + last * self._across):
                offset, count = int(self._offsets[index]), int(self._byte_counts[index])
                if offset >= self._size:
                    raise cut_off()
                self._stream.seek(offset)
                segments.append(self._stream.read(count))
                complete = complete and len(segments[-1]) == count
        return segments, complete

    def _file(self, rows: int, segments: list[bytes]) -> bytes:
        tags = {number: tag for number, tag in self.tags.items() if number in _COPIED}
        counts = [len(segment) for segment in segments]
        tags[WIDTH], tags[LENGTH] = self._longs([self.width]), self._longs([rows])
        if self.tiled:
            tags[TILE_LENGTH] = self._longs([self.segment_length])
        else:
            tags.pop(TILE_WIDTH, None)
            tags[ROWS_PER_STRIP] = self._longs([self.segment_length])
        offsets, byte_counts = (_TILE_OFFSETS, _TILE_BYTES) if self.tiled else (_STRIP_OFFSETS, _STRIP_BYTES)
        tags[byte_counts] = tags[offsets] = self._longs(counts)
        start = 8 + 2 + 12 * len(tags) + 4
        beyond = sum(len(tag.data) + len(tag.data) % 2 for tag in tags.values() if len(tag.data) > 4)  # noqa: PLR2004
        tags[offsets] = self._longs((start + beyond + np.cumsum([0, *counts[:-1]])).tolist())
        entries, values = b"", b""
        for number, tag in sorted(tags.items()):
            place = tag.data.ljust(4, b"\0")
            if len(tag.data) > 4:  # noqa: PLR2004 - bytes that fit into an entry
                place = struct.pack(self._order + "I", start + len(values))
                values += tag.data + bytes(len(tag.data) % 2)
            entries += struct.pack(self._order + "HHI", number, tag.kind, tag.count) + place
        mark = b"II" if self._order == "<" else b"MM"
        head = mark + struct.pack(self._order + "HIH", 42, 8, len(tags))
        return b"".join([head, entries, bytes(4), values, *segments])

    def _longs(self, values: list[int]) -> Tag:
        return Tag(_LONG, len(values), np.asarray(values, self._order + "u4").tobytes())


def _read_directory(stream: BinaryIO, size: int) -> tuple[str, dict[int, Tag]]:
    stream.seek(0)
    head = stream.read(16)
    order = "<" if head.startswith(b"II") else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    entry, place = (order + "HHQ8s", "Q") if big else (order + "HHI4s", "I")
    step = struct.calcsize(entry)
    try:
        (start,) = struct.unpack_from(order + place, head, 8 if big else 4)
        directory = _read_at(stream, start, 8 if big else 2, size)
        (entries,) = struct.unpack(order + ("Q" if big else "H"), directory)
        if entries > _MOST_TAGS:
            raise damaged()
        directory = _read_at(stream, start + len(directory), entries * step, size)
    except struct.error as error:
        raise cut_off() from error
    tags: dict[int, Tag] = {}
    left = _MOST_TAG_BYTES
    for number, kind, count, data in struct.iter_unpack(entry, directory):
        length = count * _UNIT.get(kind, 0)
        if number not in _READ or number in tags or length == 0:
            continue
        left -= length
        if left < 0:
            raise Refused("its directory takes too much memory; save it again as TIFF or PNG", "oversize")
        if length > len(data):
            (start,) = struct.unpack(order + place, data)
            data = _read_at(stream, start, length, size)  # noqa: PLW2901 - the entry holds where it is
        tag = Tag(kind, count, data[:length])
        if kind == _LONG8:  # BigTIFF's alone
            values = np.frombuffer(tag.data, order + "u8")
            tag = tag if number in _PLACES else Tag(_LONG, count, values.astype(order + "u4").tobytes())
        tags[number] = tag
    if not tags:
        raise damaged()
    return order, tags


def _read_at(stream: BinaryIO, start: int, length: int, size: int) -> bytes:
    if start + length > size:
        raise cut_off()
    stream.seek(start)
    return stream.read(length)

"""What the headers of PNG, BMP and WebP files promise, checked before memory is taken for it."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from trainer.images.memory import BAND_BYTES, check_memory, pixel_bytes
from trainer.images.refusals import Refused, check_size, cut_off, damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

_PNG_GREY, _PNG_PALETTE = 0, 3
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEFLATE_RATIO = 1032  # the most that deflate shortens anything (RFC 1951: 258 bytes in two bits)
_BLOCK = 1 << 20
_MOST_METADATA = 64 << 20

_BMP_RUN_LENGTHS = (1, 2)
_MOST_RUN_LENGTH_PIXELS = 1 << 24  # Pillow reads run lengths in Python
_MOST_RUN_LENGTH_SIDE = 1 << 15

_WEBP_BYTES = 12  # per pixel: libwebp's two canvases, then its lossless decoder or a copy of one canvas
_MOST_WEBP = 128 << 20


class _Chunk(NamedTuple):
    """A part of a PNG file: where it begins and ends, bytes, with its length, kind and checksum."""

    kind: bytes
    start: int
    end: int


def check_png(stream: BinaryIO, size: int) -> tuple[int, bool]:
    """Walk the chunks: Pillow accepts a file that lacks its end, and checks no checksum of pixels.

    Returns:
        the memory it needs, bytes, and whether it is animated: Pillow warns about irregular animations.
    """
    needed, smallest, pixels, metadata, animated = 0, 0, 0, 0, False
    for chunk in _png_chunks(stream, size):
        if chunk.kind == b"IHDR":
            needed, smallest = _check_png_header(stream.read(13))
        if chunk.end > size:
            raise cut_off()
        if chunk.kind[:1].isupper():  # a chunk that pixels depend on
            _check_sum(stream, chunk)
        if chunk.kind == b"IDAT":
            pixels += chunk.end - chunk.start - 12
        else:
            metadata += chunk.end - chunk.start
        animated = animated or chunk.kind == b"acTL"
    if pixels < smallest:
        raise cut_off()
    if metadata > _MOST_METADATA:
        raise Refused("its metadata takes too much memory; save the image again", "oversize")
    return needed, animated


def _png_chunks(stream: BinaryIO, size: int) -> Iterator[_Chunk]:
    """Yield the chunks up to the last; the stream then stands at a chunk's data."""
    position = 8
    # Encoders write chunks of 8 KiB and more.
    for _ in range(1000 + size // 2048):
        stream.seek(position)
        head = stream.read(8)
        if len(head) < 8:  # noqa: PLR2004 - a length and a kind
            raise cut_off()
        chunk = _Chunk(head[4:], position, position + 12 + int.from_bytes(head[:4], "big"))
        is_first = position == 8  # noqa: PLR2004 - after the signature
        if not chunk.kind.isalpha() or is_first != (chunk.kind == b"IHDR"):
            raise damaged()
        yield chunk
        if chunk.kind == b"IEND":
            return
        position = chunk.end
    raise damaged()


def _check_png_header(header: bytes) -> tuple[int, int]:
    """Return the memory needed and the least bytes of compressed pixels."""
    try:
        width, height, bits, colour, _, _, _ = struct.unpack(">IIBBBBB", header)
    except struct.error as error:
        raise cut_off() from error
    check_size(width, height)
    if colour not in _PNG_CHANNELS:
        raise damaged()
    stored = (2 if bits > 8 else 1) if colour in {_PNG_GREY, _PNG_PALETTE} else 4  # noqa: PLR2004 - bits of a byte
    needed = check_memory(pixel_bytes(width * height, stored))
    return needed, width * height * bits * _PNG_CHANNELS[colour] // 8 // _DEFLATE_RATIO


def _check_sum(stream: BinaryIO, chunk: _Chunk) -> None:
    stream.seek(chunk.start + 4)
    left, found = chunk.end - chunk.start - 8, 0
    while left > 0 and (part := stream.read(min(left, _BLOCK))):
        found = zlib.crc32(part, found)
        left -= len(part)
    if found != int.from_bytes(stream.read(4), "big"):
        raise damaged()


def check_bmp(stream: BinaryIO) -> int:
    """Refuse a BMP that is too large; return the memory it needs, bytes."""
    stream.seek(14)
    header = stream.read(40)
    try:
        if header[0] == 12:  # noqa: PLR2004 - OS/2
            width, height, _, bits = struct.unpack_from("<HHHH", header, 4)
            compression = 0
        else:
            width, height, _, bits, compression = struct.unpack_from("<iiHHI", header, 4)
    except (struct.error, IndexError) as error:
        raise cut_off() from error
    width, height = abs(width), abs(height)
    check_size(width, height)
    if compression in _BMP_RUN_LENGTHS and (
        width * height > _MOST_RUN_LENGTH_PIXELS or max(width, height) > _MOST_RUN_LENGTH_SIDE
    ):
        raise Refused("it is a large run-length encoded BMP; save it as PNG", "oversize")
    return check_memory(pixel_bytes(width * height, 1 if bits <= 8 else 4))  # noqa: PLR2004 - palette


def check_webp(stream: BinaryIO, size: int) -> tuple[int, int]:
    """Refuse a WebP canvas that is too large: Pillow's decoder reserves its memory when it is created.

    Returns:
        the memory it needs and the bytes that belong to it: padding may follow them.
    """
    stream.seek(0)
    head = stream.read(30).ljust(30, b"\0")
    length = 8 + int.from_bytes(head[4:8], "little")
    kind = head[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(head[24:27], "little") + 1
        height = int.from_bytes(head[27:30], "little") + 1
    elif kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width = int.from_bytes(head[26:28], "little") & 0x3FFF
        height = int.from_bytes(head[28:30], "little") & 0x3FFF
    if length > size:
        raise cut_off()
    check_size(width, height)
    if length > _MOST_WEBP:
        raise Refused(f"it holds {length / 1e6:.0f} MB; save it as PNG or make the image smaller", "oversize")
    needed = max(pixel_bytes(width * height, 4), width * height * _WEBP_BYTES + BAND_BYTES) + 3 * length
    return check_memory(needed, "save it as JPEG or PNG or make the image smaller"), length

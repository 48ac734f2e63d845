"""Turns the bytes of a table into text, whatever program wrote it."""

from __future__ import annotations

import codecs
import itertools
import unicodedata

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_OLDER = {
    "cp1252": "Windows-1252 (Western European)",
    "cp1250": "Windows-1250 (Central European)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "cp1253": "Windows-1253 (Greek)",
    "cp1254": "Windows-1254 (Turkish)",
    "gb18030": "GB18030 (Chinese)",
    "big5": "Big5 (Chinese)",
    "cp932": "Shift-JIS (Japanese)",
    "euc_kr": "EUC-KR (Korean)",
}
"""Encodings that spreadsheets still write, the likeliest first."""

_SAMPLE = 1 << 16  # bytes of cells that an encoding is told from
_NULL_SHARE = 0.3  # of the bytes of English text in UTF-16 half are 0
_AS_GOOD = 0.02  # difference in charset-normalizer's measure of disorder


def decode_table(content: bytes) -> tuple[str, str]:
    """Return the text of a table, and the name of its encoding if that had to be guessed.

    Raises:
        UnicodeDecodeError: it is no text.
    """
    for mark, codec, _title in _MARKS:
        if content.startswith(mark):
            return content.decode(codec), ""
    codec = _utf_16_without_mark(content)
    if codec:
        return content.decode(codec), "UTF-16"
    try:
        return content.decode("utf-8"), ""
    except UnicodeDecodeError:
        if 0 in content[:_SAMPLE]:
            raise
    # Guessed from the cells that are not ASCII alone: among ids and numbers they would not count.
    lines = (line for line in content[: 64 * _SAMPLE].splitlines() if not line.isascii())
    cells = {cell for line in lines for cell in line.replace(b";", b",").replace(b"\t", b",").split(b",")}
    sample = b"\n".join(sorted(cell for cell in cells if not cell.isascii()))[:_SAMPLE]
    codec = _likeliest(sample)
    try:
        return content.decode(codec), _OLDER[codec]
    except UnicodeDecodeError:
        # Windows-1252 has five bytes without a meaning; Latin-1 has none.
        return content.decode("latin-1"), "Latin-1"


def _utf_16_without_mark(content: bytes) -> str:
    start = content[:_SAMPLE]
    if not start:
        return ""
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) < _NULL_SHARE * len(start) or min(even, odd):
        return ""
    return "utf-16-be" if even else "utf-16-le"


def _likeliest(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    found = from_bytes(sample, cp_isolation=list(_OLDER), threshold=1.0)
    disorder = {match.encoding: match.chaos + _disorder(str(match)) for match in found}
    as_good = {codec for codec, n in disorder.items() if n <= min(disorder.values()) + _AS_GOOD}
    return next((codec for codec in _OLDER if codec in as_good), "cp1252")


def _disorder(text: str) -> float:
    """Return how many of the letters beyond ASCII make no word: charset-normalizer is lenient on a few short words."""
    beyond = [letter for letter in text if not letter.isascii()]
    signs = sum(not unicodedata.category(letter).startswith(("L", "M")) for letter in beyond)
    capitals = sum(first.islower() and second.isupper() for first, second in itertools.pairwise(text))
    halves = sum("\uff61" <= letter <= "\uff9f" for letter in beyond)  # Japanese of half width is rare
    return (signs + capitals + halves) / max(1, len(beyond))

"""The letters that a PDF says its glyphs are, corrected where Qt names a look-alike.

Text is searched for and copied by tables from glyphs to letters (ToUnicode; ISO 32000-1, 9.10.3). Where a font
draws several letters with one glyph, Qt's table names the one with the lowest number: a tab for a space, a
radical for many a Chinese character (U+2F29 for U+5C0F); and Arabic letters appear as presentation forms. Here
such a letter that does not occur in the text is replaced by the one that does.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from PySide6.QtGui import QRawFont

from skindesk.reports.layout.fonts import families_for, report_font

if TYPE_CHECKING:
    from collections.abc import Sequence

_PRESENTATION_FORMS = (range(0xFB50, 0xFE00), range(0xFE70, 0xFF00))
_TABLE, _TABLE_END = b"/CIDInit /ProcSet", b"endcmap"
_LETTERS = re.compile(rb"(?<=[\[ ])<([0-9A-F]{4})>(?= )")
_PLANE = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x10000))))
"""The letters Qt looks at, in its order: the basic plane without surrogates."""


def with_true_letters(pdf: bytes, texts: Sequence[str]) -> bytes:
    """Return a PDF whose tables of letters name those that are in its text; only these change, none moves.

    Args:
        pdf: as `QPdfWriter` writes it.
        texts: all that is written in it.
    """
    letters = set().union(*texts)
    corrections = {
        b"%04X" % ord(alias): b"<%04X>" % ord(letter)
        for alias, letter in (_presentation_forms() | _look_alikes(letters, texts)).items()
        if alias not in letters
    }
    content = bytearray(pdf)
    start = content.find(_TABLE)
    while start >= 0:
        end = content.find(_TABLE_END, start)
        content[start:end] = _LETTERS.sub(
            lambda found: corrections.get(found.group(1), found.group()), bytes(content[start:end])
        )
        start = content.find(_TABLE, end)
    return bytes(content)


def _look_alikes(letters: set[str], texts: Sequence[str]) -> dict[str, str]:
    """Return, by the letter that Qt would name, the letter of the text that has the same glyph."""
    found: dict[str, str] = {}
    font = report_font(10)
    basic = [letter for letter in sorted(letters) if ord(letter) < 0x10000]  # noqa: PLR2004 - see _PLANE
    for family in dict.fromkeys(family for text in texts for family in families_for(text)):
        font.setFamily(family)
        raw = QRawFont.fromFont(font)
        first: dict[int, str] = {}
        for letter, glyph in zip(_PLANE, raw.glyphIndexesForString(_PLANE), strict=True):
            first.setdefault(glyph, letter)
        for letter, glyph in zip(basic, raw.glyphIndexesForString("".join(basic)), strict=True):
            if glyph and first[glyph] != letter:
                found.setdefault(first[glyph], letter)
    return found


def _presentation_forms() -> dict[str, str]:
    return {
        chr(code): plain
        for forms in _PRESENTATION_FORMS
        for code in forms
        if len(plain := unicodedata.normalize("NFKC", chr(code))) == 1
    }

"""The fonts of a report: one family for most of it, further ones for scripts that it lacks.

Which scripts can be printed depends on the fonts of the machine. Letters that no font here has are written as
their Unicode numbers (see `legible`), and a report that holds some says so.
"""

from __future__ import annotations

import importlib.util
import logging
import unicodedata
from functools import cache
from pathlib import Path
from typing import NamedTuple

from PySide6.QtGui import QFont, QFontDatabase, QFontInfo, QFontMetrics, QTextLayout

from trainer.wording import with_numbers_for

_FAMILIES = ("Noto Sans", "Segoe UI", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans")
"""The first that is there is used: legible at 8 points, and with letters for most of Europe."""

_LIGATURES = ("liga", "clig", "dlig")
"""Off: a glyph that stands for several letters cannot be searched for or copied from every PDF viewer."""

_NO_LETTERS = "Last Resort"
"""A font with a box for every letter; matplotlib brings it along."""

_System = QFontDatabase.WritingSystem


class Script(NamedTuple):
    """A range of Unicode that needs a font of its own where the report's family lacks it."""

    first: int
    last: int
    system: QFontDatabase.WritingSystem


_SCRIPTS = (
    Script(0x0370, 0x03FF, _System.Greek),
    Script(0x0400, 0x052F, _System.Cyrillic),
    Script(0x0530, 0x058F, _System.Armenian),
    Script(0x0590, 0x05FF, _System.Hebrew),
    Script(0x0600, 0x06FF, _System.Arabic),
    Script(0x0700, 0x074F, _System.Syriac),
    Script(0x0750, 0x077F, _System.Arabic),
    Script(0x0780, 0x07BF, _System.Thaana),
    Script(0x07C0, 0x07FF, _System.Nko),
    Script(0x08A0, 0x08FF, _System.Arabic),
    Script(0x0900, 0x097F, _System.Devanagari),
    Script(0x0980, 0x09FF, _System.Bengali),
    Script(0x0A00, 0x0A7F, _System.Gurmukhi),
    Script(0x0A80, 0x0AFF, _System.Gujarati),
    Script(0x0B00, 0x0B7F, _System.Oriya),
    Script(0x0B80, 0x0BFF, _System.Tamil),
    Script(0x0C00, 0x0C7F, _System.Telugu),
    Script(0x0C80, 0x0CFF, _System.Kannada),
    Script(0x0D00, 0x0D7F, _System.Malayalam),
    Script(0x0D80, 0x0DFF, _System.Sinhala),
    Script(0x0E00, 0x0E7F, _System.Thai),
    Script(0x0E80, 0x0EFF, _System.Lao),
    Script(0x0F00, 0x0FFF, _System.Tibetan),
    Script(0x1000, 0x109F, _System.Myanmar),
    Script(0x10A0, 0x10FF, _System.Georgian),
    Script(0x1100, 0x11FF, _System.Korean),
    Script(0x1780, 0x17FF, _System.Khmer),
    Script(0x2E80, 0x303F, _System.SimplifiedChinese),
    Script(0x3040, 0x30FF, _System.Japanese),
    Script(0x3130, 0x318F, _System.Korean),
    Script(0x3400, 0x9FFF, _System.SimplifiedChinese),
    Script(0xAC00, 0xD7AF, _System.Korean),
    Script(0xF900, 0xFAFF, _System.SimplifiedChinese),
    Script(0xFB1D, 0xFB4F, _System.Hebrew),
    Script(0xFB50, 0xFDFF, _System.Arabic),
    Script(0xFE70, 0xFEFF, _System.Arabic),
    Script(0xFF00, 0xFFEF, _System.SimplifiedChinese),
    Script(0x20000, 0x323AF, _System.SimplifiedChinese),
)

_JOINING = frozenset("MCZPN")
"""Marks, joiners, spaces, punctuation and digits belong to the script of the letter before them: so Qt shapes them."""

_log = logging.getLogger(__name__)


class Run(NamedTuple):
    """A stretch of text, by UTF-16 units as Qt counts, that is set in another family."""

    start: int
    length: int
    family: str


def report_font(points: float, *, bold: bool = False) -> QFont:
    """Return the font of a report.

    Args:
        points: size.
        bold: the one emphasis there is.
    """
    font = QFont()
    font.setFamilies([base_family()])
    font.setPointSizeF(points)
    font.setBold(bold)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    for feature in _LIGATURES:
        font.setFeature(QFont.Tag(feature), 0)
    return font


@cache
def base_family() -> str:
    """Return the family most of a report is set in; on a machine without any font the program's own is loaded."""
    there = QFontDatabase.families()
    for family in (*(known for known in _FAMILIES if known in there), *there):
        if _draws(family):
            return family
    return _brought_along()


def _draws(family: str) -> bool:
    """Whether there is a font behind the name: without any, Qt still offers names such as "Sans Serif"."""
    return bool(QFontInfo(QFont(family)).family())


def foreign_runs(text: str) -> list[Run]:
    """Return the stretches of a text that need another family than the report's, with that family."""
    japanese = any(0x3040 <= ord(letter) <= 0x30FF for letter in text)  # noqa: PLR2004 - kana: so are the ideographs
    runs: list[Run] = []
    position = 0
    for letter in text:
        units = 2 if ord(letter) > 0xFFFF else 1  # noqa: PLR2004 - a surrogate pair
        family = _family_for(letter, japanese=japanese)
        touches = runs and runs[-1].start + runs[-1].length == position
        if touches and (family == runs[-1].family or unicodedata.category(letter)[0] in _JOINING):
            runs[-1] = runs[-1]._replace(length=runs[-1].length + units)
        elif family:
            runs.append(Run(position, units, family))
        position += units
    return runs


def font_for(text: str, size: float, *, bold: bool) -> QFont:
    """Return a font that has the letters of a text, as far as any here has.

    Args:
        text: one line.
        size: points.
        bold: the one emphasis there is.
    """
    font = report_font(size, bold=bold)
    own, *others = families_for(text)
    font.setFamilies([*others, own])
    return font


def families_for(text: str) -> list[str]:
    """Return the families a text is set in, the report's own first."""
    return list(dict.fromkeys([base_family(), *(run.family for run in foreign_runs(text))]))


def missing_letters(text: str) -> str:
    """Return the letters of a text that no font of this machine has, each once, in their order."""
    return "".join(letter for letter in dict.fromkeys(text) if _is_missing(letter))


def legible(text: str) -> str:
    """Return a text in which letters that no font here has stand as numbers: "[U+E0F7 U+17000].jpg"."""
    return with_numbers_for(text, _is_missing)


@cache
def _is_missing(letter: str) -> bool:
    if unicodedata.category(letter) in {"Cc", "Cf"} or unicodedata.category(letter)[0] in "ZM":
        return False  # nothing to be seen, or a mark that needs a letter to stand on
    if unicodedata.category(letter) == "Co":
        return True  # private use: what a font draws for it means nothing
    families = [family for family in (_family_for(letter, japanese=False), base_family()) if family]
    if _has_boxes_for_all():
        return not any(_has_glyph(family, letter) for family in families)
    font = report_font(10)
    font.setFamilies(families)
    layout = QTextLayout(letter, font)
    layout.beginLayout()
    layout.createLine()
    layout.endLayout()
    return any(0 in run.glyphIndexes() for run in layout.glyphRuns())


@cache
def _has_boxes_for_all() -> bool:
    """Whether Qt finds a font that has some box for every letter, so that none seems to be missing."""
    return any(family.startswith(_NO_LETTERS) for family in QFontDatabase.families())


def _has_glyph(family: str, letter: str) -> bool:
    font = report_font(10)
    font.setFamilies([family])
    return QFontMetrics(font).inFontUcs4(ord(letter))


@cache
def _family_for(letter: str, *, japanese: bool) -> str:
    code = ord(letter)
    script = next((script for script in _SCRIPTS if script.first <= code <= script.last), None)
    if script is None:
        return ""
    system = script.system
    if japanese and system == _System.SimplifiedChinese:
        system = _System.Japanese
    return _family_of(system)


@cache
def _family_of(system: QFontDatabase.WritingSystem) -> str:
    """Return the family for a writing system: empty where the report's own has it, or none has."""
    families = QFontDatabase.families(system)
    base = base_family()
    if not families or base in families:
        return ""
    ending = {_System.SimplifiedChinese: " SC", _System.Japanese: " JP", _System.Korean: " KR"}.get(
        system, ""
    )
    plain = [family for family in families if not any(word in family for word in ("Mono", "UI", "Looped"))]
    own = [family for family in plain if family.startswith(base)]
    fitting = [family for family in own if family.endswith(ending)]
    return (fitting or own or plain or families)[0]


def forget_families() -> None:
    """Look at the machine's fonts again."""
    for known in (base_family, _family_for, _family_of, _is_missing, _has_boxes_for_all):
        known.cache_clear()


def _brought_along() -> str:
    """Load the DejaVu Sans that comes with matplotlib and return its family; empty where even that is missing."""
    found = importlib.util.find_spec("matplotlib")
    places = found.submodule_search_locations if found else None
    families: list[str] = []
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
        for place in places or ():
            file = Path(place) / "mpl-data" / "fonts" / "ttf" / name
            families += QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(str(file)))
    if not families:
        _log.warning("There is no font on this machine; reports show no text.")
    return families[0] if families else ""

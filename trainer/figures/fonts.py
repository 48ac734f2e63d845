"""The fonts of a figure: one that matplotlib brings along, and others of the machine for letters that it lacks."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from trainer.wording import with_numbers_for

if TYPE_CHECKING:
    from matplotlib.font_manager import FontEntry

_BASE = "DejaVu Sans"
_REGULAR = {400, "normal", "regular"}
_NO_LETTERS = "Last Resort"
"""A font with a box for every letter; matplotlib brings it along."""


def families_for(letters: str) -> list[str]:
    """Return the families to set a text in: matplotlib takes each letter from the first that has it.

    Args:
        letters: of the text, in any order; for those that no font has see `legible`.
    """
    from matplotlib.font_manager import findfont

    families = [_BASE]
    missing = _visible(letters) - _lettering(findfont(_BASE))
    if missing:
        for entry in _upright_fonts():
            has = missing & _lettering(entry.fname)
            if has:
                families.append(entry.name)
                missing -= has
            if not missing:
                break
    return families


def legible(text: str) -> str:
    """Return a text in which letters that no font here has stand as numbers: "[U+E0F7 U+17000] nevus"."""
    return with_numbers_for(text, _is_missing)


@cache
def _is_missing(letter: str) -> bool:
    from matplotlib.font_manager import findfont

    category = unicodedata.category(letter)
    if category in {"Cc", "Cf"} or category[0] in "ZM":
        return False  # nothing to be seen, or a mark that needs a letter to stand on
    if category == "Co":
        return True  # private use: what a font draws for it means nothing
    code = ord(letter)
    return code not in _lettering(findfont(_BASE)) and not any(
        code in _lettering(entry.fname) for entry in _upright_fonts()
    )


def _visible(letters: str) -> set[int]:
    return {ord(letter) for letter in letters if unicodedata.category(letter)[0] not in "CZ"}


def _upright_fonts() -> list[FontEntry]:
    """Return the machine's regular fonts in order of preference: without serifs and of one design first."""
    from matplotlib.font_manager import fontManager

    def rank(entry: FontEntry) -> tuple[bool, bool, bool, str]:
        name = entry.name
        # Of the designs of Chinese characters, the one that most readers know.
        return not name.startswith("Noto Sans"), "Mono" in name, not name.endswith(" SC"), name

    fonts = (
        font
        for font in fontManager.ttflist
        if font.style == "normal" and font.weight in _REGULAR and not font.name.startswith(_NO_LETTERS)
    )
    return sorted(fonts, key=rank)


@cache
def _lettering(file: str) -> frozenset[int]:
    """Return the code points of the letters that a font has."""
    from matplotlib.font_manager import get_font

    return frozenset(get_font(file).get_charmap())

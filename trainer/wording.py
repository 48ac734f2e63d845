"""Numbers as a person reads them, the same in terminal, window, pictures and PDF.

English format; units are symbols that no language translates. Figure and unit are joined by a no-break space, so
that no line ends between them.
"""

from __future__ import annotations

import itertools
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

NO_BREAK = "\u00a0"
NOTHING = "–"
"""Stands where there is no figure."""

_MOST_PLACES = 4
_ROUNDING = 1e-6
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def percent(share: float | None, places: int = 1) -> str:
    """Return a share as percent: 0.758 is "75.8 %"."""
    return NOTHING if share is None else f"{100.0 * share:.{places}f}{NO_BREAK}%"


def chosen_percent(share: float) -> str:
    """Return a share that someone chose, with as many decimals as were chosen: 0.3 is "30 %"."""
    return f"{100.0 * share:g}{NO_BREAK}%"


def number(value: float | None) -> str:
    """Return a number that is no share with three decimals."""
    return NOTHING if value is None else f"{value:.3f}"


def figure(value: float | None, *, share: bool = True) -> str:
    """Return a share as percent, or another number with three decimals."""
    return percent(value) if share else number(value)


def ends(low: float, high: float, *, share: bool = True) -> str:
    """Return the ends of an interval without a unit: "71.2–79.9", or "0.898–0.936"."""
    return f"{100.0 * low:.1f}–{100.0 * high:.1f}" if share else f"{low:.3f}–{high:.3f}"


def told_apart(first: float, second: float) -> tuple[str, str]:
    """Return two ratios with one decimal, or as many as tell them apart: "3.1" and "2.3", "2.34" and "2.31"."""
    for places in range(1, _MOST_PLACES):
        words = f"{first:,.{places}f}", f"{second:,.{places}f}"
        if words[0] != words[1]:
            break
    return words


def percents_apart(first: float, second: float) -> tuple[str, str]:
    """Return two shares as percent with one decimal, or as many as tell them apart: "8.0 %", or "8.04 %"."""
    for places in range(1, _MOST_PLACES):
        words = percent(first, places), percent(second, places)
        if words[0] != words[1]:
            break
    return words


def all_but_one_of(share: float) -> str:
    """Return a share in whole cases: 0.9 is "9 of 10"; in percent where it is not one less than a whole number."""
    cases = round(1.0 / (1.0 - share))
    whole = abs(cases * (1.0 - share) - 1.0) < _ROUNDING
    return f"{cases - 1} of {cases}" if whole else chosen_percent(share)


def counted(count: int, one: str, many: str) -> str:
    """Return a number with its noun, thousands set apart: "1 image", "4,188 images"."""
    return f"{count:,} {one if count == 1 else many}"


def n_of(count: int) -> str:
    """Return how many images a figure rests on: "n = 4,188"."""
    return f"n{NO_BREAK}={NO_BREAK}{count:,}"


def duration(seconds: float) -> str:
    """Return a time in its largest fitting units: "45 s", "62 min", "2 h 10 min", "3 d 4 h"."""
    if seconds < 1.5 * _MINUTE:
        return f"{max(round(seconds), 1)}{NO_BREAK}s"
    if seconds < 1.5 * _HOUR:
        return f"{round(seconds / _MINUTE)}{NO_BREAK}min"
    if seconds < _DAY:
        hours, minutes = divmod(round(seconds / _MINUTE), 60)
        return f"{hours}{NO_BREAK}h {minutes}{NO_BREAK}min"
    days, hours = divmod(round(seconds / _HOUR), 24)
    return f"{days}{NO_BREAK}d {hours}{NO_BREAK}h"


def file_size(size: float) -> str:
    """Return a number of bytes: "620 MiB", "2.4 GiB"."""
    if size < 1 << 10:
        return f"{size:.0f}{NO_BREAK}B"
    for unit, power in (("KiB", 10), ("MiB", 20)):
        if size < 1 << (power + 10):
            return f"{size / (1 << power):,.0f}{NO_BREAK}{unit}"
    return f"{size / (1 << 30):,.1f}{NO_BREAK}GiB"


def with_numbers_for(text: str, is_missing: Callable[[str], bool]) -> str:
    """Return a text in which letters that cannot be drawn stand as numbers: "[U+E0F7 U+17000].jpg".

    Args:
        text: any.
        is_missing: whether a letter cannot be drawn; a combining mark goes with the letter it stands on.
    """
    if text.isascii():
        return text
    missing: list[bool] = []
    for letter in text:
        stands_on = missing and unicodedata.category(letter)[0] == "M"
        missing.append(missing[-1] if stands_on else is_missing(letter))
    pieces = []
    for as_numbers, group in itertools.groupby(zip(missing, text, strict=True), lambda pair: pair[0]):
        letters = [letter for _, letter in group]
        numbers = " ".join(f"U+{ord(letter):04X}" for letter in letters)
        pieces.append(f"[{numbers}]" if as_numbers else "".join(letters))
    return "".join(pieces)


def plain(text: str) -> str:
    """Return a text with usual spaces: for a terminal, whose lines are searched and cut into words."""
    return text.replace(NO_BREAK, " ")

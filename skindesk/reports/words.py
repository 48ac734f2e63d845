"""Numbers, dates and names as a report writes them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from trainer.metrics.intervals import Interval

MALIGNANT_MARK = "▲"
NOT_DEFINED = "–"

_UNBROKEN = "\u00a0"  # a space at which no line is broken
_FORCING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_SHORT_NAME = 40  # characters of a file's name that are shown in a row of a table


def tr(text: str) -> str:
    """Return a text of the reports in the language of the program."""
    return QCoreApplication.translate("reports", text)


def percent(share: float | None) -> str:
    """Return a share as percent with one decimal: 0.618 is "61.8 %"."""
    return NOT_DEFINED if share is None else f"{100.0 * share:.1f}{_UNBROKEN}%"


def setting_percent(share: float) -> str:
    """Return a share that someone chose, with as many decimals as were chosen: 0.3 is "30 %"."""
    return f"{100.0 * share:g}{_UNBROKEN}%"


def number(value: float | None) -> str:
    """Return a number that is no share with three decimals."""
    return NOT_DEFINED if value is None else f"{value:.3f}"


def percent_interval(interval: Interval | None) -> str:
    """Return the ends of an interval of a share: "58.0–65.4 %"."""
    return "" if interval is None else f"{100.0 * interval.low:.1f}–{100.0 * interval.high:.1f}{_UNBROKEN}%"


def number_interval(interval: Interval | None) -> str:
    """Return the ends of an interval of a number that is no share."""
    return "" if interval is None else f"{interval.low:.3f}–{interval.high:.3f}"


def counted(count: int, one: str, many: str) -> str:
    """Return a number with its noun, thousands set apart: "4,188 images"."""
    return f"{count:,} {one if count == 1 else many}"


def listed(words: Iterable[str]) -> str:
    """Return words as an enumeration: "a, b and c"."""
    *first, last = words
    return tr("{0} and {1}").format(", ".join(first), last) if first else last


def date_words(moment: datetime) -> str:
    """Return a date and time that is read the same way everywhere: "2026-07-14, 15:32 UTC+02:00"."""
    local = moment.astimezone()
    zone = f"{local:%z}"
    return f"{local:%Y-%m-%d, %H:%M} UTC{zone[:3]}:{zone[3:5]}"


def duration_words(seconds: float) -> str:
    """Return a time in its largest fitting units: "45 s", "62 min", "2 h 10 min"."""
    minutes = round(seconds / 60)
    if seconds < 90:  # noqa: PLR2004 - seconds
        return f"{seconds:.0f}{_UNBROKEN}s"
    if minutes < 90:  # noqa: PLR2004 - minutes
        return f"{minutes}{_UNBROKEN}min"
    return f"{minutes // 60}{_UNBROKEN}h {minutes % 60}{_UNBROKEN}min"


def short_name(name: str) -> str:
    """Return a file's name with its middle left out where it is long."""
    if len(name) <= _SHORT_NAME:
        return name
    half = _SHORT_NAME // 2 - 1
    return f"{name[:half]}…{name[-half:]}"


def printable(text: str) -> str:
    """Return a text without characters that steer rather than mean: controls, and marks that force a direction."""
    kept = (
        letter
        for letter in text
        if letter in "\n\t" or not (unicodedata.category(letter) in {"Cc", "Cs"} or letter in _FORCING)
    )
    return "".join(kept).strip()


def one_line(text: str) -> str:
    """Return a text without such characters, and in one line."""
    return " ".join(printable(text).split())

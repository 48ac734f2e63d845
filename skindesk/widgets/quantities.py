"""Numbers as a person reads them: with their unit, and no more digits than they are worth."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def percent(share: float) -> str:
    """Return a share as percent with one decimal: 0.758 is "75.8 %"."""
    return f"{100 * share:.1f} %"


def duration(seconds: float) -> str:
    """Return a time in its largest fitting units: "45 s", "62 min", "2 h 10 min", "3 d 4 h"."""
    translate = QCoreApplication.translate
    if seconds < 1.5 * _MINUTE:
        return translate("quantities", "{n} s").format(n=max(round(seconds), 1))
    if seconds < 1.5 * _HOUR:
        return translate("quantities", "{n} min").format(n=round(seconds / _MINUTE))
    if seconds < _DAY:
        minutes = round(seconds / _MINUTE)
        return translate("quantities", "{h} h {m} min").format(h=minutes // 60, m=minutes % 60)
    hours = round(seconds / _HOUR)
    return translate("quantities", "{d} d {h} h").format(d=hours // 24, h=hours % 24)


def file_size(size: float) -> str:
    """Return a number of bytes: "620 MiB", "2.4 GiB"."""
    if size < 1 << 10:
        return f"{size:.0f} B"
    for unit, power in (("KiB", 10), ("MiB", 20)):
        if size < 1 << (power + 10):
            return f"{size / (1 << power):,.0f} {unit}"
    return f"{size / (1 << 30):,.1f} GiB"


def counted(number: int) -> str:
    """Return a whole number with its thousands set apart: "4,188"."""
    return f"{number:,}"

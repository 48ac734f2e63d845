"""Numbers as a person reads them: with their unit, and no more digits than they are worth."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def _tr(text: str) -> str:
    return QCoreApplication.translate("quantities", text)


def percent(share: float) -> str:
    """Return a share as percent with one decimal: 0.758 is "75.8 %"."""
    return f"{100 * share:.1f} %"


def duration(seconds: float) -> str:
    """Return a time in its largest fitting units: "45 s", "62 min", "2 h 10 min", "3 d 4 h"."""
    if seconds < 1.5 * _MINUTE:
        return _tr("{n} s").format(n=max(round(seconds), 1))
    if seconds < 1.5 * _HOUR:
        return _tr("{n} min").format(n=round(seconds / _MINUTE))
    if seconds < _DAY:
        minutes = round(seconds / _MINUTE)
        return _tr("{h} h {m} min").format(h=minutes // 60, m=minutes % 60)
    hours = round(seconds / _HOUR)
    return _tr("{d} d {h} h").format(d=hours // 24, h=hours % 24)


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


def images_counted(number: int) -> str:
    """Return "1 image", "4,188 images"."""
    return (_tr("1 image") if number == 1 else _tr("{n} images")).format(n=counted(number))


def part_of_images(part: int, number: int) -> str:
    """Return "0 of 1 image", "36 of 4,188 images"."""
    words = _tr("{part} of 1 image") if number == 1 else _tr("{part} of {n} images")
    return words.format(part=counted(part), n=counted(number))


def lesions_counted(number: int) -> str:
    """Return "1 lesion", "7,470 lesions"."""
    return (_tr("1 lesion") if number == 1 else _tr("{n} lesions")).format(n=counted(number))


def runs_counted(number: int) -> str:
    """Return "1 run", "12 runs"."""
    return (_tr("1 run") if number == 1 else _tr("{n} runs")).format(n=counted(number))

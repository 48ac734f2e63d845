"""Dates, names and enumerations as a report writes them; numbers: `trainer.wording`."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from trainer.dataset.fields import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_CONFIRMED = next(field for field in FACTS if field.name == "dx_type")

MALIGNANT_MARK = "▲"

_FORCING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_LONGEST_NAME = 60  # characters of an image's name that go into a report's
_SHORT_NAME = 40  # characters of a file's name that are shown in a row of a table


def tr(text: str) -> str:
    """Return a text of the reports in the language of the program."""
    return QCoreApplication.translate("reports", text)


def listed(words: Iterable[str]) -> str:
    """Return words as an enumeration: "a, b and c"."""
    *first, last = words
    return tr("{0} and {1}").format(", ".join(first), last) if first else last


def confirmation(way: str) -> str:
    """Return how a diagnosis was confirmed in words; tables abbreviate some."""
    return QCoreApplication.translate("SampleDetails", _CONFIRMED.words.get(way, way)) if way else ""


def date_words(moment: datetime) -> str:
    """Return a date and time that is read the same way everywhere: "2026-07-14, 15:32 UTC+02:00"."""
    local = moment.astimezone()
    zone = f"{local:%z}"
    return f"{local:%Y-%m-%d, %H:%M} UTC{zone[:3]}:{zone[3:5]}"


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


def safe_name(text: str) -> str:
    """Return what of a text can stand in the name of a file on any system."""
    return re.sub(r"[^\w\- ]+", " ", text).strip()[:_LONGEST_NAME]

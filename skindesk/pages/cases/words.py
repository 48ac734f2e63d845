"""Words of the page of cases."""

from __future__ import annotations

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from trainer.wording import counted

CONFIRMED_BY: dict[str, str] = {
    "histo": str(QT_TRANSLATE_NOOP("cases", "Histopathology")),
    "follow_up": str(QT_TRANSLATE_NOOP("cases", "Follow-up")),
    "consensus": str(QT_TRANSLATE_NOOP("cases", "Expert consensus")),
    "confocal": str(QT_TRANSLATE_NOOP("cases", "Confocal microscopy")),
}
"""How a diagnosis can have been confirmed, by the words of HAM10000."""


def tr(text: str) -> str:
    """Return a text of this page in the language of the program."""
    return QCoreApplication.translate("cases", text)


def confirmed_by(key: str) -> str:
    """Return how a diagnosis was confirmed, in words."""
    return tr(CONFIRMED_BY[key]) if key in CONFIRMED_BY else key or tr("Not stated")


def cases_counted(number: int) -> str:
    """Return "1 case", "4,188 cases"."""
    return counted(number, tr("case"), tr("cases"))

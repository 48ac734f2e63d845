"""What a class can be marked as, as entries of a menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QActionGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from PySide6.QtWidgets import QMenu

    from trainer.dataset.classes.malignancy import Malignancy


def malignancy_name(malignancy: Malignancy) -> str:
    """Return in words what a class is."""
    tr = QCoreApplication.translate
    return {
        "malignant": tr("Malignancy", "Malignant or precancerous"),
        "benign": tr("Malignancy", "Benign"),
        "not stated": tr("Malignancy", "Not stated"),
    }[malignancy]


def add_heading(menu: QMenu, words: str) -> None:
    """Say above the entries of a menu what they are about; the style shows no text of a section."""
    menu.addAction(words).setEnabled(False)
    menu.addSeparator()


def add_marks(
    menu: QMenu, kinds: Iterable[Malignancy], current: Malignancy, mark: Callable[[Malignancy], None]
) -> None:
    """Add an entry for each of `kinds`, of which the current one is ticked.

    Args:
        menu: to be filled.
        kinds: what can be chosen.
        current: what the class is now.
        mark: is called with what is chosen.
    """
    group = QActionGroup(menu)
    for kind in kinds:
        entry = QAction(malignancy_name(kind), group)
        entry.setCheckable(True)
        entry.setChecked(kind == current)
        entry.triggered.connect(lambda _checked=False, kind=kind: mark(kind))
        menu.addAction(entry)

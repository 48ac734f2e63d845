"""Flagged or not by the operating point, and the classes that cannot be ruled out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from skindesk import verdict_words
from skindesk.widgets.basics import muted
from skindesk.widgets.theme import SPACE, set_role

if TYPE_CHECKING:
    from trainer.predictions import AppliedPoint, Prediction


class Headline(QLabel):
    """The sentence that leads a result; hidden where no operating point is saved."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        _make_selectable(self)
        self.setAccessibleName(self.tr("Flagged or not"))
        self.show_point(None)

    def show_point(self, point: AppliedPoint | None) -> None:
        """Say whether an image is flagged; `None` says nothing."""
        if point is not None:
            self.setText(verdict_words.headline(point))
            set_role(self, "alert" if point.above else "heading")
        self.setVisible(point is not None)


class PredictionSet(QWidget):
    """A chip with the prediction set, and exactly what that promises; hidden where there is none.

    Attributes:
        chip: names the classes.
        statement: below it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "plain")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, SPACE, 0, 0)
        layout.setSpacing(SPACE)
        self.chip, self.statement = QLabel(), muted()
        set_role(self.chip, "chip")
        self.chip.setAccessibleName(self.tr("Prediction set"))
        for label in (self.chip, self.statement):
            _make_selectable(label)
            layout.addWidget(label)
        self.show_set(None)

    def show_set(self, prediction: Prediction | None) -> None:
        """Show the prediction set of an image; `None` for none."""
        basis = prediction.set_basis if prediction is not None else None
        if prediction is not None and basis is not None:
            names, classes = verdict_words.members(prediction), len(prediction.probabilities)
            self.chip.setText(self.tr("Prediction set: {names}").format(names=names))
            self.statement.setText(verdict_words.set_statement(basis, classes))
        self.setVisible(basis is not None)


def _make_selectable(label: QLabel) -> None:
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

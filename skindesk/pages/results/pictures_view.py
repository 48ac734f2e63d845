"""Curves: how the run learned, to be read with the crosshair, and the pictures a report was drawn with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QImage
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from skindesk.background import Question
from skindesk.pages.results.unscored import Unscored
from skindesk.widgets.basics import Card, SegmentedRow, muted
from skindesk.widgets.plots.curve_compare import CurveCompare, RunCurves
from skindesk.widgets.plots.picture_card import PictureCard
from skindesk.widgets.theme import SPACE
from trainer.errors import TrainerError

if TYPE_CHECKING:
    from pathlib import Path

    from skindesk.models.runs.record import RunRecord
    from trainer.runs.summary import Report

_LEARNING = "learning"


class PicturesView(QWidget):
    """One picture at a time: learning curves, ROC, precision and recall, reliability."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        self._titles = {
            _LEARNING: self.tr("Learning curves"),
            "roc.png": self.tr("ROC"),
            "precision_recall.png": self.tr("Precision and recall"),
            "reliability.png": self.tr("Reliability"),
        }
        self.which = SegmentedRow(list(self._titles.items()))
        self.which.chosen.connect(self._refresh)
        row = QHBoxLayout()
        row.addWidget(self.which)
        row.addStretch(1)
        layout.addLayout(row)
        self.curves = CurveCompare()
        card = Card()
        card.body.addWidget(self.curves)
        self.picture = PictureCard()
        self.picture.opened.connect(self._open)
        self.unscored = Unscored()
        self._sentence = muted("", wrap=True)
        self._absent = Card()
        self._absent.body.addWidget(self._sentence)
        self._absent.body.addStretch(1)
        self._stack = QStackedWidget()
        for widget in (card, self.picture, self._absent, self.unscored):
            self._stack.addWidget(widget)
        self._learning = card
        layout.addWidget(self._stack, 1)
        self._report: Report | None = None
        self._question: Question[QImage] = Question(self._show, self._say, self)

    def show_record(self, record: RunRecord, part: str) -> None:
        """Show the curves of a run, and the pictures of a part where it was scored."""
        summary = record.summary
        self._report = summary.report(part)
        sentence = (
            self.tr("Score this part to see its curves.")
            if summary.has_bundle
            else self.tr("This run has no network to score yet.")
        )
        self.unscored.show_part(part, sentence, can_score=summary.has_bundle)
        self.curves.show_runs([RunCurves(summary.name, record.history)], record.classes, record.malignant)
        self._refresh()

    @property
    def learning(self) -> bool:
        """Whether the learning curves are shown, which are those of all parts."""
        return self.which.current == _LEARNING

    @property
    def sentence(self) -> str:
        """What is said instead of a picture."""
        return self.unscored.sentence if self._report is None else self._sentence.text()

    def _refresh(self) -> None:
        name = self.which.current
        if name == _LEARNING:
            self._question.forget()
            self._stack.setCurrentWidget(self._learning)
        elif self._report is None:
            self._question.forget()
            self._stack.setCurrentWidget(self.unscored)
        else:
            file = self._report.folder / name
            if self._stack.currentWidget() is self._learning:
                self._say("")  # until it is read; another picture stays so long
            self._question.ask(lambda: _read_picture(file))

    def _show(self, picture: QImage) -> None:
        part = (
            self.tr("test part")
            if self._report and self._report.part == "test"
            else self.tr("validation part")
        )
        self.picture.show_picture(
            picture,
            self.tr("{what}, {part}").format(what=self._titles.get(self.which.current, ""), part=part),
        )
        self._stack.setCurrentWidget(self.picture)

    def _open(self) -> None:
        """Open the picture in the system's viewer."""
        if self._report is not None and not self.learning:
            file = self._report.folder / self.which.current
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(file)))

    def _say(self, sentence: str) -> None:
        self._sentence.setText(sentence)
        self._stack.setCurrentWidget(self._absent)


def _read_picture(file: Path) -> QImage:
    picture = QImage(str(file))
    if picture.isNull():
        raise TrainerError(
            f"The image {file.parent.name}/{file.name} is missing or damaged; score the part again."
        )
    return picture

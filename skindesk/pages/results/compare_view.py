"""Several runs side by side: their curves laid over each other, their figures and differing settings as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from skindesk.background import Question
from skindesk.models.runs.record import RunRecord, read_record
from skindesk.pages.results.facts import comparison_facts
from skindesk.widgets.basics import Card, ElidedLabel, SegmentedRow
from skindesk.widgets.fact_table import FactTable
from skindesk.widgets.notice import Notice
from skindesk.widgets.plots.curve_compare import CurveCompare, RunCurves
from skindesk.widgets.quantities import runs_counted
from skindesk.widgets.theme import SPACE, set_role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.runs.summary import RunSummary

MOST_RUNS = 8
"""Runs that are compared at once; more curves than colours cannot be told apart."""


class CompareView(QWidget):
    """What several selected runs have in common and in what they differ."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs: tuple[RunSummary, ...] = ()
        self.records: tuple[RunRecord, ...] = ()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        self.title = ElidedLabel()
        set_role(self.title, "heading")
        layout.addWidget(self.title)
        self.notice = Notice()
        layout.addWidget(self.notice)
        self.which = SegmentedRow([("table", self.tr("Figures")), ("curves", self.tr("Learning curves"))])
        layout.addWidget(self.which)
        self.table = FactTable(self.tr("Runs side by side"))
        card = Card()
        card.body.addWidget(self.table)
        inside = QWidget()
        set_role(inside, "plain")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(card)
        column.addStretch(1)
        self._figures = QScrollArea()
        self._figures.setWidgetResizable(True)
        self._figures.setAccessibleName(self.tr("Figures"))
        self._figures.setWidget(inside)
        layout.addWidget(self._figures, 1)
        self.curves = CurveCompare()
        self._curves_card = Card()
        self._curves_card.body.addWidget(self.curves)
        layout.addWidget(self._curves_card, 1)
        self.which.chosen.connect(self._choose)
        self._choose("table")
        self._question: Question[tuple[RunRecord, ...]] = Question(self._receive, self._say, self)

    def show_runs(self, runs: Sequence[RunSummary]) -> None:
        """Show runs, in the order given; the first `MOST_RUNS` of them."""
        shown = tuple(runs[:MOST_RUNS])
        title = self.tr("{runs} compared").format(runs=runs_counted(len(shown)))
        if len(runs) > len(shown):
            title = self.tr("The first {n} of {runs} compared").format(
                n=len(shown), runs=runs_counted(len(runs))
            )
        self.title.setText(title)
        if shown == self._runs:
            return
        self._runs = shown
        self._question.ask(lambda: tuple(read_record(run) for run in shown))

    def _choose(self, key: str) -> None:
        self._figures.setVisible(key == "table")
        self._curves_card.setVisible(key == "curves")

    def _receive(self, records: tuple[RunRecord, ...]) -> None:
        self.records = records
        self._warn()
        self.table.show_facts(comparison_facts(records))
        malignant = {name for record in records for name in record.malignant}
        classes = list(dict.fromkeys(name for record in records for name in record.classes))
        self.curves.show_runs(
            [RunCurves(record.summary.name, record.history) for record in records], classes, malignant
        )

    def _say(self, sentence: str) -> None:
        self.notice.show_error(sentence)

    def _warn(self) -> None:
        """Say so if the figures of the runs do not rest on the same images."""
        known = {record.summary.dataset_fingerprint for record in self.records}
        scored = {
            report.dataset_fingerprint
            for record in self.records
            if (report := record.summary.report("test")) is not None
        }
        if len(known - {""}) > 1 or len(scored) > 1:
            self.notice.show_note(
                self.tr(
                    "These runs were trained or scored on different datasets or splits: their figures rest on "
                    "different images and cannot be compared."
                )
            )
        elif "" in known:
            self.notice.show_note(
                self.tr(
                    "The dataset and split of some of these runs are not known; compare their figures with care."
                )
            )
        else:
            self.notice.clear()

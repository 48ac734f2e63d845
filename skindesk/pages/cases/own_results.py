"""How the networks did on confirmed cases of one's own, and why that says little of all lesions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from skindesk.background import Question
from skindesk.models.cases.reading import confirmed_cases
from skindesk.models.cases.scoring import OwnResults, Rate, results_of
from skindesk.pages.cases.words import cases_counted, confirmed_by, tr
from skindesk.widgets.basics import Card, EmptyState, Figure, muted, scrolling
from skindesk.widgets.fact_table import Fact, Facts, FactTable
from skindesk.widgets.quantities import lesions_counted
from skindesk.widgets.theme import SPACE, class_label, set_role
from skindesk.widgets.wheel import wheel_needs_focus
from trainer.palette import class_colour
from trainer.predictions import MALIGNANT
from trainer.wording import NOTHING, chosen_percent, ends, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from skindesk.models.cases.cases import CasesModel


class OwnResultsView(QWidget):
    """Counts and rates of each network, by lesion.

    Args:
        cases: all cases.
        back: shows the cases.
    """

    def __init__(self, cases: CasesModel, back: Callable[[], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cases = cases
        self._results: Sequence[OwnResults] = ()
        self._reading: Question[Sequence[OwnResults]] = Question(self._show, self._say, self)
        self._stack = QStackedWidget()
        self.empty = EmptyState(
            "results",
            tr("No confirmed cases yet"),
            tr(
                "Enter what a lesion was found to be, and how; then this page shows how the network did on your cases."
            ),
            [(tr("Show cases"), back, False)],
        )
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._filled())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)

    def _filled(self) -> QWidget:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, SPACE // 2, 0)
        column.setSpacing(2 * SPACE)
        self.warning = QLabel(
            tr(
                "These rates hold for these lesions only. Lesions that are biopsied or followed are a selection: most "
                "were confirmed because they looked suspicious. In all lesions that you see, the rates will differ."
            )
        )
        self.warning.setWordWrap(True)
        set_role(self.warning, "alert")
        column.addWidget(self.warning)
        card = Card(tr("Network"))
        self.network = wheel_needs_focus(QComboBox())
        self.network.setAccessibleName(tr("Network"))
        self.network.currentIndexChanged.connect(self._show_network)
        self.basis = muted(wrap=True)
        card.body.addWidget(self.network)
        card.body.addWidget(self.basis)
        column.addWidget(card)
        grid = QGridLayout()
        grid.setSpacing(2 * SPACE)
        self.accuracy = Figure(tr("Predicted class is the confirmed one"))
        self.sensitivity = Figure(tr("Malignant, predicted malignant"))
        self.specificity = Figure(tr("Benign, predicted benign"))
        self.point = muted(wrap=True)
        self.flagged, self.passed = Figure(""), Figure("")
        for place, figure in enumerate((self.accuracy, self.sensitivity, self.specificity)):
            grid.addWidget(figure, 0, place)
            grid.setColumnStretch(place, 1)
        for place, part in enumerate((self.point, self.flagged, self.passed)):
            grid.addWidget(part, 1, place)
        column.addLayout(grid)
        by_class = Card(tr("By confirmed class"))
        self.table = FactTable(tr("By confirmed class"))
        by_class.body.addWidget(self.table)
        by_class.body.addWidget(
            muted(tr("Intervals are 95 % and count lesions: cases of one lesion are alike."), wrap=True)
        )
        column.addWidget(by_class)
        column.addStretch(1)
        return scrolling(inside)

    def refresh(self) -> None:
        """Count anew."""
        folder = self._cases.folder
        self._reading.ask(lambda: results_of(confirmed_cases(folder)))

    def _show(self, results: Sequence[OwnResults]) -> None:
        chosen = self.network.currentData()
        self._results = results
        self.network.blockSignals(True)
        self.network.clear()
        for result in results:
            words = tr("{name}: {cases}").format(name=result.network.name, cases=cases_counted(result.cases))
            self.network.addItem(words, result.network.bundle_hash)
        self.network.setCurrentIndex(max(0, self.network.findData(chosen)))
        self.network.blockSignals(False)
        self._stack.setCurrentIndex(1 if results else 0)
        self._show_network()

    def _say(self, sentence: str) -> None:
        self._results = ()
        self.empty.explanation.setText(sentence)
        self._stack.setCurrentIndex(0)

    def _show_network(self) -> None:
        place = self.network.currentIndex()
        if not 0 <= place < len(self._results):
            return
        result = self._results[place]
        self.basis.setText(_basis(result))
        for figure, rate in (
            (self.accuracy, result.accuracy),
            (self.sensitivity, result.sensitivity),
            (self.specificity, result.specificity),
        ):
            figure.set(percent(rate.value) if rate.cases else NOTHING, _counts(rate))
        self.table.show_facts(_facts(result))
        self._show_point(result)

    def _show_point(self, result: OwnResults) -> None:
        point = result.point
        for part in (self.point, self.flagged, self.passed):
            part.setVisible(point is not None)
        if point is None:
            return
        of_malignant = point.target == MALIGNANT
        target = tr("malignant") if of_malignant else class_label(point.target, (), full=True)
        self.point.setText(
            tr("Operating point: {target} above {threshold}, chosen for {sensitivity} sensitivity.").format(
                target=target,
                threshold=percent(point.threshold),
                sensitivity=chosen_percent(point.sensitivity),
            )
        )
        self.flagged.set_title(
            tr("Malignant, flagged by it") if of_malignant else tr("Of this class, flagged by it")
        )
        self.passed.set_title(
            tr("Benign, not flagged") if of_malignant else tr("Of other classes, not flagged")
        )
        for figure, rate in ((self.flagged, result.flagged), (self.passed, result.passed)):
            figure.set(percent(rate.value) if rate.cases else NOTHING, _counts(rate))


def _basis(result: OwnResults) -> str:
    how = ", ".join(
        tr("{how} {n}").format(how=confirmed_by(key), n=f"{number:,}")
        for key, number in sorted(result.confirmed_by.items(), key=lambda entry: -entry[1])
    )
    said = [
        tr("{cases} of {lesions} confirmed: {how}.").format(
            cases=cases_counted(result.cases), lesions=lesions_counted(result.lesions), how=how
        )
        if result.cases
        else tr("None of its cases is confirmed as a class that it knows.")
    ]
    if result.unreliable:
        said.append(
            tr(
                "{cases} with images unlike those that the network learned from, or too poor; they count all the same."
            ).format(cases=cases_counted(result.unreliable))
        )
    if result.unknown:
        names = ", ".join(f"{class_label(name, ())} ({n:,})" for name, n in sorted(result.unknown.items()))
        said.append(
            tr("Left out, as the network does not know the confirmed class: {names}.").format(names=names)
        )
    said.append(tr("Bundle {hash}.").format(hash=result.network.bundle_hash))
    return " ".join(said)


def _counts(rate: Rate) -> str:
    if not rate.cases:
        return tr("no such case")
    return tr("{hits} of {cases}, {lesions}; 95 %: {ends} %").format(
        hits=f"{rate.hits:,}",
        cases=cases_counted(rate.cases),
        lesions=lesions_counted(rate.lesions),
        ends=ends(rate.low, rate.high),
    )


def _facts(result: OwnResults) -> Facts:
    network = result.network
    rows = tuple(
        Fact(
            class_label(name, network.marks.malignant),
            (
                f"{rate.lesions:,}",
                f"{rate.cases:,}",
                f"{rate.hits:,}",
                percent(rate.value),
                ends(rate.low, rate.high),
            ),
            colour=class_colour(name, network.classes),
        )
        for name, rate in result.recalls.items()
    )
    columns = (tr("Class"), tr("Lesions"), tr("Cases"), tr("Recognised"), tr("Share"), tr("95 % interval, %"))
    return Facts(columns, rows)

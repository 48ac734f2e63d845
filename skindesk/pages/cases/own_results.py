"""How the networks did on confirmed cases of one's own, and why that says little of all lesions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QStackedWidget, QVBoxLayout, QWidget

from skindesk.background import Question
from skindesk.models.cases.reading import confirmed_cases
from skindesk.models.cases.scoring import OwnResults, Rate, results_of
from skindesk.pages.cases.words import cases_counted, confirmed_by, tr
from skindesk.widgets.basics import Card, EmptyState, muted, scrolling
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
    from trainer.predictions import AppliedPoint


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
        self.basis.setTextFormat(Qt.TextFormat.PlainText)
        card.body.addWidget(self.network)
        card.body.addWidget(self.basis)
        column.addWidget(card)
        rates = Card(tr("Rates"))
        self.table = FactTable(tr("Rates"))
        rates.body.addWidget(self.table)
        rates.body.addWidget(
            muted(tr("Intervals are 95 % and count lesions: cases of one lesion are alike."), wrap=True)
        )
        column.addWidget(rates)
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
        self.table.show_facts(_facts(result))


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
        else tr("No case is confirmed as a class that this network knows.")
    ]
    if result.unreliable:
        said.append(
            tr("Included: {cases} with images unlike the training images, or too poor.").format(
                cases=cases_counted(result.unreliable)
            )
        )
    if result.unknown:
        names = ", ".join(f"{class_label(name, ())} ({n:,})" for name, n in sorted(result.unknown.items()))
        said.append(
            tr("Left out, as the network does not know the confirmed class: {names}.").format(names=names)
        )
    said.append(tr("Bundle {hash}.").format(hash=result.network.bundle_hash))
    return " ".join(said)


def _facts(result: OwnResults) -> Facts:
    network = result.network
    rows = [
        Fact(tr("All"), section=True),
        _fact(tr("Predicted class is the confirmed one"), result.accuracy),
        _fact(tr("Malignant, predicted malignant"), result.sensitivity),
        _fact(tr("Benign, predicted benign"), result.specificity),
    ]
    if result.point is not None:
        rows += _point_facts(result, result.point)
    rows.append(Fact(tr("Predicted class is the confirmed one, by confirmed class"), section=True))
    rows += [
        _fact(class_label(name, network.marks.malignant), rate, colour=class_colour(name, network.classes))
        for name, rate in result.recalls.items()
    ]
    columns = ("", tr("Lesions"), tr("Cases"), tr("Of these"), tr("Share"), tr("95 % interval, %"))
    hints = ("", "", tr("Cases that count"), tr("Cases for which it holds"))
    return Facts(columns, tuple(rows), hints)


def _point_facts(result: OwnResults, point: AppliedPoint) -> list[Fact]:
    of_malignant = point.target == MALIGNANT
    heading = tr("Operating point: {target} above {threshold}, chosen for {sensitivity} sensitivity").format(
        target=tr("malignant") if of_malignant else class_label(point.target, ()),
        threshold=percent(point.threshold),
        sensitivity=chosen_percent(point.sensitivity),
    )
    flagged = tr("Malignant, flagged by it") if of_malignant else tr("Of this class, flagged by it")
    passed = tr("Benign, not flagged") if of_malignant else tr("Of other classes, not flagged")
    return [Fact(heading, section=True), _fact(flagged, result.flagged), _fact(passed, result.passed)]


def _fact(title: str, rate: Rate, colour: str = "") -> Fact:
    figures = (percent(rate.value), ends(rate.low, rate.high)) if rate.cases else (NOTHING, NOTHING)
    return Fact(title, (f"{rate.lesions:,}", f"{rate.cases:,}", f"{rate.hits:,}", *figures), colour=colour)

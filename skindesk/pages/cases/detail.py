"""One case: its lesion over time, the saved result, what it was found to be, the note, the patient."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from skindesk.background import Question
from skindesk.choice_words import deciding_figures
from skindesk.flag_words import flag_title, reasons
from skindesk.models.cases.reading import OpenedCase, cases_of_lesion, open_case
from skindesk.models.diagnosis.patient import translated_entries
from skindesk.pages.cases.confirming import ConfirmedCard
from skindesk.pages.cases.over_time import OverTime
from skindesk.pages.cases.words import tr
from skindesk.widgets.basics import Card, ElidedLabel, muted, primary_button, scrolling
from skindesk.widgets.fold import FoldButton
from skindesk.widgets.notice import Notice
from skindesk.widgets.plots.probability_bars import ProbabilityBars, ProbabilityRow
from skindesk.widgets.theme import SPACE, class_label, set_role
from skindesk.widgets.verdict import Headline, PredictionSet
from trainer.palette import class_colour
from trainer.predictions import choice_of
from trainer.wording import percent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PySide6.QtGui import QAction

    from skindesk.models.cases.cases import CasesModel
    from skindesk.models.cases.moments import Moment
    from skindesk.models.cases.record import CaseSummary, SavedDiagnosis

_NOTE_HEIGHT = 72  # pixels; three lines
_TYPING_MS = 600  # after the last key, before a note is stored
_EDGE = SPACE // 2


class _ResultCard(Card):
    """What the network said when the case was saved."""

    def __init__(self) -> None:
        super().__init__(tr("Saved result"))
        self.flag = QLabel()
        self.flag.setWordWrap(True)
        set_role(self.flag, "alert")
        self.headline, self.prediction_set = Headline(), PredictionSet()
        self.fold = FoldButton(tr("Show the probabilities anyway"), tr("They mean little for such an image"))
        self.fold.toggled.connect(self._unfold)
        self.predicted = QLabel()
        set_role(self.predicted, "figure")
        self.predicted.setWordWrap(True)
        self.figures = QLabel()
        self.figures.setWordWrap(True)
        self.bars = ProbabilityBars()
        self.malignant, self.basis = QLabel(), muted(wrap=True)
        self.basis.setTextFormat(Qt.TextFormat.PlainText)  # a person may have named the network anything
        self.warnings = Notice()
        self._shown: list[QWidget] = []
        self._folded = (
            self.headline,
            self.predicted,
            self.figures,
            self.bars,
            self.prediction_set,
            self.malignant,
        )
        for part in (self.flag, self.fold, *self._folded, self.warnings, self.basis):
            self.body.addWidget(part)

    def show_diagnosis(self, diagnosis: SavedDiagnosis) -> None:
        """Show a result, or that there is none; one that is flagged is folded away."""
        warned_of = diagnosis.warned_of
        self.flag.setText(flag_title(warned_of) if warned_of is not None else "")
        self.flag.setVisible(warned_of is not None)
        self.fold.setVisible(warned_of is not None)
        self._show_result(diagnosis)
        self._shown = [part for part in self._folded if not part.isHidden()]
        self.fold.setChecked(False)
        self._unfold(unfolded=not diagnosis.unreliable)

    def _unfold(self, unfolded: bool) -> None:
        for part in self._shown:
            part.setVisible(unfolded)

    def _show_result(self, diagnosis: SavedDiagnosis) -> None:
        network, decision = diagnosis.network, diagnosis.decision
        answered = network is not None and decision is not None
        self.predicted.show()
        for part in (self.bars, self.malignant):
            part.setVisible(answered)
        holds = decision is not None and not diagnosis.unreliable  # as on the Diagnosis page
        self.headline.show_point(decision.operating_point if decision is not None and holds else None)
        self.prediction_set.show_set(decision if holds else None)
        if network is None or decision is None:
            self.predicted.setText(tr("No result was saved"))
            self.figures.hide()
            self.warnings.clear()
            self.basis.hide()
            return
        malignant = network.marks.malignant
        known = set(decision.probabilities) <= set(network.shares)
        choice = choice_of(decision.probabilities, decision.predicted, network.shares) if known else None
        figures = deciding_figures(choice) if choice is not None else ""
        share = percent(decision.probabilities[decision.predicted])
        label = class_label(decision.predicted, malignant)
        self.predicted.setText(label if figures else f"{label}  {share}")
        self.figures.setText(figures)
        self.figures.setVisible(bool(figures))
        self.bars.set_rows(
            [
                ProbabilityRow(
                    label=class_label(name, malignant),
                    value=value,
                    colour=class_colour(name, network.classes),
                    chosen=name == decision.predicted,
                )
                for name, value in sorted(decision.probabilities.items(), key=lambda entry: -entry[1])
            ]
        )
        self.malignant.setVisible(decision.malignant_probability is not None)
        self.malignant.setText(
            tr("Malignant classes (▲) together: {share}").format(
                share=percent(decision.malignant_probability)
            )
        )
        if decision.warnings:
            self.warnings.show_note("\n".join(reasons(decision)))
        else:
            self.warnings.clear()
        self.basis.show()
        self.basis.setText(
            tr("Network {name}, bundle {hash}").format(name=network.name, hash=network.bundle_hash)
        )


class _NoteCard(Card):
    """A note; it is stored when a person pauses, or goes on.

    Signals:
        edited: another text is to be stored.
    """

    edited = Signal()

    def __init__(self) -> None:
        super().__init__(tr("Note"))
        self.field = QPlainTextEdit()
        self.field.setTabChangesFocus(True)
        self.field.setFixedHeight(_NOTE_HEIGHT)
        self.field.setAcceptDrops(False)
        self.field.setAccessibleName(tr("Note"))
        self.field.setPlaceholderText(tr("Kept with the case, on this machine only"))
        self.body.addWidget(self.field)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self.edited)
        self.field.textChanged.connect(self._typing.start)

    @property
    def pending(self) -> bool:
        """Whether something was typed that is not stored yet."""
        return self._typing.isActive()

    def show_note(self, note: str) -> None:
        """Show a note; where it is shown already, the cursor stays."""
        if not self.pending and self.field.toPlainText() != note:
            self.field.setPlainText(note)
        if self.field.toPlainText() == note:
            self._typing.stop()

    def settle(self) -> None:
        """Have stored at once what was typed."""
        if self.pending:
            self._typing.stop()
            self.edited.emit()


class CaseDetail(QWidget):
    """Shows the case that is selected; what is entered here is stored at once.

    Args:
        cases: all cases.
        open_action: diagnoses the selected case again.
    """

    def __init__(self, cases: CasesModel, open_action: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cases = cases
        self._case: CaseSummary | None = None
        self._opened: OpenedCase | None = None
        self._lesion: Sequence[OpenedCase] = ()
        self._reading: Question[tuple[OpenedCase, tuple[OpenedCase, ...]]] = Question(
            self._show, self._say, self
        )
        self.problem = Notice()
        self.over_time, self.result, self.confirmed = OverTime(), _ResultCard(), ConfirmedCard()
        self.note, self.patient = _NoteCard(), Card(tr("Patient"))
        self._fields = QFormLayout()
        self._fields.setSpacing(SPACE)
        self.patient.body.addLayout(self._fields)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, _EDGE, 0)
        column.setSpacing(2 * SPACE)
        column.addLayout(self._head(open_action))
        self._cards = (self.over_time, self.result, self.confirmed, self.note, self.patient)
        for card in (self.problem, *self._cards):
            column.addWidget(card)
        column.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolling(inside))
        self.confirmed.confirmed.connect(self._confirm)
        self.note.edited.connect(self._keep_note)
        self.over_time.day_entered.connect(self._keep_day)
        cases.days_changed.connect(self._read_anew)
        self.show_case(None)

    def _head(self, open_action: QAction) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        self.name = ElidedLabel()
        set_role(self.name, "title")
        row.addWidget(self.name, 1)
        self.open = primary_button(tr("Open in Diagnosis"), open_action.trigger)
        self.open.setToolTip(open_action.toolTip())
        row.addWidget(self.open)
        return row

    def show_case(self, case: CaseSummary | None) -> None:
        """Show a case; `None` for none."""
        before = self._case
        if before is not None and (case is None or case.case_id != before.case_id):
            self.note.settle()
        self._case = case
        self.setVisible(case is not None)
        if case is None:
            self._reading.forget()
            self._opened = None
            return
        self.name.setText(tr("Case {number}").format(number=case.number))
        self.open.setEnabled(not case.state.removed_at)
        if before is None or before.case_id != case.case_id:
            for card in self._cards:
                card.hide()
            self.problem.clear()
            self._opened = None
        if self._opened is None or self._is_older(before, case):
            self._read_anew()
        else:
            self._show_state()

    def _is_older(self, before: CaseSummary | None, case: CaseSummary) -> bool:
        return before is None or (before.revision, before.state.lesion) != (case.revision, case.state.lesion)

    def _read_anew(self) -> None:
        if self._case is not None:
            self._reading.ask(partial(_read, self._cases.folder, self._case))

    def _show(self, read: tuple[OpenedCase, tuple[OpenedCase, ...]]) -> None:
        self._opened, self._lesion = read
        diagnosis = self._opened.diagnosis
        self.problem.clear()
        self.over_time.show_lesion(self._lesion, self._opened.summary.case_id)
        self.result.show_diagnosis(diagnosis)
        for card in self._cards:
            card.show()
        self._show_state()

    def _show_state(self) -> None:
        if self._case is None or self._opened is None:
            return
        state, patient = self._case.state, self._case.patient
        self.confirmed.show_state(state, self._opened.diagnosis.network, len(self._of_lesion()))
        self.note.show_note(state.note)
        while self._fields.rowCount():
            self._fields.removeRow(0)
        for name, entry in translated_entries().items():
            text = getattr(patient, name)
            if text:
                value = QLabel(text)
                value.setTextFormat(Qt.TextFormat.PlainText)
                value.setWordWrap(True)
                value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                self._fields.addRow(muted(entry.title), value)
        self.patient.setVisible(bool(self._fields.rowCount()))

    def _of_lesion(self) -> list[CaseSummary]:
        lesion = self._case.state.lesion if self._case is not None else ""
        return [case for case in self._cases.cases if case.state.lesion == lesion]

    def _say(self, sentence: str) -> None:
        self.problem.show_error(sentence)

    def _confirm(self) -> None:
        self._cases.change(self._of_lesion(), lambda case: self.confirmed.entered(case.state))

    def _keep_day(self, moment: Moment, day: str) -> None:
        self._cases.change_day(moment.case.summary.case_id, moment.place, moment.image.taken, day)

    def _keep_note(self) -> None:
        if self._case is not None and self._opened is not None:
            text = self.note.field.toPlainText()
            self._cases.change([self._case], lambda case: replace(case.state, note=text))


def _read(folder: Path, case: CaseSummary) -> tuple[OpenedCase, tuple[OpenedCase, ...]]:
    """Read a case and those of its lesion; one that cannot be read hides only itself."""
    opened = open_case(folder, case.case_id)
    others = cases_of_lesion(folder, case.state.lesion)
    return opened, others or (opened,)

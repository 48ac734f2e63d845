"""What the lesion was found to be, and how: entered when it is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QLineEdit, QPushButton, QWidget

from skindesk.pages.cases.day_field import DayField
from skindesk.pages.cases.words import CONFIRMED_BY, confirmed_by, tr
from skindesk.widgets.basics import Card, muted
from skindesk.widgets.theme import SPACE, class_label, set_role
from skindesk.widgets.wheel import wheel_needs_focus

if TYPE_CHECKING:
    from skindesk.models.cases.record import CaseState, SavedNetwork


class ConfirmedCard(Card):
    """Holds for the lesion, and so for all its cases.

    Signals:
        confirmed: a person has entered something else; see `entered`.
    """

    confirmed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Confirmed diagnosis"), parent)
        self._take_back = QPushButton(tr("Clear"))
        set_role(self._take_back, "quiet")
        self._take_back.setToolTip(tr("The diagnosis is not confirmed after all"))
        self._take_back.clicked.connect(self._clear)
        self.header.addWidget(self._take_back)
        self.class_name = wheel_needs_focus(QComboBox())
        self.class_name.setEditable(True)
        self.class_name.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.class_name.setAccessibleName(tr("Confirmed class"))
        self._typed = QLineEdit()
        self._typed.setPlaceholderText(tr("Not confirmed yet"))
        self.class_name.setLineEdit(self._typed)
        self.how = wheel_needs_focus(QComboBox())
        self.how.setAccessibleName(tr("Confirmed by"))
        self.how.addItem(tr("Not stated"), "")
        for key in CONFIRMED_BY:
            self.how.addItem(confirmed_by(key), key)
        self.day = DayField(tr("Confirmed on"))
        form = QFormLayout()
        form.setSpacing(SPACE)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr("Class"), self.class_name)
        form.addRow(tr("Confirmed by"), self.how)
        form.addRow(tr("On"), self.day)
        self.body.addLayout(form)
        self._note = muted(wrap=True)
        self.body.addWidget(self._note)
        self.class_name.activated.connect(lambda _place: self._entered())
        self._typed.editingFinished.connect(self._entered)
        self.how.activated.connect(lambda _place: self._entered())
        self.day.entered.connect(self._entered)
        self._state: CaseState | None = None

    def show_state(self, state: CaseState, network: SavedNetwork | None, cases: int) -> None:
        """Show what is known.

        Args:
            state: of the case.
            network: whose classes are offered.
            cases: of the lesion.
        """
        self._state = state
        malignant = network.marks.malignant if network is not None else ()
        self.class_name.blockSignals(True)
        self.class_name.clear()
        for name in network.classes if network is not None else ():
            self.class_name.addItem(class_label(name, malignant), name)
        place = self.class_name.findData(state.confirmed_class) if state.confirmed_class else -1
        self.class_name.setCurrentIndex(place)
        if place < 0:
            self._typed.setText(state.confirmed_class)
        self.class_name.blockSignals(False)
        self.how.setCurrentIndex(max(0, self.how.findData(state.confirmed_by)))
        self.day.show_day(state.confirmed_on)
        known = bool(state.confirmed_class)
        self.how.setEnabled(known)
        self.day.setEnabled(known)
        self._take_back.setVisible(known)
        notes = []
        if known and network is not None and state.confirmed_class not in network.classes:
            notes.append(tr("The network does not know this class."))
        if cases > 1:
            notes.append(tr("Holds for all {n} cases of this lesion.").format(n=cases))
        self._note.setText(" ".join(notes))
        self._note.setVisible(bool(notes))

    def entered(self, state: CaseState) -> CaseState:
        """Return what is known of a case of this lesion with what is entered here."""
        name = self._class()
        if not name:
            return replace(state, confirmed_class="", confirmed_by="", confirmed_on="")
        return replace(
            state,
            confirmed_class=name,
            confirmed_by=str(self.how.currentData()),
            confirmed_on=self.day.day,
        )

    def _class(self) -> str:
        """Return the class that stands in the field, by the network's name for it."""
        text = self._typed.text().strip()
        place = self.class_name.findText(text)
        return str(self.class_name.itemData(place)) if place >= 0 else text

    def _entered(self) -> None:
        if self._state is not None and self.entered(self._state) != self._state:
            self.confirmed.emit()

    def _clear(self) -> None:
        self._typed.clear()
        self._entered()

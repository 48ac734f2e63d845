"""Fields about the patient and a note, folded away until they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from skindesk.models.diagnosis.patient import PatientFields
from skindesk.pages.diagnosis.fold import FoldButton
from skindesk.widgets.basics import Card, muted
from skindesk.widgets.theme import SPACE, set_role

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

_NOTE_HEIGHT = 88  # pixels; four lines
_LONGEST_FIELD = 200  # characters; a line of a report


class _Note(QPlainTextEdit):
    """A field for text that leaves with Tab, as every other field does."""

    def __init__(self) -> None:
        super().__init__()
        self.setTabChangesFocus(True)
        self.setFixedHeight(_NOTE_HEIGHT)
        # What is dropped anywhere on the page is an image, not text.
        self.setAcceptDrops(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave with Escape what belongs to the page."""
        if event.key() == Qt.Key.Key_Escape:
            event.ignore()
            return
        super().keyPressEvent(event)


class PatientCard(Card):
    """All fields are optional.

    Signals:
        changed: another text was entered.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._fold = FoldButton(
            self.tr("Patient and note"), self.tr("Fields for the PDF report; all are optional")
        )
        self._fold.toggled.connect(self._folded)
        self.header.insertWidget(0, self._fold)
        outer = self.layout()
        if outer is not None:
            outer.setContentsMargins(2 * SPACE, SPACE, 2 * SPACE, SPACE)
            outer.setSpacing(0)
        self._hint = muted(self.tr("For the PDF, optional"))
        self.header.addWidget(self._hint)
        self._inside = QWidget()
        set_role(self._inside, "plain")
        layout = QVBoxLayout(self._inside)
        layout.setContentsMargins(0, SPACE, 0, SPACE)
        layout.setSpacing(SPACE)
        form = QFormLayout()
        form.setSpacing(SPACE)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.name = self._field(form, self.tr("Name"))
        self.patient_id = self._field(form, self.tr("Patient ID"))
        self.born = self._field(form, self.tr("Born"), self.tr("As it should read in the report"))
        self.age = self._field(form, self.tr("Age"), self.tr("For example: 52 years"))
        self.sex = self._field(form, self.tr("Sex"))
        self.site = self._field(
            form, self.tr("Site"), self.tr("Where the lesion is, for example: left forearm")
        )
        self.examiner = self._field(form, self.tr("Examiner"))
        layout.addLayout(form)
        layout.addWidget(muted(self.tr("Note")))
        self.note = _Note()
        self.note.setAccessibleName(self.tr("Note"))
        self.note.setPlaceholderText(self.tr("What else should stand in the report"))
        self.note.textChanged.connect(self.changed)
        layout.addWidget(self.note)
        layout.addWidget(
            muted(self.tr("Kept on this machine alone, until you begin a new lesion."), wrap=True)
        )
        self.body.addWidget(self._inside)
        self._folded(unfolded=False)

    def _field(self, form: QFormLayout, words: str, example: str = "") -> QLineEdit:
        field = QLineEdit()
        field.setMaxLength(_LONGEST_FIELD)
        field.setAccessibleName(words)
        field.setPlaceholderText(example)
        field.setAcceptDrops(False)
        field.textChanged.connect(self.changed)
        form.addRow(words, field)
        return field

    def fields(self) -> PatientFields:
        """Return what was entered."""
        return PatientFields(
            name=self.name.text(),
            patient_id=self.patient_id.text(),
            born=self.born.text(),
            sex=self.sex.text(),
            age=self.age.text(),
            site=self.site.text(),
            examiner=self.examiner.text(),
            notes=self.note.toPlainText(),
        )

    def fill(self, entered: PatientFields) -> None:
        """Show what is entered; where it is shown already, the cursor stays."""
        self.blockSignals(True)  # until all are filled, the fields are of two patients
        for field, text in (
            (self.name, entered.name),
            (self.patient_id, entered.patient_id),
            (self.born, entered.born),
            (self.age, entered.age),
            (self.sex, entered.sex),
            (self.site, entered.site),
            (self.examiner, entered.examiner),
        ):
            if field.text() != text:
                field.setText(text)
        if self.note.toPlainText() != entered.notes:
            self.note.setPlainText(entered.notes)
        self.blockSignals(False)

    def unfold(self) -> None:
        """Show the fields."""
        self._fold.setChecked(True)

    def _folded(self, unfolded: bool) -> None:
        self._inside.setVisible(unfolded)
        self._hint.setVisible(not unfolded)

"""Fields about the patient and a note, folded away until they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from skindesk.models.diagnosis.patient import PatientFields, translated_entries
from skindesk.widgets.basics import Card, muted
from skindesk.widgets.fold import FoldButton
from skindesk.widgets.theme import SPACE, set_role

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

    from skindesk.settings import Settings

_NOTE_HEIGHT = 88  # pixels; four lines


class _Line(QLineEdit):
    """A field for one line."""

    def __init__(self, longest: int) -> None:
        super().__init__()
        self.setMaxLength(longest)
        # What is dropped anywhere on the page is an image, not text.
        self.setAcceptDrops(False)

    @property
    def content(self) -> str:
        """What is entered."""
        return self.text()

    def set_content(self, text: str) -> None:
        """Show a text."""
        self.setText(text)


class _Note(QPlainTextEdit):
    """A field for text of several lines that leaves with Tab, as every other field does."""

    def __init__(self) -> None:
        super().__init__()
        self.setTabChangesFocus(True)
        self.setFixedHeight(_NOTE_HEIGHT)
        self.setAcceptDrops(False)

    @property
    def content(self) -> str:
        """What is entered."""
        return self.toPlainText()

    def set_content(self, text: str) -> None:
        """Show a text."""
        self.setPlainText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave with Escape what belongs to the page."""
        if event.key() == Qt.Key.Key_Escape:
            event.ignore()
            return
        super().keyPressEvent(event)


class PatientCard(Card):
    """All fields are optional.

    Attributes:
        editors: the fields, by the names of `PatientFields`.

    Signals:
        changed: another text was entered.
    """

    changed = Signal()

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._settings = settings
        self.editors: dict[str, _Line | _Note] = {}
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
        for name, entry in translated_entries().items():
            editor = self.editors[name] = _Line(entry.longest) if entry.longest else _Note()
            editor.setAccessibleName(entry.title)
            editor.setPlaceholderText(entry.hint)
            editor.textChanged.connect(self.changed)
            if entry.longest:
                form.addRow(entry.title, editor)
            else:  # over the whole width
                form.addRow(muted(entry.title))
                form.addRow(editor)
        layout.addLayout(form)
        self.keep = QCheckBox(self.tr("Keep these details on this machine"))
        self.keep.setToolTip(
            self.tr(
                "Store them with the unfinished diagnosis and with saved cases; holds until you change it"
            )
        )
        self.keep.toggled.connect(lambda kept: settings.set_value("keep_patient", kept))
        layout.addWidget(self.keep)
        self.kept = muted(wrap=True)
        layout.addWidget(self.kept)
        settings.changed.connect(self._setting_changed)
        self._setting_changed("keep_patient")
        self.body.addWidget(self._inside)
        self._folded(unfolded=False)

    def fields(self) -> PatientFields:
        """Return what was entered."""
        return msgspec.convert({name: editor.content for name, editor in self.editors.items()}, PatientFields)

    def fill(self, entered: PatientFields) -> None:
        """Show what is entered; where it is shown already, the cursor stays."""
        self.blockSignals(True)  # until all are filled, the fields are of two patients
        for name, editor in self.editors.items():
            text = getattr(entered, name)
            if editor.content != text:
                editor.set_content(text)
        self.blockSignals(False)

    def unfold(self) -> None:
        """Show the fields."""
        self._fold.setChecked(True)

    def _setting_changed(self, key: str) -> None:
        if key == "keep_patient":
            kept = self._settings.flag(key)
            self.keep.setChecked(kept)
            self.kept.setText(
                self.tr("Stored with the unfinished diagnosis and with cases you save, and nowhere else.")
                if kept
                else self.tr(
                    "Not stored: they appear in the PDF, and are gone when you start a new lesion or close SkinDesk."
                )
            )

    def _folded(self, unfolded: bool) -> None:
        self._inside.setVisible(unfolded)
        self._hint.setVisible(not unfolded)

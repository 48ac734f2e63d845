"""The field for what a backbone starts from: ImageNet's weights, random ones, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QVBoxLayout

from skindesk.widgets.basics import ElidedLabel
from skindesk.widgets.file_choice import FileChoice
from skindesk.widgets.form.editors import Editor, RefusedError
from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE, set_role
from skindesk.widgets.wheel import wheel_needs_focus

if TYPE_CHECKING:
    from skindesk.settings import Settings
    from trainer.config.fields import Value

_IMAGENET, _RANDOM, _FILE = range(3)


class WeightsEditor(Editor):
    """Chooses `imagenet`, `random` or the path of a weights file."""

    def __init__(self, name: str, tip: str, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._path = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        row = QHBoxLayout()
        row.setSpacing(SPACE // 2)
        self.box = wheel_needs_focus(QComboBox())
        self.box.addItems([self.tr("ImageNet"), self.tr("Random"), self.tr("A file…")])
        self.box.activated.connect(self._on_chosen)
        row.addWidget(self.box, 1)
        self._open = QToolButton()
        self._open.setIcon(icon("open"))
        self._open.setToolTip(self.tr("Choose another weights file"))
        self._open.setAccessibleName(self.tr("Choose another weights file"))
        set_role(self._open, "quiet")
        self._open.clicked.connect(self.ask)
        row.addWidget(self._open)
        layout.addLayout(row)
        self._file = ElidedLabel()
        set_role(self._file, "muted")
        layout.addWidget(self._file)
        self.watch(self.box, name, tip)
        self.show_value("imagenet")

    def show_value(self, value: Value) -> None:
        """Show a choice; a text that is neither of the two words is the path of a file."""
        text = str(value)
        place = {"imagenet": _IMAGENET, "random": _RANDOM}.get(text, _FILE)
        self._path = text if place == _FILE else ""
        self.box.setCurrentIndex(place)
        self._show_file()

    def read(self) -> Value:
        """Return the choice.

        Raises:
            RefusedError: a file is to be used, and there is none.
        """
        if self.box.currentIndex() != _FILE:
            return ("imagenet", "random")[self.box.currentIndex()]
        if not self._path or not Path(self._path).is_file():
            raise RefusedError(self.tr("Choose an existing weights file."))
        return self._path

    def set_file(self, path: str) -> None:
        """Use a file."""
        self._path = path
        self.box.setCurrentIndex(_FILE)
        self._show_file()
        self.edited.emit()

    def _on_chosen(self, place: int) -> None:
        self._show_file()
        if place == _FILE and not self._path:
            self.ask()
        self.edited.emit()

    def ask(self) -> None:
        """Ask for a weights file."""
        choice = FileChoice(self, self._settings, "weights_folder", self._settings.text("weights_dir"))
        kinds = (self.tr("Weights (*.h5 *.hdf5)"), self.tr("All files (*)"))
        choice.open_file(self.tr("Weights file"), kinds, lambda file: self.set_file(str(file)))

    def _show_file(self) -> None:
        chosen = self.box.currentIndex() == _FILE
        self._open.setVisible(chosen)
        self._file.setVisible(chosen and bool(self._path))
        self._file.setText(Path(self._path).name)
        self._file.setToolTip(self._path)

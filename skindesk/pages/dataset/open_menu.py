"""The small menu beside the button that opens a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from skindesk.pages.dataset.words import layout_name
from skindesk.widgets.icons import icon
from trainer.dataset.reading.layouts import AUTO, LAYOUTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class OpenMenu(QMenu):
    """Other ways to open something, and what layout an import is told to expect.

    Signals:
        folder_asked, file_asked, again_asked: a folder or file is to be opened, the folder imported again.
        columns_asked: the columns of a table are to be chosen.
        recent_chosen(Path): a dataset that was open before is to be opened.
        layout_chosen(str): `auto`, or a name of `trainer.dataset.reading.layouts.LAYOUTS`.
    """

    folder_asked = Signal()
    file_asked = Signal()
    again_asked = Signal()
    columns_asked = Signal()
    recent_chosen = Signal(object)
    layout_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        folder = self.addAction(icon("open"), self.tr("Open a folder…"))
        folder.triggered.connect(lambda _checked=False: self.folder_asked.emit())
        file = self.addAction(icon("dataset"), self.tr("Open a dataset file…"))
        file.triggered.connect(lambda _checked=False: self.file_asked.emit())
        self.recent = self.addMenu(icon("dataset"), self.tr("Recent datasets"))
        self.recent.setToolTipsVisible(True)
        self.again = self.addAction(icon("refresh"), self.tr("Import again"))
        self.again.setToolTip(self.tr("Check the folder again for new and changed images"))
        self.again.triggered.connect(lambda _checked=False: self.again_asked.emit())
        self.columns = self.addAction(self.tr("Choose the columns…"))
        self.columns.setToolTip(
            self.tr("Choose the columns of a table that hold the image, the class and the lesion")
        )
        self.columns.triggered.connect(lambda _checked=False: self.columns_asked.emit())
        self.addSeparator()
        self.layouts = self.addMenu(self.tr("Layout of the folder"))
        group = QActionGroup(self)
        self._layouts: dict[str, QAction] = {}
        for name in (AUTO, *(layout.name for layout in LAYOUTS)):
            action = QAction(layout_name(name), self)
            action.setCheckable(True)
            action.triggered.connect(lambda _checked=False, chosen=name: self.layout_chosen.emit(chosen))
            group.addAction(action)
            self.layouts.addAction(action)
            self._layouts[name] = action
        self.choose_layout(AUTO)

    def show_recent(self, paths: Sequence[Path]) -> None:
        """Offer the datasets that were open before."""
        self.recent.clear()
        for path in paths:
            action = self.recent.addAction(path.stem.replace("&", "&&"))
            action.setToolTip(str(path))
            action.triggered.connect(lambda _checked=False, chosen=path: self.recent_chosen.emit(chosen))
        self.recent.setEnabled(bool(paths))

    def choose_layout(self, name: str) -> None:
        """Mark a layout."""
        self._layouts[name].setChecked(True)

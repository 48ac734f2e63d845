"""A table whose rows can be selected, any number of them, and sorted by any column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelection, QItemSelectionModel
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView

from skindesk.widgets.theme import SPACE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtWidgets import QWidget

ROW_HEIGHT = 32  # pixels


class RowTable(QTableView):
    """Shows the rows of a model, all of one height.

    Args:
        parent: as usual.
        row_height: pixels.
    """

    def __init__(self, parent: QWidget | None = None, row_height: int = ROW_HEIGHT) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSortingEnabled(True)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(row_height)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setMinimumSectionSize(6 * SPACE)

    @property
    def chosen_rows(self) -> list[int]:
        """The selected rows, from the top."""
        return sorted(index.row() for index in self.selectionModel().selectedRows())

    def choose_rows(self, rows: Iterable[int]) -> None:
        """Select rows, and no others."""
        selection = QItemSelection()
        for row in rows:
            index = self.model().index(row, 0)
            selection.select(index, index)
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(selection, flags.ClearAndSelect | flags.Rows)

    def show_row(self, row: int) -> None:
        """Make a row the current one, whatever is selected, and bring it into view."""
        index = self.model().index(row, 0)
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
        self.scrollTo(index)

    def choose_first(self) -> None:
        """Select the row at the top, if there is one."""
        if self.model().rowCount():
            self.selectRow(0)

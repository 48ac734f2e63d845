"""The table of runs: sorted by any column, renamed in place, the bundle for diagnosis marked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import (
    QModelIndex,
    QPersistentModelIndex,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtWidgets import QHeaderView, QStyledItemDelegate, QStyleOptionViewItem

from skindesk.models.runs.listing import COLUMNS, SORT_ROLE, SUMMARY_ROLE, RunsModel, RunStatus, RunSummary
from skindesk.widgets.icons import icon
from skindesk.widgets.row_table import ROW_HEIGHT, RowTable
from skindesk.widgets.theme import SPACE, emphasised, tokens_for

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QWidget

    from skindesk.settings import Settings

_LEAST_HEIGHT = 4 * ROW_HEIGHT + SPACE  # headings, two runs, a scroll bar
_NAME_WIDTH = 140  # pixels that a name has at least
_DATASET_WIDTH = 112  # pixels that a dataset's name has at least; a longer one is whole in the tooltip
_HEADER_ROOM = 3 * SPACE  # around a heading, for the arrow of the sorted column
_GIVE_WAY = ("stages", "dataset", "epochs", "accuracy", "backbone")
"""Columns that are left out where there is no room for all, the first one first; the run below says them, too."""
_HORIZONTAL = Qt.Orientation.Horizontal
_ICON = 16  # pixels


class _RunProxy(QSortFilterProxyModel):
    """Sorts runs; those without a figure come last either way."""

    def lessThan(
        self, left: QModelIndex | QPersistentModelIndex, right: QModelIndex | QPersistentModelIndex
    ) -> bool:
        one, other = left.data(SORT_ROLE), right.data(SORT_ROLE)
        descending = self.sortOrder() == Qt.SortOrder.DescendingOrder
        if isinstance(one, float) and isinstance(other, float) and (one < 0) != (other < 0):
            return (one < 0) == descending
        return bool(one < other)


class _RunDelegate(QStyledItemDelegate):
    """Marks the bundle for diagnosis and what needs a look; quiet where there is nothing to say."""

    def __init__(self, runs: RunsModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._runs = runs

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        run = cast("RunSummary", index.data(SUMMARY_ROLE))
        column = COLUMNS[index.column()]
        tokens = tokens_for(option.palette)
        if column == "name":
            option.textElideMode = Qt.TextElideMode.ElideMiddle  # names of runs differ in their ends
            if sign := self._sign(run):
                option.features |= QStyleOptionViewItem.ViewItemFeature.HasDecoration
                option.icon = icon(sign)
                option.decorationSize = QSize(_ICON, _ICON)
                # On the right, so that all names begin in one line.
                option.decorationPosition = QStyleOptionViewItem.Position.Right
            if self._runs.is_for_diagnosis(run):
                option.font = emphasised(option.font)
        colour = tokens.text
        if column in {"dataset", "backbone", "stages", "created"} or (column == "test" and run.test is None):
            colour = tokens.muted
        if column == "state":
            colour = {
                RunStatus.FAILED: tokens.danger,
                RunStatus.UNREADABLE: tokens.danger,
                RunStatus.INTERRUPTED: tokens.warning,
                RunStatus.RUNNING: tokens.accent,
            }.get(run.state, tokens.muted)
        for role in (option.palette.ColorRole.Text, option.palette.ColorRole.HighlightedText):
            option.palette.setColor(role, colour)

    def updateEditorGeometry(
        self,
        editor: QWidget,
        option: QStyleOptionViewItem,
        _index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Let a name be typed over the whole cell, inside its row."""
        editor.setGeometry(option.rect.adjusted(2, 1, -2, -1))

    def _sign(self, run: RunSummary) -> str:
        if self._runs.is_for_diagnosis(run):
            return "diagnosis"
        if run.problem and run.state is not RunStatus.FAILED:
            return "warning"
        return ""


class RunTable(RowTable):
    """Shows the runs; several can be selected. Order and widths that were chosen by hand are remembered.

    Signals:
        chosen_changed: other runs are selected, or something was learned of those that are.
        rename_asked(RunSummary, str): a name was typed.
    """

    chosen_changed = Signal()
    rename_asked = Signal(object, str)

    def __init__(self, runs: RunsModel, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs, self._settings = runs, settings
        self._chosen: tuple[Path, ...] = ()
        self._restoring = self._fitting = False
        self._drawn: dict[int, int] = {}  # widths that columns were drawn to by hand, pixels
        self._proxy = _RunProxy(self)
        self._proxy.setSourceModel(runs)
        self._proxy.setSortRole(SORT_ROLE)
        self._proxy.setDynamicSortFilter(True)
        self.setModel(self._proxy)
        self.setItemDelegate(_RunDelegate(runs, self))
        self.setAccessibleName(self.tr("Runs"))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self._sort_as_before()
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._widen_as_before()
        header.sectionResized.connect(self._column_moved)
        header.sortIndicatorChanged.connect(self._keep_order)
        self.selectionModel().selectionChanged.connect(self._selection_moved)
        runs.modelAboutToBeReset.connect(self._hold)
        runs.modelReset.connect(self._restore)
        runs.dataChanged.connect(self._learned)
        runs.refreshed.connect(self._fit_columns)
        runs.renamed.connect(self.rename_asked)

    @property
    def chosen(self) -> tuple[RunSummary, ...]:
        """The selected runs, in the order shown."""
        return tuple(
            cast("RunSummary", self._proxy.index(row, 0).data(SUMMARY_ROLE)) for row in self.chosen_rows
        )

    def wanted_height(self, most: int = sys.maxsize) -> int:
        """Return the height that shows every row, or so many of them, pixels."""
        high = self.horizontalHeader().height() + min(most, self._proxy.rowCount()) * ROW_HEIGHT
        bar = self.horizontalScrollBar()
        return high + bar.sizeHint().height() if bar.maximum() else high

    def rows_within(self, height: int) -> int:
        """Return how many rows are whole in a table of this height, pixels."""
        return (height - self.horizontalHeader().height()) // ROW_HEIGHT

    def choose(self, folders: tuple[Path, ...]) -> None:
        """Select the runs in these folders, as far as they are there."""
        found = [row for folder in folders if (row := self._runs.row_of(folder)) is not None]
        rows = [self._proxy.mapFromSource(self._runs.index(row, 0)).row() for row in found]
        self.choose_rows(rows)
        if rows:
            self.show_row(rows[0])

    def edit_name(self) -> None:
        """Let the name of the selected run be typed."""
        rows = self.selectionModel().selectedRows()
        if len(rows) == 1:
            self.setFocus()
            self.edit(rows[0].siblingAtColumn(COLUMNS.index("name")))

    def _selection_moved(self) -> None:
        if not self._restoring:
            self._chosen = tuple(run.folder for run in self.chosen)
            self.chosen_changed.emit()

    def _learned(self) -> None:
        self.chosen_changed.emit()

    def _hold(self) -> None:
        self._restoring = True

    def _restore(self) -> None:
        """Select again what was selected before other rows came."""
        self._restoring = False
        self.choose(self._chosen)
        self._chosen = tuple(run.folder for run in self.chosen)
        self.chosen_changed.emit()

    # --- order -------------------------------------------------------------------------------------------

    def _sort_as_before(self) -> None:
        order = self._settings.text("run_table_order")
        falling = Qt.SortOrder.DescendingOrder if order.startswith("-") else Qt.SortOrder.AscendingOrder
        column = order.removeprefix("-")
        self.sortByColumn(COLUMNS.index(column) if column in COLUMNS else 0, falling)

    def _keep_order(self, column: int, order: Qt.SortOrder) -> None:
        sign = "-" if order == Qt.SortOrder.DescendingOrder else ""
        self._settings.set_value("run_table_order", sign + COLUMNS[column])

    # --- widths ------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the names the room that is left."""
        super().resizeEvent(event)
        self._fit_columns()

    def _fit_columns(self) -> None:
        """Make columns as wide as what is in them, but those that were drawn to a width by hand; leave some out."""
        self.setMinimumHeight(min(self.wanted_height(), _LEAST_HEIGHT))
        widths = {at: self._drawn.get(at, self._wanted_width(at)) for at in range(1, len(COLUMNS))}
        name = self._drawn.get(0, _NAME_WIDTH)
        room = self.viewport().width() - sum(widths.values())
        dataset = COLUMNS.index("dataset")
        if dataset not in self._drawn:
            spared = max(0, min(name - room, widths[dataset] - _DATASET_WIDTH))
            widths[dataset] -= spared
            room += spared
        left_out = set()
        for at in map(COLUMNS.index, _GIVE_WAY):
            if room < name and at not in self._drawn:
                left_out.add(at)
                room += widths[at]
        widths[0] = self._drawn.get(0, max(_NAME_WIDTH, room))
        self._fitting = True
        for at, width in widths.items():
            self.setColumnHidden(at, at in left_out)
            if at not in left_out:
                self.setColumnWidth(at, width)
        self._fitting = False

    def _wanted_width(self, column: int) -> int:
        """Return the width of what is in a column, pixels."""
        lines = str(self._proxy.headerData(column, _HORIZONTAL)).splitlines()
        title = max(map(self.fontMetrics().horizontalAdvance, lines))
        return max(title + _HEADER_ROOM, self.sizeHintForColumn(column))

    def _widen_as_before(self) -> None:
        """Draw the columns that were drawn by hand before; the others have no width of their own."""
        widths = self._settings.sizes("run_table_widths")
        for column, width in enumerate(widths if len(widths) == len(COLUMNS) else ()):
            if width:
                self._drawn[column] = width
                self.setColumnWidth(column, width)

    def _column_moved(self, column: int, _before: int, now: int) -> None:
        if not self._fitting:
            self._drawn[column] = now
            widths = [self._drawn.get(at, 0) for at in range(len(COLUMNS))]
            self._settings.set_value("run_table_widths", widths)

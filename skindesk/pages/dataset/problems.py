"""What the import could not use, as a table that can be copied and saved."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableView,
    QWidget,
)

from skindesk.background import Errands
from skindesk.pages.dataset.words import passed_over, problem_kind, problems
from skindesk.widgets.basics import Card, EmptyState, muted
from skindesk.widgets.file_choice import FileChoice
from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE
from skindesk.widgets.wheel import wheel_needs_focus
from trainer.files import write_text
from trainer.tables import as_csv

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from PySide6.QtGui import QResizeEvent

    from skindesk.models.dataset.files import OpenDataset, Problem
    from skindesk.settings import Settings

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_COLUMNS = ("File or id", "Kind", "Reason")
_FILE, _KIND, _REASON = range(3)
_MOST_LINES = 4  # of a reason
_KIND_ROLE = Qt.ItemDataRole.UserRole


class ProblemTable(QAbstractTableModel):
    """Problems as rows: file or id, kind, reason."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._problems: tuple[Problem, ...] = ()
        self._root = ""

    def show_problems(self, found: tuple[Problem, ...], root: Path) -> None:
        """Show other problems."""
        self.beginResetModel()
        self._problems, self._root = found, str(root)
        self.endResetModel()

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Return the number of problems."""
        return 0 if parent.isValid() else len(self._problems)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the name of a column."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.tr(_COLUMNS[section])
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return a cell; the whole path and reason are in the tooltip."""
        problem = self._problems[index.row()]
        if role == _KIND_ROLE:
            return problem.kind
        if role == Qt.ItemDataRole.ToolTipRole:
            return problem.path if index.column() == _FILE and problem.path else problem.reason
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return self.cells(problem)[index.column()]

    def cells(self, problem: Problem) -> tuple[str, str, str]:
        """Return what is shown of a problem."""
        name = problem.path.removeprefix(self._root).lstrip("/\\") or problem.sample_id
        # The row names the file already, and every file lies in the one folder.
        reason = problem.reason
        for known in (problem.path, name):
            if known:
                reason = reason.removeprefix(f"{known} ")
        reason = reason.replace(f"{self._root}{os.sep}", "")
        return name, problem_kind(problem.kind), reason[:1].upper() + reason[1:]

    def problem(self, row: int) -> Problem:
        """Return a problem."""
        return self._problems[row]


class _OfKind(QSortFilterProxyModel):
    """Shows problems of one kind."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kind = ""

    def set_kind(self, kind: str) -> None:
        """Show one kind, or all for an empty one."""
        self._kind = kind
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        """Return whether a problem is of the kind."""
        source = self.sourceModel()
        return not self._kind or source.index(row, 0, parent).data(_KIND_ROLE) == self._kind


class _ProblemRows(QTableView):
    """The table, with rows as high as the longest reason needs; more than a few lines are whole in the tooltip."""

    longest_reason = ""

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the reasons at another width."""
        super().resizeEvent(event)
        self.fit_rows()

    def fit_rows(self) -> None:
        """Give every row the same height, so that thousands of them cost nothing."""
        metrics = self.fontMetrics()
        # The last column takes what the others leave, but not yet while the table is given another width.
        room = max(self.viewport().width() - self.columnWidth(_FILE) - self.columnWidth(_KIND) - 3 * SPACE, 1)
        # Lines are broken between words, so that none is quite full.
        lines = math.ceil(1.1 * metrics.horizontalAdvance(self.longest_reason) / room)
        high = metrics.lineSpacing() * min(max(lines, 1), _MOST_LINES) + 2 * SPACE
        self.verticalHeader().setDefaultSectionSize(high)


class ProblemsView(Card):
    """The table of problems.

    Signals:
        failed(str): a sentence: the table could not be saved.
    """

    failed = Signal(str)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Problems"), parent)
        self._settings = settings
        self.errands = Errands(self)
        self.model = ProblemTable(self)
        self._shown = _OfKind(self)
        self._shown.setSourceModel(self.model)
        self.table = _ProblemRows()
        self.table.setModel(self._shown)
        self.table.setSortingEnabled(True)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        self.table.setTabKeyNavigation(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.verticalHeader().hide()
        self.table.setAccessibleName(self.tr("Problems of the import"))
        header = self.table.horizontalHeader()
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.resizeSection(_FILE, 220)
        header.resizeSection(_KIND, 180)
        header.sectionResized.connect(self.table.fit_rows)
        header.setSortIndicator(_FILE, Qt.SortOrder.AscendingOrder)
        self.kinds = wheel_needs_focus(QComboBox())
        self.kinds.setAccessibleName(self.tr("Kind of problem"))
        self.kinds.setToolTip(self.tr("Show problems of one kind"))
        self.kinds.currentIndexChanged.connect(self._choose_kind)
        self._copy = QPushButton(icon("copy"), self.tr("Copy"))
        self._copy.setToolTip(self.tr("Copy the selected rows, or all"))
        self._copy.clicked.connect(lambda _checked=False: self.copy())
        self._export = QPushButton(icon("export"), self.tr("Save as CSV…"))
        self._export.clicked.connect(lambda _checked=False: self._ask_where())
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        for widget in (self.kinds, self._copy, self._export):
            row.addWidget(widget)
        self.header.addLayout(row)
        self._explanation = muted(
            self.tr("These files and rows are not in the dataset. Fix them, then import again."), wrap=True
        )
        self._none = EmptyState(
            "check", self.tr("No problems"), self.tr("All images and rows could be used.")
        )
        self.skipped = muted("", wrap=True)
        self.skipped.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.body.addWidget(self._explanation)
        self.body.addWidget(self.table, 1)
        self.body.addWidget(self._none, 1)
        self.body.addWidget(self.skipped)
        QShortcut(
            QKeySequence(QKeySequence.StandardKey.Copy),
            self.table,
            self.copy,
            context=Qt.ShortcutContext.WidgetShortcut,
        )

    def show_dataset(self, dataset: OpenDataset) -> None:
        """Show the problems of a dataset."""
        self.model.show_problems(dataset.problems, dataset.root)
        self.heading.setText(problems(len(dataset.problems)).capitalize())
        numbers: dict[str, int] = {}
        for problem in dataset.problems:
            numbers[problem.kind] = numbers.get(problem.kind, 0) + 1
        self.kinds.clear()
        self.kinds.addItem(self.tr("All kinds"), "")
        for kind, n in numbers.items():
            self.kinds.addItem(f"{problem_kind(kind)} ({n:,})", kind)
        anything = bool(dataset.problems)
        for widget in (self.heading, self.kinds, self._copy, self._export, self.table, self._explanation):
            widget.setVisible(anything)
        self._none.setVisible(not anything)
        reasons = (self.model.cells(problem)[_REASON] for problem in dataset.problems)
        self.table.longest_reason = max(reasons, key=len, default="")
        self.table.fit_rows()
        self.skipped.setText("\n".join(passed_over(dataset.passed_over)))
        self.skipped.setVisible(bool(dataset.passed_over))

    def copy(self) -> None:
        """Copy the selected rows, or all, as a table."""
        chosen = sorted({index.row() for index in self.table.selectionModel().selectedIndexes()})
        rows = chosen or list(range(self._shown.rowCount()))
        lines = ["\t".join(self._cells(row)) for row in rows]
        QGuiApplication.clipboard().setText("\n".join(lines))

    def save(self, path: Path) -> None:
        """Write the shown rows as CSV."""
        rows = self._whole(range(self._shown.rowCount()))
        text = as_csv(("file", "sample_id", "kind", "reason"), rows)
        self.errands.run(lambda: write_text(path, text), lambda _none: None, self.failed.emit)

    def _whole(self, rows: Iterable[int]) -> Iterable[Problem]:
        for row in rows:
            yield self.model.problem(self._shown.mapToSource(self._shown.index(row, 0)).row())

    def _cells(self, row: int) -> tuple[str, ...]:
        return tuple(str(self._shown.index(row, column).data()) for column in range(len(_COLUMNS)))

    def _choose_kind(self) -> None:
        self._shown.set_kind(str(self.kinds.currentData() or ""))

    def _ask_where(self) -> None:
        FileChoice(self, self._settings, "report_folder").save_file(
            self.tr("Save the problems"), "problems.csv", {self.tr("Table (*.csv)"): self.save}
        )

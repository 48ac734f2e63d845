"""The table of cases: any number of them can be selected."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QHeaderView, QStyledItemDelegate, QStyleOptionViewItem

from skindesk.models.cases.table import CASE_ROLE, COLUMNS, CaseTableModel
from skindesk.widgets.row_table import RowTable
from skindesk.widgets.theme import MALIGNANT_MARK, tokens_for
from trainer.dataset.classes.malignancy import malignancy_by_name

if TYPE_CHECKING:
    from collections.abc import Collection

    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QWidget

    from skindesk.models.cases.record import CaseSummary

_WIDTHS = {"number": 72, "saved": 96, "malignant": 116, "images": 80}  # pixels; the others share the rest
_SHARED = {"predicted": 164, "confirmed": 164, "patient": 104, "network": 96}  # pixels, at least
_QUIET = frozenset({"saved", "images", "network"})
_LEFT_OUT = ("network", "images", "patient", "saved", "confirmed")  # in this order where there is no room


class _CaseDelegate(QStyledItemDelegate):
    """Marks malignant classes, and says quietly what matters less."""

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        case = cast("CaseSummary", index.data(CASE_ROLE))
        column = COLUMNS[index.column()]
        confirmed = case.state.confirmed_class
        malignant = {
            "predicted": case.predicted_malignant and not case.unreliable,
            "confirmed": bool(confirmed) and malignancy_by_name(confirmed) == "malignant",
        }
        if malignant.get(column):
            option.text = f"{MALIGNANT_MARK} {option.text}"
        tokens = tokens_for(option.palette)
        colour = tokens.warning if column == "predicted" and case.unreliable else tokens.text
        colour = tokens.muted if column in _QUIET else colour
        for role in (option.palette.ColorRole.Text, option.palette.ColorRole.HighlightedText):
            option.palette.setColor(role, colour)


class CaseTable(RowTable):
    """Shows cases.

    Signals:
        chosen_changed: other cases are selected, or something was learned of those that are.
        open_asked: a case is to be opened.
    """

    chosen_changed = Signal()
    open_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen: tuple[str, ...] = ()
        self._filling = False
        self.cases = CaseTableModel(self)
        self.cases.modelAboutToBeReset.connect(self._hold)
        self.setModel(self.cases)
        self.cases.modelReset.connect(self._restore)
        self.setItemDelegate(_CaseDelegate(self))
        self.setAccessibleName(self.tr("Cases"))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        self.selectionModel().selectionChanged.connect(self._selection_moved)
        self.doubleClicked.connect(lambda _index: self.open_asked.emit())

    @property
    def chosen(self) -> tuple[CaseSummary, ...]:
        """The selected cases, in the order shown."""
        return tuple(self.cases.rows[row] for row in self.chosen_rows)

    def choose(self, case_ids: Collection[str]) -> None:
        """Select cases, as far as they are shown; the first of them is brought into view."""
        rows = [row for row, case in enumerate(self.cases.rows) if case.case_id in case_ids]
        self.choose_rows(rows)
        if rows:
            self.show_row(rows[0])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width among the columns; what there is no room for is left out."""
        super().resizeEvent(event)
        shown = [*COLUMNS]
        room = self.viewport().width()
        needed = _WIDTHS | _SHARED
        for name in _LEFT_OUT:
            if sum(needed[column] for column in shown) > room:
                shown.remove(name)
        spare = max(0, room - sum(needed[column] for column in shown))
        sharing = [column for column in shown if column in _SHARED]
        for place, column in enumerate(COLUMNS):
            self.setColumnHidden(place, column not in shown)
            more = spare // len(sharing) if column in sharing else 0
            self.setColumnWidth(place, needed[column] + more)

    def _selection_moved(self) -> None:
        if not self._filling:
            self._chosen = tuple(case.case_id for case in self.chosen)
            self.chosen_changed.emit()

    def _hold(self) -> None:
        self._filling = True

    def _restore(self) -> None:
        """Select again what was selected, as far as it is still shown."""
        self.choose(self._chosen)
        self._filling = False
        self._selection_moved()

"""A table of facts to be read, copied and not changed: figures of classes, runs side by side, counts of parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QKeySequence, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QSizePolicy, QTableView

from skindesk.widgets.theme import emphasised, tokens_for

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QResizeEvent
    from PySide6.QtWidgets import QWidget

Index: TypeAlias = QModelIndex | QPersistentModelIndex
_NO_INDEX = QModelIndex()
_SWATCH = 10  # pixels
_ROW_HEIGHT = 28  # pixels
_TITLE_ROOM = 200  # pixels that titles have at most where all columns do not fit
_WIDEST = 320  # pixels of a column; a run's name may be as long as a sentence


@dataclass(frozen=True)
class Fact:
    """A row.

    Attributes:
        title: in the first column.
        cells: in the others.
        hint: tooltip of the title.
        section: it is the heading of what follows.
        strong: it stands out.
        colour: of a swatch before the title; empty for none.
    """

    title: str
    cells: tuple[str, ...] = ()
    hint: str = ""
    section: bool = False
    strong: bool = False
    colour: str = ""


@dataclass(frozen=True)
class Facts:
    """A table.

    Attributes:
        columns: headings, the first of them above the titles.
        rows: from top to bottom.
        hints: tooltips of the headings, as far as there are any.
        numbers: whether the cells are figures in columns, which stand on the right.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[Fact, ...] = ()
    hints: tuple[str, ...] = ()
    numbers: bool = True


class FactModel(QAbstractTableModel):
    """Facts as rows and columns."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._facts = Facts()
        self._bold = QFont()
        self._muted = QColor()

    def show_facts(self, facts: Facts) -> None:
        """Show other facts."""
        self.beginResetModel()
        self._facts = facts
        self.endResetModel()

    def dress(self, font: QFont, muted: QColor) -> None:
        """Take the font and the colour for what is said aside."""
        self._bold, self._muted = emphasised(font), muted

    @property
    def facts(self) -> Facts:
        """What is shown."""
        return self._facts

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self._facts.rows)

    def columnCount(self, parent: Index = _NO_INDEX) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self._facts.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the headings."""
        if orientation != Qt.Orientation.Horizontal or section >= len(self._facts.columns):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._facts.columns[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            hints = self._facts.hints
            return hints[section] if section < len(hints) else self._facts.columns[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return a cell."""
        if not index.isValid():
            return None
        fact, column = self._facts.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(column)
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(fact, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return fact.hint or None if column == 0 else _text(fact, column) or None
        return self._dress_of(fact, column, role)

    def _dress_of(self, fact: Fact, column: int, role: int) -> object:
        if role == Qt.ItemDataRole.FontRole and (fact.strong or fact.section):
            return self._bold
        if role == Qt.ItemDataRole.ForegroundRole and fact.section:
            return self._muted
        if role == Qt.ItemDataRole.DecorationRole and column == 0 and fact.colour:
            swatch = QPixmap(QSize(_SWATCH, _SWATCH))
            swatch.fill(tokens_for(QGuiApplication.palette()).seen(QColor(fact.colour)))
            return swatch
        return None

    def _alignment(self, column: int) -> int:
        right = self._facts.numbers and column
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        return int((side | Qt.AlignmentFlag.AlignVCenter).value)

    def as_text(self) -> str:
        """Return the table with tabs between its cells, for a spreadsheet."""
        width = len(self._facts.columns)
        lines = ["\t".join(self._facts.columns)]
        lines += ["\t".join(_text(fact, column) for column in range(width)) for fact in self._facts.rows]
        return "\n".join(lines) + "\n"


def _text(fact: Fact, column: int) -> str:
    if column == 0:
        return fact.title
    return fact.cells[column - 1] if column <= len(fact.cells) else ""


class FactTable(QTableView):
    """Shows facts as high as they are: what is around it scrolls. Ctrl+C copies the whole table."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.facts = FactModel(self)
        self.setModel(self.facts)
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setStretchLastSection(False)

    def show_facts(self, facts: Facts) -> None:
        """Show other facts."""
        self.facts.dress(self.font(), tokens_for(self.palette()).muted)
        self.facts.show_facts(facts)
        # Figures stand together on the right; words begin on the left.
        self.horizontalHeader().setStretchLastSection(not facts.numbers)
        self.clearSpans()
        for row, fact in enumerate(facts.rows):
            if fact.section and len(facts.columns) > 1:
                self.setSpan(row, 0, 1, len(facts.columns))
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Follow another font or scheme."""
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.FontChange} and hasattr(self, "facts"):
            self.facts.dress(self.font(), tokens_for(self.palette()).muted)
            self._fit()
            self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make room for a scroll bar where the columns do not fit."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Make columns as wide as what is in them, and the table as high as its rows.

        Titles beside figures take the room that these leave, and at least that of a usual title.
        """
        header = self.horizontalHeader()
        widths = [
            min(max(self.sizeHintForColumn(column), header.sectionSizeHint(column)), _WIDEST)
            for column in range(header.count())
        ]
        if widths and self.facts.facts.numbers:
            widths[0] = max(min(widths[0], _TITLE_ROOM), self.viewport().width() - sum(widths[1:]))
        for column, width in enumerate(widths):
            header.resizeSection(column, width)
        rows = self.facts.rowCount() * _ROW_HEIGHT
        height = rows + (header.sizeHint().height() if header.isVisibleTo(self) else 0)
        if header.length() > self.viewport().width():
            height += self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(height + 2)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy the table."""
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.facts.as_text())
            return
        super().keyPressEvent(event)

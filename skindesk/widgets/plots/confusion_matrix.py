"""The confusion matrix: a table with a cell for each class and predicted class, for mouse, keyboard and screen reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from PySide6.QtCore import (
    QAbstractTableModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QStyle, QStyledItemDelegate, QTableView

from skindesk.widgets.quantities import part_of_images
from skindesk.widgets.theme import SPACE, class_label, contrast, emphasised, tokens_for
from trainer.wording import percent

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from PySide6.QtGui import QKeyEvent, QPaintEvent, QResizeEvent
    from PySide6.QtWidgets import QStyleOptionViewItem, QWidget

    from skindesk.widgets.theme import Tokens

Index: TypeAlias = QModelIndex | QPersistentModelIndex
_NO_INDEX = QModelIndex()
_SMALLEST_CELL = QSize(52, 32)  # pixels; a short class name with its mark above, three digits inside
_LARGEST_CELL = QSize(96, 64)  # pixels
_LONGEST_HEAD = 160  # pixels
_READABLE = 4.5  # contrast of the numbers to the ground of any cell


@dataclass(frozen=True)
class Cell:
    """A cell, by the indices of the true and the predicted class."""

    truth: int
    predicted: int


class _Counts(QAbstractTableModel):
    """Images by true class (row) and predicted class (column)."""

    def __init__(self) -> None:
        super().__init__()
        self._classes: tuple[str, ...] = ()
        self._malignant: frozenset[str] = frozenset()
        self._counts: list[list[int]] = []
        self.shares = False

    def show(
        self, classes: Sequence[str], malignant: Collection[str], counts: Sequence[Sequence[int]]
    ) -> None:
        """Take over a matrix."""
        self.beginResetModel()
        self._classes, self._malignant = tuple(classes), frozenset(malignant)
        self._counts = [list(row) for row in counts]
        self.endResetModel()

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        """Return the number of classes."""
        return 0 if parent.isValid() else len(self._classes)

    def columnCount(self, parent: Index = _NO_INDEX) -> int:
        """Return the number of classes."""
        return self.rowCount(parent)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return a cell's figure, or the cell in words."""
        cell = Cell(index.row(), index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            if not self.shares:
                return f"{self.count(cell):,}"
            return f"{100 * self.share(cell):.1f}" if sum(self._counts[cell.truth]) else "–"
        if role in {Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole}:
            return self.describe(cell)
        return None

    def headerData(
        self, section: int, _orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the short name of a class, and its full one as a tooltip."""
        if role == Qt.ItemDataRole.DisplayRole:
            return class_label(self._classes[section], self._malignant, full=False)
        if role in {Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole}:
            return self._name(section)
        return None

    def count(self, cell: Cell) -> int:
        """Return the number of images of a cell."""
        return self._counts[cell.truth][cell.predicted]

    def share(self, cell: Cell) -> float:
        """Return the share of a cell in its row, 0 to 1."""
        return self.count(cell) / max(1, sum(self._counts[cell.truth]))

    def describe(self, cell: Cell) -> str:
        """Return a cell in words."""
        row = sum(self._counts[cell.truth])
        return self.tr("{truth}, predicted as {predicted}: {images}{share}").format(
            truth=self._name(cell.truth),
            predicted=self._name(cell.predicted),
            images=part_of_images(self.count(cell), row),
            share=f", {percent(self.share(cell))}" if row else "",
        )

    def _name(self, place: int) -> str:
        return class_label(self._classes[place], self._malignant)


class _Heads(QHeaderView):
    """Names of the classes along one side of the table, and outside of them what the side stands for."""

    def __init__(self, orientation: Qt.Orientation, axis: str) -> None:
        super().__init__(orientation)
        self._axis = axis
        self._upright = orientation == Qt.Orientation.Horizontal
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    def fit(self) -> None:
        """Take the room that the names need."""
        metrics, model = self.fontMetrics(), self.model()
        if self._upright:
            self.setFixedHeight(2 * metrics.height() + 2 * SPACE)
            return
        names = [str(model.headerData(place, self.orientation())) for place in range(self.count())]
        widest = max(map(metrics.horizontalAdvance, names), default=0)
        self.setFixedWidth(3 * SPACE + min(widest, _LONGEST_HEAD) + metrics.height())

    def paintSection(self, painter: QPainter, place: QRect, section: int) -> None:
        """Paint a name beside the axis."""
        metrics, line = self.fontMetrics(), self.fontMetrics().height()
        if self._upright:
            room = place.adjusted(2, line + SPACE // 2, -2, -SPACE // 2)
            where = Qt.AlignmentFlag.AlignCenter
        else:
            room = place.adjusted(line, 0, -SPACE, 0)
            where = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        name = str(self.model().headerData(section, self.orientation()))
        painter.setPen(tokens_for(self.palette()).text)
        painter.drawText(room, where, metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room.width()))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the names, then the axis in the middle of what is seen of them."""
        super().paintEvent(event)
        painter, line = QPainter(self.viewport()), self.fontMetrics().height()
        painter.setPen(tokens_for(self.palette()).muted)
        seen = min(self.length(), self.viewport().width() if self._upright else self.viewport().height())
        if not self._upright:
            painter.translate(0, seen)
            painter.rotate(-90)
        painter.drawText(QRect(0, 0, seen, line), Qt.AlignmentFlag.AlignCenter, self._axis)


class _CellPainter(QStyledItemDelegate):
    """Paints a cell: its ground is its share of the row, its frame says what is opened, current or hovered."""

    def __init__(self, model: _Counts, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self.opened: Cell | None = None

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one cell."""
        cell = Cell(index.row(), index.column())
        tokens = tokens_for(option.palette)
        inside = QRectF(option.rect).adjusted(1, 1, -1, -1)
        right = cell.truth == cell.predicted
        colour = tokens.accent if right else tokens.danger
        ground = _mixed(tokens.surface, colour, _strongest(tokens, colour) * self._model.share(cell))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(inside, 4, 4)
        painter.setPen(tokens.text if self._model.count(cell) else tokens.muted)
        font = option.font
        painter.setFont(emphasised(font) if right else font)
        painter.drawText(inside, Qt.AlignmentFlag.AlignCenter, str(index.data()))
        self._paint_frame(painter, tokens, inside, cell, option.state)
        painter.restore()

    def _paint_frame(
        self, painter: QPainter, tokens: Tokens, inside: QRectF, cell: Cell, state: QStyle.StateFlag
    ) -> None:
        if cell == self.opened:
            _frame(painter, inside, tokens.text, 2.0)
        elif state & QStyle.StateFlag.State_HasFocus:
            _frame(painter, inside, tokens.accent, 2.0)
            _frame(painter, inside.adjusted(2, 2, -2, -2), tokens.surface, 1.0)  # seen on any ground
        elif state & QStyle.StateFlag.State_MouseOver:
            _frame(painter, inside, tokens.muted, 1.0)
        else:
            _frame(painter, inside, tokens.border, 1.0)


class ConfusionMatrix(QTableView):
    """Rows are the true classes, columns the predicted ones; a cell's ground is its share of the row.

    Arrow keys move, Enter and Space open, as a click does.

    Signals:
        opened(Cell): the images behind a cell are asked for.
    """

    opened = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = _Counts()
        self._painter = _CellPainter(self._model, self)
        self._heads = (
            _Heads(Qt.Orientation.Horizontal, self.tr("Predicted class")),
            _Heads(Qt.Orientation.Vertical, self.tr("True class")),
        )
        self.setHorizontalHeader(self._heads[0])
        self.setVerticalHeader(self._heads[1])
        self.setModel(self._model)
        self.setItemDelegate(self._painter)
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMouseTracking(True)
        self.entered.connect(lambda _index: self.viewport().setCursor(Qt.CursorShape.PointingHandCursor))
        self.viewportEntered.connect(lambda: self.viewport().unsetCursor())
        self.clicked.connect(lambda index: self.open_cell(Cell(index.row(), index.column())))
        self.setAccessibleName(self.tr("Confusion matrix"))

    def show_matrix(
        self, classes: Sequence[str], malignant: Collection[str], counts: Sequence[Sequence[int]]
    ) -> None:
        """Show a matrix.

        Args:
            classes: c names.
            malignant: those that are marked.
            counts: images by true class (row) and predicted class (column), c x c.
        """
        self._painter.opened = None
        self._model.show(classes, malignant, counts)
        self.setCurrentIndex(self._model.index(0, 0))
        self._fit()

    def show_shares(self, shares: bool) -> None:
        """Write the share of the row in percent into the cells, or the number of images."""
        self._model.shares = shares
        self.viewport().update()

    @property
    def current(self) -> Cell:
        """The cell the keyboard is at."""
        return Cell(self.currentIndex().row(), self.currentIndex().column())

    def count(self, cell: Cell) -> int:
        """Return the number of images of a cell."""
        return self._model.count(cell)

    def describe(self, cell: Cell) -> str:
        """Return a cell in words."""
        return self._model.describe(cell)

    def cell_rect(self, cell: Cell) -> QRect:
        """Return where a cell is painted in the viewport."""
        return self.visualRect(self._model.index(cell.truth, cell.predicted))

    def open_cell(self, cell: Cell) -> None:
        """Make a cell the current one and ask for its images."""
        index = self._model.index(cell.truth, cell.predicted)
        if index.isValid():
            self.setCurrentIndex(index)
            self._painter.opened = cell
            self.viewport().update()
            self.opened.emit(cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open the current cell with Enter or Space."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}:
            self.open_cell(self.current)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the cells fill the room as far as they stay readable."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Follow another font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        n = max(1, self._model.rowCount())
        for heads in self._heads:
            heads.fit()
        room = self.viewport().size()
        cell = (
            QSize(room.width() // n, room.height() // n).boundedTo(_LARGEST_CELL).expandedTo(_SMALLEST_CELL)
        )
        self._heads[0].setDefaultSectionSize(cell.width())
        self._heads[1].setDefaultSectionSize(cell.height())


def _frame(painter: QPainter, inside: QRectF, colour: QColor, width: float) -> None:
    painter.setPen(QPen(colour, width))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    half = width / 2
    painter.drawRoundedRect(inside.adjusted(half, half, -half, -half), 4, 4)


def _strongest(tokens: Tokens, colour: QColor) -> float:
    """Return how much of a colour a ground may have at most, so that all numbers are in one ink."""
    shares = (step / 20 for step in range(20, 0, -1))
    return next(
        share for share in shares if contrast(tokens.text, _mixed(tokens.surface, colour, share)) >= _READABLE
    )


def _mixed(ground: QColor, colour: QColor, share: float) -> QColor:
    """Return a colour laid over a ground, 0 for the ground alone and 1 for the colour alone."""
    return QColor.fromRgbF(
        ground.redF() + share * (colour.redF() - ground.redF()),
        ground.greenF() + share * (colour.greenF() - ground.greenF()),
        ground.blueF() + share * (colour.blueF() - ground.blueF()),
    )

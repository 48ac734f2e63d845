"""The confusion matrix: a cell for each class and predicted class, chosen with the mouse or the keyboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from skindesk.widgets.quantities import part_of_images
from skindesk.widgets.theme import SPACE, class_label, contrast, emphasised, tokens_for
from trainer.wording import percent

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from PySide6.QtGui import QKeyEvent, QMouseEvent, QMoveEvent, QPaintEvent

    from skindesk.widgets.theme import Tokens

_SMALLEST_CELL = QSize(52, 32)  # pixels; a short class name with its mark above, three digits inside
_WANTED_CELL = QSize(64, 40)  # pixels
_LARGEST_CELL = QSize(96, 64)  # pixels
_LONGEST_HEAD = 160  # pixels
_INKS = (QColor("#000000"), QColor("#FFFFFF"))
"""On any ground, one of them has a contrast of 4.5:1 or more."""


@dataclass(frozen=True)
class Cell:
    """A cell, by the indices of the true and the predicted class."""

    truth: int
    predicted: int


class ConfusionMatrix(QWidget):
    """Rows are the true classes, columns the predicted ones; a cell's ground is its share of the row.

    Arrow keys move, Enter and Space open, as a click does. In a scroll area the heads stay in sight.

    Signals:
        opened(Cell): the images behind a cell are asked for.
        moved(QRect): the keyboard has gone to another cell, which should be seen with its heads.
    """

    opened = Signal(object)
    moved = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[str, ...] = ()
        self._malignant: frozenset[str] = frozenset()
        self._counts: list[list[int]] = []
        self._shares = False
        self._current = Cell(0, 0)
        self._open: Cell | None = None
        self._hovered: Cell | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Confusion matrix"))

    # --- what is shown -----------------------------------------------------------------------------------

    def show_matrix(
        self, classes: Sequence[str], malignant: Collection[str], counts: Sequence[Sequence[int]]
    ) -> None:
        """Show a matrix.

        Args:
            classes: c names.
            malignant: those that are marked.
            counts: images by true class (row) and predicted class (column), c x c.
        """
        self._classes, self._malignant = tuple(classes), frozenset(malignant)
        self._counts = [list(row) for row in counts]
        self._current, self._open, self._hovered = Cell(0, 0), None, None
        self.updateGeometry()
        self.update()
        self._say()

    def show_shares(self, shares: bool) -> None:
        """Write the share of the row in percent into the cells, or the number of images."""
        self._shares = shares
        self.update()

    @property
    def current(self) -> Cell:
        """The cell the keyboard is at."""
        return self._current

    def count(self, cell: Cell) -> int:
        """Return the number of images of a cell."""
        return self._counts[cell.truth][cell.predicted]

    def open_cell(self, cell: Cell) -> None:
        """Make a cell the current one and ask for its images."""
        if not self._has(cell):
            return
        self._current = self._open = cell
        self.update()
        self._say()
        self.opened.emit(cell)

    def describe(self, cell: Cell) -> str:
        """Return a cell in words."""
        row = sum(self._counts[cell.truth])
        share = f", {percent(self.count(cell) / row)}" if row else ""
        return self.tr("{truth}, predicted as {predicted}: {images}{share}").format(
            truth=self._name(cell.truth),
            predicted=self._name(cell.predicted),
            images=part_of_images(self.count(cell), row),
            share=share,
        )

    def _name(self, place: int) -> str:
        return class_label(self._classes[place], self._malignant)

    def _has(self, cell: Cell) -> bool:
        n = len(self._classes)
        return 0 <= cell.truth < n and 0 <= cell.predicted < n

    def _say(self) -> None:
        self.setAccessibleDescription(self.describe(self._current) if self._classes else "")

    # --- places ------------------------------------------------------------------------------------------

    def _labels(self) -> list[str]:
        return [class_label(name, self._malignant, full=False) for name in self._classes]

    def _row_head(self) -> int:
        metrics = QFontMetrics(self.font())
        widest = max((metrics.horizontalAdvance(label) for label in self._labels()), default=0)
        return 2 * SPACE + min(widest, _LONGEST_HEAD)

    def _column_head(self) -> int:
        return 2 * QFontMetrics(self.font()).height() + 2 * SPACE

    def _cell_size(self) -> QSize:
        n = max(1, len(self._classes))
        room = QSize((self.width() - self._left()) // n, (self.height() - self._column_head()) // n)
        return room.boundedTo(_LARGEST_CELL).expandedTo(_SMALLEST_CELL)

    def _left(self) -> int:
        return self._row_head() + QFontMetrics(self.font()).height() + SPACE

    def cell_rect(self, cell: Cell) -> QRect:
        """Return where a cell is painted."""
        size = self._cell_size()
        corner = QPoint(
            self._left() + cell.predicted * size.width(), self._column_head() + cell.truth * size.height()
        )
        return QRect(corner, size)

    def _scrolled(self) -> QPoint:
        """Return the upper left corner of what is seen."""
        return self.visibleRegion().boundingRect().topLeft()

    def _cell_at(self, point: QPoint) -> Cell | None:
        size, inside = self._cell_size(), point - self._scrolled()
        if inside.x() < self._left() or inside.y() < self._column_head():
            return None
        cell = Cell(
            (point.y() - self._column_head()) // size.height(), (point.x() - self._left()) // size.width()
        )
        return cell if self._has(cell) else None

    def _size_for(self, cell: QSize) -> QSize:
        n = len(self._classes)
        return QSize(self._left() + n * cell.width() + 2, self._column_head() + n * cell.height() + 2)

    def sizeHint(self) -> QSize:
        """Return a size at which numbers are easy to read."""
        return self._size_for(_WANTED_CELL)

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size at which numbers fit."""
        return self._size_for(_SMALLEST_CELL)

    # --- mouse and keyboard ------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Mark the cell below the mouse."""
        hovered = self._cell_at(event.position().toPoint())
        if hovered != self._hovered:
            self._hovered = hovered
            if hovered is None:
                self.unsetCursor()
            else:
                self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Mark no cell."""
        self._hovered = None
        self.update()
        super().leaveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Open the cell that was clicked."""
        cell = self._cell_at(event.position().toPoint())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self.open_cell(cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrows, open with Enter or Space."""
        steps = {
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
        }
        key = Qt.Key(event.key())
        if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space} and self._classes:
            self.open_cell(self._current)
        elif key in steps:
            down, across = steps[key]
            moved = Cell(self._current.truth + down, self._current.predicted + across)
            if self._has(moved):
                self._current = moved
                self.update()
                self._say()
                place = self.cell_rect(moved)
                self.moved.emit(place.adjusted(-self._left(), -self._column_head(), 0, 0))
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Tell in a tooltip what a cell means."""
        if isinstance(event, QHelpEvent):
            cell = self._cell_at(event.pos())
            QToolTip.showText(event.globalPos(), self.describe(cell) if cell is not None else "", self)
            return True
        return super().event(event)

    # --- painting ----------------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint heads, cells, and what is chosen."""
        if not self._classes:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = tokens_for(self.palette())
        for truth in range(len(self._classes)):
            for predicted in range(len(self._classes)):
                self._paint_cell(painter, tokens, Cell(truth, predicted))
        painter.setFont(self.font())
        self._paint_column_heads(painter, tokens)
        self._paint_row_heads(painter, tokens)

    def moveEvent(self, event: QMoveEvent) -> None:
        """Keep the heads in sight where it is scrolled."""
        super().moveEvent(event)
        self.update()

    def _paint_column_heads(self, painter: QPainter, tokens: Tokens) -> None:
        size, corner = self._cell_size(), self._scrolled()
        metrics = QFontMetrics(self.font())
        left, right = corner.x() + self._left(), self._left() + size.width() * len(self._classes)
        seen = min(right, self.visibleRegion().boundingRect().right())
        strip = QRect(corner.x(), corner.y(), self.width(), self._column_head())
        painter.fillRect(strip, tokens.surface)
        painter.setClipRect(strip.adjusted(self._left(), 0, 0, 0))
        painter.setPen(tokens.muted)
        place = QRect(left, corner.y(), max(seen, left) - left, metrics.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, self.tr("Predicted class"))
        painter.setPen(tokens.text)
        for number, label in enumerate(self._labels()):
            painter.drawText(
                QRect(
                    self._left() + number * size.width(),
                    corner.y() + metrics.height() + SPACE // 2,
                    size.width(),
                    metrics.height() + SPACE,
                ),
                Qt.AlignmentFlag.AlignCenter,
                metrics.elidedText(label, Qt.TextElideMode.ElideMiddle, size.width() - 4),
            )

    def _paint_row_heads(self, painter: QPainter, tokens: Tokens) -> None:
        size, corner = self._cell_size(), self._scrolled()
        metrics = QFontMetrics(self.font())
        high, wide = metrics.height(), self._left() - metrics.height() - SPACE
        top, bottom = (
            corner.y() + self._column_head(),
            self._column_head() + size.height() * len(self._classes),
        )
        seen = min(bottom, self.visibleRegion().boundingRect().bottom())
        strip = QRect(corner.x(), top, self._left(), self.height())
        painter.setClipRect(strip)
        painter.fillRect(strip, tokens.surface)
        painter.setPen(tokens.muted)
        painter.save()
        painter.translate(corner.x(), max(seen, top))
        painter.rotate(-90)
        place = QRect(0, 0, max(seen, top) - top, high)
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, self.tr("True class"))
        painter.restore()
        painter.setPen(tokens.text)
        for number, label in enumerate(self._labels()):
            painter.drawText(
                QRect(corner.x() + high, self._column_head() + number * size.height(), wide, size.height()),
                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                metrics.elidedText(label, Qt.TextElideMode.ElideMiddle, wide),
            )

    def _paint_cell(self, painter: QPainter, tokens: Tokens, cell: Cell) -> None:
        inside = QRectF(self.cell_rect(cell)).adjusted(1, 1, -1, -1)
        count, row = self.count(cell), sum(self._counts[cell.truth])
        share = count / row if row else 0.0
        ground = tokens.accent if cell.truth == cell.predicted else tokens.danger
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(mixed(tokens.surface, ground, share))
        painter.drawRoundedRect(inside, 4, 4)
        painter.setPen(_ink(tokens, painter.brush().color(), count))
        painter.setFont(emphasised(self.font()) if cell.truth == cell.predicted else self.font())
        text = f"{100 * share:.1f}" if self._shares else f"{count:,}"
        if self._shares and not row:
            text = "–"
        painter.drawText(inside, Qt.AlignmentFlag.AlignCenter, text)
        if cell == self._open:
            self._frame(painter, inside, tokens.text, 2.0)
        elif cell == self._current and self.hasFocus():
            self._frame(painter, inside, tokens.accent, 2.0)
            self._frame(painter, inside.adjusted(2, 2, -2, -2), tokens.surface, 1.0)  # seen on any ground
        elif cell == self._hovered:
            self._frame(painter, inside, tokens.muted, 1.0)
        else:
            self._frame(painter, inside, tokens.border, 1.0)

    @staticmethod
    def _frame(painter: QPainter, inside: QRectF, colour: QColor, width: float) -> None:
        painter.setPen(QPen(colour, width))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        half = width / 2
        painter.drawRoundedRect(inside.adjusted(half, half, -half, -half), 4, 4)

    def changeEvent(self, event: QEvent) -> None:
        """Follow another font or scheme."""
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.FontChange}:
            self.updateGeometry()
            self.update()


def _ink(tokens: Tokens, ground: QColor, count: int) -> QColor:
    """Return the colour of a cell's text: whichever of two is easier to read on its ground."""
    if not count:
        return tokens.muted
    return max(_INKS, key=lambda ink: contrast(ink, ground))


def mixed(ground: QColor, colour: QColor, share: float) -> QColor:
    """Return a colour laid over a ground, 0 for the ground alone and 1 for the colour alone."""
    return QColor.fromRgbF(
        ground.redF() + share * (colour.redF() - ground.redF()),
        ground.greenF() + share * (colour.greenF() - ground.greenF()),
        ground.blueF() + share * (colour.blueF() - ground.blueF()),
    )

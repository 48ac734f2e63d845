"""The grid of thumbnails: a table view whose model folds the samples into as many columns as fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QWheelEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QToolTip, QWidget

from skindesk.models.dataset.grid import SampleGrid
from skindesk.models.dataset.thumbnails import Box, Thumbnails
from skindesk.widgets.samples.painter import SamplePainter
from skindesk.widgets.theme import SPACE, tokens_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from skindesk.models.dataset.samples import Rows, SampleTable

SMALLEST, LARGEST = 96, 320
"""Widths a thumbnail may be asked to have, pixels."""

_WHEEL_STEP = 16  # pixels a notch of the wheel
_NOTCH = 120  # a notch of the wheel, eighths of a degree
_SETTLE_MS = 20  # while one scrolls, wishes are made at most this often
_UNVEIL_MS = 25  # thumbnails that come one by one are painted together this often

_Flag = QItemSelectionModel.SelectionFlag
_Move = QAbstractItemView.CursorAction


class ThumbnailView(QTableView):
    """Shows samples as thumbnails, to be looked through with mouse and keyboard.

    Signals:
        current_changed(int): a sample has become the current one; -1 for none.
        chosen_changed: other samples are selected.
        opened(int): a sample was double-clicked, or Enter pressed on it.
        size_asked(int): the wheel asks for thumbnails of this width, pixels.
    """

    current_changed = Signal(int)
    chosen_changed = Signal()
    opened = Signal(int)
    size_asked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.grid = SampleGrid(self)
        self.thumbnails = Thumbnails(self)
        self._width_wanted = 128
        self._anchor = 0
        self._beside = False  # the mouse was pressed where no sample is
        self._folding = False
        self._painter = SamplePainter(self.thumbnails)
        self.setModel(self.grid)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setAutoScroll(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAccessibleName(self.tr("Thumbnails"))
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.hide()
            header.setMinimumSectionSize(1)
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._wish)
        self._tell = QTimer(self)
        self._tell.setSingleShot(True)
        self._tell.setInterval(0)
        self._tell.timeout.connect(self.chosen_changed)
        self._come: set[str] = set()
        self._unveil = QTimer(self)
        self._unveil.setSingleShot(True)
        self._unveil.setInterval(_UNVEIL_MS)
        self._unveil.timeout.connect(self._show_come)
        self.thumbnails.ready.connect(self._note_come)
        self.verticalScrollBar().valueChanged.connect(self._wish_soon)
        self.selectionModel().selectionChanged.connect(self._selection_moved)
        self.selectionModel().currentChanged.connect(self._current_moved)
        self.doubleClicked.connect(self._open)

    # What is shown

    def show_samples(self, table: SampleTable | None, shown: Rows) -> None:
        """Show samples; the current one stays current if it is still among them.

        Args:
            table: they are of; `None` for nothing.
            shown: rows of the table, in the order wanted.
        """
        current = self.current if table is self.grid.table else -1
        self._folding = True
        try:
            self._painter.set_table(table)
            self.grid.show_samples(table, shown)
            self._fold()
        finally:
            self._folding = False
        self.scrollToTop()
        if (index := self.grid.index_of(current)).isValid():
            self.select_sample(current)
            self.scrollTo(index)
        else:
            self._anchor = 0
            self.current_changed.emit(-1)
        self._tell.start()
        self._wish_soon()

    def set_thumbnail_width(self, pixels: int) -> None:
        """Make thumbnails about this wide."""
        pixels = min(max(pixels, SMALLEST), LARGEST)
        if pixels != self._width_wanted:
            self._width_wanted = pixels
            self._refold()

    @property
    def current(self) -> int:
        """The current sample; -1 for none."""
        sample = self.grid.sample_at(self.currentIndex())
        return -1 if sample is None else sample

    @property
    def chosen(self) -> Rows:
        """The selected samples, in the order shown."""
        return self.grid.shown[self._chosen_places()]

    def select_sample(self, sample: int) -> None:
        """Select one sample and make it current, if it is shown."""
        index = self.grid.index_of(sample)
        if index.isValid():
            self._anchor = self.grid.place_of(index)
            self.selectionModel().setCurrentIndex(index, _Flag.ClearAndSelect)
            self.scrollTo(index)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the samples whose cells are touched.

        All in one call: a delegate is called from outside for each cell, and each time has to wait for its
        turn with the threads that decode thumbnails.
        """
        painter = QPainter(self.viewport())
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        tokens, metrics, selection = tokens_for(self.palette()), self.fontMetrics(), self.selectionModel()
        here = self.currentIndex() if self.hasFocus() else QModelIndex()
        columns, wide, high = self.grid.columns, self.columnWidth(0), self.rowHeight(0)
        up = self.verticalOffset()
        touched = event.rect()
        rows = range(
            max((touched.top() + up) // max(high, 1), 0), (touched.bottom() + up) // max(high, 1) + 1
        )
        for place in range(rows.start * columns, min(rows.stop * columns, len(self.grid))):
            row, column = divmod(place, columns)
            cell = QRect(column * wide, row * high - up, wide, high)
            if not touched.intersects(cell):
                continue
            index = self.grid.index(row, column)
            self._painter.paint(
                painter,
                cell,
                int(self.grid.shown[place]),
                tokens,
                metrics,
                selected=selection.isSelected(index),
                focused=index == here,
            )
        painter.end()

    # Folding

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold the samples into as many columns as fit."""
        super().resizeEvent(event)
        self._refold()

    def _fold(self) -> None:
        """Give the columns the width there is; room for the scroll bar is always kept, or it would flicker."""
        room = self.width() - self.verticalScrollBar().sizeHint().width()
        columns = max(1, round(room / (self._width_wanted + SPACE)))
        width = max(room // columns, 1)
        # Sizes first: changed with the rows in place, each of them would be laid out twice.
        self.horizontalHeader().setDefaultSectionSize(width)
        self.verticalHeader().setDefaultSectionSize(self._painter.cell_height(width, self.fontMetrics()))
        self.grid.set_columns(columns)

    def _refold(self) -> None:
        """Fold anew with selection, current sample and upper edge as they are."""
        places, current = self._chosen_places(), self.grid.place_of(self.currentIndex())
        top = self.grid.place_of(self.indexAt(self.viewport().rect().topLeft()))
        columns = self.grid.columns
        self._folding = True
        try:
            self._fold()
            if self.grid.columns != columns:
                self._select_places(places, _Flag.ClearAndSelect)
                self.selectionModel().setCurrentIndex(self.grid.index_at(current), _Flag.NoUpdate)
        finally:
            self._folding = False
        if top > 0:
            self.scrollTo(self.grid.index_at(top), QAbstractItemView.ScrollHint.PositionAtTop)
        self._wish_soon()

    # Selecting: a run of samples from one place to another, as in a text, not a rectangle of cells

    def _chosen_places(self) -> Rows:
        return self.grid.places_in(self.selectionModel().selection())

    def _select_places(self, places: Rows, flags: QItemSelectionModel.SelectionFlag) -> None:
        """Select places, given in rising order."""
        self.selectionModel().select(self.grid.selection_of(places), flags)

    def selectionCommand(
        self, index: QModelIndex | QPersistentModelIndex, event: QEvent | None = None
    ) -> QItemSelectionModel.SelectionFlag:
        """Note where a selection begins."""
        if isinstance(event, QKeyEvent | QMouseEvent) and event.type() in {
            QEvent.Type.MouseButtonPress,
            QEvent.Type.KeyPress,
        }:
            self._beside = self.grid.place_of(index) < 0
            if not self._beside and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self._anchor = self.grid.place_of(index)
        return super().selectionCommand(index, event)

    def setSelection(self, _rect: QRect, flags: QItemSelectionModel.SelectionFlag) -> None:
        """Select all samples between where the selection began and where mouse or keyboard are now."""
        here = self.grid.place_of(self.currentIndex())
        if here < 0 or self._beside:
            self.selectionModel().select(QItemSelection(), flags)
            return
        first, last = sorted((min(self._anchor, len(self.grid) - 1), here))
        self._select_places(np.arange(first, last + 1), flags)

    def selectAll(self) -> None:
        """Select all samples that are shown."""
        self._select_places(np.arange(len(self.grid)), _Flag.ClearAndSelect)

    def moveCursor(self, action: _Move, _modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Return where a key leads: left and right go on in the next row."""
        place, n, columns = self.grid.place_of(self.currentIndex()), len(self.grid), self.grid.columns
        if n == 0:
            return QModelIndex()
        if place < 0:
            return self.grid.index_at(0)
        page = max(1, self.viewport().height() // max(self.rowHeight(0), 1)) * columns
        steps = {
            _Move.MoveLeft: -1,
            _Move.MovePrevious: -1,
            _Move.MoveRight: 1,
            _Move.MoveNext: 1,
            _Move.MoveUp: -columns,
            _Move.MoveDown: columns,
            _Move.MovePageUp: -page,
            _Move.MovePageDown: page,
            _Move.MoveHome: -n,
            _Move.MoveEnd: n,
        }
        step = steps.get(action, 0)
        wished = place + step
        if not 0 <= wished < n and action in {_Move.MoveUp, _Move.MoveDown}:
            # Down from the last full row leads to the last sample, if that is in a row below.
            below = action == _Move.MoveDown and (n - 1) // columns > place // columns
            wished = n - 1 if below else place
        return self.grid.index_at(min(max(wished, 0), n - 1))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open the current sample with Enter."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.current >= 0:
            self.opened.emit(self.current)
            return
        super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll, or change the size while Ctrl is held."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            notches = event.angleDelta().y() / _NOTCH
            wanted = round(self._width_wanted + notches * _WHEEL_STEP)
            self.size_asked.emit(min(max(wanted, SMALLEST), LARGEST))
            event.accept()
            return
        super().wheelEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """Say what a sample is, and why it cannot be shown, when the mouse rests on it."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.words_about(self.indexAt(event.pos())), self)
            return True
        return super().viewportEvent(event)

    def words_about(self, index: QModelIndex) -> str:
        """Return what a sample is, and why it cannot be shown if it cannot; nothing for no sample."""
        sample = self.grid.sample_at(index)
        if sample is None or self.grid.table is None:
            return ""
        reason = self.thumbnails.reason(self.grid.table.paths[sample])
        words = self.grid.describe(sample)
        return f"{words}\n{reason}" if reason else words

    def _open(self, index: QModelIndex) -> None:
        sample = self.grid.sample_at(index)
        if sample is not None:
            self.opened.emit(sample)

    def _selection_moved(self) -> None:
        if not self._folding:
            self._tell.start()

    def _current_moved(self, index: QModelIndex) -> None:
        if not self._folding:
            sample = self.grid.sample_at(index)
            self.current_changed.emit(-1 if sample is None else sample)

    # Thumbnails

    def _wish_soon(self) -> None:
        if not self._settle.isActive():
            self._settle.start()

    def _wish(self) -> None:
        """Ask for the thumbnails that are visible, then those of a page below and of one above."""
        table, n, columns = self.grid.table, len(self.grid), self.grid.columns
        if table is None or n == 0 or not self.isVisible():
            self.thumbnails.want((), Box(1, 1))
            return
        first = max(self.rowAt(0), 0) * columns
        last_row = self.rowAt(self.viewport().height() - 1)
        last = n if last_row < 0 else min((last_row + 1) * columns, n)
        page = last - first
        places = [*range(first, last), *range(last, min(last + page, n)), *range(max(first - page, 0), first)]
        box = self._painter.box(self.columnWidth(0), self.devicePixelRatioF())
        self.thumbnails.want([table.paths[sample] for sample in self.grid.shown[places].tolist()], box)

    def showEvent(self, event: QEvent) -> None:
        """Ask for what is visible."""
        super().showEvent(event)  # type: ignore[arg-type]
        self._wish_soon()

    def _note_come(self, paths: list[str]) -> None:
        self._come.update(paths)
        if not self._unveil.isActive():
            self._unveil.start()

    def _show_come(self) -> None:
        """Repaint the visible samples whose thumbnails have come."""
        come, self._come = self._come, set()
        table = self.grid.table
        for index in self._visible():
            sample = self.grid.sample_at(index)
            if sample is not None and table is not None and table.paths[sample] in come:
                self.update(index)

    def _visible(self) -> Iterator[QModelIndex]:
        first = max(self.rowAt(0), 0)
        last = self.rowAt(self.viewport().height() - 1)
        last = self.grid.rowCount() - 1 if last < 0 else last
        for row in range(first, last + 1):
            for column in range(self.grid.columns):
                yield self.grid.index(row, column)

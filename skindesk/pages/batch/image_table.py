"""The table of images, with a thumbnail of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt, QTimer, Signal
from PySide6.QtWidgets import QStyledItemDelegate

from skindesk.models.dataset.thumbnails import Box, Thumbnails
from skindesk.widgets.row_table import RowTable

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex, QPersistentModelIndex
    from PySide6.QtGui import QKeyEvent, QPainter, QResizeEvent
    from PySide6.QtWidgets import QStyleOptionViewItem, QWidget

    from skindesk.models.batch.table import BatchTableModel

_ROW_HEIGHT = 48  # pixels
_PICTURE = (60, 44)  # pixels
_WIDTHS = {
    "picture": 76,
    "file": 176,
    "predicted": 176,
    "probability": 104,
    "malignant": 96,
    "point": 120,
    "known": 160,
    "correct": 80,
    "notes": 320,
}
_CLASS_WIDTH = 80  # pixels
_REST_MS = 40  # after scrolling, before thumbnails are wished for


class ImageTable(RowTable):
    """Shows the images of a folder.

    Signals:
        open_asked(list[Path]): images are to be opened for diagnosis.

    Args:
        images: the rows.
        parent: as usual.

    Attributes:
        images: the rows.
        thumbnails: of the images in view.
    """

    open_asked = Signal(object)

    def __init__(self, images: BatchTableModel, parent: QWidget | None = None) -> None:
        super().__init__(parent, _ROW_HEIGHT)
        self.images = images
        self.thumbnails = Thumbnails(self)
        self._chosen: tuple[str, ...] = ()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._want)
        self.setModel(images)
        self.setItemDelegateForColumn(0, _PictureDelegate(self))
        self.setAccessibleName(self.tr("Images of the folder"))
        self.setHorizontalScrollMode(self.ScrollMode.ScrollPerPixel)
        self.horizontalHeader().setStretchLastSection(True)
        self.sortByColumn(1, Qt.SortOrder.AscendingOrder)
        images.modelAboutToBeReset.connect(self._hold)
        images.modelReset.connect(self._restore)
        self.thumbnails.ready.connect(lambda _paths: self.viewport().update())
        self.verticalScrollBar().valueChanged.connect(lambda _value: self._rest.start())
        self.doubleClicked.connect(lambda index: self.open_asked.emit([self._path(index.row())]))
        self._restore()

    @property
    def chosen(self) -> list[Path]:
        """The files of the selected rows, in the order shown."""
        return [self._path(row) for row in self.chosen_rows]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open what is selected with the return key."""
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.chosen:
            self.open_asked.emit(self.chosen)
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wish for the thumbnails that have come into view."""
        super().resizeEvent(event)
        self._rest.start()

    def _path(self, row: int) -> Path:
        return Path(self.images.at(row).image.path)

    def _hold(self) -> None:
        self._chosen = tuple(map(str, self.chosen))

    def _restore(self) -> None:
        """Select again what was selected, as far as it is still shown; give new columns their width."""
        for place, name in enumerate(self.images.columns):
            if self.columnWidth(place) != (width := _WIDTHS.get(name, _CLASS_WIDTH)):
                self.setColumnWidth(place, width)
        if self._chosen:
            chosen = set(self._chosen)
            self.choose_rows(row for row, entry in enumerate(self.images.shown) if entry.image.path in chosen)
        self._rest.start()

    def _want(self) -> None:
        """Wish for the thumbnails of the rows in view, and of as many below."""
        rows = self.images.rowCount()
        first = max(self.rowAt(0), 0)
        number = self.viewport().height() // _ROW_HEIGHT + 2
        ratio = self.devicePixelRatioF()
        box = Box(*(round(side * ratio) for side in _PICTURE))
        self.thumbnails.want(
            (str(self._path(row)) for row in range(first, min(first + 2 * number, rows))), box
        )


class _PictureDelegate(QStyledItemDelegate):
    """Paints a thumbnail in the middle of its cell."""

    def __init__(self, table: ImageTable) -> None:
        super().__init__(table)
        self._table = table

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint the ground as usual, and the picture on it if it has come."""
        super().paint(painter, option, index)
        pixmap = self._table.thumbnails.pixmap(self._table.images.at(index.row()).image.path)
        if pixmap is None:
            return
        ratio = self._table.devicePixelRatioF()
        place = QRect(0, 0, round(pixmap.width() / ratio), round(pixmap.height() / ratio))
        place.moveCenter(self._table.visualRect(index).center())
        painter.drawPixmap(place, pixmap)

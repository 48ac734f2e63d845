"""A strip of images side by side, each with what is known of it, and a place to drop more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFrame,
    QHBoxLayout,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QWidget,
)

from skindesk.models.diagnosis.framing import WHOLE, Framing, frame_size
from skindesk.widgets.drop_area import DropArea
from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE, tokens_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QStyleOptionViewItem

    from skindesk.widgets.theme import Tokens

Index: TypeAlias = QModelIndex | QPersistentModelIndex

TILE_ROLE = Qt.ItemDataRole.UserRole

_PICTURE, _SMALL = QSize(128, 88), QSize(96, 56)  # pixels; the small one where the window is low
_ERROR_WIDTH = 232  # pixels: room for a sentence
_CAPTION = 20  # pixels
_GAP = SPACE
_ROUND = 6.0
_COLOUR_LINE = 4.0
_DROP_WIDTH = 112
_NO_INDEX = QModelIndex()


@dataclass(frozen=True)
class StripTile:
    """One image of the strip.

    Attributes:
        number: tells it from the others.
        caption: a few words below the picture.
        hint: for the tooltip and for screen readers.
        picture: small; `None` until it has been read.
        framing: how the picture is turned and cut.
        colour: of its class, `#RRGGBB`; empty without one.
        sentence: why it cannot be read; empty where it can.
        busy: whether an answer is awaited.
    """

    number: int
    caption: str
    hint: str
    picture: QImage | None = None
    framing: Framing = Framing()  # noqa: RUF009 - frozen
    colour: str = ""
    sentence: str = ""
    busy: bool = False


class _Tiles(QAbstractListModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tiles: tuple[StripTile, ...] = ()

    def show(self, tiles: Sequence[StripTile]) -> None:
        """Take other tiles; those of the same images are changed in place."""
        same = [tile.number for tile in tiles] == [tile.number for tile in self.tiles]
        if not same:
            self.beginResetModel()
        before, self.tiles = self.tiles, tuple(tiles)
        if not same:
            self.endResetModel()
            return
        for row, (old, new) in enumerate(zip(before, tiles, strict=True)):
            if old != new:
                self.dataChanged.emit(self.index(row), self.index(row))

    def change(self, tile: StripTile) -> None:
        """Take another tile for one image."""
        row = self.row_of(tile.number)
        if row is not None and self.tiles[row] != tile:
            self.tiles = (*self.tiles[:row], tile, *self.tiles[row + 1 :])
            self.dataChanged.emit(self.index(row), self.index(row))

    def row_of(self, number: int) -> int | None:
        return next((row for row, tile in enumerate(self.tiles) if tile.number == number), None)

    def tile_of(self, number: int) -> StripTile | None:
        row = self.row_of(number)
        return None if row is None else self.tiles[row]

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self.tiles)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self.tiles):
            return None
        tile = self.tiles[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return tile.caption
        if role in {Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole}:
            return tile.hint
        if role == TILE_ROLE:
            return tile
        return None


class _Painter(QStyledItemDelegate):
    """Paints tiles; `picture` is the size of a picture, pixels."""

    picture = _PICTURE

    def width_of(self, tile: object) -> int:
        """Return the width of a tile, pixels."""
        return _ERROR_WIDTH if isinstance(tile, StripTile) and tile.sentence else self.picture.width()

    def sizeHint(self, _option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(self.width_of(index.data(TILE_ROLE)) + _GAP, self.picture.height() + _CAPTION + 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tile = index.data(TILE_ROLE)
        if not isinstance(tile, StripTile):
            return
        # A style sheet with a transparent ground leaves a palette that tells nothing of the scheme.
        tokens = tokens_for(QApplication.palette())
        state = option.state
        rect: QRect = option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        picture = QRectF(rect.left() + 1, rect.top() + 1, self.width_of(tile) - 2, self.picture.height() - 2)
        path = QPainterPath()
        path.addRoundedRect(picture, _ROUND, _ROUND)
        painter.fillPath(path, tokens.danger_soft if tile.sentence else tokens.track)
        painter.save()
        painter.setClipPath(path)
        if tile.sentence:
            _paint_sentence(painter, picture, tile.sentence, tokens)
        elif tile.picture is not None:
            _paint_covering(painter, picture, tile.picture, tile.framing)
        if tile.busy:
            veil = QColor(tokens.surface)
            veil.setAlpha(110)
            painter.fillRect(picture, veil)
        if tile.colour:
            line = QRectF(picture.left(), picture.bottom() - _COLOUR_LINE, picture.width(), _COLOUR_LINE)
            painter.fillRect(line, tokens.seen(QColor(tile.colour)))
        painter.restore()
        if state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(tokens.accent, 2.0))
            painter.drawPath(path)
            if state & QStyle.StateFlag.State_HasFocus:
                painter.setPen(QPen(tokens.surface, 1.0))
                painter.drawRoundedRect(picture.adjusted(2, 2, -2, -2), _ROUND - 2, _ROUND - 2)
        _paint_caption(painter, picture, tile, tokens)
        painter.restore()


def _paint_sentence(painter: QPainter, rect: QRectF, sentence: str, tokens: Tokens) -> None:
    inner = rect.adjusted(SPACE, SPACE - 2, -SPACE, -SPACE + 4)
    painter.setPen(tokens.danger)
    flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextWordWrap)
    shown = sentence
    while painter.boundingRect(inner, flags, shown).height() > inner.height() and " " in shown:
        shown = shown.rstrip(" …").rsplit(" ", 1)[0] + " …"
    painter.drawText(inner, flags, shown)


def _paint_covering(painter: QPainter, rect: QRectF, picture: QImage, framing: Framing) -> None:
    """Paint what is asked about of a picture so that it covers the tile."""
    part = framing.part(picture.width(), picture.height()) or WHOLE
    wide, high = frame_size(picture.width(), picture.height(), framing.rotation)
    area = QRectF((part.x - 0.5) * wide, (part.y - 0.5) * high, part.width * wide, part.height * high)
    scale = max(rect.width() / area.width(), rect.height() / area.height())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.translate(rect.center())
    painter.scale(scale, scale)
    painter.translate(-area.center())
    painter.rotate(framing.rotation)
    painter.drawImage(QPointF(-picture.width() / 2, -picture.height() / 2), picture)
    painter.restore()


def _paint_caption(painter: QPainter, picture: QRectF, tile: StripTile, tokens: Tokens) -> None:
    line = QRectF(picture.left(), picture.bottom() + 3, picture.width(), _CAPTION - 2)
    if tile.sentence:
        icon("warning").paint(painter, QRect(int(line.left()), int(line.top()) + 1, 16, 16))
        line.setLeft(line.left() + 20)
    painter.setPen(tokens.danger if tile.sentence else tokens.muted if tile.busy else tokens.text)
    shown = painter.fontMetrics().elidedText(tile.caption, Qt.TextElideMode.ElideRight, int(line.width()))
    painter.drawText(line, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), shown)


class _List(QListView):
    """The tiles; as wide as they are, so that the place to drop more stands right beside the last."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(False)
        self.setMouseTracking(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet("QListView, QListView::item { background: transparent; padding: 0; }")
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.tile_painter = _Painter(self)
        self.setItemDelegate(self.tile_painter)
        self.setAccessibleName(self.tr("Images"))


class ImageStrip(QWidget):
    """Images side by side.

    Signals:
        selected(int): another image is looked at.
        open_asked: files are to be chosen.
        dropped(list[Path]): files or folders were dropped on the place for it.
    """

    selected = Signal(int)
    open_asked = Signal()
    dropped = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.list = _List()
        self._tiles = _Tiles(self)
        self.list.setModel(self._tiles)
        self.list.selectionModel().currentChanged.connect(self._current_changed)
        layout.addWidget(self.list)
        self.drop = DropArea(self.tr("Drop images here"))
        self.drop.setToolTip(self.tr("Drop images or a folder here, or click to choose images"))
        self.drop.clicked.connect(self.open_asked)
        self.drop.dropped.connect(self.dropped)
        layout.addWidget(self.drop, 0, Qt.AlignmentFlag.AlignTop)
        layout.addStretch(1)
        self._show_size(_PICTURE)

    def set_small(self, *, small: bool) -> None:
        """Show small pictures, or those of the usual size."""
        size = _SMALL if small else _PICTURE
        if size != self.list.tile_painter.picture:
            self._show_size(size)

    def _show_size(self, picture: QSize) -> None:
        self.list.tile_painter.picture = picture
        self.drop.setFixedSize(_DROP_WIDTH, picture.height())
        scroll_bar = self.list.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(picture.height() + _CAPTION + 4 + scroll_bar)
        self.list.scheduleDelayedItemsLayout()
        self._fit_list()

    @property
    def tiles(self) -> tuple[StripTile, ...]:
        """What is shown, in order."""
        return self._tiles.tiles

    def show_tiles(self, tiles: Sequence[StripTile], current: int | None) -> None:
        """Show other images, or the same ones with other words.

        Args:
            tiles: in order.
            current: number of the image that is looked at.
        """
        self._tiles.show(tiles)
        self._fit_list()
        if current is not None:
            self.set_current(current)

    def change_tile(self, tile: StripTile) -> None:
        """Show one image with other words."""
        width_of = self.list.tile_painter.width_of
        wide = width_of(self._tiles.tile_of(tile.number))
        self._tiles.change(tile)
        if width_of(tile) != wide:
            self._fit_list()

    def set_current(self, number: int) -> None:
        """Mark the image that is looked at."""
        row = self._tiles.row_of(number)
        if row is not None and row != self.list.currentIndex().row():
            self.list.selectionModel().setCurrentIndex(
                self._tiles.index(row), QItemSelectionModel.SelectionFlag.ClearAndSelect
            )
            self.list.scrollTo(self._tiles.index(row))

    def chosen(self) -> list[int]:
        """Return the numbers of all marked images."""
        rows = sorted(index.row() for index in self.list.selectionModel().selectedIndexes())
        return [self._tiles.tiles[row].number for row in rows]

    def _current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        tile = current.data(TILE_ROLE)
        if isinstance(tile, StripTile):
            self.selected.emit(tile.number)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the tiles the room there is."""
        super().resizeEvent(event)
        self._fit_list()

    def _fit_list(self) -> None:
        needed = sum(self.list.tile_painter.width_of(tile) + _GAP for tile in self._tiles.tiles)
        self.list.setFixedWidth(max(0, min(needed, self.width() - _DROP_WIDTH)))

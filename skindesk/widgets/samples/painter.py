"""Paints one sample of the grid: image, class, id, selection, focus."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPen, QPixmap

from skindesk.models.dataset.thumbnails import Box
from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE, class_label
from trainer.palette import class_colour

if TYPE_CHECKING:
    from skindesk.models.dataset.samples import SampleTable
    from skindesk.models.dataset.thumbnails import Thumbnails
    from skindesk.widgets.theme import Tokens

_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight

_MARGIN = SPACE // 2  # around a cell's content; two of them part neighbours
_LINE = 4  # height of the line in the class's colour, pixels
_RADIUS = 4.0
_ICON = 24
_STEP = 8  # pixels; see SamplePainter.picture_size
_MOST_LINES = 4  # of an id; a longer one loses its middle
_BROKEN = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop) | int(Qt.TextFlag.TextWrapAnywhere)


@dataclass(frozen=True)
class _Dress:
    """What is the same for all samples of a table."""

    colours: tuple[QColor, ...]
    labels: tuple[str, ...]
    id_from: int
    longest_id: str
    aspect: float


def _dress(table: SampleTable) -> _Dress:
    id_from = table.short_ids_from()
    return _Dress(
        tuple(QColor(class_colour(name, table.classes)) for name in table.classes),
        tuple(class_label(name, table.malignant, full=False) for name in table.classes),
        id_from,
        max(table.id.texts, key=len, default="")[id_from:],
        table.aspect,
    )


class SamplePainter:
    """Paints samples of a table; takes thumbnails where they are there, and never waits for one."""

    def __init__(self, thumbnails: Thumbnails) -> None:
        self._thumbnails = thumbnails
        self._table: SampleTable | None = None
        self._dress = _Dress((), (), 0, "", 0.75)
        self._lines: dict[tuple[int, int], int] = {}
        self._signs: dict[tuple[str, int, float], QPixmap] = {}
        self._rounding: dict[tuple[int, int], tuple[QPixmap, QPixmap]] = {}

    def set_table(self, table: SampleTable | None) -> None:
        """Say of which table the samples are."""
        if table is not None and table is not self._table:
            self._dress = _dress(table)
            self._lines = {}
        self._table = table

    def picture_size(self, width: int) -> QSize:
        """Return the size of the picture in a cell of some width, pixels.

        It comes in steps: a window that is made wider a pixel at a time does not have all pictures made anew
        each time.
        """
        wide = max((width - 2 * _MARGIN) // _STEP, 1) * _STEP
        return QSize(wide, round(wide * self._dress.aspect))

    def cell_height(self, width: int, metrics: QFontMetrics) -> int:
        """Return the height of a cell of some width, pixels."""
        below = self._id_lines(width, metrics) * metrics.lineSpacing()
        return self.picture_size(width).height() + _LINE + metrics.height() + 3 * _MARGIN + below

    def _id_lines(self, width: int, metrics: QFontMetrics) -> int:
        """Return how many lines ids need below the class; none where the longest stands beside the longest class."""
        wanted = (width, metrics.lineSpacing())
        if wanted not in self._lines:
            room = self.picture_size(width).width() - 4
            label = max(map(metrics.horizontalAdvance, self._dress.labels), default=0)
            # Another id of as many letters may be somewhat wider.
            wide = round(1.1 * metrics.horizontalAdvance(self._dress.longest_id))
            beside = label + SPACE + wide <= room
            self._lines[wanted] = 0 if beside else min(math.ceil(wide / room), _MOST_LINES)
        return self._lines[wanted]

    def box(self, width: int, ratio: float) -> Box:
        """Return what thumbnails for cells of some width are to be fitted into.

        Args:
            width: pixels.
            ratio: device pixels in one of these.
        """
        size = self.picture_size(width)
        return Box(round(size.width() * ratio), round(size.height() * ratio))

    def paint(
        self,
        painter: QPainter,
        place: QRect,
        sample: int,
        tokens: Tokens,
        metrics: QFontMetrics,
        *,
        selected: bool,
        focused: bool,
    ) -> None:
        """Paint a sample.

        Args:
            painter: smooth; pen and brush are not kept.
            place: of the cell.
            sample: row of the table.
            tokens: colours.
            metrics: of the painter's font.
            selected: whether it is selected.
            focused: whether the keyboard is there.
        """
        table = self._table
        if table is None:
            return
        cell = QRectF(place)
        ring = cell.adjusted(1, 1, -1, -1)
        if selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.accent_soft)
            painter.drawRoundedRect(ring, _RADIUS + 2, _RADIUS + 2)
        lines = self._id_lines(place.width(), metrics)
        caption = metrics.height() + _MARGIN
        size = self.picture_size(place.width())
        picture = QRect(
            place.left() + (place.width() - size.width()) // 2,
            place.top() + _MARGIN,
            size.width(),
            size.height(),
        )
        code = int(table.class_name.codes[sample])
        ground = tokens.accent_soft if selected else tokens.surface
        self._paint_picture(painter, picture, table.paths[sample], self._dress.colours[code], ground, tokens)
        frame = QRectF(picture.adjusted(0, 0, 0, _LINE))
        words = QRectF(frame.left() + 2, frame.bottom(), frame.width() - 4, caption + _MARGIN / 2)
        sample_id = table.id.texts[sample][self._dress.id_from :]
        self._paint_caption(painter, words, metrics, code, "" if lines else sample_id, tokens)
        if lines:
            below = QRectF(words.left(), words.bottom(), words.width(), lines * metrics.lineSpacing())
            whole = metrics.elidedText(sample_id, Qt.TextElideMode.ElideMiddle, round(lines * below.width()))
            painter.setPen(tokens.muted)
            painter.drawText(below, _BROKEN, whole)
        if selected or focused:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(tokens.accent, 2.0 if focused else 1.0))
            painter.drawRoundedRect(ring, _RADIUS + 2, _RADIUS + 2)

    def _paint_picture(
        self, painter: QPainter, area: QRect, path: str, colour: QColor, ground: QColor, tokens: Tokens
    ) -> None:
        """Paint the image and, along its lower edge, the class's line; all on whole device pixels."""
        ratio = painter.device().devicePixelRatio()
        radius, line = _RADIUS * ratio, _LINE * ratio
        left, top = round(area.left() * ratio), round(area.top() * ratio)
        place = QRect(left, top, round(area.width() * ratio), round(area.height() * ratio))
        painter.save()
        painter.scale(1 / ratio, 1 / ratio)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.seen(colour))
        below = QRectF(left, place.bottom() + 1 - radius, place.width(), round(line) + radius)
        painter.drawRoundedRect(below, radius, radius)
        pixmap = self._thumbnails.pixmap(path)
        if pixmap is None:
            painter.setBrush(tokens.track)
            painter.drawRoundedRect(QRectF(place), radius, radius)
            sign = self._sign("warning" if self._thumbnails.reason(path) else "image", tokens, ratio)
            middle = place.center()
            painter.drawPixmap(middle.x() - sign.width() // 2, middle.y() - sign.height() // 2, sign)
        else:
            _draw(painter, place, pixmap, tokens.track)
            corner, other = self._corners(ground, round(radius))
            painter.drawPixmap(left, top, corner)
            painter.drawPixmap(place.right() + 1 - other.width(), top, other)
        painter.restore()

    def _sign(self, name: str, tokens: Tokens, ratio: float) -> QPixmap:
        """Return an icon as a picture: drawing it anew for each sample would take longer than all the rest."""
        wanted = (name, tokens.muted.rgb(), ratio)
        if wanted not in self._signs:
            side = round(_ICON * ratio)
            self._signs[wanted] = icon(name).pixmap(QSize(side, side), 1.0)
        return self._signs[wanted]

    def _corners(self, ground: QColor, radius: int) -> tuple[QPixmap, QPixmap]:
        """Return what lies over the upper corners of an image to make them round."""
        wanted = (ground.rgb(), radius)
        if wanted not in self._rounding:
            corner = QImage(radius, radius, QImage.Format.Format_ARGB32_Premultiplied)
            corner.fill(ground)
            pen = QPainter(corner)
            pen.setRenderHint(QPainter.RenderHint.Antialiasing)
            pen.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationOut)
            pen.setPen(Qt.PenStyle.NoPen)
            pen.setBrush(QColor("black"))
            pen.drawEllipse(QRectF(0, 0, 2 * radius, 2 * radius))
            pen.end()
            other = corner.flipped(Qt.Orientation.Horizontal)
            self._rounding[wanted] = (QPixmap.fromImage(corner), QPixmap.fromImage(other))
        return self._rounding[wanted]

    def _paint_caption(
        self,
        painter: QPainter,
        area: QRectF,
        metrics: QFontMetrics,
        code: int,
        sample_id: str,
        tokens: Tokens,
    ) -> None:
        label, short = caption_of(self._dress.labels[code], sample_id, int(area.width()), metrics)
        painter.setPen(tokens.text)
        painter.drawText(area, _LEFT, label)
        if short:
            painter.setPen(tokens.muted)
            painter.drawText(area, _RIGHT, short)


def caption_of(label: str, sample_id: str, width: int, metrics: QFontMetrics) -> tuple[str, str]:
    """Return class and id as they fit below a picture; the id gives way first, and is empty without room.

    Args:
        label: of the class.
        sample_id: without what all ids share.
        width: pixels.
        metrics: of the font.
    """
    room = width - metrics.horizontalAdvance(label) - SPACE
    if room < -SPACE:
        return metrics.elidedText(label, Qt.TextElideMode.ElideMiddle, width), ""
    return label, metrics.elidedText(sample_id, Qt.TextElideMode.ElideLeft, room) if room > 2 * SPACE else ""


def _draw(painter: QPainter, place: QRect, pixmap: QPixmap, ground: QColor) -> None:
    """Draw a thumbnail; one that was made for another size is scaled until the right one comes.

    Args:
        painter: in device pixels.
        place: of the picture.
        pixmap: the thumbnail.
        ground: shown beside one of another shape.
    """
    if pixmap.size() != place.size():
        painter.fillRect(place, ground)
    size = pixmap.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
    if pixmap.width() == place.width() or pixmap.height() == place.height():
        size = pixmap.size().boundedTo(place.size())
    left = place.left() + (place.width() - size.width()) // 2
    top = place.top() + (place.height() - size.height()) // 2
    if size == pixmap.size():
        painter.drawPixmap(left, top, pixmap)
    else:
        painter.drawPixmap(QRect(QPoint(left, top), size), pixmap)

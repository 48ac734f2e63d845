"""Paints one sample of the grid: image, class, id, selection, focus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetrics, QPainter, QPen, QPixmap, QTransform

from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE, class_label
from trainer.palette import class_colour

if TYPE_CHECKING:
    from skindesk.models.samples import SampleTable
    from skindesk.models.thumbnails import Thumbnails
    from skindesk.widgets.theme import Tokens

HINTS = QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
"""What the painter is to be set to."""

_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight

_MARGIN = SPACE // 2  # around a cell's content; two of them part neighbours
_LINE = 4  # height of the line in the class's colour, pixels
_RADIUS = 4.0
_ICON = 24


@dataclass(frozen=True)
class _Dress:
    """What is the same for all samples of a table."""

    colours: tuple[QColor, ...]
    labels: tuple[str, ...]
    id_from: int
    aspect: float


def _dress(table: SampleTable) -> _Dress:
    return _Dress(
        tuple(QColor(class_colour(name, table.classes)) for name in table.classes),
        tuple(class_label(name, table.malignant, full=False) for name in table.classes),
        table.short_ids_from(),
        table.aspect,
    )


class SamplePainter:
    """Paints samples of a table; takes thumbnails where they are there, and never waits for one."""

    def __init__(self, thumbnails: Thumbnails) -> None:
        self._thumbnails = thumbnails
        self._table: SampleTable | None = None
        self._dress = _Dress((), (), 0, 0.75)
        self._signs: dict[tuple[str, int, float], QPixmap] = {}

    def set_table(self, table: SampleTable | None) -> None:
        """Say of which table the samples are."""
        if table is not None and table is not self._table:
            self._dress = _dress(table)
        self._table = table

    def cell_height(self, width: int, metrics: QFontMetrics) -> int:
        """Return the height of a cell of some width, pixels."""
        return round((width - 2 * _MARGIN) * self._dress.aspect) + _LINE + metrics.height() + 3 * _MARGIN

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
            painter: with `HINTS`; pen, brush and brush origin are not kept.
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
        caption = metrics.height() + _MARGIN
        frame = cell.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN - caption)
        code = int(table.class_name.codes[sample])
        self._paint_picture(painter, frame, table.paths[sample], self._dress.colours[code], tokens)
        words = QRectF(frame.left() + 2, frame.bottom(), frame.width() - 4, caption + _MARGIN / 2)
        self._paint_caption(painter, words, metrics, code, table.id.texts[sample], tokens)
        if selected or focused:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(tokens.accent, 2.0 if focused else 1.0))
            painter.drawRoundedRect(ring, _RADIUS + 2, _RADIUS + 2)

    def _paint_picture(
        self, painter: QPainter, frame: QRectF, path: str, colour: QColor, tokens: Tokens
    ) -> None:
        """Paint the image inside the frame and the class's line along its lower edge."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(frame, _RADIUS, _RADIUS)
        area = frame.adjusted(0, 0, 0, -_LINE)
        pixmap = self._thumbnails.pixmap(path)
        if pixmap is None:
            painter.setBrush(tokens.track)
            painter.drawRoundedRect(area, _RADIUS, _RADIUS)
            sign = self._sign("warning" if self._thumbnails.reason(path) else "image", painter, tokens)
            painter.drawPixmap(area.center() - QPointF(_ICON / 2, _ICON / 2), sign)
            return
        _draw_fitted(painter, area, pixmap, tokens.track)

    def _sign(self, name: str, painter: QPainter, tokens: Tokens) -> QPixmap:
        """Return an icon as a picture: drawing it anew for each sample would take longer than all the rest."""
        density = painter.device().devicePixelRatio()
        wanted = (name, tokens.muted.rgb(), density)
        if wanted not in self._signs:
            self._signs[wanted] = icon(name).pixmap(QSize(_ICON, _ICON), density)
        return self._signs[wanted]

    def _paint_caption(
        self,
        painter: QPainter,
        area: QRectF,
        metrics: QFontMetrics,
        code: int,
        sample_id: str,
        tokens: Tokens,
    ) -> None:
        label = self._dress.labels[code]
        painter.setPen(tokens.text)
        painter.drawText(area, _LEFT, label)
        room = int(area.width()) - metrics.horizontalAdvance(label) - SPACE
        if room > 2 * SPACE:
            painter.setPen(tokens.muted)
            short = metrics.elidedText(sample_id[self._dress.id_from :], Qt.TextElideMode.ElideLeft, room)
            painter.drawText(area, _RIGHT, short)


def _draw_fitted(painter: QPainter, area: QRectF, pixmap: QPixmap, ground: QColor) -> None:
    """Draw a picture as large as fits, in the middle, with rounded upper corners where it reaches them."""
    scale = min(area.width() / max(pixmap.width(), 1), area.height() / max(pixmap.height(), 1))
    wide, high = pixmap.width() * scale, pixmap.height() * scale
    left, top = area.center().x() - wide / 2, area.center().y() - high / 2
    if wide < area.width() - 1 or high < area.height() - 1:
        painter.fillRect(area, ground)
        painter.drawPixmap(QRectF(left, top, wide, high), pixmap, QRectF(pixmap.rect()))
        return
    brush = QBrush(pixmap)
    brush.setTransform(QTransform(scale, 0, 0, scale, left, top))
    painter.setBrush(brush)
    painter.drawRoundedRect(area, _RADIUS, _RADIUS)
    # The lower corners stay square: the class's line goes on below them.
    lower = area.adjusted(0, area.height() - _RADIUS, 0, 0)
    painter.drawRect(lower)

"""How the large view of an image looks: picture, crop, and the square that the network sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap

from skindesk.models.diagnosis.framing import WHOLE, Box, Framing
from skindesk.widgets.canvas.mapping import CanvasMapping, handles_of
from skindesk.widgets.theme import SPACE, tokens_for
from trainer.images.framing import network_square

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from skindesk.widgets.theme import Tokens
    from trainer.config import Shape

_HANDLE = 9.0  # pixels
_VEIL = 200  # of 255: over what is cut away
_CROP_VEIL = 150  # of 255: the same while the crop is drawn, when it should still be seen
_EDGE = 150  # of 255: the two colours of the network's square, faint on any picture
_SHARP_FROM = 4.0  # screen pixels for a picture's pixel: from here on, single pixels are shown as squares


@dataclass(frozen=True)
class CanvasScene:
    """What is painted.

    Attributes:
        levels: the picture and its halves, see `skindesk.models.pictures.Picture`; empty for none.
        size: of the image, pixels.
        fill: colour of the frame where a turned image leaves it empty.
        framing: how it is turned and cut.
        part: of the frame that is asked about.
        cropping: whether the crop is being drawn.
        shape: how the network brings it to a square, if one is chosen.
        message: said where there is no picture.
        hovered: whether something that can be dropped hovers over it.
    """

    levels: tuple[QPixmap, ...]
    size: QSizeF
    fill: QColor
    framing: Framing
    part: Box
    cropping: bool
    shape: Shape | None
    message: str
    hovered: bool = False


def paint_canvas(widget: QWidget, mapping: CanvasMapping, scene: CanvasScene) -> None:
    """Paint a scene on a widget, in the colours of its palette."""
    tokens = tokens_for(widget.palette())
    painter = QPainter(widget)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    outline = QRectF(widget.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
    card = QPainterPath()
    card.addRoundedRect(outline, SPACE, SPACE)
    painter.fillPath(card, tokens.surface)
    painter.save()
    painter.setClipPath(card)
    if scene.levels:
        _paint_picture(painter, mapping, scene, widget.devicePixelRatioF())
        _paint_veil(painter, mapping, scene, tokens)
        if scene.shape is not None:
            _paint_square(painter, mapping, scene, scene.shape)
        if scene.cropping:
            _paint_crop(painter, mapping.rect_of(scene.part), tokens)
    elif scene.message:
        painter.setPen(tokens.muted)
        room = outline.adjusted(4 * SPACE, 2 * SPACE, -4 * SPACE, -2 * SPACE)
        painter.drawText(
            room, int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap), scene.message
        )
    painter.restore()
    marked = scene.hovered or widget.hasFocus()
    painter.setPen(QPen(tokens.accent if marked else tokens.border, 3.0 if scene.hovered else 1.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(card)
    painter.end()


def _paint_picture(painter: QPainter, mapping: CanvasMapping, scene: CanvasScene, density: float) -> None:
    if scene.framing.rotation:
        painter.fillRect(mapping.rect_of(), scene.fill)
    level = _level_for(scene.levels, scene.size.width(), mapping.zoom * density)
    scale = scene.size.width() / level.width() * mapping.zoom
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale * density < _SHARP_FROM)
    painter.translate(mapping.to_widget(QPointF(0.0, 0.0)))
    painter.rotate(scene.framing.rotation)
    painter.scale(scale, scale)
    painter.drawPixmap(QPointF(-level.width() / 2, -level.height() / 2), level)
    painter.restore()


def _level_for(levels: tuple[QPixmap, ...], width: float, zoom: float) -> QPixmap:
    """Return the smallest level that still has a pixel for each of the screen's."""
    enough = [level for level in levels if level.width() >= width * zoom]
    return enough[-1] if enough else levels[0]


def _paint_veil(painter: QPainter, mapping: CanvasMapping, scene: CanvasScene, tokens: Tokens) -> None:
    """Cover what is cut away."""
    if scene.part == WHOLE:
        return
    path = QPainterPath()
    path.addRect(mapping.rect_of())
    path.addRect(mapping.rect_of(scene.part))  # even and odd: the part is left out
    veil = QColor(tokens.surface)
    veil.setAlpha(_CROP_VEIL if scene.cropping else _VEIL)
    painter.fillPath(path, veil)


def _paint_square(painter: QPainter, mapping: CanvasMapping, scene: CanvasScene, shape: Shape) -> None:
    """Outline faintly what the network sees; black and white dashes are seen on any picture."""
    part = mapping.in_frame(scene.part)
    x, y, wide, high = network_square(part.width(), part.height(), shape)
    square = mapping.shown(QRectF(part.x() + x, part.y() + y, wide, high)).adjusted(0.5, 0.5, -0.5, -0.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, offset in ((QColor(0, 0, 0, _EDGE), 0.0), (QColor(255, 255, 255, _EDGE), 5.0)):
        pen = QPen(colour, 1.0)
        pen.setDashPattern([5.0, 5.0])
        pen.setDashOffset(offset)
        painter.setPen(pen)
        painter.drawRect(square)


def _paint_crop(painter: QPainter, rect: QRectF, tokens: Tokens) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(255, 255, 255, 110), 1.0))
    for third in (1 / 3, 2 / 3):
        x, y = rect.left() + third * rect.width(), rect.top() + third * rect.height()
        painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
        painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
    painter.setPen(QPen(tokens.accent, 2.0))
    painter.drawRect(rect)
    painter.setPen(QPen(tokens.accent, 1.5))
    painter.setBrush(QColor(Qt.GlobalColor.white))
    for place, _ in handles_of(rect):
        painter.drawRect(QRectF(place.x() - _HANDLE / 2, place.y() - _HANDLE / 2, _HANDLE, _HANDLE))

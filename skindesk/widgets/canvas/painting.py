"""How the large view of an image looks: picture, crop, and the square that the network sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPainterPath, QPen, QPixmap, QTransform

from skindesk.models.diagnosis.framing import WHOLE, Box, Framing
from skindesk.widgets.canvas.mapping import CanvasMapping, handles_of
from skindesk.widgets.theme import SPACE, tokens_for
from trainer.images.framing import network_square
from trainer.palette import HEAT

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from skindesk.models.diagnosis.evidence import EvidenceLayer
    from skindesk.widgets.theme import Tokens
    from trainer.config import Shape

_HANDLE = 9.0  # pixels
_VEIL = 200  # of 255: over what is cut away
_CROP_VEIL = 150  # of 255: the same while the crop is drawn, when it should still be seen
_EDGE = 150  # of 255: the two colours of the network's square, faint on any picture
_CAPTION_VEIL = 225  # of 255: behind words on the picture
_EVIDENCE_LINES = ((QColor("black"), 3.5), (QColor("white"), 1.5))  # pixels; seen on any picture
_SHARP_FROM = 4.0  # screen pixels for a picture's pixel: from here on, single pixels are shown as squares


@dataclass(frozen=True)
class EvidencePaint:
    """How a map of evidence is laid over the network's square.

    Attributes:
        layer: the map; `None` while there is none.
        opacity: of the overlay, 0 to 1.
        outlined: whether only its outline is drawn.
        caption, short_caption: what it is, or why there is none; the short one where there is little room.
    """

    layer: EvidenceLayer | None
    opacity: float
    outlined: bool
    caption: str
    short_caption: str = ""


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
        evidence: where the network looked; `None` where that is not shown.
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
    evidence: EvidencePaint | None = None
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
        if scene.evidence is not None and scene.shape is not None and not scene.cropping:
            _paint_evidence(painter, mapping, scene, scene.shape, scene.evidence)
        _paint_veil(painter, mapping, scene, tokens)
        if scene.shape is not None:
            _paint_square(painter, mapping, scene, scene.shape)
        if scene.cropping:
            _paint_crop(painter, mapping.rect_of(scene.part), tokens)
        elif scene.evidence is not None:
            _paint_caption(painter, outline, scene.evidence, tokens)
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
    square = _square(mapping, scene, shape).adjusted(0.5, 0.5, -0.5, -0.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, offset in ((QColor(0, 0, 0, _EDGE), 0.0), (QColor(255, 255, 255, _EDGE), 5.0)):
        pen = QPen(colour, 1.0)
        pen.setDashPattern([5.0, 5.0])
        pen.setDashOffset(offset)
        painter.setPen(pen)
        painter.drawRect(square)


def _square(mapping: CanvasMapping, scene: CanvasScene, shape: Shape) -> QRectF:
    """Return where the network's square lies in the widget."""
    part = mapping.in_frame(scene.part)
    x, y, wide, high = network_square(part.width(), part.height(), shape)
    return mapping.shown(QRectF(part.x() + x, part.y() + y, wide, high))


def _paint_evidence(
    painter: QPainter, mapping: CanvasMapping, scene: CanvasScene, shape: Shape, evidence: EvidencePaint
) -> None:
    """Lay the map over the network's square, as far as that shows the image."""
    if evidence.layer is None:
        return
    square = _square(mapping, scene, shape)
    painter.save()
    painter.setClipRect(mapping.rect_of(scene.part), Qt.ClipOperation.IntersectClip)
    if evidence.outlined:
        across = QTransform.fromTranslate(square.x(), square.y()).scale(square.width(), square.height())
        path = across.map(evidence.layer.outlines)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in _EVIDENCE_LINES:
            painter.setPen(QPen(colour, width))
            painter.drawPath(path)
    else:
        painter.setOpacity(evidence.opacity)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(square, evidence.layer.colours)
    painter.restore()


def _paint_caption(painter: QPainter, room: QRectF, evidence: EvidencePaint, tokens: Tokens) -> None:
    """Say below the picture what is laid over it; the colours of an overlay stand before the words."""
    measure, most = painter.fontMetrics(), int(room.width() - 4 * SPACE)
    words = (
        evidence.caption if measure.horizontalAdvance(evidence.caption) <= most else evidence.short_caption
    )
    words = measure.elidedText(words, Qt.TextElideMode.ElideRight, most)
    coloured = evidence.layer is not None and not evidence.outlined
    ramp = 8.0 * SPACE if coloured and measure.horizontalAdvance(words) + 9 * SPACE <= most else 0.0
    indent = ramp + SPACE if ramp else 0.0
    wide, high = measure.horizontalAdvance(words) + indent + 2 * SPACE, measure.height() + SPACE
    ground = QRectF(room.left() + SPACE, room.bottom() - high - SPACE, wide, high)
    veil = QColor(tokens.surface)
    veil.setAlpha(_CAPTION_VEIL)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(veil)
    painter.drawRoundedRect(ground, SPACE / 2, SPACE / 2)
    if ramp:
        bar = QRectF(ground.left() + SPACE, ground.center().y() - SPACE / 2, ramp, SPACE)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for place, colour in enumerate(HEAT):
            gradient.setColorAt(place / (len(HEAT) - 1), QColor(colour))
        painter.setBrush(gradient)
        painter.drawRoundedRect(bar, SPACE / 2, SPACE / 2)
    painter.setPen(tokens.text)
    painter.drawText(
        ground.adjusted(SPACE + indent, 0, 0, 0),
        int(Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextSingleLine),
        words,
    )


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

"""Where the network looked, laid over a picture for a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QTransform

from skindesk.models.diagnosis.evidence import draw_layer
from trainer.images.framing import network_square

if TYPE_CHECKING:
    from trainer.config import Shape
    from trainer.images.evidence import EvidenceMap

_LONGER_SIDE = 800  # pixels; 300 an inch at the size it is printed
_OPACITY = 0.5
_LINES = ((QColor("black"), 0.008), (QColor("white"), 0.004))
"""Colour and width of the outline, in shares of the longer side: to be seen on any skin."""


def overlaid(picture: QImage, evidence: EvidenceMap, shape: Shape) -> QImage:
    """Return a picture with a map, which is not empty, and its outline laid over it.

    Args:
        picture: what was asked about.
        evidence: of it.
        shape: how it became the network's square.
    """
    sized = picture.scaled(
        _LONGER_SIDE,
        _LONGER_SIDE,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    ).convertToFormat(QImage.Format.Format_RGB32)
    x, y, width, height = network_square(sized.width(), sized.height(), shape)
    layer = draw_layer(evidence)
    painter = QPainter(sized)
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    painter.setOpacity(_OPACITY)
    painter.drawImage(QRectF(x, y, width, height), layer.colours)
    painter.setOpacity(1.0)
    outline = QTransform(width, 0.0, 0.0, height, x, y).map(layer.outlines)
    for colour, share in _LINES:
        painter.setPen(QPen(colour, share * _LONGER_SIDE))
        painter.drawPath(outline)
    painter.end()
    return sized

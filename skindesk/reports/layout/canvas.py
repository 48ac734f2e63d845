"""A QPainter that is told everything in points (1/72 inch), and the colours of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPen, QPolygonF

from skindesk.reports.layout.fonts import font_for, legible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QFont, QImage, QPainter, QPainterPath
    from PySide6.QtSvg import QSvgRenderer

INK = "#1B2430"
MUTED = "#56616E"
LINE = "#D3D9E0"
TRACK = "#E6EAEE"
NOTICE = "#FBF1DC"
"""Text colours have, on white and on the ground of notices, a contrast of 6:1 or more; they stay apart when printed in grey."""

POINTS_PER_INCH = 72.0

SMALL = 8.0
BODY = 9.5
HEADING = 12.0
TITLE = 20.0
"""Sizes of type, points: two for reading, one for headings, one for the title."""

Align: TypeAlias = Literal["left", "centre", "right"]


class Canvas:
    """Draws in points from an origin.

    Args:
        painter: on a device of any resolution.
        x: the origin, in the device's own units.
        y: the same.
        scale: the device's units in a point.
    """

    def __init__(self, painter: QPainter, x: float, y: float, scale: float) -> None:
        self._painter = painter
        self._x, self._y = x, y
        self._scale = scale

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = SMALL,
        colour: str = INK,
        bold: bool = False,
        align: Align = "left",
        angle: float = 0.0,
    ) -> None:
        """Write a line whose base line is at `y` and whose left end, middle or right end is at `x`.

        Args:
            x: where to, from the left.
            y: the same, from the top.
            text: the line.
            size: of the type, points.
            colour: `#RRGGBB`.
            bold: the one emphasis there is.
            align: what of the line is at `x`.
            angle: by which it is turned around that place, degrees to the left.
        """
        text = legible(text)
        font = font_for(text, size, bold=bold)
        share = {"left": 0.0, "centre": 0.5, "right": 1.0}[align]
        width = self._metrics(font).horizontalAdvance(text) if share else 0.0
        self._painter.save()
        self._painter.setFont(font)
        self._painter.setPen(QColor(colour))
        self._painter.translate(self._across(x), self._down(y))
        self._painter.rotate(-angle)
        self._painter.drawText(QPointF(-share * width, 0.0), text)
        self._painter.restore()

    def ink_of(self, text: str, *, size: float = SMALL, bold: bool = False) -> tuple[float, float]:
        """Return how far a line of text reaches above its base line and below it, points."""
        text = legible(text)
        ink = self._metrics(font_for(text, size, bold=bold)).tightBoundingRect(text)
        return -ink.top() / self._scale, ink.bottom() / self._scale

    def width_of(self, text: str, *, size: float = SMALL, bold: bool = False) -> float:
        """Return how wide a line of text is, points."""
        text = legible(text)
        return self._metrics(font_for(text, size, bold=bold)).horizontalAdvance(text) / self._scale

    def size_to_fit(self, text: str, width: float, *, size: float = SMALL) -> float:
        """Return the size at which a line of text is at most `width` points wide: `size`, or less where needed."""
        return size * min(1.0, width / max(self.width_of(text, size=size), 1.0))

    def elided(self, text: str, width: float, *, size: float = SMALL) -> str:
        """Return a text cut with an ellipsis so that it is at most `width` points wide."""
        text = legible(text)
        metrics = self._metrics(font_for(text, size, bold=False))
        return metrics.elidedText(text, Qt.TextElideMode.ElideRight, width * self._scale)

    def line(
        self, points: Sequence[tuple[float, float]], colour: str, width: float = 0.5, *, dashed: bool = False
    ) -> None:
        """Draw a line through points."""
        pen = QPen(QColor(colour), width * self._scale)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        if dashed:
            pen.setDashPattern([4.0, 2.0])
        self._painter.setPen(pen)
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.drawPolyline(QPolygonF([QPointF(self._across(x), self._down(y)) for x, y in points]))

    def box(
        self, x: float, y: float, width: float, height: float, colour: str, *, radius: float = 0.0
    ) -> None:
        """Fill a rectangle."""
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(QColor(colour))
        corner = radius * self._scale
        self._painter.drawRoundedRect(self._rectangle(x, y, width, height), corner, corner)

    def shape(
        self,
        path: QPainterPath,
        *,
        fill: QColor | None = None,
        pen: QPen | None = None,
        within: QRectF | None = None,
    ) -> None:
        """Draw a shape.

        Args:
            path: its outline.
            fill: colour of its inside.
            pen: of its outline, the width and the dashes in points.
            within: what of it is shown; `None` for all.
        """
        self._painter.save()
        self._painter.translate(self._x, self._y)
        self._painter.scale(self._scale, self._scale)
        if within is not None:
            self._painter.setClipRect(within)
        self._painter.setPen(pen or Qt.PenStyle.NoPen)
        self._painter.setBrush(fill or Qt.BrushStyle.NoBrush)
        self._painter.drawPath(path)
        self._painter.restore()

    def image(self, x: float, y: float, width: float, height: float, image: QImage) -> None:
        """Draw an image into a rectangle."""
        self._painter.drawImage(self._rectangle(x, y, width, height), image, QRectF(image.rect()))

    def svg(self, x: float, y: float, width: float, height: float, renderer: QSvgRenderer) -> None:
        """Draw an SVG drawing into a rectangle."""
        renderer.render(self._painter, self._rectangle(x, y, width, height))

    def _metrics(self, font: QFont) -> QFontMetricsF:
        return QFontMetricsF(font, self._painter.device())

    def _across(self, x: float) -> float:
        return self._x + x * self._scale

    def _down(self, y: float) -> float:
        return self._y + y * self._scale

    def _rectangle(self, x: float, y: float, width: float, height: float) -> QRectF:
        return QRectF(self._across(x), self._down(y), width * self._scale, height * self._scale)

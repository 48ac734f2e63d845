"""What the lines of a plot mean: samples of the lines with words, in as many rows as they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from skindesk.widgets.theme import SPACE, tokens_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QColor, QFont, QPaintEvent, QResizeEvent

LineStyle: TypeAlias = Literal["solid", "dashed", "faint"]

_SAMPLE = 18.0  # pixels of a line
_GAP = 2.0 * SPACE
_BAND = 6.0  # pixels: a faint curve of many points is seen as a band, of which one thin line tells nothing


@dataclass(frozen=True)
class LegendEntry:
    """A line of the plot."""

    text: str
    colour: QColor
    style: LineStyle


def line_pen(colour: QColor, style: LineStyle) -> QPen:
    """Return the pen of a line; its width does not grow with the zoom."""
    pen = QPen(colour, 1.0 if style == "faint" else 2.0)
    pen.setCosmetic(True)
    if style == "dashed":
        pen.setDashPattern([3.0, 2.0])
    return pen


class PlotLegend(QWidget):
    """The legend above a plot. It asks for the height that its rows need at its width."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: tuple[LegendEntry, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_entries(self, entries: Sequence[LegendEntry]) -> None:
        """Show these lines."""
        self._entries = tuple(entries)
        self.setAccessibleName(", ".join(entry.text for entry in entries))
        self._fit()
        self.update()

    def paint_on(self, painter: QPainter, width: float, font: QFont | None = None) -> float:
        """Paint the legend with its upper left corner at the origin; return the height it took.

        Args:
            painter: where.
            width: that rows may take.
            font: of the words; the widget's own if not given.
        """
        tokens = tokens_for(self.palette())
        font = font or self.font()
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        for entry, left, top in self._placed(width, metrics):
            middle = top + metrics.height() / 2
            pen = line_pen(entry.colour, entry.style)
            if entry.style == "faint":
                pen.setWidthF(_BAND)
                pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            painter.drawLine(QPointF(left, middle), QPointF(left + _SAMPLE, middle))
            painter.setPen(tokens.muted)
            painter.drawText(QPointF(left + _SAMPLE + SPACE / 2, top + metrics.ascent()), entry.text)
        return self._height(width, metrics)

    def sizeHint(self) -> QSize:
        """Return the size for one row."""
        return QSize(40, round(QFontMetricsF(self.font()).height()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the rows."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.paint_on(painter, self.width())
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take the height that fits the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        height = round(self._height(max(self.width(), 1), QFontMetricsF(self.font())))
        if height != self.minimumHeight():
            self.setFixedHeight(height)

    def _placed(self, width: float, metrics: QFontMetricsF) -> list[tuple[LegendEntry, float, float]]:
        placed = []
        left = top = 0.0
        for entry in self._entries:
            needed = _SAMPLE + SPACE / 2 + metrics.horizontalAdvance(entry.text)
            if left and left + needed > width:
                left, top = 0.0, top + metrics.height() + SPACE / 4
            placed.append((entry, left, top))
            left += needed + _GAP
        return placed

    def _height(self, width: float, metrics: QFontMetricsF) -> float:
        placed = self._placed(width, metrics)
        return (placed[-1][2] if placed else 0.0) + metrics.height()

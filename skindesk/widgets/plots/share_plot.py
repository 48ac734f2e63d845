"""A plot of shares over shares, such as an ROC curve: lines that are read, and at most one point that is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from skindesk.widgets.plots.legend import LegendEntry, LineStyle, PlotLegend, line_pen
from skindesk.widgets.theme import SPACE, tokens_for
from trainer.wording import chosen_percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PySide6.QtCore import QPointF

    from skindesk.widgets.theme import Tokens

_HEIGHT, _HIGHEST = 184, 320  # pixels that a plot needs at least, and has at most
_DOT = 12  # pixels
_ROOM, _RIGHT = 0.03, 0.05
"""Around shares of 0 and 1, so that lines along an edge are seen, and the last label on the right as well."""
_STEPS = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Down: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Up: 1,
}


class ShareLine(NamedTuple):
    """A line of the plot.

    Attributes:
        text: what it is, in the legend.
        x, y: (k,) its points, `x` ascending.
        colour: `accent`, `muted`, or as `#RRGGBB`.
        style: see `LineStyle`.
    """

    text: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    colour: str = "accent"
    style: LineStyle = "solid"


class _Percent(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """An axis of shares, in percent."""

    def tickStrings(self, values: Sequence[float], _scale: float, _spacing: float) -> list[str]:
        return [chosen_percent(round(value, 6)) for value in values]


class SharePlot(QWidget):
    """Lines over a share.

    Args:
        name: what is shown, for those who do not see it.
        x_title: of the horizontal axis, which is a share.
        y_title: of the vertical axis.
        y_share: whether that is a share, too, from 0 to 1.
        parent: as usual.

    Signals:
        picked(float, float): the mouse was pressed or dragged at this place, in units of the axes.
        stepped(int): an arrow key asks for the next point to the right or upwards (1), or the other way (-1).
    """

    picked = Signal(float, float)
    stepped = Signal(int)

    def __init__(
        self, name: str, x_title: str, y_title: str, *, y_share: bool = True, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._titles = {"bottom": x_title, "left": y_title}
        self._y_share = y_share
        self._lines: tuple[ShareLine, ...] = ()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        self._legend = PlotLegend()
        layout.addWidget(self._legend)
        self._view = self._make_view(name)
        layout.addWidget(self._view, 1)
        self._items: list[pg.PlotDataItem] = []
        self._dot = pg.ScatterPlotItem(size=_DOT)
        self._dot.setZValue(3)
        self._view.addItem(self._dot)
        self._dress()

    def _make_view(self, name: str) -> pg.PlotWidget:
        axes = {"bottom": _Percent("bottom"), "left": (_Percent if self._y_share else pg.AxisItem)("left")}
        view = pg.PlotWidget(axisItems=axes, useOpenGL=False)
        view.setMinimumHeight(_HEIGHT)
        view.setMaximumHeight(_HIGHEST)
        view.setFrameShape(QFrame.Shape.NoFrame)
        view.setAccessibleName(name)
        view.setMenuEnabled(False)
        view.hideButtons()
        item = view.getPlotItem()
        item.setMouseEnabled(x=False, y=False)
        for axis in axes.values():
            axis.enableAutoSIPrefix(False)
            axis.setStyle(hideOverlappingLabels=False)  # the last one stands near the edge
        item.showGrid(x=False, y=True, alpha=1.0)
        view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        view.installEventFilter(self)
        view.viewport().installEventFilter(self)
        return view

    def make_movable(self, description: str) -> None:
        """Let the point be moved by mouse and keys.

        Args:
            description: how, for the tooltip.
        """
        self._view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._view.setToolTip(description)
        self._view.setAccessibleDescription(description)
        self._view.viewport().setCursor(Qt.CursorShape.PointingHandCursor)

    # --- what is shown -----------------------------------------------------------------------------------

    @property
    def lines(self) -> tuple[ShareLine, ...]:
        """What is shown."""
        return self._lines

    @property
    def dot(self) -> tuple[float, float] | None:
        """Where the point is."""
        xs, ys = self._dot.getData()
        return (float(xs[0]), float(ys[0])) if len(xs) else None

    def show_lines(
        self,
        lines: Sequence[ShareLine],
        *,
        x_range: tuple[float, float] = (0.0, 1.0),
        y_range: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        """Show these lines, and these parts of the axes."""
        for old in self._items:
            self._view.removeItem(old)
        self._lines = tuple(lines)
        self._items = [pg.PlotDataItem(line.x, line.y, antialias=True) for line in lines]
        for item in self._items:
            self._view.addItem(item)
        (left, right), (low, high) = x_range, y_range
        width, height = right - left, high - low
        self._view.getPlotItem().getViewBox().setRange(
            xRange=(left - _ROOM * width, right + _RIGHT * width),
            yRange=(low - _ROOM * height, high + _ROOM * height),
            padding=0.0,
        )
        self._dress()

    def show_dot(self, place: tuple[float, float] | None) -> None:
        """Put the point somewhere, or away."""
        self._dot.setData(*([[place[0]], [place[1]]] if place is not None else [[], []]))

    # --- hands -------------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hear where the mouse is pressed or dragged, and the arrow keys."""
        kind = event.type()
        if isinstance(event, QMouseEvent) and watched is self._view.viewport():
            if event.buttons() & Qt.MouseButton.LeftButton and kind in {
                QEvent.Type.MouseButtonPress,
                QEvent.Type.MouseMove,
            }:
                self._pick(event.position())
            if kind == QEvent.Type.MouseButtonPress:
                self._view.setFocus(Qt.FocusReason.MouseFocusReason)
            return True
        if isinstance(event, QKeyEvent) and kind == QEvent.Type.KeyPress and event.key() in _STEPS:
            self.stepped.emit(_STEPS[Qt.Key(event.key())])
            return True
        if kind == QEvent.Type.Wheel:
            event.ignore()  # the page is scrolled
            return True
        if kind in {QEvent.Type.FocusIn, QEvent.Type.FocusOut}:
            self._dress_frame()
        return super().eventFilter(watched, event)

    def _pick(self, position: QPointF) -> None:
        place = self.place_at(position)
        self.picked.emit(place[0], place[1])

    def place_at(self, position: QPointF) -> tuple[float, float]:
        """Return where a position in the plot's viewport is, in units of the axes."""
        box = self._view.getPlotItem().getViewBox()
        place = box.mapSceneToView(self._view.mapToScene(position.toPoint()))
        return float(place.x()), float(place.y())

    # --- colours -----------------------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:
        """Follow the scheme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_dot"):
            self._dress()

    def _dress(self) -> None:
        """Colour everything for the present scheme."""
        tokens = tokens_for(self.palette())
        self._view.setBackground(tokens.surface)
        plot = self._view.getPlotItem()
        for name, words in self._titles.items():
            axis = plot.getAxis(name)
            axis.setPen(pg.mkPen(tokens.grid_line))
            axis.setTextPen(tokens.muted)
            axis.setTickPen(pg.mkPen(tokens.grid_line))
            axis.setZValue(-1)  # the grid is the axes', and stays behind the lines
            axis.setStyle(tickLength=0 if name == "bottom" else -1, tickFont=self.font())
            axis.setLabel(words, **{"font-size": "13px", "color": tokens.muted.name()})
        for line, item in zip(self._lines, self._items, strict=True):
            item.setPen(line_pen(_colour(line, tokens), line.style))
        self._dot.setPen(pg.mkPen(tokens.surface, width=2))
        self._dot.setBrush(pg.mkBrush(tokens.accent))
        self._legend.set_entries(
            [LegendEntry(line.text, _colour(line, tokens), line.style) for line in self._lines]
        )
        self._legend.setVisible(len(self._lines) > 1)
        self._dress_frame()

    def _dress_frame(self) -> None:
        """Show where the keys go."""
        tokens = tokens_for(self.palette())
        colour = tokens.accent if self._view.hasFocus() else tokens.surface
        self._view.setStyleSheet(f"border: 1px solid {colour.name()}; border-radius: 4px;")


def _colour(line: ShareLine, tokens: Tokens) -> QColor:
    own = {"accent": tokens.accent, "muted": tokens.muted}.get(line.colour)
    return own if own is not None else tokens.seen(QColor(line.colour))

"""A plot of curves that grow: zoomed and read by mouse and keyboard, painted on screen or into a picture.

pyqtgraph is imported by plots alone, and draws by Qt's own painter: no OpenGL is needed. Data that is set is drawn
when `finish_update` is called; whoever feeds a plot does that on a timer, however fast what it shows may change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QKeyEvent, QPainter, QWheelEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from skindesk.widgets.basics import heading
from skindesk.widgets.plots.legend import LegendEntry, LineStyle, PlotLegend, line_pen
from skindesk.widgets.plots.marks import PlotMarks
from skindesk.widgets.plots.readout import Readout, ReadoutLine
from skindesk.widgets.theme import SPACE, tokens_for
from trainer.wording import chosen_percent, figure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from PySide6.QtCore import QPointF

    from skindesk.widgets.theme import Tokens

    Array: TypeAlias = NDArray[np.float64]

Scale: TypeAlias = Literal["number", "share"]

_HEIGHT = 144  # pixels that a plot needs at least
_MOST_DOTS = 40
"""Up to so many points each is marked, so that the first ones can be seen at all."""
_DOT = 5  # pixels
_ZOOM = 1.3
_PAN_SHARE = 0.15
_END, _FOOT = 1.04, 0.03
_MOST_ABOVE = 0.4  # share of a low plot above the curves
"""Room behind, below and above, so that the labels of all ends are shown."""
_SAME = 1e-6  # epochs
_SHARE_STEPS = (0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class Curve:
    """How a curve looks.

    Attributes:
        key: that its data is set under.
        text: what it is, in the legend and the table.
        colour: as `#RRGGBB`; empty for the accent colour.
        style: `faint` is a thin line in the background, for many points.
    """

    key: str
    text: str
    colour: str = ""
    style: LineStyle = "solid"


class _ShareAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """An axis of shares, in percent: as many steps as its height has room for, and 100 % is always one."""

    def boundingRect(self) -> QRectF:
        # Labels that stand out of it are not painted: the first and the last one, by half their height.
        half = QFontMetricsF(self.style["tickFont"] or QFont()).height() / 2
        place: QRectF = super().boundingRect()
        return place.adjusted(0, -half, 0, half)

    def tickStrings(self, values: Sequence[float], _scale: float, _spacing: float) -> list[str]:
        return [chosen_percent(value) for value in values]

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        # The room for words above has no values.
        end = min(high, 1.0 + _SAME)
        line = size / max(high - low, _SAME) / QFontMetricsF(self.style["tickFont"] or QFont()).height()
        step = next((step for step in _SHARE_STEPS if step * line >= 1.0), _SHARE_STEPS[-1])
        if end - low < 2 * step:  # so little is shown that round steps are too far apart
            return super().tickValues(low, end, size)  # type: ignore[no-any-return]
        return [(step, [place * step for place in range(math.ceil(low / step), math.floor(end / step) + 1)])]


class _EpochAxis(pg.AxisItem):  # type: ignore[misc]  # as above
    """An axis of epochs, which are counted: where a whole one is shown, nothing between two is labelled."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        label = QFontMetricsF(self.style["tickFont"] or QFont()).horizontalAdvance(f" {high:.0f} ")
        fitting = max(label * (high - low) / max(size, 1.0), 1.0)
        decade = 10.0 ** math.floor(math.log10(fitting))
        step = round(next(part * decade for part in (1, 2, 5, 10) if part * decade >= fitting))
        whole = [float(epoch) for epoch in range(step * math.ceil(low / step), math.floor(high) + 1, step)]
        return [(float(step), whole)] if whole else super().tickValues(low, high, size)


class LivePlot(QWidget):
    """One plot with its title and legend.

    Keys: left and right move the crosshair from point to point, plus and minus zoom, with Shift the arrows pan,
    Home shows everything, Escape puts the crosshair away. The mouse drags, zooms by its wheel, and shows
    everything at a double click.

    Args:
        title: what is shown.
        scale: `share` for values from 0 to 1, shown in percent.
        x_title: what the horizontal axis counts.
        parent: as usual.

    Attributes:
        title, x_title: see above.
        header: row of the title; things added stand on its right.
        marks: where stages begin, and the best point.
        repaints: how often new data was drawn.

    Signals:
        pointed(object): the crosshair was put at this x (float), or away (`None`), by the user.
        zoomed(bool): a part is shown from now on, or everything.
        ranged(object): the user has chosen this part of the horizontal axis (two floats), or everything (`None`).
    """

    pointed = Signal(object)
    zoomed = Signal(bool)
    ranged = Signal(object)

    def __init__(
        self, title: str, scale: Scale = "number", x_title: str = "epoch", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.title = title
        self.x_title = x_title
        self.repaints = 0
        self._scale = scale
        self._data: dict[str, tuple[Array, Array]] = {}
        self._curves: dict[str, Curve] = {}
        self._items: dict[str, pg.PlotDataItem] = {}
        self._x_end, self._following = 1.0, True
        self._place: Callable[[float], str] = lambda x: f"{x_title} {x:g}"
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        self.header = QHBoxLayout()
        self.header.setSpacing(SPACE // 2)
        self._heading = heading(title)
        self.header.addWidget(self._heading)
        self.header.addStretch(1)
        layout.addLayout(self.header)
        self._legend = PlotLegend()
        layout.addWidget(self._legend)
        self._crosshair = pg.InfiniteLine(angle=90, movable=False)
        self._view = self._make_view()
        layout.addWidget(self._view, 1)
        self.marks = PlotMarks(self._view, tokens_for(self.palette()))
        self._readout = Readout(self._view)
        self._dress()

    def _make_view(self) -> pg.PlotWidget:
        axis = _ShareAxis if self._scale == "share" else pg.AxisItem
        view = pg.PlotWidget(
            axisItems={"left": axis("left"), "bottom": _EpochAxis("bottom")}, useOpenGL=False
        )
        view.setMinimumHeight(_HEIGHT)
        view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        view.setFrameShape(QFrame.Shape.NoFrame)
        view.setAccessibleName(self.title)
        view.setAccessibleDescription(
            self.tr("Arrow keys read points, + and - zoom, Shift with arrows pans, Home shows everything")
        )
        view.setMenuEnabled(False)
        view.hideButtons()
        view.installEventFilter(self)
        view.viewport().installEventFilter(self)
        view.setToolTip(
            self.tr("Click, then zoom with the wheel and drag to move; double-click shows everything")
        )
        item = view.getPlotItem()
        item.showGrid(x=False, y=True, alpha=1.0)
        box = item.getViewBox()
        box.setLimits(xMin=0.0)
        box.sigResized.connect(lambda _box: self._fit_again())
        box.sigRangeChangedManually.connect(self._on_manual_range)
        self._crosshair.setZValue(3)  # above the curves
        self._crosshair.hide()
        view.addItem(self._crosshair, ignoreBounds=True)
        view.scene().sigMouseMoved.connect(self._on_mouse)
        return view

    # --- what is shown ------------------------------------------------------------------------------------

    def set_curves(self, curves: Sequence[Curve]) -> None:
        """Say which curves there are; data of others is forgotten."""
        if list(self._curves.values()) == list(curves):
            return
        for item in self._items.values():
            self._view.removeItem(item)
        self._curves = {curve.key: curve for curve in curves}
        self._data = {key: data for key, data in self._data.items() if key in self._curves}
        self._items = {}
        for key, curve in self._curves.items():
            faint = curve.style == "faint"
            item = pg.PlotDataItem(antialias=not faint)
            item.setZValue(0 if faint else 1)
            # However many points there are, a column of pixels draws its lowest and highest.
            item.setDownsampling(auto=faint, method="peak")
            item.setClipToView(faint)
            self._items[key] = item
            self._view.addItem(item)
        for key, (x, y) in self._data.items():
            self.set_data(key, x, y)
        self._dress()

    def set_data(self, key: str, x: Array, y: Array) -> None:
        """Give a curve its points.

        Args:
            key: of the curve.
            x: places, (n,), ascending.
            y: values, (n,).
        """
        self._data[key] = (x, y)
        item = self._items[key]
        if self._curves[key].style != "faint":
            item.setSymbol("o" if len(x) <= _MOST_DOTS else None)
        item.setData(x, y)

    def finish_update(self, x_end: float) -> None:
        """Fit what is shown to the data that was set.

        Args:
            x_end: right end of the axis while nobody has zoomed.
        """
        self.repaints += 1
        self._x_end = max(x_end, _SAME)
        if self._following:
            self.show_range(None)
        if self._crosshair.isVisible():
            self.point_at(self._crosshair.value())

    def points(self, key: str) -> tuple[Array, Array]:
        """Return the points of a curve, (n,) each."""
        return self._data.get(key, (np.empty(0), np.empty(0)))

    def set_place_names(self, place: Callable[[float], str]) -> None:
        """Say how an x is called in the read-out of the crosshair."""
        self._place = place

    def link_to(self, other: LivePlot) -> None:
        """Show the same part of the horizontal axis as another plot, and the crosshair at the same place."""
        for one, another in ((self, other), (other, self)):
            one.pointed.connect(another.point_at)
            one.ranged.connect(another.show_range)

    # --- the part that is shown ---------------------------------------------------------------------------

    @property
    def shown_range(self) -> tuple[float, float]:
        """The part of the horizontal axis that is shown."""
        (left, right), _ = self._view.viewRange()
        return float(left), float(right)

    def show_all(self) -> None:
        """Show everything, and follow what comes."""
        self.show_range(None)
        self.ranged.emit(None)

    def show_range(self, part: tuple[float, float] | None) -> None:
        """Show a part of the horizontal axis; `None` shows everything and follows what comes."""
        if self._following != (part is None):
            self._following = part is None
            self.zoomed.emit(not self._following)
        highest = 1.0
        if self._scale == "number":
            tops = [float(y.max()) for _, y in self._data.values() if len(y)]
            highest = max((top for top in tops if math.isfinite(top)), default=0.0) or 1.0
        box = self._view.getPlotItem().getViewBox()
        box.setRange(xRange=part or (0.0, self._x_end * _END), padding=0.0)
        if part is None:  # where the words of the marks stand is known by now
            above = max(self.marks.height_share, self.fontMetrics().height() / 2 / max(box.height(), 1.0))
            heights = (-_FOOT * highest, highest * (1.0 + _FOOT) / (1.0 - min(above, _MOST_ABOVE)))
            box.setRange(yRange=heights, padding=0.0)

    def _fit_again(self) -> None:
        """Give the words of the marks the room they need at another height."""
        if self._following and hasattr(self, "marks"):
            self.show_range(None)

    def zoom(self, factor: float) -> None:
        """Show a part of the horizontal axis that is so many times as wide, about the crosshair or the middle."""
        left, right = self.shown_range
        middle = self._crosshair.value() if self._crosshair.isVisible() else (left + right) / 2
        self._choose_range(middle + factor * (left - middle), middle + factor * (right - middle))

    def pan(self, share: float) -> None:
        """Move along the horizontal axis by a share of what is shown."""
        left, right = self.shown_range
        way = max(share * (right - left), -left)
        self._choose_range(left + way, right + way)

    def _choose_range(self, left: float, right: float) -> None:
        self.show_range((max(left, 0.0), right))
        self.ranged.emit(self.shown_range)

    # --- reading ------------------------------------------------------------------------------------------

    def point_at(self, x: float | None) -> None:
        """Put the crosshair at the point nearest to an x, with the values there; `None` puts it away."""
        points = self._places()
        if x is None or not len(points):
            self._crosshair.hide()
            self._readout.hide()
            return
        nearest = float(points[np.abs(points - x).argmin()])
        self._crosshair.setValue(nearest)
        self._crosshair.show()
        box = self._view.getPlotItem().getViewBox()
        at = self._view.mapFromScene(box.mapViewToScene(pg.Point(nearest, 0.0)))
        self._readout.show_lines(self._place(nearest), self._values(nearest), at.x())

    @property
    def readout(self) -> str:
        """What the read-out of the crosshair says, one line a curve; empty without a crosshair."""
        return self._readout.plain_text

    def _places(self) -> Array:
        """Return the x of all points but those of faint curves, or of these where there are no others."""
        strong = [x for key, (x, _) in self._data.items() if self._curves[key].style != "faint" and len(x)]
        chosen = strong or [x for x, _ in self._data.values() if len(x)]
        return np.unique(np.concatenate(chosen)) if chosen else np.empty(0)

    def _values(self, x: float) -> list[ReadoutLine]:
        tokens = tokens_for(self.palette())
        lines = []
        for key, curve in self._curves.items():
            xs, ys = self.points(key)
            if not len(xs):
                continue
            place = int(np.abs(xs - x).argmin())
            if curve.style == "faint" or abs(xs[place] - x) < _SAME:
                value = figure(float(ys[place]), share=self._scale == "share")
                lines.append(ReadoutLine(curve.text, value, self._colour(curve, tokens), curve.style))
        return lines

    # --- saving -------------------------------------------------------------------------------------------

    def columns(self) -> dict[str, tuple[Array, Array]]:
        """Return what each curve is and a copy of its points, which no later data changes."""
        named = ((curve.text, self.points(key)) for key, curve in self._curves.items())
        return {text: (x.copy(), y.copy()) for text, (x, y) in named if len(x)}

    def picture_size(self) -> QSize:
        """Return the size of a picture of this plot, in units of which the screen shows one a pixel."""
        above = self._view.y() + SPACE
        return QSize(self._view.width() + 4 * SPACE, self._view.height() + above + 4 * SPACE)

    def paint_on(self, painter: QPainter) -> None:
        """Paint title, legend and plot for a picture of `picture_size`, without the crosshair."""
        margin, tokens = 2 * SPACE, tokens_for(self.palette())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(QRect(QPoint(0, 0), self.picture_size()), tokens.surface)
        painter.save()
        painter.translate(margin, margin)
        painter.setFont(self._heading.font())
        painter.setPen(tokens.text)
        row = QRect(0, 0, self._view.width(), self._legend.y())
        painter.drawText(row, Qt.AlignmentFlag.AlignVCenter, self.title)
        painter.translate(0, self._legend.y())
        self._legend.paint_on(painter, self._view.width())
        painter.restore()
        target = QRectF(margin, margin + self._view.y() + SPACE, self._view.width(), self._view.height())
        pointed = self._crosshair.isVisible()
        self._crosshair.hide()
        self._view.scene().render(painter, target, self._view.sceneRect())
        self._crosshair.setVisible(pointed)

    # --- hands and eyes -----------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Read the keys, notice the mouse leaving, show everything at a double click."""
        kind = event.type()
        if kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._on_key(event)
        if isinstance(event, QWheelEvent) and not self._view.hasFocus():
            # Whoever scrolls past the plot does not want to zoom it.
            event.ignore()
            return True
        if kind == QEvent.Type.MouseButtonDblClick:
            self.show_all()
            return True
        if kind == QEvent.Type.Leave:
            self._point(None)
        elif kind in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self._dress_frame()
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the scheme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_readout"):
            self._dress()

    def _on_key(self, event: QKeyEvent) -> bool:
        key, shift = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        keys = Qt.Key
        if key in (keys.Key_Left, keys.Key_Right):
            way = -1 if key == keys.Key_Left else 1
            self.pan(way * _PAN_SHARE) if shift else self._step(way)
        elif key in (keys.Key_Plus, keys.Key_Equal):
            self.zoom(1 / _ZOOM)
        elif key == keys.Key_Minus:
            self.zoom(_ZOOM)
        elif key == keys.Key_Home:
            self.show_all()
        elif key == keys.Key_Escape and self._crosshair.isVisible():
            self._point(None)
        else:
            return False
        return True

    def _step(self, way: int) -> None:
        places = self._places()
        if not len(places):
            return
        last = len(places) - 1
        if not self._crosshair.isVisible():
            self._point(float(places[last]))
            return
        here = int(np.abs(places - self._crosshair.value()).argmin())
        self._point(float(places[min(max(here + way, 0), last)]))

    def _on_mouse(self, position: QPointF) -> None:
        box = self._view.getPlotItem().getViewBox()
        inside = box.sceneBoundingRect().contains(position)
        self._point(float(box.mapSceneToView(position).x()) if inside else None)

    def _point(self, x: float | None) -> None:
        self.point_at(x)
        self.pointed.emit(x)

    def _on_manual_range(self, _axes: object) -> None:
        if self._following:
            self._following = False
            self.zoomed.emit(True)
        self.ranged.emit(self.shown_range)

    # --- colours ------------------------------------------------------------------------------------------

    def _colour(self, curve: Curve, tokens: Tokens) -> QColor:
        colour = tokens.seen(QColor(curve.colour)) if curve.colour else tokens.accent
        return _mixed(colour, tokens.surface, 0.3) if curve.style == "faint" else colour

    def _dress(self) -> None:
        """Colour everything for the present scheme."""
        tokens = tokens_for(self.palette())
        self._view.setBackground(tokens.surface)
        item = self._view.getPlotItem()
        for name in ("left", "bottom"):
            axis = item.getAxis(name)
            axis.setPen(pg.mkPen(tokens.grid_line))
            axis.setTextPen(tokens.muted)
            axis.setTickPen(pg.mkPen(tokens.grid_line))
            axis.setZValue(-1)  # the grid is the axes', and stays behind the curves
            axis.setStyle(tickLength=0 if name == "bottom" else -1, tickFont=self.font())
        for key, curve in self._curves.items():
            colour = self._colour(curve, tokens)
            data = self._items[key]
            data.setPen(line_pen(colour, curve.style))
            if curve.style != "faint":
                data.setSymbolPen(colour)
                data.setSymbolBrush(colour if curve.style == "solid" else tokens.surface)
                data.setSymbolSize(_DOT)
        self._crosshair.setPen(pg.mkPen(tokens.muted, style=Qt.PenStyle.DotLine))
        self.marks.dress(tokens)
        self._legend.set_entries(
            [
                LegendEntry(curve.text, self._colour(curve, tokens), curve.style)
                for curve in self._curves.values()
            ]
        )
        self._dress_frame()

    def _dress_frame(self) -> None:
        """Show where the keys go."""
        tokens = tokens_for(self.palette())
        colour = tokens.accent if self._view.hasFocus() else tokens.surface
        self._view.setStyleSheet(f"border: 1px solid {colour.name()}; border-radius: 4px;")


def _mixed(colour: QColor, ground: QColor, share: float) -> QColor:
    """Return an opaque colour that looks like `colour` with so little ink on the ground: alpha is slow to draw."""
    return QColor.fromRgbF(
        *(
            share * above + (1 - share) * below
            for above, below in zip(colour.getRgbF()[:3], ground.getRgbF()[:3], strict=True)  # type: ignore[index]
        )
    )

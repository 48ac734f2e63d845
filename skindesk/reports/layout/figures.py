"""Figures that matplotlib draws, painted by Qt: lines stay lines, and text is set in the report's own fonts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.colors import to_rgba
from matplotlib.path import Path
from matplotlib.transforms import Affine2D
from PySide6.QtCore import QCoreApplication, QRectF, Qt
from PySide6.QtGui import QColor, QPainterPath, QPen

from trainer.figures.page import POINTS_PER_INCH, PRINT, own_style

if TYPE_CHECKING:
    from matplotlib.backend_bases import GraphicsContextBase
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.text import Text
    from matplotlib.transforms import Transform
    from matplotlib.typing import ColorType
    from numpy.typing import ArrayLike

    from skindesk.reports.layout.canvas import Canvas

_BOLD = 600  # weights from which on a font is set in bold
_CAPS = {
    "butt": Qt.PenCapStyle.FlatCap,
    "round": Qt.PenCapStyle.RoundCap,
    "projecting": Qt.PenCapStyle.SquareCap,
}
_JOINS = {
    "miter": Qt.PenJoinStyle.MiterJoin,
    "round": Qt.PenJoinStyle.RoundJoin,
    "bevel": Qt.PenJoinStyle.BevelJoin,
}


@dataclass(frozen=True)
class FigureInset:
    """A figure as a part of a report.

    Attributes:
        figure: with 72 dots an inch, so that its pixels are points.
    """

    figure: Figure

    @property
    def width(self) -> float:
        """Points."""
        return float(self.figure.get_figwidth() * POINTS_PER_INCH)

    @property
    def height(self) -> float:
        """Points."""
        return float(self.figure.get_figheight() * POINTS_PER_INCH)

    def draw(self, canvas: Canvas) -> None:
        """Draw it."""
        with own_style(PRINT):
            self.figure.draw(_Renderer(canvas, self.width, self.height))


class _Renderer(RendererBase):
    """What matplotlib draws a figure with: a canvas, which counts from the top.

    Args:
        canvas: drawn on.
        width, height: of the figure, points.
    """

    def __init__(self, canvas: Canvas, width: float, height: float) -> None:
        super().__init__()
        self._canvas = canvas
        self._size = (width, height)
        self._flip = Affine2D().scale(1, -1).translate(0, height)

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Return the size in pixels, which are points."""
        return self._size

    def points_to_pixels(self, points: ArrayLike) -> ArrayLike:
        """Return the same: pixels are points."""
        return points

    def draw_path(
        self,
        gc: GraphicsContextBase,
        path: Path,
        transform: Transform,
        rgbFace: ColorType | None = None,  # noqa: N803 - matplotlib's name
    ) -> None:
        """Draw a line or an area."""
        width = gc.get_linewidth()
        alpha = gc.get_alpha() if gc.get_forced_alpha() else None
        self._canvas.shape(
            _outline(path, transform + self._flip),
            fill=None if rgbFace is None else _colour(rgbFace, alpha),
            pen=_pen(gc, width) if width > 0 else None,
            within=self._clip(gc),
        )

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: bool | Literal["TeX"] = False,  # noqa: ARG002 - never: see `own_style`
        mtext: Text | None = None,  # noqa: ARG002 - where the text is, is said by `x` and `y`
    ) -> None:
        """Write a line of text."""
        size, bold = _type_of(prop)
        colour = _colour(gc.get_rgb()).name()
        self._canvas.text(x, y, _tr(s), size=size, bold=bold, colour=colour, angle=angle)

    def get_text_width_height_descent(
        self,
        s: str,
        prop: FontProperties,
        ismath: bool | Literal["TeX"],  # noqa: ARG002 - never: see `own_style`
    ) -> tuple[float, float, float]:
        """Return how wide a line of text is, how high its ink is, and how much of that is below the base line."""
        size, bold = _type_of(prop)
        above, below = self._canvas.ink_of(_tr(s), size=size, bold=bold)
        return self._canvas.width_of(_tr(s), size=size, bold=bold), above + below, below

    def _clip(self, gc: GraphicsContextBase) -> QRectF | None:
        box = gc.get_clip_rectangle()
        if box is None:
            return None
        return QRectF(box.x0, self._size[1] - box.y1, box.width, box.height)


def _tr(text: str) -> str:
    """Translate the fixed words of a figure; numbers and names of classes are as they are."""
    return QCoreApplication.translate("figures", text)


def _outline(path: Path, transform: Transform) -> QPainterPath:
    outline = QPainterPath()
    for at, code in path.iter_segments(transform):
        if code == Path.MOVETO:
            outline.moveTo(*at)
        elif code == Path.LINETO:
            outline.lineTo(*at)
        elif code == Path.CURVE3:
            outline.quadTo(*at)
        elif code == Path.CURVE4:
            outline.cubicTo(*at)
        elif code == Path.CLOSEPOLY:
            outline.closeSubpath()
    return outline


def _pen(gc: GraphicsContextBase, width: float) -> QPen:
    pen = QPen(_colour(gc.get_rgb()), width)
    pen.setCapStyle(_CAPS[gc.get_capstyle()])
    pen.setJoinStyle(_JOINS[gc.get_joinstyle()])
    offset, dashes = gc.get_dashes()
    if dashes is not None:
        pen.setDashPattern((np.asarray(dashes) / width).tolist())  # Qt counts in widths of the pen
        pen.setDashOffset(float(offset) / width)
    return pen


def _colour(colour: ColorType, alpha: float | None = None) -> QColor:
    return QColor.fromRgbF(*to_rgba(colour, alpha))


def _type_of(prop: FontProperties) -> tuple[float, bool]:
    """Return size in points, and whether it is bold."""
    weight = prop.get_weight()
    return prop.get_size_in_points(), weight == "bold" or (isinstance(weight, int) and weight >= _BOLD)

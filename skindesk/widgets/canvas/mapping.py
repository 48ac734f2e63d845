"""Where a turned image lies in a widget: zoom and place, and the way between points of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSizeF

from skindesk.models.diagnosis.framing import WHOLE, Box

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGEST_ZOOM = 32.0  # widget pixels for a pixel of the image
_SMALLEST_FIT = 0.25  # of the zoom that fits: further out there is nothing to see


class CanvasMapping:
    """Maps the frame of an image to a widget and back.

    Points of the frame are in pixels of the image, counted from the frame's middle: that is the image's own
    middle, which stays where it is while the image turns.

    Attributes:
        widget: size of the widget, device-independent pixels.
        frame: size of the frame, pixels of the image.
        zoom: widget pixels for a pixel of the image.
        middle: the point of the frame at the widget's middle.
        follows: whether zoom and place follow from what is to be fitted.
    """

    def __init__(self) -> None:
        self.widget = QSizeF(1.0, 1.0)
        self.frame = QSizeF(1.0, 1.0)
        self.zoom = 1.0
        self.middle = QPointF(0.0, 0.0)
        self.follows = True

    def to_widget(self, point: QPointF) -> QPointF:
        """Return where a point of the frame is shown."""
        away = (point - self.middle) * self.zoom
        return QPointF(self.widget.width() / 2 + away.x(), self.widget.height() / 2 + away.y())

    def to_frame(self, position: QPointF) -> QPointF:
        """Return the point of the frame that is shown at a position."""
        away = QPointF(position.x() - self.widget.width() / 2, position.y() - self.widget.height() / 2)
        return self.middle + away / self.zoom

    def shares_at(self, position: QPointF) -> tuple[float, float]:
        """Return the point of the frame shown at a position, as shares of the frame."""
        point = self.to_frame(position)
        return point.x() / self.frame.width() + 0.5, point.y() / self.frame.height() + 0.5

    def in_frame(self, box: Box) -> QRectF:
        """Return a box as a rectangle in the frame's own points."""
        wide, high = self.frame.width(), self.frame.height()
        return QRectF((box.x - 0.5) * wide, (box.y - 0.5) * high, box.width * wide, box.height * high)

    def rect_of(self, box: Box = WHOLE) -> QRectF:
        """Return where a part of the frame is shown; all of it by default."""
        return self.shown(self.in_frame(box))

    def shown(self, area: QRectF) -> QRectF:
        """Return where an area of the frame is shown."""
        return QRectF(self.to_widget(area.topLeft()), self.to_widget(area.bottomRight()))

    def fitting_zoom(self, box: Box, margin: float) -> float:
        """Return the zoom at which a part of the frame fills the widget but for a margin."""
        area = self.in_frame(box)
        across = max(self.widget.width() - 2 * margin, 1.0) / max(area.width(), 1e-9)
        down = max(self.widget.height() - 2 * margin, 1.0) / max(area.height(), 1e-9)
        return min(across, down, LARGEST_ZOOM)

    def fit(self, box: Box, margin: float) -> None:
        """Show a part of the frame as large as it fits, in the middle."""
        self.zoom = self.fitting_zoom(box, margin)
        self.middle = self.in_frame(box).center()
        self.follows = True

    def zoom_about(self, factor: float, position: QPointF, fitting: float) -> None:
        """Zoom so that the point at a position stays where it is.

        Args:
            factor: over 1 to see more closely.
            position: in the widget.
            fitting: the zoom that fits; a good deal smaller it does not get.
        """
        kept = self.to_frame(position)
        self.zoom = min(max(self.zoom * factor, fitting * _SMALLEST_FIT), max(LARGEST_ZOOM, fitting))
        away = QPointF(position.x() - self.widget.width() / 2, position.y() - self.widget.height() / 2)
        self.middle = kept - away / self.zoom
        self.follows = False
        self._keep_in_sight()

    def pan(self, across: float, down: float) -> None:
        """Move what is shown by widget pixels."""
        self.middle -= QPointF(across, down) / self.zoom
        self.follows = False
        self._keep_in_sight()

    def _keep_in_sight(self) -> None:
        """Keep some of the frame at the widget's middle."""
        wide, high = self.frame.width() / 2, self.frame.height() / 2
        self.middle = QPointF(min(max(self.middle.x(), -wide), wide), min(max(self.middle.y(), -high), high))


def handles_of(rect: QRectF) -> Iterable[tuple[QPointF, tuple[int, int]]]:
    """Return the eight places a rectangle is taken at, each with the edges it moves.

    The edges are -1 for left or top, 1 for right or bottom, 0 for neither; corners come first.
    """
    middle = rect.center()
    columns = {-1: rect.left(), 0: middle.x(), 1: rect.right()}
    rows = {-1: rect.top(), 0: middle.y(), 1: rect.bottom()}
    sides = ((-1, -1), (1, -1), (-1, 1), (1, 1), (0, -1), (0, 1), (-1, 0), (1, 0))
    return tuple((QPointF(columns[across], rows[down]), (across, down)) for across, down in sides)

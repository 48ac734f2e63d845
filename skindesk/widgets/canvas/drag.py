"""What a drag with the mouse does to the crop and the angle of an image: plain geometry of one drag."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QPointF, Qt

from skindesk.models.diagnosis.framing import WHOLE, Box, Framing, box_between
from skindesk.widgets.canvas.mapping import handles_of

if TYPE_CHECKING:
    from PySide6.QtCore import QRectF

    from skindesk.widgets.canvas.mapping import CanvasMapping

_HANDLE_REACH = 11.0  # pixels around a handle that count as it
_LEAST_DRAG = 4.0  # pixels; less is a click
_ANGLE_STEP = 0.5  # degrees; as fine as the slider's

_CURSORS = {
    (-1, -1): Qt.CursorShape.SizeFDiagCursor,
    (1, 1): Qt.CursorShape.SizeFDiagCursor,
    (1, -1): Qt.CursorShape.SizeBDiagCursor,
    (-1, 1): Qt.CursorShape.SizeBDiagCursor,
    (0, -1): Qt.CursorShape.SizeVerCursor,
    (0, 1): Qt.CursorShape.SizeVerCursor,
    (-1, 0): Qt.CursorShape.SizeHorCursor,
    (1, 0): Qt.CursorShape.SizeHorCursor,
}


@dataclass(frozen=True)
class Drag:
    """What the pressed mouse is doing.

    Attributes:
        kind: draw, move and edges change the crop.
        begin: where it was pressed.
        last: where it was a moment ago.
        framing: as it was.
        box: of the crop as it was.
        edges: that are moved, see `handles_of`.
    """

    kind: Literal["pan", "turn", "draw", "move", "edges"]
    begin: QPointF
    last: QPointF
    framing: Framing
    box: Box
    edges: tuple[int, int] = (0, 0)

    def of_crop(self, mapping: CanvasMapping) -> Drag:
        """Return the drag as one that changes the crop: what is pressed on says how."""
        rect = mapping.rect_of(self.box)
        edges = _edges_at(rect, self.begin)
        if edges is not None:
            return replace(self, kind="edges", edges=edges)
        inside = self.box != WHOLE and rect.contains(self.begin)
        return replace(self, kind="move" if inside else "draw")

    def box_at(self, mapping: CanvasMapping, position: QPointF) -> Box | None:
        """Return the crop once the mouse has come to a position; `None` where it has hardly moved."""
        if (position - self.begin).manhattanLength() < _LEAST_DRAG:
            return None
        x0, y0 = mapping.shares_at(self.begin)
        x1, y1 = mapping.shares_at(position)
        if self.kind == "draw":
            return box_between(x0, y0, x1, y1)
        if self.kind == "move":
            return self.box.moved(x1 - x0, y1 - y0)
        across, down = self.edges
        return self.box.resized(
            left=x1 - x0 if across < 0 else 0.0,
            right=x1 - x0 if across > 0 else 0.0,
            top=y1 - y0 if down < 0 else 0.0,
            bottom=y1 - y0 if down > 0 else 0.0,
        )

    def rotation_at(self, mapping: CanvasMapping, position: QPointF) -> float:
        """Return the angle of the image once the mouse has come to a position, degrees."""
        centre = mapping.to_widget(QPointF(0.0, 0.0))
        begin, now = self.begin - centre, position - centre
        turned = math.degrees(math.atan2(now.y(), now.x()) - math.atan2(begin.y(), begin.x()))
        return round((self.framing.rotation + turned) / _ANGLE_STEP) * _ANGLE_STEP


def crop_cursor(mapping: CanvasMapping, box: Box, position: QPointF) -> Qt.CursorShape:
    """Return the cursor that says what a drag from a position would do to a crop."""
    rect = mapping.rect_of(box)
    edges = _edges_at(rect, position)
    if edges is not None:
        return _CURSORS[edges]
    inside = box != WHOLE and rect.contains(position)
    return Qt.CursorShape.SizeAllCursor if inside else Qt.CursorShape.CrossCursor


def _edges_at(rect: QRectF, position: QPointF) -> tuple[int, int] | None:
    for place, edges in handles_of(rect):
        if (place - position).manhattanLength() <= _HANDLE_REACH:
            return edges
    return None

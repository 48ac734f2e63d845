"""The vertical lines of a plot, each with a few words: where stages begin, and the best point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyqtgraph as pg
from PySide6.QtCore import Qt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QColor

    from skindesk.widgets.theme import Tokens

_BEST_HEIGHT, _STAGE_HEIGHT = 0.95, 0.06  # of the plot, from below: the words of both fit at one place
_ROOM_LEFT_OF = 0.7  # of the axis: from there on a mark's words stand left of its line


@dataclass(frozen=True)
class Mark:
    """A vertical line with a few words."""

    x: float
    text: str


class PlotMarks:
    """The marks in a plot.

    Args:
        view: that they stand in.
        tokens: the colours of the present scheme.
    """

    def __init__(self, view: pg.PlotWidget, tokens: Tokens) -> None:
        self._view, self._tokens = view, tokens
        self._best = self._make_line(_BEST_HEIGHT)
        self._best.setZValue(3)  # above the curves
        self._stages: list[pg.InfiniteLine] = []
        view.getPlotItem().getViewBox().sigXRangeChanged.connect(lambda _box, _range: self._place_words())

    @property
    def best(self) -> Mark | None:
        """The best point that is marked."""
        return _mark_of(self._best) if self._best.isVisible() else None

    @property
    def stages(self) -> list[Mark]:
        """The stages that are marked."""
        return [_mark_of(line) for line in self._stages if line.isVisible()]

    def set_best(self, mark: Mark | None) -> None:
        """Mark the best point."""
        _set_mark(self._best, mark)
        self._place_words()

    def set_stages(self, marks: Sequence[Mark]) -> None:
        """Mark where stages begin."""
        while len(self._stages) < len(marks):
            self._stages.append(self._make_line(_STAGE_HEIGHT))
        self.dress(self._tokens)
        for place, line in enumerate(self._stages):
            _set_mark(line, marks[place] if place < len(marks) else None)
        self._place_words()

    def dress(self, tokens: Tokens) -> None:
        """Take the colours of a scheme."""
        self._tokens = tokens
        _colour(self._best, tokens.accent, tokens.surface)
        for line in self._stages:
            _colour(line, tokens.muted, tokens.surface)

    def _make_line(self, height: float) -> pg.InfiniteLine:
        """Return a line with words beside it at a height, 0 to 1."""
        options = {"position": height, "anchors": [(0, 0.5), (0, 0.5)]}
        line = pg.InfiniteLine(angle=90, movable=False, label="", labelOpts=options)
        line.hide()
        self._view.addItem(line, ignoreBounds=True)
        return line

    def _place_words(self) -> None:
        """Put each mark's words right of its line, or left of it where there is no room."""
        (left, right), _ = self._view.viewRange()
        for line in (self._best, *self._stages):
            anchor = (0, 0.5) if line.value() < left + _ROOM_LEFT_OF * (right - left) else (1, 0.5)
            line.label.anchors = [anchor, anchor]
            line.label.updatePosition()


def _mark_of(line: pg.InfiniteLine) -> Mark:
    return Mark(line.value(), line.label.format)


def _set_mark(line: pg.InfiniteLine, mark: Mark | None) -> None:
    line.setVisible(mark is not None)
    if mark is not None:
        line.setValue(mark.x)
        line.label.setFormat(mark.text)


def _colour(line: pg.InfiniteLine, colour: QColor, ground: QColor) -> None:
    line.setPen(pg.mkPen(colour, style=Qt.PenStyle.DashLine))
    line.label.setColor(colour)
    # A ground of its own, so that no curve crosses the words.
    line.label.fill = pg.mkBrush(ground)
    line.label.update()

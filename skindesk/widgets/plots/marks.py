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

_ROW_GAP = 4  # pixels between the rows of words
_MOST_HEIGHT = 0.4  # share of a low plot that words may take


@dataclass(frozen=True)
class Mark:
    """A vertical line with a few words."""

    x: float
    text: str


class PlotMarks:
    """The marks in a plot. Their words stand above all curves: those of the best point above those of stages.

    Args:
        view: that they stand in.
        tokens: the colours of the present scheme.
    """

    def __init__(self, view: pg.PlotWidget, tokens: Tokens) -> None:
        self._view, self._tokens = view, tokens
        self._best = self._make_line(order=3)
        self._stages: list[pg.InfiniteLine] = []
        self._rows = 0
        box = view.getPlotItem().getViewBox()
        box.sigXRangeChanged.connect(lambda _box, _range: self._place_words())
        box.sigResized.connect(lambda _box: self._place_words())

    @property
    def best(self) -> Mark | None:
        """The best point that is marked."""
        return _mark_of(self._best) if self._best.isVisible() else None

    @property
    def stages(self) -> list[Mark]:
        """The stages that are marked."""
        return [_mark_of(line) for line in self._stages if line.isVisible()]

    @property
    def height_share(self) -> float:
        """Share of the plot's height that the words take; the curves are to stay below."""
        return min(self._rows * self._row, _MOST_HEIGHT)

    @property
    def _row(self) -> float:
        """Height of a row of words, as a share of the plot's."""
        height = self._view.getPlotItem().getViewBox().height()
        return float((self._view.fontMetrics().height() + _ROW_GAP) / max(height, 1.0))

    def set_best(self, mark: Mark | None) -> None:
        """Mark the best point."""
        _set_mark(self._best, mark)
        self._place_words()

    def set_stages(self, marks: Sequence[Mark]) -> None:
        """Mark where stages begin."""
        while len(self._stages) < len(marks):
            self._stages.append(self._make_line(order=2))
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

    def _make_line(self, order: int) -> pg.InfiniteLine:
        """Return a line with words, above the curves."""
        line = pg.InfiniteLine(angle=90, movable=False, label="")
        line.setZValue(order)
        line.hide()
        self._view.addItem(line, ignoreBounds=True)
        return line

    def _place_words(self) -> None:
        """Put each mark's words in a row, right or left of its line, where no end and no other line is.

        The words of the best point have a row of their own where one row has no room for all.
        """
        box = self._view.getPlotItem().getViewBox()
        (left, right), _ = self._view.viewRange()
        row = self._row
        lines = [line for line in (self._best, *self._stages) if line.isVisible()]
        places = [line.value() for line in lines]
        spans: dict[pg.InfiniteLine, tuple[float, float]] = {}
        for line, x in zip(lines, places, strict=True):
            words = line.label.boundingRect().width() / max(box.width(), 1.0) * (right - left)
            free = x + words < right and not any(x < other < x + words for other in places)
            no_better = x - words < left or (
                x + words < right and any(x - words < other < x for other in places)
            )
            anchor = (0, 0.5) if free or no_better else (1, 0.5)
            line.label.anchors = [anchor, anchor]
            spans[line] = (x, x + words) if anchor[0] == 0 else (x - words, x)
        best = spans.get(self._best)
        others = [span for line, span in spans.items() if line is not self._best]
        apart = best is None or all(end <= best[0] or begin >= best[1] for begin, end in others)
        crossed = any(begin < x < end for begin, end in spans.values() for x in places)
        self._rows = 0 if not lines else 1 if not others or (apart and not crossed) else 2
        for line in lines:
            below = line is not self._best and self._rows > 1
            line.label.setPosition(1 - 1.5 * row if below else 1 - row / 2)


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

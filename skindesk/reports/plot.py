"""A small plot: a frame with a title, a grid, numbers along its edges, and lines in it. All lengths are points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skindesk.reports.canvas import INK, LINE, MUTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skindesk.reports.canvas import Canvas

TITLE_ROOM = 20.0
NUMBER_ROOM = 34.0
AXIS_ROOM = 30.0
"""Room that a plot needs above, to the left and below its frame."""

_SAME_PLACE = 0.15  # points nearer than this are drawn as one


@dataclass(frozen=True)
class Scale:
    """Numbers along one side of a plot.

    Attributes:
        low, high: at the two ends.
        ticks: where lines and numbers stand.
        percent: whether they are shares, written as percent.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    percent: bool = False

    def share(self, value: float) -> float:
        """Return where a value lies between the ends, 0 to 1 within them."""
        return (value - self.low) / (self.high - self.low)

    def words(self, tick: float) -> str:
        """Return a number as it is written beside its line."""
        return f"{100 * tick:.0f} %" if self.percent else f"{tick:g}"


SHARES = Scale(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0), percent=True)


def share_scale(values: Sequence[float]) -> Scale:
    """Return a scale up to 100 % that begins at the tenth below the lowest of some shares."""
    low = min(math.floor(10 * min(values) + 1e-9) / 10, 0.8)
    step = 0.1 if low >= 0.6 else 0.2  # noqa: PLR2004 - so that there are four or five lines
    count = round((1.0 - low) / step)
    return Scale(
        low,
        1.0,
        tuple(round(1.0 - step * k, 6) for k in range(count, -1, -1) if 1.0 - step * k >= low - 1e-9),
        percent=True,
    )


def number_scale(highest: float) -> Scale:
    """Return a scale from 0 to a round number above the highest, with four or five lines."""
    step = 10.0 ** math.floor(math.log10(max(highest, 1e-6)))
    while highest / step < 2.5:  # noqa: PLR2004 - at least three lines
        step /= 2
    while highest / step > 5.0:  # noqa: PLR2004 - at most six
        step *= 2
    count = max(1, math.ceil(highest / step - 1e-9))
    return Scale(0.0, count * step, tuple(round(step * k, 9) for k in range(count + 1)))


def count_scale(count: int) -> Scale:
    """Return a scale for things numbered from 1, half a step of room at both ends."""
    step = max(1, math.ceil(count / 6))
    nice = next((n for n in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500) if n >= step), step)
    ticks = (1, *range(nice, count + 1, nice)) if nice > 1 else tuple(range(1, count + 1))
    if nice > 1 and nice - 1 < nice / 2:
        ticks = ticks[1:]
    return Scale(0.5, count + 0.5, tuple(float(tick) for tick in dict.fromkeys(ticks)))


@dataclass(frozen=True)
class Frame:
    """The rectangle that lines are drawn in, on a canvas.

    Attributes:
        canvas: drawn on.
        x, y: the upper left corner.
        width, height: of the rectangle.
        across, up: scales.
    """

    canvas: Canvas
    x: float
    y: float
    width: float
    height: float
    across: Scale
    up: Scale

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return where a pair of values lies on the canvas."""
        return (
            self.x + self.width * self.across.share(x),
            self.y + self.height * (1.0 - self.up.share(y)),
        )

    def draw_grid(self, title: str, across: str = "", *, upright_lines: bool = False) -> None:
        """Draw title, grid and numbers; `across` names what runs from left to right."""
        canvas = self.canvas
        canvas.text(self.x, self.y - 9.0, title, bold=True)
        for tick in self.up.ticks:
            _, y = self.place(self.across.low, tick)
            canvas.line([(self.x, y), (self.x + self.width, y)], LINE)
            canvas.text(self.x - 5.0, y + 2.8, self.up.words(tick), colour=MUTED, align="right")
        bottom = self.y + self.height
        for tick in self.across.ticks:
            x, _ = self.place(tick, self.up.low)
            if upright_lines:
                canvas.line([(x, self.y), (x, bottom)], LINE)
            canvas.text(x, bottom + 11.0, self.across.words(tick), colour=MUTED, align="centre")
        canvas.text(self.x + self.width / 2, bottom + 24.0, across, colour=MUTED, align="centre")

    def draw_line(
        self,
        points: Sequence[tuple[float, float]],
        colour: str = INK,
        width: float = 1.2,
        *,
        dashed: bool = False,
    ) -> None:
        """Draw a line through pairs of values; those that would fall on one spot are drawn once."""
        places = [self.place(x, y) for x, y in points]
        kept = places[:1]
        for place in places[1:]:
            if math.dist(place, kept[-1]) >= _SAME_PLACE:
                kept.append(place)
        if len(kept) == 1:
            self.canvas.dot(*kept[0], 1.2, colour)
        else:
            self.canvas.line(kept, colour, width, dashed=dashed)

    def draw_dot(self, x: float, y: float, radius: float, colour: str, *, filled: bool = True) -> None:
        """Draw a disc or a ring at a pair of values."""
        self.canvas.dot(*self.place(x, y), radius, colour, filled=filled)

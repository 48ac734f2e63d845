"""Plots beside each other as a part of a page of a report, whose text says what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.figures.page import POINTS_PER_INCH, QUIET, place_axes, sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLE, _NUMBERS, _AXIS = 13.0, 34.0, 30.0
"""Room for a title, for the numbers to the left, and for what stands below a plot; points."""

_GAP, _EDGE = 15.0, 12.0
"""Between plots, and for half a number at the right end of the row; points."""


def printed_row(
    width: float, *, height: float | None, titles: Sequence[str], across: Sequence[str], between: float = 7.0
) -> tuple[Figure, tuple[Axes, ...]]:
    """Return a figure and its axes, all of one size.

    Args:
        width: of the figure, points.
        height: of the plots alone, points; `None` for squares.
        titles: of the plots.
        across: what runs from left to right in each.
        between: title and plot, points.
    """
    count = len(titles)
    wide = (width - count * _NUMBERS - (count - 1) * _GAP - _EDGE) / count
    high = wide if height is None else height
    inch = POINTS_PER_INCH
    figure = sheet(width / inch, (_TITLE + between + high + _AXIS) / inch)
    places = []
    for column, (title, name) in enumerate(zip(titles, across, strict=True)):
        left = _NUMBERS + column * (wide + _NUMBERS + _GAP)
        axes = place_axes(figure, left / inch, _AXIS / inch, wide / inch, high / inch)
        axes.set_title(title, loc="left", fontsize="medium", fontweight="bold", pad=between)
        axes.set_xlabel(name, color=QUIET, labelpad=3)
        places.append(axes)
    return figure, tuple(places)

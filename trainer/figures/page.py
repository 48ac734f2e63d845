"""What all figures share: style, fonts, page with title and research-only statement, places in inches, the file."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from trainer import RESEARCH_ONLY
from trainer.figures.fonts import families_for
from trainer.files import atomic_path
from trainer.wording import counted, percent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from trainer.metrics.classification import Metrics

INK = "#1B1F24"
QUIET = "#5A6472"
"""For what comes second; 6:1 against white."""

LINE = "#C9CFD6"
ACCENT = "#1F5FA8"
MARGIN = 0.45
"""Of a page, inches."""

NARROWEST_PAGE = 7.2
"""Inches; the research-only statement fits in one line."""

POINTS_PER_INCH = 72.0


class Medium(NamedTuple):
    """What a figure is made for.

    Attributes:
        text, small: sizes of type, points.
        lines: what widths of lines and sizes of dots are multiplied by.
    """

    text: float
    small: float
    lines: float


SCREEN = Medium(text=9.5, small=7.5, lines=1.0)
"""A picture of its own, as large as a window."""

PRINT = Medium(text=8.0, small=7.0, lines=0.67)
"""A part of a page of a report."""

_DPI = 150
_STYLE: dict[Any, Any] = {  # matplotlib's type for the keys differs between its versions
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "grid.color": "#E6E9ED",
    "grid.linewidth": 0.8,
    "lines.solid_capstyle": "round",
    "text.parse_math": False,  # a class may be called "a$b$"
}


@contextlib.contextmanager
def own_style(medium: Medium = SCREEN, letters: str = "") -> Iterator[None]:
    """Draw the same whatever style the user or another program part has set, and leave that as it was.

    Args:
        medium: what for.
        letters: all letters of class names; fonts are chosen that have them.
    """
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        # Class names have no such letters any more (see `legible`); a mark without its letter may be left.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        mpl.rcParams["font.family"] = families_for(letters)
        mpl.rcParams["font.size"] = medium.text
        mpl.rcParams["lines.linewidth"] = 1.5 * medium.lines
        yield


def sheet(width: float, height: float, dpi: float = POINTS_PER_INCH) -> Figure:
    """Return an empty figure; sizes in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=dpi, facecolor="white")


def page(width: float, height: float, title: str, subtitle: str) -> Figure:
    """Return an empty figure with title, subtitle and the research-only statement; sizes in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = sheet(width, height, _DPI)
    FigureCanvasAgg(figure)
    left = MARGIN / width
    figure.text(left, 1 - 0.36 / height, title, fontsize=14, fontweight="bold", va="top")
    figure.text(left, 1 - 0.72 / height, subtitle, color=QUIET, va="top")
    figure.text(left, 0.2 / height, RESEARCH_ONLY, fontsize=SCREEN.small, color=QUIET, va="bottom")
    return figure


def place_axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add axes at a place given in inches."""
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def write(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG; `StorageError` if that cannot be."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    return path


def percent_axis(axes: Axes, *directions: Literal["x", "y"]) -> None:
    """Write the numbers along one or both axes as percent."""
    for direction in directions:
        axis = axes.xaxis if direction == "x" else axes.yaxis
        axis.set_major_formatter(lambda value, _: percent(value, 0))


def unit_square(axes: Axes, *, margin: float = 0.0) -> None:
    """Let both axes go from 0 to 100 %, with a grid."""
    quarters = (0.0, 0.25, 0.5, 0.75, 1.0)
    axes.set_xlim(-margin, 1 + margin)
    axes.set_ylim(-margin, 1 + margin)
    axes.set_xticks(quarters)
    axes.set_yticks(quarters)
    axes.grid(visible=True)
    percent_axis(axes, "x", "y")


def class_line(marked: bool, medium: Medium) -> dict[str, Any]:
    """Return the line of a malignant class (thick, solid) or another one (thinner, dashed)."""
    if marked:
        return {"linewidth": 2.4 * medium.lines}
    return {"linewidth": 1.5 * medium.lines, "linestyle": (0, (4, 1.5))}


def images_in_groups(metrics: Metrics) -> str:
    """Return how many images and groups the metrics are based on."""
    return f"{counted(metrics.n, 'image', 'images')} in {counted(metrics.groups, 'group', 'groups')}"

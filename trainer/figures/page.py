"""What all pictures share: style, page with title and research-only statement, places in inches, the file."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any, Literal

from trainer import RESEARCH_ONLY
from trainer.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from trainer.metrics.classification import Metrics
    from trainer.metrics.intervals import Interval

INK = "#1B1F24"
QUIET = "#5A6472"
"""For what comes second; 6:1 against white."""

LINE = "#C9CFD6"
ACCENT = "#1F5FA8"
MARGIN = 0.45
"""Of a page, inches."""

NARROWEST_PAGE = 7.2
"""Inches; the research-only statement fits in one line."""

_DPI = 150
_STYLE: dict[Any, Any] = {  # matplotlib's type for the keys differs between its versions
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
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
def own_style() -> Iterator[None]:
    """Draw the same whatever style the user or another program part has set, and leave that as it was."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        # A class name in a script that DejaVu lacks is drawn as boxes: no reason to print a warning for each.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def page(width: float, height: float, title: str, subtitle: str) -> Figure:
    """Return an empty figure with title, subtitle and the research-only statement; sizes in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    left = MARGIN / width
    figure.text(left, 1 - 0.36 / height, title, fontsize=14, fontweight="bold", va="top")
    figure.text(left, 1 - 0.72 / height, subtitle, color=QUIET, va="top")
    figure.text(left, 0.2 / height, RESEARCH_ONLY, fontsize=7.5, color=QUIET, va="bottom")
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
        axis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")


def counted(metrics: Metrics) -> str:
    """Say how many images and groups the metrics rest on."""
    images = "1 image" if metrics.n == 1 else f"{metrics.n:,} images"
    groups = "1 group" if metrics.groups == 1 else f"{metrics.groups:,} groups"
    return f"{images} in {groups}"


def with_interval(value: float | None, interval: Interval | None, *, percent: bool) -> str:
    """Write a metric with its 95 % interval in brackets."""
    if value is None:
        return "not defined"
    scale, places, unit = (100.0, 1, " %") if percent else (1.0, 3, "")
    text = f"{scale * value:.{places}f}{unit}"
    if interval is not None:
        text += f" [{scale * interval.low:.{places}f}, {scale * interval.high:.{places}f}]"
    return text

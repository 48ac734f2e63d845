"""The confusion matrix: images by class and predicted class, darker for a larger share of the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trainer.dataset.classes.names import full_name
from trainer.figures.naming import drawn_name, letters_of, shortened
from trainer.figures.page import (
    ACCENT,
    INK,
    MARGIN,
    NARROWEST_PAGE,
    POINTS_PER_INCH,
    PRINT,
    QUIET,
    SCREEN,
    images_in_groups,
    page,
    place_axes,
    sheet,
)
from trainer.metrics.catalogue import BALANCED_ACCURACY
from trainer.metrics.choosing import shown_classes
from trainer.palette import class_colour
from trainer.wording import n_of, percent

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from trainer.figures.page import Medium
    from trainer.metrics.classification import Metrics
    from trainer.metrics.curves import IntArray

MALIGNANT_MARK = "▲"

_DARK_SHARE = 0.5
"""Cells with a larger share are dark: their text is white."""

_UPRIGHT_LETTERS = 8
"""Names of columns with more letters would run into each other, and are slanted."""

_COUNTED_CELL, _SHARED_CELL = (16.0, 11.0), (27.0, 22.0)
"""Width and height of a cell from which on there is room for the number of images, and for the share; points."""

_TWO_LINES = 20.0
"""Height of a row from which on there is room for two lines, points."""

_NAMED_COLUMN = 26.0
"""Width of a column from which on a short name fits over it, points."""


_LETTER = 0.5
"""Mean width of a letter, in sizes of type."""


class Labels(NamedTuple):
    """How the rows and columns of a matrix are named.

    Attributes:
        rows: the true classes.
        notes: below them, where rows are high enough.
        columns: the predicted classes.
        slanted: whether those are written slantwise.
    """

    rows: Sequence[str]
    notes: Sequence[str]
    columns: Sequence[str]
    slanted: bool = False


class Cells(NamedTuple):
    """What a matrix shows.

    Attributes:
        names: of the classes; the last row and column may hold all others together.
        counts: (c, c) images by true and predicted class.
        colours: of the c rows.
        others: how many classes are added up in the last row and column; 0 where each has its own.
    """

    names: tuple[str, ...]
    counts: IntArray
    colours: tuple[str, ...]
    others: int

    @property
    def note(self) -> str:
        """What is added up, a sentence; empty where nothing is."""
        if not self.others:
            return ""
        return (
            f"The {len(self.names) - 1} classes with most images; the other {self.others} are added up, "
            "with confusions among them in the last cell."
        )


def cells_of(metrics: Metrics) -> Cells:
    """Return the cells of a matrix of all classes, or of the most frequent ones and all others together."""
    classes, counts = metrics.classes, np.array(metrics.confusion_matrix)
    names = shown_classes(classes, {name: row.support for name, row in metrics.per_class.items()})
    colours = tuple(class_colour(name, classes) for name in names)
    others = len(classes) - len(names)
    if not others:
        return Cells(names, counts, colours, 0)
    place = {name: index for index, name in enumerate(names)}
    merged = np.zeros((len(names) + 1, len(classes)), dtype=np.int64)
    merged[[place.get(name, len(names)) for name in classes], np.arange(len(classes))] = 1
    return Cells((*names, f"{others} others"), merged @ counts @ merged.T, (*colours, QUIET), others)


def confusion_page(metrics: Metrics, malignant: Collection[str]) -> Figure:
    """Draw the confusion matrix on a page of its own."""
    cells = cells_of(metrics)
    names = [drawn_name(name) for name in cells.names]
    cell = 0.8 if len(names) <= 12 else 0.65  # noqa: PLR2004 (inches; many classes get smaller cells)
    longest = max(map(letters_of, names))
    left = MARGIN + max(1.45, 0.35 + 0.085 * longest)
    side = cell * len(names)
    slanted = longest > _UPRIGHT_LETTERS
    over = 0.075 * longest if slanted else 0.0  # inches, of the longest name
    figure = page(
        max(left + side + max(MARGIN, 0.8 * over), NARROWEST_PAGE),
        side + 2.35 + 0.65 * over,
        "Confusion matrix",
        "Images, and share of the true class. "
        f"{BALANCED_ACCURACY.heading} {BALANCED_ACCURACY.said_of(metrics)}.\n"
        + " ".join(filter(None, (f"{images_in_groups(metrics)}.", cells.note))),
    )
    notes = [
        ("malignant, " if name in malignant else "") + n_of(int(count))
        for name, count in zip(cells.names, cells.counts.sum(axis=1), strict=True)
    ]
    plot_confusion(
        place_axes(figure, left, 0.6, side, side), cells, Labels(names, notes, names, slanted), SCREEN
    )
    return figure


def printed_confusion(metrics: Metrics, malignant: Collection[str], width: float) -> Figure:
    """Draw the confusion matrix as a part of a page.

    Args:
        metrics: of the part that was scored.
        malignant: classes that are marked.
        width: of the figure, points.
    """
    cells = cells_of(metrics)
    names, top = 0.435 * width, 30.0
    across = min((width - names) / len(cells.names), 42.0)
    down = min(across, 30.0)
    numbered = across < _NAMED_COLUMN
    rows = [
        (f"{number}  " if numbered else "")
        + (f"{MALIGNANT_MARK} " if name in malignant else "")
        + full_name(name)
        for number, name in enumerate(cells.names, start=1)
    ]
    labels = Labels(
        rows=[shortened(row, (names - 12.0) / (_LETTER * PRINT.text)) for row in rows],
        notes=[n_of(int(count)) for count in cells.counts.sum(axis=1)],
        columns=[
            str(number) if numbered else shortened(name, across / (_LETTER * PRINT.text))
            for number, name in enumerate(cells.names, start=1)
        ],
    )
    high = down * len(cells.names)
    inch = POINTS_PER_INCH
    figure = sheet(width / inch, (top + high + 2.0) / inch)
    axes = place_axes(figure, names / inch, 2.0 / inch, across * len(cells.names) / inch, high / inch)
    plot_confusion(axes, cells, labels, PRINT)
    return figure


def plot_confusion(axes: Axes, cells: Cells, labels: Labels, medium: Medium) -> None:
    """Draw cells and names into axes, which the cells fill; names and headings stand left of them and above."""
    from matplotlib.colors import LinearSegmentedColormap

    counts = cells.counts
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    count = len(counts)
    palette = LinearSegmentedColormap.from_list(
        "shares", ["#F4F6F8", "#C9DCF0", "#6FA3DA", ACCENT, "#0B3566"]
    )
    edges = np.arange(count + 1) - 0.5
    axes.pcolormesh(
        edges, edges, shares, cmap=palette, vmin=0.0, vmax=1.0, edgecolors="white", linewidth=2 * medium.lines
    )
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(count - 0.5, -0.5)
    axes.spines[:].set_visible(False)
    cell = _cell_points(axes, count)
    for (row, column), number in np.ndenumerate(counts):
        _write_cell(axes, (row, column), int(number), float(shares[row, column]), cell, medium)
    _name_columns(axes, labels, medium)
    _name_rows(axes, cells, labels, cell[1], medium)


def _cell_points(axes: Axes, count: int) -> tuple[float, float]:
    """Return width and height of a cell."""
    points = POINTS_PER_INCH / axes.figure.dpi
    return axes.bbox.width * points / count, axes.bbox.height * points / count


def _write_cell(
    axes: Axes,
    place: tuple[int, int],
    number: int,
    share: float,
    cell: tuple[float, float],
    medium: Medium,
) -> None:
    row, column = place
    if cell[0] < _COUNTED_CELL[0] or cell[1] < _COUNTED_CELL[1]:
        return
    ink = "white" if share > _DARK_SHARE else INK if number else "#8A94A0"
    both = bool(number) and cell[0] >= _SHARED_CELL[0] and cell[1] >= _SHARED_CELL[1]
    lift = 0.1 * medium.text if both else -0.36 * medium.text
    written: dict[str, Any] = {
        "xy": (column, row),
        "textcoords": "offset points",
        "ha": "center",
        "va": "baseline",
        "color": ink,
    }
    weight = "bold" if row == column and number else "normal"
    axes.annotate(f"{number:,}", xytext=(0, lift), fontweight=weight, **written)
    if both:
        axes.annotate(percent(share), xytext=(0, -1.25 * medium.small), fontsize=medium.small, **written)


def _name_columns(axes: Axes, labels: Labels, medium: Medium) -> None:
    places = np.arange(len(labels.columns))
    slope: dict[str, Any] = (
        {"rotation": 40, "ha": "left"} if labels.slanted else {"rotation": 0, "ha": "center"}
    )
    axes.xaxis.tick_top()
    axes.set_xticks(places, labels.columns, color=INK, **slope)
    axes.tick_params(axis="x", pad=0.4 * medium.text)
    axes.set_yticks([])
    axes.set_xlabel("Predicted class", labelpad=0.8 * medium.text, fontweight="bold", loc="left")
    axes.xaxis.set_label_position("top")


def _name_rows(axes: Axes, cells: Cells, labels: Labels, height: float, medium: Medium) -> None:
    """Write the names of the rows to the left of a bar in the class's colour; `height` of a row, points."""
    from matplotlib.transforms import ScaledTranslation

    across = axes.get_yaxis_transform()
    shift = ScaledTranslation(-0.45 * medium.text / POINTS_PER_INCH, 0, axes.figure.dpi_scale_trans)
    beside: dict[str, Any] = {
        "xycoords": across,
        "textcoords": "offset points",
        "ha": "right",
        "va": "baseline",
    }
    gap = -1.2 * medium.text
    axes.annotate("True class", xy=(0, -0.5), xytext=(gap, 0.65 * medium.text), fontweight="bold", **beside)
    for place, colour in enumerate(cells.colours):
        axes.plot(
            [0, 0],
            [place - 0.42, place + 0.42],
            transform=across + shift,
            clip_on=False,
            linewidth=4 * medium.lines,
            solid_capstyle="butt",
            color=colour,
        )
        two = height >= _TWO_LINES
        lift = 0.1 * medium.text if two else -0.36 * medium.text
        axes.annotate(labels.rows[place], xy=(0, place), xytext=(gap, lift), **beside)
        if two:
            small: dict[str, Any] = {"fontsize": medium.small, "color": QUIET}
            axes.annotate(
                labels.notes[place], xy=(0, place), xytext=(gap, -1.25 * medium.small), **small, **beside
            )

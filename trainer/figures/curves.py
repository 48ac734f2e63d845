"""ROC and precision-recall curves of every class, and the table of classes beside them on a page of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trainer.figures.fonts import legible
from trainer.figures.naming import drawn_name, letters_of
from trainer.figures.page import (
    LINE,
    MARGIN,
    QUIET,
    SCREEN,
    class_line,
    images_in_groups,
    page,
    place_axes,
    unit_square,
)
from trainer.metrics.catalogue import MACRO_ROC_AUC, ROC_AUC
from trainer.metrics.choosing import shown_classes
from trainer.metrics.curves import found_at_thresholds
from trainer.palette import class_colour
from trainer.wording import number, percent

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from trainer.figures.page import Medium
    from trainer.metrics.classification import ClassMetrics, Metrics
    from trainer.metrics.curves import FloatArray, Found, IntArray, Points

_COLUMN_ENDS = (0.95, 2.25, 2.9)
"""Where the columns of values end in the table of classes, inches after the names."""


class Scored(NamedTuple):
    """Predictions for a part, and what was measured of them.

    Attributes:
        truth: (n,) class indices.
        probabilities: (n, c) calibrated.
        metrics: of them, with the names of the c classes.
        malignant: classes to be marked.
    """

    truth: IntArray
    probabilities: FloatArray
    metrics: Metrics
    malignant: Collection[str]

    @property
    def shown(self) -> tuple[str, ...]:
        """The classes that are drawn: all, or the most frequent of very many."""
        images = {name: row.support for name, row in self.metrics.per_class.items()}
        return shown_classes(self.metrics.classes, images)

    @property
    def note(self) -> str:
        """Which classes are drawn, a sentence; empty where all are."""
        shown = len(self.shown)
        rest = len(self.metrics.classes) - shown
        return f"The {shown} classes with most images; {rest} others are not drawn." if rest else ""

    def found(self, class_name: str) -> Found:
        """Return how well a class is found at every threshold."""
        index = self.metrics.classes.index(class_name)
        return found_at_thresholds(self.truth, self.probabilities, index)


def plot_roc(axes: Axes, scored: Scored, medium: Medium = SCREEN) -> None:
    """Draw the recall over the false positive rate of each class, with a dot for the decisions made."""
    axes.plot([0, 1], [0, 1], color=LINE, linewidth=1, zorder=1)
    unit_square(axes, margin=0.01)
    confusion = np.array(scored.metrics.confusion_matrix)
    for name in scored.shown:
        row = scored.metrics.per_class[name]
        points = scored.found(name).roc()
        if points is not None:
            index = scored.metrics.classes.index(name)
            wrong = confusion[:, index].sum() - confusion[index, index]
            decided = (wrong / (scored.metrics.n - row.support), row.recall or 0.0)
            _plot_class(axes, name, points, decided, scored, medium)


def plot_precision(axes: Axes, scored: Scored, medium: Medium = SCREEN) -> None:
    """Draw the precision over the recall of each class, with a dot for the decisions made."""
    unit_square(axes, margin=0.01)
    for name in scored.shown:
        row = scored.metrics.per_class[name]
        points = scored.found(name).precision()
        if points is not None:
            decided = (row.recall or 0.0, row.precision or 0.0)
            _plot_class(axes, name, points, decided, scored, medium, steps=True)


def _plot_class(
    axes: Axes,
    name: str,
    points: Points,
    decided: tuple[float, float],
    scored: Scored,
    medium: Medium,
    *,
    steps: bool = False,
) -> None:
    marked = name in scored.malignant
    colour = class_colour(name, scored.metrics.classes)
    axes.plot(
        points.x,
        points.y,
        color=colour,
        zorder=4 if marked else 3,
        drawstyle="steps-pre" if steps else "default",
        **class_line(marked, medium),
    )
    dot: dict[str, Any] = {
        "markersize": 6 * medium.lines,
        "markeredgewidth": medium.lines,
        "markeredgecolor": "white",
    }
    axes.plot(*decided, "o", color=colour, zorder=5, clip_on=False, **dot)


def roc_page(scored: Scored) -> Figure:
    """Draw the ROC curves on a page, with the area under each."""
    metrics = scored.metrics
    figure, axes = _page_with_table(
        scored,
        title="ROC curves, each class against all others",
        subtitle=f"{MACRO_ROC_AUC.heading} {MACRO_ROC_AUC.said_of(metrics)}. {images_in_groups(metrics)}.",
        headings=("AUC", "95 % interval", "n"),
        values={
            name: _areas(metrics.per_class[name])
            for name in scored.shown
            if metrics.per_class[name].roc_auc is not None
        },
    )
    plot_roc(axes, scored)
    axes.set_xlabel("False positive rate (1 - specificity)")
    axes.set_ylabel("Recall (sensitivity)")
    along: dict[str, Any] = {"rotation": 45, "rotation_mode": "anchor", "ha": "center", "va": "top"}
    axes.text(0.72, 0.7, "chance", color=QUIET, fontsize=SCREEN.small, **along)
    return figure


def _areas(row: ClassMetrics) -> tuple[str, str, str]:
    return ROC_AUC.figure(row.roc_auc), ROC_AUC.ends(row.roc_auc_interval), f"{row.support:,}"


def precision_recall_page(scored: Scored) -> Figure:
    """Draw the precision-recall curves on a page, with each class's average precision and share of the images."""
    metrics = scored.metrics
    averages = {name: scored.found(name).average_precision() for name in metrics.classes}
    known = {name: average for name, average in averages.items() if average is not None}
    figure, axes = _page_with_table(
        scored,
        title="Precision and recall, each class against all others",
        subtitle=(
            f"Mean average precision {number(float(np.mean(list(known.values()))))}. "
            f"{images_in_groups(metrics)}."
        ),
        headings=("average precision", "share", "n"),
        values={
            name: (
                number(average),
                percent(metrics.per_class[name].support / metrics.n),
                f"{metrics.per_class[name].support:,}",
            )
            for name, average in known.items()
            if name in scored.shown
        },
    )
    plot_precision(axes, scored)
    axes.set_xlabel("Recall (sensitivity)")
    axes.set_ylabel("Precision (positive predictive value)")
    return figure


def _page_with_table(
    scored: Scored,
    *,
    title: str,
    subtitle: str,
    headings: Sequence[str],
    values: dict[str, tuple[str, str, str]],
) -> tuple[Figure, Axes]:
    """Return a page with axes for a unit square, and beside it a table of the classes that have a curve."""
    side, bottom = 5.2, 1.05
    name_width = max(1.65, 0.65 + 0.085 * max(letters_of(drawn_name(name)) for name in scored.shown))
    left = MARGIN + 0.75 + side + 0.45
    width = name_width + _COLUMN_ENDS[-1]
    figure = page(left + width + MARGIN, bottom + side + 1.2, title, subtitle)
    axes = place_axes(figure, MARGIN + 0.75, bottom, side, side)
    table = place_axes(figure, left, bottom, width, side)
    table.set_axis_off()
    table.set_xlim(0, width)
    table.set_ylim(side, 0)
    _write_table(table, scored, values, headings, name_width=name_width, height=side)
    return figure, axes


def _write_table(
    axes: Axes,
    scored: Scored,
    values: dict[str, tuple[str, str, str]],
    headings: Sequence[str],
    *,
    name_width: float,
    height: float,
) -> None:
    """Write a line for each class: sample of its curve, name, values; malignant ones first, under that word.

    Args:
        axes: an empty place whose units are inches, downwards.
        scored: whose classes they are.
        values: of the classes that have a curve, a column each.
        headings: over the values.
        name_width: up to the first value's column.
        height: of the place.
    """
    classes, malignant = scored.metrics.classes, scored.malignant
    first = [name for name in values if name in malignant]
    others = [name for name in values if name not in malignant]
    sections = [("Malignant classes", first), ("Other classes" if first else "Classes", others)]
    sections = [(word, names) for word, names in sections if names]
    step = min(0.3, height / (len(values) + 2 * len(sections) + 3))
    ends = [name_width + width for width in _COLUMN_ENDS]
    for end, text in zip(ends, headings if values else (), strict=bool(values)):
        axes.text(end, 0.5 * step, text, ha="right", va="center", color=QUIET, fontsize=8)
    y = 0.5 * step
    for word, names in sections:
        axes.text(0, y, word, fontweight="bold", va="center")
        axes.plot([0, ends[-1]], [y + 0.6 * step] * 2, color=LINE, linewidth=0.8)
        y += 0.2 * step
        for name in names:
            y += step
            line = class_line(name in malignant, SCREEN)
            axes.plot([0.02, 0.42], [y, y], color=class_colour(name, classes), **line)
            axes.text(0.55, y, drawn_name(name), va="center")
            for end, value in zip(ends, values[name], strict=True):
                axes.text(end, y, value, ha="right", va="center")
        y += 1.7 * step
    remarks = [
        "● the decisions made; they compare all",
        "classes, so a dot can lie off its curve",
    ]
    remarks += [scored.note] if scored.note else []
    missing = [legible(name) for name in scored.shown if name not in values]
    if missing:
        remarks.append(f"No curve, because there are too few images: {', '.join(missing)}")
    axes.text(0, y, "\n".join(remarks), va="top", color=QUIET, fontsize=8, linespacing=1.5)

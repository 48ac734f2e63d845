"""ROC and precision-recall curves, with a table of the classes beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trainer.figures.page import LINE, MARGIN, QUIET, counted, page, percent_axis, place_axes, with_interval
from trainer.palette import class_colour

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from trainer.metrics.classification import Metrics
    from trainer.metrics.reliability import FloatArray, IntArray

_COLUMN_ENDS = (0.95, 2.25, 2.9)
"""Where the columns of values end in the table of classes, inches after the names."""


class _Curve(NamedTuple):
    """A class's curve, the point of its decisions, and what the table beside the plot says of it."""

    name: str
    x: FloatArray
    y: FloatArray
    point: tuple[float, float]
    values: tuple[str, ...]
    drawstyle: str = "default"


def roc_figure(
    truth: IntArray, probabilities: FloatArray, metrics: Metrics, malignant: Collection[str]
) -> Figure:
    """Draw recall against false positive rate, with the AUC of each class."""
    from sklearn.metrics import roc_curve

    confusion = np.array(metrics.confusion_matrix)
    curves = []
    for index, name in enumerate(metrics.classes):
        row = metrics.per_class[name]
        if row.roc_auc is None:
            continue
        false_rate, recall, _ = roc_curve(truth == index, probabilities[:, index])
        wrong = confusion[:, index].sum() - confusion[index, index]
        point = (wrong / (metrics.n - row.support), row.recall or 0.0)
        interval = row.roc_auc_interval
        span = f"{interval.low:.3f} to {interval.high:.3f}" if interval else ""
        curves.append(
            _Curve(name, false_rate, recall, point, (f"{row.roc_auc:.3f}", span, f"{row.support:,}"))
        )
    macro = with_interval(metrics.macro_roc_auc, metrics.intervals.get("macro_roc_auc"), percent=False)
    figure, axes = _curves_figure(
        metrics,
        curves,
        malignant,
        title="ROC curves, each class against all others",
        subtitle=f"Mean area under the curve (macro AUC) {macro}. {counted(metrics)}.",
        headings=("AUC", "95 % interval", "n"),
    )
    axes.set_xlabel("False positive rate (1 - specificity)")
    axes.set_ylabel("Recall (sensitivity)")
    axes.plot([0, 1], [0, 1], color=LINE, linewidth=1, zorder=1)
    axes.text(
        0.72,
        0.7,
        "chance",
        color=QUIET,
        fontsize=7.5,
        rotation=45,
        ha="center",
        va="top",
        rotation_mode="anchor",
    )
    return figure


def precision_recall_figure(
    truth: IntArray, probabilities: FloatArray, metrics: Metrics, malignant: Collection[str]
) -> Figure:
    """Draw precision against recall, with each class's average precision and share of the images."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    curves = []
    averages = []
    for index, name in enumerate(metrics.classes):
        row = metrics.per_class[name]
        if not row.support:
            continue
        precision, recall, _ = precision_recall_curve(truth == index, probabilities[:, index])
        recall, best = np.unique(recall[::-1], return_index=True)
        precision = precision[::-1][best]
        precision[0] = precision[1]  # at a recall of 0 there is no precision; scikit-learn says 1
        average = float(average_precision_score(truth == index, probabilities[:, index]))
        averages.append(average)
        share = f"{100 * row.support / metrics.n:.1f} %"
        values = (f"{average:.3f}", share, f"{row.support:,}")
        curves.append(
            _Curve(name, recall, precision, (row.recall or 0.0, row.precision or 0.0), values, "steps-pre")
        )
    figure, axes = _curves_figure(
        metrics,
        curves,
        malignant,
        title="Precision and recall, each class against all others",
        subtitle=f"Mean of the average precisions {np.mean(averages):.3f}. {counted(metrics)}.",
        headings=("average precision", "share", "n"),
    )
    axes.set_xlabel("Recall (sensitivity)")
    axes.set_ylabel("Precision (positive predictive value)")
    return figure


def _curves_figure(
    metrics: Metrics,
    curves: Sequence[_Curve],
    malignant: Collection[str],
    *,
    title: str,
    subtitle: str,
    headings: tuple[str, ...],
) -> tuple[Figure, Axes]:
    """Draw curves in a unit square with a table of the classes beside it."""
    side, bottom = 5.2, 1.05
    name_width = max(1.65, 0.65 + 0.085 * max(map(len, metrics.classes)))
    table_left = MARGIN + 0.75 + side + 0.45
    table_width = name_width + _COLUMN_ENDS[-1]
    figure = page(table_left + table_width + MARGIN, bottom + side + 1.2, title, subtitle)
    axes = place_axes(figure, MARGIN + 0.75, bottom, side, side)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.grid(visible=True)
    percent_axis(axes, "x", "y")
    for curve in curves:
        colour = class_colour(curve.name, metrics.classes)
        marked = curve.name in malignant
        axes.plot(
            curve.x,
            curve.y,
            color=colour,
            zorder=4 if marked else 3,
            drawstyle=curve.drawstyle,
            **_line_style(marked),
        )
        axes.plot(
            *curve.point, "o", color=colour, markersize=6, markeredgecolor="white", zorder=5, clip_on=False
        )
    table = place_axes(figure, table_left, bottom, table_width, side)
    _class_table(
        table, curves, metrics.classes, malignant, headings=headings, name_width=name_width, height=side
    )
    return figure, axes


def _line_style(marked: bool) -> dict[str, Any]:
    """Return the line of a malignant class (thick, solid) or another one (thinner, dashed)."""
    return {"linewidth": 2.4} if marked else {"linewidth": 1.5, "linestyle": (0, (4, 1.5))}


def _class_table(
    axes: Axes,
    curves: Sequence[_Curve],
    classes: Sequence[str],
    malignant: Collection[str],
    *,
    headings: tuple[str, ...],
    name_width: float,
    height: float,
) -> None:
    """Write a line for each class: sample of its curve, name, values; malignant ones first, under that word.

    Args:
        axes: an empty place, `height` inches high.
        curves: of the classes that have one.
        classes: all classes.
        malignant: classes to be listed apart.
        headings: over the values.
        name_width: inches up to the first value's column.
        height: of `axes`, inches.
    """
    first = [curve for curve in curves if curve.name in malignant]
    others = [curve for curve in curves if curve.name not in malignant]
    sections = [("Malignant classes", first), ("Other classes" if first else "Classes", others)]
    sections = [(word, rows) for word, rows in sections if rows]
    step = min(0.3, height / (len(curves) + 2 * len(sections) + 3))
    ends = tuple(name_width + width for width in _COLUMN_ENDS)
    axes.set_axis_off()
    axes.set_xlim(0, ends[-1])
    axes.set_ylim(height, 0)
    for end, heading in zip(ends, headings if curves else (), strict=bool(curves)):
        axes.text(end, 0.5 * step, heading, ha="right", va="center", color=QUIET, fontsize=8)
    y = 0.5 * step
    for word, rows in sections:
        axes.text(0, y, word, fontweight="bold", va="center")
        axes.plot([0, ends[-1]], [y + 0.6 * step] * 2, color=LINE, linewidth=0.8)
        y += 0.2 * step
        for curve in rows:
            y += step
            style = _line_style(curve.name in malignant)
            axes.plot([0.02, 0.42], [y, y], color=class_colour(curve.name, classes), **style)
            axes.text(0.55, y, curve.name, va="center")
            for end, value in zip(ends, curve.values, strict=True):
                axes.text(end, y, value, ha="right", va="center")
        y += 1.7 * step
    remarks = [
        "\u25cf  the decisions made; the rule weighs all classes",
        "    against each other, so a dot can lie off its curve",
    ]
    missing = [name for name in classes if name not in {curve.name for curve in curves}]
    if missing:
        remarks.append(f"No curve, for want of images: {', '.join(missing)}")
    axes.text(0, y, "\n".join(remarks), va="top", color=QUIET, fontsize=8, linespacing=1.5)

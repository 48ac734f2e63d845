"""Confusion matrix and reliability of the probabilities; with the curves, the pictures of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.figures.curves import precision_recall_figure, roc_figure
from trainer.figures.page import (
    ACCENT,
    INK,
    MARGIN,
    NARROWEST_PAGE,
    QUIET,
    counted,
    own_style,
    page,
    percent_axis,
    place_axes,
    with_interval,
    write,
)
from trainer.metrics.reliability import reliability
from trainer.palette import class_colour

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

    from trainer.metrics.classification import Metrics
    from trainer.metrics.reliability import FloatArray, IntArray

_DARK_SHARE = 0.5
"""Cells with a larger share are dark: their text is white."""

_UPRIGHT_LETTERS = 8
"""Names of columns with more letters would run into each other, and are slanted."""

_ENOUGH_IMAGES = 10
"""A bin of fewer images says little about reliability."""


def draw_evaluation(
    folder: Path,
    truth: ArrayLike,
    probabilities: ArrayLike,
    metrics: Metrics,
    *,
    malignant: Collection[str] = (),
) -> list[Path]:
    """Draw confusion_matrix.png, roc.png, precision_recall.png and reliability.png.

    Args:
        folder: where to; made if need be.
        truth: (n,) class indices.
        probabilities: (n, c) calibrated, as given to `trainer.metrics.classification.compute_metrics`.
        metrics: what it returned.
        malignant: classes to be marked.

    Returns:
        The files written.

    Raises:
        StorageError: a file cannot be written.
    """
    true = np.asarray(truth, dtype=np.int64)
    shares = np.asarray(probabilities, dtype=np.float64)
    pictures: dict[str, Callable[[], Figure]] = {
        "confusion_matrix.png": lambda: _confusion_figure(metrics, malignant),
        "roc.png": lambda: roc_figure(true, shares, metrics, malignant),
        "precision_recall.png": lambda: precision_recall_figure(true, shares, metrics, malignant),
        "reliability.png": lambda: _reliability_figure(true, shares, metrics),
    }
    with own_style():
        return [write(draw(), folder / name) for name, draw in pictures.items()]


def _confusion_figure(metrics: Metrics, malignant: Collection[str]) -> Figure:
    from matplotlib.colors import LinearSegmentedColormap

    classes = metrics.classes
    counts = np.array(metrics.confusion_matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell = 0.8 if len(classes) <= 12 else 0.65  # noqa: PLR2004 (inches; many classes get smaller cells)
    label = max(1.45, 0.35 + 0.085 * max(map(len, classes)))
    side = cell * len(classes)
    balanced = with_interval(
        metrics.balanced_accuracy, metrics.intervals.get("balanced_accuracy"), percent=True
    )
    name_length = 0.075 * max(map(len, classes))  # inches, of the longest name
    slanted = max(map(len, classes)) > _UPRIGHT_LETTERS
    figure = page(
        max(MARGIN + label + side + max(MARGIN, 0.8 * name_length * slanted), NARROWEST_PAGE),
        side + 2.35 + 0.65 * name_length * slanted,
        "Confusion matrix",
        f"Images, and share of the true class. Balanced accuracy {balanced}.\n{counted(metrics)}.",
    )
    axes = place_axes(figure, MARGIN + label, 0.6, side, side)
    palette = LinearSegmentedColormap.from_list(
        "shares", ["#F4F6F8", "#C9DCF0", "#6FA3DA", ACCENT, "#0B3566"]
    )
    axes.imshow(shares, cmap=palette, vmin=0.0, vmax=1.0)
    axes.spines[:].set_visible(False)
    for edge in np.arange(len(classes) + 1) - 0.5:
        axes.axhline(edge, color="white", linewidth=2)
        axes.axvline(edge, color="white", linewidth=2)
    for (row, column), number in np.ndenumerate(counts):
        share = shares[row, column]
        ink = "white" if share > _DARK_SHARE else INK if number else "#8A94A0"
        weight = "bold" if row == column and number else "normal"
        lift = 0.02 if number else 0.12
        axes.text(column, row + lift, f"{number:,}", ha="center", va="bottom", color=ink, fontweight=weight)
        if number:
            axes.text(
                column, row + 0.1, f"{100 * share:.1f} %", ha="center", va="top", color=ink, fontsize=7.5
            )
    _confusion_labels(axes, metrics, malignant, side=side, slanted=slanted)
    return figure


def _confusion_labels(
    axes: Axes, metrics: Metrics, malignant: Collection[str], *, side: float, slanted: bool
) -> None:
    """Name rows and columns (long names slanted); `side` is that of the matrix in inches."""
    classes = metrics.classes
    places = np.arange(len(classes))
    axes.set_xticks(
        places, classes, color=INK, rotation=40 if slanted else 0, ha="left" if slanted else "center"
    )
    axes.xaxis.tick_top()
    axes.set_yticks([])
    axes.set_xlabel("Predicted class", labelpad=8, fontweight="bold", loc="left")
    axes.xaxis.set_label_position("top")
    axes.set_xlim(-0.5, len(classes) - 0.5)
    axes.set_ylim(len(classes) - 0.5, -0.5)
    across = axes.get_yaxis_transform()
    axes.text(-0.2 / side, -0.58, "True class", transform=across, ha="right", va="bottom", fontweight="bold")
    for place, name in enumerate(classes):
        support = metrics.per_class[name].support
        second = f"malignant, n = {support:,}" if name in malignant else f"n = {support:,}"
        axes.plot(
            [-0.07 / side] * 2,
            [place - 0.42, place + 0.42],
            transform=across,
            clip_on=False,
            linewidth=4,
            solid_capstyle="butt",
            color=class_colour(name, classes),
        )
        axes.text(-0.2 / side, place + 0.02, name, transform=across, ha="right", va="bottom")
        axes.text(
            -0.2 / side,
            place + 0.1,
            second,
            transform=across,
            ha="right",
            va="top",
            fontsize=7.5,
            color=QUIET,
        )


def _reliability_figure(truth: IntArray, probabilities: FloatArray, metrics: Metrics) -> Figure:
    bins = reliability(truth, probabilities)
    images = np.array(bins.images)
    side, left = 5.6, MARGIN + 0.75
    ece = with_interval(metrics.ece, metrics.intervals.get("ece"), percent=True)
    figure = page(
        max(left + side + MARGIN, NARROWEST_PAGE),
        side + 3.9,
        "Reliability of the probabilities",
        f"Expected calibration error (ECE) {ece}. {counted(metrics)}.\n"
        f"Light lines: 95 % interval of a bin's share. Rings: bins of fewer than {_ENOUGH_IMAGES} images.",
    )
    axes = place_axes(figure, left, 2.5, side, side)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.grid(visible=True)
    axes.set_xticklabels([])
    percent_axis(axes, "y")
    axes.set_ylabel("How often that class is the true one")
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1)
    axes.text(0.03, 0.97, "too cautious", color=QUIET, va="top")
    axes.text(0.97, 0.03, "too sure", color=QUIET, ha="right")
    _reliability_points(axes, images, np.array(bins.confidence), np.array(bins.accuracy))
    lower = place_axes(figure, left, 1.15, side, 1.1)
    lower.bar(
        np.array(bins.edges[:-1]),
        images / images.sum(),
        width=np.diff(bins.edges),
        align="edge",
        color="#9DB9D9",
        edgecolor="white",
    )
    lower.set_xlim(0, 1)
    lower.grid(visible=True, axis="y")
    lower.tick_params(axis="x", pad=7)
    lower.set_xlabel("Probability of the most probable class, in 15 bins")
    lower.set_ylabel("Images")
    lower.locator_params(axis="y", nbins=3)
    percent_axis(lower, "x", "y")
    figure.align_ylabels([axes, lower])
    return figure


def _reliability_points(axes: Axes, images: IntArray, confidence: FloatArray, right: FloatArray) -> None:
    """Draw the bins: joined dots with 95 % intervals, and rings for bins too small to mean much.

    Args:
        axes: shares over probabilities.
        images: (15,) in each bin.
        confidence: (15,) mean in each bin.
        right: (15,) share right in each bin.
    """
    low, high = _wilson(right, images)
    filled, enough = images > 0, images >= _ENOUGH_IMAGES
    axes.vlines(confidence[filled], low[filled], high[filled], color="#9DB9D9", linewidth=2, zorder=2)
    axes.plot(confidence[enough], right[enough], color=ACCENT, linewidth=1.8, zorder=3)
    dots: dict[str, Any] = {"color": ACCENT, "markersize": 6.5, "clip_on": False, "zorder": 4}
    axes.plot(confidence[enough], right[enough], "o", **dots)
    axes.plot(confidence[filled & ~enough], right[filled & ~enough], "o", markerfacecolor="white", **dots)


def _wilson(share: FloatArray, images: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the ends of Wilson's 95 % interval (1927) of shares of images; anything where there are none."""
    deviations = 1.96
    count = np.maximum(images, 1).astype(np.float64)
    shrink = 1.0 + deviations**2 / count
    middle = (share + deviations**2 / (2.0 * count)) / shrink
    reach = deviations * np.sqrt(share * (1.0 - share) / count + deviations**2 / (4.0 * count**2)) / shrink
    return middle - reach, middle + reach

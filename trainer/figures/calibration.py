"""Reliability of the probabilities: how often the most probable class is right, by its probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.figures.page import (
    ACCENT,
    MARGIN,
    NARROWEST_PAGE,
    QUIET,
    SCREEN,
    images_in_groups,
    page,
    percent_axis,
    place_axes,
    unit_square,
)
from trainer.metrics.catalogue import ECE
from trainer.metrics.reliability import ECE_BINS, reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from trainer.figures.curves import Scored
    from trainer.figures.page import Medium
    from trainer.metrics.reliability import FloatArray, IntArray, Reliability

ENOUGH_IMAGES = 10
"""A bin of fewer images says little about reliability: it gets a ring instead of a dot."""

_PALE = "#9DB9D9"


def reliability_page(scored: Scored) -> Figure:
    """Draw reliability on a page of its own, over how many images have which probability."""
    bins = reliability(scored.truth, scored.probabilities)
    side, left = 5.6, MARGIN + 0.75
    figure = page(
        max(left + side + MARGIN, NARROWEST_PAGE),
        side + 3.9,
        "Reliability of the probabilities",
        f"{ECE.heading} {ECE.said_of(scored.metrics)}. {images_in_groups(scored.metrics)}.\n"
        f"Light lines: 95 % interval of a bin's share. Rings: bins of fewer than {ENOUGH_IMAGES} images.",
    )
    axes = place_axes(figure, left, 2.5, side, side)
    plot_reliability(axes, bins)
    axes.set_xticklabels([])
    axes.set_ylabel("Share predicted correctly")
    axes.text(0.03, 0.97, "underconfident", color=QUIET, va="top")
    axes.text(0.97, 0.03, "overconfident", color=QUIET, ha="right")
    lower = place_axes(figure, left, 1.15, side, 1.1)
    _plot_images(lower, bins)
    lower.set_xticks(axes.get_xticks())
    lower.tick_params(axis="x", pad=7)
    lower.set_xlabel(f"Highest class probability, in {ECE_BINS} bins")
    lower.set_ylabel("Images")
    percent_axis(lower, "x", "y")
    figure.align_ylabels([axes, lower])
    return figure


def plot_reliability(axes: Axes, bins: Reliability, medium: Medium = SCREEN) -> None:
    """Draw the bins: joined dots with 95 % intervals, and rings for bins too small to mean much."""
    unit_square(axes)
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=medium.lines)
    images, confidence, right = (np.array(each) for each in (bins.images, bins.confidence, bins.accuracy))
    low, high = _wilson(right, images)
    filled, enough = images > 0, images >= ENOUGH_IMAGES
    lines = medium.lines
    axes.vlines(confidence[filled], low[filled], high[filled], color=_PALE, linewidth=2 * lines, zorder=2)
    axes.plot(confidence[enough], right[enough], color=ACCENT, linewidth=1.8 * lines, zorder=3)
    dots: dict[str, Any] = {"color": ACCENT, "markersize": 6.5 * lines, "clip_on": False, "zorder": 4}
    axes.plot(confidence[enough], right[enough], "o", **dots)
    few = filled & ~enough
    axes.plot(confidence[few], right[few], "o", markerfacecolor="white", markeredgewidth=lines, **dots)


def _plot_images(axes: Axes, bins: Reliability) -> None:
    images = np.array(bins.images)
    axes.bar(
        np.array(bins.edges[:-1]),
        images / images.sum(),
        width=np.diff(bins.edges),
        align="edge",
        color=_PALE,
        edgecolor="white",
    )
    axes.set_xlim(0, 1)
    axes.grid(visible=True, axis="y")
    axes.locator_params(axis="y", nbins=3)


def _wilson(share: FloatArray, images: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the ends of Wilson's 95 % interval (1927) of shares of images; anything where there are none."""
    deviations = 1.96
    count = np.maximum(images, 1).astype(np.float64)
    shrink = 1.0 + deviations**2 / count
    middle = (share + deviations**2 / (2.0 * count)) / shrink
    reach = deviations * np.sqrt(share * (1.0 - share) / count + deviations**2 / (4.0 * count**2)) / shrink
    return middle - reach, middle + reach

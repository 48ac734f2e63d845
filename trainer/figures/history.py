"""Learning curves: how loss, accuracy and balanced accuracy moved, epoch by epoch; and the recall of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.errors import TrainerError
from trainer.figures.page import (
    ACCENT,
    INK,
    MARGIN,
    PRINT,
    QUIET,
    SCREEN,
    class_line,
    own_style,
    page,
    percent_axis,
    place_axes,
    write,
)
from trainer.figures.printing import printed_row
from trainer.metrics.catalogue import ACCURACY, BALANCED_ACCURACY, OF_AN_EPOCH, RECALL
from trainer.metrics.choosing import shown_classes
from trainer.palette import class_colour
from trainer.wording import counted, n_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from trainer.events import EpochEnded, PartMetrics
    from trainer.figures.page import Medium

TRAIN_COLOUR = "#7D8894"

_PANELS = ("loss", "accuracy", "macro_recall")
"""Keys of what is drawn, from left to right."""

_MANY_EPOCHS = 40
"""Above this many, epochs get no dots of their own."""

_NARROW_STAGE = 0.2
"""Share of all epochs below which a stage's name does not fit above it."""


def draw_history(path: Path, history: Sequence[EpochEnded]) -> Path:
    """Draw loss, accuracy and balanced accuracy of training and validation over all epochs of a run.

    Args:
        path: of the PNG.
        history: one event for each epoch, in order.

    Returns:
        The file written.

    Raises:
        TrainerError: there is no epoch.
        StorageError: the file cannot be written.
    """
    if not history:
        raise TrainerError("There are no learning curves yet: the run has not finished an epoch.")
    with own_style():
        return write(_history_page(history), path)


def best_place(history: Sequence[EpochEnded]) -> int | None:
    """Return the index of the epoch that was kept; `None` before there is one."""
    return max((index for index, epoch in enumerate(history) if epoch.best), default=None)


def _history_page(history: Sequence[EpochEnded]) -> Figure:
    width, height, gap = 3.6, 3.1, 0.7
    figure = page(
        MARGIN + 0.35 + 3 * width + 2 * gap + MARGIN, height + 2.5, "Learning curves", _subtitle(history)
    )
    for column, key in enumerate(_PANELS):
        axes = place_axes(figure, MARGIN + 0.35 + column * (width + gap), 0.95, width, height)
        plot_history(axes, history, key)
        axes.set_title(OF_AN_EPOCH[key].heading, loc="left", fontsize=10.5, fontweight="bold", pad=20)
        axes.set_xlabel("Epoch")
        if key == "loss":
            axes.legend(frameon=False, labelcolor=INK, handlelength=3)
    return figure


def printed_history(history: Sequence[EpochEnded], width: float) -> Figure:
    """Draw the learning curves as a part of a page, `width` points wide."""
    figure, places = printed_row(
        width,
        height=116.0,
        titles=[OF_AN_EPOCH[key].heading for key in _PANELS],
        across=["Epoch"] * len(_PANELS),
        between=16.0,  # the names of the stages stand there
    )
    for axes, key in zip(places, _PANELS, strict=True):
        plot_history(axes, history, key, PRINT)
    return figure


def printed_recalls(
    history: Sequence[EpochEnded], classes: Sequence[str], malignant: Collection[str], width: float
) -> Figure:
    """Draw the validation recall of each class over the epochs as a part of a page.

    Args:
        history: every epoch, at least one.
        classes: in the order of the network; see `recalls_shown` for which are drawn.
        malignant: those drawn boldly, on top.
        width: of the figure, points.
    """
    figure, (axes,) = printed_row(
        width,
        height=140.0,
        titles=[f"{RECALL.heading} of each class, validation"],
        across=["Epoch"],
    )
    _lay_out_epochs(axes, len(history))
    axes.set_ylim(0.0, 1.0)
    axes.set_yticks((0.0, 0.25, 0.5, 0.75, 1.0))
    percent_axis(axes, "y")
    for name in recalls_shown(history, classes):
        marked = name in malignant
        recalls = [epoch.validation.recall.get(name, np.nan) for epoch in history]
        axes.plot(
            np.arange(1, len(history) + 1),
            recalls,
            color=class_colour(name, classes),
            zorder=4 if marked else 3,
            **class_line(marked, PRINT),
            **_dots(len(recalls), PRINT, only_one=True),
        )
    return figure


def recalls_shown(history: Sequence[EpochEnded], classes: Sequence[str]) -> tuple[str, ...]:
    """Return the classes whose recalls are drawn: all, or those with most validation images of very many."""
    return shown_classes(classes, history[-1].validation.support if history else {})


def plot_history(axes: Axes, history: Sequence[EpochEnded], key: str, medium: Medium = SCREEN) -> None:
    """Draw a metric of training and validation over the epochs, with a ring around the best one.

    Args:
        axes: to draw in.
        history: every epoch, at least one.
        key: `loss`, `accuracy` or `macro_recall`.
        medium: what for.
    """
    epochs = np.arange(1, len(history) + 1)
    train = [_value(epoch.train, key) for epoch in history]
    validation = [_value(epoch.validation, key) for epoch in history]
    dots = _dots(len(history), medium)
    dashed: dict[str, Any] = {"linewidth": 1.6 * medium.lines, "linestyle": (0, (4, 1.5))}
    axes.plot(epochs, train, color=TRAIN_COLOUR, label="training", **dashed, **dots)
    axes.plot(epochs, validation, color=ACCENT, linewidth=2.2 * medium.lines, label="validation", **dots)
    best = best_place(history)
    if best is not None:
        ring: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": INK, "clip_on": False}
        ring |= {"markersize": 10 * medium.lines, "markeredgewidth": 1.4 * medium.lines}
        axes.plot(epochs[best], validation[best], "o", **ring)
    _lay_out_epochs(axes, len(history))
    if key == "loss":
        axes.set_ylim(0.0, 1.08 * max(*train, *validation))
    else:
        # All shares have one scale, in whole tenths, so that a wobble of a point looks like one.
        axes.set_ylim(min(np.floor(10 * _lowest_share(history)) / 10, 0.8), 1.0)
        percent_axis(axes, "y")
    axes.locator_params(axis="y", nbins=6)
    _mark_stages(axes, history, medium)


def _value(part: PartMetrics, key: str) -> float:
    return {"loss": part.loss, "accuracy": part.accuracy, "macro_recall": part.macro_recall}[key]


def _lowest_share(history: Sequence[EpochEnded]) -> float:
    return min(
        min(part.accuracy, part.macro_recall) for epoch in history for part in (epoch.train, epoch.validation)
    )


def _dots(epochs: int, medium: Medium, *, only_one: bool = False) -> dict[str, Any]:
    """Return the marks of single epochs: none where there are many, or more than the one that no line shows."""
    if epochs > (1 if only_one else _MANY_EPOCHS):
        return {}
    return {"marker": "o", "markersize": 3.5 * medium.lines}


def _lay_out_epochs(axes: Axes, count: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.grid(visible=True, axis="y")
    axes.set_xlim(0.5, count + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))


def _subtitle(history: Sequence[EpochEnded]) -> str:
    counts: dict[str, int] = {}
    for event in history:
        counts[event.stage] = counts.get(event.stage, 0) + 1
    stages = ", ".join(f"{count} {stage}" for stage, count in counts.items())
    sentence = f"{counted(len(history), 'epoch', 'epochs')} ({stages})."
    best = best_place(history)
    if best is None:
        return sentence
    part = history[best].validation
    basis = f"{n_of(sum(part.support.values()))}, " if part.support else ""
    return (
        f"{sentence} Best (ring): epoch {best + 1}, with {BALANCED_ACCURACY.title} "
        f"{BALANCED_ACCURACY.figure(part.macro_recall)} and {ACCURACY.title} {ACCURACY.figure(part.accuracy)} "
        f"on the validation images that chose it ({basis}one view, before calibration)."
    )


def _mark_stages(axes: Axes, history: Sequence[EpochEnded], medium: Medium) -> None:
    """Separate the stages by a line, and name those above the plot that are wide enough for their name."""
    count = len(history)
    starts = [
        index for index in range(count) if not index or history[index].stage != history[index - 1].stage
    ]
    if medium is PRINT and len(starts) == 1:
        return
    across = axes.get_xaxis_transform()
    for start, end in zip(starts, [*starts[1:], count], strict=True):
        if start:
            axes.axvline(start + 0.5, color=QUIET, linewidth=medium.lines, linestyle=(0, (1, 2)))
        if (end - start) / count >= _NARROW_STAGE:
            axes.text(
                start + 0.5,
                1.02,
                history[start].stage,
                transform=across,
                color=QUIET,
                fontsize=medium.small,
                va="bottom",
            )

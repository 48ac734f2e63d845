"""Learning curves: how loss, accuracy and macro recall moved, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.errors import TrainerError
from trainer.figures.page import ACCENT, INK, MARGIN, QUIET, own_style, page, percent_axis, place_axes, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from trainer.events import EpochEnded, PartMetrics

_MANY_EPOCHS = 40
"""Above this many, epochs get no dots of their own."""

_NARROW_STAGE = 0.2
"""Share of all epochs below which a stage's name does not fit above it."""


def draw_history(path: Path, history: Sequence[EpochEnded]) -> Path:
    """Draw loss, accuracy and macro recall of training and validation over all epochs of a run.

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
        raise TrainerError("There are no learning curves to draw: the run has not finished an epoch yet.")
    with own_style():
        return write(_history_figure(history), path)


def _history_figure(history: Sequence[EpochEnded]) -> Figure:
    from matplotlib.ticker import MaxNLocator

    panels: tuple[tuple[str, Callable[[PartMetrics], float]], ...] = (
        ("Loss", lambda part: part.loss),
        ("Accuracy", lambda part: part.accuracy),
        ("Macro recall (balanced accuracy)", lambda part: part.macro_recall),
    )
    epochs = np.arange(1, len(history) + 1)
    best = max((index for index, event in enumerate(history) if event.best), default=None)
    lowest = min(
        min(part.accuracy, part.macro_recall) for event in history for part in (event.train, event.validation)
    )
    dots: dict[str, Any] = {"marker": "o", "markersize": 3.5} if len(history) <= _MANY_EPOCHS else {}
    width, height, gap = 3.6, 3.1, 0.7
    figure = page(
        MARGIN + 0.35 + 3 * width + 2 * gap + MARGIN,
        height + 2.5,
        "Learning curves",
        _subtitle(history, best),
    )
    for column, (title, value) in enumerate(panels):
        axes = place_axes(figure, MARGIN + 0.35 + column * (width + gap), 0.95, width, height)
        train = [value(event.train) for event in history]
        validation = [value(event.validation) for event in history]
        axes.plot(
            epochs, train, color="#7D8894", linewidth=1.6, linestyle=(0, (4, 1.5)), label="training", **dots
        )
        axes.plot(epochs, validation, color=ACCENT, linewidth=2.2, label="validation", **dots)
        if best is not None:
            ring: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": INK, "markeredgewidth": 1.4}
            axes.plot(epochs[best], validation[best], "o", markersize=10, clip_on=False, **ring)
        axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold", pad=20)
        axes.grid(visible=True, axis="y")
        axes.set_xlabel("Epoch")
        axes.set_xlim(0.5, len(history) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        if title == "Loss":
            axes.set_ylim(0.0, 1.08 * max(*train, *validation))
            axes.legend(frameon=False, labelcolor=INK, handlelength=3)
        else:
            # Both panels have one scale, in whole tenths, so that a wobble of a point looks like one.
            axes.set_ylim(min(np.floor(10 * lowest) / 10, 0.8), 1.0)
            percent_axis(axes, "y")
        _mark_stages(axes, history)
    return figure


def _subtitle(history: Sequence[EpochEnded], best: int | None) -> str:
    counts: dict[str, int] = {}
    for event in history:
        counts[event.stage] = counts.get(event.stage, 0) + 1
    stages = ", ".join(f"{count} {stage}" for stage, count in counts.items())
    sentence = f"{len(history)} {'epoch' if len(history) == 1 else 'epochs'} ({stages})."
    if best is None:
        return sentence
    validation = history[best].validation
    return (
        f"{sentence} Best (ring): epoch {best + 1}, with validation macro recall "
        f"{100 * validation.macro_recall:.1f} % and accuracy {100 * validation.accuracy:.1f} %."
    )


def _mark_stages(axes: Axes, history: Sequence[EpochEnded]) -> None:
    """Separate the stages by a line, and name those above the plot that are wide enough for their name."""
    count = len(history)
    starts = [
        index for index in range(count) if not index or history[index].stage != history[index - 1].stage
    ]
    across = axes.get_xaxis_transform()
    for start, end in zip(starts, [*starts[1:], count], strict=True):
        if start:
            axes.axvline(start + 0.5, color=QUIET, linewidth=1, linestyle=(0, (1, 2)))
        if (end - start) / count >= _NARROW_STAGE:
            axes.text(
                start + 0.5,
                1.02,
                history[start].stage,
                transform=across,
                color=QUIET,
                fontsize=8.5,
                va="bottom",
            )

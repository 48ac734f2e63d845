"""The events of a run that was never trained, as a training says them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainer.config import FineTuneStage, HeadStage, RunConfig
from trainer.events import EpochEnded, PartMetrics, StageEnded, StageStarted, StepDone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.config import StageName
    from trainer.events import AnyEvent

SUPPORT = {"bkl": 20, "mel": 12, "nv": 70}
HEAD_EPOCHS, TUNE_EPOCHS, STEPS = 3, 4, 10

MADE_CONFIG = RunConfig(
    head_stage=HeadStage(epochs=HEAD_EPOCHS), fine_tune_stage=FineTuneStage(epochs=TUNE_EPOCHS)
)


def part(loss: float, recall: float) -> PartMetrics:
    """Return metrics in which melanoma lags behind."""
    by_class = {"bkl": recall, "mel": recall - 0.1, "nv": recall + 0.1}
    return PartMetrics(
        loss=loss, accuracy=recall + 0.05, macro_recall=recall, recall=by_class, support=SUPPORT
    )


def stage(name: StageName, epochs: int, *, first: int = 1, best: int = 0) -> Iterator[AnyEvent]:
    """Yield a stage's events from an epoch on.

    Args:
        name: of the stage.
        epochs: it has.
        first: epoch it begins with, counted from 1.
        best: epoch that is the best so far; 0 for none.
    """
    yield StageStarted(name, first - 1, epochs, STEPS, 1000)
    for epoch in range(first, epochs + 1):
        for step in range(1, STEPS + 1):
            yield StepDone(name, epoch, step, STEPS, math.exp(-epoch) + step / 100, 0.5, 1e-3, 40.0, 9.0)
        yield EpochEnded(
            name, epoch, part(1 / epoch, 0.6), part(1.2 / epoch, 0.5 + epoch / 100), 1e-3, 2.0, epoch == best
        )
    yield StageEnded(name, "all epochs done")


def both_stages(*, best: int = 2) -> Iterator[AnyEvent]:
    """Yield a whole run whose best epoch is in its second stage."""
    yield from stage("head", HEAD_EPOCHS, best=1)
    yield from stage("fine-tune", TUNE_EPOCHS, best=best)

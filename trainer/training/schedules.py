"""The learning rate of each step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.config import Schedule


def learning_rate(
    schedule: Schedule, peak: float, step: int, steps: int, steps_per_epoch: int, plateau_factor: float = 1.0
) -> float:
    """Return the learning rate of a step.

    Args:
        schedule: how the rate moves.
        peak: the rate after warming up.
        step: counted from 0 over the whole stage.
        steps: in the stage.
        steps_per_epoch: warming up lasts at most one epoch.
        plateau_factor: product of the reductions so far, for a schedule that reduces on plateaus.
    """
    warm = min(round(schedule.warmup * steps), steps_per_epoch)
    if step < warm:
        return peak * plateau_factor * (step + 1) / (warm + 1)
    if schedule.kind == "cosine":
        progress = (step - warm) / max(steps - warm - 1, 1)
        wave = (1 + math.cos(math.pi * min(progress, 1.0))) / 2
        return peak * (schedule.final_share + (1 - schedule.final_share) * wave)
    return peak * plateau_factor

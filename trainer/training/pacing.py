"""How a stage is divided into steps, and when a run reports and saves in between."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import msgspec

from trainer.config import FineTuneStage, HeadStage, StageName
from trainer.events import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trainer.config import RunConfig
    from trainer.events import Listener, StopRequest

T = TypeVar("T")

_SECONDS_BETWEEN_STEP_EVENTS = 0.25


class StagePlan(msgspec.Struct, frozen=True, kw_only=True):
    """A stage in numbers.

    Attributes:
        name: of the stage.
        settings: of the stage.
        batch_size: samples a micro-batch, over all replicas.
        accumulation: micro-batches a step.
        steps: optimizer steps an epoch.
        clip_norm: largest global norm of a step's gradient; 0 for no clipping.
        average: decay of the weights' moving average; 0 for none.
    """

    name: StageName
    settings: HeadStage | FineTuneStage
    batch_size: int
    accumulation: int
    steps: int
    clip_norm: float
    average: float

    @property
    def total_steps(self) -> int:
        """Steps of the whole stage."""
        return self.settings.epochs * self.steps

    @property
    def images_per_step(self) -> int:
        """Images of one optimizer step."""
        return self.batch_size * self.accumulation


def plan_stage(config: RunConfig, name: StageName, samples: int, replicas: int) -> StagePlan:
    """Return how a stage goes through its training samples; every replica gets as many of a batch."""
    tune = config.fine_tune_stage if name == "fine-tune" else None
    settings = tune or config.head_stage
    accumulation = tune.accumulation if tune else 1
    batch_size = -(-settings.batch_size // replicas) * replicas
    return StagePlan(
        name=name,
        settings=settings,
        batch_size=batch_size,
        accumulation=accumulation,
        steps=-(-samples // (batch_size * accumulation)),
        clip_norm=tune.clip_norm if tune else 0.0,
        average=tune.average if tune else 0.0,
    )


def grouped(parts: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` parts, the last one maybe shorter."""
    group: list[T] = []
    for part in parts:
        group.append(part)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def watched(task: str, total: int, listener: Listener, stop: StopRequest | None) -> Callable[[int], None]:
    """Return what work on some images calls with their number after each batch: it can be stopped there."""

    def each(done: int) -> None:
        if stop is not None and done < total:
            stop.raise_if_asked()
        listener(Progress(task=task, done=done, total=total, unit="images"))

    return each


class Clock:
    """Time within an epoch.

    Args:
        seconds_before: spent on the epoch before it was resumed.
    """

    def __init__(self, seconds_before: float) -> None:
        self._begun = self._saved = time.monotonic()
        self._spoke = 0.0
        self._before = seconds_before

    def seconds(self) -> float:
        """Return seconds spent on the epoch."""
        return self._before + time.monotonic() - self._begun

    def per_second(self, count: int) -> float:
        """Return how many a second `count` since this clock was made are."""
        return count / max(time.monotonic() - self._begun, 1e-9)

    def event_due(self) -> bool:
        """Whether it is time for another step event; asking counts as saying it."""
        if time.monotonic() - self._spoke < _SECONDS_BETWEEN_STEP_EVENTS:
            return False
        self._spoke = time.monotonic()
        return True

    def checkpoint_due(self, minutes: float) -> bool:
        """Whether it is time for another checkpoint; asking counts as saving it."""
        if time.monotonic() - self._saved < minutes * 60:
            return False
        self._saved = time.monotonic()
        return True

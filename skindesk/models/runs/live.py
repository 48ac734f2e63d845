"""What a run that goes on has said so far: built from its events, read by whoever shows it.

Hearing an event only appends. A window hears as fast as the engine speaks and looks, on a timer of its own, at
whether `revision` has moved.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from skindesk.models.runs.progress import RunProgress
from trainer.events import (
    CostEstimated,
    EpochEnded,
    Failed,
    Finished,
    Progress,
    StageEnded,
    StageStarted,
    StepDone,
    Stopped,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainer.config import RunConfig, StageName
    from trainer.events import AnyEvent, PartMetrics

Part: TypeAlias = Literal["train", "validation"]
MetricName: TypeAlias = str
"""`loss`, `accuracy`, `macro_recall`, or `recall_` and a class."""

_STEP_CAPACITY = 1 << 16
_LOG_LENGTH = 5_000


@dataclass(frozen=True)
class EpochPoint:
    """An epoch that is over.

    Attributes:
        x: its place, in epochs over all stages; the first epoch ends at 1.
        ended: what was said of it.
    """

    x: float
    ended: EpochEnded


@dataclass(frozen=True)
class StageMark:
    """Where a stage begins, in epochs over all stages."""

    x: float
    stage: StageName


@dataclass(frozen=True)
class LogEntry:
    """An event of a run.

    Attributes:
        at: when it was heard, seconds since 1970; 0 where that is not known.
        event: what was said.
        epoch: which epoch it is about, counted over all stages; 0 for what is not about one.
    """

    at: float
    event: AnyEvent
    epoch: int = 0


class StepSeries:
    """Loss and accuracy of each step, in bounded memory.

    A run of days says more steps than can be seen or should be kept: when the arrays are full, neighbours are
    averaged, which halves their number.

    Args:
        capacity: steps that are kept; even.
    """

    def __init__(self, capacity: int = _STEP_CAPACITY) -> None:
        self._values = np.empty((3, capacity))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, x: float, loss: float, accuracy: float) -> None:
        """Add a step.

        Args:
            x: its place, in epochs over all stages.
            loss: of the step.
            accuracy: of the step, 0 to 1.
        """
        if self._count == self._values.shape[1]:
            halves = self._values.reshape(3, -1, 2).mean(axis=2)
            self._count = halves.shape[1]
            # A new array, since plots may still show the old one.
            self._values = np.empty_like(self._values)
            self._values[:, : self._count] = halves
        self._values[:, self._count] = x, loss, accuracy
        self._count += 1

    def cut(self, x: float) -> None:
        """Forget what lies after `x`."""
        self._count = int(np.searchsorted(self._values[0, : self._count], x, side="right"))

    @property
    def x(self) -> NDArray[np.float64]:
        """Places of the steps, (n,), ascending."""
        return self._values[0, : self._count]

    def values(self, metric: MetricName) -> NDArray[np.float64] | None:
        """Return loss or accuracy of the steps, (n,); `None` for what is not known of single steps."""
        rows = {"loss": 1, "accuracy": 2}
        return self._values[rows[metric], : self._count] if metric in rows else None


def metric_of(part: PartMetrics, metric: MetricName) -> float | None:
    """Return a metric of an epoch; `None` where it was not measured."""
    if metric.startswith("recall_"):
        return part.recall.get(metric.removeprefix("recall_"))
    return {"loss": part.loss, "accuracy": part.accuracy, "macro_recall": part.macro_recall}[metric]


class LiveRun:
    """A run as its events tell it.

    Attributes:
        title: of the run.
        config: its settings.
        revision: grows with every event.
        epochs: those that are over, in order.
        steps: of all stages.
        stages: where each begins, in order.
        stage: what was said when the present stage began; `None` before.
        step: the latest; `None` before the first of the present epoch.
        progress: of work that is not training (features, validation); `None` while it trains.
        cost: what the run was estimated to take.
        best: the best epoch so far.
        outcome: how it ended; `None` while it goes on.
        log: the latest events worth reading.
        logged: number of all that were.
        begun_at: when it was started, seconds since 1970.
    """

    def __init__(self, title: str, config: RunConfig, begun_at: float | None = None) -> None:
        self.title = title
        self.config = config
        self.begun_at = time.time() if begun_at is None else begun_at
        self.revision = 0
        self.epochs: list[EpochPoint] = []
        self.steps = StepSeries()
        self.stages: list[StageMark] = []
        self.stage: StageStarted | None = None
        self.step: StepDone | None = None
        self.progress: Progress | None = None
        self.cost: CostEstimated | None = None
        self.best: EpochPoint | None = None
        self.outcome: Finished | Failed | Stopped | None = None
        self.log: deque[LogEntry] = deque(maxlen=_LOG_LENGTH)
        self.logged = 0
        self._progress = RunProgress(config)

    def go_on(self) -> None:
        """Note that the run, which was stopped or has failed, goes on."""
        self.outcome, self._progress = None, RunProgress(self.config)
        self.revision += 1

    def begin_now(self, at: float | None = None) -> None:
        """Note that the run, which has waited so far, begins now (or at another time, seconds since 1970)."""
        self.begun_at = time.time() if at is None else at

    def recall_history(self, history: Sequence[EpochEnded]) -> None:
        """Take over the epochs that a run had done before it was interrupted."""
        for ended in history:
            if not self.stages or self.stages[-1].stage != ended.stage:
                self.stages.append(StageMark(float(len(self.epochs)), ended.stage))
            self._add_epoch(ended)
        self.revision += 1

    def recall_past(self, past: LiveRun) -> None:
        """Take over steps and log of what the run said before it was interrupted; it has said nothing since."""
        self.steps, self.log, self.logged = past.steps, past.log, past.logged
        self.revision += 1

    def hear(self, event: AnyEvent, at: float | None = None) -> None:
        """Take in an event.

        Args:
            event: what the run says.
            at: when, seconds since 1970; now if not given.
        """
        self.revision += 1
        self._progress.hear(event)
        if isinstance(event, StepDone):
            self.step, self.progress = event, None
            x = self._offset + event.epoch - 1 + event.step / max(event.steps, 1)
            self.steps.append(x, event.loss, event.accuracy)
            return
        if isinstance(event, Progress):
            self.progress = event
            return
        if isinstance(event, StageStarted):
            self._begin_stage(event)
        elif isinstance(event, EpochEnded):
            self.progress = None
            self._add_epoch(event)
        elif isinstance(event, StageEnded):
            self.progress = None
        elif isinstance(event, CostEstimated):
            self.cost = event
        elif isinstance(event, Finished | Failed | Stopped):
            self.outcome, self.progress = event, None
        epoch = round(self._offset) + event.epoch if isinstance(event, EpochEnded | StageStarted) else 0
        self.log.append(LogEntry(time.time() if at is None else at, event, epoch))
        self.logged += 1

    # --- what is shown ------------------------------------------------------------------------------------

    def series(self, part: Part, metric: MetricName) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return places and values of a metric by epoch, (n,) each; epochs without it are left out."""
        found = []
        for point in self.epochs:
            value = metric_of(point.ended.train if part == "train" else point.ended.validation, metric)
            if value is not None:
                found.append((point.x, value))
        array = np.array(found, dtype=np.float64).reshape(-1, 2)
        return array[:, 0], array[:, 1]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that have been measured, sorted."""
        return tuple(sorted({name for point in self.epochs[-1:] for name in point.ended.validation.recall}))

    @property
    def stage_number(self) -> int:
        """Place of the present stage, counted from 1; 0 before the first."""
        return self.config.stages.index(self.stage.stage) + 1 if self.stage else 0

    @property
    def epoch(self) -> int:
        """Number of the present epoch of the stage, counted from 1; 0 before the first."""
        if self.stage is None:
            return 0
        done = self.epochs[-1].ended if self.epochs else None
        ended = done.epoch if done is not None and done.stage == self.stage.stage else self.stage.epoch
        if self.step is not None and self.step.epoch > ended:
            return self.step.epoch
        return min(ended + 1, self.stage.epochs) if self.outcome is None else ended

    @property
    def length(self) -> float:
        """Epochs that the run has at most, over all stages, as far as is known."""
        head, tune = self.config.head_stage.epochs, self.config.fine_tune_stage.epochs
        present = self.config.stages.index(self.stage.stage) if self.stage else 0
        later = sum(head if name == "head" else tune for name in self.config.stages[present:])
        return self._offset + later

    @property
    def epoch_of_all(self) -> float:
        """Number of the present epoch, counted from 1 over all stages."""
        return self._offset + self.epoch

    @property
    def share_done(self) -> float:
        """How far it is, 0 to 1 (see `RunProgress`)."""
        return self._progress.share

    def place_in_words(self, x: float) -> tuple[StageName, int] | None:
        """Return stage and epoch of it at a place in epochs over all stages; `None` before the first stage."""
        marks = [mark for mark in self.stages if mark.x <= x - 1e-9] or self.stages[:1]
        if not marks:
            return None
        return marks[-1].stage, max(1, int(np.ceil(x - marks[-1].x - 1e-9)))

    # --- keeping the books --------------------------------------------------------------------------------

    @property
    def _offset(self) -> float:
        return self.stages[-1].x if self.stages else 0.0

    def _begin_stage(self, event: StageStarted) -> None:
        """Open a stage, or go on with it: what lies after the checkpoint it goes on from is forgotten."""
        order = self.config.stages
        place = order.index(event.stage)
        kept = [
            point
            for point in self.epochs
            if order.index(point.ended.stage) < place
            or (point.ended.stage == event.stage and point.ended.epoch <= event.epoch)
        ]
        offset = float(sum(point.ended.stage != event.stage for point in kept))
        self.stages = [mark for mark in self.stages if order.index(mark.stage) < place]
        self.stages.append(StageMark(offset, event.stage))
        self.epochs = kept
        self.best = next((point for point in reversed(kept) if point.ended.best), None)
        self.steps.cut(offset + event.epoch + event.step / max(event.steps_per_epoch, 1))
        self.stage, self.step, self.progress = event, None, None

    def _add_epoch(self, ended: EpochEnded) -> None:
        point = EpochPoint(self._offset + ended.epoch, ended)
        self.epochs.append(point)
        if ended.best:
            self.best = point

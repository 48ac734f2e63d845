"""How far a run is, as one share: for the bar on its page and for the one in the status strip."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trainer.events import CostEstimated, EpochEnded, Finished, Progress, StageEnded, StageStarted, StepDone

if TYPE_CHECKING:
    from trainer.config import RunConfig, StageName

_STEP = 3.2  # forward passes that a training step of the whole network costs for each image
_HEAD_STEP = 0.05  # and one of the head alone, on features
_VALIDATION = 0.2  # validation images for each training image, until the run has said how many there are


class _Work(NamedTuple):
    """What a stage costs, in forward passes for each training image: before its first epoch, and each epoch."""

    features: float
    epoch: float
    epochs: int

    @property
    def all(self) -> float:
        return self.features + self.epochs * self.epoch


class RunProgress:
    """A share of the whole run's work that never runs backwards and is 1 only when the run has finished.

    Epochs of the head on cached features cost next to nothing beside computing these and beside fine-tuning, so
    counting epochs alone would be wrong by far. A stage that stops early moves the share forward.

    Args:
        config: settings of the run.

    Attributes:
        share: 0 to 1.
    """

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self.share = 0.0
        self._validation = _VALIDATION
        self._stage = 0
        self._features = self._epochs = 0.0
        self._tasks: list[str] = []

    @property
    def in_last_stage(self) -> bool:
        """Whether no stage comes after the present one."""
        return self._stage >= len(self._config.stages) - 1

    def hear(self, event: object) -> None:
        """Take an event in."""
        if isinstance(event, CostEstimated):
            self._validation = event.validation_images / max(event.training_images, 1)
        elif isinstance(event, Progress):
            self._progress(event)
        elif isinstance(event, StageStarted):
            self._stage, self._features = self._config.stages.index(event.stage), 1.0
            self._epochs = event.epoch + event.step / max(event.steps_per_epoch, 1)
        elif isinstance(event, StepDone):
            self._epochs = event.epoch - 1 + event.step / max(event.steps, 1)
        elif isinstance(event, EpochEnded):
            self._epochs = float(event.epoch)
        elif isinstance(event, StageEnded):
            self._stage, self._features, self._epochs = self._stage + 1, 0.0, 0.0
        elif isinstance(event, Finished):
            self.share = 1.0
            return
        self._update()

    def _progress(self, event: Progress) -> None:
        """Follow the features: of the training images in all views, then of the validation images."""
        if self._features == 1.0 or event.unit != "images" or not event.total:
            return
        if event.task not in self._tasks:
            self._tasks.append(event.task)
        views = self._config.head_stage.views + 1.0
        done, part = event.done / event.total, views / (views + self._validation)
        self._features = min(done * part if event.task == self._tasks[0] else part + done * (1 - part), 0.999)

    def _update(self) -> None:
        works = [self._work(name) for name in self._config.stages]
        done = sum(work.all for work in works[: self._stage])
        if self._stage < len(works):
            work = works[self._stage]
            done += self._features * work.features + self._epochs * work.epoch
        # Calibration comes last: some validation images, in several views, in full precision.
        last = 2 * self._validation * self._config.calibration_share * self._config.test_views
        whole = sum(work.all for work in works) + last
        self.share = max(self.share, min(done / max(whole, 1e-9), 0.999))

    def _work(self, name: StageName) -> _Work:
        if name == "head":
            head = self._config.head_stage
            return _Work(head.views + 1.0 + self._validation, _HEAD_STEP, head.epochs)
        return _Work(0.0, _STEP + self._validation, self._config.fine_tune_stage.epochs)

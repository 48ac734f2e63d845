"""The job of the queue `training`."""

from __future__ import annotations

from typing import ClassVar

from trainer.config import RunConfig
from trainer.protocol.jobs import Job, QueueName, Result


class RunFinished(Result, frozen=True, kw_only=True):
    """A run has left a bundle."""

    bundle: str


class TrainNetwork(Job[RunFinished], frozen=True, kw_only=True):
    """Train a run, or resume it.

    Attributes:
        dataset: with a split.
        folder: of the run.
        config: settings; with `resume` those of the run's folder count, apart from the device.
        cache_folder: of features.
        weights_dir: where ImageNet weights are looked for first; empty for none.
        resume: continue from the last checkpoint.
    """

    queue: ClassVar[QueueName] = "training"

    dataset: str
    folder: str
    config: RunConfig
    cache_folder: str
    weights_dir: str = ""
    resume: bool = False

"""The four queues of the window, each with a child process of its own."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from skindesk.engine.client import ChildCommand
from skindesk.engine.jobs import JobQueue, Patience
from trainer.devices.children import own_command, own_environment
from trainer.protocol.scoring import EstimateRun, LookAtDevices, PreviewAugmentation

if TYPE_CHECKING:
    from skindesk.engine.handles import JobHandle
    from skindesk.paths import Paths
    from skindesk.settings import Settings
    from trainer.protocol.jobs import Job, QueueName

_SCORING_IDLE_SECONDS = 60.0
_GRACE_SECONDS = 20.0
_INTERRUPT_SECONDS = 3.0
_KILL_SECONDS = 3.0
_UNMISSED = (EstimateRun, LookAtDevices, PreviewAugmentation)
"""Jobs that the window asks for by itself and nobody misses when it is closed."""


class Engines(QObject):
    """What works for the window. `close` must be called before this object goes.

    Args:
        paths: where logs lie.
        settings: of the user.
        parent: of this object.
        patience: of all queues.

    Attributes:
        job_added: a `JobHandle`, from any queue.
        library: imports, splits, draws; its child stays and has no TensorFlow in it.
        training: trains; every run has a child of its own, so that it finds all memory free.
        scoring: evaluates, estimates, previews, looks at devices; its child leaves after a minute without work.
        diagnosis: predicts on the CPU; its child stays.
    """

    job_added = Signal(object)

    def __init__(
        self,
        paths: Paths,
        settings: Settings,
        parent: QObject | None = None,
        *,
        patience: Patience | None = None,
    ) -> None:
        super().__init__(parent)
        self._paths, self._settings, self._patience = paths, settings, patience
        self.library = self._queue("library")
        self.training = self._queue("training", idle_seconds=0.0)
        self.scoring = self._queue("scoring", idle_seconds=_SCORING_IDLE_SECONDS)
        self.diagnosis = self._queue("diagnosis")
        self._queues = (self.library, self.training, self.scoring, self.diagnosis)

    def queue_for(self, job: type[Job[Any]]) -> JobQueue:
        """Return the queue in which jobs of a type wait."""
        return next(queue for queue in self._queues if queue.name == job.queue)

    def _queue(self, name: QueueName, *, idle_seconds: float | None = None) -> JobQueue:
        queue = JobQueue(
            name,
            partial(self._command, name),
            grace=partial(self._grace, name),
            idle_seconds=idle_seconds,
            patience=self._patience,
            parent=self,
        )
        queue.added.connect(self.job_added)
        return queue

    def _command(self, name: QueueName) -> ChildCommand:
        variables = {"PYTHONIOENCODING": "utf-8"} | self._settings.environment()
        if name == "diagnosis":
            variables["CUDA_VISIBLE_DEVICES"] = "-1"
        try:
            log = self._paths.log_file(f"engine-{name}.log")
        except OSError:  # a full disk stops no prediction
            log = Path(os.devnull)
        return ChildCommand(own_command("engine"), own_environment(**variables), log)

    def _grace(self, name: QueueName) -> float:
        """Return how long a job of a queue may take to stop, seconds."""
        return float(self._settings.number("stop_grace_seconds")) if name == "training" else _GRACE_SECONDS

    @property
    def missed(self) -> list[JobHandle]:
        """The jobs that a person would miss if they were ended now, those that train first."""
        queues = (self.training, self.library, self.scoring, self.diagnosis)
        return [job for queue in queues for job in queue.jobs if not isinstance(job.job, _UNMISSED)]

    def begin_close(self) -> None:
        """Have every child save and leave; returns at once. `close` must still be called."""
        for queue in self._queues:
            queue.begin_close()

    @property
    def left(self) -> bool:
        """Whether every child has left."""
        return self._left_within(0.0)

    def close(self, seconds: float) -> None:
        """Have every child save and leave, and end those that do not.

        Blocks for at most `seconds` and, if a child must be ended by force, some seconds more.

        Args:
            seconds: for the children to leave by themselves.
        """
        self.begin_close()
        if not self._left_within(seconds):
            for queue in self._queues:
                queue.interrupt()
            if not self._left_within(_INTERRUPT_SECONDS):
                for queue in self._queues:
                    queue.kill()
                self._left_within(_KILL_SECONDS)
        for queue in self._queues:
            queue.end_close()

    def _left_within(self, seconds: float) -> bool:
        """Wait for the end of all children; return whether it has come."""
        deadline = time.monotonic() + seconds
        return all(queue.wait_closed(deadline) for queue in self._queues)

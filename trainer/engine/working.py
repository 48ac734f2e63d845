"""The worker: passes jobs to their handlers, one at a time, and limits how often progress is sent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trainer.engine.handlers import diagnosis, library, scoring, training  # noqa: F401 - they register themselves
from trainer.engine.handling import HANDLERS, Context, Kept, Libraries
from trainer.events import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.events import AnyEvent, Listener, StopRequest
    from trainer.protocol.lines import AnyJob, AnyResult

_PROGRESS_SECONDS = 0.1


class Worker:
    """Does jobs, one at a time, and keeps what makes the next one quicker.

    Args:
        loading: called with true before large libraries are loaded, and with false afterwards.

    Attributes:
        uses_gpu: whether the present job trains on a GPU.
    """

    def __init__(self, loading: Callable[[bool], None]) -> None:
        self.uses_gpu = False
        self._libraries = Libraries(loading)
        self._kept = Kept()

    def do(self, job: AnyJob, listener: Listener, stop: StopRequest) -> AnyResult:
        """Do a job.

        Args:
            job: what to do.
            listener: receives the events; progress at most ten times a second.
            stop: checked between the job's steps.

        Raises:
            TrainerError: any failure that a user can cause.
        """
        context = Context(paced(listener), stop, self._libraries, self._kept, self._set_uses_gpu)
        try:
            return HANDLERS[type(job)](job, context)
        finally:
            self.uses_gpu = False

    def _set_uses_gpu(self, uses_gpu: bool) -> None:
        self.uses_gpu = uses_gpu


def paced(listener: Listener) -> Listener:
    """Return a listener that passes on progress at most ten times a second, and always the last of a task."""
    task, spoke = "", 0.0

    def listen(event: AnyEvent) -> None:
        nonlocal task, spoke
        if isinstance(event, Progress):
            now = time.monotonic()
            last = event.total > 0 and event.done >= event.total
            if event.task == task and not last and now - spoke < _PROGRESS_SECONDS:
                return
            task, spoke = event.task, now
        listener(event)

    return listen

"""One job as the window sees it: a state, what it says, how it ended."""

from __future__ import annotations

import enum
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from trainer.events import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.events import AnyEvent
    from trainer.protocol.lines import AnyJob, AnyResult

_ids = itertools.count(1)


class JobState(enum.Enum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in {JobState.DONE, JobState.FAILED, JobState.CANCELLED}


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        state: done, failed or cancelled.
        result: what was asked for; only when done.
        message: one or a few plain sentences; empty when done.
        log: last lines of the child's log where they may explain something; otherwise empty.
    """

    state: JobState
    result: AnyResult | None = None
    message: str = ""
    log: str = ""


class JobHandle(QObject):
    """One job in a queue.

    Attributes:
        heard: an event of the job (`trainer.events.AnyEvent`); while it is stopping, too.
        changed: its state has changed.
        ended: its `Outcome`; exactly once, after `changed`.
        id: differs from that of every other job of this program.
        job: what was asked for.
        title: a few words for people.
        state: where it is.
        outcome: how it ended; `None` before.
        started_at: when it began, seconds of `time.monotonic`; `None` before.
        last_progress: the last progress it told of.
    """

    heard = Signal(object)
    changed = Signal()
    ended = Signal(object)

    def __init__(self, job: AnyJob, title: str, stop: Callable[[JobHandle], None]) -> None:
        super().__init__()
        self.id = next(_ids)
        self.job = job
        self.title = title
        self.state = JobState.QUEUED
        self.outcome: Outcome | None = None
        self.started_at: float | None = None
        self.last_progress: Progress | None = None
        self._stop = stop

    def stop(self) -> None:
        """Ask the job to stop. One that has not begun is cancelled at once, one that has ended stays so."""
        self._stop(self)

    # --- for its queue ------------------------------------------------------------------------------------

    def enter(self, state: JobState) -> None:
        """Go on to a state that is not an end."""
        self.state = state
        if state is JobState.RUNNING:
            self.started_at = time.monotonic()
        self.changed.emit()

    def hear(self, event: AnyEvent) -> None:
        """Pass on what the job says."""
        if isinstance(event, Progress):
            self.last_progress = event
        self.heard.emit(event)

    def end(self, outcome: Outcome) -> None:
        """End; a second end is none."""
        if self.state.ended:
            return
        self.state = outcome.state
        self.outcome = outcome
        self.changed.emit()
        self.ended.emit(outcome)

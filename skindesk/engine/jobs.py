"""Queues of jobs, each with one child process that does them in order."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from skindesk.engine.client import Client
from skindesk.engine.handles import JobHandle, JobState, Outcome
from trainer.protocol.diagnosis import WarmUp
from trainer.protocol.lines import Answered, Ask, Beat, Heard, Ready, Refused, Stop, encode_line
from trainer.protocol.training import TrainNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

    from skindesk.engine.client import ChildCommand, Told
    from skindesk.engine.endings import Ending
    from trainer.protocol.lines import AnyJob

__all__ = ["JobHandle", "JobQueue", "JobState", "Outcome", "Patience"]


@dataclass(frozen=True)
class Patience:
    """How long a queue waits, in seconds.

    Attributes:
        silence: without a line of a child that works, before it counts as unresponsive.
        loading: the same while the child starts or loads TensorFlow, which can hold up everything else in it
            (Python's loader keeps the interpreter's lock while the system reads a gigabyte from the disk).
        interrupt: between asking the system to end a child and killing it.
        leave: for an idle child to leave by itself.
    """

    silence: float = 30.0
    loading: float = 300.0
    interrupt: float = 10.0
    leave: float = 10.0


class JobQueue(QObject):
    """Jobs for one child process, one at a time, in order.

    The child is started when there is something to do. If it dies, the job it was at has failed and the next
    one gets a new child. Everything a child says carries its generation and the job's id; what belongs to
    another than the present ones is dropped.

    Args:
        name: of the queue, for people who read logs.
        command: returns what starts a child; asked each time.
        grace: returns how long a job may take to stop before it is ended by force, seconds.
        idle_seconds: after which a child without jobs leaves; 0: it leaves after every job; `None`: it stays.
        patience: see there.
        parent: of this object.

    Attributes:
        added: a `JobHandle` was submitted.
        beat: a `trainer.protocol.lines.Beat` of the child.
        changed: anything about its jobs or its child.
        unresponsive: the child of a running job has been silent for too long, or speaks again.
    """

    added = Signal(object)
    beat = Signal(object)
    changed = Signal()
    unresponsive = Signal(bool)

    def __init__(
        self,
        name: str,
        command: Callable[[], ChildCommand],
        *,
        grace: Callable[[], float],
        idle_seconds: float | None = None,
        patience: Patience | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.name = name
        self._command, self._grace, self._idle_seconds = command, grace, idle_seconds
        self._patience = patience or Patience()
        self._queued: list[JobHandle] = []
        self._hidden: set[JobHandle] = set()
        self._running: JobHandle | None = None
        self._client: Client | None = None
        self._threads: set[Client] = set()
        self._generation = 0
        self._ready = self._loading = self._leaving = self._silent = self._closed = False
        self._interrupted = False
        self._force = self._timer(self._use_force, single=True)
        self._idle = self._timer(self._let_go, single=True)
        self._watch = self._timer(self._look, single=False)
        self._watch.setInterval(int(1000 * min(1.0, self._patience.silence / 4)))

    def _timer(self, slot: Callable[[], None], *, single: bool) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(single)
        timer.timeout.connect(slot)
        return timer

    # --- what one can ask ---------------------------------------------------------------------------------

    @property
    def jobs(self) -> tuple[JobHandle, ...]:
        """The running job and the queued ones, in order."""
        running = [] if self._running is None else [self._running]
        return tuple(handle for handle in running + self._queued if handle not in self._hidden)

    @property
    def current(self) -> JobHandle | None:
        """The running job."""
        return None if self._running in self._hidden else self._running

    @property
    def ready(self) -> bool:
        """Whether a child is there and listens."""
        return self._ready

    @property
    def child_pid(self) -> int | None:
        """Process id of the child, where there is one."""
        return None if self._client is None else self._client.pid

    # --- what one can do ----------------------------------------------------------------------------------

    def submit(self, job: AnyJob, title: str) -> JobHandle:
        """Put a job at the end of the queue; it may begin before this returns.

        Args:
            job: what to do.
            title: a few words for people.
        """
        handle = JobHandle(job, title, self._stop)
        refused = self._reason_to_refuse(handle)
        if refused is not None:
            # Not before the caller can have connected to its signals.
            QTimer.singleShot(0, handle, partial(handle.end, refused))
            return handle
        before_hidden = len(self._queued) - sum(queued in self._hidden for queued in self._queued)
        self._queued.insert(before_hidden, handle)
        self.added.emit(handle)
        self.changed.emit()
        self._advance()
        return handle

    def remove(self, handle: JobHandle) -> None:
        """Cancel a job that has not begun; others are left alone."""
        if handle in self._queued:
            self._stop(handle)

    def move(self, handle: JobHandle, position: int) -> None:
        """Move a job that has not begun.

        Args:
            handle: the job; nothing happens if it has begun.
            position: among the queued ones; 0 is next.
        """
        if handle not in self._queued or handle in self._hidden:
            return
        self._queued.remove(handle)
        self._queued.insert(max(0, position), handle)
        self._queued.sort(key=lambda queued: queued in self._hidden)
        self.changed.emit()

    def warm_up(self, bundle: str = "") -> None:
        """Start the child in the background, so that the next job finds TensorFlow and the bundle loaded.

        This is no job that anyone sees, and jobs that are waiting go first.

        Args:
            bundle: folder; empty for TensorFlow alone.
        """
        job = WarmUp(bundle=bundle)
        if self._closed or (self._running in self._hidden and self._running and self._running.job == job):
            return
        self._queued = [queued for queued in self._queued if queued not in self._hidden]
        self._hidden &= {self._running} if self._running else set()
        handle = JobHandle(job, self.tr("Warming up"), self._stop)
        self._hidden.add(handle)
        self._queued.append(handle)
        self._advance()

    def _reason_to_refuse(self, handle: JobHandle) -> Outcome | None:
        if self._closed:
            return Outcome(JobState.CANCELLED, message=self.tr("The program is closing."))
        try:
            encode_line(Ask(id=handle.id, job=handle.job))
        except UnicodeEncodeError:
            # Names of files need not be Unicode on Linux, while the lines of the protocol must be.
            sentence = self.tr("A file or folder name is not valid text; rename it and try again.")
            return Outcome(JobState.FAILED, message=sentence)
        return None

    # --- the flow of jobs ---------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Begin the next job, if there is one and nothing stands in its way."""
        if self._closed or self._running is not None:
            return
        if not self._queued:
            if self._client is not None and self._idle_seconds is not None and not self._leaving:
                self._idle.start(int(1000 * self._idle_seconds))
            return
        if self._leaving:
            return  # the old child's memory is given back first
        self._idle.stop()
        handle = self._running = self._queued.pop(0)
        client = self._client or self._start_child()
        client.last_heard = time.monotonic()
        client.say(Ask(id=handle.id, job=handle.job))
        self._watch.start()
        handle.enter(JobState.RUNNING)
        self.changed.emit()

    def _finish(self, outcome: Outcome) -> None:
        """End the running job and go on."""
        handle, self._running = self._running, None
        if handle is None:
            return
        self._watch.stop()
        self._set_silent(silent=False)
        if not self._leaving:
            self._force.stop()
        if self._idle_seconds == 0 or self._interrupted:
            # A child that was told to leave may do so at any time; it gets no further job.
            self._let_go()
        self._interrupted = False
        hidden = handle in self._hidden
        self._hidden.discard(handle)
        handle.end(outcome)
        if not hidden:
            self.changed.emit()
        self._advance()

    def _stop(self, handle: JobHandle) -> None:
        if handle in self._queued:
            self._queued.remove(handle)
            self._hidden.discard(handle)
            handle.end(Outcome(JobState.CANCELLED, message=self.tr("Cancelled before it started.")))
            self.changed.emit()
        elif handle is self._running and handle.state is JobState.RUNNING and self._client is not None:
            # From here on no result of the job can land, whatever the child answers.
            self._client.say(Stop(id=handle.id))
            self._force.start(int(1000 * self._grace()))
            handle.enter(JobState.STOPPING)
            self.changed.emit()

    def _use_force(self) -> None:
        """The child has neither stopped its job nor left in time."""
        if self._client is None:
            return
        if self._interrupted or self._leaving:
            self._client.kill_child()
        else:
            self._interrupted = True
            self._client.interrupt_child()
            self._force.start(int(1000 * self._patience.interrupt))

    # --- the child ----------------------------------------------------------------------------------------

    def _start_child(self) -> Client:
        self._generation += 1
        client = self._client = Client(self._command(), self._generation, self)
        self._ready = self._leaving = self._loading = False
        client.told.connect(self._on_told)
        client.gone.connect(self._on_gone)
        client.finished.connect(self._on_finished)
        self._threads.add(client)
        client.start()
        return client

    def _let_go(self) -> None:
        """Have an idle child leave."""
        if self._client is None or self._leaving:
            return
        self._leaving, self._ready = True, False
        self._client.close()
        self._force.start(int(1000 * self._patience.leave))
        self.changed.emit()

    def _on_told(self, generation: int, batch: tuple[Told, ...]) -> None:
        for told in batch:
            if self._client is None or generation != self._generation:
                return
            self._take(told)

    def _take(self, told: Told) -> None:
        line, running = told.line, self._running
        if isinstance(line, Ready):
            self._ready = not self._leaving
            self.changed.emit()
        elif isinstance(line, Beat):
            self._loading = line.loading
            self.beat.emit(line)
        elif running is None or line.id != running.id:
            return
        elif isinstance(line, Heard):
            running.hear(line.event)
        elif isinstance(line, Answered):
            self._finish(self._answer_of(running, line))
        else:
            self._finish(self._refusal_of(running, line, told.log))

    def _answer_of(self, running: JobHandle, line: Answered) -> Outcome:
        if running.state is JobState.STOPPING:
            return Outcome(
                JobState.CANCELLED,
                message=self.tr("Finished before it could be stopped; nothing is lost."),
            )
        return Outcome(JobState.DONE, line.result)

    def _refusal_of(self, running: JobHandle, line: Refused, log: str) -> Outcome:
        if line.kind == "stopped" and running.state is JobState.RUNNING:
            self._let_go()  # nobody here asked for it: the system told the child to leave
        if line.kind == "stopped" or running.state is JobState.STOPPING:
            return Outcome(JobState.CANCELLED, message=line.message)
        return Outcome(JobState.FAILED, message=line.message, log=log)

    def _on_gone(self, generation: int, ending: Ending) -> None:
        if self._client is None or generation != self._generation:
            return
        self._client = None
        self._ready = self._leaving = self._loading = False
        self._force.stop()
        self._idle.stop()
        if self._running is None:
            self.changed.emit()
            self._advance()
        elif self._running.state is JobState.STOPPING:
            message = self.tr("It did not stop in time and was ended.")
            if isinstance(self._running.job, TrainNetwork):
                message += " " + self.tr("What was trained up to the last checkpoint is kept.")
            self._finish(Outcome(JobState.CANCELLED, message=message, log=ending.log))
        else:
            message = ending.describe(self._running.job)
            self._finish(Outcome(JobState.FAILED, message=message, log=ending.log))

    def _on_finished(self) -> None:
        for client in [thread for thread in self._threads if thread.isFinished()]:
            client.wait()
            self._threads.discard(client)
            client.deleteLater()

    def _look(self) -> None:
        """Notice whether the child of a running job has fallen silent."""
        if self._client is None:
            return
        patient = self._loading or not self._ready
        limit = self._patience.loading if patient else self._patience.silence
        self._set_silent(silent=time.monotonic() - self._client.last_heard > limit)

    def _set_silent(self, *, silent: bool) -> None:
        if silent != self._silent:
            self._silent = silent
            self.unresponsive.emit(silent)

    # --- the end ------------------------------------------------------------------------------------------

    def begin_close(self) -> None:
        """Cancel what is queued, have the child save and leave; nothing is taken any more."""
        self._closed = True
        for timer in (self._force, self._idle, self._watch):
            timer.stop()
        for handle in list(self._queued):
            self._stop(handle)
        if self._client is not None:
            self._client.close()
        if self._running is not None and self._running.state is JobState.RUNNING:
            self._running.enter(JobState.STOPPING)

    def wait_closed(self, deadline: float) -> bool:
        """Wait for the child's end.

        Args:
            deadline: seconds of `time.monotonic`.

        Returns:
            whether it has come.
        """
        return all(thread.wait(max(1, int(1000 * (deadline - time.monotonic())))) for thread in self._threads)

    def interrupt(self) -> None:
        """Ask the system to end the child."""
        for thread in self._threads:
            thread.interrupt_child()

    def kill(self) -> None:
        """End the child at once."""
        for thread in self._threads:
            thread.kill_child()

    def end_close(self) -> None:
        """End the job that was running."""
        self._client = None
        self._ready = False
        message = self.tr("The program was closed.")
        self._finish(Outcome(JobState.CANCELLED, message=message))

"""The status strip: what is being done, how far it is, how long it will take, and a button that stops it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QToolButton, QWidget

from skindesk.engine.jobs import JobState
from skindesk.models.runs.progress import RunProgress
from skindesk.widgets.basics import ElidedLabel, muted
from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE, set_role
from trainer.events import Progress, StepDone
from trainer.protocol.training import TrainNetwork
from trainer.wording import duration

if TYPE_CHECKING:
    from skindesk.engine.jobs import JobHandle, Outcome
    from trainer.config import RunConfig

_REPAINT_MS = 200
_SAID_MS = 8_000


class JobStrip(QFrame):
    """Shows the job that has run longest, and how many others there are.

    Signals:
        stop_asked(JobHandle): the button was pressed.
    """

    stop_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "plain")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 0, 2 * SPACE, 0)
        layout.setSpacing(3 * SPACE // 2)
        self._title = ElidedLabel()
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(220)
        self._bar.setAccessibleName(self.tr("Progress"))
        self._left = muted()
        self._stop = QToolButton()
        self._stop.setIcon(icon("stop"))
        self._stop.setToolTip(self.tr("Stop"))
        self._stop.setAccessibleName(self.tr("Stop this job"))
        set_role(self._stop, "quiet")
        self._stop.clicked.connect(self._ask_stop)
        self._more = muted()
        self._said = QLabel()
        set_role(self._said, "muted")
        layout.addWidget(self._title, 3)
        layout.addWidget(self._bar)
        layout.addWidget(self._left)
        layout.addWidget(self._stop)
        layout.addWidget(self._more)
        layout.addStretch(4)
        layout.addWidget(self._said)
        self._jobs: list[JobHandle] = []
        self._trackers: dict[int, _Tracker] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(_REPAINT_MS)
        self._timer.timeout.connect(self._refresh)
        self._silence = QTimer(self)
        self._silence.setSingleShot(True)
        self._silence.timeout.connect(self._said.clear)
        self._refresh()

    def add(self, handle: JobHandle) -> None:
        """Follow a job until it ends."""
        self._jobs.append(handle)
        tracker = _Tracker(handle.job.config if isinstance(handle.job, TrainNetwork) else None)
        self._trackers[id(handle)] = tracker
        handle.heard.connect(tracker.hear)
        handle.ended.connect(lambda outcome, job=handle: self._ended(job, outcome))
        self._timer.start()
        self._refresh()

    def say(self, text: str, milliseconds: int = _SAID_MS) -> None:
        """Show a sentence on the right for a while."""
        self._said.setText(text)
        self._silence.start(milliseconds)

    def _ended(self, handle: JobHandle, outcome: Outcome) -> None:
        self._jobs.remove(handle)
        del self._trackers[id(handle)]
        if outcome.state == JobState.FAILED:
            self.say(self.tr("{title}: failed.").format(title=handle.title))
        if not self._jobs:
            self._timer.stop()
        self._refresh()

    def _ask_stop(self) -> None:
        shown = self._shown()
        if shown is not None:
            self.stop_asked.emit(shown)

    def _shown(self) -> JobHandle | None:
        running = [job for job in self._jobs if job.state != JobState.QUEUED]
        return next(iter(running or self._jobs), None)

    def _refresh(self) -> None:
        shown = self._shown()
        for widget in (self._title, self._bar, self._left, self._stop, self._more):
            widget.setVisible(shown is not None)
        if shown is None:
            return
        tracker = self._trackers[id(shown)]
        waiting = shown.state == JobState.QUEUED
        stopping = shown.state == JobState.STOPPING
        what = self.tr("Stopping: ") if stopping else self.tr("Waiting: ") if waiting else ""
        self._title.setText(f"{what}{shown.title}{tracker.place}")
        share = tracker.share
        self._bar.setRange(0, 0 if share is None else 1000)
        if share is not None:
            self._bar.setValue(round(1000 * share))
        left = tracker.seconds_left
        words = self.tr("{time} left") if tracker.in_last_stage else self.tr("{time} left in this stage")
        self._left.setText("" if left is None else words.format(time=duration(left)))
        self._stop.setEnabled(not stopping)
        others = len(self._jobs) - 1
        self._more.setText(self.tr("and {n} more").format(n=others) if others else "")


def _tr(text: str) -> str:
    return QCoreApplication.translate("JobStrip", text)


class _Tracker:
    """How far a job is, from what it says.

    Args:
        config: of the run that the job trains; `None` for other jobs.
    """

    def __init__(self, config: RunConfig | None) -> None:
        self._run = RunProgress(config) if config is not None else None
        self.share: float | None = None if config is None else 0.0
        self.seconds_left: float | None = None
        self.place = ""
        self._task = ""
        self._begun = time.monotonic()

    @property
    def in_last_stage(self) -> bool:
        """Whether the time left is that of the whole job."""
        return self._run is None or self._run.in_last_stage

    def hear(self, event: object) -> None:
        """Take an event in."""
        if isinstance(event, Progress):
            self._progress(event)
        elif isinstance(event, StepDone):
            self.seconds_left = event.seconds_left
            stages = {"head": _tr("head"), "fine-tune": _tr("fine-tune")}
            self.place = f", {stages[event.stage]}"
        if self._run is not None:
            self._run.hear(event)
            self.share = self._run.share

    def _progress(self, event: Progress) -> None:
        if event.task != self._task:
            self._task, self._begun = event.task, time.monotonic()
        self.place = f": {event.task[:1].lower()}{event.task[1:]}"
        self.share = event.done / event.total if event.total else None
        spent = time.monotonic() - self._begun
        self.seconds_left = None
        if self.share and spent > 1:
            self.seconds_left = spent / self.share - spent

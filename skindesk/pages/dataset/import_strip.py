"""How far an import is: what is done, how much, how fast, how long it will take, and a button that stops it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from skindesk.engine.jobs import JobState
from skindesk.widgets.basics import ElidedLabel, muted
from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE, set_role
from trainer.events import AnyEvent, Progress
from trainer.wording import duration

if TYPE_CHECKING:
    from skindesk.engine.jobs import JobHandle

_REPAINT_MS = 200
_RATE_AFTER = 1.0  # seconds; before, a rate says nothing
_STEPS = 1000
_WIDEST = 640  # pixels


class ImportStrip(QFrame):
    """Follows one job after the other.

    Signals:
        stop_asked: the button was pressed.
    """

    stop_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self.setMaximumWidth(_WIDEST)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, SPACE, 2 * SPACE, 3 * SPACE // 2)
        layout.setSpacing(SPACE // 2)
        row = QHBoxLayout()
        row.setSpacing(2 * SPACE)
        self.title = ElidedLabel()
        set_role(self.title, "heading")
        self.figures = muted()
        self.stop_button = QPushButton(icon("stop"), self.tr("Stop"))
        self.stop_button.setToolTip(self.tr("Stop the import; what has been imported so far is kept"))
        self.stop_button.clicked.connect(self._stop)
        row.addWidget(self.title, 1)
        row.addWidget(self.figures)
        row.addWidget(self.stop_button)
        layout.addLayout(row)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(self.tr("Progress of the import"))
        layout.addWidget(self.bar)
        self._progress: Progress | None = None
        self._begun, self._begun_at = 0, 0.0
        self._handle: JobHandle | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_REPAINT_MS)
        self._timer.timeout.connect(self._refresh)
        self.hide()

    def prepare(self, name: str) -> None:
        """Show that an import is about to begin."""
        self.title.setText(self.tr("Importing {name}").format(name=name))
        self._forget()
        self._refresh()
        self.show()

    def follow(self, handle: JobHandle) -> None:
        """Show how far a job is."""
        self._forget()
        self._handle = handle
        self.title.setText(handle.title)
        handle.heard.connect(self._hear)
        handle.changed.connect(self._refresh)
        self._timer.start()
        self._refresh()
        self.show()

    def finish(self) -> None:
        """Show nothing any more."""
        self._forget()
        self._timer.stop()
        self.hide()

    def _forget(self) -> None:
        if self._handle is not None:
            self._handle.heard.disconnect(self._hear)
            self._handle.changed.disconnect(self._refresh)
        self._handle, self._progress = None, None
        self.stop_button.setEnabled(True)

    def _hear(self, event: AnyEvent) -> None:
        if not isinstance(event, Progress):
            return
        if self._progress is None or event.task != self._progress.task:
            self._begun, self._begun_at = event.done, time.monotonic()
        self._progress = event

    def _stop(self) -> None:
        self.stop_button.setEnabled(False)
        self.stop_asked.emit()

    def _refresh(self) -> None:
        handle, progress = self._handle, self._progress
        state = JobState.QUEUED if handle is None else handle.state
        self.stop_button.setEnabled(
            state in {JobState.QUEUED, JobState.RUNNING} and self.stop_button.isEnabled()
        )
        if state == JobState.STOPPING:
            self.figures.setText(self.tr("Stopping…"))
            return
        if progress is None:
            waits = handle is not None and state == JobState.QUEUED
            self.figures.setText(
                self.tr("Waiting for other work…") if waits else self.tr("Looking through the folder…")
            )
            self.bar.setRange(0, 0)
            return
        self.bar.setRange(0, _STEPS if progress.total else 0)
        if progress.total:
            self.bar.setValue(round(_STEPS * progress.done / progress.total))
        self.figures.setText(self._words(progress))

    def _words(self, progress: Progress) -> str:
        words = [
            self.tr("{task}: {done} of {total} {unit}").format(
                task=progress.task, done=f"{progress.done:,}", total=f"{progress.total:,}", unit=progress.unit
            )
            if progress.total
            else progress.task
        ]
        spent, done = time.monotonic() - self._begun_at, progress.done - self._begun
        if spent >= _RATE_AFTER and done > 0 and progress.total:
            rate = done / spent
            words.append(self.tr("{n} {unit}/s").format(n=f"{rate:,.0f}", unit=progress.unit))
            words.append(
                self.tr("{time} left").format(time=duration((progress.total - progress.done) / rate))
            )
        return "  ·  ".join(words)

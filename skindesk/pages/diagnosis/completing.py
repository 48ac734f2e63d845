"""Completes a bundle that does not know its training images, from the dataset its network was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from skindesk.engine.handles import JobState
from skindesk.widgets.file_choice import FileChoice
from skindesk.widgets.notice import Notice
from skindesk.widgets.progress_row import ProgressRow
from skindesk.widgets.theme import SPACE, set_role
from trainer.protocol.scoring import CompleteBundle

if TYPE_CHECKING:
    from pathlib import Path

    from skindesk.engine.handles import JobHandle, Outcome
    from skindesk.engine.jobs import JobQueue
    from skindesk.models.diagnosis.bundle import BundleFacts
    from skindesk.settings import Settings


class CompletePanel(QWidget):
    """Says that a bundle lacks its reference, and adds it; hidden where nothing is lacking.

    Signals:
        completed: the bundle in use has a reference now.
    """

    completed = Signal()

    def __init__(self, queue: JobQueue, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue = queue
        self._choice = FileChoice(self, settings, "dataset_folder")
        self._facts: BundleFacts | None = None
        self._jobs: dict[Path, JobHandle] = {}
        set_role(self, "plain")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, SPACE // 2, 0, 0)
        layout.setSpacing(SPACE)
        self.sentence = QLabel(
            self.tr(
                "This network does not know its training images, so it cannot tell whether an image is unlike them."
            )
        )
        self.sentence.setWordWrap(True)
        set_role(self.sentence, "alert")
        layout.addWidget(self.sentence)
        self.button = QPushButton(self.tr("Complete from its dataset…"))
        self.button.setToolTip(
            self.tr("Goes through all training and validation images once; this takes a few minutes")
        )
        self.button.clicked.connect(self.begin)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        self.progress = ProgressRow(self.tr("Progress of completing the network"))
        layout.addWidget(self.progress)
        self.notice = Notice()
        layout.addWidget(self.notice)
        self.show_facts(None)

    def show_facts(self, facts: BundleFacts | None) -> None:
        """Say what is lacking of a bundle; `None` while there is none."""
        if facts is None or self._facts is None or facts.folder != self._facts.folder:
            self.notice.clear()
        self._facts = facts
        self._refresh()

    def begin(self) -> None:
        """Complete the bundle from the run's dataset, or one that a person chooses."""
        if self._facts is None:
            return
        known = self._facts.summary.dataset_path
        if known is not None and known.is_file():
            self.complete_from(known)
            return
        title = self.tr("The dataset this network was trained on")
        self._choice.open_file(title, [self.tr("Datasets (*.db)")], self.complete_from)

    def complete_from(self, dataset: Path) -> None:
        """Complete the bundle from a dataset file."""
        facts = self._facts
        if facts is None or facts.folder in self._jobs:
            return
        folder = facts.folder
        self.notice.clear()
        job = CompleteBundle(bundle=str(folder), dataset=str(dataset))
        handle = self._queue.submit(job, self.tr("Completing {name}").format(name=facts.summary.name))
        self._jobs[folder] = handle
        handle.heard.connect(self._refresh)
        handle.changed.connect(self._refresh)
        handle.ended.connect(self._job_ended)
        self._refresh()
        if handle.outcome is not None:
            self._ended(folder, handle.outcome)

    def _handle(self) -> JobHandle | None:
        return self._jobs.get(self._facts.folder) if self._facts is not None else None

    def _job_ended(self, outcome: Outcome) -> None:
        folder = next((folder for folder, job in self._jobs.items() if job is self.sender()), None)
        if folder is not None:
            self._ended(folder, outcome)

    def _ended(self, folder: Path, outcome: Outcome) -> None:
        del self._jobs[folder]
        if self._facts is not None and folder == self._facts.folder:
            if outcome.state is JobState.FAILED:
                self.notice.show_error(outcome.message, outcome.log)
            elif outcome.state is JobState.DONE:
                self.completed.emit()
        self._refresh()

    def _refresh(self) -> None:
        facts, handle = self._facts, self._handle()
        self.setVisible(facts is not None and not facts.complete)
        self.button.setVisible(handle is None)
        self.progress.show_job(handle)

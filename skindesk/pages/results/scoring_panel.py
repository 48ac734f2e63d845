"""Scoring a bundle: an explicit act for the test part, with how often it was done; progress and stop in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from skindesk.background import Question
from skindesk.engine.jobs import JobState
from skindesk.models.runs.record import ScoringFacts, read_scoring_facts
from skindesk.widgets.basics import Card, heading, muted, primary_button
from skindesk.widgets.notice import Notice
from skindesk.widgets.progress_row import ProgressRow
from skindesk.widgets.quantities import images_counted
from skindesk.widgets.theme import SPACE
from trainer.events import Progress, Warned
from trainer.protocol.scoring import EvaluateBundle
from trainer.runs.reports import report_folder

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtCore import QObject

    from skindesk.engine.jobs import JobHandle, JobQueue, Outcome
    from trainer.events import AnyEvent
    from trainer.runs.summary import RunSummary

Part: TypeAlias = Literal["test", "validation"]


class ScoringPanel(QWidget):
    """Asks before the test part is scored, then shows how far the scoring is. Hidden while there is nothing to say.

    Signals:
        scored(Path): a run has a new report.
        jobs_changed: a scoring has begun or ended.
    """

    scored = Signal(object)
    jobs_changed = Signal()

    def __init__(self, queue: JobQueue, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue = queue
        self._run: RunSummary | None = None
        self._part: Part = "validation"
        self._dataset: Path | None = None
        self.jobs: dict[Path, JobHandle] = {}
        self._warnings: dict[Path, list[str]] = {}
        self._facts: Question[ScoringFacts] = Question(self._ask, self._cannot, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        self.notice = Notice()
        layout.addWidget(self.notice)
        layout.addWidget(self._confirmation())
        layout.addWidget(self._progress())
        self._refresh()

    def _confirmation(self) -> QWidget:
        self.confirmation = Card()
        self._question = heading("")
        self._explanation = muted("", wrap=True)
        self.confirm_button = primary_button("", self._submit)
        self.cancel_button = QPushButton(self.tr("Cancel"))
        self.cancel_button.clicked.connect(self.dismiss)
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        row.addWidget(self.confirm_button)
        row.addWidget(self.cancel_button)
        row.addStretch(1)
        for part in (self._question, self._explanation):
            self.confirmation.body.addWidget(part)
        self.confirmation.body.addLayout(row)
        self.confirmation.hide()
        return self.confirmation

    def _progress(self) -> QWidget:
        self.progress = Card()
        self._what = QLabel()
        self.row = ProgressRow(
            self.tr("Progress of the scoring"), self.tr("Stop this scoring; it will not be counted")
        )
        row = QHBoxLayout()
        row.setSpacing(3 * SPACE // 2)
        row.addWidget(self._what)
        row.addWidget(self.row, 1)
        self.progress.body.addLayout(row)
        self.progress.hide()
        return self.progress

    # --- asking ------------------------------------------------------------------------------------------

    def show_run(self, run: RunSummary | None) -> None:
        """Speak of another run."""
        same = run is not None and self._run is not None and run.folder == self._run.folder
        self._run = run
        if not same:
            self.notice.clear()
            self.dismiss()
        self._refresh()

    @property
    def asking(self) -> bool:
        """Whether a person is being asked."""
        return not self.confirmation.isHidden()

    @property
    def explanation(self) -> str:
        """What is said below the question."""
        return self._explanation.text()

    def begin(self, part: Part, dataset: Path | None) -> None:
        """Score a part; the test part after a question.

        Args:
            part: which.
            dataset: file that the network was trained on, or the one that is open; `None` if there is none.
        """
        run = self._run
        if run is None or run.bundle is None or run.folder in self.jobs:
            return
        self.notice.clear()
        self._part, self._dataset = part, dataset
        if dataset is None:
            self._cannot(
                self.tr("The location of this run's dataset is not known. Open it on the dataset page first.")
            )
            return
        identity, fingerprint = run.bundle_hash, run.dataset_fingerprint
        self._facts.ask(lambda: read_scoring_facts(dataset, identity, fingerprint))

    def dismiss(self) -> None:
        """Ask no more."""
        self._facts.forget()
        self.confirmation.hide()
        self._refresh()

    def _ask(self, facts: ScoringFacts) -> None:
        """Ask before the test part is scored, or any part of other samples than the network's own."""
        images = facts.images.get(self._part, 0)
        if not images:
            self._cannot(
                self.tr("The dataset {name} has no images in this part; split it first.").format(
                    name=facts.dataset.stem
                )
            )
            return
        if self._part == "validation" and facts.same:
            self._submit()
            return
        sentences = [self._counted(facts)] if self._part == "test" else []
        if not facts.same:
            sentences.append(
                self.tr(
                    "{name} is not the dataset and split this network was trained on. Images that are recognised as "
                    "its training or validation images are left out."
                ).format(name=facts.dataset.stem)
            )
        part = self.tr("test part") if self._part == "test" else self.tr("validation part")
        self._question.setText(
            self.tr("Score the {part} of {name}, {images}?").format(
                part=part, name=facts.dataset.stem, images=images_counted(images)
            )
        )
        self._explanation.setText(" ".join(sentences))
        self.confirm_button.setText(
            self.tr("Score the test part") if self._part == "test" else self.tr("Score it")
        )
        self.confirmation.show()
        self._refresh()
        self.confirm_button.setFocus()

    def _counted(self, facts: ScoringFacts) -> str:
        before = {
            0: self.tr("This network has not been scored on the test part yet."),
            1: self.tr("This network has been scored on the test part once."),
        }.get(
            facts.test_scorings,
            self.tr("This network has been scored on the test part {n} times.").format(n=facts.test_scorings),
        )
        return self.tr(
            "Each scoring is counted in the dataset, and the count is shown with the figures. {before} A "
            "test part that is used repeatedly to choose between networks becomes a validation part."
        ).format(before=before)

    def _cannot(self, sentence: str) -> None:
        self.notice.show_error(sentence)
        self._refresh()

    # --- scoring -----------------------------------------------------------------------------------------

    def _submit(self) -> None:
        run, dataset = self._run, self._dataset
        if run is None or run.bundle is None or dataset is None:
            return
        job = EvaluateBundle(
            bundle=str(run.bundle),
            dataset=str(dataset),
            part=self._part,
            report=str(report_folder(run.folder, self._part)),
        )
        part = self.tr("test part") if self._part == "test" else self.tr("validation part")
        self.confirmation.hide()
        handle = self._queue.submit(
            job, self.tr("Scoring {name} on the {part}").format(name=run.name, part=part)
        )
        self.jobs[run.folder] = handle
        self._warnings[run.folder] = []
        handle.heard.connect(self._hear)
        handle.changed.connect(self._refresh)
        handle.ended.connect(self._ended)
        self._refresh()
        self.jobs_changed.emit()
        if handle.outcome is not None:
            self._end(run.folder, handle.outcome)

    def _folder_of(self, handle: QObject) -> Path | None:
        return next((folder for folder, job in self.jobs.items() if job is handle), None)

    def _hear(self, event: AnyEvent) -> None:
        folder = self._folder_of(self.sender())
        if folder is not None and isinstance(event, Warned):
            self._warnings[folder].append(event.message)
        elif isinstance(event, Progress):
            self._refresh()

    def _ended(self, outcome: Outcome) -> None:
        folder = self._folder_of(self.sender())
        if folder is not None:
            self._end(folder, outcome)

    def _end(self, folder: Path, outcome: Outcome) -> None:
        del self.jobs[folder]
        warnings = self._warnings.pop(folder)
        if self._run is not None and folder == self._run.folder:
            if outcome.state is JobState.FAILED:
                self.notice.show_error(outcome.message, outcome.log)
            elif outcome.state is JobState.CANCELLED:
                self.notice.show_note(outcome.message or self.tr("The scoring was stopped."))
            elif warnings:
                self.notice.show_note(" ".join(warnings))
        self._refresh()
        self.jobs_changed.emit()
        if outcome.state is JobState.DONE:
            self.scored.emit(folder)

    def _handle(self) -> JobHandle | None:
        return self.jobs.get(self._run.folder) if self._run is not None else None

    def _refresh(self) -> None:
        """Show how far the scoring of this run is."""
        handle = self._handle()
        self.progress.setVisible(handle is not None)
        if handle is not None:
            words = {
                JobState.QUEUED: self.tr("Waiting to be scored"),
                JobState.STOPPING: self.tr("Stopping"),
            }
            self._what.setText(words.get(handle.state, self.tr("Scoring")))
        self.row.show_job(handle)
        # Of itself the panel takes no room.
        self.setVisible(handle is not None or self.asking or bool(self.notice.text))

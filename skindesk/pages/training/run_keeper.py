"""The runs of this session: started, followed, gone on with."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from skindesk.background import Errands
from skindesk.engine.handles import JobState
from skindesk.models.runs.live import LiveRun
from skindesk.models.runs.past import read_past, size_of_past
from skindesk.paths import new_folder
from trainer.events import Failed, StageStarted, Stopped
from trainer.protocol.training import TrainNetwork
from trainer.runs.folder import RunFolder
from trainer.runs.naming import free_name, read_name, write_name
from trainer.runs.reading import run_folders

if TYPE_CHECKING:
    from collections.abc import Collection

    from skindesk.engine.handles import JobHandle, Outcome
    from skindesk.engine.jobs import JobQueue
    from skindesk.models.runs.unfinished import UnfinishedRun
    from skindesk.paths import Paths
    from skindesk.settings import Settings
    from trainer.config import RunConfig
    from trainer.events import AnyEvent


@dataclass
class TrackedRun:
    """A run of this session.

    Attributes:
        live: what it has said.
        job: it was begun with, or last gone on with.
        handle: in the queue.
        malignant: classes of its dataset, as far as they are known.
        unheard: what it has said, and when, while its past is still being read; `None` once that is known.
    """

    live: LiveRun
    job: TrainNetwork
    handle: JobHandle
    malignant: frozenset[str]
    unheard: list[tuple[float, AnyEvent]] | None = None

    @property
    def folder(self) -> Path:
        """Where the run lies."""
        return Path(self.job.folder)

    @property
    def can_resume(self) -> bool:
        """Whether it was stopped or has failed, and may go on."""
        return self.handle.state in (JobState.FAILED, JobState.CANCELLED)


class RunKeeper(QObject):
    """Starts runs and hears what they say.

    Signals:
        heard(TrackedRun): a run has said something.
        ended(TrackedRun, Outcome): a run that had begun has ended, or one could not begin.
    """

    heard = Signal(object)
    ended = Signal(object, object)

    def __init__(
        self, training: JobQueue, settings: Settings, paths: Paths, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._training, self._settings, self._paths = training, settings, paths
        self._runs: dict[int, TrackedRun] = {}
        self._errands = Errands(self)

    @property
    def current(self) -> TrackedRun | None:
        """The run that trains."""
        handle = self._training.current
        return self._runs.get(handle.id) if handle is not None else None

    @property
    def folders(self) -> set[Path]:
        """Folders of all runs of this session."""
        return {run.folder for run in self._runs.values()}

    def folders_but_left(self, shown: LiveRun | None) -> set[Path]:
        """Return the folders of all runs but those that could go on and are not shown."""
        runs = self._runs.values()
        return {run.folder for run in runs if run.live is shown or not run.can_resume}

    @property
    def runs_folders(self) -> list[Path]:
        """Where runs are kept: new ones in the first."""
        named = self._settings.text("runs_folder")
        return list(dict.fromkeys([*([Path(named)] if named else []), self._paths.runs]))

    def of(self, live: LiveRun | None) -> TrackedRun | None:
        """Return the run that has said these things."""
        return next((run for run in self._runs.values() if run.live is live), None)

    def at(self, folder: Path) -> TrackedRun | None:
        """Return the run of this session that lies in a folder."""
        return next((run for run in self._runs.values() if run.folder == folder), None)

    def start(
        self, config: RunConfig, dataset: Path, title: str, malignant: Collection[str] = ()
    ) -> JobHandle:
        """Start a run, or put it into the queue behind the one that trains.

        Args:
            config: its settings.
            dataset: file with a split.
            title: what it is called.
            malignant: classes of the dataset.
        """
        title = self._free_title(title)
        job = self._job(config, str(dataset), self._new_folder(title), resume=False)
        return self._submit(job, LiveRun(title, config), malignant)

    def resume(self, run: TrackedRun) -> JobHandle:
        """Go on with a run of this session from its last checkpoint, or anew if it had not come to any."""
        run.live.go_on()
        job = self._job(run.job.config, run.job.dataset, run.folder, resume=RunFolder(run.folder).begun)
        return self._submit(job, run.live, run.malignant)

    def resume_unfinished(
        self, run: UnfinishedRun, dataset: Path, malignant: Collection[str] = ()
    ) -> JobHandle:
        """Go on with a run of an earlier day."""
        live = LiveRun(run.name, run.config)
        live.recall_history(run.history)
        size = size_of_past(run.folder)
        job = self._job(run.config, str(dataset), run.folder, resume=True)
        handle = self._submit(job, live, malignant)
        tracked = self._runs[handle.id]
        tracked.unheard = []
        self._errands.run(
            partial(read_past, run.folder, run.config, size),
            lambda past: self._recall(tracked, past),
            lambda _sentence: self._recall(tracked, None),
        )
        return handle

    def _job(self, config: RunConfig, dataset: str, folder: Path, *, resume: bool) -> TrainNetwork:
        return TrainNetwork(
            dataset=dataset,
            folder=str(folder),
            config=config,
            cache_folder=str(self._paths.features),
            weights_dir=self._settings.text("weights_dir"),
            resume=resume,
        )

    def _free_title(self, title: str) -> str:
        """Return a title that no other run has: "Xception, balanced (2)"."""
        stored = (read_name(folder) for folder in run_folders([*self.runs_folders, self._paths.bundles]))
        return free_name(title, [*stored, *(run.live.title for run in self._runs.values())])

    def _new_folder(self, title: str) -> Path:
        """Return a folder that no run has, not even one that waits."""
        folder = new_folder(self.runs_folders[0], title)
        number = 2
        while folder in self.folders:
            folder = new_folder(self.runs_folders[0], f"{title} {number}")
            number += 1
        return folder

    def _submit(self, job: TrainNetwork, live: LiveRun, malignant: Collection[str]) -> JobHandle:
        handle = self._training.submit(job, live.title)
        self._runs = {number: run for number, run in self._runs.items() if run.live is not live}
        run = self._runs[handle.id] = TrackedRun(live, job, handle, frozenset(malignant))
        handle.heard.connect(lambda event: self._on_heard(run, event))
        handle.ended.connect(lambda outcome: self._on_ended(run, outcome))
        # What looks at the queue heard of the job before this knew whose it is.
        self._training.changed.emit()
        return handle

    def _recall(self, run: TrackedRun, past: LiveRun | None) -> None:
        """Take over what a run said before, then what it has said meanwhile."""
        if run.unheard is None:  # it has ended before its past was read
            return
        if past is not None:
            run.live.recall_past(past)
        unheard, run.unheard = run.unheard, None
        for at, event in unheard:
            run.live.hear(event, at)
        self.heard.emit(run)

    def _on_heard(self, run: TrackedRun, event: AnyEvent) -> None:
        if run.unheard is not None:
            run.unheard.append((time.time(), event))
        else:
            run.live.hear(event)
        if isinstance(event, StageStarted) and run.folder.name != run.live.title:
            # A run whose name cannot be noted is called like its folder.
            note = partial(write_name, run.folder, run.live.title)
            self._errands.run(note, lambda _noted: None, lambda _sentence: None)
        self.heard.emit(run)

    def _on_ended(self, run: TrackedRun, outcome: Outcome) -> None:
        self._recall(run, None)
        if run.handle.started_at is None:
            del self._runs[run.handle.id]
            if outcome.state is JobState.FAILED:
                self.ended.emit(run, outcome)
            return
        if run.live.outcome is None and outcome.state is not JobState.DONE:
            # The child could not say it itself.
            kind = Failed if outcome.state is JobState.FAILED else Stopped
            run.live.hear(kind(message=outcome.message))
        self.ended.emit(run, outcome)

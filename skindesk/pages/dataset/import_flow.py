"""From a folder to a dataset: which file, the import, the first split; one after the other, in the library's child."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from skindesk.background import Question
from skindesk.engine.jobs import JobState
from skindesk.models.dataset.files import dataset_file_for, dataset_state
from trainer.protocol.library import ImportDone, ImportFolder, SplitDataset

if TYPE_CHECKING:
    from pathlib import Path

    from skindesk.engine.jobs import JobHandle, JobQueue, Outcome
    from skindesk.models.dataset.files import DatasetState
    from trainer.dataset.reading.source.columns import Columns
    from trainer.dataset.reports import ImportReport


@dataclass(frozen=True)
class Import:
    """An import, and how it ended.

    Attributes:
        source: folder, or table in one.
        layout, columns: see `trainer.protocol.library.ImportFolder`.
        dataset: the file, once it is known.
        report: what was done; `None` unless it went through.
        stopped: it was stopped on request.
        message: why it, or the split after it, did not go through; empty otherwise.
        log: last lines of the child's log, where they may explain it.
        usable: whether the file holds any samples.
    """

    source: Path
    layout: str = "auto"
    columns: Columns | None = None
    dataset: Path | None = None
    report: ImportReport | None = None
    stopped: bool = False
    message: str = ""
    log: str = ""
    usable: bool = False


class ImportFlow(QObject):
    """One import at a time.

    Signals:
        began(JobHandle): a job of it runs or waits.
        known(Path): the dataset file had samples already; they can be looked at meanwhile.
        ended(Import): it is over.
    """

    began = Signal(object)
    known = Signal(object)
    ended = Signal(object)

    def __init__(self, library: JobQueue, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._folder = folder
        self._import: Import | None = None
        self._handle: JobHandle | None = None
        self._file: Question[tuple[Path, DatasetState]] = Question(self._submit, self._fail, self)
        self._state: Question[DatasetState] = Question(self._go_on, self._fail, self)

    @property
    def running(self) -> Import | None:
        """The import that is under way."""
        return self._import

    def start(
        self,
        source: Path,
        layout: str = "auto",
        dataset: Path | None = None,
        columns: Columns | None = None,
    ) -> None:
        """Import a folder.

        Args:
            source: the folder, or a table in it.
            layout: see `trainer.protocol.library.ImportFolder`.
            dataset: the file to add to; by default it is found by the folder's name.
            columns: of the table, if the user has chosen them.
        """
        self._import = Import(source, layout, columns)
        folder = self._folder

        def find() -> tuple[Path, DatasetState]:
            file = dataset or dataset_file_for(source, folder)
            return file, dataset_state(file)

        self._file.ask(find)

    def stop(self) -> None:
        """Stop; what was imported so far is kept."""
        if self._handle is not None:
            self._handle.stop()
        elif self._import is not None:
            self._file.forget()
            self._state.forget()
            self._end(replace(self._import, stopped=True))

    def _submit(self, found: tuple[Path, DatasetState]) -> None:
        assert self._import is not None
        file, state = found
        self._import = replace(self._import, dataset=file, usable=state.samples)
        if state.samples:
            self.known.emit(file)
        job = ImportFolder(
            source=str(self._import.source),
            dataset=str(file),
            layout=self._import.layout,
            columns=self._import.columns,
        )
        self._run(job, self.tr("Importing {name}").format(name=self._import.source.name or str(file.stem)))

    def _run(self, job: ImportFolder | SplitDataset, title: str) -> None:
        self._handle = self._library.submit(job, title)
        self._handle.ended.connect(self._job_ended)
        self.began.emit(self._handle)

    def _job_ended(self, outcome: Outcome) -> None:
        assert self._import is not None
        split_was_made = self._import.report is not None
        self._handle = None
        if isinstance(outcome.result, ImportDone):
            self._import = replace(self._import, report=outcome.result.report)
        else:
            self._import = replace(
                self._import,
                stopped=outcome.state == JobState.CANCELLED,
                message=outcome.message,
                log=outcome.log,
            )
        if split_was_made:
            self._end(self._import)
            return
        file = self._import.dataset
        assert file is not None
        self._state.ask(lambda: dataset_state(file))

    def _go_on(self, state: DatasetState) -> None:
        """Split what was imported in full and has no split yet; otherwise that was all."""
        assert self._import is not None
        self._import = replace(self._import, usable=state.samples)
        if self._import.report is None or state.split or not state.samples:
            self._end(self._import)
            return
        self._run(SplitDataset(dataset=str(self._import.dataset)), self.tr("Splitting by group"))

    def _fail(self, sentence: str) -> None:
        assert self._import is not None
        self._end(replace(self._import, message=self._import.message or sentence))

    def _end(self, ended: Import) -> None:
        self._import = self._handle = None
        self.ended.emit(ended)

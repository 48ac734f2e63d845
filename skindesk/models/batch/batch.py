"""A folder analysed in the background: opened, predicted, stopped, gone on with, exported."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from skindesk.background import Errands, Question
from skindesk.engine.handles import JobState
from skindesk.models.batch.opening import open_folder, read_predictions
from skindesk.models.batch.table import BatchTableModel
from trainer.batches.table import Counts, Row, count, write_csv, write_json, write_workbook
from trainer.events import Warned
from trainer.protocol.scoring import PredictFolder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skindesk.engine.handles import JobHandle, Outcome
    from skindesk.engine.jobs import JobQueue
    from skindesk.models.batch.opening import OpenedFolder, Read
    from skindesk.models.batch.table import Entry
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from trainer.events import AnyEvent

_LOOK_MS = 500
_WRITERS = {".csv": write_csv, ".json": write_json, ".xlsx": write_workbook}
FORMATS = tuple(_WRITERS)
"""Endings of the files that a table can be exported to."""


class BatchModel(QObject):
    """A folder of images and what the workspace's network says of them.

    Predictions are kept as they come, so stopping loses nothing, and a folder that is opened again shows what was
    predicted of it before.

    Signals:
        changed: another folder, network or state of the work, or more predictions.
        failed(str, str): a sentence, and lines of a log that may explain it.
        told(str): a sentence worth reading.
        saved(Path): a table is there.

    Args:
        queue: does the work.
        workspace: has the network.
        paths: where predictions are kept.
        parent: as usual.

    Attributes:
        table: the images.
        folder: that was chosen; `None` before.
        opened: the folder as it was opened; `None` while there is none, or no network.
    """

    changed = Signal()
    failed = Signal(str, str)
    told = Signal(str)
    saved = Signal(object)

    def __init__(
        self, queue: JobQueue, workspace: Workspace, paths: Paths, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._queue, self._workspace, self._paths = queue, workspace, paths
        self.table = BatchTableModel(self)
        self.folder: Path | None = None
        self.opened: OpenedFolder | None = None
        self._end = 0
        self._handle: JobHandle | None = None
        self._start_when_open = False
        self._opening: Question[OpenedFolder] = Question(self._show, self._cannot_open, self)
        self._reading: Question[Read] = Question(self._take, self._say, self)
        self._writing = Errands(self)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)
        workspace.bundle_changed.connect(self._reopen)
        workspace.bundle_edited.connect(self._edited)

    @property
    def opening(self) -> bool:
        """Whether the folder is being looked through."""
        return self._opening.busy

    @property
    def running(self) -> bool:
        """Whether images are being analysed, or wait for other work to end."""
        return self._handle is not None

    @property
    def stopping(self) -> bool:
        """Whether the work has been told to stop."""
        return self._handle is not None and self._handle.state is JobState.STOPPING

    @property
    def waiting(self) -> int:
        """How many images have not been analysed."""
        return sum(entry.prediction is None for entry in self.table.entries)

    @property
    def counts(self) -> Counts:
        """How many of the analysed images are what."""
        return count(_rows(self.table.entries), self.opened.network.classes if self.opened else ())

    def open(self, folder: Path) -> None:
        """Open a folder, and analyse its images."""
        self.stop()
        self.folder, self._start_when_open = folder, True
        self._reopen()

    def start(self) -> None:
        """Analyse the images that have not been."""
        opened = self.opened
        if opened is None or self.running:
            return
        job = PredictFolder(bundle=str(opened.bundle), folder=str(opened.folder), out=str(opened.out))
        handle = self._queue.submit(job, self.tr("Analysing {name}").format(name=opened.folder.name))
        self._handle = handle
        handle.heard.connect(self._hear)
        handle.changed.connect(self.changed)
        handle.ended.connect(partial(self._ended, handle))
        self._timer.start()
        self.changed.emit()

    def stop(self) -> None:
        """Stop; what was predicted stays."""
        if self._handle is not None:
            self._handle.stop()

    def export(self, file: Path, entries: Sequence[Entry]) -> None:
        """Write a table of some of the images, of the format that the file's ending names."""
        if self.opened is not None:
            work = partial(_WRITERS[file.suffix], file, self.opened.network, _rows(entries))
            self._writing.run(work, lambda _none: self.saved.emit(file), self._say)

    # --- opening -----------------------------------------------------------------------------------------

    def _edited(self, bundle: Path) -> None:
        if bundle == self._workspace.bundle:
            self._reopen()

    def _reopen(self) -> None:
        bundle, folder = self._workspace.bundle, self.folder
        self.stop()
        self._handle = None  # what it still says is of another network or folder
        self._timer.stop()
        self._reading.forget()
        self.opened = None
        self.table.show_folder(None)
        if bundle is None or folder is None:
            self._opening.forget()
        else:
            self._opening.ask(partial(open_folder, folder, bundle, self._paths.batches))
        self.changed.emit()

    def _cannot_open(self, sentence: str) -> None:
        self.folder = None
        self._say(sentence)
        self.changed.emit()

    def _show(self, opened: OpenedFolder) -> None:
        self.opened, self._end = opened, 0
        self.table.show_folder(opened)
        for note in opened.notes:
            self.told.emit(note)
        self._look()
        self.changed.emit()

    # --- predictions -------------------------------------------------------------------------------------

    def _look(self) -> None:
        if self.opened is not None and not self._reading.busy:
            self._reading.ask(partial(read_predictions, self.opened, self._end))

    def _take(self, read: Read) -> None:
        self._end = read.end
        self.table.add(read.predictions)
        if self._start_when_open:
            self._start_when_open = False
            if self.waiting:
                self.start()
        self.changed.emit()

    def _hear(self, event: AnyEvent) -> None:
        if isinstance(event, Warned):
            self.told.emit(event.message)

    def _ended(self, handle: JobHandle, outcome: Outcome) -> None:
        if handle is not self._handle:
            return
        self._handle = None
        self._timer.stop()
        if outcome.state is JobState.FAILED:
            self.failed.emit(outcome.message, outcome.log)
        if self.opened is not None:
            # Not `_look`: what a read that is under way finds may not be all.
            self._reading.ask(partial(read_predictions, self.opened, self._end))
        self.changed.emit()

    def _say(self, sentence: str) -> None:
        self.failed.emit(sentence, "")


def _rows(entries: Sequence[Entry]) -> list[Row]:
    return [
        Row(entry.prediction, entry.image.known_class) for entry in entries if entry.prediction is not None
    ]

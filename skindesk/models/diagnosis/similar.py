"""Where the files of a network's training images are: in the dataset that is open, if they are the same."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from skindesk.background import Question
from trainer.dataset.store import DatasetStore
from trainer.errors import TrainerError
from trainer.files import sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from skindesk.models.workspace import Workspace


class SimilarFiles(QObject):
    """Finds files by their hashes.

    Attributes:
        found: of the hashes asked about last; empty while they are looked for.

    Signals:
        changed: other files are found.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._hashes: tuple[str, ...] = ()
        self.found: Mapping[str, Path] = {}
        self._looking: Question[Mapping[str, Path]] = Question(self._show, lambda _sentence: None, self)
        workspace.dataset_changed.connect(self._look)
        workspace.dataset_edited.connect(self._look)

    @property
    def busy(self) -> bool:
        """Whether files are being looked for."""
        return self._looking.busy

    def want(self, hashes: Sequence[str]) -> None:
        """Look for files."""
        if self._hashes != tuple(hashes):
            self._hashes = tuple(hashes)
            self._look()

    def _look(self) -> None:
        self._looking.forget()
        self._show({})
        dataset = self._workspace.dataset
        if dataset is not None and self._hashes:
            self._looking.ask(partial(find_files, dataset, self._hashes))

    def _show(self, found: Mapping[str, Path]) -> None:
        self.found = found
        self.changed.emit()


def find_files(dataset: Path, hashes: Sequence[str]) -> Mapping[str, Path]:
    """Return the files of a dataset that have these SHA-256 hashes now; for a worker."""
    try:
        with DatasetStore.open(dataset, read_only=True) as store:
            listed = store.files_with(hashes)
    except TrainerError:
        return {}
    return {known: path for known, path in listed.items() if _unchanged(path, known)}


def _unchanged(path: Path, known: str) -> bool:
    try:
        return sha256_of(path) == known
    except OSError:
        return False

"""What is open: the dataset, the bundle for diagnosis, and the wish to go to another page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from skindesk.settings import MOST_RECENT

if TYPE_CHECKING:
    from skindesk.settings import Settings


class Workspace(QObject):
    """What pages share. They hear of each other only through this.

    Signals:
        dataset_changed: another dataset is open, or none.
        dataset_edited: the open dataset has other samples or another split.
        bundle_changed: another bundle is to be used for diagnosis, or none.
        bundle_edited(Path): what lies beside a bundle's manifest has changed, such as its operating point.
        runs_changed: a run was begun, has ended, was renamed, deleted or scored.
        go_to(str): a page is asked for: `dataset`, `training`, `results`, `diagnosis`, `batch`, `cases` or `settings`.
        images_for_diagnosis(list[Path]): images to be shown on the diagnosis page.
        notified(str): a sentence for the status strip.
    """

    dataset_changed = Signal()
    dataset_edited = Signal()
    bundle_changed = Signal()
    bundle_edited = Signal(object)
    runs_changed = Signal()
    go_to = Signal(str)
    images_for_diagnosis = Signal(object)
    notified = Signal(str)

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._dataset: Path | None = None
        self._bundle: Path | None = None

    @property
    def dataset(self) -> Path | None:
        """The dataset file that is open."""
        return self._dataset

    @property
    def bundle(self) -> Path | None:
        """The bundle for diagnosis."""
        return self._bundle

    @property
    def recent_datasets(self) -> list[Path]:
        """Dataset files that were open, the latest first; some may be gone."""
        return [Path(text) for text in self._settings.texts("recent_datasets")]

    def set_dataset(self, path: Path | None) -> None:
        """Open a dataset file, or close the one that is open."""
        if path is not None:
            path = path.absolute()
            recent = [
                str(path),
                *(text for text in self._settings.texts("recent_datasets") if text != str(path)),
            ]
            self._settings.set_value("recent_datasets", recent[:MOST_RECENT])
        self._settings.set_value("last_dataset", str(path or ""))
        if path != self._dataset:
            self._dataset = path
            self.dataset_changed.emit()

    def forget_recent(self, path: Path) -> None:
        """Leave a dataset out of the recent ones."""
        rest = [text for text in self._settings.texts("recent_datasets") if text != str(path)]
        self._settings.set_value("recent_datasets", rest)

    def set_bundle(self, path: Path | None) -> None:
        """Choose the bundle for diagnosis."""
        path = path.absolute() if path is not None else None
        self._settings.set_value("last_bundle", str(path or ""))
        if path != self._bundle:
            self._bundle = path
            self.bundle_changed.emit()

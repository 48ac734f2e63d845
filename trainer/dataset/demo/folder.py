"""The demo's own folder: marked as such, replaced when the demo is made again, never taken from anyone else."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

from trainer.dataset.demo.lesions import draw_dataset
from trainer.dataset.importing import import_dataset
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore
from trainer.errors import DatasetError
from trainer.events import Said, silent
from trainer.files import explained

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.dataset.groups.certificate import SplitCertificate
    from trainer.dataset.reports import ImportReport
    from trainer.events import Listener, StopRequest

_MARK = ".skindesk-demo"


class DemoDataset(NamedTuple):
    """A drawn dataset, imported and split.

    Attributes:
        drawings: folder of the images.
        file: the dataset.
        report: of the import.
        certificate: of the split.
    """

    drawings: Path
    file: Path
    report: ImportReport
    certificate: SplitCertificate


def make_demo_dataset(
    folder: Path, listener: Listener = silent, stop: StopRequest | None = None
) -> DemoDataset:
    """Draw the demo's lesions into a folder, import and split them.

    Args:
        folder: for everything; an earlier demo in it is replaced.
        listener: receives the events.
        stop: asked between lesions and files.

    Raises:
        DatasetError: `folder` holds something else.
        StorageError: it cannot be written.
        StoppedError: on request.
    """
    _make_room(folder)
    drawings, file = folder / "drawn_lesions", folder / "drawn_lesions.db"
    listener(Said(message="Drawing a dataset: these are drawings, not photographs of skin."))
    draw_dataset(drawings, listener=listener, stop=stop)
    report = import_dataset(drawings, file, listener=listener, stop=stop)
    with DatasetStore.open(file) as store:
        certificate = split_dataset(store, listener=listener)
    return DemoDataset(drawings, file, report, certificate)


def _make_room(folder: Path) -> None:
    """Remove an older demo, known by its mark; refuse a folder that holds anything else."""
    mark = folder / _MARK
    if folder.exists():
        if not folder.is_dir() or (any(folder.iterdir()) and not mark.is_file()):
            raise DatasetError(f"{folder} contains files that are not from the demo; choose another folder.")
        with explained(folder):
            shutil.rmtree(folder)
    with explained(folder):
        folder.mkdir(parents=True)
        mark.write_text("An example of SkinDesk, replaced when it is run again.\n", encoding="utf-8")

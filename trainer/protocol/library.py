"""Jobs of the queue `library`: datasets are imported, split and drawn. None of them loads TensorFlow."""

from __future__ import annotations

from typing import ClassVar

from trainer.dataset.groups.certificate import SplitCertificate
from trainer.dataset.reading.source.columns import Columns
from trainer.dataset.reports import ImportReport
from trainer.protocol.jobs import Job, QueueName, Result, ResultT


class LibraryJob(Job[ResultT], frozen=True, kw_only=True):
    """Base of the jobs of this queue."""

    queue: ClassVar[QueueName] = "library"


class ImportDone(Result, frozen=True, kw_only=True):
    """A folder was imported."""

    report: ImportReport


class ImportFolder(LibraryJob[ImportDone], frozen=True, kw_only=True):
    """Index a folder of images.

    Attributes:
        source: the folder.
        dataset: the dataset file to make or to add to.
        layout: `auto` or a name of `trainer.dataset.reading.layouts.LAYOUTS`.
        columns: of the table, chosen by the user; `None` for those of the last import.
    """

    source: str
    dataset: str
    layout: str = "auto"
    columns: Columns | None = None


class SplitDone(Result, frozen=True, kw_only=True):
    """A dataset was split."""

    certificate: SplitCertificate


class SplitDataset(LibraryJob[SplitDone], frozen=True, kw_only=True):
    """Split a dataset by group."""

    dataset: str
    seed: int = 0
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)


class DemoDrawn(Result, frozen=True, kw_only=True):
    """The demo's dataset is there."""

    dataset: str
    report: ImportReport


class DrawDemo(LibraryJob[DemoDrawn], frozen=True, kw_only=True):
    """Draw the demo's lesions, import and split them.

    Attributes:
        folder: for drawings and dataset file; an older demo in it is replaced.
    """

    folder: str

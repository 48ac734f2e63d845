"""Dataset files: read as they are now, found for a folder of images, told where the images have gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from skindesk.models.dataset.samples import SampleTable
from trainer.dataset.store import DatasetStore
from trainer.errors import TrainerError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.dataset.classes.malignancy import Malignancy
    from trainer.dataset.groups.certificate import SplitCertificate


class Problem(NamedTuple):
    """A row of the import's table of problems.

    Attributes:
        path: absolute, or empty where no file is concerned.
        sample_id: or empty.
        kind: in one word.
        reason: a sentence.
    """

    path: str
    sample_id: str
    kind: str
    reason: str


class Stamp(NamedTuple):
    """What changes when a dataset file is written.

    Attributes:
        changed: time of the last change, nanoseconds; 0 if there is no file.
        size: bytes.
        pending: bytes in the log beside it that SQLite will move into it.
    """

    changed: int
    size: int
    pending: int


GONE = Stamp(0, 0, 0)
"""The stamp of a file that is not there."""


def stamp_of(path: Path) -> Stamp:
    """Return the stamp of a dataset file."""
    try:
        facts = path.stat()
    except OSError:
        return GONE
    try:
        pending = path.with_name(f"{path.name}-wal").stat().st_size
    except OSError:
        pending = 0
    return Stamp(facts.st_mtime_ns, facts.st_size, pending)


@dataclass(frozen=True, eq=False)
class OpenDataset:
    """A dataset as it was when it was read.

    Attributes:
        path: of the dataset file.
        root: folder of the images.
        layout: name of the layout it was imported with.
        table: its samples.
        problems: what the import could not use.
        passed_over: what it did not take and did not count as a problem: why, in words, to its number.
        certificate: of the split, `None` if there is none.
        moved: the images are not in `root` any more.
        stamp: of the dataset file when it was read.
    """

    path: Path
    root: Path
    layout: str
    table: SampleTable
    problems: tuple[Problem, ...]
    passed_over: Mapping[str, int]
    certificate: SplitCertificate | None
    moved: bool
    stamp: Stamp

    @property
    def name(self) -> str:
        """What the dataset is called."""
        return self.path.stem

    @property
    def lesions(self) -> int:
        """Number of different lesion ids."""
        return len(self.table.lesion.texts)


def read_dataset(path: Path) -> OpenDataset:
    """Read a dataset and close it again; takes a moment, so call it in a worker.

    Raises:
        DatasetError: missing, damaged, newer, locked, or nothing was imported into it.
    """
    stamp = stamp_of(path)  # before, so that what is written meanwhile is noticed later
    with DatasetStore.open(path, read_only=True) as store:
        root = store.root
        frame = store.frame()
        problems = tuple(
            Problem(str(row[0]), "" if row[1] is None else str(row[1]), str(row[2]), str(row[3]))
            for row in store.problems().itertuples(index=False, name=None)
        )
        return OpenDataset(
            path=path,
            root=root,
            layout=store.layout or "",
            table=SampleTable.of(frame, store.marks),
            problems=problems,
            passed_over=store.passed_over,
            certificate=store.certificate(),
            moved=len(frame) > 0 and not store.lies_in(root),
            stamp=stamp,
        )


def relocate_dataset(path: Path, root: Path) -> None:
    """Say where a dataset's images are now.

    Raises:
        DatasetError: they are not there, or the dataset cannot be opened.
        StorageError: the dataset cannot be written.
    """
    with DatasetStore.open(path) as store:
        store.relocate(root)


def mark_class(path: Path, class_name: str, malignancy: Malignancy) -> None:
    """Mark a class of a dataset; where it is not stated what it is, its name decides again.

    Raises:
        DatasetError: there is no such class, or the dataset cannot be opened.
        StorageError: the dataset cannot be written.
    """
    names = (class_name,)
    with DatasetStore.open(path) as store:
        store.mark(
            malignant=names if malignancy == "malignant" else (),
            benign=names if malignancy == "benign" else (),
            by_name=names if malignancy == "not stated" else (),
        )


class DatasetState(NamedTuple):
    """What is in a dataset file.

    Attributes:
        samples: whether there are any.
        split: whether they have been split.
    """

    samples: bool
    split: bool


def dataset_state(path: Path) -> DatasetState:
    """Return what is in a dataset file; nothing if it is not there.

    Raises:
        DatasetError: damaged, newer, locked.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return DatasetState(samples=False, split=False)
    with DatasetStore.open(path, read_only=True) as store:
        return DatasetState(bool(store.classes), store.database.fact("split") is not None)


def dataset_file_for(source: Path, folder: Path) -> Path:
    """Return the dataset file that a folder of images is to be imported into.

    That is the file of the folder's name if it is not there yet, or if it indexes this very folder (the
    import then adds what is new); otherwise the name gets a number.

    Args:
        source: the folder of images, or the table in it.
        folder: where dataset files are kept.
    """
    root = source if source.is_dir() else source.parent
    name = (source if source.is_dir() else source.with_suffix("")).name or "images"
    number = 1
    while True:
        candidate = folder / (f"{name}.db" if number == 1 else f"{name} {number}.db")
        if not candidate.exists() or _indexes(candidate, root):
            return candidate
        number += 1


def _indexes(file: Path, root: Path) -> bool:
    """Whether a dataset file is for the images in `root`."""
    try:
        with DatasetStore.open(file, read_only=True) as store:
            if store.layout is None:
                return True
            known = store.root
            # A table may lie in a folder of its own beside that of its images; the root is then above both.
            there = (root, root.parent) if store.columns.table else (root,)
            if known.exists():
                return any(known == folder or known.samefile(folder) for folder in there)
            return any(store.lies_in(folder) for folder in there)
    except (TrainerError, OSError):
        return False

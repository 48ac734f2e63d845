"""What a person does with runs: rename, move to the trash and back, hand on as one file, take in."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from PySide6.QtCore import QCoreApplication, QFile, QStandardPaths

from skindesk.paths import new_folder
from trainer.errors import StorageError, TrainerError
from trainer.files import explained
from trainer.runs.archive import export_archive, import_archive, read_contents
from trainer.runs.folder import RunFolder
from trainer.runs.naming import free_name, read_name, tidy_name, write_name
from trainer.runs.reading import run_folders

if TYPE_CHECKING:
    from collections.abc import Collection

    from trainer.runs.summary import RunSummary

    class NamedRun(Protocol):
        """A run with its folder, however much else is known of it."""

        @property
        def name(self) -> str:
            """What it is called."""

        @property
        def folder(self) -> Path:
            """Where it lies."""


@dataclass(frozen=True)
class Trashed:
    """A run that was moved to the trash.

    Attributes:
        name: of the run.
        folder: where it was.
        place: where it is now; empty where the system does not say.
    """

    name: str
    folder: Path
    place: str


class Imported(NamedTuple):
    """A bundle that came from a file.

    Attributes:
        name: it has here.
        folder: where it is now.
    """

    name: str
    folder: Path


def rename_run(folder: Path, name: str) -> str:
    """Give a run a name; its folder keeps its own.

    Returns:
        The name as it is kept.

    Raises:
        StorageError: it cannot be written.
    """
    write_name(folder, name)
    return tidy_name(name) or folder.name


def trash_run(run: NamedRun) -> Trashed:
    """Move a run's folder to the system's trash.

    Raises:
        TrainerError: it is being trained, or there is no trash for its disk.
    """
    translate = QCoreApplication.translate
    if RunFolder(run.folder).in_use:
        raise TrainerError(
            translate("RunChanges", "“{name}” is being trained; stop it first.").format(name=run.name)
        )
    # Qt makes the trash itself, but not the folder it belongs in, which a new user has not got.
    home = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericDataLocation)
    with contextlib.suppress(OSError):
        Path(home).mkdir(parents=True, exist_ok=True)
    file = QFile(str(run.folder))
    if not file.moveToTrash():
        raise TrainerError(
            translate(
                "RunChanges",
                "“{name}” could not be moved to the trash; its disk may not have one. To delete it yourself, "
                "remove the folder {folder}.",
            ).format(name=run.name, folder=run.folder)
        )
    place = file.fileName()
    return Trashed(run.name, run.folder, place if place != str(run.folder) else "")


def restore_run(trashed: Trashed) -> Path:
    """Move a run back from the trash.

    Raises:
        TrainerError: it is not there any more, or its place is taken.
    """
    translate = QCoreApplication.translate
    place = Path(trashed.place)
    if not trashed.place or not place.exists():
        raise TrainerError(
            translate("RunChanges", "“{name}” is no longer in the trash.").format(name=trashed.name)
        )
    if trashed.folder.exists():
        raise TrainerError(
            translate("RunChanges", "There is another run at {folder} now.").format(folder=trashed.folder)
        )
    with explained(trashed.folder):
        trashed.folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(place, trashed.folder)
    # On Linux the trash keeps a note of where each thing was.
    note = place.parent.parent / "info" / f"{place.name}.trashinfo"
    with contextlib.suppress(OSError):
        note.unlink(missing_ok=True)
    return trashed.folder


def export_run(run: RunSummary, file: Path, *, with_reports: bool) -> Path:
    """Write a run's bundle as one file.

    Raises:
        BundleError: there is none, or it is damaged.
        StorageError: the file cannot be written.
    """
    if file.is_dir():
        raise StorageError(f"{file} is a folder; choose a file name.")
    export_archive(run.folder, file, name=run.name, with_reports=with_reports)
    return file


def import_bundle(file: Path, bundles: Path, taken: Collection[str] = ()) -> Imported:
    """Take a bundle in from one file.

    Args:
        file: that `export_run` has written, here or elsewhere.
        bundles: where imported bundles are kept.
        taken: names of other runs; the bundle gets a number where its own is among them.

    Returns:
        Its name and its new folder.

    Raises:
        BundleError: the file is not one, is damaged, too new or holds what it must not.
        StorageError: it cannot be kept.
    """
    stored = (read_name(folder) for folder in run_folders([bundles]))
    name = free_name(tidy_name(read_contents(file).name) or file.stem, [*taken, *stored])
    folder = new_folder(bundles, name)
    import_archive(file, folder)
    write_name(folder, name)
    return Imported(name, folder)

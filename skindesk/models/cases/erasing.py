"""Cases erased for good: rows, copies, thumbnails, the unfinished diagnosis, and what the database keeps of old pages.

What is deleted is overwritten in the file, the file is written anew without gaps, and the log beside it is emptied. If
the program is killed meanwhile, the rest is done when it looks at the cases next.
"""

from __future__ import annotations

import json
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from skindesk.models.cases.database import FILE_NAME, CaseError, opened, transaction
from skindesk.models.cases.reading import IMAGES, copies_of
from skindesk.models.cases.record import diagnosis_of
from skindesk.models.diagnosis.kept_case import clear_kept
from trainer.errors import StorageError
from trainer.files import explained
from trainer.stored import UnreadableError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

    from skindesk.paths import Paths

_DUE = "erase due"
_FRESH_SECONDS = 3600.0  # copies as young as this may belong to a case that another window is just saving
_PATIENCE_SECONDS = 10.0  # for another window that reads
_LOOK_SECONDS = 0.1


def erase_cases(paths: Paths, case_ids: Collection[str]) -> int:
    """Erase cases so that nothing of them is left; images that were referenced stay where they lie.

    Args:
        paths: of the user: where cases, unfinished diagnoses and pasted pictures lie.
        case_ids: of the cases; those that are gone already are passed over.

    Returns:
        How many were asked for.

    Raises:
        CaseError: another window has one of them on its Diagnosis page, and nothing was erased; or the file of cases
            is damaged or in use.
        StorageError: a file cannot be written.
    """
    wanted = set(case_ids)
    if not clear_kept(paths.unfinished, wanted):
        raise CaseError(
            "Nothing was erased, because a case is open on the Diagnosis page of another window; "
            "start a new lesion there and try again."
        )
    with opened(paths.cases) as connection:
        files = _pasted_of(connection, paths.pasted, wanted)
        files += [str(copies_of(paths.cases, case_id)) for case_id in wanted]
        with transaction(connection):
            due = json.dumps([*_due(connection), *files])
            connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (_DUE, due))
            connection.executemany("DELETE FROM cases WHERE case_id = ?", [(name,) for name in wanted])
        _finish(connection, paths)
    return len(wanted)


def finish_erasing(paths: Paths) -> None:
    """Do what was left when the program was killed: copies that belong to no case, and old pages of the file.

    Raises:
        CaseError: the file of cases is damaged or in use.
        StorageError: a file cannot be written.
    """
    if not (paths.cases / FILE_NAME).exists():
        return
    with opened(paths.cases) as connection:
        known = {name for (name,) in connection.execute("SELECT case_id FROM cases")}
        _remove_strays(paths.cases / IMAGES, known)
        if _due(connection):
            _finish(connection, paths)


def _pasted_of(connection: sqlite3.Connection, pasted: Path, case_ids: set[str]) -> list[str]:
    """Return the pictures from the clipboard that only these cases show: their files are missed by no one else."""
    of_these: set[str] = set()
    of_others: set[str] = set()
    stored = json.dumps(str(pasted))[1:-1]  # as it stands in a diagnosis
    for case_id, content in connection.execute("SELECT case_id, content FROM diagnoses"):
        if stored in content:
            with suppress(UnreadableError):
                found = {image.path for image in diagnosis_of(content).images}
                (of_these if case_id in case_ids else of_others).update(found)
    return sorted(path for path in of_these - of_others if Path(path).parent == pasted)


def _due(connection: sqlite3.Connection) -> list[str]:
    """Return the files and folders that are to be removed with the old pages."""
    found = connection.execute("SELECT value FROM facts WHERE name = ?", (_DUE,)).fetchone()
    return [str(path) for path in json.loads(found[0])] if found else []


def _finish(connection: sqlite3.Connection, paths: Paths) -> None:
    with explained(paths.cases):
        for path in map(Path, _due(connection)):
            if path.parent == paths.cases / IMAGES:
                with suppress(FileNotFoundError):  # another window may be finishing the same
                    shutil.rmtree(path)
            elif path.parent == paths.pasted:
                path.unlink(missing_ok=True)
    _empty_log(connection, paths.cases)
    connection.execute("VACUUM")
    _empty_log(connection, paths.cases)
    with transaction(connection):
        connection.execute("DELETE FROM facts WHERE name = ?", (_DUE,))
    _empty_log(connection, paths.cases)


def _empty_log(connection: sqlite3.Connection, folder: Path) -> None:
    """Bring all pages into the file and cut the log beside it to nothing."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() > deadline:
            raise StorageError(
                f"The cases are erased, but traces may be left in {folder}, since another window is using it; "
                "they are removed when the Cases page is next opened."
            )
        time.sleep(_LOOK_SECONDS)


def _remove_strays(images: Path, known: set[str]) -> None:
    """Remove copies that belong to no case, unless a window may just be saving them."""
    with suppress(OSError):
        for place in images.iterdir():
            if place.name not in known and time.time() - place.stat().st_mtime > _FRESH_SECONDS:
                shutil.rmtree(place)

"""Cases read from the disk: the list of all, one with all that is stored of it, those of one lesion. In a worker."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

from skindesk.models.cases.database import FILE_NAME, CaseError, changes, opened
from skindesk.models.cases.record import (
    CaseState,
    CaseSummary,
    SavedDiagnosis,
    diagnosis_of,
    patient_of,
)
from trainer.dataset.classes.names import full_name
from trainer.stored import UnreadableError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Row: TypeAlias = tuple[Any, ...]
"""Of a table whose columns have strict types."""


class _Head(NamedTuple):
    """The columns of a case that are not of its state."""

    number: int
    case_id: str
    revision: int
    saved_at: str
    images: int
    predicted: str
    predicted_malignant: int
    probability: float | None
    malignant: float | None
    unreliable: int
    above_threshold: int | None
    bundle_hash: str
    bundle_name: str
    patient: str


STATE_COLUMNS = tuple(field.name for field in fields(CaseState))
IMAGES = "images"
"""The folder of copies, which has a folder for each case."""
_SUMMARY = ", ".join((*_Head._fields, *STATE_COLUMNS))
_ALL = f"SELECT {_SUMMARY} FROM cases ORDER BY number DESC"  # noqa: S608 - names are declared
_ONE = f"SELECT {_SUMMARY} FROM cases WHERE case_id = ?"  # noqa: S608 - names are declared
_OF_LESION = f"SELECT {_SUMMARY} FROM cases WHERE lesion = ? AND removed_at = '' ORDER BY number"  # noqa: S608 - see above
_CONFIRMED = (
    f"SELECT {_SUMMARY}, content FROM cases JOIN diagnoses USING (case_id) "  # noqa: S608 - names are declared
    "WHERE confirmed_class != '' AND removed_at = '' ORDER BY number"
)


@dataclass(frozen=True)
class OpenedCase:
    """A case with all that is stored of it.

    Attributes:
        summary: of the case.
        diagnosis: its images and predictions.
        folder: of its copies.
        thumbnails: JPEG by place of the image.
    """

    summary: CaseSummary
    diagnosis: SavedDiagnosis
    folder: Path
    thumbnails: dict[int, bytes]


def copies_of(folder: Path, case_id: str) -> Path:
    """Return where the copies of a case's images lie."""
    return folder / IMAGES / case_id


class Listing(NamedTuple):
    """All cases, and a text that is another one once something has changed."""

    cases: tuple[CaseSummary, ...]
    stamp: str


def list_cases(folder: Path) -> Listing:
    """Return all cases, removed ones included, the latest first; without a file there are none.

    Raises:
        CaseError: the file of cases is damaged or in use.
        StorageError: it cannot be opened.
    """
    if not (folder / FILE_NAME).exists():
        return Listing((), "")
    with opened(folder) as connection:
        stamp = changes(connection)
        rows = connection.execute(_ALL).fetchall()
    return Listing(tuple(map(_summary, rows)), stamp)


def stamp_of(folder: Path) -> str:
    """Return what `Listing.stamp` would be now."""
    if not (folder / FILE_NAME).exists():
        return ""
    with opened(folder) as connection:
        return changes(connection)


def open_case(folder: Path, case_id: str) -> OpenedCase:
    """Return all that is stored of a case.

    Raises:
        CaseError: it is gone or damaged, or the file of cases is.
        StorageError: the file cannot be opened.
    """
    with opened(folder) as connection:
        row = connection.execute(_ONE, (case_id,)).fetchone()
        if row is None:
            raise CaseError("This case was erased in another window.")
        return _opened(connection, folder, _summary(row))


def cases_of_lesion(folder: Path, lesion: str) -> tuple[OpenedCase, ...]:
    """Return all cases of a lesion, the oldest first, but for removed and damaged ones; see `open_case`."""
    cases = []
    with opened(folder) as connection:
        for row in connection.execute(_OF_LESION, (lesion,)).fetchall():
            with suppress(CaseError):
                cases.append(_opened(connection, folder, _summary(row)))
    return tuple(cases)


def cases_named(folder: Path, case_ids: Sequence[str]) -> Iterator[OpenedCase]:
    """Yield cases without thumbnails, one by one, in the order given; those that are gone are left out.

    Raises:
        CaseError: a case or the file of cases is damaged.
        StorageError: the file cannot be opened.
    """
    with opened(folder) as connection:
        for case_id in case_ids:
            row = connection.execute(_ONE, (case_id,)).fetchone()
            if row is not None:
                summary = _summary(row)
                diagnosis = _diagnosis(connection, summary)
                yield OpenedCase(summary, diagnosis, copies_of(folder, case_id), {})


def confirmed_cases(folder: Path) -> tuple[OpenedCase, ...]:
    """Return the cases whose class is confirmed, without thumbnails, but for removed and damaged ones."""
    if not (folder / FILE_NAME).exists():
        return ()
    with opened(folder) as connection:
        rows = connection.execute(_CONFIRMED).fetchall()
    cases = []
    for *summary, content in rows:
        with suppress(UnreadableError):
            cases.append(OpenedCase(_summary(tuple(summary)), diagnosis_of(content), folder, {}))
    return tuple(cases)


def _opened(connection: sqlite3.Connection, folder: Path, summary: CaseSummary) -> OpenedCase:
    command = "SELECT place, jpeg FROM thumbnails WHERE case_id = ?"
    thumbnails = dict(connection.execute(command, (summary.case_id,)).fetchall())
    diagnosis = _diagnosis(connection, summary)
    return OpenedCase(summary, diagnosis, copies_of(folder, summary.case_id), thumbnails)


def _diagnosis(connection: sqlite3.Connection, summary: CaseSummary) -> SavedDiagnosis:
    command = "SELECT content FROM diagnoses WHERE case_id = ?"
    found = connection.execute(command, (summary.case_id,)).fetchone()
    try:
        return diagnosis_of(found[0] if found else "")
    except UnreadableError as error:
        raise CaseError(
            f"Case {summary.number} cannot be opened because what is stored of it is damaged ({error}); "
            "the other cases are not affected."
        ) from error


def _summary(row: Row) -> CaseSummary:
    size = len(_Head._fields)
    head, state = _Head(*row[:size]), CaseState(*row[size:])
    patient = patient_of(head.patient)
    classes = [name for name in (head.predicted, state.confirmed_class) if name]
    words = (
        f"#{head.number}",
        *classes,
        *map(full_name, classes),
        head.bundle_name,
        state.note,
        *msgspec.structs.astuple(patient),
    )
    return CaseSummary(
        number=head.number,
        case_id=head.case_id,
        revision=head.revision,
        saved_at=head.saved_at,
        images=head.images,
        predicted=head.predicted,
        predicted_malignant=bool(head.predicted_malignant),
        probability=head.probability,
        malignant=head.malignant,
        unreliable=bool(head.unreliable),
        above_threshold=None if head.above_threshold is None else bool(head.above_threshold),
        bundle_hash=head.bundle_hash,
        bundle_name=head.bundle_name,
        patient=patient,
        state=state,
        text="\n".join(filter(None, words)).casefold(),
    )

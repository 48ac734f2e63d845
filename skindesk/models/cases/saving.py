"""A diagnosis stored as a case, with copies of its images where that is wanted. Everything here runs in a worker.

Windows of one user take turns. What another window has stored of a case meanwhile is not overwritten.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from skindesk.models.cases.database import opened, transaction
from skindesk.models.cases.pictures import day_taken, thumbnail_of, write_copy
from skindesk.models.cases.reading import copies_of
from skindesk.models.cases.record import (
    SavedDiagnosis,
    SavedImage,
    diagnosis_of,
    text_of_diagnosis,
    text_of_patient,
)
from skindesk.models.diagnosis.case import CaseLink
from trainer.dataset.drawn import PREFIX, is_drawing
from trainer.errors import ImageError
from trainer.files import explained
from trainer.stored import UnreadableError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from skindesk.models.diagnosis.patient import PatientFields
    from trainer.images.framing import ImageView


@dataclass(frozen=True)
class NewCase:
    """A diagnosis that is to be stored.

    Attributes:
        diagnosis: whose images lie where their `path` says.
        views: what of each image is analysed, its path aside.
        patient: what is to be kept of what was entered.
        copies: whether images are copied in, rather than referenced.
        link: of the case that it is; `None` for a new one.
    """

    diagnosis: SavedDiagnosis
    views: tuple[ImageView, ...]
    patient: PatientFields
    copies: bool
    link: CaseLink | None = None


class Saved(NamedTuple):
    """A case that is stored.

    Attributes:
        number: as people call it.
        link: names it from now on.
        apart: it was to replace a case that another window had changed or removed, and became one of its own.
        uncopied: names of images that cannot be read, and so were referenced although they were to be copied.
    """

    number: int
    link: CaseLink
    apart: bool = False
    uncopied: tuple[str, ...] = ()


class _StaleError(Exception):
    """The case was changed by another window since it was opened."""


def now() -> str:
    """Return the time, UTC, ISO, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def save_case(folder: Path, new: NewCase) -> Saved:
    """Store a diagnosis, with copies of its images where that is wanted.

    Whatever fails or kills the program, the case is as it was before, or as it is now.

    Args:
        folder: of all cases.
        new: what is to be stored.

    Raises:
        CaseError: the file of cases is damaged or in use.
        StorageError: the disk is full or cannot be written.
    """
    if new.link is not None:
        with suppress(_StaleError):
            return _save(folder, new, new.link)
    saved = _save(folder, new, None)
    return saved._replace(apart=new.link is not None)


def _save(folder: Path, new: NewCase, link: CaseLink | None) -> Saved:
    with opened(folder) as connection:
        before = _unchanged(connection, link) if link is not None else SavedDiagnosis()
        case_id = link.case_id if link is not None else secrets.token_hex(8)
        place = copies_of(folder, case_id)
        with _taken_back(place, {image.copy for image in before.images}):
            pictures = [_keep_picture(folder, place, new, at, before) for at in range(len(new.views))]
            diagnosis = msgspec.structs.replace(
                new.diagnosis, images=tuple(picture.image for picture in pictures)
            )
            with transaction(connection):
                if link is not None:
                    _unchanged(connection, link)
                number, revision = _write(connection, case_id, diagnosis, new.patient, link)
                connection.execute("DELETE FROM thumbnails WHERE case_id = ?", (case_id,))
                connection.executemany(
                    "INSERT INTO thumbnails VALUES (?, ?, ?)",
                    [(case_id, at, kept.thumbnail) for at, kept in enumerate(pictures) if kept.thumbnail],
                )
    _sweep(place, {image.copy for image in diagnosis.images})
    missed = tuple(kept.image.name for kept in pictures if new.copies and not kept.image.copy)
    return Saved(number, CaseLink(case_id, revision), uncopied=missed)


class _Kept(NamedTuple):
    image: SavedImage
    thumbnail: bytes


def _keep_picture(folder: Path, place: Path, new: NewCase, at: int, before: SavedDiagnosis) -> _Kept:
    """Copy one image of a new case where it is to be copied, and make its thumbnail."""
    from trainer.images.decoding import read_image

    image = new.diagnosis.images[at]
    file = Path(image.path)
    known = next((old for old in before.images if old.file(place) == file), None)
    if known is not None:  # it was opened from this case: where it came from first is still known
        image = msgspec.structs.replace(image, path=known.path, copy=known.copy, taken=known.taken)
    else:
        image = msgspec.structs.replace(image, taken=image.taken or day_taken(file))
    # Copies of another case go with that case.
    wanted = new.copies or file.is_relative_to(folder)
    try:
        pixels = read_image(file)
    except ImageError:
        return _Kept(image, b"")
    if wanted and not image.copy:
        image = msgspec.structs.replace(image, copy=_name_of_copy(image, at))
        with explained(place):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_copy(pixels, place / image.copy)
    return _Kept(image, thumbnail_of(pixels, new.views[at]))


def _name_of_copy(image: SavedImage, at: int) -> str:
    """Return a name that says nothing of the original's, but that the demo's drawings go on being known by theirs."""
    kind = PREFIX if is_drawing(image.name) else "image-"
    return f"{kind}{at + 1}{secrets.randbelow(10**8):08}.png"


@contextmanager
def _taken_back(place: Path, known: set[str]) -> Iterator[None]:
    """Take new copies away again if the case they belong to cannot be stored."""
    try:
        yield
    except BaseException:
        _sweep(place, known)
        raise


def _sweep(place: Path, wanted: set[str]) -> None:
    """Remove all copies but some; an empty folder goes, too."""
    with suppress(OSError):
        for file in place.iterdir():
            if file.name not in wanted:
                file.unlink()
        place.rmdir()  # fails where something is left in it, as it should


def _unchanged(connection: sqlite3.Connection, link: CaseLink) -> SavedDiagnosis:
    found = connection.execute(
        "SELECT content FROM cases JOIN diagnoses USING (case_id) "
        "WHERE case_id = ? AND revision = ? AND removed_at = ''",
        link,
    ).fetchone()
    if found is None:
        raise _StaleError
    try:
        return diagnosis_of(found[0])
    except UnreadableError:
        raise _StaleError from None  # it is left as it is


def _write(
    connection: sqlite3.Connection,
    case_id: str,
    diagnosis: SavedDiagnosis,
    patient: PatientFields,
    link: CaseLink | None,
) -> tuple[int, int]:
    """Write the rows of a case; return its number and revision."""
    decision, network = diagnosis.decision, diagnosis.network
    revision = link.revision + 1 if link is not None else 1
    if link is None:
        # When it was saved first is when the lesion was seen.
        connection.execute(
            "INSERT INTO cases (case_id, lesion, saved_at) VALUES (?, ?, ?)", (case_id, case_id, now())
        )
    connection.execute(
        "UPDATE cases SET revision = ?, images = ?, predicted = ?, probability = ?, malignant = ?, "
        "bundle_hash = ?, bundle_name = ?, patient = ? WHERE case_id = ?",
        (
            revision,
            len(diagnosis.images),
            decision.predicted if decision is not None else "",
            decision.probabilities[decision.predicted] if decision is not None else None,
            decision.malignant_probability if decision is not None else None,
            network.bundle_hash if network is not None else "",
            network.name if network is not None else "",
            text_of_patient(patient),
            case_id,
        ),
    )
    connection.execute(
        "INSERT OR REPLACE INTO diagnoses VALUES (?, ?)", (case_id, text_of_diagnosis(diagnosis))
    )
    (number,) = connection.execute("SELECT number FROM cases WHERE case_id = ?", (case_id,)).fetchone()
    return int(number), revision

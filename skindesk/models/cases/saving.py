"""A diagnosis stored as a case, with copies of its images where that is wanted. Everything here runs in a worker.

Windows of one user take turns. What another window has stored of a case meanwhile is not overwritten.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

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
from trainer.files import explained, printable
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


Apart: TypeAlias = Literal["", "changed elsewhere", "another network"]
"""Why a diagnosis did not replace the case that it came from, but became one of its own."""


class Saved(NamedTuple):
    """A case that is stored.

    Attributes:
        number: as people call it.
        link: names it from now on.
        apart: why it did not replace the case that it came from; empty where it did, or came from none.
        uncopied: names of images that cannot be read, and so were referenced although they were to be copied.
    """

    number: int
    link: CaseLink
    apart: Apart = ""
    uncopied: tuple[str, ...] = ()


class _Origin(NamedTuple):
    """The stored case that a diagnosis came from.

    Attributes:
        diagnosis: as it is stored now; empty where there is none any more.
        thumbnails: JPEG by place of the image.
        folder: of its copies.
        apart: see `Saved`.
    """

    diagnosis: SavedDiagnosis
    thumbnails: dict[int, bytes]
    folder: Path
    apart: Apart


class _StaleError(Exception):
    """The case was changed by another window since it was opened."""


def now() -> str:
    """Return the time, UTC, ISO, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def save_case(folder: Path, new: NewCase) -> Saved:
    """Store a diagnosis, with copies of its images where that is wanted.

    It replaces the case that it came from, unless that was changed or removed meanwhile or holds the result of another
    network: then it becomes a case of its own, of the same lesion. Whatever fails or kills the program, all cases are as
    they were before, or as they are now.

    Args:
        folder: of all cases.
        new: what is to be stored.

    Raises:
        CaseError: the file of cases is damaged or in use.
        StorageError: the disk is full or cannot be written.
    """
    with suppress(_StaleError):
        return _save(folder, new)
    return _save(folder, new)  # it was changed just now, which is seen this time


def _save(folder: Path, new: NewCase) -> Saved:
    with opened(folder) as connection:
        origin = _origin(connection, folder, new)
        replaced = new.link if not origin.apart else None
        case_id = replaced.case_id if replaced is not None else secrets.token_hex(8)
        place = copies_of(folder, case_id)
        known = {image.copy for image in origin.diagnosis.images} if replaced is not None else set()
        with _taken_back(place, known):
            pictures = [_keep_picture(folder, place, new, at, origin) for at in range(len(new.views))]
            images = tuple(picture.image for picture in pictures)
            diagnosis = msgspec.structs.replace(new.diagnosis, images=images)
            with transaction(connection):
                if replaced is not None and _origin(connection, folder, new) != origin:
                    raise _StaleError
                number, revision = _write(connection, case_id, diagnosis, new, replaced)
                connection.execute("DELETE FROM thumbnails WHERE case_id = ?", (case_id,))
                connection.executemany(
                    "INSERT INTO thumbnails VALUES (?, ?, ?)",
                    [(case_id, at, kept.thumbnail) for at, kept in enumerate(pictures) if kept.thumbnail],
                )
    _sweep(place, {image.copy for image in images})
    missed = tuple(printable(image.name) for image in images if new.copies and not image.copy)
    return Saved(number, CaseLink(case_id, revision), origin.apart, missed)


def _origin(connection: sqlite3.Connection, folder: Path, new: NewCase) -> _Origin:
    if new.link is None:
        return _Origin(SavedDiagnosis(), {}, folder, "")
    place, key = copies_of(folder, new.link.case_id), (new.link.case_id,)
    found = connection.execute(
        "SELECT content, revision, removed_at FROM cases JOIN diagnoses USING (case_id) WHERE case_id = ?",
        key,
    ).fetchone()
    command = "SELECT place, jpeg FROM thumbnails WHERE case_id = ?"
    thumbnails = dict(connection.execute(command, key).fetchall())
    try:
        stored = diagnosis_of(found[0]) if found is not None else SavedDiagnosis()
    except UnreadableError:  # it is left as it is
        return _Origin(SavedDiagnosis(), {}, place, "changed elsewhere")
    if found is None or found[1] != new.link.revision or found[2]:
        return _Origin(stored, thumbnails, place, "changed elsewhere")
    networks = (stored.network, new.diagnosis.network)
    hashes = {network.bundle_hash if network is not None else "" for network in networks}
    apart: Apart = "another network" if stored.network is not None and len(hashes) > 1 else ""
    return _Origin(stored, thumbnails, place, apart)


class _Kept(NamedTuple):
    image: SavedImage
    thumbnail: bytes


def _keep_picture(folder: Path, place: Path, new: NewCase, at: int, origin: _Origin) -> _Kept:
    """Copy one image of a new case where it is to be copied, and make its thumbnail.

    Args:
        folder: of all cases.
        place: where the copies of this case go.
        new: the case.
        at: place of the image.
        origin: of the case: what is known of images that were opened from it stays known.
    """
    from trainer.images.decoding import read_image

    image = new.diagnosis.images[at]
    file = Path(image.path)
    files = [old.file(origin.folder) for old in origin.diagnosis.images]
    known = origin.diagnosis.images[files.index(file)] if file in files else None
    small = origin.thumbnails.get(files.index(file), b"") if file in files else b""
    if known is None:
        image = msgspec.structs.replace(image, taken=day_taken(file), added=now())
    else:
        copy = known.copy if place == origin.folder else ""
        image = msgspec.structs.replace(
            image, path=known.path, copy=copy, taken=known.taken, added=known.added
        )
    # Copies of another case go with that case.
    wanted = new.copies or file.is_relative_to(folder)
    try:
        pixels = read_image(file)
    except ImageError:
        return _Kept(image, small)  # what was seen of it before
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


def _write(
    connection: sqlite3.Connection,
    case_id: str,
    diagnosis: SavedDiagnosis,
    new: NewCase,
    replaced: CaseLink | None,
) -> tuple[int, int]:
    """Write the rows of a case; return its number and revision."""
    decision, network = diagnosis.decision, diagnosis.network
    predicted = decision.predicted if decision is not None else ""
    revision = replaced.revision + 1 if replaced is not None else 1
    if replaced is None:
        # When it was saved first is when the lesion was seen.
        connection.execute(
            "INSERT INTO cases (case_id, lesion, saved_at) VALUES (?, ?, ?)", (case_id, case_id, now())
        )
        connection.execute(
            "UPDATE cases SET (lesion, confirmed_class, confirmed_by, confirmed_on) = (old.lesion, "
            "old.confirmed_class, old.confirmed_by, old.confirmed_on) FROM cases AS old "
            "WHERE cases.case_id = ? AND old.case_id = ?",
            (case_id, new.link.case_id if new.link is not None else ""),
        )
    connection.execute(
        "UPDATE cases SET revision = ?, images = ?, predicted = ?, predicted_malignant = ?, probability = ?, malignant = ?, unreliable = ?, "
        "above_threshold = ?, bundle_hash = ?, bundle_name = ?, patient = ? WHERE case_id = ?",
        (
            revision,
            len(diagnosis.images),
            predicted,
            network is not None and predicted in network.marks.malignant,
            decision.probabilities[decision.predicted] if decision is not None else None,
            decision.malignant_probability if decision is not None else None,
            diagnosis.unreliable,
            decision.above_threshold if decision is not None else None,
            network.bundle_hash if network is not None else "",
            network.name if network is not None else "",
            text_of_patient(new.patient),
            case_id,
        ),
    )
    connection.execute(
        "INSERT OR REPLACE INTO diagnoses VALUES (?, ?)", (case_id, text_of_diagnosis(diagnosis))
    )
    (number,) = connection.execute("SELECT number FROM cases WHERE case_id = ?", (case_id,)).fetchone()
    return int(number), revision

"""An unfinished diagnosis in a small file: where its images lie, how each is framed, what is entered about the patient.

Windows that are open at the same time have a file each: the lock beside it is held for as long as its window's process
lives. What an earlier window left is free for the next one.
"""

from __future__ import annotations

import json
import logging
import math
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from skindesk.models.diagnosis.case import Case, CaseLink, new_image
from skindesk.models.diagnosis.framing import Framing, box_between, normalised
from skindesk.models.diagnosis.patient import NOBODY, PatientFields
from trainer.errors import StorageError
from trainer.files import explained, try_lock, write_text
from trainer.stored import UnreadableError, read_json

if TYPE_CHECKING:
    from collections.abc import Collection

_logger = logging.getLogger(__name__)

Wanted: TypeAlias = Literal["latest", "other", "new"]
"""What was kept last, what has been kept for longest, or nothing that was kept before."""

_MOST_WINDOWS = 100


class FramedFile(msgspec.Struct, frozen=True):
    """An image: its file, the angle, and the crop as x, y, width and height; see `Framing`."""

    path: str
    rotation: float = 0.0
    crop: tuple[float, float, float, float] | None = None

    def framing(self) -> Framing:
        """Return how it is turned and cut; a crop that no hand can draw becomes the nearest that one can."""
        if not all(map(math.isfinite, (self.rotation, *(self.crop or ())))):
            raise ValueError
        if self.crop is None:
            return Framing(normalised(self.rotation))
        x, y, width, height = self.crop
        return Framing(normalised(self.rotation), box_between(x, y, x + width, y + height))


class KeptImage(FramedFile, frozen=True):
    """An image, and the stored case that it belongs to, if it does."""

    link: CaseLink | None = None


class KeptCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case as it is stored, but for the pixels and the answers.

    Attributes:
        version: of this format.
        images: in order.
        selected: place of the one that is looked at.
        together: whether they show one lesion.
        patient: what was entered.
    """

    version: Literal[1] = 1
    images: tuple[KeptImage, ...] = ()
    selected: int = 0
    together: bool = False
    patient: PatientFields = NOBODY


def text_of(case: Case, *, with_patient: bool = True) -> str:
    """Return what is stored of a case, what was entered about the patient or not; nothing where nothing would be missed."""
    if not with_patient:
        case = replace(case, patient=NOBODY)
    if case.empty:
        return ""
    images = tuple(
        KeptImage(
            str(image.path),
            image.framing.rotation,
            image.framing.crop.shares() if image.framing.crop is not None else None,
            image.link,
        )
        for image in case.images
    )
    places = [place for place, image in enumerate(case.images) if image.number == case.selected]
    kept = KeptCase(images=images, selected=sum(places), together=case.together, patient=case.patient)
    # Escaped: names of files need not be Unicode, and then only so can they be stored and read back.
    return json.dumps(msgspec.to_builtins(kept), indent=1) + "\n"


def case_of(content: bytes | str) -> Case:
    """Return the case that was stored, its questions new ones.

    Raises:
        ValueError: it is none, or a newer program's.
    """
    # Not decoded by msgspec, which refuses names of files that are not Unicode.
    kept = msgspec.convert(json.loads(content), KeptCase)
    images = tuple(new_image(Path(image.path), image.framing(), image.link) for image in kept.images)
    place = min(max(kept.selected, 0), len(images) - 1)
    return Case(images, images[place].number if images else None, kept.together, kept.patient)


@dataclass(frozen=True, eq=False)
class KeptPlace:
    """A file that is one window's alone, and the case in it.

    Attributes:
        file: there only while there is something to be kept.
        case: what an earlier window left in it; `None` where nothing.
        handle: of its lock.
    """

    file: Path
    case: Case | None
    handle: int

    def store(self, file: Path, content: str) -> None:
        """Write the file for this user's eyes alone; without content, leave nothing of it behind.

        Raises:
            StorageError: that cannot be done.
        """
        if content:
            write_text(file, content, private=True)
        else:
            self.clear()

    def clear(self) -> None:
        """Leave nothing behind of what is kept in the file.

        Raises:
            StorageError: that cannot be done.
        """
        with explained(self.file):
            for leftover in (self.file, *self.file.parent.glob(f".{self.file.name}.*.tmp")):
                leftover.unlink(missing_ok=True)

    def release(self) -> None:
        """Leave the file to another window."""
        os.close(self.handle)


def claim_place(folder: Path, wanted: Wanted) -> KeptPlace | None:
    """Make a file this window's own.

    A file that cannot be understood is left alone: it may be a newer program's.

    Args:
        folder: of all windows; made where it is missing.
        wanted: which file; without a latest one it is a new one, without another one none.

    Raises:
        StorageError: the folder cannot be written, or knows no locks.
    """
    with explained(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if wanted != "new":
            for file in sorted(folder.glob("*.json"), key=_time_of, reverse=wanted == "latest"):
                place = _claimed(file)
                if place is not None and place.case is not None:
                    os.utime(file)  # now the latest: whoever asks for others sees all of them in turn
                    return place
                if place is not None:
                    place.release()
        if wanted == "other":
            return None
        for number in range(1, _MOST_WINDOWS):
            file = folder / f"{number}.json"
            place = None if file.exists() else _claimed(file)
            if place is not None:
                return place
    raise StorageError(f"Unfinished diagnoses cannot be saved: files in {folder} cannot be locked.")


def others_kept(folder: Path) -> bool:
    """Whether there is a file that no window has."""
    with suppress(OSError):
        for file in folder.glob("*.json"):
            place = _claimed(file)
            if place is not None:
                place.release()
                if place.case is not None:
                    return True
    return False


def clear_kept(folder: Path, case_ids: Collection[str]) -> bool:
    """Leave nothing behind of unfinished diagnoses that belong to some stored cases.

    Returns:
        whether that was possible: another window may be at work on one. Then all are as they were.

    Raises:
        StorageError: a file cannot be removed.
    """
    claimed: list[KeptPlace] = []
    try:
        with explained(folder):
            for file in folder.glob("*.json"):
                if _links_in(file) & set(case_ids):
                    place = _claimed(file)
                    if place is None:
                        return False
                    claimed.append(place)
        for place in claimed:
            place.clear()
    finally:
        for place in claimed:
            place.release()
    return True


def _links_in(file: Path) -> set[str]:
    try:
        case = read_json(file, case_of)
    except (FileNotFoundError, UnreadableError):
        return set()
    return {image.link.case_id for image in case.images if image.link is not None}


def _claimed(file: Path) -> KeptPlace | None:
    """Return a place, unless another window has it."""
    handle = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    if not try_lock(handle):
        os.close(handle)
        return None
    case = None
    try:
        case = read_json(file, case_of)
    except FileNotFoundError:
        pass
    except UnreadableError as error:
        _logger.warning("%s was left as it is, since it cannot be understood: %s", file, error)
    return KeptPlace(file, case, handle)


def _time_of(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # another window has just cleared it
        return 0.0

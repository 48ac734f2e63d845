"""How a user has marked a bundle's classes since it was trained: `malignant.json` beside the manifest.

The bundle stays as it is, and so does its hash: the file is no part of what was trained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from trainer.dataset.classes.malignancy import Marks
from trainer.errors import BundleError
from trainer.files import explained, read_regular, write_bytes

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

MARKS_VERSION = 1
MARKS = "malignant.json"
MAX_MARKS_BYTES = 1 << 20


class _StoredMarks(msgspec.Struct, frozen=True, kw_only=True):
    format_version: Annotated[int, msgspec.Meta(ge=1)] = MARKS_VERSION
    malignant: tuple[str, ...]
    benign: tuple[str, ...]


def read_marks(bundle: Path, classes: Collection[str]) -> Marks | None:
    """Return how a user has marked a bundle's classes; `None` where they are marked as in training.

    Args:
        bundle: its folder.
        classes: of the bundle.

    Raises:
        BundleError: the file is damaged, too new, or about other classes.
    """
    file = bundle / MARKS
    if not file.exists():
        return None
    try:
        stored = msgspec.json.decode(read_regular(file, MAX_MARKS_BYTES), type=_StoredMarks)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(
            f"{file} cannot be read: {error}. Delete it to go back to the marks from the training."
        ) from error
    if stored.format_version > MARKS_VERSION:
        raise BundleError(f"{file} was written by a newer SkinDesk; update this program.")
    if not {*stored.malignant, *stored.benign} <= set(classes) or set(stored.malignant) & set(stored.benign):
        raise BundleError(
            f"{file} does not match the classes of its bundle. Delete it to go back to the marks from the training."
        )
    return Marks(malignant=tuple(sorted(stored.malignant)), benign=tuple(sorted(stored.benign)))


def write_marks(bundle: Path, marks: Marks | None) -> None:
    """Store how a user marks a bundle's classes; `None` goes back to the marks from the training.

    Raises:
        StorageError: the file cannot be written or removed.
    """
    file = bundle / MARKS
    if marks is None:
        with explained(file):
            file.unlink(missing_ok=True)
        return
    stored = _StoredMarks(malignant=marks.malignant, benign=marks.benign)
    write_bytes(file, msgspec.json.format(msgspec.json.encode(stored), indent=2))

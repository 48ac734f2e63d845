"""The classes of a bundle: how they are marked, what a user says of them, and which marks are out of date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.dataset.classes.malignancy import marks_by_name, marks_of
from trainer.dataset.classes.marking import ClassList, spelt_classes
from trainer.errors import BundleError
from trainer.runs.bundle import read_manifest
from trainer.runs.marks import MARKS, write_marks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.dataset.classes.malignancy import Malignancy
    from trainer.runs.bundle import Manifest

_MARKS_READ_WORD_BY_WORD = 2
"""Format version from which the words of a class's name, not only known names, say what it is."""


def bundle_class_list(folder: Path) -> ClassList:
    """Return the classes of a bundle with their marks, and the number of images its dataset had of each.

    Raises:
        BundleError: the folder is no bundle, or its manifest is changed, damaged or too new.
    """
    manifest = read_manifest(folder)
    parts = manifest.split.classes.values()
    counts = {name: sum(images.get(name, 0) for images in parts) for name in manifest.classes}
    marks = manifest.marks
    return ClassList(
        classes=counts, malignant=marks.malignant, benign=marks.benign, not_stated=marks.not_stated(counts)
    )


def mark_bundle_classes(folder: Path, *, malignant: Sequence[str] = (), benign: Sequence[str] = ()) -> None:
    """Mark a bundle's classes as malignant or benign; the others keep their marks.

    Args:
        folder: of the bundle.
        malignant: names of classes that are malignant or precancerous, in any spelling.
        benign: names of classes that are benign.

    Raises:
        BundleError: a name is not a class of this bundle, or is given twice; or the bundle cannot be read.
        StorageError: the marks cannot be written.
    """
    manifest = read_manifest(folder)
    said = spelt_classes(
        str(folder), manifest.classes, {"malignant": malignant, "benign": benign}, error=BundleError
    )
    before: dict[str, Malignancy] = {name: manifest.marks.of(name) for name in manifest.classes}
    write_marks(folder, marks_of(before | said))


def wrongly_marked(folder: Path, manifest: Manifest) -> tuple[str, ...]:
    """Return the classes that an older program did not count as malignant, although their names say so.

    There are none where a user has marked classes since: then these marks hold.

    Args:
        folder: of the bundle.
        manifest: of it.
    """
    if manifest.format_version >= _MARKS_READ_WORD_BY_WORD or (folder / MARKS).exists():
        return ()
    return tuple(name for name in marks_by_name(manifest.classes).malignant if name not in manifest.malignant)


def wrongly_marked_sentence(folder: Path, manifest: Manifest) -> str:
    """Say which classes are marked wrongly and how to correct it; empty where none is."""
    names = wrongly_marked(folder, manifest)
    if not names:
        return ""
    listed = ", ".join(repr(name) for name in names)
    return (
        f"This network was trained by an older version, which did not count {listed} as malignant; probabilities of "
        "malignancy leave this out. Correct it with `classes BUNDLE --malignant NAME`, or confirm the old marks "
        "with `--benign NAME`."
    )

"""The images of a folder, and the classes that its tables or class folders give them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from trainer.dataset.reading.layouts import listing_of
from trainer.dataset.reading.source.scanning import scan
from trainer.errors import DatasetError, TrainerError
from trainer.files import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.dataset.reading.source.scanning import Tree
    from trainer.events import StopRequest


class FolderImage(NamedTuple):
    """An image file of a folder.

    Attributes:
        path: absolute.
        size: bytes.
        changed: time of its last change, nanoseconds.
        known_class: that the folder gives it, spelt as the network does; empty where it gives none.
        error: why it cannot be read, as far as that shows without decoding it; empty where it may be read.
    """

    path: str
    size: int
    changed: int
    known_class: str = ""
    error: str = ""


class ImageFolder(NamedTuple):
    """What a folder holds.

    Attributes:
        path: of the folder, absolute.
        images: sorted by path.
        notes: sentences about the classes that the folder gives.
    """

    path: Path
    images: tuple[FolderImage, ...]
    notes: tuple[str, ...] = ()


def list_folder(folder: Path, classes: Sequence[str], stop: StopRequest | None = None) -> ImageFolder:
    """List the images below a folder; masks and other companions of images are left out, as in an import.

    Args:
        folder: searched with its subfolders.
        classes: of the network; where the folder names none of them, what it names is taken for no class.
        stop: ends the search.

    Raises:
        DatasetError: no such folder, or no image in it.
        StoppedError: on request.
    """
    if folder.exists() and not folder.is_dir():
        raise DatasetError(f"{folder} is a file; give the folder that holds the images.")
    root = folder.absolute()
    tree = scan(root, stop=stop)
    known, notes = _known_classes(tree, classes)
    images = [_image(root, path, known.get(path, "")) for path in tree.images]
    images += [FolderImage(str(root / problem.path), 0, 0, error=problem.reason) for problem in tree.problems]
    return ImageFolder(root, tuple(sorted(images)), notes)


def _image(root: Path, path: str, known_class: str) -> FolderImage:
    full = os.path.join(root, *path.split("/"))  # noqa: PTH118 - a Path for each of 100,000 images would take a second
    try:
        facts = os.stat(full)  # noqa: PTH116 - the same
    except OSError as error:
        return FolderImage(full, 0, 0, known_class, f"{printable(full)} cannot be read: {error.strerror}.")
    return FolderImage(full, facts.st_size, facts.st_mtime_ns, known_class)


def _known_classes(tree: Tree, classes: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the class of each image by its relative path, and what there is to say of them."""
    try:
        listing = listing_of(tree, stored=classes)
    except TrainerError:
        return {}, ()  # no table and no class folders: the images have no known class
    known = {sample.path: sample.class_name for sample in listing.samples}
    if not set(known.values()) & set(classes):
        return {}, ()
    others = sorted(set(known.values()) - set(classes))
    if not others:
        return known, ()
    return known, (f"The folder names classes that the network was not trained for: {', '.join(others)}.",)

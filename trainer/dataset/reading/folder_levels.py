"""Finds the level of a folder tree at which the classes are, and second copies of folders."""

from __future__ import annotations

import filecmp
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainer.dataset.classes.malignancy import malignancy_by_name
from trainer.dataset.classes.names import FULL_NAMES, class_identity
from trainer.dataset.reading.source.parts import part_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_NEUTRAL = frozenset(
    [
        "train",
        "training",
        "trn",
        "val",
        "valid",
        "validation",
        "dev",
        "test",
        "testing",
        "tst",
        "eval",
        "evaluation",
        "holdout",
        "fold",
        "folds",
        "split",
        "splits",
        "part",
        "parts",
        "set",
        "sets",
        "dir",
        "dirs",
        "folder",
        "folders",
        "data",
        "dataset",
        "datasets",
        "image",
        "images",
        "img",
        "imgs",
        "pic",
        "pics",
        "picture",
        "pictures",
        "photo",
        "photos",
        "jpg",
        "jpeg",
        "jpgs",
        "png",
        "pngs",
        "bmp",
        "tif",
        "tiff",
        "input",
        "inputs",
        "isic",
        "ham",
        "archive",
        "base",
        "copy",
        "original",
        "originals",
        "raw",
        "resized",
        "augmented",
        "augmentation",
        "class",
        "classes",
        "by",
        "kaggle",
        "all",
        "cv",
        "k",
        "x",
        "px",
        "task",
        "phase",
        "final",
        "release",
        "v",
        "the",
        "of",
        "and",
        "skin",
        "lesion",
        "lesions",
        "dermoscopic",
        "dermatoscopic",
    ]
)
"""Words of folder names that say where images come from or what they are for, and name no class."""

_CLASS_WORDS = frozenset(
    [
        "benign",
        "malignant",
        "melanoma",
        "melanomas",
        "nevus",
        "naevus",
        "nevi",
        "naevi",
        "carcinoma",
        "carcinomas",
        "keratosis",
        "keratoses",
        "dermatofibroma",
        "psoriasis",
        "eczema",
        "normal",
        "healthy",
    ]
)
_ALIKE = 0.5
"""Share of the names below two folders that have to be the same for the names to repeat."""

_COMPARED = 20  # files of two folders whose content is compared


@dataclass
class ClassFolders:
    """Which images lie in class folders.

    Attributes:
        of_image: path of an image to its class.
        above: names of folders, side by side, that hold the same classes.
        known: whether one of the classes is known by name.
    """

    of_image: dict[str, str] = field(default_factory=dict)
    above: tuple[str, ...] = ()
    known: bool = False


@dataclass
class _Folder:
    """A folder that holds images, in it or below.

    Attributes:
        path: relative to the root.
        images: paths of those right in it.
        folders: name to folder.
    """

    path: str
    images: list[str] = field(default_factory=list)
    folders: dict[str, _Folder] = field(default_factory=dict)

    def everything(self) -> Iterable[str]:
        """Yield the images in it and below."""
        yield from self.images
        for folder in self.folders.values():
            yield from folder.everything()


def class_folders(images: Sequence[str]) -> ClassFolders:
    """Find the class folders.

    Folders are no classes but hold some if their names say so (`train_dir`, `fold 1`), if there is one only, or if
    the same names repeat in each. Known classes are never passed by.

    Args:
        images: paths relative to the root, with `/`.
    """
    found = ClassFolders()
    above: set[str] = set()
    _descend(_tree_of(images), found, above)
    found.above = tuple(sorted(above))
    found.known = any(is_class_name(name) for name in set(found.of_image.values()))
    return found


def is_class_name(name: str) -> bool:
    """Return whether a folder's name is that of a class for certain."""
    if class_identity(name) in FULL_NAMES or malignancy_by_name(name) == "malignant":
        return True
    return not _CLASS_WORDS.isdisjoint(re.findall(r"[^\W\d_]+", name.casefold()))


def _is_neutral(name: str) -> bool:
    # `HAM10000_images_part_1`, `trainDir` and `ISIC2018_Task3_Training_Input` alike.
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold())
    return bool(words) and _NEUTRAL.issuperset(words)


def _tree_of(images: Sequence[str]) -> _Folder:
    root = _Folder("")
    for path in images:
        folder = root
        for name in path.split("/")[:-1]:
            inner = f"{folder.path}/{name}" if folder.path else name
            folder = folder.folders.setdefault(name, _Folder(inner))
        folder.images.append(path)
    return root


def _descend(folder: _Folder, found: ClassFolders, above: set[str]) -> None:
    """Note the classes below a folder."""
    below = folder.folders
    containers = _containers(below)
    if len(containers) > 1:
        above |= containers
    for name in sorted(containers):
        _descend(below[name], found, above)
    # What lies beside such folders is a class only if they hold one of its name.
    inside = {class_identity(name) for name in found.of_image.values()}
    for name, inner in below.items():
        if name in containers or (not inner.folders and _is_neutral(name)):
            continue
        if not containers or class_identity(name) in inside or is_class_name(name):
            found.of_image.update(dict.fromkeys(inner.everything(), name))


def _containers(below: dict[str, _Folder]) -> set[str]:
    """Return which of the folders in one are no classes but hold some."""
    deeper = {name for name, folder in below.items() if folder.folders and not is_class_name(name)}
    if len(below) == 1:
        return deeper
    neutral = {name for name in deeper if _is_neutral(name)}
    if any(is_class_name(name) for name in below):
        return neutral
    names = [{class_identity(inner) for inner in below[name].folders} for name in deeper - neutral]
    if len(names) > 1 and len(set.intersection(*names)) >= _ALIKE * len(set.union(*names)):
        return deeper
    return neutral


@dataclass
class Copies:
    """Folders that hold the same files as others.

    Attributes:
        folders: each folder with its copy, relative to the root.
        images: the images in the copies.
    """

    folders: list[tuple[str, str]] = field(default_factory=list)
    images: set[str] = field(default_factory=set)


def copies_among(root: Path, images: Sequence[str]) -> Copies:
    """Find folders whose files lie elsewhere as well, under the same names and with the same sizes.

    Args:
        root: the folder.
        images: paths relative to it.
    """
    found = Copies()
    tree = _tree_of(images)
    # The whole tree again in one of its folders (data/train, data/test, train, test), or a folder beside its copy.
    everything = set(images)
    for name, folder in tree.folders.items():
        there = {path.removeprefix(f"{name}/"): path for path in folder.everything()}
        if folder.folders and there.keys() <= everything - set(there.values()) and _same_files(root, there):
            found.folders.append((_and(sorted({path.split("/")[0] for path in there})), name))
            found.images |= set(there.values())
    by_content: defaultdict[frozenset[str], list[str]] = defaultdict(list)
    for name, folder in tree.folders.items():
        # The same names in train and test are no second copy of the folder but a leak: equal files are grouped later.
        if folder.folders and part_named(name) is None and not found.images.intersection(folder.everything()):
            by_content[frozenset(path.removeprefix(name) for path in folder.everything())].append(name)
    for content, names in by_content.items():
        for copy in names[1:]:
            if _same_files(root, {f"{names[0]}{path}": f"{copy}{path}" for path in content}):
                found.folders.append((names[0], copy))
                found.images |= {f"{copy}{path}" for path in content}
    return found


def _same_files(root: Path, pairs: dict[str, str]) -> bool:
    """Return whether files have the same sizes and, as far as they are looked into, the same content."""
    both = [(root / first, root / second) for first, second in pairs.items()]
    try:
        return all(first.stat().st_size == second.stat().st_size for first, second in both) and all(
            filecmp.cmp(first, second, shallow=False)
            for first, second in both[:: max(1, len(both) // _COMPARED)]
        )
    except OSError:
        return False


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

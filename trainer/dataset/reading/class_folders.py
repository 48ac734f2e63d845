"""The layout without a table: a folder for each class."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from trainer.dataset.classes import FULL_NAMES, class_identity
from trainer.dataset.reading.layout import Layout
from trainer.dataset.reading.listing import Found, Listing, Problem
from trainer.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.dataset.reading.scanning import Tree

_PART_FOLDERS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
_IMAGE_FOLDER = re.compile(
    r"(ham10000|isic).*|.*(images?|input)([ _-]?part)?[ _-]?\d*|(imgs?|data|jpe?gs?|pngs?|photos?|pictures?|part[ _-]?\d+)",
    re.IGNORECASE,
)
"""Folder names that say "images here" and name no class."""


@dataclass(frozen=True, kw_only=True)
class FolderLayout(Layout):
    """A layout whose classes are folders."""

    def recognises(self, tree: Tree) -> bool:
        """Return whether folders look like classes."""
        return tree.named is None and _has_class_folders(tree)

    def read(self, tree: Tree) -> Listing:
        """List the samples in class folders (see `Layout.read`)."""
        found = _class_depth(tree)
        if found is None:
            raise DatasetError(
                f"The images in {tree.root} do not lie in folders; put those of each class into a folder of its name."
            )
        depth, _names = found
        samples: list[Found] = []
        problems = list(tree.problems)
        for path in tree.images:
            parts = PurePosixPath(path).parts[:-1]
            if len(parts) > depth:
                samples.append(Found(sample_id=path, path=path, class_name=parts[depth]))
            else:
                problems.append(
                    Problem(
                        path=path,
                        sample_id=path,
                        kind="without-metadata",
                        reason=f"{path} lies in no class folder.",
                    )
                )
        notes = []
        above = sorted({PurePosixPath(sample.path).parts[depth - 1] for sample in samples}) if depth else []
        if len(above) > 1:
            notes.append(f"The folders {', '.join(above)} were read together; `split` makes its own parts.")
        return self.listing(tree, samples, problems, notes)


def _class_depth(tree: Tree) -> tuple[int, list[str]] | None:
    """Return at which depth below the root the class folders lie, and their names; `None` if there are none."""
    parents = [PurePosixPath(path).parts[:-1] for path in tree.images]
    if not parents or min(len(parts) for parts in parents) == 0:
        parents = [parts for parts in parents if parts]
        if not parents:
            return None
    depth = 0
    while True:
        names = sorted({parts[depth] for parts in parents if len(parts) > depth})
        deeper = all(len(parts) > depth + 1 for parts in parents)
        lone = len(names) == 1 and class_identity(names[0]) not in FULL_NAMES
        if not deeper or not (lone or _are_parts(names)):
            return depth, names
        depth += 1


def _are_parts(names: Sequence[str]) -> bool:
    return all(name.lower() in _PART_FOLDERS for name in names)


def _has_class_folders(tree: Tree) -> bool:
    found = _class_depth(tree)
    if found is None:
        return False
    _depth, names = found
    if any(class_identity(name) in FULL_NAMES for name in names):
        return True
    # With a table at hand that could not be read, folders are only taken for classes if one is known.
    plain = any(_IMAGE_FOLDER.fullmatch(name) for name in names) or _are_parts(names)
    return not tree.tables and not plain


CLASS_FOLDERS = FolderLayout(name="class-folders", title="A folder for each class")

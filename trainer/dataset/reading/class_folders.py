"""The layout without a table: a folder for each class."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from trainer.dataset.reading.folder_levels import class_folders, copies_among
from trainer.dataset.reading.layout import Layout
from trainer.dataset.reading.source.columns import FOLDER_NAME
from trainer.dataset.reading.source.listing import Found, Listing, Problem
from trainer.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.dataset.reading.source.scanning import Tree

_FEWEST_CASES = 6  # folders from which on one to four images in each mean cases
_MOST_OF_A_CASE = 4  # images


@dataclass(frozen=True, kw_only=True)
class FolderLayout(Layout):
    """A layout whose classes are folders."""

    def recognises(self, tree: Tree) -> bool:
        """Return whether folders look like classes."""
        if tree.columns.table is not None or tree.columns.chosen:
            return False
        found = class_folders(tree.images)
        # With a table at hand that could not be read, folders are only taken for classes if one is known.
        return bool(found.of_image) and (found.known or not tree.tables)

    def read(self, tree: Tree) -> Listing:
        """List the samples in class folders (see `Layout.read`)."""
        copies = copies_among(tree.root, tree.images)
        images = [path for path in tree.images if path not in copies.images]
        found = class_folders(images)
        if not found.of_image:
            raise DatasetError(
                f"The images in {tree.root} are not in class folders; put the images of each class into a "
                "folder with its name."
            )
        if not found.known:
            _refuse_cases(tree, found.of_image)
        samples: list[Found] = []
        problems = list(tree.problems)
        for path in images:
            if path in found.of_image:
                part = PurePosixPath(path).parent.as_posix() if tree.columns.split == FOLDER_NAME else None
                samples.append(
                    Found(sample_id=path, path=path, class_name=found.of_image[path], given_part=part)
                )
            else:
                reason = f"{path} is not in a class folder."
                problems.append(Problem(path=path, sample_id=path, kind="without-metadata", reason=reason))
        notes = []
        if len(found.above) > 1:
            notes.append(
                f"The folders {_listed(found.above)} were read together; `split` makes its own parts "
                "(--split-column folder takes them from these names)."
            )
        passed_over = Counter(tree.passed_over)
        for original, copy in copies.folders:
            notes.append(f"The folder {copy} holds the same files as {original}; it was skipped.")
        if copies.images:
            passed_over["images in a second copy of a folder"] += len(copies.images)
        return self.listing(tree, samples, problems, notes, passed_over)


def _listed(names: tuple[str, ...]) -> str:
    most = 8
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _refuse_cases(tree: Tree, of_image: Mapping[str, str]) -> None:
    """Refuse folders that are cases, not classes.

    Raises:
        DatasetError: there are many, and each holds a few images only.
    """
    counts = Counter(of_image.values())
    if len(counts) >= _FEWEST_CASES and max(counts.values()) <= _MOST_OF_A_CASE:
        raise DatasetError(
            f"The {len(counts):,} folders in {tree.root} hold one to {_MOST_OF_A_CASE} images each: they look like "
            "cases, not classes. Put a CSV table of images and classes beside them, or a folder for each class."
        )


CLASS_FOLDERS = FolderLayout(name="class-folders", title="One folder per class")

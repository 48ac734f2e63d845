"""Walks a folder: the regular files in it, within bounds, and what cannot be reached."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trainer.dataset.reading.source.listing import Problem
from trainer.errors import DatasetError
from trainer.files import printable

if TYPE_CHECKING:
    from trainer.events import StopRequest

DEEPEST = 64
"""Folders inside each other that are searched; people's trees have less than ten."""
MOST_FILES = 5_000_000
"""Files in one folder tree; more come from a link to a whole disk."""

_NOT_OURS = frozenset({"__MACOSX", "$RECYCLE.BIN", "System Volume Information"})


class Walked(msgspec.Struct):
    """What lies below a folder.

    Attributes:
        files: paths of regular files relative to the root, with `/`.
        problems: with files and folders that cannot be reached, or that no dataset can name.
        hidden: number of hidden files, and of files and folders that belong to the system.
    """

    files: list[str]
    problems: list[Problem]
    hidden: int = 0


def walk(root: Path, stop: StopRequest | None = None) -> Walked:
    """List the files below a folder. Linked folders are followed, each once.

    Raises:
        DatasetError: the folder cannot be read, or holds more than `MOST_FILES` files.
        StoppedError: on request.
    """
    walked = Walked([], [])
    visited: set[tuple[int, int]] = set()
    folders: list[tuple[str, int]] = [("", 0)]
    while folders:
        inner, depth = folders.pop()
        if stop is not None:
            stop.raise_if_asked()
        try:
            facts = (root / inner).stat()
            if (facts.st_dev, facts.st_ino) in visited:
                continue
            visited.add((facts.st_dev, facts.st_ino))
            with os.scandir(root / inner) as entries:
                below = [_sort(entry, inner, walked) for entry in sorted(entries, key=lambda e: e.name)]
        except OSError as error:
            if not inner:
                raise DatasetError(f"{root} cannot be read: {error.strerror or error}.") from error
            reason = f"The folder cannot be read: {error.strerror or error}."
            walked.problems.append(_unreadable(inner, reason))
            continue
        found = [path for path in below if path is not None]
        if found and depth >= DEEPEST:
            reason = f"Its subfolders are not searched: they are nested more than {DEEPEST} deep."
            walked.problems.append(_unreadable(inner, reason))
            continue
        folders += [(path, depth + 1) for path in reversed(found)]
        if len(walked.files) > MOST_FILES:
            raise DatasetError(
                f"There are more than {MOST_FILES:,} files in {root}; give a folder that holds only the images."
            )
    return walked


def _sort(entry: os.DirEntry[str], inner: str, walked: Walked) -> str | None:
    """Note a file; return the path of a folder."""
    name = entry.name
    path = f"{inner}/{name}" if inner else name
    if name.startswith(".") or name in _NOT_OURS:
        walked.hidden += 1
        return None
    if printable(name) != name:
        shown = printable(path)
        reason = f"The name {shown} is not Unicode (it comes from an older system); rename it."
        walked.problems.append(_unreadable(shown, reason))
        return None
    try:
        if entry.is_dir():
            return path
        if entry.is_file():
            walked.files.append(path)
            return None
        reason = (
            f"{path} is a broken link."
            if entry.is_symlink() and not Path(entry.path).exists()
            else f"{path} is a device or a pipe, not a regular file."
        )
    except OSError as error:  # a link in a circle
        reason = f"{path} cannot be reached: {error.strerror or error}."
    walked.problems.append(_unreadable(path, reason))
    return None


def _unreadable(path: str, reason: str) -> Problem:
    # The deepest paths are longer than what can be read or stored with profit.
    return Problem(path=path[-400:], sample_id=None, kind="unreadable", reason=reason)

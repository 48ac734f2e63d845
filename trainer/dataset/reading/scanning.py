"""Walks a folder: which images and which tables lie in it."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from trainer.dataset.reading.listing import Problem
from trainer.dataset.reading.tables import TABLE_SUFFIXES, read_columns
from trainer.errors import DatasetError
from trainer.files import printable
from trainer.images.suffixes import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOT_OURS = frozenset({"__MACOSX", "$RECYCLE.BIN", "System Volume Information"})
_ARCHIVES = frozenset({".zip", ".gz", ".tgz", ".tar", ".7z", ".rar"})


class Tree:
    """The images and tables below a folder.

    Attributes:
        root: the folder.
        images: paths relative to it, with `/`, sorted.
        tables: relative path of each table to its tidy column names; none if it cannot be read.
        problems: folders that could not be read.
        named: relative path of the table the user named, if it was one.
    """

    def __init__(
        self,
        root: Path,
        images: list[str],
        tables: dict[str, tuple[str, ...]],
        problems: list[Problem],
        named: str | None,
    ) -> None:
        self.root = root
        self.images = images
        self.tables = tables
        self.problems = problems
        self.named = named
        self._exact = set(images)
        self._by_path: dict[str, str] = {path.casefold(): path for path in reversed(images)}
        self._by_stem: defaultdict[str, list[str]] = defaultdict(list)
        for path in images:
            self._by_stem[without_suffix(path.rpartition("/")[2].casefold())].append(path)

    @property
    def candidates(self) -> dict[str, tuple[str, ...]]:
        """The tables that may name classes: the one the user named, or all, with their tidy column names."""
        return self.tables if self.named is None else {self.named: self.tables[self.named]}

    def find(self, reference: str, folder: str) -> list[str]:
        """Return the images that a table's cell may mean, the likeliest first.

        Args:
            reference: a path, a file name, or a file name without suffix.
            folder: of the table, relative to the root.
        """
        wanted = reference.replace("\\", "/").removeprefix("./")
        for path in (str(PurePosixPath(folder, wanted)), wanted):
            if path in self._exact:
                return [path]
            if path.casefold() in self._by_path:
                return [self._by_path[path.casefold()]]
        wanted = without_suffix(wanted.casefold())
        name = wanted.rpartition("/")[2]
        # A path may start above the root (an absolute one does) or below it.
        return [
            path
            for path in self._by_stem.get(name, ())
            for known in (without_suffix(path.casefold()),)
            if f"/{known}".endswith(f"/{wanted}") or f"/{wanted}".endswith(f"/{known}")
        ]


def without_suffix(reference: str) -> str:
    """Return a path or name without its image suffix, if it has one."""
    stem, dot, suffix = reference.rpartition(".")
    return stem if stem and f"{dot}{suffix}".lower() in SUFFIXES else reference


def scan(source: Path) -> Tree:
    """Walk a folder, or the folder of a table.

    Hidden files and folders are passed over; linked folders are followed, each once.

    Raises:
        DatasetError: no such folder, an empty one, or one without images.
    """
    root, named = _root_of(source)
    images: list[str] = []
    tables: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for path in _files(root, problems):
        name = path.rpartition("/")[2]
        suffix = PurePosixPath(name).suffix.lower()
        if suffix in SUFFIXES:
            images.append(path)
        elif suffix in TABLE_SUFFIXES or (not suffix and "metadata" in name.lower()):
            tables[path] = _columns(root / path)
    if not images:
        if not tables and not any(root.iterdir()):
            raise DatasetError(f"The folder {root} is empty; give the folder that holds the images.")
        raise DatasetError(
            f"There are no images in {root}; what can be read is {', '.join(sorted(SUFFIXES))}."
        )
    return Tree(root, sorted(images), tables, problems, named)


def _root_of(source: Path) -> tuple[Path, str | None]:
    """Return the folder to walk, and the name of the table in it that the user gave."""
    if printable(source.absolute()) != str(source.absolute()):
        raise DatasetError(f"The name {printable(source.absolute())} is not Unicode; rename the folder.")
    if source.is_dir():
        return source, None
    if not source.exists():
        raise DatasetError(f"There is no folder {source}; check the name.")
    if source.suffix.lower() in _ARCHIVES:
        raise DatasetError(f"{source} is an archive; unpack it and give the folder.")
    if source.suffix.lower() not in TABLE_SUFFIXES:
        raise DatasetError(f"{source} is a file; give a folder of images or a CSV table.")
    return source.parent, source.name


def _files(root: Path, problems: list[Problem]) -> Iterator[str]:
    """Yield the paths of all files below a folder; folders that cannot be read become problems."""

    def unreadable(error: OSError) -> None:
        reason = f"The folder cannot be read: {error.strerror or error}."
        path = Path(error.filename)
        if path == root:
            raise DatasetError(f"{root} cannot be read: {error.strerror or error}.") from error
        relative = path.relative_to(root).as_posix()
        problems.append(Problem(path=relative, sample_id=None, kind="unreadable", reason=reason))

    visited: set[str] = set()
    for folder, folders, names in os.walk(root, onerror=unreadable, followlinks=True):
        real = os.path.realpath(folder)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        inner = "" if Path(folder) == root else f"{Path(folder).relative_to(root).as_posix()}/"
        shown = [name for name in (*folders, *names) if not name.startswith(".")]
        odd = {name for name in shown if printable(name) != name}
        problems.extend(_not_unicode(f"{inner}{name}") for name in sorted(odd))
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n not in _NOT_OURS | odd)
        yield from (
            f"{inner}{name}" for name in sorted(names) if not name.startswith(".") and name not in odd
        )


def _not_unicode(path: str) -> Problem:
    """Return the problem of a file or folder that no dataset can name, since its name is not text."""
    path = printable(path)
    reason = f"The name {path} is not Unicode (it comes from an older system); rename it."
    return Problem(path=path, sample_id=None, kind="unreadable", reason=reason)


def _columns(path: Path) -> tuple[str, ...]:
    try:
        return read_columns(path)
    except DatasetError:
        # Only the table that is needed has to be readable; its reader says what is wrong with it.
        return ()

"""Looks through a folder: which images and which tables lie in it, and which image a table means."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from trainer.dataset.fields import CLASS, IMAGE
from trainer.dataset.reading.source.columns import Columns, Header
from trainer.dataset.reading.source.sorting_out import ARCHIVES, sort_out
from trainer.dataset.reading.source.tables import read_header
from trainer.dataset.reading.source.walking import walk
from trainer.errors import DatasetError
from trainer.files import printable
from trainer.images.suffixes import SUFFIXES

if TYPE_CHECKING:
    from trainer.dataset.reading.source.listing import Problem
    from trainer.events import StopRequest

_NAMED = 3  # files that fit into a sentence
_SHOWN = 12  # columns that do
_WORKBOOKS = frozenset({".xls", ".xlsx", ".ods", ".numbers"})


class Tree:
    """The images and tables below a folder.

    Attributes:
        root: the folder.
        images: paths relative to it, with `/`, sorted; masks and other companions are left out.
        tables: relative path of each table to its columns; none if it cannot be read.
        problems: files and folders that could not be read.
        columns: that the user chose.
        passed_over: reason to number of files that are not taken.
        zeros_lost: number of references that were matched by number, see `find`.
    """

    def __init__(
        self,
        root: Path,
        images: list[str],
        tables: dict[str, Header],
        problems: list[Problem],
        columns: Columns,
        passed_over: Counter[str],
    ) -> None:
        self.root = root
        self.images = images
        self.tables = tables
        self.problems = problems
        self.columns = columns
        self.passed_over = passed_over
        self.zeros_lost = 0
        self._exact = set(images)
        self._by_path: dict[str, str] = {path.casefold(): path for path in reversed(images)}
        self._by_stem: defaultdict[str, list[str]] = defaultdict(list)
        self._by_number: defaultdict[str, list[str]] = defaultdict(list)
        for path in images:
            stem = without_suffix(path.rpartition("/")[2].casefold())
            self._by_stem[stem].append(path)
            self._by_number[_without_zeros(stem)].append(path)

    @property
    def candidates(self) -> dict[str, Header]:
        """The tables that may name classes: the one the user named, or all."""
        named = self.columns.table
        return self.tables if named is None else {named: self.tables[named]}

    def find(self, reference: str, folder: str) -> list[str]:
        """Return the images that a table's cell may mean, the likeliest first.

        Spreadsheets take leading zeros away: `7` is `000007.jpg` if no other file fits.

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
        found = [
            path
            for path in self._by_stem.get(name, ())
            for known in (without_suffix(path.casefold()),)
            if f"/{known}".endswith(f"/{wanted}") or f"/{wanted}".endswith(f"/{known}")
        ]
        if found or "/" in wanted:
            return found
        by_number = self._by_number.get(_without_zeros(name.removesuffix(".0")), [])
        if len(by_number) != 1:
            return []
        self.zeros_lost += 1
        return list(by_number)


def without_suffix(reference: str) -> str:
    """Return a path or name without its image suffix, if it has one."""
    stem, dot, suffix = reference.rpartition(".")
    return stem if stem and f"{dot}{suffix}".lower() in SUFFIXES else reference


def _without_zeros(name: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d+$)", "", name)


def scan(source: Path, columns: Columns | None = None, stop: StopRequest | None = None) -> Tree:
    """Look through a folder, or the folder of a table.

    Args:
        source: a folder, or a table in one.
        columns: that the user chose.
        stop: ends the search.

    Raises:
        DatasetError: no such folder, an empty one, or one without images; no table with the chosen columns.
        StoppedError: on request.
    """
    root, named = _root_of(source)
    columns = columns or Columns()
    walked = walk(root, stop)
    found = sort_out(root, walked.files, stop)
    if named is not None and not found.images and root.parent != root:
        # Published tables often have a folder of their own beside that of the images.
        root, named = root.parent, f"{root.name}/{named}"
        walked = walk(root, stop)
        found = sort_out(root, walked.files, stop)
    if named is not None:
        columns = msgspec.structs.replace(columns, table=named)
    problems = walked.problems + found.problems
    if not walked.files and not problems:
        raise DatasetError(f"The folder {root} is empty; give the folder that holds the images.")
    if not found.images:
        raise DatasetError(_no_images(root, problems, found.passed_over))
    if walked.hidden:
        found.passed_over["hidden files and folders"] += walked.hidden
    tables = {path: _header(root / path, columns) for path in found.tables}
    for path in found.perhaps:
        header = _header(root / path, columns)
        if path == columns.table or _names_images(header):
            tables[path] = header
        else:
            suffix = PurePosixPath(path).suffix.lower()
            found.passed_over[f"other files ({suffix or 'without suffix'})"] += 1
    if columns.table is not None and columns.table not in tables:
        raise DatasetError(f"The table {columns.table} is no longer in {root}; give the table or the folder.")
    _check_chosen(root, tables, columns)
    return Tree(root, found.images, tables, problems, columns, found.passed_over)


def _root_of(source: Path) -> tuple[Path, str | None]:
    """Return the folder to walk, and the name of the table in it that the user gave."""
    if printable(source.absolute()) != str(source.absolute()):
        raise DatasetError(f"The name {printable(source.absolute())} is not Unicode; rename the folder.")
    if source.is_dir():
        return source, None
    if not source.exists():
        raise DatasetError(f"There is no folder {source}; check the name.")
    suffix = source.suffix.lower()
    if suffix in ARCHIVES:
        raise DatasetError(f"{source} is an archive; unpack it first and give the folder.")
    if suffix in _WORKBOOKS:
        raise DatasetError(f"{source} is a workbook; save the table in it as CSV (UTF-8) and give that.")
    if suffix in SUFFIXES or not source.is_file():
        raise DatasetError(f"{source} is a file; give a folder of images or a CSV table.")
    return source.parent, source.name


def _no_images(root: Path, problems: list[Problem], passed_over: Counter[str]) -> str:
    """Return what to say of a folder without images: what lies in it instead."""
    if problems:
        kinds = Counter(PurePosixPath(problem.path).suffix.lower() for problem in problems)
        listed = ", ".join(f"{n:,} {suffix}" for suffix, n in kinds.most_common(_NAMED) if suffix)
        found = f" (found: {listed})" if listed else ""
        return f"There are no images in {root} that can be read{found}: {problems[0].reason}"
    found = f" It holds {_counted(passed_over)}." if passed_over else ""
    return f"There are no images in {root}; supported formats are {', '.join(sorted(SUFFIXES))}.{found}"


def _counted(passed_over: Counter[str]) -> str:
    return ", ".join(f"{n:,} {reason}" for reason, n in passed_over.most_common(_NAMED))


def _header(path: Path, columns: Columns) -> Header:
    try:
        return read_header(path, columns.chosen)
    except DatasetError:
        # Only the table that is needed has to be readable; its reader says what is wrong with it.
        return Header()


def _names_images(header: Header) -> bool:
    """Return whether a file that need not be a table has columns for images or the lesions they show."""
    several = len(header.written) > 1
    return several and header.column_of(IMAGE) is not None and header.column_of(CLASS) is not None


def _check_chosen(root: Path, tables: dict[str, Header], columns: Columns) -> None:
    """Refuse columns that no table has."""
    considered = tables if columns.table is None else {columns.table: tables[columns.table]}
    wanted = set(columns.chosen.values()) - {""}
    if not wanted or any(header.has_chosen() for header in considered.values()):
        return
    if not considered:
        raise DatasetError(f"There is no table in {root} to choose columns from; put one there.")
    name, header = max(considered.items(), key=lambda item: len(wanted & set(item[1].columns)))
    absent = ", ".join(repr(column) for column in sorted(wanted - set(header.columns)))
    raise DatasetError(
        f"No table in {root} has the column {absent}; {name} has "
        f"{', '.join(header.written[:_SHOWN]) or 'none'}{' ...' if len(header.written) > _SHOWN else ''}."
    )

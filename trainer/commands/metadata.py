"""Facts of images from a table: which row is about which image."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from trainer.dataset.fields import IMAGE
from trainer.dataset.reading.source.scanning import without_suffix
from trainer.dataset.reading.source.tables import read_table
from trainer.errors import DatasetError
from trainer.files import printable
from trainer.sentences import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Known(NamedTuple):
    """What a table says of one image.

    Attributes:
        facts: by column; `None` where no row is about the image, or where it is not certain which one is.
        note: a sentence where it is not certain; else empty.
    """

    facts: dict[str, str] | None = None
    note: str = ""


class _Row(NamedTuple):
    """A row: what it calls its image, with `/` between folders, and what else it says."""

    reference: str
    facts: dict[str, str]


_Fits: TypeAlias = "Callable[[str, _Row], bool]"
"""Whether a row speaks of the image at an absolute path."""


class Metadata:
    """A table with a row for each image."""

    def __init__(self, file: Path, rows: Iterable[tuple[str, dict[str, str]]]) -> None:
        """Take a table's rows.

        Args:
            file: the table; paths in it may be relative to its folder.
            rows: what each calls its image, and its other columns.
        """
        self._file = file
        self._folder = _absolute(file.parent)
        self._rows: defaultdict[str, list[_Row]] = defaultdict(list)
        for reference, facts in rows:
            row = _Row(posixpath.normpath(reference.replace("\\", "/")), facts)
            if row not in (alike := self._rows[_stem(row.reference)]):
                alike.append(row)

    def of(self, images: Sequence[Path]) -> list[Known]:
        """Return what the table says of each image.

        A row speaks of the image at its path, which may begin at the table's folder, at the folder that holds all
        the images, or at any other above the image. Where paths tell nothing, names decide, with the suffix or
        without it, but only a name that one image and one row have.
        """
        paths = [_absolute(path) for path in images]
        alike: defaultdict[str, list[str]] = defaultdict(list)
        for path in dict.fromkeys(paths):
            alike[_stem(path)].append(path)
        common = posixpath.commonpath([posixpath.dirname(path) for path in paths]) if paths else ""
        known: dict[str, Known] = {}
        for stem, of_a_name in alike.items():
            known.update(self._told_apart(of_a_name, self._rows.get(stem, []), common))
        return [known[path] for path in paths]

    def _told_apart(self, images: list[str], rows: list[_Row], common: str) -> dict[str, Known]:
        """Return what is known of images whose names differ in the suffix at most, by path."""
        known: dict[str, Known] = {}
        free = rows
        for fits in _by_path(self._folder, common):
            free = _settle(images, free, fits, known)
        # A row that leads to a file nobody asked about says nothing of others of its name.
        asked = {path.casefold() for path in images}
        free = [
            row
            for row in free
            if (at := _at(self._folder, row.reference)).casefold() in asked or not Path(at).is_file()
        ]
        free = _settle(images, free, _ends_alike, known)
        free = _settle(images, free, _by_name(images, rows), known)
        if free:
            for path in images:
                known.setdefault(path, Known(note=self._note(path)))
        return {path: known.get(path, Known()) for path in images}

    def _note(self, path: str) -> str:
        return shortened(
            f"No facts were taken from {self._file.name}: several images or rows are called "
            f"{printable(posixpath.basename(path))}. Give the path of each image in the table."
        )


def _settle(images: list[str], rows: list[_Row], fits: _Fits, known: dict[str, Known]) -> list[_Row]:
    """Note the rows that fit one image which no other row fits.

    Returns:
        The rows that are left.
    """
    pairs = [(path, row) for path in images if path not in known for row in rows if fits(path, row)]
    taken = [
        (path, row)
        for path, row in pairs
        if sum(path == other or row is another for other, another in pairs) == 1
    ]
    known.update((path, Known(row.facts)) for path, row in taken)
    return [row for row in rows if all(row is not used for _, used in taken)]


def _by_path(*folders: str) -> Iterable[_Fits]:
    """Yield tests whether a row's path leads to an image from a folder, the strictest first."""
    for folder in folders:
        for tidy in (str, str.casefold, _without_suffix):
            yield lambda path, row, folder=folder, tidy=tidy: tidy(path) == tidy(_at(folder, row.reference))  # type: ignore[misc] # mypy knows no defaults of lambdas


def _ends_alike(path: str, row: _Row) -> bool:
    """Whether an image's path ends with a row's, which names a folder."""
    return "/" in row.reference and _without_suffix(path).endswith(f"/{_without_suffix(row.reference)}")


def _by_name(images: list[str], rows: list[_Row]) -> _Fits:
    """Return a test whether an image and a row have a name that no other image and no other row has."""
    if len(images) == len(rows) == 1:
        return lambda _path, _row: True
    there, named = [_name(path) for path in images], [_name(row.reference) for row in rows]

    def fits(path: str, row: _Row) -> bool:
        name = _name(path)
        return name == _name(row.reference) and there.count(name) == named.count(name) == 1

    return fits


def _absolute(path: Path) -> str:
    return posixpath.normpath(path.absolute().as_posix())


def _at(folder: str, reference: str) -> str:
    return posixpath.normpath(posixpath.join(folder, reference))


def _without_suffix(path: str) -> str:
    return without_suffix(path.casefold())


def _name(path: str) -> str:
    return posixpath.basename(path).casefold()


def _stem(path: str) -> str:
    return without_suffix(_name(path))


def read_metadata(file: Path) -> Metadata:
    """Read a table with one row an image, separated by commas, semicolons or tabs.

    Raises:
        DatasetError: no such file, not a table, or no column that names the image.
    """
    table = read_table(file)
    key = table.column_of(IMAGE)
    if key is None:
        found = ", ".join(table.columns) or "none"
        raise DatasetError(f"{file} needs a column `image` with file names; its columns are: {found}.")
    return Metadata(
        file,
        (
            (reference, {n: value.strip() for n, value in cells.items() if n != key and value.strip()})
            for _line, cells in table.rows
            if (reference := cells.get(key, "").strip())
        ),
    )

"""Reads the tables that accompany image folders: any separator, any encoding, with names of columns or without."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trainer.dataset.reading.source.columns import Header
from trainer.dataset.reading.source.encodings import decode_table
from trainer.errors import DatasetError
from trainer.files import open_regular, read_regular
from trainer.images.suffixes import SUFFIXES
from trainer.tables import spreadsheet_plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.dataset.fields import Field

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab"})
"""Of files that are tables for certain."""

PLAIN_SUFFIXES = frozenset({".txt", ""})
"""Of files that may be tables: their first line tells."""

LARGEST = 1 << 28
"""Bytes of a table; those of 400,000 images with 55 columns take less."""

_HEAD = 1 << 16  # bytes that hold the names of the columns
_UNKNOWN = frozenset({"", "unknown", "unk", "nan", "na", "n/a", "none", "null", "not specified", "?", "-"})
_NOBODY = frozenset({"-1", "-1.0", "-9", "-99", "-999"})
_SEPARATORS = ",;\t|"
_FIRST_LINE = re.compile(r"\A\s*\"?sep=(.)\"?[^\r\n]*(\r\n|\n|\r)", re.IGNORECASE)
_IMAGE_CELL = re.compile(
    rf"[^\s,;]+({'|'.join(map(re.escape, sorted(SUFFIXES)))})|ISIC_\d+(_downsampled)?", re.IGNORECASE
)


class Table(msgspec.Struct, frozen=True):
    """A table with its columns by tidy name.

    Attributes:
        path: of the file.
        header: its columns.
        rows: line number in the file and cells by tidy column name; empty lines are left out.
        encoding: in words, where it had to be guessed.
    """

    path: Path
    header: Header
    rows: list[tuple[int, dict[str, str]]]
    encoding: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Tidy names, in the file's order."""
        return self.header.columns

    def column_of(self, field: Field) -> str | None:
        """Return the column that holds a field, if there is one."""
        return self.header.column_of(field)


def read_header(path: Path, chosen: dict[str, str] | None = None) -> Header:
    """Return the columns of a table.

    Args:
        path: of the file.
        chosen: tidy names of columns by name of the field, see `trainer.dataset.reading.source.columns.Columns.chosen`.

    Raises:
        DatasetError: the file cannot be read as a table.
    """
    return read_rows(path, 0, chosen).header


def read_table(path: Path, chosen: dict[str, str] | None = None) -> Table:
    """Read a table whole; see `read_header`.

    Raises:
        DatasetError: the file cannot be read as a table, or is larger than `LARGEST`.
    """
    return read_rows(path, None, chosen)


def read_rows(path: Path, most: int | None, chosen: dict[str, str] | None = None) -> Table:
    """Read the first rows of a table, or all.

    Args:
        path: of the file.
        most: number of rows; `None` for all.
        chosen: see `read_header`.

    Raises:
        DatasetError: the file cannot be read as a table.
    """
    try:
        if most is None:
            content = read_regular(path, LARGEST)
        else:
            with open_regular(path) as stream:
                content = stream.read(_HEAD)
            # What is cut off may be half of a letter.
            content = content[: content.rfind(b"\n") + 1 or None] if len(content) == _HEAD else content
        text, encoding = decode_table(content)
        cells = _cells(text)
        first = next(cells, None)
        header, nameless = _header_of(first[1] if first else [], chosen or {})
        columns = header.columns
        rows: list[tuple[int, dict[str, str]]] = []
        for line, row in (first, *cells) if nameless and first else cells:
            if most is not None and len(rows) >= most:
                break
            if any(cell.strip() for cell in row):
                rows.append((line, dict(zip(columns, map(spreadsheet_plain, row), strict=False))))
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path} is not a table that can be read: it is not text; save it as CSV in UTF-8."
        ) from error
    except csv.Error as error:
        raise DatasetError(f"{path} is not a table that can be read: {error}.") from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}.") from error
    return Table(path, header, rows, encoding)


def _cells(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the cells of each row."""
    before = 0
    named = _FIRST_LINE.match(text)
    if named is not None:
        # Excel writes and reads such a line; others take it for the names of the columns.
        text, before = text[named.end() :], 1
        separator = named[1]
    else:
        outside = re.sub(r'"[^"]*"', "", text.partition("\n")[0])
        separator = max(_SEPARATORS, key=outside.count)
    doubled = separator == "|" and text.lstrip().startswith("||")
    if doubled:  # as PH2's table has it
        text = text.replace("||", "|")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    for row in reader:
        inner = row[1:-1] if doubled and len(row) > 2 and not (row[0] + row[-1]).strip() else row  # noqa: PLR2004 - both ends
        yield reader.line_num + before, inner


def _header_of(first: list[str], chosen: dict[str, str]) -> tuple[Header, bool]:
    """Return the columns that the first row names, and whether it names images instead."""
    at = next((index for index, cell in enumerate(first) if _IMAGE_CELL.fullmatch(cell.strip())), None)
    if at is None:
        return Header(tuple(cell.strip().lstrip("\ufeff") for cell in first), chosen), False
    names = [f"column {number}" for number in range(1, len(first) + 1)]
    names[at] = "image"
    if len(first) == 2:  # noqa: PLR2004 - the image, and what it shows
        names[1 - at] = "class"
    return Header(tuple(names), chosen), True


def text_or_none(cell: str | None) -> str | None:
    """Return a cell's text, or `None` where it says that the value is not known."""
    text = (cell or "").strip()
    return None if text.lower() in _UNKNOWN else text


def identifier_or_none(cell: str | None) -> str | None:
    """Return a cell's text, or `None` where it stands for no lesion or patient in particular."""
    text = text_or_none(cell)
    return None if text in _NOBODY else text


def number_or_none(cell: str | None, field: Field) -> tuple[float | None, bool]:
    """Return the number a cell holds, or `None`, and whether the cell makes sense (an empty one does)."""
    text = text_or_none(cell)
    if text is None:
        return None, True
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None, False
    if math.isnan(number):
        return None, True
    return (number, True) if field.least <= number <= field.most else (None, False)

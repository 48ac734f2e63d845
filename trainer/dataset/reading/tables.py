"""Reads the tables that accompany image folders: any separator, any of the usual column names."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trainer.errors import DatasetError
from trainer.tables import spreadsheet_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.dataset.fields import Field

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab"})

_UNKNOWN = frozenset({"", "unknown", "unk", "nan", "na", "n/a", "none", "null", "not specified", "?", "-"})
_NAMED = 4  # columns that are given as examples
_ENCODINGS = ("utf-8-sig", "cp1252")


class Table(msgspec.Struct, frozen=True):
    """A table with its columns by tidy name.

    Attributes:
        path: of the file.
        columns: tidy names, in the file's order.
        rows: line number in the file and cells by tidy column name; empty lines are left out.
    """

    path: Path
    columns: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]]]

    def column_of(self, field: Field) -> str | None:
        """Return the column that holds a field, if there is one."""
        return column_of(field, self.columns)


def tidy_column(name: str) -> str:
    """Return a column's name in lower case with single underscores: `Image ID` becomes `image_id`."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def column_of(field: Field, columns: Sequence[str]) -> str | None:
    """Return the one of `columns` (tidy names) that holds a field, if there is one."""
    return next((name for name in field.columns if name in columns), None)


def lacking(field: Field) -> str:
    """Return in words which column a table lacks."""
    return f"one for the {field.title.lower()} ({', '.join(field.columns[:_NAMED])} ...)"


def read_columns(path: Path) -> tuple[str, ...]:
    """Return the tidy column names of a table.

    Raises:
        DatasetError: the file cannot be read as a table.
    """
    return _read(path, header_only=True).columns


def read_table(path: Path) -> Table:
    """Read a table whole.

    Raises:
        DatasetError: the file cannot be read as a table.
    """
    return _read(path, header_only=False)


def _read(path: Path, *, header_only: bool) -> Table:
    for encoding in _ENCODINGS:
        try:
            with path.open(encoding=encoding, newline="") as stream:
                header = stream.readline()
                separator = max(",;\t", key=header.count)
                stream.seek(0)
                reader = csv.reader(stream, delimiter=separator)
                columns = tuple(tidy_column(name) for name in next(reader, []))
                rows: list[tuple[int, dict[str, str]]] = []
                if not header_only:
                    rows = [
                        (reader.line_num, dict(zip(columns, map(spreadsheet_plain, cells), strict=False)))
                        for cells in reader
                        if any(cell.strip() for cell in cells)
                    ]
        except UnicodeDecodeError:
            continue
        except csv.Error as error:
            raise DatasetError(f"{path} is not a table that can be read: {error}.") from error
        except OSError as error:
            raise DatasetError(f"{path} cannot be read: {error.strerror or error}.") from error
        return Table(path, columns, rows)
    raise DatasetError(f"{path} is not a table that can be read: it is not text; save it as CSV in UTF-8.")


def text_or_none(cell: str | None) -> str | None:
    """Return a cell's text, or `None` where it says that the value is not known."""
    text = (cell or "").strip()
    return None if text.lower() in _UNKNOWN else text


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

"""Text in tables that a spreadsheet is going to open."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Some spreadsheets take the full-width forms of these signs for them.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def spreadsheet_safe(cell: str) -> str:
    """Return a cell's text so that no spreadsheet takes it for a formula.

    A text that begins like one gets an apostrophe in front, which spreadsheets take as "this is text"; a number,
    negative ones included, stays as it is. `spreadsheet_plain` takes the apostrophe away again.

    Source: OWASP, CSV Injection.
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def spreadsheet_plain(cell: str) -> str:
    """Return the text that `spreadsheet_safe` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell, 1) else cell


def as_csv(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table as CSV, names of columns and cells as `spreadsheet_safe` returns them."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([spreadsheet_safe(cell) for cell in row] for row in (columns, *rows))
    return stream.getvalue()

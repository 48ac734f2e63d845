"""The first rows of the tables in a folder, for a user who chooses the columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trainer.dataset.fields import CLASS, FACTS, IMAGE
from trainer.dataset.reading.source.columns import Columns, Header
from trainer.dataset.reading.source.tables import PLAIN_SUFFIXES, TABLE_SUFFIXES, read_rows
from trainer.dataset.reading.source.walking import walk
from trainer.errors import DatasetError

if TYPE_CHECKING:
    from trainer.dataset.fields import Field

_ROWS = 10
_MOST_TABLES = 50
_FACTS = {field.name: field for field in FACTS}


class TablePreview(msgspec.Struct, frozen=True, kw_only=True):
    """A table as a user sees it who chooses its columns.

    Attributes:
        path: of the file.
        name: its path relative to the folder, with `/`.
        columns: as written.
        rows: the first ten, a cell for each column.
        recognised: the columns that are taken where none is chosen; `None` where there is none.
    """

    path: Path
    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    recognised: Columns


def preview_tables(source: Path) -> list[TablePreview]:
    """Return previews of the tables in a folder, or of a table; those that cannot be read are left out.

    Raises:
        DatasetError: the folder cannot be read.
    """
    if not source.is_dir():
        found = _preview(source, source.name)
        return [] if found is None else [found]
    suffixes = TABLE_SUFFIXES | PLAIN_SUFFIXES
    names = [name for name in walk(source).files if Path(name).suffix.lower() in suffixes]
    names.sort(key=lambda name: (Path(name).suffix.lower() in PLAIN_SUFFIXES, name.count("/"), name))
    previews = [_preview(source / name, name) for name in names[:_MOST_TABLES]]
    return [preview for preview in previews if preview is not None]


def _preview(path: Path, name: str) -> TablePreview | None:
    try:
        table = read_rows(path, _ROWS)
    except DatasetError:
        return None
    if len(table.columns) < 2 or not table.rows:  # noqa: PLR2004 - one for the image and one for the class
        return None
    header = table.header
    return TablePreview(
        path=path,
        name=name,
        columns=header.written,
        rows=tuple(tuple(cells.get(column, "") for column in table.columns) for _line, cells in table.rows),
        recognised=Columns(
            image=_written(header, IMAGE),
            class_name=_written(header, CLASS),
            lesion_id=_written(header, _FACTS["lesion_id"]),
            patient_id=_written(header, _FACTS["patient_id"]),
        ),
    )


def _written(header: Header, field: Field) -> str | None:
    column = header.column_of(field)
    return None if column is None else header.written[header.columns.index(column)]

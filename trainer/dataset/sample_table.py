"""The table of samples as text: written so that it can be imported again, also from a dataset that is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trainer.dataset import fields
from trainer.dataset.database import damaged, decoded, open_damaged
from trainer.errors import DatasetError, TrainerError
from trainer.files import printable
from trainer.tables import as_csv

if TYPE_CHECKING:
    from pathlib import Path

_COLUMNS: tuple[tuple[str, str], ...] = (
    ("path", "path"),
    (fields.CLASS.name, fields.CLASS.name),
    *((field.name, field.name) for field in fields.FACTS),
    ("split", "split"),
    ("group_id", "group_id"),
)
"""Column of the table, and of the dataset file."""


class SampleTable(msgspec.Struct, frozen=True):
    """The samples of a dataset as text.

    Attributes:
        csv: with a head; a row each, in the order of the sample ids.
        rows: how many there are.
        problem: what could not be read, in a sentence; empty if all could.
    """

    csv: str
    rows: int
    problem: str


def sample_table(dataset: Path) -> SampleTable:
    r"""Return the usable samples of a dataset as a table.

    Its columns are `path` (relative to the folder of the images), the class, the facts of `trainer.dataset.fields`,
    `split` and `group_id`; a cell is empty where nothing is known. Text that is not UTF-8 has its bytes written as
    `\xff`. Of a damaged file the rows are returned that can be read.

    Raises:
        DatasetError: the file is no dataset, or nothing of its samples can be read.
    """
    problem = ""
    rows: list[list[str]] = []
    with open_damaged(dataset) as opened:
        database = opened.database
        problem = opened.problem
        there = database.sample_columns()
        if "path" not in there or fields.CLASS.name not in there:
            raise DatasetError(f"{problem or dataset} None of its samples can be read.".strip())
        listed = ", ".join(source if source in there else "NULL" for _, source in _COLUMNS)
        usable = "WHERE usable IS NOT 0" if "usable" in there else ""
        try:
            for row in database.each(f"SELECT {listed} FROM samples {usable} ORDER BY rowid"):  # noqa: S608 - declared names
                rows.append([_text(value) for value in row])  # noqa: PERF401 - what came before an error is kept
        except TrainerError as error:
            problem = str(error)
        if database.odd_text and not problem:
            problem = str(damaged(dataset, "a text in it is not UTF-8"))
    if problem and not rows:
        raise DatasetError(problem)
    if problem:
        problem = f"{problem} The {len(rows):,} samples that can still be read were written."
    columns = [name for name, _ in _COLUMNS]
    return SampleTable(as_csv(columns, sorted(rows)), len(rows), problem)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return decoded(value)
    if isinstance(value, float):
        return f"{value:.15g}"
    return printable(value)

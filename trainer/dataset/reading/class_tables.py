"""Layouts whose table has a column for the class: HAM10000's own, and any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.dataset.classes import FULL_NAMES
from trainer.dataset.fields import CLASS, IMAGE
from trainer.dataset.reading.matching import Claim
from trainer.dataset.reading.table_layout import TableLayout, cells_of_facts, folder_of
from trainer.dataset.reading.tables import column_of, lacking, read_table, text_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainer.dataset.reading.scanning import Tree

_HAM_COLUMNS = ("image_id", "lesion_id", "dx")


def _missing_of_ham(columns: Sequence[str]) -> list[str]:
    return [name for name in _HAM_COLUMNS if name not in columns]


def _missing(columns: Sequence[str]) -> list[str]:
    return [lacking(field) for field in (IMAGE, CLASS) if column_of(field, columns) is None]


def _claims(tree: Tree, names: Sequence[str]) -> Iterator[Claim]:
    for name in names:
        table = read_table(tree.root / name)
        image, class_column = table.column_of(IMAGE), table.column_of(CLASS)
        assert image is not None
        assert class_column is not None
        folder = folder_of(table, tree)
        for line, cells in table.rows:
            class_name = text_or_none(cells.get(class_column)) or ""
            yield Claim(
                (cells.get(image) or "").strip(),
                folder,
                f"{table.path.name}, line {line}",
                class_name,
                None if class_name else "no class is given",
                cells_of_facts(table, cells),
            )


HAM10000 = TableLayout(
    name="ham10000",
    title="HAM10000 (Kaggle, Dataverse)",
    aliases=("kaggle",),
    example="HAM10000_metadata.csv",
    fits=lambda columns: not _missing_of_ham(columns),
    missing=_missing_of_ham,
    claims=_claims,
    classes=tuple(FULL_NAMES),
    short_names=True,
)
"""Images and one table with a row for each, as Kaggle and Dataverse ship HAM10000."""

CSV = TableLayout(
    name="csv",
    title="A table (CSV) of images and classes",
    example="classes.csv",
    fits=lambda columns: not _missing(columns),
    missing=_missing,
    claims=_claims,
    together=False,
)
"""Any table with a column for the image and one for the class."""

"""The layout of the ISIC challenges: a truth table with a column for each class, and metadata in other tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.dataset import fields
from trainer.dataset.classes import FULL_NAMES, HAM_CLASSES
from trainer.dataset.fields import IMAGE
from trainer.dataset.reading.matching import Claim
from trainer.dataset.reading.scanning import without_suffix
from trainer.dataset.reading.table_layout import TableLayout, cells_of_facts, folder_of
from trainer.dataset.reading.tables import column_of, lacking, read_table, text_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainer.dataset.reading.scanning import Tree

_CLASS_COLUMNS = {**{name: name for name in FULL_NAMES}, "ak": "akiec", "unk": "unk"}
"""Columns of the truth tables of 2018 and 2019 to class names; unk is no class."""

_FEWEST_CLASSES = 2
_MARKED = 0.5


def _fits(columns: Sequence[str]) -> bool:
    classes = _CLASS_COLUMNS.keys() & set(columns)
    return column_of(IMAGE, columns) is not None and len(classes) >= _FEWEST_CLASSES


def _missing(columns: Sequence[str]) -> list[str]:
    image = [lacking(IMAGE)] if column_of(IMAGE, columns) is None else []
    return image + [name.upper() for name in HAM_CLASSES if name not in columns]


def _claims(tree: Tree, names: Sequence[str]) -> Iterator[Claim]:
    companions = _companions(tree, names)
    for name in names:
        table = read_table(tree.root / name)
        image = table.column_of(IMAGE)
        assert image is not None
        folder = folder_of(table, tree)
        columns = [column for column in table.columns if column in _CLASS_COLUMNS]
        for line, cells in table.rows:
            marked = [column for column in columns if _is_marked(cells.get(column))]
            reference = (cells.get(image) or "").strip()
            yield Claim(
                reference,
                folder,
                f"{table.path.name}, line {line}",
                _CLASS_COLUMNS[marked[0]] if marked else "",
                _trouble(marked),
                {**companions.get(without_suffix(reference), {}), **cells_of_facts(table, cells)},
            )


def _trouble(marked: Sequence[str]) -> str | None:
    if len(marked) == 1:
        return None
    return f"{len(marked)} classes are marked ({', '.join(marked)})" if marked else "no class is marked"


def _is_marked(cell: str | None) -> bool:
    try:
        return float(cell or 0) > _MARKED
    except ValueError:
        return False


def _companions(tree: Tree, names: Sequence[str]) -> dict[str, dict[str, str | None]]:
    """Return what other tables (metadata, lesion groupings) say about each image."""
    facts: dict[str, dict[str, str | None]] = {}
    for name, columns in tree.tables.items():
        image = column_of(IMAGE, columns)
        if name in names or image is None or not any(column_of(field, columns) for field in fields.FACTS):
            continue
        table = read_table(tree.root / name)
        for _line, cells in table.rows:
            known = facts.setdefault(without_suffix((cells.get(image) or "").strip()), {})
            for field, cell in cells_of_facts(table, cells).items():
                if known.get(field) is None:
                    known[field] = text_or_none(cell)
    return facts


ISIC2018 = TableLayout(
    name="isic2018",
    title="ISIC challenge, truth table",
    example="ISIC2018_Task3_Training_GroundTruth.csv",
    fits=_fits,
    missing=_missing,
    claims=_claims,
    classes=tuple(FULL_NAMES),
    short_names=True,
)
"""Images and a table that marks the class of each, as the ISIC challenges of 2018 and 2019 ship them."""

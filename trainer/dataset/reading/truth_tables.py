"""The layout of the ISIC challenges: a truth table with a column for each class, and metadata in other tables."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from trainer.dataset import fields
from trainer.dataset.classes.names import FULL_NAMES, HAM_CLASSES
from trainer.dataset.fields import IMAGE
from trainer.dataset.reading.source.columns import lacking
from trainer.dataset.reading.source.tables import read_table, text_or_none
from trainer.dataset.reading.table_layout import TableLayout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainer.dataset.reading.matching import Claim
    from trainer.dataset.reading.source.columns import Header
    from trainer.dataset.reading.source.scanning import Tree
    from trainer.dataset.reading.source.tables import Table
    from trainer.dataset.reading.table_layout import Reading

_UNKNOWN_CLASS = "unk"
_CLASS_COLUMNS = {**{name: name for name in FULL_NAMES}, "ak": "akiec", _UNKNOWN_CLASS: _UNKNOWN_CLASS}
"""Columns of the truth tables of 2018 and later to class names; unk is no class."""

_OF_2017 = {"melanoma": "melanoma", "seborrheic_keratosis": "seborrheic keratosis"}
_NEITHER_2017 = "nevus"
"""The third class of 2017 has no column: it is marked by zeros (Codella et al., ISBI 2018)."""

_FEWEST_CLASSES = 2
_MARKED = 0.5

(_LESION,) = (field for field in fields.FACTS if field.name == "lesion_id")


def _fits(header: Header) -> bool:
    there = set(header.columns)
    classes = len(_CLASS_COLUMNS.keys() & there) >= _FEWEST_CLASSES or _OF_2017.keys() <= there
    named = header.column_of(IMAGE) is not None or header.column_of(_LESION) is not None
    return classes and named and fields.CLASS.name not in header.chosen


def _missing(header: Header) -> list[str]:
    image = [lacking(IMAGE)] if header.column_of(IMAGE) is None else []
    return image + [name.upper() for name in HAM_CLASSES if name not in header.columns]


def _claims(reading: Reading) -> Iterator[Claim]:
    for table in reading.tables:
        image = table.column_of(IMAGE)
        lesion = table.column_of(_LESION)
        images_of = _images_of_lesions(reading.tree) if image is None else {}
        classes = _classes_of(table)
        neither = _NEITHER_2017 if set(classes.values()) == set(_OF_2017.values()) else ""
        for line, cells in table.rows:
            marked = [column for column in classes if _is_marked(cells.get(column))]
            class_name = classes[marked[0]] if marked else neither
            if image is not None:
                references = [(cells.get(image) or "").strip()]
            else:
                assert lesion is not None
                references = images_of.get((cells.get(lesion) or "").strip(), [""])
            for reference in references:
                yield reading.claim(
                    table,
                    line,
                    cells,
                    reference=reference,
                    class_name=class_name,
                    trouble=_trouble(marked, class_name),
                )


def _classes_of(table: Table) -> dict[str, str]:
    """Return the columns that stand for classes, and the classes.

    Those of unknown names count, too, if every row with them has one mark at most: MILK10k has eleven classes.
    """
    written = dict(zip(table.columns, table.header.written, strict=True))
    known = {name: _CLASS_COLUMNS[name] for name in table.columns if name in _CLASS_COLUMNS}
    if not known:
        return dict(_OF_2017)
    facts = {table.column_of(field) for field in (IMAGE, *fields.FACTS)}
    others = [name for name in table.columns if name not in known and name not in facts and name]
    binary = [name for name in others if all(_is_mark(cells.get(name)) for _line, cells in table.rows)]
    all_of_them = {
        name: known.get(name, written[name]) for name in table.columns if name in known or name in binary
    }
    exclusive = all(
        sum(_is_marked(cells.get(name)) for name in all_of_them) <= 1 for _line, cells in table.rows
    )
    return all_of_them if exclusive else known


def _images_of_lesions(tree: Tree) -> dict[str, list[str]]:
    """Return the images of each lesion, from the tables that have both, for truth tables of lesions."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, header in tree.tables.items():
        image, lesion = header.column_of(IMAGE), header.column_of(_LESION)
        if image is not None and lesion is not None:
            for _line, cells in read_table(tree.root / name, tree.columns.chosen).rows:
                found[(cells.get(lesion) or "").strip()].append((cells.get(image) or "").strip())
    return found


def _trouble(marked: Sequence[str], class_name: str) -> str | None:
    if len(marked) > 1:
        return f"{len(marked)} classes are marked ({', '.join(marked)})"
    if not class_name:
        return "no class is marked"
    return "the class is marked as unknown" if class_name == _UNKNOWN_CLASS else None


def _is_mark(cell: str | None) -> bool:
    """Return whether a cell says yes, no or nothing."""
    return text_or_none(cell) is None or _number(cell) in {0.0, 1.0}


def _is_marked(cell: str | None) -> bool:
    return (_number(cell) or 0.0) > _MARKED


def _number(cell: str | None) -> float | None:
    try:
        return float((cell or "").replace(",", "."))
    except ValueError:
        return None


ISIC2018 = TableLayout(
    name="isic2018",
    title="ISIC challenge, truth table",
    example="ISIC2018_Task3_Training_GroundTruth.csv",
    fits=_fits,
    missing=_missing,
    claims=_claims,
    short_names=True,
)
"""Images and a table that marks the class of each, as the ISIC challenges since 2017 and MILK10k ship them."""

"""Layouts whose table has a column for the class: HAM10000's own, and any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.dataset.classes.names import FULL_NAMES
from trainer.dataset.fields import CLASS, IMAGE
from trainer.dataset.reading.source.columns import lacking
from trainer.dataset.reading.source.tables import text_or_none
from trainer.dataset.reading.table_layout import TableLayout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.dataset.reading.matching import Claim
    from trainer.dataset.reading.source.columns import Header
    from trainer.dataset.reading.source.tables import Table
    from trainer.dataset.reading.table_layout import Reading

_HAM_COLUMNS = ("image_id", "lesion_id", "dx")
_CODES = {
    "clinical_diagnosis": {"0": "common nevus", "1": "atypical nevus", "2": "melanoma"},
    "malignant": {"true": "malignant", "false": "benign", "1": "malignant", "0": "benign"},
}
"""What numbers mean in columns of published tables (PH2: Mendonca et al., EMBC 2013; DDI: Daneshjou et al., 2022)."""

_WELL_FILLED = 0.5  # share of the rows in which the usual column should know the class


def _missing_of_ham(header: Header) -> list[str]:
    return [name for name in _HAM_COLUMNS if name not in header.columns]


def _fits_ham(header: Header) -> bool:
    others = {CLASS.name, IMAGE.name} & header.chosen.keys()
    return not others and not _missing_of_ham(header)


def _missing(header: Header) -> list[str]:
    return [lacking(field) for field in (IMAGE, CLASS) if header.column_of(field) is None]


def _claims(reading: Reading) -> Iterator[Claim]:
    for table in reading.tables:
        image = table.column_of(IMAGE)
        assert image is not None
        class_column = _class_column(table, reading.notes)
        codes = _CODES.get(class_column, {})
        for line, cells in table.rows:
            written = text_or_none(cells.get(class_column)) or ""
            yield reading.claim(
                table,
                line,
                cells,
                reference=(cells.get(image) or "").strip(),
                class_name=codes.get(written.casefold(), written),
                trouble=None if written else "no class is given",
            )


def _class_column(table: Table, notes: list[str]) -> str:
    """Return the column that the classes are taken from: the usual one, unless it is mostly empty and another is full."""
    candidates = table.header.candidates(CLASS)
    known = {
        name: sum(text_or_none(cells.get(name)) is not None for _line, cells in table.rows)
        for name in candidates
    }
    first = candidates[0]
    best = max(candidates, key=known.__getitem__)
    if known[first] >= _WELL_FILLED * len(table.rows) or known[best] <= known[first]:
        return first
    notes.append(
        f"In {table.path.name} the column {first} gives the class of only {known[first]:,} of "
        f"{len(table.rows):,} rows, so the classes were taken from {best} ({known[best]:,} rows). Choose the "
        "class column to use the other one."
    )
    return best


HAM10000 = TableLayout(
    name="ham10000",
    title="HAM10000 (Kaggle, Dataverse)",
    aliases=("kaggle",),
    example="HAM10000_metadata.csv",
    fits=_fits_ham,
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
    fits=lambda header: not _missing(header),
    missing=_missing,
    claims=_claims,
    together=False,
)
"""Any table with a column for the image and one for the class."""

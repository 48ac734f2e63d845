"""Layouts in which a table names the images and their classes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from trainer.dataset import fields
from trainer.dataset.fields import CLASS, IMAGE, SPLIT
from trainer.dataset.reading.layout import Layout
from trainer.dataset.reading.matching import Claim, Matcher
from trainer.dataset.reading.source.columns import FOLDER_NAME, TABLE_NAME, Header
from trainer.dataset.reading.source.parts import part_named
from trainer.dataset.reading.source.scanning import without_suffix
from trainer.dataset.reading.source.tables import Table, read_table, text_or_none
from trainer.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trainer.dataset.reading.source.listing import Listing
    from trainer.dataset.reading.source.scanning import Tree

_NAMED = 12  # columns that fit into a sentence
_FORM = re.compile(r"submission", re.IGNORECASE)
"""Names of tables that are to be filled in for a challenge: their classes are made up."""


@dataclass
class Reading:
    """The tables of one reading.

    Attributes:
        tree: what lies in the folder.
        tables: those that name classes.
        notes: sentences a user should read.
        companions: what other tables say of each image: field to cell, by reference without suffix.
    """

    tree: Tree
    tables: list[Table]
    notes: list[str] = field(default_factory=list)
    companions: dict[str, dict[str, str | None]] = field(default_factory=dict)

    def claim(
        self,
        table: Table,
        line: int,
        cells: dict[str, str],
        *,
        reference: str,
        class_name: str,
        trouble: str | None,
        folder: str | None = None,
    ) -> Claim:
        """Return what a row says about an image; `folder` is where the reference is looked for, by default the table's."""
        place = table.path.relative_to(self.tree.root)
        known = self.companions.get(without_suffix(reference), {})
        own = cells_of_facts(table, cells)
        facts = {
            **known,
            **{name: cell for name, cell in own.items() if name not in known or text_or_none(cell)},
        }
        return Claim(
            reference,
            place.parent.as_posix() if folder is None else folder,
            f"{table.path.name}, line {line}",
            class_name,
            trouble,
            facts,
            place.as_posix(),
            self._part(table, cells, reference),
        )

    def _part(self, table: Table, cells: dict[str, str], reference: str) -> str | None:
        """Return what the chosen column, or the name of the table or folder, says of the part."""
        chosen = self.tree.columns.split
        if chosen is None:
            return None
        if chosen == TABLE_NAME:
            return table.path.stem
        if chosen == FOLDER_NAME:
            files = self.tree.find(reference, table.path.parent.relative_to(self.tree.root).as_posix())
            return PurePosixPath(files[0]).parent.as_posix() if files else ""
        column = table.column_of(SPLIT)
        return (cells.get(column) or "").strip() if column is not None else ""


@dataclass(frozen=True, kw_only=True)
class TableLayout(Layout):
    """A layout that is recognised by the columns of its table.

    Attributes:
        example: name of such a table.
        fits: whether these are the columns of such a table.
        missing: which columns it would need besides, in words.
        claims: what the tables say about images.
        classes: the only ones there may be; `None` for any.
        together: several such tables are read as one, even if they name images and classes by different columns.
    """

    example: str
    fits: Callable[[Header], bool]
    missing: Callable[[Header], list[str]]
    claims: Callable[[Reading], Iterable[Claim]]
    classes: tuple[str, ...] | None = None
    together: bool = True

    def recognises(self, tree: Tree) -> bool:
        """Return whether one of the tables fits."""
        return any(self._suits(header) for header in tree.candidates.values())

    def read(self, tree: Tree) -> Listing:
        """List the samples that tables name (see `Layout.read`)."""
        names = self._suitable(tree)
        tables = [read_table(tree.root / name, tree.columns.chosen) for name in names]
        notes = _together_in_words(names)
        notes += [
            f"{table.path.name} is not in UTF-8; its encoding was taken to be {table.encoding}. If names look wrong, "
            "save the table as UTF-8 and import again."
            for table in tables
            if table.encoding
        ]
        companions, beside = _companions(tree, names)
        reading = Reading(tree, tables, notes, companions)
        matcher = Matcher(tree, self.classes if "class_name" not in tree.columns.chosen else None)
        for claim in self.claims(reading):
            matcher.add(claim)
        matcher.report_rest()
        if tree.zeros_lost:
            notes.append(
                f"{tree.zeros_lost:,} references were matched by their number alone: a spreadsheet has "
                "removed their leading zeros."
            )
        for name in sorted(tree.tables.keys() - {*names, *beside}):
            matcher.passed_over[f"table that was not needed ({name})"] += 1
        return self.listing(tree, matcher.samples, matcher.problems, notes, matcher.passed_over)

    def _suits(self, header: Header) -> bool:
        return self.fits(header) and header.has_chosen()

    def _suitable(self, tree: Tree) -> list[str]:
        if not tree.candidates:
            raise DatasetError(
                f"There is no CSV table in {tree.root}; put the one that names the images' classes "
                f"(such as {self.example}) there."
            )
        suitable = [name for name, header in tree.candidates.items() if self._suits(header)]
        if not suitable:
            raise self.wrong_columns(tree)
        filled_in = [name for name in suitable if not _FORM.search(name)]
        suitable = filled_in or suitable
        columns = {
            (header.column_of(IMAGE), header.column_of(CLASS))
            for header in (tree.candidates[name] for name in suitable)
        }
        if len(columns) > 1 and not self.together:
            raise DatasetError(
                f"Several tables in {tree.root} name classes ({', '.join(suitable)}); give the one you want instead "
                "of the folder."
            )
        return suitable

    def wrong_columns(self, tree: Tree) -> DatasetError:
        """Return what to say where no table fits: what the likeliest one lacks."""
        name = min(tree.candidates, key=lambda table: len(self.missing(tree.candidates[table])))
        header = tree.candidates[name]
        if not header.columns:
            try:
                read_table(tree.root / name)
            except DatasetError as error:
                return error
            return DatasetError(
                f"The table {tree.root / name} is empty; use the one that names the images' classes."
            )
        found = ", ".join(header.columns[:_NAMED]) + (" ..." if len(header.columns) > _NAMED else "")
        return DatasetError(
            f"The table {tree.root / name} has the wrong columns: missing {' and '.join(self.missing(header))}; "
            f"found {found}. If other columns hold these, choose them (--image-column, --class-column)."
        )


def cells_of_facts(table: Table, cells: dict[str, str]) -> dict[str, str | None]:
    """Return a row's cells by name of the fact that they are about."""
    columns = {field.name: table.column_of(field) for field in fields.FACTS}
    return {name: cells.get(column) for name, column in columns.items() if column is not None}


def _together_in_words(names: Sequence[str]) -> list[str]:
    """Return a sentence on tables that are read together, if there are several."""
    if len(names) < 2:  # noqa: PLR2004 - one is read alone
        return []
    listed = f"These tables were read together: {', '.join(names)}."
    if any(part_named(PurePosixPath(name).stem) == "test" for name in names):
        listed += " `split` makes its own parts; --split-column table takes them from these names."
    return [listed]


def _companions(tree: Tree, names: Sequence[str]) -> tuple[dict[str, dict[str, str | None]], list[str]]:
    """Return what tables without classes (metadata, lesion groupings) say about each image, and these tables."""
    facts: dict[str, dict[str, str | None]] = {}
    used = []
    for name, header in tree.tables.items():
        image = header.column_of(IMAGE)
        if name in names or image is None or not any(header.column_of(fact) for fact in fields.FACTS):
            continue
        if header.column_of(CLASS) is not None and header.column_of(CLASS) in header.chosen.values():
            continue
        table = read_table(tree.root / name, tree.columns.chosen)
        used.append(name)
        for _line, cells in table.rows:
            known = facts.setdefault(without_suffix((cells.get(image) or "").strip()), {})
            for fact, cell in cells_of_facts(table, cells).items():
                if known.get(fact) is None:
                    known[fact] = text_or_none(cell)
    return facts, used

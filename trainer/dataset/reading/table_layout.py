"""Layouts in which a table names the images and their classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.dataset import fields
from trainer.dataset.reading.layout import Layout
from trainer.dataset.reading.matching import Claim, Matcher
from trainer.dataset.reading.tables import Table, read_table
from trainer.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trainer.dataset.reading.listing import Listing
    from trainer.dataset.reading.scanning import Tree

_NAMED = 12  # columns that fit into a sentence


@dataclass(frozen=True, kw_only=True)
class TableLayout(Layout):
    """A layout that is recognised by the columns of its table.

    Attributes:
        example: name of such a table.
        fits: whether tidy column names are those of such a table.
        missing: which columns it would need besides, in words.
        claims: what the tables of these names say about images.
        classes: the only ones there may be; `None` for any.
        together: several such tables are read as one.
    """

    example: str
    fits: Callable[[Sequence[str]], bool]
    missing: Callable[[Sequence[str]], list[str]]
    claims: Callable[[Tree, Sequence[str]], Iterable[Claim]]
    classes: tuple[str, ...] | None = None
    together: bool = True

    def recognises(self, tree: Tree) -> bool:
        """Return whether one of the tables fits."""
        return any(self.fits(columns) for columns in tree.candidates.values())

    def read(self, tree: Tree) -> Listing:
        """List the samples that tables name (see `Layout.read`)."""
        names = self._suitable(tree)
        notes = [f"These tables were read together: {', '.join(names)}."] if len(names) > 1 else []
        matcher = Matcher(tree, self.classes)
        for claim in self.claims(tree, names):
            matcher.add(claim)
        matcher.report_rest()
        return self.listing(tree, matcher.samples, matcher.problems, notes)

    def _suitable(self, tree: Tree) -> list[str]:
        if not tree.candidates:
            raise DatasetError(
                f"There is no CSV table in {tree.root}; put the one that names the images' classes "
                f"(such as {self.example}) there."
            )
        suitable = [name for name, columns in tree.candidates.items() if self.fits(columns)]
        if not suitable:
            raise self.wrong_columns(tree)
        if len(suitable) > 1 and not self.together:
            raise DatasetError(
                f"Several tables in {tree.root} name classes ({', '.join(suitable)}); give the one you want instead "
                "of the folder."
            )
        return suitable

    def wrong_columns(self, tree: Tree) -> DatasetError:
        """Return what to say where no table fits: what the likeliest one lacks."""
        name = min(tree.candidates, key=lambda table: len(self.missing(tree.candidates[table])))
        columns = tree.candidates[name]
        if not columns:
            try:
                read_table(tree.root / name)
            except DatasetError as error:
                return error
            return DatasetError(
                f"The table {tree.root / name} is empty; take the one that names the images' classes."
            )
        found = ", ".join(columns[:_NAMED]) + (" ..." if len(columns) > _NAMED else "")
        return DatasetError(
            f"The table {tree.root / name} has the wrong columns: missing {' and '.join(self.missing(columns))}; "
            f"found {found}."
        )


def cells_of_facts(table: Table, cells: dict[str, str]) -> dict[str, str | None]:
    """Return a row's cells by name of the fact that they are about."""
    columns = {field.name: table.column_of(field) for field in fields.FACTS}
    return {name: cells.get(column) for name, column in columns.items() if column is not None}


def folder_of(table: Table, tree: Tree) -> str:
    """Return a table's folder, relative to the root."""
    return table.path.parent.relative_to(tree.root).as_posix()

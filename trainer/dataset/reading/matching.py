"""Brings the rows of tables and the files of a folder together, and says what does not fit."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from trainer.dataset import fields
from trainer.dataset.classes.names import class_identity
from trainer.dataset.reading.source.listing import Found, Problem, ProblemKind
from trainer.dataset.reading.source.scanning import Tree, without_suffix
from trainer.dataset.reading.source.tables import identifier_or_none, number_or_none, text_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.dataset.fields import Value


class Claim(msgspec.Struct, frozen=True):
    """What a table's row says about an image.

    Attributes:
        reference: the image's id, name or path as written.
        folder: of the table, relative to the root.
        where: table and line, in words.
        class_name: as written or marked; empty if none is.
        trouble: why there is no class, in words.
        cells: text by field name.
        table: path of the table, relative to the root.
        part: of a split, as written; `None` if none is asked for.
    """

    reference: str
    folder: str
    where: str
    class_name: str
    trouble: str | None
    cells: dict[str, str | None]
    table: str = ""
    part: str | None = None


class Matcher:
    """Brings rows and files together, one row after the other.

    Args:
        tree: of the source.
        known: the only classes there may be, or `None` for any.
    """

    def __init__(self, tree: Tree, known: Sequence[str] | None) -> None:
        self._tree = tree
        self._known = known
        self._first: dict[str, Claim] = {}
        self._taken: dict[str, str] = {}
        self.samples: list[Found] = []
        self.problems = list(tree.problems)
        self.passed_over = Counter(tree.passed_over)

    def add(self, claim: Claim) -> None:
        """Take a row for a sample or for a problem."""
        files = self._tree.find(claim.reference, claim.folder) if claim.reference else []
        sample_id = _sample_id(claim.reference, files)
        if self._repeats(claim, sample_id):
            self.passed_over["rows that repeat one of another table"] += 1
            return
        trouble = self._row_trouble(claim, sample_id, files)
        if trouble is not None:
            self._report(*trouble, files[0] if files else "", sample_id)
            return
        path = files[0]
        for other in files:
            self._taken.setdefault(other, sample_id)
        for other in files[1:]:
            self._report(
                "id-twice",
                f"There is another file for {sample_id}; {path} is used, {other} is not.",
                other,
                sample_id,
            )
        reason = self._class_trouble(claim)
        if reason is not None:
            self._report("unknown-class", reason, path, sample_id)
            return
        facts = self._facts(claim, path, sample_id)
        self.samples.append(
            Found(
                sample_id=sample_id,
                path=path,
                class_name=claim.class_name,
                facts=facts,
                given_part=claim.part,
            )
        )

    def _repeats(self, claim: Claim, sample_id: str) -> bool:
        """Return whether another table has said the same of the image: tables of folds name each several times."""
        earlier = self._first.get(sample_id)
        return (
            earlier is not None
            and earlier.table != claim.table
            and (earlier.class_name, earlier.part) == (claim.class_name, claim.part)
        )

    def _facts(self, claim: Claim, path: str, sample_id: str) -> dict[str, Value]:
        """Return what a row says, without values that make no sense: these are reported."""
        facts: dict[str, Value] = {}
        for field in fields.FACTS:
            cell = claim.cells.get(field.name)
            if field.kind == "text":
                facts[field.name] = identifier_or_none(cell) if field.identifier else text_or_none(cell)
                continue
            facts[field.name], sensible = number_or_none(cell, field)
            if not sensible:
                reason = (
                    f"{claim.where}: {cell!r} is not a valid {field.title.lower()}; it is treated as unknown."
                )
                self._report("odd-value", reason, path, sample_id)
        return facts

    def report_rest(self) -> None:
        """Report the files that no row names."""
        for path in self._tree.images:
            if path not in self._taken:
                name = without_suffix(path.rpartition("/")[2])
                self._report("without-metadata", f"No table has a row for {path}.", path, name)

    def _report(self, kind: ProblemKind, reason: str, path: str, sample_id: str) -> None:
        self.problems.append(Problem(path=path, sample_id=sample_id or None, kind=kind, reason=reason))

    def _row_trouble(
        self, claim: Claim, sample_id: str, files: Sequence[str]
    ) -> tuple[ProblemKind, str] | None:
        if not claim.reference:
            return "missing", f"{claim.where} names no image."
        earlier = self._first.setdefault(sample_id, claim)
        if earlier is not claim:
            same = (earlier.class_name, earlier.cells) == (claim.class_name, claim.cells)
            return "id-twice", (
                f"{claim.where} names {sample_id} again, with {'the same' if same else 'other'} facts; "
                f"{earlier.where} is used."
            )
        if not files:
            return "missing", (
                f"{claim.where} names {claim.reference}, but there is no such image in {self._tree.root}."
            )
        if files[0] in self._taken:
            return "id-twice", (
                f"{claim.where} names the file {files[0]}, which {self._taken[files[0]]} already uses."
            )
        return None

    def _class_trouble(self, claim: Claim) -> str | None:
        if claim.trouble is not None:
            return f"{claim.where}: {claim.trouble}."
        if self._known is not None and class_identity(claim.class_name) not in self._known:
            return (
                f"{claim.where}: the class {claim.class_name!r} is not one of this layout's classes "
                f"({', '.join(self._known)})."
            )
        return None


def _sample_id(reference: str, files: Sequence[str]) -> str:
    if files and (reference.startswith(("/", "\\\\")) or reference[1:2] == ":"):
        # An absolute path says where the images once lay; the id is to outlive a move.
        return without_suffix(files[0])
    return without_suffix(reference.removeprefix("./"))

"""The marks of a dataset's classes: set by the user, else derived from their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trainer.dataset.classes.malignancy import Malignancy, Marks, malignancy_by_name, marks_of
from trainer.dataset.classes.names import spelt_as
from trainer.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trainer.dataset.database import Database
    from trainer.errors import TrainerError


class ClassList(msgspec.Struct, frozen=True, kw_only=True):
    """The classes of a dataset, or of a bundle.

    Attributes:
        classes: name to number of usable samples; of a bundle, of those it was trained, chosen and tested on.
        malignant: names of those that are malignant or precancerous, sorted.
        benign: names of those that are benign, sorted.
        not_stated: names of the others, sorted.
    """

    classes: dict[str, int]
    malignant: tuple[str, ...]
    benign: tuple[str, ...]
    not_stated: tuple[str, ...]


def used_classes(database: Database) -> tuple[str, ...]:
    """Return the names of the classes that usable samples have, sorted."""
    rows = database.rows("SELECT DISTINCT class_name FROM samples WHERE usable ORDER BY 1")
    return tuple(name for (name,) in rows)


def stored_marks(database: Database) -> Marks:
    """Return the marks of the classes that usable samples have."""
    said = _said(database)
    return marks_of({name: said.get(name) or malignancy_by_name(name) for name in used_classes(database)})


def class_list(database: Database) -> ClassList:
    """Return the classes of a dataset with their counts and marks."""
    rows = database.rows("SELECT class_name, count(*) FROM samples WHERE usable GROUP BY 1 ORDER BY 1")
    counts = {str(name): int(n) for name, n in rows}
    marks = stored_marks(database)
    return ClassList(
        classes=counts, malignant=marks.malignant, benign=marks.benign, not_stated=marks.not_stated(counts)
    )


def mark(
    database: Database,
    *,
    malignant: Sequence[str] = (),
    benign: Sequence[str] = (),
    by_name: Sequence[str] = (),
) -> None:
    """Mark classes as malignant or benign; the others keep their marks.

    Args:
        database: of the dataset.
        malignant: names of classes that are malignant or precancerous, in any spelling.
        benign: names of classes that are benign.
        by_name: names of classes of which their name decides again.

    Raises:
        DatasetError: a name is not a class of this dataset, or is given twice.
    """
    said = spelt_classes(
        str(database.path),
        used_classes(database),
        {"malignant": malignant, "benign": benign, "not stated": by_name},
    )
    values = {"malignant": 1, "benign": 0, "not stated": None}
    database.run_many(
        "UPDATE classes SET marked = ? WHERE class_name = ?",
        [(values[kind], name) for name, kind in said.items()],
    )


def spelt_classes(
    where: str,
    classes: Collection[str],
    said: Mapping[Malignancy, Sequence[str]],
    *,
    error: type[TrainerError] = DatasetError,
) -> dict[str, Malignancy]:
    """Return how classes are to be marked, by their own names.

    Args:
        where: whose classes they are, for the message.
        classes: all names.
        said: names in any spelling, by what they are said to be.
        error: raised where a name is not a class, or is said to be two things.
    """
    found: dict[str, Malignancy] = {}
    for kind, names in said.items():
        for name in names:
            spelt = spelt_as(name, classes)
            if spelt not in classes:
                raise error(f"{where} has no class {name!r}; its classes are {', '.join(classes)}.")
            if found.get(spelt, kind) != kind:
                raise error(f"Class {name!r} cannot be both; mark it as malignant or as benign.")
            found[spelt] = kind
    return found


def _said(database: Database) -> dict[str, Malignancy]:
    """Return what a user has said; a file of version 2 that was not written to holds malignant ones alone."""
    columns = {row[1] for row in database.rows("PRAGMA table_info(classes)")}
    column = "marked" if "marked" in columns else "nullif(malignant, 0)"
    rows = database.rows(f"SELECT class_name, {column} FROM classes WHERE {column} IS NOT NULL")  # noqa: S608 - one of two texts above
    return {name: "malignant" if value else "benign" for name, value in rows}

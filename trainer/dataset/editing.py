"""Corrections of samples by hand, and the log for undoing them."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING

from trainer.dataset import fields
from trainer.dataset.classes.names import spelt_as, tidy_class
from trainer.dataset.database import damaged
from trainer.dataset.groups.regrouping import regroup
from trainer.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.dataset.database import Database
    from trainer.dataset.fields import Field, Value


def edit(database: Database, sample_ids: Sequence[str], wanted: Mapping[str, Value]) -> None:
    """Change fields of samples, and log it (see `DatasetStore.edit`)."""
    values = {name: _checked(name, value) for name, value in wanted.items()}
    if not sample_ids or not values:
        return
    with database.transaction():
        before = _snapshot(database)
        missing = [sample_id for sample_id in sample_ids if sample_id not in before]
        if missing:
            raise DatasetError(f"{database.path} has no sample {missing[0]!r}; check the name.")
        if isinstance(values.get("class_name"), str):
            there = [str(row[0]) for row in database.rows("SELECT DISTINCT class_name FROM samples")]
            values["class_name"] = spelt_as(str(values["class_name"]), there)
            add_classes(database, [str(values["class_name"])])
        setting = ", ".join(f"{name} = ?" for name in values)
        database.run_many(
            f"UPDATE samples SET {setting} WHERE sample_id = ?",  # noqa: S608 - names are checked to be editable
            [(*values.values(), sample_id) for sample_id in sample_ids],
        )
        regroup(database)
        after = _snapshot(database)
        described = ", ".join(
            f"{name} = {'unknown' if value is None else value}" for name, value in values.items()
        )
        plural = "" if len(sample_ids) == 1 else "s"
        database.run(
            "INSERT INTO edits (made, description) VALUES (?, ?)",
            (
                dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                f"{len(sample_ids)} sample{plural}: {described}",
            ),
        )
        ((edit_id,),) = database.rows("SELECT last_insert_rowid()")
        database.run_many(
            "INSERT INTO edit_changes VALUES (?, ?, ?, ?, ?)",
            [
                (edit_id, sample_id, field, old, new)
                for sample_id, olds in before.items()
                for field, old, new in zip(_logged(), olds, after[sample_id], strict=True)
                if old != new
            ],
        )


def undo(database: Database) -> str | None:
    """Undo the latest edit (see `DatasetStore.undo`)."""
    with database.transaction():
        latest = database.rows("SELECT edit_id, description FROM edits ORDER BY edit_id DESC LIMIT 1")
        if not latest:
            return None
        edit_id, description = latest[0]
        changed = database.rows("SELECT DISTINCT field FROM edit_changes WHERE edit_id = ?", (edit_id,))
        if not {field for (field,) in changed} <= set(_logged()):
            raise damaged(database.path, "its log of corrections names columns that samples do not have")
        for sample_id, field, before in database.rows(
            "SELECT sample_id, field, before FROM edit_changes WHERE edit_id = ?", (edit_id,)
        ):
            database.run(
                f"UPDATE samples SET {field} = ? WHERE sample_id = ?",  # noqa: S608 - the log holds names of columns only
                (before, sample_id),
            )
        database.run("DELETE FROM edits WHERE edit_id = ?", (edit_id,))
        regroup(database)
        return str(description)


def edited_fields(database: Database) -> dict[str, set[str]]:
    """Return the fields of each sample that were corrected by hand; an import leaves them alone."""
    edited: dict[str, set[str]] = {}
    for sample_id, field in database.rows("SELECT sample_id, field FROM edit_changes WHERE field <> 'split'"):
        edited.setdefault(sample_id, set()).add(field)
    return edited


def add_classes(database: Database, class_names: Sequence[str]) -> None:
    """Add classes; their names say whether they are malignant until a user does."""
    database.run_many(
        "INSERT OR IGNORE INTO classes (class_name) VALUES (?)", [(name,) for name in class_names]
    )


def _logged() -> tuple[str, ...]:
    return (*fields.editable(), "split")


def _snapshot(database: Database) -> dict[str, tuple[Value, ...]]:
    rows = database.rows(f"SELECT sample_id, {', '.join(_logged())} FROM samples")  # noqa: S608 - names are declared
    return {sample_id: tuple(rest) for sample_id, *rest in rows}


def _checked(name: str, value: Value) -> Value:
    field = fields.editable().get(name)
    if field is None:
        raise DatasetError(
            f"A sample's {name!r} cannot be changed; these can: {', '.join(fields.editable())}."
        )
    if field.kind == "number":
        return None if value is None else _number(field, value)
    text = None if value is None else str(value).strip() or None
    if field is not fields.CLASS:
        return text
    if text is None:
        raise DatasetError("A sample must have a class; give its name.")
    return tidy_class(text)


def _number(field: Field, value: str | float) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not field.least <= number <= field.most:
        raise DatasetError(
            f"{value!r} is not a valid {field.title.lower()}; give {field.unit or 'a number'} from "
            f"{field.least:g} to {field.most:g}, or nothing."
        )
    return number

"""What an import reads from a dataset file and writes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trainer.dataset import fields
from trainer.dataset.classes.names import spelt_as
from trainer.dataset.editing import add_classes, edited_fields
from trainer.dataset.fields import CLASS, Value
from trainer.dataset.reading.source.listing import Found, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from trainer.dataset.database import Database


class FileState(msgspec.Struct, frozen=True):
    """By what a file is recognised as unchanged: its size in bytes and its time of change in nanoseconds."""

    bytes: int
    mtime_ns: int


class Known(msgspec.Struct, frozen=True):
    """A sample that is in the dataset already.

    Attributes:
        path: relative to the root.
        state: of the file when it was decoded.
        usable: whether the file was there and sound.
        values: of the class and the facts, in the order of `trainer.dataset.fields.recorded`.
        corrections: values that were entered by hand, by field; classes are spelt as in the listing.
    """

    path: str
    state: FileState
    usable: bool
    values: tuple[Value, ...]
    corrections: dict[str, Value]


class Checked(msgspec.Struct, frozen=True):
    """A sample whose file has been decoded.

    Attributes:
        sample: what tables say.
        state: of the file.
        width, height: pixels, upright.
        sha256: of the file.
        thumbnail, detail: miniatures, see `trainer.dataset.likeness.looks`.
    """

    sample: Found
    state: FileState
    width: int
    height: int
    sha256: str
    thumbnail: bytes
    detail: bytes


class Rejected(msgspec.Struct, frozen=True):
    """A file that could not be decoded."""

    problem: Problem
    state: FileState


def known_samples(database: Database, listed: Collection[str]) -> dict[str, Known]:
    """Return the samples that are in the dataset by id.

    Args:
        database: of the dataset.
        listed: names of classes that the listing has; corrections by hand are spelt the same.
    """
    spelt = {str(name): spelt_as(name, listed) for (name,) in database.rows("SELECT class_name FROM classes")}
    edited = edited_fields(database)

    def corrections(sample_id: str, values: Sequence[Value]) -> dict[str, Value]:
        named = {CLASS.name: spelt[str(values[0])]}
        entered = edited.get(sample_id, ())
        return {
            name: named.get(name, v)
            for name, v in zip(fields.recorded(), values, strict=True)
            if name in entered
        }

    return {
        sample_id: Known(
            path, FileState(size, mtime), bool(usable), tuple(values), corrections(sample_id, values)
        )
        for sample_id, path, size, mtime, usable, *values in database.rows(
            f"SELECT sample_id, path, bytes, mtime_ns, usable, {', '.join(fields.recorded())} FROM samples"  # noqa: S608 - names are declared
        )
    }


def rejected_files(database: Database) -> dict[str, FileState]:
    """Return the state of files that could not be decoded by path."""
    return {
        path: FileState(size, mtime)
        for path, size, mtime in database.rows(
            "SELECT path, bytes, mtime_ns FROM problems WHERE bytes IS NOT NULL"
        )
    }


def record_listing(
    database: Database,
    *,
    problems: Sequence[Problem],
    listed: Sequence[Found],
    known: dict[str, Known],
    gone: Sequence[str],
) -> int:
    """Store what tables and folders say before anything is decoded.

    Args:
        database: of the dataset.
        problems: take the place of those an earlier listing found.
        listed: samples that are in the dataset with an unchanged file.
        known: what is in the dataset.
        gone: ids of samples whose file or row is no longer there.

    Returns:
        Number of samples whose facts have changed.
    """
    with database.transaction():
        database.run("DELETE FROM problems WHERE bytes IS NULL")
        database.run_many(
            "INSERT INTO problems (path, sample_id, kind, reason) VALUES (?, ?, ?, ?)",
            [(p.path, p.sample_id, p.kind, p.reason) for p in problems],
        )
        database.run_many(
            "UPDATE samples SET usable = 0 WHERE sample_id = ?", [(sample_id,) for sample_id in gone]
        )
        changes = []
        for sample in listed:
            before = known[sample.sample_id]
            values = merged_values(sample, before)
            if values != before.values or not before.usable:
                changes.append((*values, sample.sample_id))
        _add_classes_of(database, (change[0] for change in changes))
        setting = ", ".join(f"{name} = ?" for name in fields.recorded())
        database.run_many(f"UPDATE samples SET {setting}, usable = 1 WHERE sample_id = ?", changes)  # noqa: S608 - names are declared
        return len(changes)


def record_checked(
    database: Database, checked: Sequence[Checked], rejected: Sequence[Rejected], known: dict[str, Known]
) -> None:
    """Store a batch of decoded files, in one transaction."""
    with database.transaction():
        paths = [(item.sample.path,) for item in checked] + [(item.problem.path,) for item in rejected]
        database.run_many("DELETE FROM problems WHERE bytes IS NOT NULL AND path = ?", paths)
        database.run_many(
            "INSERT INTO problems (path, sample_id, kind, reason, bytes, mtime_ns) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (p.path, p.sample_id, p.kind, p.reason, item.state.bytes, item.state.mtime_ns)
                for item in rejected
                for p in (item.problem,)
            ],
        )
        database.run_many(
            "UPDATE samples SET usable = 0 WHERE sample_id = ?",
            [(item.problem.sample_id,) for item in rejected],
        )
        merged = [merged_values(item.sample, known.get(item.sample.sample_id)) for item in checked]
        _add_classes_of(database, (values[0] for values in merged))
        names = (*fields.recorded(), "path", "bytes", "mtime_ns", "width", "height", "sha256")
        updates = ", ".join(f"{name} = excluded.{name}" for name in names)
        database.run_many(
            f"INSERT INTO samples (sample_id, group_id, usable, {', '.join(names)})"  # noqa: S608 - names are declared
            f" VALUES (?, ?, 1{', ?' * len(names)})"
            f" ON CONFLICT (sample_id) DO UPDATE SET usable = 1, {updates}",
            [
                (
                    item.sample.sample_id,
                    item.sample.sample_id,
                    *values,
                    item.sample.path,
                    item.state.bytes,
                    item.state.mtime_ns,
                    item.width,
                    item.height,
                    item.sha256,
                )
                for item, values in zip(checked, merged, strict=True)
            ],
        )
        _record_looks(database, checked, known)


def _record_looks(database: Database, checked: Sequence[Checked], known: dict[str, Known]) -> None:
    for sample_id in (item.sample.sample_id for item in checked):
        if sample_id in known:
            # What looked like the old picture may still look like each other: compare it anew.
            database.run(
                "UPDATE looks SET compared = 0 WHERE sample_id IN ("
                "SELECT first_id FROM near_duplicates WHERE second_id = ?1"
                " UNION SELECT second_id FROM near_duplicates WHERE first_id = ?1)",
                (sample_id,),
            )
            database.run("DELETE FROM near_duplicates WHERE ?1 IN (first_id, second_id)", (sample_id,))
    database.run_many(
        "INSERT INTO looks (sample_id, thumbnail, detail) VALUES (?, ?, ?)"
        " ON CONFLICT (sample_id) DO UPDATE SET compared = 0, thumbnail = excluded.thumbnail,"
        " detail = excluded.detail",
        [(item.sample.sample_id, item.thumbnail, item.detail) for item in checked],
    )


def merged_values(sample: Found, known: Known | None) -> tuple[Value, ...]:
    """Return a sample's class and facts, in the order of `fields.recorded`: as listed, or as corrected by hand."""
    listed = (sample.class_name, *(sample.facts.get(field.name) for field in fields.FACTS))
    if known is None or not known.corrections:
        return listed
    return tuple(
        known.corrections.get(name, value) for name, value in zip(fields.recorded(), listed, strict=True)
    )


def forget_rejected(database: Database, paths: Iterable[str]) -> None:
    """Remove the problems of files that are no longer there."""
    database.run_many(
        "DELETE FROM problems WHERE bytes IS NOT NULL AND path = ?", [(path,) for path in paths]
    )


def _add_classes_of(database: Database, names: Iterable[Value]) -> None:
    add_classes(database, sorted({str(name) for name in names}))

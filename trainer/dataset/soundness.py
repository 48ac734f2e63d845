"""Whether a dataset file is built as this program builds it: its tables are tables, their values of the right types.

SQLite takes any value in any column and lets a view, which may never end, stand for a table. What is checked here
once, when a file is opened, need not be expected anywhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.dataset import fields

if TYPE_CHECKING:
    import sqlite3

_TEXT, _INTEGER, _BLOB = ("text",), ("integer",), ("blob",)
_MAYBE_TEXT, _MAYBE_INTEGER, _MAYBE_NUMBER = (
    ("text", "null"),
    ("integer", "null"),
    ("real", "integer", "null"),
)

_TYPES: dict[str, dict[str, tuple[str, ...]]] = {
    "facts": {"name": _TEXT, "value": _TEXT},
    "classes": {"class_name": _TEXT},
    "samples": {
        "sample_id": _TEXT,
        "path": _TEXT,
        "class_name": _TEXT,
        "group_id": _TEXT,
        "split": _MAYBE_TEXT,
        "width": _INTEGER,
        "height": _INTEGER,
        "bytes": _INTEGER,
        "mtime_ns": _INTEGER,
        "sha256": _TEXT,
        "usable": _INTEGER,
    },
    "looks": {"sample_id": _TEXT, "thumbnail": _BLOB, "detail": _BLOB},
    "near_duplicates": {"first_id": _TEXT, "second_id": _TEXT},
    "problems": {
        "path": _TEXT,
        "sample_id": _MAYBE_TEXT,
        "kind": _TEXT,
        "reason": _TEXT,
        "bytes": _MAYBE_INTEGER,
        "mtime_ns": _MAYBE_INTEGER,
    },
    "edits": {"edit_id": _INTEGER, "made": _TEXT, "description": _TEXT},
    "edit_changes": {"edit_id": _INTEGER, "sample_id": _TEXT, "field": _TEXT},
}
"""What every version of a dataset holds; facts of samples may be lacking."""

_THUMBNAIL_BYTES = 256  # see `trainer.dataset.likeness.looks.thumbnail_of`


def fault_of(connection: sqlite3.Connection) -> str:
    """Return a phrase on what is wrong with the tables of a dataset; empty if nothing is.

    Args:
        connection: of the file.

    Raises:
        sqlite3.Error: the file is damaged further down.
    """
    return _fault_of_tables(connection) or _fault_of_types(connection) or _fault_of_values(connection)


def _fault_of_tables(connection: sqlite3.Connection) -> str:
    objects = dict(connection.execute("SELECT name, type FROM sqlite_schema").fetchall())
    for name, kind in objects.items():
        if kind not in {"table", "index"}:
            return f"it holds the {kind} {name!r}, which no dataset has"
    for table, types in _TYPES.items():
        if objects.get(table) != "table":
            return f"the table {table} is missing"
        lacking = sorted(set(types) - _columns(connection, table))
        if lacking:
            return f"the column {lacking[0]} of the table {table} is missing"
    return ""


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


def _fault_of_types(connection: sqlite3.Connection) -> str:
    facts = _types_of_facts(_columns(connection, "samples"))
    for table, types in _TYPES.items():
        fault = _odd_value(connection, table, {**types, **facts} if table == "samples" else types)
        if fault:
            return fault
    return ""


def _fault_of_values(connection: sqlite3.Connection) -> str:
    # SQLite checks constraints only of what may be written to.
    parts = "SELECT split FROM samples WHERE split NOT IN ('train', 'validation', 'test') LIMIT 1"
    if part := connection.execute(parts).fetchone():
        return f"a sample is in the part {part[0][:40]!r}, which no split has"
    # No path can hold a zero byte; Python raises an error of its own for one.
    zero = "SELECT 1 FROM samples WHERE instr(path, char(0)) UNION ALL SELECT 1 FROM facts WHERE instr(value, char(0))"
    if connection.execute(f"{zero} LIMIT 1").fetchone():
        return "a path in it holds a zero byte"
    odd = connection.execute("SELECT 1 FROM looks WHERE length(thumbnail) <> ? LIMIT 1", (_THUMBNAIL_BYTES,))
    return "a thumbnail has a different size from all others" if odd.fetchone() else ""


def _types_of_facts(there: set[str]) -> dict[str, tuple[str, ...]]:
    return {
        field.name: _MAYBE_NUMBER if field.kind == "number" else _MAYBE_TEXT
        for field in fields.FACTS
        if field.name in there
    }


def _odd_value(connection: sqlite3.Connection, table: str, types: dict[str, tuple[str, ...]]) -> str:
    tests = {
        column: f"typeof({column}) NOT IN ({', '.join(map(repr, allowed))})"
        for column, allowed in types.items()
    }
    any_odd = f"SELECT 1 FROM {table} WHERE {' OR '.join(tests.values())} LIMIT 1"  # noqa: S608 - declared names
    if connection.execute(any_odd).fetchone() is None:
        return ""
    for column, test in tests.items():
        found = connection.execute(f"SELECT typeof({column}), {column} FROM {table} WHERE {test} LIMIT 1")  # noqa: S608 - declared names
        row = found.fetchone()
        if row is not None:
            value = "empty" if row[1] is None else repr(row[1])[:40]
            return f"{column} of a row of {table} is {value}, which is not of type {types[column][0]}"
    return ""

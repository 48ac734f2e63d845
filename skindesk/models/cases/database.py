"""The SQLite file of all cases: made for this user's eyes alone, opened anew for each piece of work.

Whatever is deleted is overwritten (`secure_delete`), and nothing of it is put into temporary files.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

from trainer.errors import StorageError, TrainerError
from trainer.files import explained

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_NAME = "cases.db"
SCHEMA_VERSION = 1
_APPLICATION_ID = 0x534B4443  # "SKDC"
_BUSY_SECONDS = 15.0  # for another window that writes

_TABLES = """
CREATE TABLE cases (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    case_id TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL DEFAULT 0,
    saved_at TEXT NOT NULL,
    images INTEGER NOT NULL DEFAULT 0,
    predicted TEXT NOT NULL DEFAULT '',
    predicted_malignant INTEGER NOT NULL DEFAULT 0,
    probability REAL,
    malignant REAL,
    unreliable INTEGER NOT NULL DEFAULT 0,
    above_threshold INTEGER,
    bundle_hash TEXT NOT NULL DEFAULT '',
    bundle_name TEXT NOT NULL DEFAULT '',
    patient TEXT NOT NULL DEFAULT '',
    lesion TEXT NOT NULL,
    confirmed_class TEXT NOT NULL DEFAULT '',
    confirmed_by TEXT NOT NULL DEFAULT '',
    confirmed_on TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    removed_at TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX cases_lesion ON cases (lesion);
CREATE TABLE diagnoses (
    case_id TEXT PRIMARY KEY REFERENCES cases (case_id) ON DELETE CASCADE,
    content TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE thumbnails (
    case_id TEXT NOT NULL REFERENCES cases (case_id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    jpeg BLOB NOT NULL,
    PRIMARY KEY (case_id, place)
) STRICT;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO facts VALUES ('changes', '0');
"""
# Diagnoses and thumbnails apart, so that a list of cases reads little.


class CaseError(TrainerError):
    """The file of cases, or a case in it, is not what it should be."""


_DAMAGED = "The case file {} is damaged; restore it from a backup, or move it away to begin a new one."
_SENTENCES: dict[int, tuple[type[TrainerError], str]] = {
    sqlite3.SQLITE_BUSY: (CaseError, "The cases in {} are in use by another window; try again in a moment."),
    sqlite3.SQLITE_FULL: (
        StorageError,
        "Cannot write {}: the disk is full; free some space and try again.",
    ),
    sqlite3.SQLITE_READONLY: (
        StorageError,
        "Cannot write {}: the file or its folder is write-protected; change its permissions.",
    ),
    sqlite3.SQLITE_IOERR: (
        StorageError,
        "Cannot read or write {}: the disk reports an error or is full; check it and free some space.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        CaseError,
        "{} cannot be opened; check that you may read and write it and its folder.",
    ),
    sqlite3.SQLITE_CORRUPT: (CaseError, _DAMAGED),
}
_SENTENCES[sqlite3.SQLITE_NOTADB] = _SENTENCES[sqlite3.SQLITE_CORRUPT]
_SENTENCES[sqlite3.SQLITE_LOCKED] = _SENTENCES[sqlite3.SQLITE_BUSY]
_SENTENCES[sqlite3.SQLITE_PERM] = _SENTENCES[sqlite3.SQLITE_CANTOPEN]


@contextlib.contextmanager
def in_words(file: Path) -> Iterator[None]:
    """Turn SQLite's errors into errors a user can act on.

    Raises:
        CaseError: in use, damaged, or not to be opened.
        StorageError: full disk, read-only, failing disk.
    """
    try:
        yield
    except sqlite3.Error as error:
        kind, sentence = _SENTENCES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, (None, ""))
        if kind is None and isinstance(error, sqlite3.OperationalError):
            kind, sentence = CaseError, _DAMAGED  # a table or a column is missing, a text is not UTF-8
        if kind is None:
            raise
        raise kind(sentence.format(file)) from error


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the file of cases in a folder, making both where they are missing.

    Yields:
        a connection without an open transaction, for this thread.

    Raises:
        CaseError: the file is damaged, another program's or a newer one's, or in use.
        StorageError: it cannot be written.
    """
    file = folder / FILE_NAME
    with explained(file):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives the files beside it the same rights.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    with in_words(file):
        connection = sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            _prepare(connection, file)
            yield connection
        finally:
            connection.close()


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Make everything inside happen as a whole or not at all, and count it as a change."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("UPDATE facts SET value = value + 1 WHERE name = 'changes'")
        connection.execute("COMMIT")
    except BaseException:
        # SQLite rolls back by itself after some errors, a full disk among them.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def changes(connection: sqlite3.Connection) -> str:
    """Return a text that is another one after each change, by whatever window."""
    found = connection.execute("SELECT value FROM facts WHERE name = 'changes'").fetchone()
    return str(found[0]) if found else ""


def _prepare(connection: sqlite3.Connection, file: Path) -> None:
    for pragma in ("secure_delete = ON", "temp_store = MEMORY", "foreign_keys = ON", "trusted_schema = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    if _version(connection, file) == 0:
        connection.execute("PRAGMA journal_mode = WAL")
        # One transaction: whatever kills the program leaves an empty file or a whole one.
        connection.execute("BEGIN IMMEDIATE")
        if _version(connection, file) == 0:  # another window may have been quicker
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, file: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if version == 0 and tables == 0:
        return 0
    if application != _APPLICATION_ID:
        raise CaseError(f"{file} is not a file of SkinDesk's cases; move it away to begin a new one.")
    if version > SCHEMA_VERSION:
        raise CaseError(f"{file} was written by a newer SkinDesk (version {version}); update this program.")
    return version

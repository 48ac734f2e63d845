"""A dataset's SQLite file as an open database: checked when opened, its errors in plain words."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from trainer.dataset import fields
from trainer.dataset.schema import APPLICATION_ID, PAGE_SIZE, SCHEMA_VERSION, UPGRADES, column, tables
from trainer.dataset.soundness import fault_of
from trainer.errors import DatasetError, StorageError, TrainerError
from trainer.files import open_regular, read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

STATEMENT_SECONDS = 600.0
"""After which a statement is given up: hundreds of times what the longest takes on 100,000 samples."""

_LARGEST_VALUE = 64 << 20  # bytes; the largest that is stored, a miniature, has some thousands
_STEPS = 1_000_000  # of SQLite's machine between two looks at the clock: some 10 ms

BUSY_SECONDS = 10.0
"""How long to wait for another program's writing before saying that the file is in use."""

_HEADER = b"SQLite format 3\x00"
_HEADER_BYTES = 100
_FORMAT_BYTES = slice(18, 20)
"""Versions of the format for writing and reading, each 1 (journal) or 2 (log); see SQLite's page on its file format."""
_FRACTION_BYTES = slice(21, 24)  # always 64, 32, 32
_SIZE_BYTES = slice(28, 32)  # number of pages; 0 for as many as there are
_LARGEST_RESCUED = 2 << 30
"""Bytes of a damaged dataset that is read into memory; 100,000 samples have a quarter of that."""

Row: TypeAlias = tuple[Any, ...]


def decoded(text: bytes) -> str:
    r"""Return bytes that should be UTF-8 as text; others come out as, for instance, `\xff`."""
    return text.decode("utf-8", "backslashreplace")


class Database:
    """An open dataset file, for one thread.

    Attributes:
        path: of the file.
        odd_text: a text has been read that is not UTF-8 (see `read_any_text`).
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.odd_text = False
        self._connection = connection
        self._deadline = math.inf
        connection.set_progress_handler(self._is_late, _STEPS)

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def _execute(self, sql: str, values: Sequence[object]) -> sqlite3.Cursor:
        self._deadline = time.monotonic() + STATEMENT_SECONDS
        return self._connection.execute(sql, values)

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        with in_words(self.path):
            self._connection.close()

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a query."""
        with in_words(self.path):
            return self._execute(sql, values).fetchall()

    def each(self, sql: str) -> Iterator[Row]:
        """Yield the rows of a query one by one; those before a damaged one have been yielded when it raises."""
        with in_words(self.path):
            yield from self._execute(sql, ())

    def run(self, sql: str, values: Sequence[object] = ()) -> int:
        """Execute a statement; return how many rows it changed."""
        with in_words(self.path):
            return self._execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Execute a statement once for each row of values."""
        with in_words(self.path):
            self._deadline = math.inf  # any number of short statements
            self._connection.executemany(sql, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside happen as a whole or not at all; may be nested."""
        if self.in_transaction():
            yield
            return
        with in_words(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # SQLite rolls back by itself after some errors, a full disk among them.
                if self.in_transaction():
                    self._connection.execute("ROLLBACK")
                raise

    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    def read_any_text(self) -> None:
        r"""From now on, return texts that are not UTF-8 with their odd bytes written as `\xff`."""

        def text(content: bytes) -> str:
            try:
                return content.decode()
            except UnicodeDecodeError:
                self.odd_text = True
                return decoded(content)

        self._connection.text_factory = text

    def sample_columns(self) -> set[str]:
        """Return the columns of the samples; an older file that was not written to may lack some facts."""
        return {str(row[1]) for row in self.rows("PRAGMA table_info(samples)")}

    def fact(self, name: str) -> str | None:
        """Return what is stored once under `name`."""
        found = self.rows("SELECT value FROM facts WHERE name = ?", (name,))
        return str(found[0][0]) if found else None

    def set_fact(self, name: str, value: str) -> None:
        """Store `value` under `name`."""
        self.run("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


_WHAT_TO_DO = "take a copy from a backup, or delete it and import the images again. `samples` writes out what can still be read."
_SENTENCES: dict[int, tuple[type[TrainerError], str]] = {
    sqlite3.SQLITE_BUSY: (
        DatasetError,
        "{} is in use by another program that is writing to it; wait until it has finished and try again.",
    ),
    sqlite3.SQLITE_FULL: (
        StorageError,
        "Cannot write {}: the disk is full; free some space or choose another folder.",
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
        DatasetError,
        "{} cannot be opened; check that you may read and write it and its folder.",
    ),
    sqlite3.SQLITE_CORRUPT: (DatasetError, "The dataset {} is damaged; " + _WHAT_TO_DO),
    sqlite3.SQLITE_INTERRUPT: (
        DatasetError,
        "The dataset {} did not respond within ten minutes, so it is damaged; " + _WHAT_TO_DO,
    ),
}
_SENTENCES[sqlite3.SQLITE_LOCKED] = _SENTENCES[sqlite3.SQLITE_BUSY]
_SENTENCES[sqlite3.SQLITE_PERM] = _SENTENCES[sqlite3.SQLITE_CANTOPEN]
_SENTENCES[sqlite3.SQLITE_NOTADB] = _SENTENCES[sqlite3.SQLITE_CORRUPT]
_SENTENCES[sqlite3.SQLITE_TOOBIG] = _SENTENCES[sqlite3.SQLITE_CORRUPT]


_NOT_UTF_8 = "Could not decode to UTF-8"
"""What Python's sqlite3 says of such a text, without a code."""


def _explained(path: Path, code: int) -> TrainerError | None:
    """Return the error for a result code of SQLite (its extended part is ignored), if it is a user's."""
    kind, sentence = _SENTENCES.get(code & 0xFF, (None, ""))
    return None if kind is None else kind(sentence.format(path))


def damaged(path: Path, fault: str = "") -> DatasetError:
    """Return the error for a dataset file with broken contents, and what is wrong with it where that is known."""
    return DatasetError(f"The dataset {path} is damaged{f': {fault}' if fault else ''}; {_WHAT_TO_DO}")


@contextlib.contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about the file `path` into errors a user can act on.

    Raises:
        DatasetError: locked, damaged or not to be opened.
        StorageError: full disk, read-only, failing disk.
    """
    try:
        yield
    except sqlite3.Error as error:
        if _NOT_UTF_8 in str(error):
            raise damaged(path, "a text in it is not UTF-8") from error
        explanation = _explained(path, getattr(error, "sqlite_errorcode", 0))
        if explanation is None:
            raise
        raise explanation from error


def _connect(path: Path, query: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def create_file(path: Path) -> Database:
    """Create an empty dataset at `path`.

    Raises:
        DatasetError: something is there already.
        StorageError: the file cannot be written.
    """
    if path.exists() and (not path.is_file() or path.stat().st_size > 0):
        raise DatasetError(f"{path} exists already; choose another name for the dataset.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise StorageError(
            f"Cannot write {path}: {error.strerror or error}; choose another folder or change its permissions."
        ) from error
    with in_words(path):
        connection = _connect(path, "mode=rw")
        try:
            connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
            # One transaction: whatever kills the program leaves an empty file or a whole dataset.
            connection.executescript(
                f"BEGIN IMMEDIATE; {tables()}"
                f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
            connection.execute("PRAGMA journal_mode = WAL")
        except BaseException:
            connection.close()
            raise
        return Database(path, connection)


def open_file(path: Path, *, read_only: bool) -> Database:
    """Open the dataset at `path` after checking that it is one; to be written to, an older one is upgraded.

    Raises:
        DatasetError: missing, another kind of file, of a newer version, damaged, or not to be opened.
    """
    _check_header(path)
    with in_words(path):
        connection = _open_connection(path, read_only=read_only)
        try:
            _check_identity(connection, path)
            _check_contents(connection, path)
            if not read_only:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                _upgrade(connection)
        except BaseException:
            connection.close()
            raise
        return Database(path, connection)


class Opened(NamedTuple):
    r"""A damaged dataset from which everything readable is read.

    Attributes:
        database: may lack tables and columns, and hold values of any type; texts have bytes that are not UTF-8
            written as `\xff`.
        problem: what is wrong with it, in a sentence; empty if nothing is.
    """

    database: Database
    problem: str


@contextlib.contextmanager
def open_damaged(path: Path) -> Iterator[Opened]:
    """Open a dataset for reading although it may be damaged.

    Raises:
        DatasetError: missing, another kind of file, of a newer version, or damaged beyond reading.
    """
    problem = ""
    try:
        database = open_file(path, read_only=True)
    except DatasetError as error:
        problem = str(error)
        with in_words(path):
            database = Database(path, _open_roughly(path, error))
    try:
        database.read_any_text()
        yield Opened(database, problem)
    finally:
        database.close()


def _open_roughly(path: Path, reason: DatasetError) -> sqlite3.Connection:
    """Open what can be read of a damaged dataset, in memory, with the fixed bytes of its head put right."""
    try:
        content = bytearray(read_regular(path, _LARGEST_RESCUED))
    except OSError:
        raise reason from None
    if not content.startswith(_HEADER):
        raise reason
    content[_FORMAT_BYTES] = b"\x01\x01"  # no log beside it, which a database in memory cannot have
    content[_FRACTION_BYTES] = b"\x40\x20\x20"
    content[_SIZE_BYTES] = bytes(4)  # as large as it is, though it may have been cut off
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        connection.deserialize(bytes(content))
        connection.execute("PRAGMA trusted_schema = OFF")
        _check_identity(connection, path)
        kind = connection.execute("SELECT type FROM sqlite_schema WHERE name = 'samples'").fetchone()
    except BaseException:
        connection.close()
        raise
    if kind != ("table",):
        connection.close()
        raise reason
    return connection


def _check_header(path: Path) -> None:
    if not path.exists():
        raise DatasetError(f"There is no dataset {path}; check the name, or create it with `import`.")
    if path.is_dir():
        raise DatasetError(f"{path} is a folder; give the dataset file that `import` wrote.")
    try:
        with open_regular(path) as stream:
            header = stream.read(_HEADER_BYTES)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not header.startswith(_HEADER):
        raise DatasetError(f"{path} is not a SkinDesk dataset; give the file that `import` wrote.")
    if not set(header[_FORMAT_BYTES]) <= {1, 2}:
        raise damaged(path)
    for suffix in ("-wal", "-shm", "-journal"):
        beside = path.with_name(f"{path.name}{suffix}")
        if beside.exists() and not beside.is_file():
            raise DatasetError(f"{beside} is not a regular file; remove it.")


def _upgrade(connection: sqlite3.Connection) -> None:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    for older in range(version, SCHEMA_VERSION):
        connection.executescript(
            f"BEGIN IMMEDIATE; {UPGRADES[older]} PRAGMA user_version = {older + 1}; COMMIT;"
        )
    if _lacking(connection):
        _add_columns(connection)


def _lacking(connection: sqlite3.Connection) -> list[fields.Field]:
    """Return the facts that the file has no column for."""
    there = {row[1] for row in connection.execute("PRAGMA table_info(samples)")}
    return [field for field in fields.FACTS if field.name not in there]


def _add_columns(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for field in _lacking(connection):  # asked again: another program may have been quicker
            connection.execute(f"ALTER TABLE samples ADD COLUMN {column(field)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _open_connection(path: Path, *, read_only: bool) -> sqlite3.Connection:
    if not read_only:
        return _connect(path, "mode=rw")
    try:
        return _connect(path, "mode=ro")
    except sqlite3.OperationalError:
        if path.with_name(f"{path.name}-wal").exists():
            raise
        # On a read-only medium SQLite cannot make the files a WAL database shares; nobody can change it there.
        return _connect(path, "immutable=1")


def _check_identity(connection: sqlite3.Connection, path: Path) -> None:
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise DatasetError(
            f"{path} is a database of another program, not a SkinDesk dataset; give the file that `import` wrote."
        )
    if version > SCHEMA_VERSION:
        raise DatasetError(
            f"{path} was written by a newer SkinDesk (dataset version {version}); update this program."
        )
    if version < 1:
        raise damaged(path)


def _check_contents(connection: sqlite3.Connection, path: Path) -> None:
    """Check that the file is whole and built as a dataset is."""
    try:
        # First what it is made of: the other check would follow a view that never ends.
        fault = fault_of(connection)
        if not fault and connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise damaged(path)
    except sqlite3.OperationalError as error:
        # Whatever cannot be asked of such a file is broken in it, unless it is only in use.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_ERROR:
            raise
        raise damaged(path, str(error)) from error
    if fault:
        raise damaged(path, fault)

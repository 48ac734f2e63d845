"""The one place that writes files: to a temporary name, flushed to the disk, then renamed.

A reader therefore sees the old file or the new one, never half of either, whatever kills the writer.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import os
import secrets
import shutil
import stat
import time
from typing import TYPE_CHECKING, BinaryIO

from trainer.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HASH_CHUNK = 1 << 20
_BINARY = getattr(os, "O_BINARY", 0)
_FRESH_SECONDS = 60.0
"""A temporary file as young as this may be empty because its writer, who lives, has not locked it yet."""
_LOCK_LOOK_SECONDS = 0.02
_WINDOWS = os.name == "nt"
"""There a file that is open can be neither deleted, so that it needs no lock, nor renamed."""


def explain(path: object, error: OSError) -> StorageError:
    """Return an error with a plain sentence for one that occurred while writing to `path` (or "the output")."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = "the disk is full; free some space or choose another folder"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        reason = "there is no permission to write to the folder; choose another one or change its permissions"
    else:
        reason = error.strerror or str(error)
    return StorageError(f"Cannot write {path}: {reason}.")


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an `OSError` raised while writing below `path` into a `StorageError` with a plain sentence."""
    try:
        yield
    except OSError as error:
        raise explain(path, error) from error


def printable(text: object) -> str:
    r"""Return a path or a text that can be stored and printed everywhere.

    Names of files need not be Unicode on Linux; Python stands lone surrogates in for their odd bytes, and those
    can be written to no UTF-8 file. They come out as, for instance, `\udcff`.
    """
    return str(text).encode("utf-8", "backslashreplace").decode()


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut (a no-op where folders cannot be synced)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def atomic_path(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and takes `path`'s place.

    What a killed process has left of an earlier write of the same file is removed.

    Args:
        path: of the file.
        private: whether no other user of the machine may read it.

    Raises:
        StorageError: the file cannot be written; `path` is as it was.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(path.parent, f".{glob.escape(path.name)}.*.tmp")
        temporary = _beside(path, "tmp")
        # With the rights that any new file of this user has (his umask), but for what is private.
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o600 if private else 0o666)
        try:
            # Open until it is renamed, by which `remove_abandoned` knows that its writer lives.
            with os.fdopen(handle, "rb") as opened:
                if not _WINDOWS:
                    try_lock(handle)
                yield temporary
                with temporary.open("rb+") as stream:
                    os.fsync(stream.fileno())
                if _WINDOWS:
                    opened.close()
                temporary.replace(path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def _beside(path: Path, suffix: str) -> Path:
    """Return a path in the same folder that no other process will choose."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.{suffix}")


def remove_abandoned(folder: Path, pattern: str) -> None:
    """Remove temporary files of `atomic_path` whose process has ended without taking them away.

    Args:
        folder: where to look; need not exist.
        pattern: of their paths below it.
    """
    # Others may be removing files, or the whole folder, at the same time.
    with contextlib.suppress(OSError):
        for path in folder.glob(pattern):
            with contextlib.suppress(OSError):
                facts = path.stat()
                fresh = not facts.st_size and time.time() - facts.st_mtime < _FRESH_SECONDS
                if not fresh and (_WINDOWS or _is_free(path)):
                    path.unlink()


def _is_free(path: Path) -> bool:
    handle = os.open(path, os.O_RDWR)
    try:
        return try_lock(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes `path`'s place (an old one is removed).

    Raises:
        StorageError: the folder cannot be written; `path` is as it was.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _beside(path, "tmp")
        temporary.mkdir()
        old: Path | None = None
        try:
            yield temporary
            for file in temporary.rglob("*"):
                if file.is_file():
                    with file.open("rb+") as stream:
                        os.fsync(stream.fileno())
            sync_folder(temporary)
            if path.exists():
                old = _beside(path, "old")
                old.mkdir()
                path.replace(old / path.name)
            temporary.replace(path)
            sync_folder(path.parent)
        except BaseException:
            if old is not None and not path.exists():
                (old / path.name).replace(path)
            raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            if old is not None:
                shutil.rmtree(old, ignore_errors=True)


def write_bytes(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write `content` to `path` atomically; see `atomic_path`."""
    with atomic_path(path, private=private) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str, *, private: bool = False) -> None:
    """Write `content` to `path` atomically, as UTF-8; see `atomic_path`."""
    write_bytes(path, content.encode(), private=private)


@contextlib.contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that is open for reading, if it is a regular one.

    A pipe, a socket or a device may give bytes without end, or none for ever; opening one may wait, too.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        yield stream


def read_regular(path: Path, limit: int) -> bytes:
    """Return the content of a regular file of at most `limit` bytes.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger.
    """
    with open_regular(path) as stream:
        # Not `limit`: the stream would set so much memory aside, however small the file is.
        content = stream.read(min(os.fstat(stream.fileno()).st_size, limit) + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it is larger than the {limit:,} bytes such a file may have", str(path))
    return content


def try_lock(handle: int) -> bool:
    """Lock an open file for as long as it is open, however the process ends.

    Returns:
        whether the lock was acquired; otherwise another process holds it.
    """
    try:
        import fcntl
    except ImportError:
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def waited_for(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock of a file beside which it lies, `NAME.lock`, so that changes of several processes follow each other.

    Args:
        path: of the file that is read, changed and written.
        seconds: to wait at most for another process.

    Raises:
        StorageError: the lock cannot be made, or another process does not give it up.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        deadline = time.monotonic() + seconds
        while not try_lock(handle):
            if time.monotonic() > deadline:
                raise StorageError(
                    f"Cannot write {path}: another program has been writing it for {seconds:g} seconds."
                )
            time.sleep(_LOCK_LOOK_SECONDS)
        yield
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open_regular(path) as stream:
        while chunk := stream.read(_HASH_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()

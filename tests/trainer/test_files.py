"""Writing files: the old one or the new one, never half of either."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from trainer.errors import StorageError
from trainer.files import (
    atomic_folder,
    atomic_path,
    explained,
    remove_abandoned,
    sha256_of,
    write_bytes,
    write_text,
)
from trainer.runs.folder import RunFolder


class InterruptedWriteError(Exception):
    """Something that ends a write half way."""


def write_half(path: Path) -> None:
    path.write_bytes(b"ne")
    raise InterruptedWriteError


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "note.txt", "grüße")
    assert (tmp_path / "a/b/note.txt").read_bytes() == "grüße".encode()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no umask")
@pytest.mark.parametrize(
    ("umask", "file_mode", "folder_mode"),
    [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700), (0o002, 0o664, 0o775)],
)
def test_new_files_have_the_rights_that_the_user_gives_them(
    tmp_path: Path, umask: int, file_mode: int, folder_mode: int
) -> None:
    before = os.umask(umask)
    try:
        write_text(tmp_path / "file", "a")
        write_text(tmp_path / "private", "a", private=True)
        with atomic_folder(tmp_path / "folder") as temporary:
            (temporary / "inner").write_text("a")
        with RunFolder(tmp_path / "run").locked():
            pass
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"file": file_mode, "private": 0o600, "folder": folder_mode, "run": folder_mode}
    assert stat.S_IMODE((tmp_path / "run" / ".lock").stat().st_mode) == file_mode


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with pytest.raises(InterruptedWriteError), atomic_path(path) as temporary:
        write_half(temporary)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["file"]


def test_a_reader_sees_the_old_file_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_a_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    for content in ("old", "new"):
        with atomic_folder(path) as temporary:
            (temporary / content).write_text(content)
            (temporary / "inner").mkdir()
    assert names_in(path) == ["inner", "new"]
    assert names_in(tmp_path) == ["folder"]


def test_an_interrupted_folder_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with atomic_folder(path) as temporary:
        (temporary / "old").write_text("old")
    with pytest.raises(InterruptedWriteError), atomic_folder(path) as temporary:
        write_half(temporary / "new")
    assert names_in(path) == ["old"]
    assert names_in(tmp_path) == ["folder"]


WRITER = textwrap.dedent(
    """
    import itertools, pathlib, sys
    from trainer.files import write_bytes
    path = pathlib.Path(sys.argv[1])
    for digit in itertools.cycle(b"123456789"):
        write_bytes(path, bytes([digit]) * 300_000)
        print(flush=True)
    """
)


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for count in range(1, 6):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            for _ in range(count):
                writer.stdout.readline()
            writer.send_signal(signal.SIGKILL)
        content = path.read_bytes()
        assert len(content) == 300_000
        assert len(set(content)) == 1


HALF_WRITER = textwrap.dedent(
    """
    import pathlib, sys
    from trainer.files import atomic_path
    with atomic_path(pathlib.Path(sys.argv[1])) as temporary:
        temporary.write_bytes(b"half")
        print(flush=True)
        sys.stdin.read()
    """
)


def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HALF_WRITER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with (
        subprocess.Popen([*words, str(tmp_path / "killed")], **pipes) as killed,  # type: ignore[call-overload]
        subprocess.Popen([*words, str(tmp_path / "living")], **pipes) as living,  # type: ignore[call-overload]
    ):
        killed.stdout.readline()
        living.stdout.readline()
        killed.kill()
        killed.wait()
        assert [name.split(".")[1] for name in names_in(tmp_path)] == ["killed", "living"]
        remove_abandoned(tmp_path, ".*.tmp")
        assert [name.split(".")[1] for name in names_in(tmp_path)] == ["living"]
        living.communicate()
    assert (tmp_path / "living").read_bytes() == b"half"
    assert names_in(tmp_path) == ["living"]


def test_writing_a_file_anew_removes_what_a_killed_writer_left_of_it(tmp_path: Path) -> None:
    for name in (".a [1].txt.0a1b.tmp", ".another.0a1b.tmp"):
        (tmp_path / name).write_bytes(b"half")
    write_text(tmp_path / "a [1].txt", "whole")
    assert names_in(tmp_path) == [".another.0a1b.tmp", "a [1].txt"]


def test_an_empty_file_is_left_alone_for_a_while(tmp_path: Path) -> None:
    for name in (".fresh.tmp", ".old.tmp"):
        (tmp_path / name).touch()
    hour = 3600
    os.utime(tmp_path / ".old.tmp", (time.time() - hour,) * 2)
    remove_abandoned(tmp_path, ".*.tmp")
    assert names_in(tmp_path) == [".fresh.tmp"]
    remove_abandoned(tmp_path / "none", ".*.tmp")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (
            errno.ENOSPC,
            "Cannot write /some/file: the disk is full; free some space or choose another folder.",
        ),
        (
            errno.EROFS,
            "Cannot write /some/file: there is no permission to write to the folder; choose another one",
        ),
        (
            errno.EACCES,
            "Cannot write /some/file: there is no permission to write to the folder; choose another one",
        ),
        (errno.EIO, "Cannot write /some/file: Input/output error."),
    ],
)
def test_errors_of_the_system_become_sentences(number: int, said: str) -> None:
    with pytest.raises(StorageError) as caught, explained(Path("/some/file")):
        raise OSError(number, os.strerror(number))
    assert str(caught.value).startswith(said)


def test_a_file_where_a_folder_should_be_is_said_in_words(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "")
    with pytest.raises(StorageError, match="Cannot write"):
        write_text(tmp_path / "file" / "below", "")
    with pytest.raises(StorageError, match="Cannot write"), atomic_folder(tmp_path / "file" / "below"):
        pass


def test_a_disk_that_is_full_is_said_in_words() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    with (
        pytest.raises(StorageError, match="the disk is full"),
        explained(full),
        full.open("wb", buffering=0) as file,
    ):
        file.write(b"x")


def test_hashes_are_those_of_the_bytes(tmp_path: Path) -> None:
    content = os.urandom((1 << 20) + 17)
    write_bytes(tmp_path / "file", content)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()

"""What others can see of a run's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer.errors import ConfigError, StorageError
from trainer.events import Said, silent
from trainer.runs import RunFolder


def test_a_run_is_in_use_only_while_it_is_locked(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert not folder.in_use
    assert not folder.path.exists(), "looking makes nothing"
    with folder.locked():
        assert RunFolder(folder.path).in_use
    assert not RunFolder(folder.path).in_use


def test_looking_takes_the_lock_from_nobody(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.locked():
        assert folder.in_use
        with (
            pytest.raises(ConfigError, match="Another process is training"),
            RunFolder(folder.path).locked(),
        ):
            pass


def test_the_dataset_of_a_run_is_noted(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.dataset() is None
    folder.write_dataset(tmp_path / "moles, größer.db")
    assert RunFolder(folder.path).dataset() == tmp_path / "moles, größer.db"


@pytest.mark.parametrize("content", [b"", b'{"path": ', b"[]", b'{"path": 3}', b"\xff\xfe"])
def test_a_damaged_note_of_the_dataset_is_no_note(tmp_path: Path, content: bytes) -> None:
    folder = RunFolder(tmp_path)
    folder.dataset_file.write_bytes(content)
    assert folder.dataset() is None


def test_events_that_no_longer_fit_the_disk_end_a_run_in_words(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    folder = RunFolder(tmp_path)
    folder.events_file.symlink_to("/dev/full")
    with (
        pytest.raises(StorageError, match="the disk is full"),
        folder.recorded(silent) as record,
    ):
        record(Said(message="Something worth keeping."))

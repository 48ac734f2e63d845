"""What others can see of a run's folder."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest

from trainer.errors import ConfigError, StorageError
from trainer.events import Progress, Said, StageStarted, StepDone, Stopped, encode_event, silent
from trainer.runs.folder import STEPS_KEPT, RunFolder


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


def test_whoever_goes_on_with_a_run_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for name in (".bundle.0a1b.tmp", ".bundle.0a1b.old", ".checkpoints.old", ".initial.old", "checkpoints"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"left")
    with folder.locked():
        left = {path.name for path in tmp_path.iterdir()}
        assert left == {".lock", ".bundle.0a1b.old", "checkpoints"}, "an old bundle may be the only one"
    folder.bundle.mkdir()
    with folder.locked():
        assert {path.name for path in tmp_path.iterdir()} == {".lock", "bundle", "checkpoints"}


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


def step(number: int, steps: int) -> StepDone:
    """The step with a number, counted from 0, of a stage that says each."""
    return StepDone("head", number // steps + 1, number % steps + 1, steps, 1.0, 0.5, 1e-3, 40.0, 9.0)


def test_what_a_run_says_is_kept_with_its_time(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    before = time.time()
    with folder.recorded(silent) as record:
        record(Said(message="At the start."))
        record(Progress(task="Features", done=1, total=2))
    ((at, event),) = folder.kept_events()
    assert event == Said(message="At the start.")
    assert at is not None
    assert before <= at <= time.time()


def test_lines_of_an_older_version_and_torn_ones_do_no_harm(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert list(folder.kept_events()) == []
    old = encode_event(Said(message="Without a time."))
    folder.events_file.write_bytes(old + b'{"event": "Sai\n' + b"\xff\n")
    end = folder.events_file.stat().st_size
    with folder.recorded(silent) as record:
        record(Stopped(message="Later."))
    assert [event for _, event in folder.kept_events()] == [
        Said(message="Without a time."),
        Stopped(message="Later."),
    ]
    assert list(folder.kept_events(end)) == [(None, Said(message="Without a time."))]


@pytest.mark.parametrize(("epochs", "steps"), [(10, 3_000), (300, 101), (2, 7)])
def test_of_the_steps_of_a_stage_a_bounded_number_is_kept_evenly(
    tmp_path: Path, epochs: int, steps: int
) -> None:
    folder = RunFolder(tmp_path)
    total = epochs * steps
    with folder.recorded(silent) as record:
        record(StageStarted("head", 0, epochs, steps, 1000))
        for number in range(total):
            record(step(number, steps))
    kept = [event for _, event in folder.kept_events() if isinstance(event, StepDone)]
    places = [(event.epoch - 1) * steps + event.step - 1 for event in kept]
    assert min(total, STEPS_KEPT) / 2 <= len(places) <= STEPS_KEPT + 1
    gaps = {later - earlier for earlier, later in itertools.pairwise(places)}
    assert places[0] == 0
    assert max(gaps) <= -(-total // STEPS_KEPT)
    assert places[-1] >= total - max(gaps)

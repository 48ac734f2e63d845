"""Checkpoints: bit for bit, whole or absent, whatever kills the writer."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np
import pytest

from trainer.errors import CheckpointError, StorageError
from trainer.events import Warned
from trainer.runs.checkpoint import CheckpointStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATE = b'{"epoch": 3}'


def arrays(value: float = 0.0) -> dict[str, np.ndarray]:
    return {"kernel": np.full((3, 4), value, np.float32), "step": np.array(int(value), np.int64)}


def value_of(store: CheckpointStore) -> int:
    latest = store.load_latest()
    assert latest is not None
    return int(latest.arrays["step"])


def flip_byte(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints")


@pytest.mark.parametrize(
    "dtype", [ml_dtypes.bfloat16, np.float16, np.float32, np.float64, np.int64, np.uint32, np.uint8, np.bool_]
)
@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (2, 3, 4)])
def test_arrays_come_back_bit_for_bit(store: CheckpointStore, dtype: type, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(1)
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = random.integers(0, 2 if dtype is np.bool_ else 256, size, dtype=np.uint8).tobytes()
    array = np.frombuffer(raw, dtype).reshape(shape)  # NaNs and denormals among them
    store.save({"a": array}, STATE, step=1)

    latest = store.load_latest()

    assert latest is not None
    assert latest.state == STATE
    loaded = latest.arrays["a"]
    assert (loaded.dtype, loaded.shape, loaded.tobytes()) == (array.dtype, shape, raw)


def test_transposed_and_sliced_views_are_saved_as_they_read(store: CheckpointStore) -> None:
    whole = np.arange(24, dtype=np.float32).reshape(4, 6)
    store.save({"transposed": whole.T, "sliced": whole[::2, 1::3]}, STATE, step=1)

    latest = store.load_latest()

    assert latest is not None
    np.testing.assert_array_equal(latest.arrays["transposed"], whole.T)
    np.testing.assert_array_equal(latest.arrays["sliced"], whole[::2, 1::3])


def test_an_empty_or_absent_folder_has_no_checkpoint(store: CheckpointStore) -> None:
    assert store.load_latest() is None
    assert store.load_best() is None
    store.folder.mkdir()
    assert store.load_latest() is None


def test_the_last_two_and_the_best_are_kept(store: CheckpointStore) -> None:
    for step in range(1, 8):
        store.save(arrays(step), STATE, step=step, best=step == 3)

    assert [path.name for path in store.paths()] == [
        "checkpoint-000003",
        "checkpoint-000006",
        "checkpoint-000007",
    ]
    best = store.load_best()
    assert best is not None
    assert int(best.arrays["step"]) == 3
    assert value_of(store) == 7


def test_a_better_checkpoint_takes_the_place_of_the_best(store: CheckpointStore) -> None:
    for step in range(1, 8):
        store.save(arrays(step), STATE, step=step, best=step in {2, 4})

    assert len(store.paths()) == 3
    best = store.load_best()
    assert best is not None
    assert int(best.arrays["step"]) == 4


def test_another_store_on_the_same_folder_goes_on_counting(store: CheckpointStore) -> None:
    store.save(arrays(1), STATE, step=1, best=True)
    again = CheckpointStore(store.folder)
    again.save(arrays(2), STATE, step=2)
    again.save(arrays(3), STATE, step=3)
    again.save(arrays(4), STATE, step=4)

    best = CheckpointStore(store.folder).load_best()

    assert best is not None
    assert int(best.arrays["step"]) == 1
    assert value_of(again) == 4


@pytest.mark.parametrize("name", ["arrays.safetensors", "state.json", "index.json"])
@pytest.mark.parametrize("where", [0, 5, -1, "middle"])
def test_one_changed_byte_sends_the_reader_to_the_checkpoint_before(
    store: CheckpointStore, name: str, where: int | str
) -> None:
    store.save(arrays(1), STATE, step=1)
    newest = store.save(arrays(2), STATE, step=2)
    size = (newest / name).stat().st_size
    flip_byte(newest / name, size // 2 if where == "middle" else int(where))
    said: list[object] = []

    latest = store.load_latest(said.append)

    assert latest is not None
    assert int(latest.arrays["step"]) == 1
    (warning,) = said
    assert isinstance(warning, Warned)
    assert "checkpoint-000002 has a" in warning.message
    assert warning.message.endswith("continuing from checkpoint-000001 instead.")


def test_every_byte_of_the_index_counts(store: CheckpointStore) -> None:
    store.save(arrays(1), STATE, step=1)
    index = store.paths()[0] / "index.json"
    for position in range(index.stat().st_size):
        flip_byte(index, position)
        with pytest.raises(CheckpointError):
            store.load_latest()
        flip_byte(index, position)
    assert value_of(store) == 1


def test_no_flipped_bit_of_the_index_keeps_a_run_from_going_on(store: CheckpointStore) -> None:
    store.save(arrays(1), STATE, step=1, best=True)
    index = store.save(arrays(2), STATE, step=2) / "index.json"
    whole = index.read_bytes()
    highest = [position * 8 + 7 for position in range(0, len(whole), 7)]  # no longer UTF-8
    chosen = np.random.default_rng(0).choice(len(whole) * 8, 40, replace=False)
    for bit in (*highest, *chosen.tolist()):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        index.write_bytes(changed)
        again = CheckpointStore(store.folder)
        assert value_of(again) == 1
        best = again.load_best()
        assert best is not None
        assert int(best.arrays["step"]) == 1


@pytest.mark.parametrize("name", ["arrays.safetensors", "state.json", "index.json"])
def test_a_torn_or_missing_file_sends_the_reader_to_the_checkpoint_before(
    store: CheckpointStore, name: str
) -> None:
    store.save(arrays(1), STATE, step=1)
    newest = store.save(arrays(2), STATE, step=2)
    content = (newest / name).read_bytes()
    (newest / name).write_bytes(content[: len(content) // 2])
    assert value_of(store) == 1
    (newest / name).unlink()
    assert value_of(store) == 1


def test_after_falling_back_the_damaged_one_is_not_counted_among_the_last_two(store: CheckpointStore) -> None:
    store.save(arrays(1), STATE, step=1)
    damaged = store.save(arrays(2), STATE, step=2, best=True)
    flip_byte(damaged / "arrays.safetensors", -1)
    assert value_of(store) == 1

    store.save(arrays(3), STATE, step=3)

    assert [path.name for path in store.paths()] == ["checkpoint-000001", "checkpoint-000003"]
    # What checkpoint 2 called the best went with it: a run that goes on from 1 finds it again or something else.
    assert store.load_best() is None


def test_all_damaged_is_said_in_words(store: CheckpointStore) -> None:
    for step in (1, 2):
        flip_byte(store.save(arrays(step), STATE, step=step) / "state.json", 0)

    with pytest.raises(CheckpointError) as caught:
        store.load_latest()

    assert str(caught.value) == (
        f"No checkpoint in {store.folder} can be used: checkpoint-000002 has an incomplete or changed state.json; "
        "checkpoint-000001 has an incomplete or changed state.json. "
        "Start a new run in another folder."
    )


def test_a_damaged_best_is_said_in_words(store: CheckpointStore) -> None:
    best = store.save(arrays(1), STATE, step=1, best=True)
    store.save(arrays(2), STATE, step=2)
    flip_byte(best / "arrays.safetensors", -1)

    with pytest.raises(CheckpointError) as caught:
        store.load_best()

    assert str(caught.value) == (
        "The best checkpoint cannot be used: checkpoint-000001 has an incomplete or changed arrays.safetensors."
    )


@pytest.mark.parametrize("lost", ["damaged", "missing"])
def test_another_checkpoint_takes_the_place_of_a_lost_best(store: CheckpointStore, lost: str) -> None:
    best = store.save(arrays(1), STATE, step=1, best=True)
    store.save(arrays(2), STATE, step=2)
    store.save(arrays(3), STATE, step=3)
    if lost == "damaged":
        flip_byte(best / "arrays.safetensors", -1)
    else:
        shutil.rmtree(best)
    with pytest.raises(CheckpointError):
        store.load_best()
    newest, other = store.whole()
    assert [int(checkpoint.arrays["step"]) for checkpoint in (newest, other)] == [3, 2]

    store.replace_best(other)
    for step in range(4, 8):
        store.save(arrays(step), STATE, step=step)

    best_now = CheckpointStore(store.folder).load_best()
    assert best_now is not None
    assert int(best_now.arrays["step"]) == 2
    assert [int(path.name[-1]) for path in store.paths()] == [2, 6, 7]


def test_a_lost_best_is_forgotten_where_nothing_takes_its_place(store: CheckpointStore) -> None:
    best = store.save(arrays(1), STATE, step=1, best=True)
    store.save(arrays(2), STATE, step=2)
    flip_byte(best / "arrays.safetensors", -1)
    with pytest.raises(CheckpointError):
        store.load_best()
    store.replace_best(None)
    assert store.load_best() is None
    store.save(arrays(3), STATE, step=3)
    assert CheckpointStore(store.folder).load_best() is None


def test_a_checkpoint_of_a_newer_program_is_refused(store: CheckpointStore) -> None:
    path = store.save(arrays(1), STATE, step=1) / "index.json"
    index = json.loads(path.read_bytes()) | {"format_version": 99, "checksum": ""}
    blank = json.dumps(index, separators=(",", ":")).encode()
    index["checksum"] = hashlib.sha256(blank).hexdigest()
    path.write_bytes(json.dumps(index, separators=(",", ":")).encode())

    with pytest.raises(CheckpointError, match="written by a newer SkinDesk"):
        store.load_latest()


def test_leftovers_of_a_killed_writer_go_with_the_next_opening(store: CheckpointStore) -> None:
    store.save(arrays(1), STATE, step=1)
    (store.folder / ".checkpoint-000002.abc123.tmp").mkdir()
    (store.folder / ".checkpoint-000002.abc123.tmp" / "arrays.safetensors").write_bytes(b"half")
    (store.folder / "notes.txt").write_text("mine")

    store.load_latest()

    assert sorted(path.name for path in store.folder.iterdir()) == ["checkpoint-000001", "notes.txt"]


WRITER = textwrap.dedent(
    """
    import sys, pathlib, numpy as np
    from trainer.runs.checkpoint import CheckpointStore
    store = CheckpointStore(pathlib.Path(sys.argv[1]))
    latest = store.load_latest()
    step = int(latest.arrays["a"][0]) if latest else 0
    while True:
        step += 1
        store.save({name: np.full(50_000, step, np.int64) for name in "ab"}, b'{"step": %d}' % step,
                   step=step, best=step % 3 == 0)
        print(step, flush=True)
    """
)


def wait_for_half_a_checkpoint(folder: Path) -> None:
    while True:
        # A folder may be renamed between being listed and being looked into.
        with contextlib.suppress(FileNotFoundError):
            if list(folder.glob(".checkpoint-*.tmp/*")):
                return


def test_a_writer_killed_at_any_moment_leaves_a_whole_checkpoint(store: CheckpointStore) -> None:
    random = np.random.default_rng(0)
    halves = 0
    for attempt in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(store.folder)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for _ in range(int(random.integers(1, 5))):
                saved = int(writer.stdout.readline())
            if attempt % 2:
                wait_for_half_a_checkpoint(store.folder)
            writer.send_signal(signal.SIGKILL)
            saved = max([saved, *map(int, writer.stdout.read().split())])
        halves += len(list(store.folder.glob(".*.tmp")))

        latest = CheckpointStore(store.folder).load_latest()

        assert latest is not None
        step = int(latest.arrays["a"][0])
        # The writer may have been killed between the rename and the line that tells of it.
        assert step in {saved, saved + 1}
        assert (latest.arrays["a"] == step).all()
        assert (latest.arrays["b"] == step).all()
        assert json.loads(latest.state) == {"step": step}
        best = CheckpointStore(store.folder).load_best()
        assert (int(best.arrays["a"][0]) if best else 0) == step // 3 * 3
        assert not list(store.folder.glob(".*"))
    assert halves > 0  # some were indeed killed in the middle of a save


FULL_DISK = textwrap.dedent(
    """
    import pathlib, resource, sys, numpy as np
    from trainer.runs.checkpoint import CheckpointStore
    from trainer.errors import StorageError
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        CheckpointStore(pathlib.Path(sys.argv[1])).save({"a": np.zeros(1_000_000)}, b"{}", step=9)
    except StorageError as error:
        print(error)
    """
)


def test_a_write_that_the_system_cuts_short_leaves_the_others_intact(store: CheckpointStore) -> None:
    store.save(arrays(1), STATE, step=1)
    store.save(arrays(2), STATE, step=2)

    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(store.folder)], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith(f"Cannot write {store.folder / 'checkpoint-000003'}: ")
    assert [path.name for path in sorted(store.folder.iterdir())] == [
        "checkpoint-000001",
        "checkpoint-000002",
    ]
    assert value_of(store) == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_in_words_and_leaves_the_others_intact(small_disk: Path) -> None:
    store = CheckpointStore(small_disk / "checkpoints")
    store.save(arrays(1), STATE, step=1, best=True)
    store.save(arrays(2), STATE, step=2)

    with pytest.raises(StorageError, match="checkpoint-000003: the disk is full; free some space"):
        store.save({"a": np.zeros(1_000_000)}, STATE, step=3)

    assert len(store.paths()) == 2
    assert value_of(store) == 2
    store.save(arrays(3), STATE, step=3)
    assert value_of(store) == 3

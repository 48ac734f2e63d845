from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pytest

from trainer.config import RunConfig, Schedule, config_to_toml
from trainer.events import AnyEvent, EpochEnded, StageStarted, StepDone, Warned, decode_event
from trainer.runs.bundle import read_bundle
from trainer.runs.checkpoint import CheckpointStore
from trainer.runs.state import RunState, decode_state

BEFORE_TRAINING = [(1, 3), (3, 12)]
"""Between which event lines of a start a kill falls: in preparing the run and in the cached features."""
WHILE_TRAINING = [(1, 10), (6, 12), (6, 12), *[(12, 24)] * 5]
"""The same, counted from the beginning of the stage: three while the head trains, then on into fine-tuning."""
LONGEST_DELAY = 0.1  # seconds, so that a kill falls between two lines, also into a file being written


class Kill(NamedTuple):
    """What a killed process had said, and what it left."""

    events: list[AnyEvent]
    state: RunState | None


def command(dataset_file: Path, config: Path, out: Path) -> list[str]:
    words = [sys.executable, "-m", "trainer", "train", str(dataset_file), "--config", str(config)]
    return [*words, "--out", str(out), "--json-events"]


def killed(words: list[str], out: Path, *, lines: int, after_stage: bool, delay: float) -> Kill:
    """Start a run and kill it: so many lines (after a stage has begun) and so many seconds later."""
    events: list[AnyEvent] = []
    counting = not after_stage
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        for line in child.stdout:
            events.append(decode_event(line))
            counting = counting or isinstance(events[-1], StageStarted)
            lines -= counting
            if lines <= 0:
                break
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(delay)
        child.kill()
        # What it said last is in the pipe; the line it was killed in may be half of one.
        events += [decode_event(line) for line in child.stdout if line.endswith(b"}\n")]
        child.wait()
        assert child.returncode == -9
    checkpoint = CheckpointStore(out / "checkpoints").load_latest(events.append)
    return Kill(events, None if checkpoint is None else decode_state(checkpoint.state))


def test_a_run_killed_ten_times_ends_as_if_nothing_had_happened(
    dataset_file: Path, tiny_config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = msgspec.structs.replace
    config = replace(
        tiny_config,
        head_stage=replace(
            tiny_config.head_stage, epochs=4, schedule=Schedule(kind="plateau", plateau_patience=1)
        ),
        fine_tune_stage=replace(tiny_config.fine_tune_stage, epochs=24, batch_size=8, accumulation=2),
        checkpoint_minutes=1e-6,
    )
    file = tmp_path / "config.toml"
    file.write_text(config_to_toml(config))
    monkeypatch.setenv("SKINDESK_CACHE_DIR", str(tmp_path / "cache of the whole run"))
    subprocess.run(command(dataset_file, file, tmp_path / "whole"), check=True, capture_output=True)
    monkeypatch.setenv("SKINDESK_CACHE_DIR", str(tmp_path / "cache of the killed run"))
    generator = np.random.default_rng(11)
    out = tmp_path / "killed"
    ended: set[tuple[str, int]] = set()
    in_stage: list[int] = []
    for attempt, (fewest, most) in enumerate([*BEFORE_TRAINING, *WHILE_TRAINING]):
        kill = killed(
            command(dataset_file, file, out) + (["--resume"] if attempt else []),
            out,
            lines=int(generator.integers(fewest, most)),
            after_stage=attempt >= len(BEFORE_TRAINING),
            delay=float(generator.uniform(0, LONGEST_DELAY)),
        )
        torn = [e.message for e in kill.events if isinstance(e, Warned) and "checkpoint" in e.message]
        assert not torn
        ended |= {(event.stage, event.epoch) for event in kill.events if isinstance(event, EpochEnded)}
        # At most the epoch that was going on is lost: every epoch that ended is in the checkpoint.
        assert len(kill.state.history if kill.state else []) >= len(ended)
        if any(isinstance(event, StepDone | EpochEnded) for event in kill.events):
            assert kill.state is not None
            in_stage.append(kill.state.stage)
    assert len(BEFORE_TRAINING) + len(WHILE_TRAINING) == 10
    assert in_stage.count(0) >= 2
    assert in_stage.count(1) >= 3
    done = subprocess.run([*command(dataset_file, file, out), "--resume"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    whole, parts = (read_bundle(tmp_path / name / "bundle") for name in ("whole", "killed"))
    assert whole[1].keys() == parts[1].keys()
    for name, array in whole[1].items():
        np.testing.assert_array_equal(parts[1][name], array)
    assert whole[0].metrics == parts[0].metrics
    assert whole[0].calibration == parts[0].calibration
    last = [CheckpointStore(tmp_path / name / "checkpoints").load_latest() for name in ("whole", "killed")]
    assert last[0] is not None
    assert last[1] is not None
    # The best epoch may be an early one: the last checkpoint holds the weights and the optimizer of the end.
    for name, array in last[0].arrays.items():
        np.testing.assert_array_equal(last[1].arrays[name], array)

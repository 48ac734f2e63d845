from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from trainer.bundle import read_bundle
from trainer.checkpoint import CheckpointStore
from trainer.config import RunConfig, config_to_toml
from trainer.events import EpochEnded, decode_event
from trainer.runs import decode_state

KILLS = 10


def command(dataset_file: Path, config: Path, out: Path) -> list[str]:
    words = [sys.executable, "-m", "trainer", "train", str(dataset_file), "--config", str(config)]
    return [*words, "--out", str(out), "--json-events"]


def test_a_run_killed_ten_times_ends_as_if_nothing_had_happened(
    dataset_file: Path, tiny_config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = msgspec.structs.replace(
        tiny_config,
        head_stage=msgspec.structs.replace(tiny_config.head_stage, epochs=4),
        fine_tune_stage=msgspec.structs.replace(tiny_config.fine_tune_stage, epochs=12),
        checkpoint_minutes=0.001,
    )
    file = tmp_path / "config.toml"
    file.write_text(config_to_toml(config))
    monkeypatch.setenv("SKINDESK_CACHE_DIR", str(tmp_path / "cache of the whole run"))
    subprocess.run(command(dataset_file, file, tmp_path / "whole"), check=True, capture_output=True)
    monkeypatch.setenv("SKINDESK_CACHE_DIR", str(tmp_path / "cache of the killed run"))
    generator = np.random.default_rng(11)
    out = tmp_path / "killed"
    ended: dict[tuple[str, int], EpochEnded] = {}
    for attempt in range(KILLS):
        words = command(dataset_file, file, out) + (["--resume"] if attempt else [])
        # The first kills fall into the cached features and the first steps, later ones anywhere.
        patience = int(generator.integers(1, 14))
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            assert child.stdout is not None
            for count, line in enumerate(child.stdout, start=1):
                event = decode_event(line)
                if isinstance(event, EpochEnded):
                    ended[event.stage, event.epoch] = event
                if count >= patience:
                    child.kill()
                    break
            child.wait()
            assert child.returncode == -9
        checkpoint = CheckpointStore(out / "checkpoints").load_latest()
        if ended:
            # At most the epoch that was going on is lost: every epoch that ended is in the checkpoint.
            assert checkpoint is not None
            state = decode_state(checkpoint.state)
            assert len(state.history) >= len(ended)
    done = subprocess.run([*command(dataset_file, file, out), "--resume"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    whole, killed = (read_bundle(tmp_path / name / "bundle") for name in ("whole", "killed"))
    assert whole[1].keys() == killed[1].keys()
    for name, array in whole[1].items():
        np.testing.assert_array_equal(killed[1][name], array)
    assert whole[0].metrics == killed[0].metrics
    assert whole[0].calibration == killed[0].calibration

"""A whole run over two replicas: two logical CPU devices stand in for two GPUs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec

from trainer.config import RunConfig, config_to_toml

RUN = """
import json, sys
from pathlib import Path
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from trainer.training import loop as training, preparing
from trainer.compute.replicas import mirrored
from trainer.config import config_from_toml
from trainer.dataset.store import DatasetStore
from trainer.errors import StoppedError
from trainer.events import EpochEnded, StepDone, StopRequest

preparing.replicas = lambda device: mirrored(("CPU:0", "CPU:1"))
dataset, config, out = map(Path, sys.argv[1:])
epochs, stop = [], StopRequest()

def listen(event):
    if isinstance(event, EpochEnded):
        epochs.append(event)
    if isinstance(event, StepDone) and event.stage == "fine-tune" and not stop.asked:
        stop.ask()

with DatasetStore.open(dataset, read_only=True) as store:
    arguments = (store, out, config_from_toml(config))
    try:
        training.train(*arguments, cache_folder=out.parent / "cache", listener=listen, stop=stop)
    except StoppedError:
        manifest = training.train(
            *arguments, cache_folder=out.parent / "cache", listener=epochs.append, resume=True
        )
ended = [e for e in epochs if isinstance(e, EpochEnded)]
print(json.dumps({
    "stopped": stop.asked,
    "epochs": [(e.stage, e.epoch) for e in ended],
    "losses": [e.train.loss for e in ended],
    "macro_recall": manifest.metrics.validation.macro_recall,
}))
"""


def test_a_run_over_two_replicas_learns_stops_and_resumes(
    dataset_file: Path, tiny_config: RunConfig, tmp_path: Path
) -> None:
    config = msgspec.structs.replace(
        tiny_config,
        head_stage=msgspec.structs.replace(tiny_config.head_stage, epochs=6, batch_size=15),
        fine_tune_stage=msgspec.structs.replace(
            tiny_config.fine_tune_stage, epochs=2, accumulation=2, batch_size=8
        ),
    )
    (tmp_path / "config.toml").write_text(config_to_toml(config))
    words = [
        sys.executable,
        "-c",
        RUN,
        str(dataset_file),
        str(tmp_path / "config.toml"),
        str(tmp_path / "run"),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["stopped"]
    assert [tuple(e) for e in result["epochs"]] == [
        *(("head", k) for k in range(1, 7)),
        ("fine-tune", 1),
        ("fine-tune", 2),
    ]
    assert result["losses"][5] < 0.7 * result["losses"][0]
    assert result["macro_recall"] > 0.6

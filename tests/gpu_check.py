"""Checks on a machine with NVIDIA GPUs what no other test can: within ten minutes, a line for each step.

    python tests/gpu_check.py             on a machine with one GPU or more
    python tests/gpu_check.py --rehearse  the same steps on the CPU, to try this script itself

This script has never been run on a GPU by its authors: none of their machines has one. Expect to find something,
and report the lines that it prints. It needs `pip install -e '.[gpu,dev]'` and no network.

Steps: the GPU proves itself in a child process; TensorFlow takes its memory as it needs it; head and fine-tuning
run through the command line in float16 with loss scaling, in float32 and, where the GPU has it, in bfloat16; a
run is stopped and resumed; a bundle that was trained on the GPU predicts on the CPU; a GPU that is hidden is
refused in words; with two GPUs or more, a run over all of them is compared with a run on one.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from trainer.devices.choosing import Device, choose_device, describe_devices, resolve_precision
from trainer.errors import EXIT_BAD_INPUT, EXIT_STOPPED

if TYPE_CHECKING:
    from collections.abc import Callable

CLASSES = ("bkl", "mel", "nv")
LESIONS = 24  # of each class
SIDE = 96  # pixels
STEP_SECONDS = 240.0
BACKBONE = "resnet50v2"

MEMORY_CHECK = """
import json, subprocess, sys
import msgspec
import tensorflow as tf
from trainer.devices.choosing import Device
from trainer.compute.proving import prepare_device
prepare_device(msgspec.json.decode(sys.argv[1], type=Device))
with tf.device("GPU:0"):
    assert "GPU:0" in tf.matmul(tf.ones((512, 512)), tf.ones((512, 512))).device
import os
asked = ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
rows = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
used = [int(row.split(",")[1]) for row in rows if row.split(",")[0].strip() == str(os.getpid())]
print(json.dumps({"used_mib": max(used, default=None)}))
"""


class CheckError(Exception):
    """A step did not give what it should."""


class Skipped(Exception):  # noqa: N818 - an outcome, no error
    """A step has nothing to do on this machine."""


class Check:
    """The steps, and what one hands to the next.

    Args:
        folder: for all that is written.
        rehearse: use the CPU.
    """

    def __init__(self, folder: Path, *, rehearse: bool) -> None:
        self.folder = folder
        self.rehearse = rehearse
        self.dataset = folder / "dataset.db"
        self.device: Device | None = None

    @property
    def kind(self) -> str:
        return "cpu" if self.rehearse else "gpu"

    # --- helpers -----------------------------------------------------------------------------------------

    def trainer(self, *arguments: str, status: int = 0, **environment: str) -> str:
        """Run the command line and return what it says on stdout."""
        done = subprocess.run(
            [sys.executable, "-m", "trainer", *arguments],
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            env=os.environ | {"SKINDESK_CACHE_DIR": str(self.folder / "cache")} | environment,
            check=False,
        )
        if done.returncode != status:
            last = "\n".join(done.stderr.splitlines()[-15:])
            raise CheckError(f"`{' '.join(arguments)}` ended with status {done.returncode}:\n{last}")
        return done.stdout if status == 0 else done.stderr

    def config(self, precision: str, epochs: int = 2) -> Path:
        path = self.folder / f"{precision}-{epochs}.toml"
        path.write_text(
            f'precision = "{precision}"\ninput_size = 64\nweights = "random"\n'
            f"[head_stage]\nepochs = {epochs}\nbatch_size = 16\nviews = 1\n"
            f"[fine_tune_stage]\nepochs = {epochs}\nbatch_size = 16\n"
        )
        return path

    def arguments(self, name: str, precision: str, epochs: int = 2) -> list[str]:
        return [
            *("train", str(self.dataset), "--backbone", BACKBONE, "--out", str(self.folder / name)),
            *("--config", str(self.config(precision, epochs)), "--device", self.kind, "--json-events"),
        ]

    def train(self, name: str, precision: str, **environment: str) -> str:
        """Train a small network and check every figure it tells of."""
        events = [
            json.loads(line)
            for line in self.trainer(*self.arguments(name, precision), **environment).splitlines()
        ]
        epochs = [event for event in events if event["event"] == "EpochEnded"]
        if {event["stage"] for event in epochs} != {"head", "fine-tune"}:
            raise CheckError("not both stages were trained")
        for event in epochs:
            if not all(math.isfinite(event[part]["loss"]) for part in ("train", "validation")):
                raise CheckError(f"the loss is not finite: {event}")
        if not (self.folder / name / "bundle" / "manifest.json").is_file():
            raise CheckError("there is no bundle")
        speeds = [event["images_per_second"] for event in events if event["event"] == "StepDone"]
        losses = ", ".join(f"{event['train']['loss']:.3f}" for event in epochs)
        return f"losses {losses}; fine-tuning at {speeds[-1]:.1f} images/s"

    # --- steps -------------------------------------------------------------------------------------------

    def find(self) -> str:
        """The device is found and has proven itself."""
        devices = describe_devices()
        print(devices.describe())
        self.device = choose_device("cpu" if self.rehearse else "gpu", devices)
        return f"{self.device.reason} Precision: {resolve_precision('auto', self.device)}."

    def memory(self) -> str:
        """TensorFlow takes the GPU's memory as it needs it, not all of it."""
        if self.rehearse:
            raise Skipped("needs a GPU")
        device = json.dumps({key: getattr(self.device, key) for key in Device.__struct_fields__})
        done = subprocess.run(
            [sys.executable, "-c", MEMORY_CHECK, device],
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        if done.returncode:
            raise CheckError(done.stderr[-2000:])
        used = json.loads(done.stdout.splitlines()[-1])["used_mib"]
        if used is None:
            raise Skipped(
                "nvidia-smi does not tell the memory of a process here (in a container it does not)"
            )
        total = max(gpu.memory_mib or 0 for gpu in describe_devices(probe=None).gpus)
        if used > total / 2:
            raise CheckError(f"a small computation took {used} of {total} MiB")
        return f"{used} of {total} MiB taken"

    def data(self) -> str:
        """A small dataset of coloured spots is imported and split."""
        random = np.random.default_rng(0)
        y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
        for number, class_name in enumerate(CLASSES):
            folder = self.folder / "images" / class_name
            folder.mkdir(parents=True)
            for lesion in range(LESIONS):
                spot = np.hypot(x, y) < random.uniform(0.2, 0.4)
                image = np.full((SIDE, SIDE, 3), (215, 180, 165), float)
                image[spot] = 60
                image[spot, number] = 160
                image += random.normal(0, 12, image.shape)
                Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(
                    folder / f"{class_name}{lesion}.png"
                )
        self.trainer("import", str(self.folder / "images"), "--out", str(self.dataset))
        self.trainer("split", str(self.dataset))
        return f"{len(CLASSES) * LESIONS} images"

    def half(self) -> str:
        """Both stages train in the device's fastest precision; on a GPU that is float16 with loss scaling."""
        assert self.device is not None
        precision = resolve_precision("auto", self.device)
        if not self.rehearse and precision != "float16":
            raise Skipped(f"{self.device.name} has no fast float16")
        return self.train("half", precision)

    def single(self) -> str:
        """Both stages train in float32."""
        return self.train("single", "float32")

    def brain(self) -> str:
        """Both stages train in bfloat16, where the GPU has it."""
        assert self.device is not None
        if (self.device.compute_capability or (0, 0)) < (8, 0):
            raise Skipped(f"{self.device.name} has no fast bfloat16")
        return self.train("brain", "bfloat16")

    def resume(self) -> str:
        """A run that is asked to stop saves a checkpoint, and goes on from it."""
        arguments = self.arguments("resumed", "float32", epochs=4)
        environment = os.environ | {"SKINDESK_CACHE_DIR": str(self.folder / "cache")}
        with subprocess.Popen(
            [sys.executable, "-m", "trainer", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        ) as run:
            assert run.stdout is not None
            for line in run.stdout:
                if json.loads(line)["event"] == "EpochEnded":
                    run.send_signal(signal.SIGINT)
                    break
            run.communicate(timeout=STEP_SECONDS)
        if run.returncode != EXIT_STOPPED:
            raise CheckError(f"the run ended with status {run.returncode} when it was asked to stop")
        resumed = self.trainer(*arguments, "--resume")
        if '"event":"Finished"' not in resumed:
            raise CheckError("the run did not finish after it was resumed")
        return "stopped and resumed"

    def predict(self) -> str:
        """What was trained on the GPU predicts on the CPU."""
        image = next((self.folder / "images").rglob("*.png"))
        said = self.trainer(
            *("predict", str(self.folder / "single" / "bundle"), str(image), "--json"),
            CUDA_VISIBLE_DEVICES="",
        )
        (prediction,) = json.loads(said)
        total = sum(prediction["probabilities"].values())
        if not math.isclose(total, 1.0, abs_tol=1e-5):
            raise CheckError(f"the probabilities sum to {total}")
        return f"{prediction['predicted']} for an image of {image.parent.name}"

    def refuse(self) -> str:
        """Without a GPU in sight `--device gpu` ends with one sentence."""
        arguments = self.arguments("refused", "auto")
        arguments[arguments.index("--device") + 1] = "gpu"
        if self.rehearse and choose_device("auto").kind == "gpu":
            raise Skipped("this machine has a GPU")
        said = self.trainer(*arguments, status=EXIT_BAD_INPUT, CUDA_VISIBLE_DEVICES="")
        return said.strip().splitlines()[-1]

    def several(self) -> str:
        """Several GPUs train together."""
        assert self.device is not None
        if len(self.device.gpus) < 2:
            raise Skipped("needs two GPUs")
        together = self.train("several", "float32")
        alone = self.train("alone", "float32", CUDA_VISIBLE_DEVICES="0")
        return f"{len(self.device.gpus)} GPUs: {together}. One: {alone}"

    def steps(self) -> list[Callable[[], str]]:
        return [
            self.find,
            self.memory,
            self.data,
            self.half,
            self.single,
            self.brain,
            self.resume,
            self.predict,
            self.refuse,
            self.several,
        ]


def run_steps(check: Check) -> int:
    """Run all steps, print a line for each, and return the number of those that failed."""
    failed = 0
    begun = time.monotonic()
    for step in check.steps():
        started = time.monotonic()
        title = (step.__doc__ or "").splitlines()[0]
        try:
            outcome, detail = "ok", step()
        except Skipped as reason:
            outcome, detail = "skipped", str(reason)
        except Exception as error:  # noqa: BLE001 - a step that fails in any way must not hide the next ones
            failed += 1
            outcome = "FAILED"
            detail = str(error) if isinstance(error, CheckError) else traceback.format_exc()
        print(f"[{outcome}] {title} ({time.monotonic() - started:.0f} s)\n    {detail}", flush=True)
        if outcome == "FAILED" and step.__name__ in {"find", "data"}:
            break
    print(f"{failed} failed, {time.monotonic() - begun:.0f} s in all")
    return failed


def main() -> int:
    """Run the check; 0 if nothing failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rehearse", action="store_true", help="use the CPU, to try this script itself")
    options: Any = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="skindesk-gpu-") as folder:
        return 1 if run_steps(Check(Path(folder), rehearse=options.rehearse)) else 0


if __name__ == "__main__":
    sys.exit(main())

"""A run: trained from the start or from its last checkpoint."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

from trainer.engine.handling import handles
from trainer.events import CostEstimated, StageStarted
from trainer.protocol.training import RunFinished, TrainNetwork

if TYPE_CHECKING:
    from trainer.engine.handling import Context
    from trainer.events import AnyEvent, Listener

_NICENESS = 10


@handles(TrainNetwork)
def train_network(job: TrainNetwork, context: Context) -> RunFinished:
    """Train a run, or resume it."""
    from trainer.dataset.store import DatasetStore
    from trainer.devices.choosing import describe_devices
    from trainer.runs.folder import RunFolder

    folder = RunFolder(Path(job.folder))
    resume = job.resume and folder.begun
    config = job.config
    if resume:
        config = msgspec.structs.replace(folder.config(), device=job.config.device)
    if config.device == "cpu" or not describe_devices(probe=None).gpus:
        # Before TensorFlow starts its threads: on Linux each has its own niceness, taken from its maker.
        be_nice()
    with DatasetStore.open(Path(job.dataset), read_only=True) as store:
        with context.libraries.loaded():
            from trainer.training.loop import train
        context.stop.raise_if_asked()
        train(
            store,
            folder.path,
            config,
            cache_folder=Path(job.cache_folder),
            weights_dir=Path(job.weights_dir) if job.weights_dir else None,
            resume=resume,
            listener=_watching_device(context),
            stop=context.stop,
        )
    return RunFinished(bundle=str(folder.bundle))


def _watching_device(context: Context) -> Listener:
    """Return a listener that notes, once the device is chosen, whether it is a GPU; a CPU is shared nicely."""

    def listen(event: AnyEvent) -> None:
        if isinstance(event, CostEstimated | StageStarted):
            import tensorflow as tf

            uses_gpu = bool(tf.config.get_visible_devices("GPU"))
            context.set_uses_gpu(uses_gpu)
            if not uses_gpu:
                be_nice()
        context.listener(event)

    return listen


def be_nice() -> None:
    """Give way to everything else that wants the processor; this cannot be taken back."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    elif sys.platform == "linux":
        # On Linux this is a thread's own; threads that are made later take it from their maker.
        for thread in psutil.Process().threads():
            with contextlib.suppress(OSError):
                nice = max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread.id))
                os.setpriority(os.PRIO_PROCESS, thread.id, nice)
    else:
        os.setpriority(os.PRIO_PROCESS, 0, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))

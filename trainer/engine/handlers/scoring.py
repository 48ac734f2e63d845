"""Scores bundles; predicts folders of images; estimates the cost, input and device of a training."""

from __future__ import annotations

import functools
import gc
import io
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.config import check_config
from trainer.engine.handling import handles
from trainer.protocol.scoring import (
    CompleteBundle,
    Completed,
    DevicesFound,
    EstimateRun,
    EvaluateBundle,
    FolderPredicted,
    LookAtDevices,
    Pictures,
    PredictFolder,
    PreviewAugmentation,
    RunEstimated,
    Scored,
)

if TYPE_CHECKING:
    from trainer.engine.handling import Context
    from trainer.network.network import Network


@handles(EvaluateBundle)
def evaluate_bundle(job: EvaluateBundle, context: Context) -> Scored:
    """Score a bundle on a part of a dataset and write a report folder."""
    from trainer.dataset.store import DatasetStore

    with DatasetStore.open(Path(job.dataset)) as store:
        with context.libraries.loaded():
            from trainer.prediction.scoring import score
        context.libraries.show_proven_gpus()
        report = Path(job.report) if job.report else None
        scoring = score(
            Path(job.bundle), store, job.part, report=report, listener=context.listener, stop=context.stop
        )
    return Scored(text=scoring.text, report=job.report)


@handles(PredictFolder)
def predict_images_of_folder(job: PredictFolder, context: Context) -> FolderPredicted:
    """Predict the images of a folder and write their tables."""
    with context.libraries.loaded():
        from trainer.prediction.batch import predict_folder
    context.libraries.show_proven_gpus()
    counts = predict_folder(
        Path(job.bundle), Path(job.folder), Path(job.out), listener=context.listener, stop=context.stop
    )
    return FolderPredicted(text=counts.describe())


@handles(CompleteBundle)
def complete(job: CompleteBundle, context: Context) -> Completed:
    """Look at all images a network was trained on, and write down what its bundle is to know of them."""
    from trainer.dataset.store import DatasetStore

    with DatasetStore.open(Path(job.dataset), read_only=True) as store:
        with context.libraries.loaded():
            from trainer.prediction.completing import complete_bundle
        context.libraries.show_proven_gpus()
        reference = complete_bundle(Path(job.bundle), store, listener=context.listener, stop=context.stop)
    return Completed(images=len(reference.training.hashes))


@handles(EstimateRun)
def estimate_run(job: EstimateRun, context: Context) -> RunEstimated:
    """Time the network that a run would train, with weights that are at hand or random ones."""
    from trainer.dataset.store import DatasetStore
    from trainer.devices.choosing import choose_device, resolve_precision

    config = check_config(job.config)
    with context.libraries.loaded():
        import tensorflow as tf

        from trainer.runs.state import RunState
        from trainer.training.estimate import estimate_cost
        from trainer.training.stages import collect_samples
    context.libraries.show_proven_gpus()
    with DatasetStore.open(Path(job.dataset), read_only=True) as store:
        samples = collect_samples(store.frame(), store.classes, config)
        fingerprint = store.fingerprint()
    device = choose_device(config.device)
    precision = resolve_precision(config.precision, device)
    context.stop.raise_if_asked()
    with tf.device("GPU:0" if device.kind == "gpu" else "CPU:0"):
        timed = context.kept.one(TimedNetwork)
        network = timed.network_of(job, len(samples.classes), precision, device.kind)
        network.backbone.block(config.fine_tune_stage.from_block)
        context.stop.raise_if_asked()
        state = RunState(fingerprint=fingerprint, precision=precision)
        cost = estimate_cost(network, samples, config, state, Path(job.cache_folder))
    return RunEstimated(cost=cost, device=device.reason)


class TimedNetwork:
    """The network that was timed last: a user who tries settings needs it many times."""

    def __init__(self) -> None:
        self._timed: tuple[object, Network] | None = None

    def network_of(self, job: EstimateRun, classes: int, precision: str, kind: str) -> Network:
        """Return the network of a run; it is built unless it is the last one."""
        from trainer.network.network import Network

        config = job.config
        sort = (config.backbone, config.head, config.input_size, config.weights, job.weights_dir)
        key = (*sort, classes, precision, kind)
        if self._timed is None or self._timed[0] != key:
            self._timed = None
            gc.collect()  # networks are cycles of objects
            network = Network(
                config.backbone, classes, config.head, input_size=config.input_size, precision=precision
            )
            _load_weights_at_hand(network, job)
            self._timed = (key, network)
        return self._timed[1]


def _load_weights_at_hand(network: Network, job: EstimateRun) -> None:
    """Load ImageNet weights that are on this machine: features in the cache are known by the weights' hash."""
    from trainer.devices.weights_at_hand import locate_weights
    from trainer.network.weights import find_weights, load_backbone_weights

    folder = Path(job.weights_dir) if job.weights_dir else None
    if job.config.weights == "imagenet" and locate_weights(network.backbone, folder) is None:
        return
    if job.config.weights != "random":
        found = find_weights(network.backbone, job.config.weights, folder)
        load_backbone_weights(found, network.backbone_model)


@handles(PreviewAugmentation)
def preview_augmentation(job: PreviewAugmentation, context: Context) -> Pictures:
    """Show one image as it would look in the first epochs of a run."""
    import numpy as np
    from PIL import Image

    from trainer.images.decoding import read_square

    square = read_square(Path(job.image), job.size, job.geometry)
    with context.libraries.loaded():
        from trainer.pipeline.augmentation import augment, sample_keys, seed_pairs
    keys = sample_keys([Path(job.image).name])
    seeds = np.concatenate([seed_pairs(job.seed, epoch, keys) for epoch in range(job.count)])
    changed = np.asarray(augment(np.repeat(square[None], job.count, axis=0), seeds, job.augmentation))
    pictures = []
    for pixels in changed:
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
        pictures.append(stream.getvalue())
    return Pictures(png=tuple(pictures))


@handles(LookAtDevices)
def look_at_devices(_job: LookAtDevices, context: Context) -> DevicesFound:
    """Find out what can be trained on, proving the GPUs."""
    from trainer.devices.choosing import describe_devices, run_probe

    return DevicesFound(devices=describe_devices(probe=functools.partial(run_probe, stop=context.stop)))

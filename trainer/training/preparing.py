"""What a run needs before its first step: samples, device, network, weights, and an estimate of the cost."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import tensorflow as tf

from trainer.compute.proving import prepare_device
from trainer.compute.replicas import replicas
from trainer.devices.choosing import choose_device, resolve_precision
from trainer.errors import CheckpointError, DatasetError
from trainer.events import Said, Warned
from trainer.network.network import Network
from trainer.network.weights import find_weights, load_backbone_weights
from trainer.pipeline.loading import ImageSource
from trainer.runs.state import RunState, decode_state
from trainer.stored import UnreadableError, decoded
from trainer.training.estimate import estimate_cost
from trainer.training.pacing import watched
from trainer.training.saving import best_checkpoint, of_network
from trainer.training.stages import collect_samples
from trainer.wording import file_size

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.config import RunConfig
    from trainer.dataset.store import DatasetStore
    from trainer.events import Listener, StopRequest
    from trainer.runs.checkpoint import Checkpoint, CheckpointStore
    from trainer.runs.folder import RunFolder
    from trainer.training.stages import Samples

_STATISTICS_IMAGES = 512
_STATISTICS_BATCH = 64


class _Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """What the checkpoint of the first network says beside its arrays.

    Attributes:
        origin: where the backbone's first weights came from.
        fingerprint: of the dataset and its split; older versions did not note it.
    """

    origin: str
    fingerprint: str = ""


_DECODER = msgspec.json.Decoder(_Beginning)


class Prepared(NamedTuple):
    """A run before its first step, or before its next one.

    Attributes:
        samples: that it trains on and chooses by.
        source: of their images.
        network: with the weights it starts or resumes from.
        strategy: over how many devices.
        state: where it is.
        origin: where the backbone's first weights came from.
        checkpoints: of the run, which know those that are damaged.
        pending: arrays of the checkpoint it resumes from, for what is made later; `None` for a new run.
    """

    samples: Samples
    source: ImageSource
    network: Network
    strategy: tf.distribute.Strategy
    state: RunState
    origin: str
    checkpoints: CheckpointStore
    pending: dict[str, NDArray[Any]] | None


def prepare_run(
    store: DatasetStore,
    folder: RunFolder,
    config: RunConfig,
    opened: contextlib.ExitStack,
    cache_folder: Path,
    weights_dir: Path | None,
    listener: Listener,
    stop: StopRequest | None,
    *,
    resume: bool,
) -> Prepared:
    """Collect samples, build the network, load its weights or the checkpoint's, say what it will cost.

    Args:
        store: the dataset.
        folder: of the run.
        config: settings of the run.
        opened: what must be closed after the run is left to it.
        cache_folder: of features.
        weights_dir: where ImageNet weights are looked for first.
        listener: receives the events.
        stop: checked between batches.
        resume: go on from the last checkpoint.
    """
    samples = _collect_samples(store, config)
    device = choose_device(config.device)
    listener(Said(message=device.reason))
    checkpoints = folder.checkpoints()
    checkpoint = checkpoints.load_latest(listener) if resume else None
    fingerprint = store.fingerprint()
    if checkpoint is not None:
        state = decode_state(checkpoint.state)
        _check_dataset(folder, fingerprint, state.fingerprint)
        # The precision stays; a device that cannot compute in it is refused.
        resolve_precision(state.precision, device)
    else:
        state = RunState(fingerprint=fingerprint, precision=resolve_precision(config.precision, device))
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    prepare_device(device)
    strategy = replicas(device)
    with strategy.scope():
        network = Network(
            config.backbone,
            len(samples.classes),
            config.head,
            input_size=config.input_size,
            precision=state.precision,
            seed=config.seed,
        )
    network.backbone.block(config.fine_tune_stage.from_block)
    source = ImageSource(samples.paths, network.input_size, config.geometry, config.cache_mib)
    opened.callback(source.close)
    initial = folder.initial_checkpoint()
    started = initial.load_latest(listener) if resume else None
    if started is not None:
        start = _beginning(started)
        _check_dataset(folder, fingerprint, start.fingerprint or fingerprint)
        origin = start.origin
        network.assign(started.arrays)
    else:
        state, checkpoint = RunState(fingerprint=fingerprint, precision=state.precision), None
        origin = _initial_weights(network, samples, source, config, weights_dir, listener, stop)
        beginning = msgspec.json.encode(_Beginning(origin=origin, fingerprint=fingerprint))
        initial.save(network.arrays(), beginning, step=0)
    certificate = store.certificate()
    if certificate is None or certificate.fingerprint != fingerprint:
        raise DatasetError("The dataset was split again while the run was starting; start the run again.")
    folder.write_certificate(certificate)
    if checkpoint is not None:
        # What the end of the stage will go back to is looked at now: hours later it would be too late.
        best_checkpoint(checkpoints, state, config.early_stopping.metric, listener)
        network.assign(network.arrays() | of_network(checkpoint.arrays))
        listener(Said(message=f"Resuming from {checkpoint.path.name}."))
    folder.write_dataset(store.path)
    folder.write_history(state.history)
    cost = estimate_cost(network, samples, config, state, cache_folder)
    listener(cost)
    _check_disk(folder, cost.disk_bytes, listener)
    pending = None if checkpoint is None else dict(checkpoint.arrays)
    return Prepared(samples, source, network, strategy, state, origin, checkpoints, pending)


def _beginning(checkpoint: Checkpoint) -> _Beginning:
    try:
        return decoded(checkpoint.state, _DECODER.decode)
    except UnreadableError as error:
        raise CheckpointError(
            f"{checkpoint.path} does not say where the first weights came from ({error}); start a new run."
        ) from error


def _collect_samples(store: DatasetStore, config: RunConfig) -> Samples:
    """Return the samples whose images a run needs, after a look whether these are there."""
    frame = store.frame()
    samples = collect_samples(frame, store.classes, config)
    store.check_files(frame[frame["split"].isin(["train", "validation"])])
    return samples


def _check_dataset(folder: RunFolder, fingerprint: str, at_start: str) -> None:
    """Refuse to go on with other samples or another split than the run began with."""
    if fingerprint != at_start:
        raise CheckpointError(
            f"The dataset or its split has changed since the run in {folder.path} began; start a new run."
        )


def _check_disk(folder: RunFolder, needed: int, listener: Listener) -> None:
    free = shutil.disk_usage(folder.path).free
    if free < needed:
        message = (
            f"Only {file_size(free)} of disk space is free at {folder.path}, and the run may "
            f"need {file_size(needed)}."
        )
        listener(Warned(message=message))


def _initial_weights(
    network: Network,
    samples: Samples,
    source: ImageSource,
    config: RunConfig,
    weights_dir: Path | None,
    listener: Listener,
    stop: StopRequest | None,
) -> str:
    """Load the backbone's weights, or estimate the statistics of a random one; say where they are from."""
    if config.weights != "random":
        found = find_weights(network.backbone, config.weights, weights_dir, listener=listener, stop=stop)
        load_backbone_weights(found, network.backbone_model)
        return found.origin
    count = min(_STATISTICS_IMAGES, len(samples.train))
    chosen = np.random.default_rng(config.seed).permutation(samples.train)[:count]
    each = watched("Statistics of the random backbone", count, listener, stop)

    def batches() -> Iterator[NDArray[np.uint8]]:
        for begin in range(0, count, _STATISTICS_BATCH):
            yield source.squares(chosen[begin : begin + _STATISTICS_BATCH])
            each(min(begin + _STATISTICS_BATCH, count))

    network.estimate_statistics(batches())
    message = "The backbone starts from random weights instead of ImageNet weights, so expect lower metrics."
    listener(Warned(message=message))
    return "random"

"""The end of a run: calibration on the images set aside for it, then the bundle."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

import trainer
from trainer.events import Said
from trainer.figures.history import draw_history
from trainer.metrics.calibration import fit_calibration, trained_prior
from trainer.network.network import Network
from trainer.pipeline.references import Part, make_reference
from trainer.reference.reference import write_reference
from trainer.runs.bundle import BundleMetrics, Manifest, write_bundle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainer.config import RunConfig
    from trainer.dataset.store import DatasetStore
    from trainer.events import Listener, StopRequest
    from trainer.metrics.decision import Calibration
    from trainer.reference.reference import Reference, Validation
    from trainer.runs.folder import RunFolder
    from trainer.runs.state import RunState
    from trainer.training.stages import Samples

_PACKAGES = ("tensorflow", "keras", "numpy", "pillow", "safetensors")


def finish_run(
    trained: Network,
    samples: Samples,
    store: DatasetStore,
    folder: RunFolder,
    config: RunConfig,
    state: RunState,
    origin: str,
    listener: Listener,
    stop: StopRequest | None,
) -> Manifest:
    """Calibrate the trained network, write its bundle with what it is to know of its images, and the learning curves.

    Args:
        trained: network with the weights of the best epoch.
        samples: of the run.
        store: the dataset.
        folder: of the run.
        config: settings of the run.
        state: with the history.
        origin: where the initial weights came from.
        listener: receives progress events.
        stop: checked between batches.

    Returns:
        The manifest of the bundle.
    """
    arrays = trained.arrays()
    network = Network(
        config.backbone, len(samples.classes), config.head, input_size=trained.input_size, precision="float32"
    )
    network.assign(arrays)
    reference = _reference(network, samples, store, config, state.fingerprint, listener, stop)
    calibration = _calibrate(reference.validation, samples, config)
    listener(Said(message=calibration.describe()))
    best = next(e for e in state.history if (e.stage, e.epoch) == (state.best_stage, state.best_epoch))
    marks = store.marks
    manifest = Manifest(
        program_version=trainer.__version__,
        created=datetime.now(UTC),
        backbone=config.backbone,
        head=config.head,
        classes=samples.classes,
        malignant=tuple(name for name in samples.classes if name in marks.malignant),
        benign=tuple(name for name in samples.classes if name in marks.benign),
        input_size=network.input_size,
        geometry=config.geometry,
        calibration=calibration,
        split=folder.certificate(),
        dataset_fingerprint=state.fingerprint,
        metrics=BundleMetrics(stage=best.stage, epoch=best.epoch, validation=best.validation),
        config=config,
        weights_origin=origin,
        versions={"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
    )
    manifest = write_bundle(folder.bundle, manifest, arrays)
    write_reference(folder.bundle, reference)
    draw_history(folder.curves_file, state.history)
    return manifest


def _reference(
    network: Network,
    samples: Samples,
    store: DatasetStore,
    config: RunConfig,
    fingerprint: str,
    listener: Listener,
    stop: StopRequest | None,
) -> Reference:
    frame = store.frame()
    confirmed = dict(zip(frame["sample_id"], frame["dx_type"], strict=True))

    def part(rows: NDArray[np.int64]) -> Part:
        ids = [samples.ids[row] for row in rows]
        return Part(
            sample_ids=ids,
            groups=[samples.groups[row] for row in rows],
            hashes=[samples.hashes[row] for row in rows],
            paths=[samples.paths[row] for row in rows],
            truth=samples.truth[rows],
            confirmed=[confirmed.get(sample_id) or "" for sample_id in ids],
        )

    return make_reference(
        network,
        config.geometry,
        config.test_views,
        part(samples.train),
        part(samples.validation),
        np.isin(samples.validation, samples.calibration),
        fingerprint,
        listener=listener,
        stop=stop,
    )


def _calibrate(validation: Validation, samples: Samples, config: RunConfig) -> Calibration:
    counts = np.bincount(samples.truth[samples.train], minlength=len(samples.classes))
    natural = counts / counts.sum()
    return fit_calibration(
        validation.logits[validation.aside],
        validation.truth[validation.aside],
        samples.classes,
        natural_prior=natural,
        trained_prior=trained_prior(config.imbalance, natural),
    )

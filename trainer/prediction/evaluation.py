"""A bundle scored on a part of a dataset."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.errors import BundleError
from trainer.events import Progress, silent
from trainer.metrics.classification import compute_metrics
from trainer.metrics.decision import decide
from trainer.metrics.flags import flag_figures
from trainer.pipeline.loading import ImageSource, image_outputs
from trainer.reference.selecting import select_samples

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import tensorflow as tf
    from numpy.typing import NDArray

    from trainer.dataset.store import DatasetStore
    from trainer.events import Listener, StopRequest
    from trainer.metrics.classification import Metrics
    from trainer.metrics.flags import FlagFigures
    from trainer.prediction.inference import Predictor
    from trainer.reference.rules import Measured
    from trainer.runs.external import External

_CACHE_MIB = 0
"""Every image is read once here, so keeping it would help nobody."""


class Evaluation(NamedTuple):
    """The result of an evaluation.

    Attributes:
        metrics: with intervals.
        sample_ids: of the samples, (n,).
        truth: class indices, (n,).
        predicted: class indices by the bundle's decision rule, (n,).
        probabilities: calibrated, float64 (n, c).
        measured: the operating point and the prediction sets.
        flags: the images that are flagged; `None` where the bundle does not know its training images.
        external: what was left out; `None` for the network's own dataset and split.
    """

    metrics: Metrics
    sample_ids: list[str]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    measured: Measured
    flags: FlagFigures | None
    external: External | None


def evaluate(
    predictor: Predictor,
    store: DatasetStore,
    part: str,
    *,
    bootstrap: int = 1000,
    listener: Listener = silent,
    stop: StopRequest | None = None,
) -> Evaluation:
    """Score a bundle on a part of a dataset: its own, or any other (see `trainer.reference.selecting`).

    Args:
        predictor: the bundle, ready.
        store: the dataset.
        part: `train`, `validation`, `test` or `all`.
        bootstrap: replicates for the intervals.
        listener: receives progress events.
        stop: checked between batches.

    Raises:
        BundleError: the network gives numbers that are not finite.
        DatasetError: the part is empty, images of it are missing, or it has no class, or no image, that the network
            may be scored on.
        StoppedError: on request.
    """
    manifest, reference = predictor.manifest, predictor.reference
    frame, external = select_samples(store, part, manifest, reference)
    store.check_files(frame)
    truth = np.array([manifest.classes.index(name) for name in frame["class_name"]], dtype=np.int64)

    def said(done: int) -> None:
        if stop is not None:
            stop.raise_if_asked()
        listener(Progress(task=f"Scoring the part {part}", done=done, total=len(truth), unit="images"))

    logits, flagged = _looked_at(predictor, frame, said)
    overflown = int((~np.isfinite(logits).all(axis=1)).sum())
    if overflown:
        raise BundleError(
            f"The network's output is not finite for {overflown:,} of the {len(truth):,} images: its weights "
            "are damaged, or its training diverged; train again with a lower learning rate."
        )
    probabilities = predictor.probabilities(logits)
    groups = [
        str(group) if group is not None else f"sample {sample}"
        for group, sample in zip(frame["group_id"], frame["sample_id"], strict=True)
    ]
    predicted = decide(probabilities, manifest.calibration)
    metrics = compute_metrics(
        truth,
        probabilities,
        predicted,
        manifest.classes,
        groups,
        bootstrap=bootstrap,
    )
    measured = predictor.rules.measured(
        logits.astype(np.float64), probabilities, truth, groups, manifest.calibration
    )
    flags = None if reference is None else flag_figures(flagged, truth, manifest.classes, groups)
    return Evaluation(
        metrics, list(frame["sample_id"]), truth, predicted, probabilities, measured, flags, external
    )


def _looked_at(
    predictor: Predictor, frame: pd.DataFrame, said: Callable[[int], None]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the logits (n, c) of a frame's images, and which of them are flagged, (n,)."""
    manifest = predictor.manifest
    sizes = list(zip(frame["width"].tolist(), frame["height"].tolist(), strict=True))
    rows: list[NDArray[np.float32]] = []
    flagged: list[NDArray[np.bool_]] = []
    done = 0

    def run(images: tf.Tensor) -> list[NDArray[np.float32]]:
        found = predictor.analysed(images.numpy())
        return [found.logits, *found.features]

    with closing(
        ImageSource(list(frame["path"]), manifest.input_size, manifest.geometry, _CACHE_MIB)
    ) as source:
        for squares, (logits, *features) in image_outputs(
            run, source, np.arange(len(frame)), predictor.at_once, said
        ):
            rows.append(logits)
            flagged.append(predictor.checker.flagged(squares, sizes[done : done + len(squares)], features))
            done += len(squares)
    return np.concatenate(rows), np.concatenate(flagged)

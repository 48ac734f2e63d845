"""A bundle scored on a part of a dataset."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.dataset.groups.certificate import PARTS
from trainer.errors import BundleError, DatasetError
from trainer.events import Progress, silent
from trainer.metrics.classification import compute_metrics
from trainer.metrics.decision import decide
from trainer.pipeline.loading import ImageSource, image_logits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainer.dataset.store import DatasetStore
    from trainer.events import Listener, StopRequest
    from trainer.metrics.classification import Metrics
    from trainer.prediction.inference import Predictor
    from trainer.reference.rules import Measured

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
    """

    metrics: Metrics
    sample_ids: list[str]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    measured: Measured


def evaluate(
    predictor: Predictor,
    store: DatasetStore,
    part: str,
    *,
    bootstrap: int = 1000,
    listener: Listener = silent,
    stop: StopRequest | None = None,
) -> Evaluation:
    """Score a bundle on a part of a dataset.

    Args:
        predictor: the bundle, ready.
        store: the dataset.
        part: `train`, `validation`, `test` or `all`.
        bootstrap: replicates for the intervals.
        listener: receives progress events.
        stop: checked between batches.

    Raises:
        BundleError: the network gives numbers that are not finite.
        DatasetError: the part is empty, images of it are missing, or the dataset has classes that the network does
            not know.
        StoppedError: on request.
    """
    manifest = predictor.manifest
    frame = store.frame(None if part == "all" else part)
    if frame.empty:
        settings = store.split_settings
        if part == "test" and settings is not None and settings.fractions[PARTS.index("test")] == 0:
            raise DatasetError(
                f"{store.path} was split without a test part; choose another part, or split it again with one."
            )
        raise DatasetError(
            f"The dataset has no samples in its part '{part}'; split it again, or choose another part."
        )
    unknown = sorted(set(frame["class_name"]) - set(manifest.classes))
    if unknown:
        raise DatasetError(
            f"The dataset has classes that this network was not trained for ({', '.join(unknown)}); its "
            f"classes are {', '.join(manifest.classes)}."
        )
    store.check_files(frame)
    truth = np.array([manifest.classes.index(name) for name in frame["class_name"]], dtype=np.int64)
    source = ImageSource(list(frame["path"]), manifest.input_size, manifest.geometry, _CACHE_MIB)

    def said(done: int) -> None:
        if stop is not None:
            stop.raise_if_asked()
        listener(Progress(task=f"Scoring the part {part}", done=done, total=len(truth), unit="images"))

    with closing(source):
        logits = image_logits(predictor.logits_graph, source, np.arange(len(truth)), predictor.at_once, said)
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
    return Evaluation(metrics, list(frame["sample_id"]), truth, predicted, probabilities, measured)

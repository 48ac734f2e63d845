"""What is measured of a classifier's predictions: one number each, an interval beside it, no NaN anywhere.

Rates are shares in 0 to 1. Rows of a confusion matrix are the truth, columns the predicted class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.errors import DatasetError, TrainerError
from trainer.events import PartMetrics
from trainer.metrics.intervals import (
    CONFIDENCE,
    Interval,
    exact_interval,
    percentile_interval,
    recentred_interval,
    resampled_counts,
    resampled_metrics,
)
from trainer.metrics.reliability import reliability

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]

FEW_GROUPS = 10
"""Below this many groups of a class, intervals of its metrics are called rough."""

_RESAMPLED = (
    "accuracy",
    "balanced_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "weighted_precision",
    "weighted_recall",
    "weighted_f1",
    "macro_roc_auc",
    "log_loss",
    "brier",
)

_SMALLEST_PROBABILITY = 1e-15
"""In the log loss: one sure mistake does not make it infinite."""


class ClassMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics of one class against the rest.

    Attributes:
        precision: share of the images predicted as the class that are of it; 0 where the class is there but
            never predicted; `None` where it is neither there nor predicted.
        recall: share of the class's images that are predicted as it; `None` without such images.
        f1: harmonic mean of both; `None` without images of the class.
        support: images of the class.
        groups: groups with an image of the class.
        roc_auc: area under the ROC curve of the class's probability against all other classes; `None` where
            there are only images of the class, or none.
        precision_interval, recall_interval, f1_interval, roc_auc_interval: 95 %; `None` where the metric is
            not defined or nothing was resampled.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    groups: int
    roc_auc: float | None
    precision_interval: Interval | None = None
    recall_interval: Interval | None = None
    f1_interval: Interval | None = None
    roc_auc_interval: Interval | None = None


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics of a classifier on one set of images.

    Macro means are over the classes that have images here. `ece`, `log_loss`, `brier` and the areas under
    curves are taken from the probabilities, everything else from the predicted classes.

    Attributes:
        n: images.
        groups: groups of images that belong together.
        classes: class names in the order of the confusion matrix.
        accuracy: share of images whose class is predicted rightly.
        balanced_accuracy: the same as `macro_recall`, under the name that is usual for it.
        macro_precision, macro_recall, macro_f1: plain means over the classes.
        weighted_precision, weighted_recall, weighted_f1: means weighted by the classes' images.
        macro_roc_auc: plain mean of the classes' areas; `None` where no class has one.
        per_class: by class.
        confusion_matrix: images by class (row) and predicted class (column).
        ece: expected calibration error, see `trainer.metrics.reliability`.
        log_loss: mean of -ln(probability of the true class), nats.
        brier: mean squared distance between probabilities and truth, 0 to 2.
        intervals: 95 % intervals by the metric's name, recalls as `recall_` and the class.
        confidence: of the intervals.
        bootstrap: replicates behind the intervals; 0 for none.
        seed: of the replicates.
        notes: sentences on what is not defined or not to be relied on.
    """

    n: int
    groups: int
    classes: tuple[str, ...]
    accuracy: float
    balanced_accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    weighted_precision: float
    weighted_recall: float
    weighted_f1: float
    macro_roc_auc: float | None
    per_class: dict[str, ClassMetrics]
    confusion_matrix: list[list[int]]
    ece: float
    log_loss: float
    brier: float
    intervals: dict[str, Interval]
    confidence: float = CONFIDENCE
    bootstrap: int
    seed: int
    notes: tuple[str, ...] = ()


def epoch_metrics(confusion: ArrayLike, loss: float, classes: Sequence[str]) -> PartMetrics:
    """Compute what is followed while training, from a confusion matrix alone.

    Args:
        confusion: (c, c) images by class (row) and predicted class (column).
        loss: mean over the epoch.
        classes: c names.

    Raises:
        TrainerError: the loss is not finite.
        DatasetError: the matrix holds no image.
    """
    if not np.isfinite(loss):
        raise TrainerError(
            "The loss is no longer a finite number: training has diverged. Choose a lower learning rate or "
            "turn gradient clipping on (clip_norm = 1)."
        )
    counts = np.asarray(confusion, dtype=np.float64)
    support = counts.sum(axis=1)
    if not support.sum():
        raise DatasetError("There is no image to measure on: the part is empty. Split the dataset again.")
    present = np.flatnonzero(support).tolist()
    recall = np.diag(counts) / np.maximum(support, 1.0)
    return PartMetrics(
        loss=float(loss),
        accuracy=float(np.trace(counts) / support.sum()),
        macro_recall=float(recall[present].mean()),
        recall={classes[index]: float(recall[index]) for index in present},
        support={classes[index]: int(support[index]) for index in present},
    )


def compute_metrics(
    truth: ArrayLike,
    probabilities: ArrayLike,
    predicted: ArrayLike,
    classes: Sequence[str],
    groups: Sequence[str] | NDArray[np.str_],
    *,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Metrics:
    """Measure predictions against the truth, with 95 % intervals by resampling groups.

    Args:
        truth: (n,) class indices.
        probabilities: (n, c) calibrated, rows summing to 1.
        predicted: (n,) class indices that the decision rule chose.
        classes: c names.
        groups: (n,) the group of each image.
        bootstrap: replicates; 0 leaves the intervals out.
        seed: of the replicates.

    Raises:
        DatasetError: there is no image.
        TrainerError: a probability is not finite.
        ValueError: shapes do not belong together.
    """
    true = np.asarray(truth, dtype=np.int64)
    chosen = np.asarray(predicted, dtype=np.int64)
    shares = np.asarray(probabilities, dtype=np.float64)
    if not true.size:
        raise DatasetError(
            "There is no image to evaluate: the chosen part of the dataset is empty. "
            "Choose another part, or split the dataset again."
        )
    if not true.shape == chosen.shape == (len(groups),) or shares.shape != (len(true), len(classes)):
        raise ValueError("truth, probabilities, predicted, classes and groups do not belong together")
    if not np.isfinite(shares).all():
        raise TrainerError(
            "The network gives probabilities that are not numbers: its training diverged or its weights are "
            "damaged. Train again with a lower learning rate."
        )
    names, group_index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    group_index = group_index.astype(np.int64)
    pairs = np.unique(np.stack([true, group_index]), axis=1)
    class_groups = np.bincount(pairs[0], minlength=len(classes))
    point = _point_metrics(true, shares, chosen, tuple(classes), class_groups=class_groups, groups=len(names))
    resample = bootstrap if len(names) > 1 else 0
    point = msgspec.structs.replace(point, bootstrap=resample, seed=seed, notes=_notes(point, bootstrap))
    if not resample:
        return point
    counts = resampled_counts(len(names), len(true), resample, seed)
    losses = {"log_loss": _log_losses(true, shares), "brier": _brier_scores(true, shares)}
    return _with_intervals(
        point, resampled_metrics(true, shares, chosen, group_index, losses=losses, counts=counts)
    )


def _point_metrics(
    truth: IntArray,
    probabilities: FloatArray,
    predicted: IntArray,
    classes: tuple[str, ...],
    *,
    class_groups: IntArray,
    groups: int,
) -> Metrics:
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score

    indices = np.arange(len(classes))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=indices, zero_division=0.0
    )
    confusion = confusion_matrix(truth, predicted, labels=indices)
    present = support > 0
    named = confusion.sum(axis=0) > 0
    areas = [
        float(roc_auc_score(truth == index, probabilities[:, index]))
        if 0 < support[index] < len(truth)
        else None
        for index in indices
    ]
    per_class = {
        name: ClassMetrics(
            precision=float(precision[index]) if present[index] or named[index] else None,
            recall=float(recall[index]) if present[index] else None,
            f1=float(f1[index]) if present[index] else None,
            support=int(support[index]),
            groups=int(class_groups[index]),
            roc_auc=areas[index],
        )
        for index, name in enumerate(classes)
    }
    weights = support / support.sum()
    defined = [area for area in areas if area is not None]
    macro_recall = float(recall[present].mean())
    return Metrics(
        n=len(truth),
        groups=groups,
        classes=classes,
        accuracy=float((truth == predicted).mean()),
        balanced_accuracy=macro_recall,
        macro_precision=float(precision[present].mean()),
        macro_recall=macro_recall,
        macro_f1=float(f1[present].mean()),
        weighted_precision=float(precision @ weights),
        weighted_recall=float(recall @ weights),
        weighted_f1=float(f1 @ weights),
        macro_roc_auc=float(np.mean(defined)) if defined else None,
        per_class=per_class,
        confusion_matrix=confusion.tolist(),
        ece=reliability(truth, probabilities).ece,
        log_loss=float(_log_losses(truth, probabilities).mean()),
        brier=float(_brier_scores(truth, probabilities).mean()),
        intervals={},
        bootstrap=0,
        seed=0,
    )


def _log_losses(truth: IntArray, probabilities: FloatArray) -> FloatArray:
    of_truth = probabilities[np.arange(len(truth)), truth]
    losses: FloatArray = -np.log(np.maximum(of_truth, _SMALLEST_PROBABILITY))
    return losses


def _brier_scores(truth: IntArray, probabilities: FloatArray) -> FloatArray:
    wanted = np.eye(probabilities.shape[1])[truth]
    scores: FloatArray = ((probabilities - wanted) ** 2).sum(axis=1)
    return scores


def _notes(metrics: Metrics, bootstrap: int) -> tuple[str, ...]:
    notes = []
    absent = [name for name, row in metrics.per_class.items() if not row.support]
    if absent:
        notes.append(
            f"No image here is of class {', '.join(absent)}: no recall, F1 or AUC there, and macro means leave it out."
        )
    unnamed = [
        name
        for index, (name, row) in enumerate(metrics.per_class.items())
        if row.support and not any(line[index] for line in metrics.confusion_matrix)
    ]
    if unnamed:
        notes.append(f"Class {', '.join(unnamed)} is never predicted; its precision counts as 0.")
    if metrics.macro_roc_auc is None:
        notes.append("All images are of one class: there is no ROC AUC.")
    few = [f"{name} {row.groups}" for name, row in metrics.per_class.items() if 0 < row.groups < FEW_GROUPS]
    if few and bootstrap:
        notes.append(f"Few groups of some classes ({', '.join(few)}): intervals that rest on them are rough.")
    if bootstrap and metrics.accuracy == 1.0 and metrics.groups > 1:
        notes.append(
            "No image is predicted wrongly, so resampling gives means an interval of no width; "
            "those of accuracy and recall are exact ones."
        )
    if bootstrap and metrics.groups == 1:
        notes.append("All images belong to one group: there is nothing to resample, hence no intervals.")
    return tuple(notes)


def _with_intervals(point: Metrics, replicates: dict[str, FloatArray]) -> Metrics:
    """Put intervals beside the metrics: see `trainer.metrics.intervals` for the three kinds."""
    intervals: dict[str, Interval] = {}
    for name in _RESAMPLED:
        interval = percentile_interval(replicates[name])
        if interval is not None:
            intervals[name] = interval
    shifted = recentred_interval(replicates["ece"], point.ece)
    assert shifted is not None
    intervals["ece"] = shifted
    if point.accuracy in {0.0, 1.0}:
        intervals["accuracy"] = exact_interval(point.groups, all_right=point.accuracy == 1.0)
    per_class = {}
    for index, (name, row) in enumerate(point.per_class.items()):
        recall = percentile_interval(replicates["recall"][:, index])
        if row.recall in {0.0, 1.0}:
            recall = exact_interval(row.groups, all_right=row.recall == 1.0)
        if recall is not None:
            intervals[f"recall_{name}"] = recall
        defined = row.recall is not None
        per_class[name] = msgspec.structs.replace(
            row,
            recall_interval=recall,
            precision_interval=percentile_interval(replicates["precision"][:, index]) if defined else None,
            f1_interval=percentile_interval(replicates["f1"][:, index]) if defined else None,
            roc_auc_interval=percentile_interval(replicates["roc_auc"][:, index]),
        )
    return msgspec.structs.replace(point, intervals=intervals, per_class=per_class)

"""Metrics of a classifier's predictions: one number each, with an interval, and no NaN anywhere.

Rates are shares in 0 to 1. Rows of a confusion matrix are the truth, columns the predicted class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.errors import DatasetError, TrainerError
from trainer.events import PartMetrics
from trainer.metrics.areas import area_estimates
from trainer.metrics.intervals import CONFIDENCE, Interval, mean_interval
from trainer.metrics.rates import confusion_estimates
from trainer.metrics.reliability import reliability
from trainer.metrics.resampling import (
    percentile_interval,
    recentred_interval,
    resampled_counts,
    resampled_means,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]

_MOST_NAMED = 12
"""Classes that a note names."""

FEW_GROUPS = 10
"""Below this many groups of a class, a note says that intervals of its metrics are wide."""

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
            not defined, rests on fewer than 2 groups, or no intervals were asked for.
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
        accuracy: share of images whose class is predicted correctly.
        balanced_accuracy: the same as `macro_recall`, under the name that is usual for it.
        macro_precision, macro_recall, macro_f1: plain means over the classes.
        weighted_precision, weighted_recall, weighted_f1: means weighted by the classes' images.
        macro_roc_auc: plain mean of the classes' areas; `None` where no class has one.
        per_class: by class.
        confusion_matrix: images by class (row) and predicted class (column).
        ece: expected calibration error, see `trainer.metrics.reliability`.
        log_loss: mean of -ln(probability of the true class), nats.
        brier: mean squared distance between probabilities and truth, 0 to 2.
        intervals: 95 % intervals by the metric's name, recalls as `recall_` and the class; a metric without
            an interval is left out.
        confidence: of the intervals.
        bootstrap: replicates behind the intervals of `ece`, `log_loss` and `brier`; 0 where there are no
            intervals at all.
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
    """Compute the metrics that are shown during training, from a confusion matrix alone.

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
            "Training has diverged: the loss is no longer finite. Lower the learning rate "
            "or turn on gradient clipping (clip_norm = 1)."
        )
    counts = np.asarray(confusion, dtype=np.float64)
    support = counts.sum(axis=1)
    if not support.sum():
        raise DatasetError("There are no images to evaluate: the part is empty. Split the dataset again.")
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
    """Measure predictions against the truth, with 95 % intervals: see `trainer.metrics.intervals`.

    Args:
        truth: (n,) class indices.
        probabilities: (n, c) calibrated, rows summing to 1.
        predicted: (n,) class indices that the decision rule chose.
        classes: c names.
        groups: (n,) the group of each image.
        bootstrap: replicates for the intervals of means that are not rates; 0 leaves all intervals out.
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
            "There are no images to evaluate: the chosen part of the dataset is empty. "
            "Choose another part, or split the dataset again."
        )
    if not true.shape == chosen.shape == (len(groups),) or shares.shape != (len(true), len(classes)):
        raise ValueError("truth, probabilities, predicted, classes and groups do not fit together")
    if not np.isfinite(shares).all():
        raise TrainerError(
            "The network's probabilities are not finite: its training diverged or its "
            "weights are damaged. Train again with a lower learning rate."
        )
    names, group_index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    group_index = group_index.astype(np.int64)
    pairs = np.unique(np.stack([true, group_index]), axis=1)
    class_groups = np.bincount(pairs[0], minlength=len(classes))
    point = _point_metrics(true, shares, chosen, tuple(classes), class_groups=class_groups, groups=len(names))
    asked = bootstrap > 0
    point = msgspec.structs.replace(point, bootstrap=bootstrap if len(names) > 1 else 0, seed=seed)
    if point.bootstrap:
        point = _with_intervals(point, true, shares, chosen, group_index)
    return msgspec.structs.replace(point, notes=_notes(point, intervals_asked=asked))


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


def _with_intervals(
    point: Metrics, truth: IntArray, probabilities: FloatArray, predicted: IntArray, group_index: IntArray
) -> Metrics:
    """Put intervals beside the metrics, where there are at least two groups."""
    rates = confusion_estimates(truth, predicted, group_index, len(point.classes))
    areas = area_estimates(truth, probabilities, group_index)
    rows = point.per_class.values()
    support = np.array([row.support for row in rows], dtype=np.float64)
    present = (support > 0) / np.count_nonzero(support)
    by_support = support / support.sum()
    intervals = {
        "accuracy": rates.accuracy.interval(0),
        "balanced_accuracy": mean_interval(rates.recall, present),
        "macro_precision": mean_interval(rates.precision, present),
        "macro_recall": mean_interval(rates.recall, present),
        "macro_f1": mean_interval(rates.f1, present),
        "weighted_precision": mean_interval(rates.precision, by_support),
        # Recalls weighted by the classes' images are the share of all images that is right.
        "weighted_recall": rates.accuracy.interval(0),
        "weighted_f1": mean_interval(rates.f1, by_support),
        **_resampled_intervals(point, truth, probabilities, group_index),
    }
    defined = np.array([row.roc_auc is not None for row in rows])
    if defined.any():
        intervals["macro_roc_auc"] = mean_interval(areas, defined / defined.sum())
    per_class = {}
    for index, (name, row) in enumerate(point.per_class.items()):
        intervals[f"recall_{name}"] = rates.recall.interval(index)
        per_class[name] = msgspec.structs.replace(
            row,
            recall_interval=rates.recall.interval(index),
            precision_interval=rates.precision.interval(index),
            f1_interval=rates.f1.interval(index) if row.support else None,
            roc_auc_interval=areas.interval(index),
        )
    return msgspec.structs.replace(
        point,
        intervals={name: interval for name, interval in intervals.items() if interval is not None},
        per_class=per_class,
    )


def _resampled_intervals(
    point: Metrics, truth: IntArray, probabilities: FloatArray, group_index: IntArray
) -> dict[str, Interval | None]:
    replicates = resampled_means(
        truth,
        probabilities,
        group_index,
        losses={"log_loss": _log_losses(truth, probabilities), "brier": _brier_scores(truth, probabilities)},
        counts=resampled_counts(point.groups, point.bootstrap, point.seed),
    )
    return {
        "log_loss": percentile_interval(replicates["log_loss"]),
        "brier": percentile_interval(replicates["brier"]),
        "ece": recentred_interval(replicates["ece"], point.ece),
    }


_NAMES_OF_RESAMPLED = {"ece": "calibration error", "log_loss": "log loss", "brier": "Brier score"}


def _notes(metrics: Metrics, *, intervals_asked: bool) -> tuple[str, ...]:
    notes = _notes_on_values(metrics)
    if metrics.bootstrap:
        notes += _notes_on_intervals(metrics)
    elif intervals_asked:
        notes.append("All images belong to one group; intervals need at least two.")
    return tuple(notes)


def _notes_on_values(metrics: Metrics) -> list[str]:
    notes = []
    absent = [name for name, row in metrics.per_class.items() if not row.support]
    if absent:
        what = "it has" if len(absent) == 1 else "they have"
        notes.append(
            f"There are no images of {_classes(absent)}: {what} no recall, F1 or ROC AUC, and macro means "
            f"leave {'it' if len(absent) == 1 else 'them'} out."
        )
    called = np.asarray(metrics.confusion_matrix).sum(axis=0)
    unnamed = [
        name
        for (name, row), images in zip(metrics.per_class.items(), called, strict=True)
        if row.support and not images
    ]
    if unnamed:
        verb, whose = ("is", "its") if len(unnamed) == 1 else ("are", "their")
        subject = _classes(unnamed)
        notes.append(
            f"{subject[0].upper()}{subject[1:]} {verb} never predicted; {whose} precision counts as 0."
        )
    if metrics.macro_roc_auc is None:
        notes.append("All images belong to one class, so there is no ROC AUC.")
    return notes


def _notes_on_intervals(metrics: Metrics) -> list[str]:
    notes = []
    rows = metrics.per_class
    few = [f"{name} {row.groups}" for name, row in rows.items() if 0 < row.groups < FEW_GROUPS]
    if few:
        notes.append(f"The intervals are wide for classes with few groups: {_joined(few)}.")
    called = np.asarray(metrics.confusion_matrix).sum(axis=0)
    missing = {
        "recall": [name for name, row in rows.items() if row.support and row.recall_interval is None],
        "precision": [
            name
            for (name, row), images in zip(rows.items(), called, strict=True)
            if images and row.precision_interval is None
        ],
        "F1": [name for name, row in rows.items() if row.f1 is not None and row.f1_interval is None],
        "ROC AUC": [
            name for name, row in rows.items() if row.roc_auc is not None and row.roc_auc_interval is None
        ],
    }
    alone = [f"{metric} of {_joined(names)}" for metric, names in missing.items() if names]
    if alone:
        notes.append(f"No interval, because there is only one group: {'; '.join(alone)}.")
    same = [words for key, words in _NAMES_OF_RESAMPLED.items() if key not in metrics.intervals]
    if same:
        verb = "has" if len(same) == 1 else "have"
        notes.append(
            f"The {_joined(same)} {verb} no interval, because all bootstrap samples give the same value."
        )
    return notes


def _classes(names: Sequence[str]) -> str:
    """Name classes in a sentence: "class df", "classes df and mel"."""
    return f"{'class' if len(names) == 1 else 'classes'} {_joined(names)}"


def _joined(words: Sequence[str]) -> str:
    """List words in a sentence: "a", "a and b", "a, b and c", of many the first and how many more."""
    if len(words) > _MOST_NAMED:
        words = [*words[:_MOST_NAMED], f"{len(words) - _MOST_NAMED} others"]
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]

"""How sure a metric is: 95 % intervals by resampling groups, not images.

Images of one lesion are alike, so resampling images one by one would give intervals that are too narrow.
The cluster bootstrap (Davison and Hinkley 1997, section 3.8) draws as many groups as there are, with
replacement, and takes all images of each. Everything here works on counts: how often each group is drawn in
each replicate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainer.metrics.reliability import ECE_BINS, confidence_bins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]

CONFIDENCE = 0.95

_CHUNK_NUMBERS = 2_000_000
"""Numbers in one block of replicates (16 MB): larger blocks leave the processor's cache and are no faster."""


class Interval(msgspec.Struct, frozen=True):
    """A 95 % interval.

    Attributes:
        low, high: its ends, in the unit of the metric.
    """

    low: float
    high: float


def resampled_counts(groups: int, images: int, replicates: int, seed: int) -> Iterator[FloatArray]:
    """Draw groups with replacement, in blocks of replicates that fit in the memory.

    Args:
        groups: number of groups.
        images: number of images, which sets the size of a block.
        replicates: number of replicates in all.
        seed: of the draws; the same seed and sizes give the same counts.

    Yields:
        (r, groups) how often each group is drawn in each of r replicates.
    """
    generator = np.random.default_rng(seed)
    rows = max(1, _CHUNK_NUMBERS // max(groups, images))
    for start in range(0, replicates, rows):
        block = min(rows, replicates - start)
        drawn = generator.integers(0, groups, size=(block, groups))
        drawn += groups * np.arange(block)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=block * groups)
        yield counts.reshape(block, groups).astype(np.float64)


class RankedScores(NamedTuple):
    """The images of one class among all others, ranked once so that each replicate's AUC is a weighted sum.

    Attributes:
        positive: (p,) indices of the class's images.
        negative: (m,) indices of the others, by rising score.
        below: (p,) for each positive: how many negatives score less.
        through: (p,) for each positive: how many negatives score less or the same.
    """

    positive: IntArray
    negative: IntArray
    below: IntArray
    through: IntArray


def rank_scores(scores: FloatArray, is_class: BoolArray) -> RankedScores:
    """Rank one class against the rest.

    Args:
        scores: (n,) the probability of the class.
        is_class: (n,) whether the image is of the class.
    """
    positive = np.flatnonzero(is_class)
    negative = np.flatnonzero(~is_class)
    negative = negative[np.argsort(scores[negative], kind="stable")]
    below = np.searchsorted(scores[negative], scores[positive], side="left")
    through = np.searchsorted(scores[negative], scores[positive], side="right")
    return RankedScores(positive, negative, below.astype(np.int64), through.astype(np.int64))


def resampled_auc(ranked: RankedScores, weights: FloatArray) -> FloatArray:
    """Compute the area under the ROC curve in each replicate, as a weighted Mann-Whitney statistic.

    Args:
        ranked: the class against the rest.
        weights: (r, n) how often each image is drawn in each replicate.

    Returns:
        (r,) area in 0 to 1, ties counting one half; NaN where the class or the rest is not drawn at all.
    """
    positive = weights[:, ranked.positive]
    cumulated = np.zeros((len(weights), len(ranked.negative) + 1))
    np.cumsum(weights[:, ranked.negative], axis=1, out=cumulated[:, 1:])
    outranked = 0.5 * (cumulated[:, ranked.below] + cumulated[:, ranked.through])
    pairs = positive.sum(axis=1) * cumulated[:, -1]
    return ratio((positive * outranked).sum(axis=1), pairs)


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide element by element; NaN where the denominator is 0."""
    result = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def percentile_interval(replicates: FloatArray) -> Interval | None:
    """Take the middle 95 % of a metric's replicates, leaving out those in which it is not defined.

    Args:
        replicates: (r,) the metric in each replicate, NaN where it is not defined.

    Returns:
        The interval, or `None` where the metric is never defined.
    """
    defined = replicates[np.isfinite(replicates)]
    if not defined.size:
        return None
    low, high = np.quantile(defined, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return Interval(float(low), float(high))


def recentred_interval(replicates: FloatArray, value: float) -> Interval | None:
    """Take the middle 95 % of a metric's replicates after moving their mean to the metric's value.

    For metrics such as the ECE that resampling itself makes larger: their plain percentile interval can lie
    wholly above the value.

    Args:
        replicates: (r,) the metric in each replicate, NaN where it is not defined.
        value: the metric on the images themselves, not negative.

    Returns:
        The interval, cut off at 0, or `None` where the metric is never defined.
    """
    defined = replicates[np.isfinite(replicates)]
    plain = percentile_interval(defined)
    if plain is None:
        return None
    shift = value - float(defined.mean())
    return Interval(max(0.0, plain.low + shift), max(0.0, plain.high + shift))


def exact_interval(groups: int, *, all_right: bool) -> Interval:
    """Return the interval of Clopper and Pearson (1934) for a share that is exactly 1 or 0.

    Resampling shows no spread there. The groups count as the trials, which errs on the side of caution.

    Args:
        groups: number of groups the share is taken over, at least 1.
        all_right: whether the share is 1; otherwise it is 0.
    """
    reach = (0.5 - CONFIDENCE / 2) ** (1.0 / groups)
    return Interval(reach, 1.0) if all_right else Interval(0.0, 1.0 - reach)


def _sums(group_index: IntArray, cells: IntArray, size: int, values: FloatArray | None = None) -> FloatArray:
    """Add up `values` (or count images) by group and cell: (groups, size)."""
    groups = int(group_index.max()) + 1
    sums = np.bincount(group_index * size + cells, weights=values, minlength=groups * size)
    return sums.reshape(groups, size).astype(np.float64)


def _from_confusion(confusion: FloatArray) -> dict[str, FloatArray]:
    """Compute rates of each of r confusion matrices (r, c, c); NaN where one is not defined."""
    right = np.diagonal(confusion, axis1=1, axis2=2)
    support = confusion.sum(axis=2)
    chosen = confusion.sum(axis=1)
    present = support > 0
    recall = ratio(right, support)
    # A class that is there but never predicted has a precision of 0; one that is not there has none.
    precision = np.where(present, np.nan_to_num(ratio(right, chosen)), np.nan)
    f1 = np.where(present, ratio(2.0 * right, support + chosen), np.nan)
    weights = support / support.sum(axis=1, keepdims=True)
    rates = {"recall": recall, "precision": precision, "f1": f1}
    macro = {f"macro_{name}": np.nanmean(rate, axis=1) for name, rate in rates.items()}
    weighted = {f"weighted_{name}": np.nansum(rate * weights, axis=1) for name, rate in rates.items()}
    return {
        **rates,
        **macro,
        **weighted,
        "balanced_accuracy": macro["macro_recall"],
        "accuracy": right.sum(axis=1) / support.sum(axis=1),
    }


def resampled_metrics(
    truth: IntArray,
    probabilities: FloatArray,
    predicted: IntArray,
    group_index: IntArray,
    *,
    losses: dict[str, FloatArray],
    counts: Iterable[FloatArray],
) -> dict[str, FloatArray]:
    """Compute every metric in every replicate.

    All but the AUC are functions of sums over images, so a replicate costs one product of its counts with
    sums by group; the AUC costs one cumulated sum over the ranked images.

    Args:
        truth: (n,) class indices.
        probabilities: (n, c).
        predicted: (n,) class indices.
        group_index: (n,) the group of each image, all of 0 to the largest.
        losses: name to (n,) numbers of which the mean is wanted.
        counts: blocks of (r, groups), from `resampled_counts`.

    Returns:
        By the name of the metric: (replicates,), or (replicates, c) for `recall`, `precision`, `f1` and
        `roc_auc`; NaN where a replicate leaves one undefined.
    """
    classes = probabilities.shape[1]
    bins, confidence, right = confidence_bins(truth, probabilities)
    confusion = _sums(group_index, truth * classes + predicted, classes * classes)
    gaps = _sums(group_index, bins, ECE_BINS, right - confidence)
    zero = np.zeros_like(group_index)
    sums = {name: _sums(group_index, zero, 1, values) for name, values in losses.items()}
    ranked = [rank_scores(probabilities[:, index], truth == index) for index in range(classes)]
    blocks = []
    for block in counts:
        metrics = _from_confusion((block @ confusion).reshape(-1, classes, classes))
        images = (block @ confusion).sum(axis=1)
        metrics["ece"] = np.abs(block @ gaps).sum(axis=1) / images
        metrics.update({name: (block @ total)[:, 0] / images for name, total in sums.items()})
        weights = block[:, group_index]
        areas = np.stack([resampled_auc(one, weights) for one in ranked], axis=1)
        defined = np.isfinite(areas)
        metrics["roc_auc"] = areas
        metrics["macro_roc_auc"] = ratio(
            np.where(defined, areas, 0.0).sum(axis=1), defined.sum(axis=1).astype(float)
        )
        blocks.append(metrics)
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}

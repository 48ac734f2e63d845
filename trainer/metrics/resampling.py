"""Intervals of means that are not rates, such as the log loss, by resampling groups.

The cluster bootstrap (Davison and Hinkley 1997, section 3.8) draws as many groups as there are, with
replacement, and takes all images of each. Everything here works on counts: how often each group is drawn in
each replicate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.metrics.intervals import CONFIDENCE, FloatArray, IntArray, Interval
from trainer.metrics.reliability import ECE_BINS, confidence_bins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CHUNK_NUMBERS = 2_000_000
"""Numbers in one block of replicates (16 MB): larger blocks leave the processor's cache and are no faster."""

_NO_SPREAD = 1e-9
"""Replicates that differ by less are the same number but for rounding."""


def resampled_counts(groups: int, replicates: int, seed: int) -> Iterator[FloatArray]:
    """Draw groups with replacement, in blocks of replicates that fit in the memory.

    Args:
        groups: number of groups.
        replicates: number of replicates in all.
        seed: of the draws; the same seed and sizes give the same counts.

    Yields:
        (r, groups) how often each group is drawn in each of r replicates.
    """
    generator = np.random.default_rng(seed)
    rows = max(1, _CHUNK_NUMBERS // groups)
    for start in range(0, replicates, rows):
        block = min(rows, replicates - start)
        drawn = generator.integers(0, groups, size=(block, groups))
        drawn += groups * np.arange(block)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=block * groups)
        yield counts.reshape(block, groups).astype(np.float64)


def percentile_interval(replicates: FloatArray) -> Interval | None:
    """Take the middle 95 % of a metric's replicates.

    Args:
        replicates: (r,) the metric in each replicate.

    Returns:
        The interval, or `None` where the replicates do not differ.
    """
    low, high = np.quantile(replicates, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return _of_some_width(float(low), float(high))


def recentred_interval(replicates: FloatArray, value: float) -> Interval | None:
    """Take the middle 95 % of a metric's replicates after moving their mean to the metric's value.

    For metrics such as the ECE that resampling itself makes larger: their plain percentile interval can lie
    wholly above the value.

    Args:
        replicates: (r,) the metric in each replicate.
        value: the metric on the images themselves, not negative.

    Returns:
        The interval, cut off at 0, or `None` where the replicates do not differ.
    """
    plain = percentile_interval(replicates)
    if plain is None:
        return None
    shift = value - float(replicates.mean())
    # The middle of skewed replicates need not hold their mean.
    return _of_some_width(max(0.0, min(plain.low + shift, value)), max(plain.high + shift, value))


def _of_some_width(low: float, high: float) -> Interval | None:
    return Interval(low, high) if high - low > _NO_SPREAD else None


def resampled_means(
    truth: IntArray,
    probabilities: FloatArray,
    group_index: IntArray,
    *,
    losses: dict[str, FloatArray],
    counts: Iterable[FloatArray],
) -> dict[str, FloatArray]:
    """Compute the ECE and mean losses in every replicate, each from sums by group.

    Args:
        truth: (n,) class indices.
        probabilities: (n, c).
        group_index: (n,) the group of each image, all of 0 to the largest.
        losses: name to (n,) numbers to be averaged.
        counts: blocks of (r, groups), from `resampled_counts`.

    Returns:
        (replicates,) by the name of the metric: `ece` and those of the losses.
    """
    bins, confidence, right = confidence_bins(truth, probabilities)
    groups = int(group_index.max()) + 1
    gaps = np.bincount(
        group_index * ECE_BINS + bins, weights=right - confidence, minlength=groups * ECE_BINS
    ).reshape(groups, ECE_BINS)
    sums = [np.bincount(group_index, weights=values) for values in (np.ones(len(truth)), *losses.values())]
    table = np.column_stack([*sums, gaps])
    totals = np.concatenate([block @ table for block in counts])
    means = totals[:, 1:] / totals[:, :1]
    split = len(losses)
    by_name = dict(zip(losses, means[:, :split].T, strict=True))
    return {**by_name, "ece": np.abs(means[:, split:]).sum(axis=1)}

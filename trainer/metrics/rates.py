"""Intervals of rates: the share of images for which something holds, where images come in groups.

Wilson's interval (1927) on the effective number of images, which is the number of images divided by the
design effect: how many times larger the variance of the share is than if every image stood alone. Rao and
Scott 1992 (doi:10.2307/2532311) estimate it by the variance of a ratio over clusters; Korn and Graubard 1998
put the effective number in the place of n. Franco et al. 2019 (PMC6690503) compare such
intervals and recommend Wilson's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trainer.metrics.intervals import (
    CAUTION,
    CONFIDENCE,
    FEWEST_GROUPS,
    QUANTILE,
    Estimates,
    FloatArray,
    IntArray,
)

_FEW_EVENTS = 3.0
"""Up to here a bound comes from the Poisson distribution.

Brown, Cai and DasGupta take 2 for up to 50 trials and 3 above; 3 throughout is no worse below. For 5 to 300
independent images and any true rate from 0.5 to 0.9995 the lowest coverage is 89 %, without the bounds 83 %.
"""


def wilson_ends(share: FloatArray, trials: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the ends of Wilson's interval without continuity correction (Newcombe 1998, method 3).

    Args:
        share: (k,) 0 to 1.
        trials: (k,) number of trials behind each share, more than 0; need not be whole.
    """
    squared = QUANTILE**2
    centre = share + squared / (2.0 * trials)
    reach = QUANTILE * np.sqrt(share * (1.0 - share) / trials + squared / (4.0 * trials**2))
    scale = 1.0 + squared / trials
    # At 0 and 1 both terms are equal but for rounding.
    low = np.where(share <= 0.0, 0.0, (centre - reach) / scale)
    high = np.where(share >= 1.0, 1.0, (centre + reach) / scale)
    return low, high


def rate_ends(share: FloatArray, trials: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the ends of Wilson's interval, modified where there are few events of one kind.

    Wilson's interval for 6 of 7 ends at 97.4 %, so that a true rate of 98 % is missed in 13 % of samples. Brown,
    Cai and DasGupta 2001 (doi:10.1214/ss/1009213286, section 4.1.1) therefore take the one-sided bound of a
    Poisson rate for up to 3 events.

    Args:
        share: (k,) 0 to 1.
        trials: (k,) number of trials behind each share, more than 0; need not be whole.
    """
    low, high = wilson_ends(share, trials)
    low = np.minimum(low, _poisson_bound(share * trials) / trials)
    high = np.maximum(high, 1.0 - _poisson_bound((1.0 - share) * trials) / trials)
    return low, high


def _poisson_bound(events: FloatArray) -> FloatArray:
    """Return the lower 95 % bound of a Poisson mean, infinite for more than a few events or none."""
    from scipy.special import gammaincinv

    few = (events > 0.0) & (events <= _FEW_EVENTS)
    bound: FloatArray = np.where(few, gammaincinv(np.where(few, events, 1.0), 1.0 - CONFIDENCE), np.inf)
    return bound


def design_effect(hits: FloatArray, trials: FloatArray) -> FloatArray:
    """Return how many times the variance of each share is that of independent images, at least 1.

    The variance of a ratio over groups (Rao and Scott 1992) over that of independent images, averaged with
    the design effect of groups whose images all agree, sum(m^2) / sum(m) for m images a group (Kish 1965):
    see `trainer.metrics.intervals.CAUTION`. Only groups of several images tell anything of how alike images
    are, so they are what is counted. At shares of 0 and 1 nothing is known of it and the images of a group
    count as agreeing.

    Args:
        hits: (groups, k) images of each group for which it holds.
        trials: (groups, k) images of each group that count.

    Returns:
        (k,); 1 where no image counts.
    """
    images = trials.sum(axis=0)
    groups = (trials > 0).sum(axis=0)
    informative = (trials > 1).sum(axis=0)
    total = np.maximum(images, 1.0)
    share = hits.sum(axis=0) / total
    alike = (trials**2).sum(axis=0) / total
    varied = (share > 0.0) & (share < 1.0) & (groups >= FEWEST_GROUPS)
    among_groups = groups / np.maximum(groups - 1, 1) * ((hits - share * trials) ** 2).sum(axis=0) / total**2
    among_images = share * (1.0 - share) / np.maximum(images - 1.0, 1.0)
    seen = np.divide(among_groups, among_images, out=alike.copy(), where=varied)
    effect: FloatArray = np.maximum((CAUTION * alike + informative * seen) / (CAUTION + informative), 1.0)
    return effect


def rate_estimates(hits: FloatArray, trials: FloatArray) -> Estimates:
    """Estimate rates with their intervals.

    Args:
        hits: (groups, k) images of each group for which it holds.
        trials: (groups, k) images of each group that count.
    """
    images = trials.sum(axis=0)
    known = images > 0
    share = hits.sum(axis=0) / np.maximum(images, 1.0)
    low, high = rate_ends(share, np.maximum(images, 1.0) / design_effect(hits, trials))
    return Estimates(
        value=share,
        low=np.where(known, low, 0.0),
        high=np.where(known, high, 1.0),
        residuals=hits - share * trials,
        groups=(trials > 0).sum(axis=0),
    )


class ConfusionEstimates(NamedTuple):
    """Rates of a confusion matrix, by class but for the accuracy.

    Attributes:
        accuracy: of one share.
        recall, precision, f1: of c shares.
    """

    accuracy: Estimates
    recall: Estimates
    precision: Estimates
    f1: Estimates


def confusion_estimates(
    truth: IntArray, predicted: IntArray, group_index: IntArray, classes: int
) -> ConfusionEstimates:
    """Estimate accuracy, recalls, precisions and F1 scores with their intervals.

    F1 = 2q / (1 + q), which rises with q, the rate TP / (TP + FP + FN): so do the ends of its interval.

    Args:
        truth: (n,) class indices.
        predicted: (n,) class indices.
        group_index: (n,) the group of each image, all of 0 to the largest.
        classes: number of classes.
    """
    of_class = by_group(truth, group_index, classes)
    chosen = by_group(predicted, group_index, classes)
    correct = truth == predicted
    right = by_group(truth, group_index, classes, correct.astype(np.float64))
    jaccard = rate_estimates(right, of_class + chosen - right)
    return ConfusionEstimates(
        accuracy=rate_estimates(right.sum(axis=1, keepdims=True), of_class.sum(axis=1, keepdims=True)),
        recall=rate_estimates(right, of_class),
        precision=rate_estimates(right, chosen),
        f1=jaccard._replace(
            value=_f1(jaccard.value),
            low=_f1(jaccard.low),
            high=_f1(jaccard.high),
        ),
    )


def _f1(jaccard: FloatArray) -> FloatArray:
    score: FloatArray = 2.0 * jaccard / (1.0 + jaccard)
    return score


def by_group(
    cells: IntArray, group_index: IntArray, size: int, values: FloatArray | None = None
) -> FloatArray:
    """Add up values by group and cell.

    Args:
        cells: (n,) of 0 to `size` - 1.
        group_index: (n,) the group of each image, all of 0 to the largest.
        size: number of cells.
        values: (n,); `None` counts images.

    Returns:
        (groups, size).
    """
    groups = int(group_index.max()) + 1
    sums = np.bincount(group_index * size + cells, weights=values, minlength=groups * size)
    return sums.reshape(groups, size).astype(np.float64)

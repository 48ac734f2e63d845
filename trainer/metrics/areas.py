"""Intervals of areas under ROC curves, where images come in groups.

DeLong, DeLong and Clarke-Pearson 1988 write the area as a mean over the images of the class and over all
others, from which its variance follows; Obuchowski 1997 (doi:10.2307/2533958) adds them up by group first.
The interval is symmetric on the logit scale, so it stays within 0 to 1. An area of exactly 0 or 1 has no
variance of that kind; there Newcombe's score interval (2006, Statistics in Medicine 25:559, method 5) rests on the
numbers of groups alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trainer.metrics.intervals import CAUTION, QUANTILE, Estimates, FloatArray, IntArray


class _Side(NamedTuple):
    """The images of the class, or all others, as parts of the area.

    Attributes:
        residuals: (groups,) what each group moves the area, the sum of its images' distances from the mean
            over the number of images.
        groups: groups with such images.
        effective: number of such images if those of a group count as agreeing: n^2 / sum(m^2).
    """

    residuals: FloatArray
    groups: int
    effective: float

    @property
    def variance(self) -> float:
        """The part of the area's variance that comes from this side; 0 for one group."""
        return _scaled(self.groups, float(self.residuals @ self.residuals))


def area_estimates(truth: IntArray, probabilities: FloatArray, group_index: IntArray) -> Estimates:
    """Estimate the area of each class against all others, with intervals; ties count one half.

    Args:
        truth: (n,) class indices.
        probabilities: (n, c).
        group_index: (n,) the group of each image, all of 0 to the largest.

    Returns:
        Of c areas. Each rests on as many groups as have images of the class, or of others, whichever are
        fewer.
    """
    groups = int(group_index.max()) + 1
    classes = probabilities.shape[1]
    found = Estimates(
        value=np.zeros(classes),
        low=np.zeros(classes),
        high=np.ones(classes),
        residuals=np.zeros((groups, classes)),
        groups=np.zeros(classes, dtype=np.int64),
    )
    for index in range(classes):
        of_class = truth == index
        if not 0 < of_class.sum() < len(truth):
            continue
        scores = probabilities[:, index]
        placements = _shares_below(scores[of_class], scores[~of_class])
        others = 1.0 - _shares_below(scores[~of_class], scores[of_class])
        area = float(placements.mean())
        positive = _side(placements - area, group_index[of_class], groups)
        negative = _side(others - area, group_index[~of_class], groups)
        found.value[index] = area
        found.low[index], found.high[index] = _ends(area, positive, negative)
        found.residuals[:, index] = positive.residuals + negative.residuals
        found.groups[index] = min(positive.groups, negative.groups)
    return found


def perfect_area_bound(positive: float, negative: float) -> float:
    """Return the lower end of Newcombe's score interval for an area of exactly 1.

    The area a below 1 that is just 1.96 standard deviations away, with the variance of Hanley and McNeil 1982
    for (positive + negative) / 2 images of either kind. One minus it is the upper end for an area of 0.

    Args:
        positive: number of images of the class, at least 1; need not be whole.
        negative: number of all other images, likewise.
    """
    from scipy.optimize import brentq

    # Squared and divided by 1 - a, which leaves one root.
    def distance(area: float) -> float:
        return (1.0 - area) - QUANTILE**2 * area * _spread(area, positive, negative)

    return float(brentq(distance, 0.0, 1.0))


def _spread(area: float, positive: float, negative: float) -> float:
    """Return the variance of Hanley and McNeil over a(1 - a)."""
    pairs = (1.0 - area) / (2.0 - area) + area / (1.0 + area)
    return (1.0 + ((positive + negative) / 2.0 - 1.0) * pairs) / (positive * negative)


def _ends(area: float, positive: _Side, negative: _Side) -> tuple[float, float]:
    if area >= 1.0:
        return perfect_area_bound(positive.effective, negative.effective), 1.0
    if area <= 0.0:
        return 0.0, 1.0 - perfect_area_bound(positive.effective, negative.effective)
    shared = positive.residuals * negative.residuals
    together = _scaled(len(shared), float(shared.sum()))
    seen = max(positive.variance + negative.variance + 2.0 * together, 0.0)
    cautious = area * (1.0 - area) * _spread(area, positive.effective, negative.effective)
    informative = min(positive.groups, negative.groups) - 1
    variance = (CAUTION * cautious + informative * seen) / (CAUTION + informative)
    reach = QUANTILE * np.sqrt(variance) / (area * (1.0 - area))
    odds = area / (1.0 - area)
    low, high = (float(1.0 / (1.0 + np.exp(sign * reach) / odds)) for sign in (1.0, -1.0))
    return low, high


def _scaled(groups: int, products: float) -> float:
    """Make a sum over groups free of bias; 0 for one group, which shows no difference."""
    return products * groups / (groups - 1) if groups > 1 else 0.0


def _shares_below(scores: FloatArray, others: FloatArray) -> FloatArray:
    """Return the share of the other scores that is less than each score, equal ones counting one half."""
    ranked = np.sort(others)
    below = np.searchsorted(ranked, scores, side="left")
    through = np.searchsorted(ranked, scores, side="right")
    shares: FloatArray = (below + through) / (2.0 * len(ranked))
    return shares


def _side(distances: FloatArray, group_index: IntArray, groups: int) -> _Side:
    sizes = np.bincount(group_index, minlength=groups)
    images = len(distances)
    return _Side(
        residuals=np.bincount(group_index, weights=distances, minlength=groups) / images,
        groups=int((sizes > 0).sum()),
        effective=images**2 / float((sizes.astype(np.float64) ** 2).sum()),
    )

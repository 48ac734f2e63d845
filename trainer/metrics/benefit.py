"""What an operating point means where the target is as frequent as a user says: predictive values and net benefit.

Sensitivity and the share of other lesions that are flagged are taken over as they were measured; the prevalence is an
assumption, and never that of the images: these were collected, not met.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from trainer.metrics.intervals import Interval

if TYPE_CHECKING:
    from trainer.metrics.counts import Count
    from trainer.metrics.decision import FloatArray
    from trainer.metrics.operating import Consequences, Lesions

LARGEST_THRESHOLD = 0.5
"""Of the decision curve: whoever examines only what is more likely malignant than not needs no finer curve."""
_STEPS = 100


class PredictiveValues(msgspec.Struct, frozen=True, kw_only=True):
    """What a flag, or none, says at a prevalence.

    Attributes:
        prevalence: assumed share of the target's lesions, 0 to 1.
        positive: share of the flagged lesions that are of the target; `None` where none is flagged.
        negative: share of the others that are not of the target; `None` where all are flagged.
        positive_interval, negative_interval: 95 %.
        flagged, missed: of 1,000 lesions, those flagged, and those of the target that are not.
        missed_interval: 95 %, in lesions of 1,000.
    """

    prevalence: float
    positive: float | None
    negative: float | None
    positive_interval: Interval | None
    negative_interval: Interval | None
    flagged: float
    missed: float
    missed_interval: Interval


def predictive_values(found: Consequences, prevalence: float) -> PredictiveValues | None:
    """Return what a flag says at a prevalence.

    The positive predictive value is p / (p + r (1 - p)), where r is the ratio of the shares flagged among other
    lesions and among the target's: its interval follows from the ratio's, by the method of variance estimates
    recovery (Donner and Zou 2012, Statistical Methods in Medical Research 21:347). The negative one likewise.

    Args:
        found: measured on lesions.
        prevalence: assumed share of the target's lesions, above 0 and below 1.

    Returns:
        `None` where there are no lesions of the target, or no others.
    """
    missed, flagged = _shares(found.missed), _shares(found.flagged)
    if missed is None or flagged is None:
        return None
    hit, passed = missed.complement(), flagged.complement()
    odds = (1.0 - prevalence) / prevalence
    positive = _value(flagged, hit, odds)
    negative = _value(missed, passed, 1.0 / odds)
    of_target, of_others = 1000.0 * prevalence, 1000.0 * (1.0 - prevalence)
    return PredictiveValues(
        prevalence=prevalence,
        positive=None if positive is None else positive[0],
        negative=None if negative is None else negative[0],
        positive_interval=None if positive is None else positive[1],
        negative_interval=None if negative is None else negative[1],
        flagged=of_target * hit.value + of_others * flagged.value,
        missed=of_target * missed.value,
        missed_interval=Interval(of_target * missed.low, of_target * missed.high),
    )


class _Share(NamedTuple):
    value: float
    low: float
    high: float

    def complement(self) -> _Share:
        return _Share(1.0 - self.value, 1.0 - self.high, 1.0 - self.low)


def _shares(count: Count) -> _Share | None:
    if count.share is None:
        return None
    interval = count.interval or Interval(0.0, 1.0)
    return _Share(count.share, interval.low, interval.high)


def _value(wrong: _Share, right: _Share, odds: float) -> tuple[float, Interval] | None:
    """Return right / (right + odds * wrong) with its interval; `None` where both are 0."""
    if not right.value + wrong.value:
        return None
    low, high = _ratio_ends(wrong, right)
    value = right.value / (right.value + odds * wrong.value)
    return value, Interval(1.0 / (1.0 + odds * high), 1.0 / (1.0 + odds * low))


def _ratio_ends(above: _Share, below: _Share) -> tuple[float, float]:
    """Return the ends of the interval of above / below, from 0 to infinity."""
    product = above.value * below.value
    far = below.high * (2.0 * below.value - below.high)
    near = below.low * (2.0 * below.value - below.low)
    low, high = 0.0, math.inf
    if far > 0.0:
        inside = product**2 - above.low * (2.0 * above.value - above.low) * far
        low = max((product - math.sqrt(max(inside, 0.0))) / far, 0.0)
    if near > 0.0:
        inside = product**2 - above.high * (2.0 * above.value - above.high) * near
        high = (product + math.sqrt(max(inside, 0.0))) / near
    return low, high


class DecisionCurve(NamedTuple):
    """Net benefit per lesion over the threshold probability, at a prevalence.

    The threshold probability is the one from which on somebody would have a lesion examined: at 10 %, nine
    examinations for nothing are worth one find. Net benefit counts finds, less examinations for nothing at that
    rate of exchange (Vickers and Elkin 2006, doi:10.1177/0272989X06295361). Examining none has 0.

    Attributes:
        threshold: (k,) 0 to `LARGEST_THRESHOLD`.
        network: (k,) examining what the network gives at least that probability.
        point: (k,) examining what the operating point flags.
        everything: (k,) examining every lesion.
    """

    threshold: FloatArray
    network: FloatArray
    point: FloatArray
    everything: FloatArray


def decision_curve(
    lesions: Lesions, threshold: float, *, prevalence: float, assumed: float
) -> DecisionCurve | None:
    """Return the net benefit of the network, of an operating point, and of examining every lesion.

    Args:
        lesions: measured.
        threshold: of the operating point, on their probabilities.
        prevalence: assumed share of the target's lesions, above 0 and below 1; the network's probabilities are
            re-weighted to it.
        assumed: the share that the network's probabilities assume, above 0 and below 1.

    Returns:
        `None` where there are no lesions of the target, or no others.
    """
    target = lesions.probability[lesions.of_target]
    others = lesions.probability[~lesions.of_target]
    if not len(target) or not len(others):
        return None
    steps = np.linspace(0.0, LARGEST_THRESHOLD, _STEPS + 1)
    exchange = steps / (1.0 - steps)

    def benefit(hit: FloatArray, flagged: FloatArray) -> FloatArray:
        worth: FloatArray = prevalence * hit - (1.0 - prevalence) * flagged * exchange
        return worth

    def shares_above(probability: FloatArray) -> FloatArray:
        weighed = np.sort(reweighted(probability, prevalence=prevalence, assumed=assumed))
        below = np.searchsorted(weighed, steps, side="left")
        shares: FloatArray = 1.0 - below / len(weighed)
        return shares

    return DecisionCurve(
        threshold=steps,
        network=benefit(shares_above(target), shares_above(others)),
        point=benefit(
            np.full_like(steps, (target >= threshold).mean()),
            np.full_like(steps, (others >= threshold).mean()),
        ),
        everything=benefit(np.ones_like(steps), np.ones_like(steps)),
    )


def reweighted(probability: FloatArray, *, prevalence: float, assumed: float) -> FloatArray:
    """Return probabilities of the target for another prevalence (Saerens et al. 2002)."""
    factor = prevalence / (1.0 - prevalence) * (1.0 - assumed) / assumed
    weighed: FloatArray = factor * probability / (factor * probability + 1.0 - probability)
    return weighed

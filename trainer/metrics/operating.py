"""Operating points: from which probability on a lesion is flagged, and how surely a wanted sensitivity is kept.

The unit is the lesion: images of one lesion count together, by the mean of their logits, as the Diagnosis page
combines them. Nothing is assumed of how probabilities are spread. If a lesion is flagged from the (k + 1)-th smallest
probability of n malignant lesions on, k of these are missed, and the sensitivity on new lesions of the same source is
at least s with 95 % confidence if a binomial of n trials and chance 1 - s is k or less in at most 5 % of cases: the
one-sided tolerance limit of Wilks (1941), the same as Clopper and Pearson's lower bound (1934). Even if none is missed,
that takes ln 0.05 / ln s lesions: 29 for 90 %, 59 for 95 %, 149 for 98 %.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import numpy as np

from trainer.errors import ConfigError
from trainer.metrics.counts import Count, count_of
from trainer.metrics.decision import BoolArray, FloatArray, IntArray, Share
from trainer.metrics.intervals import CONFIDENCE
from trainer.predictions import MALIGNANT
from trainer.wording import chosen_percent, counted, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.metrics.crossfitting import CrossFitted, SetAside

SENSITIVITIES = (0.90, 0.95, 0.98)
"""Those that are offered."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What an operating point is to find.

    Attributes:
        name: `MALIGNANT`, or a class.
        classes: those whose probabilities are added up.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    classes: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


def target_of(name: str, classes: Sequence[str], malignant: Sequence[str]) -> Target:
    """Return the target of a name.

    Args:
        name: `MALIGNANT`, or one of `classes`.
        classes: of the network.
        malignant: those of them that are malignant.

    Raises:
        ConfigError: the network has no such class, or none that is malignant.
    """
    if name == MALIGNANT and malignant:
        return Target(name=name, classes=tuple(malignant))
    if name in classes:
        return Target(name=name, classes=(name,))
    if name == MALIGNANT:
        raise ConfigError(
            "No class of this network is marked malignant; mark those that are, or choose a class as the target."
        )
    raise ConfigError(
        f"This network has no class {name!r}; choose {MALIGNANT} or one of {', '.join(classes)}."
    )


class OperatingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """From which probability on a lesion is flagged.

    Attributes:
        target: what is to be found.
        sensitivity: asserted with 95 % confidence for new lesions of the same source, 0 to 1.
        threshold: a lesion is flagged if the probability of the target is this or more.
        lesions: of the target, among the validation lesions set aside.
        missed: of these, those below the threshold.
    """

    target: Target
    sensitivity: Share
    threshold: Share
    lesions: Annotated[int, msgspec.Meta(ge=1)]
    missed: Annotated[int, msgspec.Meta(ge=0)]


class NotDeterminable(NamedTuple):
    """A sensitivity that cannot be asserted.

    Attributes:
        sensitivity: that was wanted.
        lesions: of the target.
        needed: how many it takes if none of them is missed.
        most: the sensitivity that can be asserted with these lesions if none is missed, 0 to 1.
    """

    sensitivity: float
    lesions: int
    needed: int
    most: float

    @property
    def words(self) -> str:
        """Why not, in two sentences."""
        lesions = counted(self.lesions, "lesion", "lesions")
        at_most = f"; {lesions} can show {percent(self.most)} at most" if self.lesions else ""
        return (
            f"A sensitivity of {chosen_percent(self.sensitivity)} is not determinable with {lesions}. "
            f"Asserting it with {chosen_percent(CONFIDENCE)} confidence takes {self.needed:,} lesions of the target "
            f"among the validation images set aside, even if none is missed{at_most}."
        )


class Lesions(NamedTuple):
    """Lesions with the probability of a target.

    Attributes:
        probability: (n,) of the target, 0 to 1.
        of_target: bool (n,).
        groups: (n,) a number for the group of each.
    """

    probability: FloatArray
    of_target: BoolArray
    groups: IntArray

    @property
    def found(self) -> FloatArray:
        """The probabilities of the target's lesions, (m,), rising."""
        return np.sort(self.probability[self.of_target])


class Combined(NamedTuple):
    """Images combined to lesions.

    Attributes:
        logits: (n, c), the means over each lesion's images.
        truth: (n,) class indices.
        groups: n names.
    """

    logits: FloatArray
    truth: IntArray
    groups: tuple[str, ...]


def combined(logits: FloatArray, truth: IntArray, groups: Sequence[str]) -> Combined:
    """Combine images to lesions: those of one group and one class, by the mean of their logits.

    A group holds the images of a lesion, or of a patient with several lesions: of these, those of one class count
    once, so that no patient passes for many.

    Args:
        logits: (n, c).
        truth: (n,) class indices.
        groups: n names.
    """
    names, group_index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    keys, lesion = np.unique(np.stack([group_index, truth]), axis=1, return_inverse=True)
    lesion = lesion.ravel()
    sums = np.zeros((keys.shape[1], logits.shape[1]))
    np.add.at(sums, lesion, logits)
    images = np.bincount(lesion, minlength=len(sums))
    return Combined(
        sums / images[:, None], keys[1].astype(np.int64), tuple(str(names[group]) for group in keys[0])
    )


def lesions_set_aside(
    aside: SetAside, fitted: CrossFitted, classes: Sequence[str], target: Target
) -> Lesions:
    """Return the lesions set aside, with probabilities of calibrations that were fitted without them."""
    lesions = combined(aside.logits, aside.truth, aside.groups)
    return lesions_of(fitted.probabilities(lesions.logits, lesions.groups), lesions, classes, target)


def lesions_of(
    probabilities: FloatArray, lesions: Combined, classes: Sequence[str], target: Target
) -> Lesions:
    """Return lesions with the probability of a target.

    Args:
        probabilities: (n, c) of the lesions.
        lesions: n.
        classes: c names.
        target: what is to be found.
    """
    columns = [classes.index(name) for name in target.classes]
    _names, group_index = np.unique(np.asarray(lesions.groups, dtype=np.str_), return_inverse=True)
    return Lesions(
        target_probability(probabilities, columns),
        np.isin(lesions.truth, columns),
        group_index.astype(np.int64),
    )


def target_probability(probabilities: FloatArray, columns: Sequence[int]) -> FloatArray:
    """Return the sum of some columns of probabilities (n, c), at most 1."""
    total: FloatArray = np.minimum(probabilities[:, list(columns)].sum(axis=1), 1.0)
    return total


def lesions_needed(sensitivity: float) -> int:
    """Return how many lesions it takes to assert a sensitivity in 0 to 1 if none of them is missed."""
    return math.ceil(math.log(1.0 - CONFIDENCE) / math.log(sensitivity))


def asserted_sensitivities(lesions: int) -> FloatArray:
    """Return the sensitivity that holds with 95 % confidence where 0, 1, 2, ... of `lesions` are missed.

    Returns:
        (lesions,) in 0 to 1, falling.
    """
    from scipy.special import betaincinv

    missed = np.arange(lesions)
    asserted: FloatArray = betaincinv(lesions - missed, missed + 1, 1.0 - CONFIDENCE)
    return asserted


def choose_point(lesions: Lesions, target: Target, sensitivity: float) -> OperatingPoint | NotDeterminable:
    """Choose the highest threshold that keeps a sensitivity with 95 % confidence.

    Args:
        lesions: the validation lesions set aside.
        target: what is to be found.
        sensitivity: wanted, above 0 and below 1.

    Raises:
        ConfigError: the sensitivity is 0, 1 or outside.
    """
    if not 0.0 < sensitivity < 1.0:
        raise ConfigError(
            f"A sensitivity of {sensitivity:g} cannot be chosen; give a share above 0 and below 1, such as 0.95."
        )
    found = lesions.found
    n = len(found)
    asserted = asserted_sensitivities(n)
    kept = int((asserted >= sensitivity).sum())
    if not kept:
        most = float(asserted[0]) if n else 0.0
        return NotDeterminable(sensitivity, n, lesions_needed(sensitivity), most)
    return _point(found, target, sensitivity, missed=kept - 1)


def point_missing(lesions: Lesions, target: Target, missed: int) -> OperatingPoint:
    """Return the point that misses a number of the validation lesions set aside.

    Its sensitivity is what can be asserted of it, in tenths of a percent.

    Args:
        lesions: the validation lesions set aside.
        target: what is to be found.
        missed: at least 0, fewer than there are lesions of the target.
    """
    found = lesions.found
    asserted = float(asserted_sensitivities(len(found))[missed])
    return _point(found, target, math.floor(1000.0 * asserted) / 1000.0, missed)


def _point(found: FloatArray, target: Target, sensitivity: float, missed: int) -> OperatingPoint:
    threshold = float(found[missed])
    return OperatingPoint(
        target=target,
        sensitivity=sensitivity,
        threshold=threshold,
        lesions=len(found),
        missed=int((found < threshold).sum()),  # fewer where several have the same probability
    )


class Consequences(msgspec.Struct, frozen=True, kw_only=True):
    """What a threshold leads to on some lesions.

    Attributes:
        missed: lesions of the target below the threshold.
        flagged: other lesions at or above it.
    """

    missed: Count
    flagged: Count


def consequences(lesions: Lesions, threshold: float) -> Consequences:
    """Count what a threshold leads to."""
    above = lesions.probability >= threshold
    target, others = lesions.of_target, ~lesions.of_target
    return Consequences(
        missed=count_of(~above[target], lesions.groups[target]),
        flagged=count_of(above[others], lesions.groups[others]),
    )


class PointOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A saved operating point, and what it led to on lesions.

    Attributes:
        point: as it was saved.
        found: what was counted.
    """

    point: OperatingPoint
    found: Consequences


class Roc(NamedTuple):
    """The points worth choosing: one for each number of lesions that may be missed, from none on.

    Attributes:
        threshold: (m,) rising.
        sensitivity: (m,) share of the target's lesions that are flagged, falling.
        flagged: (m,) share of the other lesions that are flagged, falling; 0 where there are none.
    """

    threshold: FloatArray
    sensitivity: FloatArray
    flagged: FloatArray


def roc(lesions: Lesions) -> Roc:
    """Return the corners of the ROC curve: between two of them a threshold only flags more of the others."""
    found = lesions.found
    others = np.sort(lesions.probability[~lesions.of_target])
    below = np.searchsorted(others, found, side="left")
    missed = np.searchsorted(found, found, side="left")
    return Roc(
        threshold=found,
        sensitivity=1.0 - missed / max(len(found), 1),
        flagged=(len(others) - below) / max(len(others), 1),
    )

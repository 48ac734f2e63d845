"""Prediction sets: the classes that cannot be ruled out, so that each class is kept in a wanted share of its images.

Mondrian conformal classification (Vovk, Gammerman and Shafer 2005, section 4.5), by class: a class is left out of an
image's set if, of n calibration lesions of that class, so few have as small a probability of it that the rank is among
the lowest tenth (for 90 %): (count + 1) / (n + 1) <= 0.1. If a new image comes from the same source, its own class is
left out in at most a tenth of cases, in each class by itself. The score is the calibrated probability, which gives the
smallest sets on average (Sadinle, Lei and Wasserman 2019, doi:10.1080/01621459.2017.1395341). Each lesion counts with
one image, since images of one lesion are alike, and has the probabilities of a calibration fitted without it.

A class can be left out only with 1 / 0.1 - 1 = 9 calibration lesions or more (19 for 95 %); with fewer it is in every set.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from trainer.metrics.counts import Count, count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.metrics.crossfitting import CrossFitted, SetAside
    from trainer.metrics.decision import BoolArray, FloatArray, IntArray

COVERAGE = 0.90
"""Of the sets, unless another one is chosen."""

_ROUNDING = 1e-9
"""1 - 0.9 is a little less than 0.1."""


def calibration_lesions_needed(coverage: float) -> int:
    """Return how many calibration lesions a class needs so that it can be left out of a set."""
    return math.ceil(1.0 / (1.0 - coverage) - 1.0 - _ROUNDING / (1.0 - coverage))


class ConformalSets(NamedTuple):
    """Ready to give prediction sets.

    Attributes:
        classes: c names.
        scores: for each class, the probability of it in each of its calibration lesions, rising.
        coverage: wanted share of each class's images whose set contains that class, 0 to 1.
    """

    classes: tuple[str, ...]
    scores: tuple[FloatArray, ...]
    coverage: float = COVERAGE

    @property
    def always(self) -> tuple[str, ...]:
        """The classes with too few calibration lesions, which are in every set."""
        needed = calibration_lesions_needed(self.coverage)
        return tuple(
            name for name, scores in zip(self.classes, self.scores, strict=True) if len(scores) < needed
        )

    def p_values(self, probabilities: FloatArray) -> FloatArray:
        """Return the p-value of each class: the share of its lesions that look as little like it, itself included.

        Args:
            probabilities: (n, c) calibrated.

        Returns:
            (n, c) above 0, at most 1.
        """
        columns = [
            (np.searchsorted(scores, probabilities[:, k], side="right") + 1) / (len(scores) + 1)
            for k, scores in enumerate(self.scores)
        ]
        return np.stack(columns, axis=1)

    def members(self, probabilities: FloatArray) -> BoolArray:
        """Return which classes are in the set of each row of probabilities (n, c): bool (n, c)."""
        inside: BoolArray = self.p_values(probabilities) > 1.0 - self.coverage + _ROUNDING
        return inside

    def sets(self, probabilities: FloatArray) -> list[tuple[str, ...]]:
        """Return the prediction set of each row of probabilities (n, c), the most probable class first."""
        return [
            tuple(self.classes[k] for k in np.argsort(-row, kind="stable") if inside[k])
            for row, inside in zip(probabilities, self.members(probabilities), strict=True)
        ]


def calibrate_sets(
    aside: SetAside, fitted: CrossFitted, classes: Sequence[str], coverage: float = COVERAGE
) -> ConformalSets:
    """Calibrate prediction sets on the images set aside, one of each lesion.

    Args:
        aside: the images.
        fitted: calibrations that were each fitted without some of them.
        classes: c names.
        coverage: wanted, 0 to 1.
    """
    rows = one_of_each(aside.truth, aside.groups)
    truth = aside.truth[rows]
    probabilities = fitted.probabilities(aside.logits[rows], [aside.groups[k] for k in rows])
    scores = tuple(np.sort(probabilities[truth == k, k]) for k in range(len(classes)))
    return ConformalSets(tuple(classes), scores, coverage)


def informative_share(sets: ConformalSets, aside: SetAside, fitted: CrossFitted) -> float | None:
    """Return the share of the calibration lesions whose set is informative (see `SetsOfClass`).

    Each is judged by the others: as one of n lesions of its class, it has the rank it has among them.

    Args:
        sets: calibrated on these images.
        aside: the images, as for `calibrate_sets`.
        fitted: as for `calibrate_sets`.

    Returns:
        0 to 1; `None` without lesions.
    """
    rows = one_of_each(aside.truth, aside.groups)
    if not len(rows):
        return None
    truth = aside.truth[rows]
    probabilities = fitted.probabilities(aside.logits[rows], [aside.groups[k] for k in rows])
    p_values = sets.p_values(probabilities)
    own = np.arange(len(rows)), truth
    sizes = np.array([len(scores) for scores in sets.scores])[truth]
    p_values[own] = (p_values[own] * (sizes + 1) - 1) / sizes
    return float(_informative(sets, p_values > 1.0 - sets.coverage + _ROUNDING).mean())


def _informative(sets: ConformalSets, members: BoolArray) -> BoolArray:
    avoidable = [name not in sets.always for name in sets.classes]
    informative: BoolArray = members[:, avoidable].sum(axis=1) == 1
    return informative


def one_of_each(truth: IntArray, groups: Sequence[str]) -> IntArray:
    """Return a row for each group and class, drawn by the name of the group and the place of the row.

    Args:
        truth: (n,) class indices.
        groups: n names.
    """
    rows: dict[tuple[str, int], list[int]] = {}
    for row, key in enumerate(zip(groups, truth.tolist(), strict=True)):
        rows.setdefault(key, []).append(row)

    def drawn(key: tuple[str, int]) -> int:
        number = int.from_bytes(hashlib.sha256(key[0].encode()).digest()[:8])
        return rows[key][number % len(rows[key])]

    return np.array(sorted(drawn(key) for key in rows), dtype=np.int64)


class SetsOfClass(msgspec.Struct, frozen=True, kw_only=True):
    """How prediction sets do on the images of one class, or on all.

    Attributes:
        covered: images whose set contains their class.
        informative: images whose set contains exactly one class beside those that are in every set.
        size: mean number of classes in a set; `None` without images.
    """

    covered: Count
    informative: Count
    size: float | None


class SetFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How prediction sets do on some images.

    Attributes:
        coverage: wanted in each class, 0 to 1.
        always: classes with too few calibration lesions, which are in every set.
        calibration_lesions: behind each class.
        overall: on all images.
        per_class: by class.
    """

    coverage: float
    always: tuple[str, ...]
    calibration_lesions: dict[str, int]
    overall: SetsOfClass
    per_class: dict[str, SetsOfClass]


def set_figures(
    sets: ConformalSets, probabilities: FloatArray, truth: IntArray, groups: Sequence[str]
) -> SetFigures:
    """Measure prediction sets on images that they were not calibrated on.

    Args:
        sets: calibrated.
        probabilities: (n, c) of the images.
        truth: (n,) class indices.
        groups: n names.
    """
    members = sets.members(probabilities)
    _names, group_index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    covered = members[np.arange(len(truth)), truth]
    informative = _informative(sets, members)

    def figures(rows: BoolArray) -> SetsOfClass:
        return SetsOfClass(
            covered=count_of(covered[rows], group_index[rows]),
            informative=count_of(informative[rows], group_index[rows]),
            size=float(members[rows].sum(axis=1).mean()) if rows.any() else None,
        )

    return SetFigures(
        coverage=sets.coverage,
        always=sets.always,
        calibration_lesions={
            name: len(scores) for name, scores in zip(sets.classes, sets.scores, strict=True)
        },
        overall=figures(np.ones(len(truth), dtype=bool)),
        per_class={name: figures(truth == k) for k, name in enumerate(sets.classes)},
    )

"""How well a classifier does on parts of its test images, such as those of one age group, sex or site.

A subgroup is shown from `FEWEST_GROUPS` groups on: of fewer, a rate says next to nothing, and little of it is not
about single patients. The same holds for each of its rates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trainer.metrics.classification import FEW_GROUPS
from trainer.metrics.intervals import Interval
from trainer.metrics.rates import rate_estimates

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

FEWEST_GROUPS = FEW_GROUPS


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A share of images for which something holds.

    Attributes:
        share: 0 to 1.
        interval: 95 %, which counts groups.
        images, groups: that it rests on.
    """

    share: float
    interval: Interval
    images: int
    groups: int


class Subgroup(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one subgroup; a rate that rests on fewer than `FEWEST_GROUPS` groups is `None`.

    Attributes:
        name: what its images have in common: "female", "40–59".
        images, groups: of it.
        accuracy: share of the images whose class is predicted correctly.
        malignant: share of the images of malignant classes that are predicted as one of these; `None` also where no
            class is marked malignant.
        others: share of the images of all other classes that are predicted as one of these others; `None` likewise.
    """

    name: str
    images: int
    groups: int
    accuracy: Rate | None
    malignant: Rate | None
    others: Rate | None


class SubgroupFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures by one fact of the samples.

    Attributes:
        fact: its name in `trainer.dataset.fields`.
        subgroups: those that are large enough.
        too_small: names of the others.
        unknown: number of images of which the fact is not known.
    """

    fact: str
    subgroups: tuple[Subgroup, ...]
    too_small: tuple[str, ...] = ()
    unknown: int = 0


class Outcomes:
    """What was predicted for images, as the rates of a subgroup count it.

    Args:
        truth: (n,) class indices.
        predicted: (n,) class indices.
        groups: (n,) the group of each image.
        malignant: indices of the malignant classes.
    """

    def __init__(
        self,
        truth: NDArray[np.int64],
        predicted: NDArray[np.int64],
        groups: Sequence[str],
        malignant: Collection[int],
    ) -> None:
        marked = list(malignant)
        self._groups = np.asarray(groups, dtype=np.str_)
        self._correct = truth == predicted
        self._is_malignant = np.isin(truth, marked)
        self._called_malignant = np.isin(predicted, marked)
        self._any_marked = bool(marked)

    def figures(self, fact: str, labels: Sequence[str], order: Sequence[str] = ()) -> SubgroupFigures:
        """Return the figures by one fact.

        Args:
            fact: its name.
            labels: (n,) the subgroup of each image; empty where it is not known.
            order: of the subgroups; those not named follow, the largest first.
        """
        of_image = np.asarray(labels, dtype=np.str_)
        names, counts = np.unique(of_image[of_image != ""], return_counts=True)
        place = {name: number for number, name in enumerate(order)}
        sizes = dict(zip(names.tolist(), counts.tolist(), strict=True))
        ranked = sorted(sizes, key=lambda name: (place.get(name, len(place)), -sizes[name], name))
        found = [self._subgroup(name, of_image == name) for name in ranked]
        return SubgroupFigures(
            fact=fact,
            subgroups=tuple(subgroup for subgroup in found if subgroup.groups >= FEWEST_GROUPS),
            too_small=tuple(subgroup.name for subgroup in found if subgroup.groups < FEWEST_GROUPS),
            unknown=int((of_image == "").sum()),
        )

    def _subgroup(self, name: str, chosen: NDArray[np.bool_]) -> Subgroup:
        marked = chosen & self._any_marked
        return Subgroup(
            name=name,
            images=int(chosen.sum()),
            groups=len(np.unique(self._groups[chosen])),
            accuracy=self._rate(chosen, self._correct),
            malignant=self._rate(marked & self._is_malignant, self._called_malignant),
            others=self._rate(marked & ~self._is_malignant, ~self._called_malignant),
        )

    def _rate(self, chosen: NDArray[np.bool_], holds: NDArray[np.bool_]) -> Rate | None:
        names, index = np.unique(self._groups[chosen], return_inverse=True)
        if len(names) < FEWEST_GROUPS:
            return None
        trials = np.bincount(index).astype(np.float64)[:, np.newaxis]
        hits = np.bincount(index, weights=holds[chosen])[:, np.newaxis].astype(np.float64)
        estimates = rate_estimates(hits, trials)
        return Rate(
            share=float(estimates.value[0]),
            interval=Interval(float(estimates.low[0]), float(estimates.high[0])),
            images=int(chosen.sum()),
            groups=len(names),
        )

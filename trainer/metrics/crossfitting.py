"""Probabilities of the images set aside for calibration, as if none of them had been calibrated on.

Temperature and class bias are fitted on the images set aside (`trainer.metrics.calibration`), and thresholds and
prediction sets are chosen on the same images, for there are few. Each image is therefore given the probabilities of a
calibration that was fitted without its group: what a new image gets from the bundle's calibration, but for chance.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.metrics.calibration import fit_calibration
from trainer.metrics.decision import Calibration, FloatArray, IntArray, calibrated_probabilities, in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

FOLDS = 10


class SetAside(NamedTuple):
    """The images that were set aside for calibration.

    Attributes:
        logits: (n, c).
        truth: (n,) class indices.
        groups: n names; images of one group belong together.
    """

    logits: FloatArray
    truth: IntArray
    groups: tuple[str, ...]


class CrossFitted(NamedTuple):
    """Calibrations, each fitted without the groups of one fold.

    Attributes:
        fold_of: the fold of each group, by its name.
        calibrations: of each fold; one alone where nothing was fitted.
    """

    fold_of: dict[str, int]
    calibrations: tuple[Calibration, ...]

    def probabilities(self, logits: ArrayLike, groups: Sequence[str]) -> FloatArray:
        """Return the probabilities of images set aside, for the prior of the bundle's calibration.

        Args:
            logits: (n, c).
            groups: n names, each of one of the groups set aside.

        Returns:
            (n, c), rows summing to 1.
        """
        rows = np.asarray(logits, dtype=np.float64)
        folds = np.array([self.fold_of[group] for group in groups], dtype=np.int64)
        probabilities = np.empty_like(rows)
        for fold, calibration in enumerate(self.calibrations):
            probabilities[folds == fold] = calibrated_probabilities(rows[folds == fold], calibration)
        return probabilities


def cross_fit(aside: SetAside, calibration: Calibration, trained_prior: FloatArray) -> CrossFitted:
    """Fit a calibration for each of `FOLDS` parts of the groups set aside, without the images of that part.

    The groups of each class are dealt to the folds in an order that depends on their names alone.

    Args:
        aside: the images that the bundle was calibrated on.
        calibration: of the bundle; where it was not fitted, it is the same for all images.
        trained_prior: (c,) the prior the logits speak of, see `trainer.metrics.calibration`.
    """
    if not calibration.fitted:
        return CrossFitted(dict.fromkeys(aside.groups, 0), (calibration,))
    fold_of = _dealt(aside)
    folds = np.array([fold_of[group] for group in aside.groups], dtype=np.int64)
    natural = in_order(calibration.prior, calibration.classes)
    calibrations = tuple(
        fit_calibration(
            aside.logits[folds != fold],
            aside.truth[folds != fold],
            calibration.classes,
            natural_prior=natural,
            trained_prior=trained_prior,
        )
        for fold in range(FOLDS)
    )
    return CrossFitted(fold_of, calibrations)


def _dealt(aside: SetAside) -> dict[str, int]:
    """Return the fold of each group: groups of a class are dealt like cards."""
    class_of: dict[str, int] = {}
    for group, index in zip(aside.groups, aside.truth.tolist(), strict=True):
        class_of.setdefault(group, index)

    def place(group: str) -> tuple[int, bytes]:
        return class_of[group], hashlib.sha256(group.encode()).digest()

    return {group: k % FOLDS for k, group in enumerate(sorted(class_of, key=place))}

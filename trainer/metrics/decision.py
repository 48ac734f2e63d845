"""From logits to calibrated probabilities, and from those to the predicted class: the one pair every part uses.

What a bundle stores of its calibration, and pure functions on it. Fitting is in `trainer.metrics.calibration`.
"""

from __future__ import annotations

import math
from typing import Annotated, TypeAlias

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.metrics.choosing import shown_classes
from trainer.wording import percent

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]

TEMPERATURES = (0.01, 100.0)
"""A fit stays near 1; what lies beyond was not fitted, and probabilities would be all or nothing."""
LARGEST_BIAS = 100.0
"""A class a million times as frequent as another has a bias of 14."""

Temperature = Annotated[float, msgspec.Meta(ge=TEMPERATURES[0], le=TEMPERATURES[1])]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Weight = Annotated[float, msgspec.Meta(ge=0.0)]

BALANCED_RULE = (
    "The predicted class is the one with the largest probability divided by the class's share of the training "
    "images, so that rare classes are not overlooked."
)

_BALANCED_RULE_BEFORE = (
    "The predicted class is the one with the largest probability after re-weighting to a balanced prior "
    "(each probability divided by the class's share of the prior)."
)
"""The same rule as bundles of version 0.1 have it."""

_SUM_TOLERANCE = 1e-6


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How logits become probabilities, which prior these assume, and how a class is chosen from them.

    `probabilities = softmax(logits / temperature + bias)` and `predicted = argmax(decision_weights *
    probabilities)`.

    Attributes:
        classes: class names in the order of the network's logits.
        temperature: divides the logits; over 1 makes a network less sure of itself.
        bias: by class, added to the divided logits (natural logarithm of an odds factor).
        prior: by class, the shares (summing to 1) that the probabilities are calibrated to.
        decision_weights: by class, not negative, summing to 1; a class of weight 0 is never predicted.
        decision_rule: a sentence on what the decision weights do.
        n: images that temperature and bias were fitted on; 0 where they were not fitted.
        fitted: whether temperature and bias were fitted; otherwise they follow from the priors alone.
        note: how the calibration came about, in a sentence.
    """

    classes: tuple[str, ...]
    temperature: Temperature
    bias: dict[str, float]
    prior: dict[str, Share]
    decision_weights: dict[str, Weight]
    decision_rule: str = BALANCED_RULE
    n: Annotated[int, msgspec.Meta(ge=0)] = 0
    fitted: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if not self.classes or len(set(self.classes)) != len(self.classes):
            raise ValueError("a calibration needs at least one class, and each class once")
        for name, values in (
            ("bias", self.bias),
            ("prior", self.prior),
            ("decision_weights", self.decision_weights),
        ):
            if set(values) != set(self.classes):
                raise ValueError(f"`{name}` of the calibration must name exactly its classes")
            if not all(math.isfinite(value) for value in values.values()):
                raise ValueError(f"`{name}` of the calibration must hold finite numbers")
        for name, shares in (("prior", self.prior), ("decision_weights", self.decision_weights)):
            if abs(sum(shares.values()) - 1.0) > _SUM_TOLERANCE:
                raise ValueError(f"`{name}` of the calibration must sum to 1")
        if any(abs(value) > LARGEST_BIAS for value in self.bias.values()):
            raise ValueError(f"`bias` of the calibration must be from -{LARGEST_BIAS:g} to {LARGEST_BIAS:g}")
        if not TEMPERATURES[0] <= self.temperature <= TEMPERATURES[1]:
            raise ValueError(
                f"the temperature of the calibration must be from {TEMPERATURES[0]:g} to {TEMPERATURES[1]:g}"
            )

    def describe(self) -> str:
        """Say in a few sentences what the probabilities mean and how a class is chosen."""
        if self.fitted:
            direction = "less" if self.temperature > 1.0 else "more"
            origin = (
                f"Temperature {self.temperature:.2f} (the network was made {direction} confident) and a bias for "
                f"each class were fitted on {self.n:,} images that were used neither for training nor for "
                "choosing the best epoch."
            )
        else:
            origin = "Temperature and class bias were not fitted."
        parts = (origin, self.note, self.describe_prior(), self.describe_rule())
        return " ".join(part for part in parts if part)

    def describe_rule(self) -> str:
        """Say in a sentence how a class is chosen."""
        return BALANCED_RULE if self.decision_rule == _BALANCED_RULE_BEFORE else self.decision_rule

    def describe_prior(self) -> str:
        """Say in a sentence which class frequencies the probabilities assume; of very many, the rare ones together."""
        shown = shown_classes(self.classes, self.prior)
        shares = [
            f"{name} {percent(self.prior[name])}"
            for name in sorted(shown, key=self.prior.__getitem__, reverse=True)
        ]
        others = set(self.classes) - set(shown)
        if others:
            shares.append(f"{len(others)} others {percent(sum(self.prior[name] for name in others))}")
        return f"The probabilities assume the class frequencies of the training set: {', '.join(shares)}."


def in_order(values: dict[str, float], classes: tuple[str, ...]) -> FloatArray:
    """Return a class-to-number table as an array (c,) in the order of `classes`."""
    return np.array([values[name] for name in classes], dtype=np.float64)


def log_softmax(scores: FloatArray) -> FloatArray:
    """Return the logarithm of the softmax along the last axis; (n, c) in, (n, c) out, no overflow."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    normalised: FloatArray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normalised


def calibrated_probabilities(logits: ArrayLike, calibration: Calibration) -> FloatArray:
    """Turn logits into probabilities that assume `calibration.prior`.

    Args:
        logits: (n, c) real numbers, columns in the order of `calibration.classes`.
        calibration: of the network that gave the logits.

    Returns:
        (n, c) float64 in 0 to 1, rows summing to 1.
    """
    scores = np.asarray(logits, dtype=np.float64) / calibration.temperature
    scores = scores + in_order(calibration.bias, calibration.classes)
    return np.exp(log_softmax(scores))


def decide(probabilities: ArrayLike, calibration: Calibration) -> IntArray:
    """Choose a class for each row of probabilities by the calibration's decision rule.

    Args:
        probabilities: (n, c) in 0 to 1, from `calibrated_probabilities`.
        calibration: the same that made the probabilities.

    Returns:
        (n,) indices into `calibration.classes`; the first of equals.
    """
    weights = in_order(calibration.decision_weights, calibration.classes)
    weighted = np.asarray(probabilities, dtype=np.float64) * weights
    chosen: IntArray = weighted.argmax(axis=-1).astype(np.int64)
    return chosen


def balanced_probabilities(probabilities: ArrayLike, calibration: Calibration) -> FloatArray:
    """Turn probabilities for the calibration's prior into those for equally frequent classes.

    Args:
        probabilities: (n, c) in 0 to 1, from `calibrated_probabilities`.
        calibration: the same that made the probabilities.

    Returns:
        (n, c) float64, each probability divided by the prior's share, rows summing to 1; 0 for classes without any
        share, of which the network has seen no image.
    """
    prior = in_order(calibration.prior, calibration.classes)
    natural = np.asarray(probabilities, dtype=np.float64)
    weighed = np.divide(natural, prior, out=np.zeros_like(natural), where=prior > 0)
    balanced: FloatArray = weighed / weighed.sum(axis=-1, keepdims=True)
    return balanced

"""The predictions behind the metrics of a scored part, and the curves that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Scores:
    """What a bundle says of every image of a part.

    Attributes:
        classes: c names.
        truth: (n,) class indices.
        probabilities: (n, c), 0 to 1.
    """

    classes: tuple[str, ...]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    def roc(self, index: int) -> list[tuple[float, float]]:
        """Return false positive rate and recall of a class at every threshold; nothing where they do not exist."""
        right, wrong = self._cumulated(index)
        if not right[-1] or not wrong[-1]:
            return []
        return list(zip((wrong / wrong[-1]).tolist(), (right / right[-1]).tolist(), strict=True))

    def precision(self, index: int) -> list[tuple[float, float]]:
        """Return recall and precision of a class at every threshold; nothing without images of the class."""
        right, wrong = self._cumulated(index)
        if not right[-1]:
            return []
        recall, precision = right[1:] / right[-1], right[1:] / (right[1:] + wrong[1:])
        return list(zip(recall.tolist(), precision.tolist(), strict=True))

    def average_precision(self, index: int) -> float | None:
        """Return the mean precision weighted by the gain in recall, 0 to 1; `None` without images of the class."""
        points = self.precision(index)
        if not points:
            return None
        recall = np.array([0.0, *(x for x, _ in points)])
        return float(np.sum(np.diff(recall) * np.array([y for _, y in points])))

    def _cumulated(self, index: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return how many images of the class and of others score at least each threshold, from none to all."""
        order = np.argsort(-self.probabilities[:, index], kind="stable")
        ranked = self.probabilities[order, index]
        is_class = (self.truth[order] == index).astype(np.float64)
        ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        right = np.concatenate([[0.0], np.cumsum(is_class)[ends]])
        wrong = np.concatenate([[0.0], np.cumsum(1.0 - is_class)[ends]])
        return right, wrong

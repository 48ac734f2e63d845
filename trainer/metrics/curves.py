"""How well a class is found at every threshold: the points of ROC and precision-recall curves."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]


class Points(NamedTuple):
    """A curve.

    Attributes:
        x, y: (k,) shares, 0 to 1, `x` rising.
    """

    x: FloatArray
    y: FloatArray


class Found(NamedTuple):
    """What is taken for a class at each threshold on its probability, from none of the images to all.

    Attributes:
        right: (k,) images of the class at or above each threshold.
        wrong: (k,) images of other classes.
    """

    right: FloatArray
    wrong: FloatArray

    def roc(self) -> Points | None:
        """Return recall over false positive rate; `None` where all images are of the class, or none is."""
        if not self.right[-1] or not self.wrong[-1]:
            return None
        return Points(self.wrong / self.wrong[-1], self.right / self.right[-1])

    def precision(self) -> Points | None:
        """Return the precision at each recall, to be drawn as steps up to it; `None` without images of the class.

        The first point, at a recall of 0, where there is no precision, repeats the second one's.
        """
        if not self.right[-1]:
            return None
        grows = np.flatnonzero(np.diff(self.right)) + 1
        right = self.right[grows]
        precision = right / (right + self.wrong[grows])
        recall = right / right[-1]
        return Points(np.concatenate([[0.0], recall]), np.concatenate([precision[:1], precision]))

    def average_precision(self) -> float | None:
        """Return the mean precision weighted by the gain in recall, 0 to 1; `None` without images of the class."""
        points = self.precision()
        return None if points is None else float(np.sum(np.diff(points.x) * points.y[1:]))


def found_at_thresholds(truth: IntArray, probabilities: FloatArray, index: int) -> Found:
    """Count what is taken for a class at every threshold.

    Args:
        truth: (n,) class indices, n at least 1.
        probabilities: (n, c), 0 to 1.
        index: of the class.
    """
    order = np.argsort(-probabilities[:, index], kind="stable")
    ranked = probabilities[order, index]
    is_class = (truth[order] == index).astype(np.float64)
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    right = np.concatenate([[0.0], np.cumsum(is_class)[ends]])
    wrong = np.concatenate([[0.0], np.cumsum(1.0 - is_class)[ends]])
    return Found(right, wrong)

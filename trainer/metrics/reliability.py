"""Whether a classifier is as often right as it says: confidence against the share that is right."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]

ECE_BINS = 15
"""As in Guo et al. 2017 (arXiv:1706.04599)."""


class Reliability(msgspec.Struct, frozen=True):
    """How often the most probable class is right, by its probability.

    The expected calibration error of Guo et al. 2017 (arXiv:1706.04599): each image's confidence is its
    largest probability, and it is right where that class (not the one a decision rule may prefer) is the
    true one. Confidences fall into 15 bins of equal width, (0, 1/15] to (14/15, 1]. The ECE is the mean over
    images of |share right - mean confidence| of the image's bin. It cannot be negative and is a little too
    large on few images.

    Attributes:
        edges: 16 ends of the bins.
        images: in each bin.
        confidence: mean confidence in each bin, 0 for an empty one.
        accuracy: share right in each bin, 0 for an empty one.
        ece: the expected calibration error, 0 to 1.
    """

    edges: tuple[float, ...]
    images: tuple[int, ...]
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    ece: float


def confidence_bins(truth: IntArray, probabilities: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return what the ECE is made of.

    Args:
        truth: (n,) class indices.
        probabilities: (n, c) rows summing to 1.

    Returns:
        (n,) bin, 0 to 14; (n,) confidence, 0 to 1; (n,) 1.0 where the most probable class is true, else 0.0.
    """
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == truth).astype(np.float64)
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    return bins, confidence, right


def reliability(truth: ArrayLike, probabilities: ArrayLike) -> Reliability:
    """Compare how sure a classifier is with how often it is right; see `Reliability`.

    Args:
        truth: (n,) class indices, n at least 1.
        probabilities: (n, c) rows summing to 1.
    """
    bins, confidence, right = confidence_bins(
        np.asarray(truth, dtype=np.int64), np.asarray(probabilities, dtype=np.float64)
    )
    images = np.bincount(bins, minlength=ECE_BINS)
    sure = np.bincount(bins, weights=confidence, minlength=ECE_BINS)
    hits = np.bincount(bins, weights=right, minlength=ECE_BINS)
    filled = np.maximum(images, 1)
    return Reliability(
        edges=tuple(np.linspace(0.0, 1.0, ECE_BINS + 1).tolist()),
        images=tuple(images.tolist()),
        confidence=tuple((sure / filled).tolist()),
        accuracy=tuple((hits / filled).tolist()),
        ece=float(np.abs(hits - sure).sum() / images.sum()),
    )

"""How alike two images look to a network: the cosine between projections of their features."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DIMENSIONS = 128


class Projection(NamedTuple):
    """From features to what images are compared by.

    Attributes:
        mean: float32 (f,), of the training images.
        components: float32 (k, f), the first principal components of theirs.
    """

    mean: NDArray[np.float32]
    components: NDArray[np.float32]

    def of(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return projections of length 1, float32 (n, k), of features of the last maps (n, f)."""
        projected = (features - self.mean) @ self.components.T
        lengths = np.linalg.norm(projected, axis=1, keepdims=True)
        scaled: NDArray[np.float32] = projected / np.maximum(lengths, np.float32(1e-12))
        return scaled


def fit_projection(features: NDArray[np.float32]) -> Projection:
    """Return the projection onto the first principal components of training images' features (n, f)."""
    mean = features.mean(axis=0, dtype=np.float64)
    offsets = features - mean
    kept = min(_DIMENSIONS, *features.shape)
    _, vectors = np.linalg.eigh(offsets.T @ offsets)
    return Projection(mean.astype(np.float32), vectors[:, ::-1][:, :kept].T.astype(np.float32))

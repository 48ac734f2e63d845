"""The loss with its answer to imbalance."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import tensorflow as tf

from trainer.metrics.calibration import trained_prior

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from trainer.config import Imbalance

    Loss: TypeAlias = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

_SMALLEST_ERROR = 1e-7
"""1 - P(true class) is taken to be no less in the focal loss; float32 cannot tell smaller ones apart."""


def natural_prior(truth: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Return the share of each class among the training samples, (classes,), summing to 1.

    A class without a training sample counts as half a sample, so that its logarithm exists.
    """
    counts = np.maximum(np.bincount(truth, minlength=classes).astype(np.float64), 0.5)
    prior: NDArray[np.float64] = counts / counts.sum()
    return prior


def decision_offset(imbalance: Imbalance, natural: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return what is added to logits before the argmax to decide for a balanced prior, float32 (classes,)."""
    return -np.log(trained_prior(imbalance, natural)).astype(np.float32)


def make_loss(imbalance: Imbalance, natural: NDArray[np.float64]) -> Loss:
    """Return the loss of each sample: (logits (n, c) float32, truth (n,) int) -> (n,) float32."""
    if imbalance.method == "class-weights":
        weights = tf.constant((1 / (len(natural) * natural)).astype(np.float32))
        return lambda logits, truth: tf.gather(weights, truth) * _cross_entropy(logits, truth)
    if imbalance.method == "logit-adjustment":
        shift = tf.constant((imbalance.adjustment_tau * np.log(natural)).astype(np.float32))
        return lambda logits, truth: _cross_entropy(logits + shift, truth)
    if imbalance.method == "focal":

        def focal(logits: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
            entropy = _cross_entropy(logits, truth)
            # The slope of a power below 1 has no end at 0, where samples that are surely right lie.
            error = tf.maximum(-tf.math.expm1(-entropy), _SMALLEST_ERROR)
            return error**imbalance.focal_gamma * entropy

        return focal
    return _cross_entropy


def _cross_entropy(logits: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=truth, logits=logits)

"""The curves behind the figures, against scikit-learn's and against the metrics."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.metrics.classification import compute_metrics
from trainer.metrics.curves import found_at_thresholds

CLASSES = ("bkl", "mel", "nv")


def _scores(seed: int, images: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Return truth (n,) and probabilities (n, 3)."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 3, images)
    logits = generator.normal(size=(images, 3)) + 1.2 * np.eye(3)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return truth, np.round(probabilities, 2)  # rounded: there are ties


@pytest.mark.parametrize("seed", range(5))
def test_the_area_under_the_curve_is_the_metric(seed: int) -> None:
    truth, probabilities = _scores(seed)
    groups = [str(k) for k in range(len(truth))]
    metrics = compute_metrics(
        truth, probabilities, probabilities.argmax(axis=1), CLASSES, groups, bootstrap=0
    )
    for index, name in enumerate(CLASSES):
        points = found_at_thresholds(truth, probabilities, index).roc()
        assert points is not None
        area = np.sum(np.diff(points.x) * (points.y[1:] + points.y[:-1]) / 2)
        assert area == pytest.approx(metrics.per_class[name].roc_auc)


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_that_of_scikit_learn(seed: int) -> None:
    from sklearn.metrics import average_precision_score

    truth, probabilities = _scores(seed)
    for index in range(3):
        expected = average_precision_score(truth == index, probabilities[:, index])
        average = found_at_thresholds(truth, probabilities, index).average_precision()
        assert average == pytest.approx(expected)


def test_a_class_without_images_has_no_curve() -> None:
    truth, probabilities = np.zeros(3, np.int64), np.full((3, 2), 0.5)
    all_of_it, none_of_it = (found_at_thresholds(truth, probabilities, index) for index in range(2))
    assert all_of_it.roc() is None
    assert none_of_it.roc() is None
    assert none_of_it.precision() is None
    assert none_of_it.average_precision() is None

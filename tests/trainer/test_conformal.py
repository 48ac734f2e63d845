from __future__ import annotations

import warnings

import numpy as np
import pytest

from trainer.metrics.conformal import (
    ConformalSets,
    calibrate_sets,
    calibration_lesions_needed,
    one_of_each,
    set_figures,
)
from trainer.metrics.crossfitting import CrossFitted, SetAside
from trainer.metrics.decision import Calibration, log_softmax

CLASSES = ("bcc", "mel", "nv")


def posterior(generator: np.random.Generator, truth: np.ndarray) -> np.ndarray:
    """Draw probabilities (n, 3) of lesions whose classes overlap."""
    logits = 1.5 * np.eye(3)[truth] + generator.normal(size=(len(truth), 3))
    return np.exp(log_softmax(logits))


def sets_of(probabilities: np.ndarray, truth: np.ndarray, coverage: float = 0.9) -> ConformalSets:
    scores = tuple(np.sort(probabilities[truth == k, k]) for k in range(3))
    return ConformalSets(CLASSES, scores, coverage)


def test_9_calibration_lesions_are_needed_at_90_percent_and_19_at_95() -> None:
    assert calibration_lesions_needed(0.90) == 9
    assert calibration_lesions_needed(0.95) == 19


def test_a_class_is_left_out_if_its_probability_is_lower_than_in_all_nine_lesions() -> None:
    nine = np.linspace(0.1, 0.9, 9)
    sets = ConformalSets(("nv", "mel"), (nine, nine[:8]))
    assert sets.always == ("mel",)
    probabilities = np.array([[0.05, 0.95], [0.15, 0.85], [0.95, 0.05]])
    np.testing.assert_allclose(sets.p_values(probabilities)[:2, 0], [1 / 10, 2 / 10])
    assert sets.sets(probabilities) == [("mel",), ("mel", "nv"), ("nv", "mel")]


def test_each_class_is_covered_as_wanted() -> None:
    generator = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        truth = np.repeat(np.arange(3), (19, 40, 200))
        new = np.repeat(np.arange(3), 200)
        sets = sets_of(posterior(generator, truth), truth)
        inside = sets.members(posterior(generator, new))
        covered.append([inside[new == k, k].mean() for k in range(3)])
    # Exact for n lesions: floor(0.1 (n + 1)) / (n + 1) are left out, 2 of 20, 4 of 41 and 20 of 201.
    np.testing.assert_allclose(np.mean(covered, axis=0), [1 - 2 / 20, 1 - 4 / 41, 1 - 20 / 201], atol=0.012)


def test_p_values_are_those_of_crepes() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing it sets a filter for the whole process
        from crepes import ConformalClassifier
    generator = np.random.default_rng(3)
    truth, new = generator.integers(0, 3, 90), generator.integers(0, 3, 40)
    calibrated, probabilities = posterior(generator, truth), posterior(generator, new)
    theirs = ConformalClassifier().fit(1 - calibrated[np.arange(90), truth], bins=truth)
    for k in range(3):
        expected = theirs.predict_p(1 - probabilities[:, [k]], bins=np.full(40, k), smoothing=False)
        np.testing.assert_allclose(
            sets_of(calibrated, truth).p_values(probabilities)[:, k], np.ravel(expected), atol=1e-12
        )


def test_one_image_of_each_lesion_calibrates() -> None:
    truth = np.array([0, 0, 0, 2, 0])
    rows = one_of_each(truth, ["a", "a", "b", "b", "a"])
    assert len(rows) == 3
    assert truth[rows].tolist().count(2) == 1


def test_sets_are_calibrated_on_probabilities_of_other_folds() -> None:
    third = dict.fromkeys(CLASSES, 1 / 3)

    def with_temperature(temperature: float) -> Calibration:
        zeros = dict.fromkeys(CLASSES, 0.0)
        return Calibration(
            classes=CLASSES, temperature=temperature, bias=zeros, prior=third, decision_weights=third
        )

    aside = SetAside(4 * np.eye(3)[[0, 0]], np.array([0, 0]), ("a", "b"))
    fitted = CrossFitted({"a": 0, "b": 1}, (with_temperature(1.0), with_temperature(4.0)))
    scores = calibrate_sets(aside, fitted, CLASSES).scores[0]
    np.testing.assert_allclose(scores, [np.e / (np.e + 2), np.e**4 / (np.e**4 + 2)])


def test_figures_say_coverage_size_and_how_many_sets_are_informative() -> None:
    nine = np.linspace(0.1, 0.9, 9)
    sets = ConformalSets(CLASSES, (nine, nine, nine[:2]))
    probabilities = np.array([[0.95, 0.02, 0.03], [0.5, 0.45, 0.05], [0.01, 0.02, 0.97], [0.01, 0.95, 0.04]])
    found = set_figures(sets, probabilities, np.array([0, 1, 2, 0]), ["a", "b", "c", "d"])
    assert found.always == ("nv",)
    assert found.calibration_lesions == {"bcc": 9, "mel": 9, "nv": 2}
    assert (found.overall.covered.count, found.overall.covered.of) == (3, 4)
    assert found.overall.size == pytest.approx((2 + 3 + 1 + 2) / 4)
    assert found.overall.informative.count == 2  # {bcc, nv}, {mel, nv}; not all three, and not nv alone
    assert found.per_class["bcc"].covered.count == 1
    assert found.per_class["bcc"].informative.count == 2
    nothing = set_figures(sets, probabilities[:1], np.array([0]), ["a"]).per_class["mel"]
    assert (nothing.covered.of, nothing.size) == (0, None)

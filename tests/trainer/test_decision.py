from __future__ import annotations

import msgspec
import numpy as np
import pytest

from trainer.metrics.decision import (
    Calibration,
    balanced_probabilities,
    calibrated_probabilities,
    decide,
    log_softmax,
)


def calibration(**changes: object) -> Calibration:
    values: dict[str, object] = {
        "classes": ("nv", "mel"),
        "temperature": 2.0,
        "bias": {"nv": 0.0, "mel": -1.0},
        "prior": {"nv": 0.9, "mel": 0.1},
        "decision_weights": {"nv": 0.1, "mel": 0.9},
    }
    return msgspec.convert(values | changes, Calibration)


def test_probabilities_follow_the_formula() -> None:
    logits = np.array([[1.0, 3.0], [-2.0, 0.5]])
    result = calibrated_probabilities(logits, calibration())
    scores = np.exp(logits / 2.0 + [0.0, -1.0])
    np.testing.assert_allclose(result, scores / scores.sum(axis=1, keepdims=True))
    assert result.dtype == np.float64


def test_the_prior_of_very_many_classes_is_one_short_sentence() -> None:
    assert calibration().describe_prior().endswith(": nv 90.0\u00a0%, mel 10.0\u00a0%.")
    names = tuple(f"class {number:03d}" for number in range(100))
    shares = {name: (number + 1) / 5050 for number, name in enumerate(names)}
    many = calibration(
        classes=names, bias=dict.fromkeys(names, 0.0), prior=shares, decision_weights=shares
    ).describe_prior()
    assert many.count("class 0") == 16
    assert ": class 099 2.0\u00a0%, class 098" in many
    assert many.endswith(", 84 others 70.7\u00a0%.")


def test_huge_logits_neither_overflow_nor_vanish_from_the_sum() -> None:
    result = calibrated_probabilities(np.array([[1e4, -1e4], [3e38, 0.0]], dtype=np.float32), calibration())
    np.testing.assert_allclose(result, [[1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(log_softmax(np.array([[0.0, 0.0]])), np.log([[0.5, 0.5]]))


def test_decision_weighs_the_probabilities() -> None:
    probabilities = np.array([[0.95, 0.05], [0.85, 0.15], [0.9, 0.1]])
    # 0.95 * 0.1 > 0.05 * 0.9, then the other way round, then equal: the first class.
    assert decide(probabilities, calibration()).tolist() == [0, 1, 0]
    assert decide(np.zeros((0, 2)), calibration()).shape == (0,)


def test_balanced_probabilities_are_divided_by_the_prior_and_sum_to_1() -> None:
    balanced = balanced_probabilities(np.array([[0.9, 0.1], [0.45, 0.55]]), calibration())
    np.testing.assert_allclose(balanced, [[0.5, 0.5], [0.5 / 6.0, 5.5 / 6.0]])
    unseen = calibration(prior={"nv": 1.0, "mel": 0.0})
    np.testing.assert_allclose(balanced_probabilities(np.array([[0.7, 0.3]]), unseen), [[1.0, 0.0]])


def test_order_is_that_of_the_classes_not_of_the_tables() -> None:
    turned = calibration(
        bias={"mel": -1.0, "nv": 0.0},
        prior={"mel": 0.1, "nv": 0.9},
        decision_weights={"mel": 0.9, "nv": 0.1},
    )
    logits = np.array([[0.3, 1.0]])
    np.testing.assert_array_equal(
        calibrated_probabilities(logits, turned), calibrated_probabilities(logits, calibration())
    )


def test_comes_back_from_json_the_same() -> None:
    once = calibration(n=7, fitted=True, note="A sentence.")
    assert msgspec.json.decode(msgspec.json.encode(once), type=Calibration) == once


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"temperature": 0.0}, ">= 0.01"),
        ({"temperature": float("inf")}, "<= 100.0"),
        ({"classes": ("nv", "nv")}, "each class once"),
        ({"bias": {"nv": 0.0}}, "name exactly its classes"),
        ({"bias": {"nv": 0.0, "mel": float("nan")}}, "finite"),
        ({"prior": {"nv": 0.9, "mel": 0.9}}, "sum to 1"),
        ({"decision_weights": {"nv": 2.0, "mel": 2.0}}, "sum to 1"),
        ({"decision_weights": {"nv": 2.0, "mel": -1.0}}, ">= 0.0"),
        ({"threshold": 0.5}, "unknown field"),
    ],
)
def test_damaged_calibration_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        calibration(**change)


def test_a_bundle_of_before_says_its_rule_in_the_words_of_today() -> None:
    before = (
        "The predicted class is the one with the largest probability after re-weighting to a balanced prior "
        "(each probability divided by the class's share of the prior)."
    )
    assert calibration(decision_rule=before).describe_rule() == calibration().decision_rule
    assert calibration(decision_rule="The largest.").describe_rule() == "The largest."


def test_says_in_words_what_it_does() -> None:
    fitted = calibration(n=1234, fitted=True).describe()
    assert "Temperature 2.00" in fitted
    assert "1,234 images" in fitted
    assert "nv 90.0\u00a0%, mel 10.0\u00a0%" in fitted
    assert "divided by the class's share of the training images" in fitted
    assert "not fitted" in calibration().describe()

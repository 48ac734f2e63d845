"""What decided a prediction, as facts and as a terminal says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from trainer.commands.predicting import as_text
from trainer.metrics.decision import Calibration
from trainer.predictions import Prediction, choice_of
from trainer.wording import told_apart

if TYPE_CHECKING:
    from trainer.runs.bundle import Manifest

PRIOR = {"akiec": 0.018, "mel": 0.114, "nv": 0.868}
SHARES = {"akiec": 0.056, "mel": 0.262, "nv": 0.682}


class Stub:
    """The parts of a manifest that a text needs."""

    malignant = ("akiec", "mel")
    calibration = Calibration(
        classes=tuple(PRIOR),
        temperature=1.0,
        bias=dict.fromkeys(PRIOR, 0.0),
        prior=PRIOR,
        decision_weights={"akiec": 0.85, "mel": 0.133, "nv": 0.017},
    )


def said(probabilities: dict[str, float], predicted: str) -> str:
    prediction = Prediction(
        path="a.jpg", probabilities=probabilities, predicted=predicted, malignant_probability=0.318
    )
    return as_text([prediction], cast("Manifest", Stub)).splitlines()[0]


def test_a_choice_names_the_predicted_class_and_the_most_probable_one() -> None:
    choice = choice_of(SHARES, "akiec", PRIOR)
    assert choice.against_the_most_probable
    assert (choice.predicted.class_name, choice.most_probable.class_name) == ("akiec", "nv")
    assert choice.predicted.times == pytest.approx(0.056 / 0.018)
    assert choice.most_probable.times == pytest.approx(0.682 / 0.868)
    assert not choice_of(SHARES, "nv", PRIOR).against_the_most_probable
    assert not choice_of({"a": 0.5, "b": 0.5}, "b", {"a": 0.9, "b": 0.1}).against_the_most_probable
    assert choice_of({"a": 0.2, "b": 0.8}, "a", {"a": 1.0, "b": 0.0}).most_probable.times == float("inf")


def test_a_terminal_says_what_decided_against_the_most_probable_class() -> None:
    assert said(SHARES, "akiec").startswith(
        "a.jpg: akiec (5.6 %, 3.1 times its share of the training images; nv 68.2 %, 0.8 times), malignant"
    )
    assert said(SHARES, "nv").startswith("a.jpg: nv, malignant")


def test_two_ratios_get_the_decimals_that_tell_them_apart() -> None:
    assert told_apart(3.11, 2.3) == ("3.1", "2.3")
    assert told_apart(2.34, 2.31) == ("2.34", "2.31")
    assert told_apart(2.0, 2.0) == ("2.000", "2.000")

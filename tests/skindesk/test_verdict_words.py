"""What is said of prediction sets, in window and PDF."""

from __future__ import annotations

from skindesk.verdict_words import members, set_statement
from trainer.predictions import Prediction, SetBasis

SHARES = {"mel": 0.7, "nv": 0.2, "bkl": 0.1}


def told(*names: str) -> Prediction:
    return Prediction(path="a.png", probabilities=SHARES, predicted="mel", prediction_set=names)


def test_a_set_names_its_classes() -> None:
    assert members(told("mel", "nv")) == "melanoma, melanocytic nevus"
    assert members(told()) == "no class"
    assert members(Prediction(path="a.png", probabilities=SHARES, predicted="mel")) == ""


def test_sets_that_rule_nothing_out_promise_nothing() -> None:
    basis = SetBasis(coverage=0.9, always=("mel", "nv", "bkl"), needed=9, informative=None)
    assert members(told("mel", "nv", "bkl")) == "all classes"
    statement = set_statement(basis, len(SHARES))
    assert statement.startswith("No class can be ruled out: fewer than 9 lesions of each")
    assert "In 9 of 10" not in statement
    some = SetBasis(coverage=0.9, always=("mel",), needed=9, informative=0.5)
    assert set_statement(some, len(SHARES)).startswith("In 9 of 10 images of each class")

"""CSV that people open in a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest

from trainer.commands.predicting import as_csv as predictions_as_csv
from trainer.predictions import Prediction
from trainer.tables import as_csv, spreadsheet_plain, spreadsheet_safe


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+49 30 1", "-cmd|' /C calc'!A0", "@SUM(A1)", "\tx", "\rx", "\n=1", "-", "--1", "'=1", "''@"],
)
def test_text_that_a_spreadsheet_would_compute_gets_an_apostrophe_and_loses_it_again(cell: str) -> None:
    assert spreadsheet_safe(cell) == f"'{cell}"
    assert spreadsheet_plain(spreadsheet_safe(cell)) == cell


@pytest.mark.parametrize("cell", ["", "mel", "-1", "+0.5", "-1.5e-07", ".5", "'quoted'", "'", "a=b", " =1"])
def test_numbers_and_usual_text_stay(cell: str) -> None:
    assert spreadsheet_safe(cell) == cell == spreadsheet_plain(cell)


def test_names_of_columns_and_cells_of_a_table_are_safe() -> None:
    text = as_csv(("id", "=class"), [("@a,b", "-0.25")])
    assert list(csv.reader(io.StringIO(text))) == [["id", "'=class"], ["'@a,b", "-0.25"]]


def test_predictions_are_safe() -> None:
    class Stub:
        classes = ("=mel", "nv")

    prediction = Prediction(
        path="-1.jpg",
        probabilities={"=mel": 0.25, "nv": 0.75},
        predicted="=mel",
        metadata={"note": "@x", "prior": "-5"},
    )
    head, row = csv.reader(io.StringIO(predictions_as_csv([prediction], Stub)))  # type: ignore[arg-type]
    assert (head[2], head[-1], row[:3], row[-2:]) == (
        "'=mel",
        "metadata_prior",
        ["'-1.jpg", "'=mel", "0.250000"],
        ["'@x", "-5"],
    )

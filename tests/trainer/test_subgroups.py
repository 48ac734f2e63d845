"""Figures by age group, sex and site: what is counted, and what is too small to be shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trainer.runs.reports import PredictionTable
from trainer.runs.subgroups import figures_by_fact

CLASSES = ("bkl", "mel", "nv")


def _table(truth: list[int], predicted: list[int]) -> PredictionTable:
    n = len(truth)
    ids = tuple(f"s{number}" for number in range(n))
    return PredictionTable(
        CLASSES, ids, np.array(truth), np.array(predicted), np.full((n, len(CLASSES)), 1 / len(CLASSES))
    )


def _frame(
    n: int,
    *,
    age: list[float] | None = None,
    sex: list[str | None] | None = None,
    groups: list[str] | None = None,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample_id": [f"s{number}" for number in range(n)],
            "group_id": groups or [f"g{number}" for number in range(n)],
            "age": age or [float("nan")] * n,
            "sex": sex or [None] * n,
            "site": [None] * n,
        }
    )


def test_rates_are_counted_by_subgroup() -> None:
    # Twelve of each sex: six melanomas, of which women's are all found and men's half; of the others one is called mel.
    truth = [1] * 6 + [2] * 6 + [1] * 6 + [2] * 6
    predicted = [1] * 6 + [2] * 6 + [1] * 3 + [0] * 3 + [2] * 5 + [1]
    frame = _frame(48, sex=(["female"] * 12 + ["Male "] * 12) * 2)
    table = _table(truth * 2, predicted * 2)
    (by_sex,) = figures_by_fact(table, frame.sample(frac=1.0, random_state=1), ["mel"])
    assert (by_sex.fact, by_sex.too_small, by_sex.unknown) == ("sex", (), 0)
    women, men = by_sex.subgroups
    assert (women.name, women.images, women.groups) == ("female", 24, 24)
    assert (men.name, men.images) == ("male", 24)
    assert women.malignant is not None
    assert women.malignant.share == 1.0
    assert women.malignant.interval.low < 0.9
    assert men.malignant is not None
    assert (men.malignant.share, men.malignant.images) == (0.5, 12)
    assert men.others is not None
    assert men.others.share == pytest.approx(10 / 12)
    assert men.accuracy is not None
    assert men.accuracy.share == pytest.approx(16 / 24)


def test_ages_stand_in_order_and_what_is_not_known_is_counted() -> None:
    age = [85.0] * 10 + [40.0] * 12 + [59.9] * 3 + [10.0] * 11 + [float("nan")] * 4
    (by_age,) = figures_by_fact(_table([2] * 40, [2] * 40), _frame(40, age=age), ["mel"])
    assert [(subgroup.name, subgroup.images) for subgroup in by_age.subgroups] == [
        ("0–19", 11),
        ("40–59", 15),
        ("80+", 10),
    ]
    assert by_age.unknown == 4


def test_a_subgroup_of_few_lesions_is_named_without_figures() -> None:
    # Thirty images of nine lesions are nine, not thirty.
    sex: list[str | None] = [*["male"] * 12, *["female"] * 30]
    groups = [f"m{n}" for n in range(12)] + [f"f{n % 9}" for n in range(30)]
    (by_sex,) = figures_by_fact(_table([2] * 42, [2] * 42), _frame(42, sex=sex, groups=groups), ["mel"])
    assert [subgroup.name for subgroup in by_sex.subgroups] == ["male"]
    assert by_sex.too_small == ("female",)
    assert by_sex.subgroups[0].malignant is None  # no melanoma among them


def test_without_malignant_classes_only_the_accuracy_is_counted() -> None:
    (by_sex,) = figures_by_fact(_table([2] * 12, [2] * 12), _frame(12, sex=["male"] * 12), [])
    (men,) = by_sex.subgroups
    assert men.accuracy is not None
    assert (men.malignant, men.others) == (None, None)


def test_facts_that_are_not_known_are_left_out() -> None:
    assert figures_by_fact(_table([2] * 12, [2] * 12), _frame(12), ["mel"]) == ()

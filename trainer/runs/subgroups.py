"""Figures of a report by age group, sex and site: its predictions joined with what the dataset knows of the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.metrics.subgroups import Outcomes

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from trainer.metrics.subgroups import SubgroupFigures
    from trainer.runs.reports import PredictionTable

AGE_GROUPS = (("0–19", 20.0), ("20–39", 40.0), ("40–59", 60.0), ("60–79", 80.0), ("80+", float("inf")))
"""Names, and the age in years that no one of the group has reached."""

_FACTS = ("age", "sex", "site")


def figures_by_fact(
    table: PredictionTable, frame: pd.DataFrame, malignant: Collection[str]
) -> tuple[SubgroupFigures, ...]:
    """Return figures by age group, sex and site; a fact that is known of no sample is left out.

    Args:
        table: the predictions.
        frame: of the samples, in any order (see `DatasetStore.frame`); of a sample that it lacks nothing is known.
        malignant: names of the malignant classes.
    """
    import pandas as pd

    facts = frame.set_index("sample_id")[["group_id", *_FACTS]].reindex(list(table.sample_ids))
    groups = [
        f"sample {sample}" if pd.isna(group) else str(group)
        for sample, group in zip(table.sample_ids, facts["group_id"], strict=True)
    ]
    marked = [index for index, name in enumerate(table.classes) if name in malignant]
    outcomes = Outcomes(table.truth, table.predicted, groups, marked)
    labels = {
        "age": [_age_group(age) for age in facts["age"]],
        **{name: [_tidied(value) for value in facts[name]] for name in _FACTS if name != "age"},
    }
    order = [name for name, _ in AGE_GROUPS]
    return tuple(
        outcomes.figures(name, labels[name], order if name == "age" else ())
        for name in _FACTS
        if any(labels[name])
    )


def _age_group(age: float) -> str:
    return next((name for name, end in AGE_GROUPS if age < end), "")  # not known is NaN, below nothing


def _tidied(value: object) -> str:
    """Return a fact that is text as one subgroup's name: tables write "Female" and "female"."""
    return " ".join(value.split()).lower() if isinstance(value, str) else ""

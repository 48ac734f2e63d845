"""Metrics as a table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.metrics.catalogue import F1, OVERALL, PRECISION, RECALL, ROC_AUC
from trainer.wording import chosen_percent, counted, ends, percent, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from trainer.metrics.classification import Metrics
    from trainer.metrics.flags import FlagFigures


def summary(metrics: Metrics, malignant: Collection[str] = ()) -> str:
    """Return a table for the terminal, at most 80 columns wide for class names of up to 7 letters.

    Args:
        metrics: to be described.
        malignant: classes to be marked with that word.
    """
    lines = [*_overall_lines(metrics), "", *_class_lines(metrics, malignant)]
    if metrics.notes:
        lines += ["", *metrics.notes]
    return plain("\n".join(line.rstrip() for line in lines))


def _overall_lines(metrics: Metrics) -> Iterator[str]:
    title = f"{counted(metrics.n, 'image', 'images')} in {counted(metrics.groups, 'group', 'groups')}"
    yield f"{title:<34}{'value':>8}  {_interval_heading(metrics)}"
    for metric in OVERALL:
        value = metric.figure(metric.value_in(metrics))
        yield f"{metric.title:<34}{value:>8}  {metric.ends(metrics.intervals.get(metric.key))}"


def _class_lines(metrics: Metrics, malignant: Collection[str]) -> Iterator[str]:
    width = max(5, *(len(name) for name in metrics.classes))
    yield (
        f"{'class':<{width}}  {RECALL.title:>8}  {_interval_heading(metrics):<14}  {PRECISION.title:>9}  "
        f"{F1.title:>8}  {'AUC':>5}  {'n':>6}"
    )
    for name, row in metrics.per_class.items():
        mark = "malignant" if name in malignant else ""
        yield (
            f"{name:<{width}}  {RECALL.figure(row.recall):>8}  {RECALL.ends(row.recall_interval):<14}  "
            f"{PRECISION.figure(row.precision):>9}  {F1.figure(row.f1):>8}  {ROC_AUC.figure(row.roc_auc):>5}  "
            f"{row.support:>6,}  {mark}"
        )


def _interval_heading(metrics: Metrics) -> str:
    return f"{chosen_percent(metrics.confidence)} interval" if metrics.intervals else ""


def flag_lines(flags: FlagFigures) -> list[str]:
    """Return how many images are flagged, over all and by class, a line each."""
    width = max(8, *(len(name) for name in flags.per_class))
    lines = ["Flagged: unlike the images this network learned from, or too poor to rely on an answer"]
    for name, share in {"all": flags.overall, **flags.per_class}.items():
        interval = "" if share.interval is None else ends(share.interval.low, share.interval.high)
        lines.append(
            f"{name:<{width}}  {percent(share.share):>8}  {interval:<11}  {share.flagged:>6,} of {share.n:,}"
        )
    return [plain(line.rstrip()) for line in lines]

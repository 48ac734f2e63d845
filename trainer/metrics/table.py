"""Metrics, flags, operating points and prediction sets as lines for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.metrics.catalogue import F1, OVERALL, PRECISION, RECALL, ROC_AUC
from trainer.predictions import MALIGNANT
from trainer.wording import all_but_one_of, chosen_percent, counted, ends, percent, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from trainer.metrics.classification import Metrics
    from trainer.metrics.conformal import SetFigures, SetsOfClass
    from trainer.metrics.counts import Count
    from trainer.metrics.flags import FlagFigures
    from trainer.metrics.operating import Consequences, OperatingPoint


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
    """Return for how many images the answer is not to be relied on, over all and by class, a line each."""
    width = max(8, *(len(name) for name in flags.per_class))
    lines = ["Not to be relied on: unlike the images this network learned from, or too poor"]
    for name, share in {"all": flags.overall, **flags.per_class}.items():
        interval = "" if share.interval is None else ends(share.interval.low, share.interval.high)
        lines.append(
            f"{name:<{width}}  {percent(share.share):>8}  {interval:<11}  {share.flagged:>6,} of {share.n:,}"
        )
    return [plain(line.rstrip()) for line in lines]


def point_line(point: OperatingPoint) -> str:
    """Say what is flagged: "malignant lesions from 8.0 % on, for 95 % sensitivity (chosen on 132 lesions)"."""
    return plain(
        f"{of_target(point.target.name)} from {percent(point.threshold)} on, for "
        f"{chosen_percent(point.sensitivity)} sensitivity (chosen on {counted(point.lesions, 'lesion', 'lesions')})"
    )


def of_target(name: str) -> str:
    """Return "malignant lesions", or "lesions of mel"."""
    return f"{name} lesions" if name == MALIGNANT else f"lesions of {name}"


def consequence_lines(name: str, found: Consequences) -> list[str]:
    """Return two lines: lesions of the target missed, others flagged.

    Args:
        name: of the target.
        found: what was counted.
    """
    rows = ((of_target(name), found.missed, "missed"), ("other lesions", found.flagged, "flagged"))
    width = max(len(title) for title, _count, _verb in rows)
    return [plain(f"  {title:<{width}}  {_with_verb(count, verb)}") for title, count, verb in rows]


def _with_verb(count: Count, verb: str) -> str:
    interval = count.interval
    share = "" if count.share is None else percent(count.share)
    if interval is not None:
        share = f"{share}, {ends(interval.low, interval.high)}"
    words = f"{count.count:,} of {count.of:,} {verb}"
    return f"{words} ({share})" if share else words


def set_lines(figures: SetFigures) -> list[str]:
    """Return a table of how prediction sets do on each class, and what they promise."""
    rows = {"all": figures.overall, **figures.per_class}
    width = max(len("class"), *(len(name) for name in rows))
    lines = [
        (
            f"Prediction sets, to contain the true class in {all_but_one_of(figures.coverage)} images of each class "
            "(n: images)"
        ),
        f"{'class':<{width}}  {'covered':>8}  {'95 % interval':<14}  {'classes':>7}  {'exactly one':>11}  {'n':>6}",
        *(_set_row(name, width, row) for name, row in rows.items()),
    ]
    if figures.always:
        behind = ", ".join(f"{name} ({figures.calibration_lesions[name]})" for name in figures.always)
        lines.append(
            f"In every set, and left out of “exactly one”, because of too few calibration lesions: {behind}."
        )
    return [plain(line.rstrip()) for line in lines]


def _set_row(name: str, width: int, row: SetsOfClass) -> str:
    interval = row.covered.interval
    between = "" if interval is None else ends(interval.low, interval.high)
    size = "–" if row.size is None else f"{row.size:.1f}"
    return (
        f"{name:<{width}}  {percent(row.covered.share):>8}  {between:<14}  {size:>7}  "
        f"{percent(row.informative.share):>11}  {row.covered.of:>6,}"
    )

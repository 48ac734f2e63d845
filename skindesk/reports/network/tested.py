"""What flags, operating point and prediction sets did on the test part, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skindesk.reports.words import tr
from trainer.dataset.classes.names import full_name
from trainer.metrics.catalogue import ACCURACY
from trainer.predictions import MALIGNANT
from trainer.wording import chosen_percent, n_of, percent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer.metrics.operating import PointOutcome
    from trainer.runs.reports import ScoredMetrics


def tested_sentences(metrics: ScoredMetrics) -> tuple[str, ...]:
    """Return what was counted beside the metrics; nothing for a report of an older version."""
    return tuple(_sentences(metrics))


def _sentences(metrics: ScoredMetrics) -> Iterable[str]:
    if metrics.operating_point is not None:
        yield _point_sentence(metrics.operating_point)
    if (sets := metrics.prediction_sets) is not None:
        yield tr(
            "Prediction sets are meant to contain the true class for {coverage} of the images of each class. Of the test "
            "images, they do so for {covered}; {informative} of the sets hold exactly one class."
        ).format(
            coverage=chosen_percent(sets.coverage),
            covered=sets.overall.covered.words,
            informative=percent(sets.overall.informative.share),
        )
    if metrics.flags is not None:
        overall = metrics.flags.overall
        yield tr(
            "Of the test images, {share} ({n}) are unlike the training images or too poor to rely on an answer."
        ).format(share=ACCURACY.with_interval(overall.share, overall.interval), n=n_of(overall.n))


def _point_sentence(outcome: PointOutcome) -> str:
    point, found = outcome.point, outcome.found
    return tr(
        "Operating point: {target} from {threshold} on, for {sensitivity} sensitivity. On the test part, {missed} such "
        "lesions were missed, and {flagged} other lesions were flagged."
    ).format(
        target=tr("malignant") if point.target.name == MALIGNANT else full_name(point.target.name),
        threshold=percent(point.threshold),
        sensitivity=chosen_percent(point.sensitivity),
        missed=found.missed.words,
        flagged=found.flagged.words,
    )

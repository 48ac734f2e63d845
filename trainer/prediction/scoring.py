"""The command `evaluate`: a bundle scored, counted, and reported as JSON, text and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from trainer import RESEARCH_ONLY
from trainer.errors import TrainerError
from trainer.events import Said, Warned, silent
from trainer.figures.evaluation import draw_evaluation
from trainer.files import explained
from trainer.metrics.conformal import COVERAGE
from trainer.metrics.table import consequence_lines, flag_lines, point_line, set_lines, summary
from trainer.prediction.evaluation import evaluate
from trainer.prediction.inference import Predictor
from trainer.runs.bundle import bundle_hash
from trainer.runs.bundle_classes import wrongly_marked_sentence
from trainer.runs.reports import PredictionTable, ScoredMetrics, begin_report, write_report, write_scored
from trainer.runs.scorings import count_scoring, scorings_of
from trainer.runs.subgroups import figures_by_fact

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.dataset.store import DatasetStore
    from trainer.events import Listener, StopRequest
    from trainer.prediction.evaluation import Evaluation


_CHOSEN_HERE = (
    "Validation images that were set aside are among these; the operating point was chosen and the sets were calibrated on "
    "them, so these figures are optimistic."
)


class Scoring(NamedTuple):
    """A scored bundle.

    Attributes:
        document: what is printed as JSON and kept in a report.
        text: the same for a terminal.
    """

    document: ScoredMetrics
    text: str


def score(
    bundle: Path,
    store: DatasetStore,
    part: str,
    *,
    coverage: float = COVERAGE,
    report: Path | None = None,
    listener: Listener = silent,
    stop: StopRequest | None = None,
) -> Scoring:
    """Score a bundle on a part of a dataset.

    Scoring the test part is counted in the dataset, by bundle (see `trainer.runs.scorings`).

    Args:
        bundle: folder.
        store: the dataset.
        part: `train`, `validation`, `test` or `all`.
        coverage: of the prediction sets, 0 to 1.
        report: folder for metrics.json, predictions.csv and pictures.
        listener: receives progress events.
        stop: checked between batches.

    Raises:
        TrainerError: any failure that a user can cause.
    """
    if report is not None:
        # Said before the long work, not after it.
        with explained(report):
            report.mkdir(parents=True, exist_ok=True)
    predictor = Predictor(bundle, coverage=coverage)
    manifest = predictor.manifest
    if sentence := wrongly_marked_sentence(bundle, manifest):
        listener(Warned(message=sentence))
    if part == "test" and store.split_settings is None:
        listener(Said(message=f"{store.path} is not split; all of it is scored."))
        part = "all"
    identity = bundle_hash(bundle)
    scorings = scorings_of(store, identity) + 1 if part in {"test", "all"} else None
    evaluation = evaluate(predictor, store, part, listener=listener, stop=stop)
    table = _table(evaluation)
    document = ScoredMetrics(
        **msgspec.structs.asdict(evaluation.metrics),
        split=part,
        bundle=identity,
        dataset_fingerprint=store.fingerprint(),
        prior=manifest.calibration.prior,
        decision_rule=manifest.calibration.decision_rule,
        test_scorings=scorings,
        operating_point=evaluation.measured.point,
        prediction_sets=evaluation.measured.sets,
        subgroups=figures_by_fact(table, store.frame(None if part == "all" else part), manifest.malignant),
        flags=evaluation.flags,
        external=evaluation.external,
    )
    if report is not None:
        _write_report(report, document, table, manifest.malignant)
        listener(Said(message=f"Plots and figures: {report}"))
    if scorings is not None:
        # Last: a dataset that another program is writing to must not cost hours of scoring.
        document = _counted(store, document, report, listener)
    return Scoring(document, _text(document, f"Part {part} of {store.path}", predictor))


def _text(document: ScoredMetrics, title: str, predictor: Predictor) -> str:
    """Return what was scored as lines for a terminal."""
    lines = [title, *(document.external.describe() if document.external is not None else ())]
    lines += [summary(document, predictor.manifest.malignant), ""]
    if document.flags is not None:
        lines += [*flag_lines(document.flags), ""]
    if (outcome := document.operating_point) is not None:
        lines += [f"Operating point: {point_line(outcome.point)}"]
        lines += [*consequence_lines(outcome.point.target.name, outcome.found), ""]
    if document.prediction_sets is not None:
        lines += [*set_lines(document.prediction_sets), ""]
    own_validation = document.split in {"validation", "all"} and document.external is None
    if own_validation and document.prediction_sets is not None:
        lines += [_CHOSEN_HERE, ""]
    if predictor.rules.note:
        lines += [predictor.rules.note, ""]
    if (scorings := document.test_scorings) is not None:
        times = "once" if scorings == 1 else f"{scorings} times"
        lines.append(f"This bundle has now been scored {times} on this dataset's test part.")
    return "\n".join([*lines, RESEARCH_ONLY])


def _counted(
    store: DatasetStore, document: ScoredMetrics, report: Path | None, listener: Listener
) -> ScoredMetrics:
    """Count a scoring in the dataset, and note its number if another one came before it meanwhile."""
    try:
        scorings = count_scoring(store, document.bundle)
    except TrainerError as error:
        listener(Warned(message=f"This scoring could not be counted in the dataset. {error}"))
        return document
    if scorings != document.test_scorings:
        document = msgspec.structs.replace(document, test_scorings=scorings)
        if report is not None:
            write_scored(report, document)
    return document


def _table(evaluation: Evaluation) -> PredictionTable:
    return PredictionTable(
        evaluation.metrics.classes,
        tuple(evaluation.sample_ids),
        np.asarray(evaluation.truth),
        np.asarray(evaluation.predicted),
        evaluation.probabilities,
    )


def _write_report(
    folder: Path, document: ScoredMetrics, table: PredictionTable, malignant: tuple[str, ...]
) -> None:
    begin_report(folder)
    with explained(folder):
        draw_evaluation(folder, table.truth, table.probabilities, document, malignant=malignant)
    write_report(folder, document, table)

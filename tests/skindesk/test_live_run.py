"""What a run has said so far, from its events alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skindesk.models.runs.live import LiveRun, StepSeries
from skindesk.models.runs.past import read_past
from skindesk.models.runs.progress import RunProgress
from tests.skindesk.made_events import HEAD_EPOCHS, MADE_CONFIG, STEPS, TUNE_EPOCHS, both_stages, stage
from trainer.events import (
    CostEstimated,
    EpochEnded,
    Failed,
    Finished,
    Progress,
    Said,
    StageEnded,
    StageStarted,
    StepDone,
    Stopped,
    silent,
)
from trainer.runs.folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trainer.events import AnyEvent


def finished() -> LiveRun:
    run = LiveRun("made", MADE_CONFIG)
    for event in both_stages():
        run.hear(event)
    return run


def test_epochs_go_on_across_stages() -> None:
    run = finished()
    x, y = run.series("validation", "macro_recall")
    assert x.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert y[3] == 0.51
    assert [(mark.x, mark.stage) for mark in run.stages] == [(0.0, "head"), (3.0, "fine-tune")]
    assert run.best is not None
    assert run.best.x == 5
    assert run.length == HEAD_EPOCHS + TUNE_EPOCHS
    assert (run.stage_number, run.epoch) == (2, TUNE_EPOCHS)


def test_steps_lie_between_the_epochs() -> None:
    run = finished()
    assert len(run.steps) == STEPS * (HEAD_EPOCHS + TUNE_EPOCHS)
    assert np.all(np.diff(run.steps.x) > 0)
    assert run.steps.x[0] == 0.1
    assert run.steps.x[-1] == 7.0


def test_a_class_that_was_not_measured_has_no_curve() -> None:
    x, y = finished().series("train", "recall_df")
    assert (len(x), len(y)) == (0, 0)


def test_a_place_is_named_by_its_stage() -> None:
    run = finished()
    assert run.place_in_words(3.0) == ("head", 3)
    assert run.place_in_words(3.1) == ("fine-tune", 1)
    assert run.place_in_words(7.0) == ("fine-tune", 4)


def test_going_on_from_a_checkpoint_forgets_what_came_after_it() -> None:
    run = finished()
    for event in stage("fine-tune", TUNE_EPOCHS, first=2, best=3):
        run.hear(event)
    assert run.series("train", "loss")[0].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert len(run.steps) == STEPS * (HEAD_EPOCHS + TUNE_EPOCHS)
    assert run.best is not None
    assert run.best.x == 6


def head_steps(epoch: int, first: int, last: int, loss: float) -> Iterator[StepDone]:
    for number in range(first, last + 1):
        yield StepDone("head", epoch, number, STEPS, loss, 0.5, 1e-3, 40.0, 9.0)


def interrupted_and_gone_on() -> Iterator[AnyEvent]:
    """A run that was killed at step 7 of its second epoch and went on from a checkpoint after step 4."""
    yield from list(stage("head", HEAD_EPOCHS, best=1))[: 1 + STEPS + 1]
    yield from head_steps(2, 1, 7, loss=1.0)
    yield Said("Going on from checkpoint-000014.")
    yield StageStarted("head", 1, HEAD_EPOCHS, STEPS, 1000, step=4)
    yield from head_steps(2, 5, 9, loss=2.0)


def test_steps_before_the_checkpoint_stay_and_later_ones_are_not_drawn_twice() -> None:
    run = LiveRun("made", MADE_CONFIG)
    for event in interrupted_and_gone_on():
        run.hear(event)
        if isinstance(event, StageStarted) and event.step:
            assert run.steps.x[-1] == 1.4
    assert np.allclose(run.steps.x, np.arange(1, 20) / 10)
    losses = run.steps.values("loss")
    assert losses is not None
    assert losses[STEPS:].tolist() == [1.0] * 4 + [2.0] * 5


def test_what_a_run_said_is_read_back_from_its_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    told = LiveRun("made", MADE_CONFIG)
    with folder.recorded(silent) as record:
        for event in interrupted_and_gone_on():
            told.hear(event)
            record(event)
        record(Progress("Validation", 1, 2))
        record(Stopped("Stopped."))
    end = folder.events_file.stat().st_size
    with folder.recorded(silent) as record:
        record(Said("Of the time after."))
    run = LiveRun("made", MADE_CONFIG)
    run.recall_history([point.ended for point in told.epochs])
    run.recall_past(read_past(tmp_path, MADE_CONFIG, end))
    assert run.steps.x.tolist() == told.steps.x.tolist()
    assert [entry.event for entry in run.log] == [*(entry.event for entry in told.log), Stopped("Stopped.")]
    assert all(entry.at > 0 for entry in run.log)
    assert run.outcome is None, "it goes on"
    for event in (StageStarted("head", 1, HEAD_EPOCHS, STEPS, 1000, step=6), *head_steps(2, 7, 7, 3.0)):
        run.hear(event)
    losses = run.steps.values("loss")
    assert losses is not None
    assert losses[STEPS:].tolist() == [1.0] * 4 + [2.0] * 2 + [3.0]
    assert run.series("train", "loss")[0].tolist() == [1]


def test_a_folder_without_events_has_no_past(tmp_path: Path) -> None:
    run = LiveRun("made", MADE_CONFIG)
    run.recall_past(read_past(tmp_path / "nothing", MADE_CONFIG, 0))
    assert (len(run.steps), run.logged) == (0, 0)


def test_a_run_of_an_earlier_day_brings_its_history() -> None:
    history = [event for event in both_stages() if isinstance(event, EpochEnded)][:5]
    run = LiveRun("made", MADE_CONFIG)
    run.recall_history(history)
    run.hear(StageStarted("fine-tune", 2, TUNE_EPOCHS, STEPS, 1000))
    assert run.series("train", "loss")[0].tolist() == [1, 2, 3, 4, 5]
    assert run.stages[-1].x == 3
    assert run.epoch == 3


def whole_run() -> Iterator[AnyEvent]:
    """A run as it speaks: cost, features, a head that stops early, fine-tuning with validation, the reference."""
    yield CostEstimated(100, 25, 1000, 60.0, 0)
    yield from (Progress("Features", done, 500, "images") for done in range(100, 501, 100))
    yield from (Progress("Features of validation", done, 20, "images") for done in (10, 20))
    yield from list(stage("head", HEAD_EPOCHS))[: 2 * (STEPS + 1) + 1]
    yield StageEnded("head", "no improvement for 1 epochs")
    for event in stage("fine-tune", TUNE_EPOCHS, best=1):
        if isinstance(event, EpochEnded):
            yield Progress("Validation", 25, 25, "images")
        yield event
    yield Progress("Reference images", 5, 5, "images")


def test_progress_never_runs_backwards_and_ends_at_the_end_alone() -> None:
    run, strip = LiveRun("made", MADE_CONFIG), RunProgress(MADE_CONFIG)
    shares = []
    for event in whole_run():
        run.hear(event)
        strip.hear(event)
        assert strip.share == run.share_done
        shares.append(run.share_done)
    assert shares == sorted(shares)
    assert 0.1 < shares[5] < 0.5, "features are a good part of the work"
    assert 0.8 < shares[-1] < 1.0
    run.hear(Finished("bundle", "Done."))
    assert run.share_done == 1.0


def test_progress_ends_where_training_begins() -> None:
    run = LiveRun("made", MADE_CONFIG)
    run.hear(Progress("Features", 3, 10, "images"))
    assert run.progress is not None
    for event in stage("head", 1):
        run.hear(event)
    assert run.progress is None


def test_an_end_is_kept() -> None:
    run = finished()
    run.hear(Failed("The disk is full."))
    assert run.outcome == Failed("The disk is full.")
    assert run.log[-1].event == Failed("The disk is full.")


def test_the_log_is_bounded_and_says_how_much_there_was() -> None:
    run = LiveRun("made", MADE_CONFIG)
    for number in range(6_000):
        run.hear(Said(str(number)))
    assert len(run.log) == 5_000
    assert run.logged == 6_000
    assert run.log[-1].event == Said("5999")


def test_steps_of_days_stay_in_bounded_memory() -> None:
    series = StepSeries(capacity=64)
    for number in range(1, 1001):
        series.append(number / 10, 1.0 / number, 0.5)
    assert len(series) <= 64
    losses = series.values("loss")
    assert losses is not None
    assert np.all(np.diff(series.x) > 0)
    assert series.x[-1] == 100.0
    # Neighbours were averaged: the first point stands for many steps.
    assert losses[0] < 1.0

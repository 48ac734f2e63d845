"""Runs of the training page with the real engine and the internal tiny backbone."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from skindesk.engine.handles import JobState
from skindesk.models.devices import DevicesModel
from skindesk.pages.training import TrainingPage
from tests.small import TINY_RUN
from trainer.config import FineTuneStage, HeadStage
from trainer.events import EpochEnded, StepDone, Stopped
from trainer.protocol.scoring import RunEstimated
from trainer.protocol.training import RunFinished, TrainNetwork
from trainer.runs.folder import RunFolder
from trainer.runs.naming import read_name
from trainer.wording import n_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from skindesk.engine.engines import Engines
    from skindesk.engine.handles import JobHandle
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from skindesk.settings import Settings
    from trainer.config import RunConfig

LONG = 180_000  # milliseconds; a child that loads TensorFlow on a busy machine

LONG_RUN = msgspec.structs.replace(
    TINY_RUN,
    head_stage=HeadStage(epochs=3, batch_size=16, views=2, learning_rate=1e-2),
    fine_tune_stage=FineTuneStage(epochs=300, batch_size=8, learning_rate=3e-3, average=0.9),
)
"""Long enough to be stopped on the way, on any machine."""


@pytest.fixture
def make_page(
    qtbot: QtBot,
    engines: Engines,
    workspace: Workspace,
    settings: Settings,
    paths: Paths,
    small_dataset: Path,
) -> Callable[[], TrainingPage]:
    """Make a page with a dataset to train on, as a window does at each start."""
    workspace.set_dataset(small_dataset)

    def make() -> TrainingPage:
        devices = DevicesModel(engines.library)
        page = TrainingPage(engines.training, engines.scoring, workspace, devices, settings, paths)
        page.setFixedSize(1180, 800)
        page.setup.estimate.hide()  # shown, it would load TensorFlow once more between two runs
        qtbot.addWidget(page)
        page.show()
        qtbot.waitUntil(lambda: page.setup.can_start)
        return page

    return make


def heard_by(handle: JobHandle) -> list[object]:
    heard: list[object] = []
    handle.heard.connect(heard.append)
    return heard


def folder_of(handle: JobHandle) -> Path:
    assert isinstance(handle.job, TrainNetwork)
    return Path(handle.job.folder)


def start(page: TrainingPage, config: RunConfig, dataset: Path, title: str) -> JobHandle:
    """Start as the button does, but with a backbone that no form offers."""
    return page.start_run(config, dataset, title)


def test_a_run_is_followed_to_its_end(
    make_page: Callable[[], TrainingPage], small_dataset: Path, workspace: Workspace, qtbot: QtBot
) -> None:
    page = make_page()
    said: list[str] = []
    workspace.notified.connect(said.append)
    changed: list[bool] = []
    workspace.runs_changed.connect(lambda: changed.append(True))
    handle = start(page, TINY_RUN, small_dataset, "Tiny: both/stages")
    events = heard_by(handle)
    assert page.setup.start_button.text() == "Add to queue"
    qtbot.waitUntil(lambda: len(page.panel.charts.loss.points("train")[0]) > 0, timeout=LONG)
    assert page.setup.stop_button.isEnabled()
    qtbot.waitUntil(lambda: handle.state.ended, timeout=LONG)
    assert handle.outcome is not None
    assert isinstance(handle.outcome.result, RunFinished), handle.outcome
    ended = [event for event in events if isinstance(event, EpochEnded)]
    qtbot.waitUntil(lambda: len(page.panel.charts.loss.points("train")[0]) == len(ended) == 6)
    assert page.panel.charts.loss.points("validation")[1].tolist() == [e.validation.loss for e in ended]
    assert page.panel.charts.accuracy.points("train")[1].tolist() == [e.train.accuracy for e in ended]
    best = max(place for place, event in enumerate(ended, start=1) if event.best)
    assert page.panel.charts.loss.marks.best is not None
    assert page.panel.charts.loss.marks.best.x == best
    assert [mark.x for mark in page.panel.charts.loss.marks.stages] == [3.0]
    assert {row[2] for row in page.panel.charts.bars.rows()} == {
        n_of(n) for n in ended[-1].validation.support.values()
    }
    qtbot.waitUntil(lambda: "Finished." in page.panel.log.toPlainText())
    assert said[-1].startswith("Tiny: both/stages is trained: balanced accuracy ")
    assert changed
    assert read_name(folder_of(handle)) == "Tiny: both/stages", "its folder cannot be called so"
    asked: list[str] = []
    workspace.go_to.connect(asked.append)
    page.notice.acted.emit()
    assert asked == ["results"]


def test_a_stopped_run_goes_on_here_and_after_a_restart(
    make_page: Callable[[], TrainingPage], small_dataset: Path, qtbot: QtBot
) -> None:
    page = make_page()
    first = start(page, LONG_RUN, small_dataset, "Long")
    events = heard_by(first)
    qtbot.waitUntil(lambda: sum(isinstance(e, EpochEnded) for e in events) >= 4, timeout=LONG)
    page.stop()
    assert page.setup.stop_button.text() == "Stopping…"
    qtbot.waitUntil(lambda: first.state.ended, timeout=LONG)
    assert first.state is JobState.CANCELLED
    assert page.notice.text == "Long was stopped. Its progress is saved."
    assert any(isinstance(event, Stopped) for event in events)
    done = len(page.panel.run.epochs) if page.panel.run is not None else 0

    page.resume()
    # The child of the first run may still be leaving.
    qtbot.waitUntil(lambda: page._training.current is not None, timeout=LONG)
    second = page._training.current
    assert second is not None
    assert folder_of(second) == folder_of(first)
    events = heard_by(second)
    qtbot.waitUntil(lambda: sum(isinstance(e, EpochEnded) for e in events) >= 2, timeout=LONG)
    assert page.panel.run is not None
    xs = page.panel.run.series("train", "loss")[0].tolist()
    assert xs == list(range(1, len(xs) + 1)), "no epoch is lost or shown twice"
    assert len(xs) > done
    page.stop()
    qtbot.waitUntil(lambda: second.state.ended, timeout=LONG)

    done = len(page.panel.run.epochs)
    later = make_page()
    qtbot.waitUntil(lambda: len(later.unfinished.runs) == 1)
    found = later.unfinished.runs[0]
    assert (found.name, len(found.history), found.planned_epochs) == ("Long", done, 303)
    third = later.resume_unfinished(found)
    assert third is not None
    assert later.unfinished.runs == []
    events = heard_by(third)
    qtbot.waitUntil(lambda: any(isinstance(e, EpochEnded) for e in events), timeout=LONG)
    assert later.panel.run is not None
    xs = later.panel.run.series("train", "loss")[0].tolist()
    assert xs == list(range(1, len(xs) + 1))
    assert len(xs) > done
    gaps = np.diff(later.panel.run.steps.x, prepend=0.0)
    assert gaps.min() > 0, "no step is shown twice"
    assert gaps.max() < 1 + 1e-6, "nor is any epoch without its steps"
    qtbot.waitUntil(lambda: later.panel.log.toPlainText().count("resumes after epoch") == 2)
    third.stop()
    qtbot.waitUntil(lambda: third.state.ended, timeout=LONG)


def test_a_killed_child_is_said_in_words_and_the_run_goes_on(
    make_page: Callable[[], TrainingPage], small_dataset: Path, qtbot: QtBot, engines: Engines
) -> None:
    page = make_page()
    handle = start(page, LONG_RUN, small_dataset, "Killed")
    events = heard_by(handle)
    qtbot.waitUntil(lambda: any(isinstance(e, StepDone) for e in events), timeout=LONG)
    assert engines.training.child_pid is not None
    os.kill(engines.training.child_pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: handle.state.ended, timeout=LONG)
    assert handle.state is JobState.FAILED
    assert page.notice.text.startswith("Killed failed. ")
    assert not page.notice.isHidden()
    qtbot.waitUntil(lambda: "Error: " in page.panel.log.toPlainText())
    assert RunFolder(folder_of(handle)).begun
    page.notice.acted.emit()
    again = page._training.current
    assert again is not None
    events = heard_by(again)
    qtbot.waitUntil(lambda: any(isinstance(e, StepDone) for e in events), timeout=LONG)
    again.stop()
    qtbot.waitUntil(lambda: again.state.ended, timeout=LONG)


def test_an_estimate_and_a_preview_come_from_the_engine(
    make_page: Callable[[], TrainingPage], qtbot: QtBot
) -> None:
    page = make_page()
    setup = page.setup
    setup.set_config(TINY_RUN)
    setup.estimate.show()
    words = "48 training images, 18 steps; the time is being estimated…"
    assert setup.estimate.label.text() == words
    setup.form.unfold("augmentation")
    with qtbot.waitSignal(setup.preview.shown, timeout=LONG):
        pass
    assert len(setup.preview.pictures) == 5
    sliders = setup.form.editor("augmentation.rotation")
    with qtbot.waitSignal(setup.preview.shown, timeout=LONG):
        sliders.show_value(90.0)
        sliders.edited.emit()
    assert setup.form.config.augmentation.rotation == 90.0
    words = "48 training images, 18 steps, about "
    # The settings have changed since the first estimate was asked for; the one for them may come second.
    qtbot.waitUntil(lambda: setup.estimate.label.text().startswith(words), timeout=LONG)
    assert isinstance(setup.estimate._result, RunEstimated)
    assert " of disk." in setup.estimate.label.text()
    assert "Training on the CPU" in setup.estimate.label.toolTip()
    setup.estimate._on_free(1000)
    assert setup.notice.text.startswith("Only 1000\u00a0B free in the folder for runs; this run may need ")
    setup.estimate._on_free(1 << 60)
    assert setup.notice.text == ""

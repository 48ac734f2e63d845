"""Queues and their children, with jobs that need TensorFlow: training, stop, resume, death, diagnosis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest
from pytestqt.qtbot import QtBot

from skindesk.engine import Engines, JobHandle, JobState, Outcome
from skindesk.paths import Paths
from tests.small import TINY_RUN
from trainer.config import Augmentation, RunConfig
from trainer.events import (
    AnyEvent,
    CheckpointSaved,
    EpochEnded,
    Finished,
    StageStarted,
    StepDone,
    Stopped,
    decode_event,
)
from trainer.images.framing import ImageView
from trainer.protocol.diagnosis import PredictImages, Predictions
from trainer.protocol.lines import Ask, Beat, encode_line
from trainer.protocol.scoring import EstimateRun, Pictures, PreviewAugmentation, RunEstimated
from trainer.protocol.training import RunFinished, TrainNetwork
from trainer.runs.checkpoint import CheckpointStore

MS = 300_000

LONG_RUN = msgspec.structs.replace(
    TINY_RUN,
    head_stage=msgspec.structs.replace(TINY_RUN.head_stage, epochs=12),
    fine_tune_stage=msgspec.structs.replace(TINY_RUN.fine_tune_stage, epochs=3),
)


def events_of(handle: JobHandle) -> list[AnyEvent]:
    """Return a list that grows as the job speaks."""
    events: list[AnyEvent] = []
    handle.heard.connect(events.append)
    return events


def wait_for(qtbot: QtBot, events: list[AnyEvent], kind: type[AnyEvent]) -> None:
    qtbot.waitUntil(lambda: any(isinstance(event, kind) for event in events), timeout=MS)


def wait_ended(qtbot: QtBot, handle: JobHandle) -> Outcome:
    qtbot.waitUntil(lambda: handle.outcome is not None, timeout=MS)
    assert handle.outcome is not None
    return handle.outcome


def job(
    dataset: Path, folder: Path, paths: Paths, config: RunConfig = LONG_RUN, *, resume: bool = False
) -> TrainNetwork:
    return TrainNetwork(
        dataset=str(dataset),
        folder=str(folder),
        config=config,
        cache_folder=str(paths.features),
        resume=resume,
    )


def test_a_run_is_killed_resumed_stopped_and_finished(
    engines: Engines, small_dataset: Path, paths: Paths, qtbot: QtBot
) -> None:
    training = engines.training
    silences: list[bool] = []
    beats: list[Beat] = []
    training.unresponsive.connect(silences.append)
    training.beat.connect(beats.append)
    folder = paths.runs / "a run"

    # Killed in the middle of its steps.
    handle = training.submit(job(small_dataset, folder, paths), "Train")
    events = events_of(handle)
    wait_for(qtbot, events, EpochEnded)
    pid = training.child_pid
    assert pid is not None
    assert psutil.Process(pid).nice() == 10
    assert any(beat.loading for beat in beats)
    assert not beats[-1].loading
    assert beats[-1].memory_bytes > 100 << 20
    os.kill(pid, signal.SIGKILL)
    outcome = wait_ended(qtbot, handle)
    assert outcome.state is JobState.FAILED
    assert "SIGKILL" in outcome.message
    assert "press Resume" in outcome.message

    # Resumed, with another device wish and other settings that do not count; then stopped.
    other = msgspec.structs.replace(LONG_RUN, device="auto", seed=7)
    handle = training.submit(job(small_dataset, folder, paths, other, resume=True), "Resume")
    events = events_of(handle)
    wait_for(qtbot, events, StepDone)
    started = next(event for event in events if isinstance(event, StageStarted))
    assert started.epoch >= 1
    handle.stop()
    outcome = wait_ended(qtbot, handle)
    assert outcome.state is JobState.CANCELLED
    assert "saved" in outcome.message
    assert isinstance(events[-1], Stopped)
    assert any(isinstance(event, CheckpointSaved) for event in events)
    pid = training.child_pid
    qtbot.waitUntil(lambda: training.child_pid is None, timeout=MS)
    assert pid is None or not psutil.pid_exists(pid)

    # Resumed to its end.
    handle = training.submit(job(small_dataset, folder, paths, other, resume=True), "Resume")
    events = events_of(handle)
    outcome = wait_ended(qtbot, handle)
    assert outcome.state is JobState.DONE, outcome
    assert outcome.result == RunFinished(bundle=str(folder / "bundle"))
    assert isinstance(events[-1], Finished)
    epochs = [(event.stage, event.epoch) for event in events if isinstance(event, EpochEnded)]
    assert epochs == sorted(epochs, key=lambda pair: (pair[0] != "head", pair[1]))
    assert epochs[-1] == ("fine-tune", 3)
    kept = [decode_event(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    told = {(event.stage, event.epoch) for event in kept if isinstance(event, EpochEnded)}
    assert told == {("head", n) for n in range(1, 13)} | {("fine-tune", n) for n in range(1, 4)}
    assert silences == []


PARENT = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from skindesk.engine import Engines
from skindesk.paths import Paths
from skindesk.settings import Settings
from trainer.protocol.lines import decode_request
application = QCoreApplication([])
paths = Paths.standard()
engines = Engines(paths, Settings(paths.settings_file))
handle = engines.training.submit(decode_request(sys.argv[1].encode()).job, "Train")
handle.heard.connect(lambda event: print(type(event).__name__, engines.training.child_pid, flush=True))
application.exec()
"""


def test_a_child_saves_and_leaves_when_its_window_is_killed(
    small_dataset: Path, paths: Paths, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    ask = encode_line(Ask(id=1, job=job(small_dataset, folder, paths))).decode()
    pid = 0
    with subprocess.Popen([sys.executable, "-c", PARENT, ask], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        for line in parent.stdout:
            event, child = line.split()
            if event == "StepDone":
                pid = int(child)
                break
        engine = psutil.Process(pid)
        parent.kill()
    engine.wait(timeout=120)
    assert CheckpointStore(folder / "checkpoints").load_latest() is not None
    last = (folder / "events.jsonl").read_text().splitlines()[-1]
    assert isinstance(decode_event(last), Stopped)


def test_diagnosis_is_warm_and_answers_in_the_order_asked(
    engines: Engines,
    tiny_run: Path,
    small_folder: Path,
    small_dataset: Path,
    paths: Paths,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    diagnosis = engines.diagnosis
    added: list[JobHandle] = []
    engines.job_added.connect(added.append)
    bundle = str(tiny_run / "bundle")
    diagnosis.warm_up()
    diagnosis.warm_up(bundle)
    assert diagnosis.jobs == ()
    assert diagnosis.current is None
    images = [str(path) for path in sorted((small_folder / "images").iterdir())[:3]]
    text = tmp_path / "text.jpg"
    text.write_text("not a picture")
    views = (
        ImageView(path=images[0]),
        ImageView(path=str(text)),
        ImageView(path=images[1], rotation=30.0, crop=(0.1, 0.1, 0.7, 0.8)),
        ImageView(path=images[2], rotation=-90.0),
    )
    handle = diagnosis.submit(PredictImages(bundle=bundle, images=views, together=True), "Predict")
    assert diagnosis.jobs == (handle,)
    assert added == [handle]
    outcome = wait_ended(qtbot, handle)
    answer = outcome.result
    assert isinstance(answer, Predictions)
    assert [prediction.path for prediction in answer.images] == [view.path for view in views]
    assert "text.jpg" in answer.images[1].error
    for prediction in (answer.images[0], answer.images[2], answer.images[3], answer.together):
        assert prediction is not None
        assert sum(prediction.probabilities.values()) == pytest.approx(1)
        assert prediction.predicted in {"bkl", "mel", "nv"}
        assert prediction.error == ""
    assert answer.together is not None
    assert "1 of 4 images is left out" in answer.together.warnings[0]
    assert len(answer.bundle_hash) == 12
    assert answer.prior.startswith("The probabilities assume")

    # A bundle that is not there is a sentence, and the child goes on.
    gone = diagnosis.submit(PredictImages(bundle=str(tiny_run), images=views), "Predict")
    outcome = wait_ended(qtbot, gone)
    assert outcome.state is JobState.FAILED
    assert "bundle" in outcome.message

    # The same child does the jobs of the scoring queue here, which spares a start of TensorFlow.
    preview = PreviewAugmentation(image=images[0], size=1024, count=8, augmentation=Augmentation())
    outcome = wait_ended(qtbot, diagnosis.submit(preview, "Preview"))
    assert isinstance(outcome.result, Pictures)
    assert len(set(outcome.result.png)) == 8
    assert sum(len(png) for png in outcome.result.png) > 1 << 20  # many times what a pipe holds
    estimate = EstimateRun(dataset=str(small_dataset), config=LONG_RUN, cache_folder=str(paths.features))
    outcome = wait_ended(qtbot, diagnosis.submit(estimate, "Estimate"))
    assert isinstance(outcome.result, RunEstimated)
    assert outcome.result.cost.steps == (12 + 3) * 3
    assert outcome.result.cost.seconds > 0
    assert "CPU" in outcome.result.device

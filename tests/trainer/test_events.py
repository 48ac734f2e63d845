"""Events: one line each, and back; and how long work is stopped."""

from __future__ import annotations

import json
import signal
import threading
from typing import get_args

import pytest

from trainer.errors import ConfigError, StoppedError
from trainer.events import (
    AnyEvent,
    CheckpointSaved,
    CostEstimated,
    EpochEnded,
    Failed,
    Finished,
    PartMetrics,
    Progress,
    Said,
    StageEnded,
    StageStarted,
    StepDone,
    Stopped,
    StopRequest,
    Warned,
    decode_event,
    encode_event,
    silent,
)

METRICS = PartMetrics(loss=0.1 + 0.2, accuracy=1 / 3, macro_recall=0.5, recall={"mel": 0.25, "nv": 1e-300})
EVENTS: list[AnyEvent] = [
    Progress(task="Checking images", done=3, total=0, unit="images"),
    Said(message="two\nlines and a 'quote\""),
    Warned(message="Läsion \u2028"),
    CostEstimated(training_images=10, validation_images=2, steps=5, seconds=1.5, disk_bytes=1 << 40),
    StageStarted(stage="head", epoch=0, epochs=3, steps_per_epoch=7, trainable_parameters=1_000_000_007),
    StepDone(
        stage="head",
        epoch=1,
        step=2,
        steps=7,
        loss=0.7,
        accuracy=0.5,
        learning_rate=1e-3,
        images_per_second=12.5,
        seconds_left=60.0,
    ),
    EpochEnded(
        stage="fine-tune",
        epoch=2,
        train=METRICS,
        validation=METRICS,
        learning_rate=1e-5,
        seconds=3.0,
        best=True,
    ),
    StageEnded(stage="head", reason="no improvement for 8 epochs"),
    CheckpointSaved(path="/runs/a/checkpoints/checkpoint-000001"),
    Finished(result="/runs/a/bundle", summary="Done."),
    Failed(message="Cannot write."),
    Stopped(message="Stopped."),
]


def test_every_kind_of_event_is_tried_here() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(AnyEvent))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_one_line_and_comes_back_exactly(event: AnyEvent) -> None:
    line = encode_event(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_event(line) == event
    assert decode_event(line.decode()) == event
    assert json.loads(line)["event"] == type(event).__name__


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"Epoch 1/3", b'{"event": "Exploded"}', b'{"event": "Said"}', b"[1]", b"\xff"]
)
def test_what_is_no_event_is_refused_in_words(line: bytes) -> None:
    with pytest.raises(ConfigError, match=r"^Not an event: "):
        decode_event(line)


def test_fields_of_a_later_version_are_passed_over() -> None:
    assert decode_event(b'{"event": "Said", "message": "Hello", "colour": "red"}') == Said(message="Hello")


def test_events_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Said(message="Hello").message = "Bye"  # type: ignore[misc]


def test_a_silent_listener_takes_every_event_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for event in EVENTS:
        silent(event)
    assert capfd.readouterr() == ("", "")


def test_work_is_stopped_when_someone_asks() -> None:
    stop = StopRequest()
    stop.raise_if_asked()
    assert not stop.asked
    stop.ask()
    assert stop.asked
    with pytest.raises(StoppedError, match="Stopped on request; the progress so far is kept"):
        stop.raise_if_asked()


def test_a_request_from_another_thread_or_a_signal_is_seen() -> None:
    stop = StopRequest()
    thread = threading.Thread(target=stop.ask)
    thread.start()
    thread.join()
    assert stop.asked

    stop = StopRequest()
    previous = signal.signal(signal.SIGUSR1, lambda *_: stop.ask())
    try:
        signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert stop.asked

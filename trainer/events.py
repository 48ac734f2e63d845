"""Events that long work sends while it runs: frozen, one JSON line each.

Work receives a `Listener` and calls it; a listener prints, collects, or writes to a pipe. Work checks a
`StopRequest` between its steps and ends with `StoppedError` when a stop was requested.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from trainer.config import StageName
from trainer.errors import ConfigError, StoppedError
from trainer.stored import UnreadableError, decoded


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """Base of all events."""


class Progress(Event, frozen=True):
    """Some of a countable piece of work is done.

    Attributes:
        task: what is being done, in a few words ("Checking images").
        done, total: in `unit`; `total` is 0 where it is not known.
        unit: "images", "bytes", ...
    """

    task: str
    done: int
    total: int
    unit: str = ""


class Said(Event, frozen=True):
    """A sentence worth reading, for the log."""

    message: str


class Warned(Event, frozen=True):
    """A sentence about something the user should know."""

    message: str


class CostEstimated(Event, frozen=True):
    """Estimated cost of a run, before it starts.

    Attributes:
        training_images, validation_images: number of images.
        steps: optimizer steps over all stages.
        seconds: estimated time.
        disk_bytes: largest disk use expected.
    """

    training_images: int
    validation_images: int
    steps: int
    seconds: float
    disk_bytes: int


class StageStarted(Event, frozen=True):
    """A stage starts (or continues, when `epoch` is not 0).

    Attributes:
        stage: `head` or `fine-tune`.
        epoch: epochs of the stage already done.
        epochs: epochs the stage has at most.
        steps_per_epoch: optimizer steps in one epoch.
        trainable_parameters: number of numbers that are trained.
        step: steps already done of the epoch that continues.
    """

    stage: StageName
    epoch: int
    epochs: int
    steps_per_epoch: int
    trainable_parameters: int
    step: int = 0


class StepDone(Event, frozen=True):
    """One optimizer step (sent at most a few times a second).

    Attributes:
        stage: name of the stage.
        epoch: counted from 1.
        step: within the epoch, counted from 1.
        steps: in the epoch.
        loss: of the step.
        accuracy: of the step, 0 to 1.
        learning_rate: of the step.
        images_per_second: since the epoch began or went on.
        seconds_left: in the stage, estimated.
    """

    stage: StageName
    epoch: int
    step: int
    steps: int
    loss: float
    accuracy: float
    learning_rate: float
    images_per_second: float
    seconds_left: float


class PartMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics of one part (train or validation) over one epoch.

    Attributes:
        loss: mean cross-entropy or whatever the loss is.
        accuracy: 0 to 1.
        macro_recall: mean recall over the classes present, 0 to 1.
        recall: by class, 0 to 1; NaN is never stored: a class that is absent is left out.
        support: images by class that `recall` was counted on; empty in histories of older versions.
    """

    loss: float
    accuracy: float
    macro_recall: float
    recall: dict[str, float]
    support: dict[str, int] = {}


class EpochEnded(Event, frozen=True):
    """An epoch is over and has been validated.

    Attributes:
        stage: name of the stage.
        epoch: counted from 1 within the stage.
        train, validation: metrics.
        learning_rate: at the end of the epoch.
        seconds: the epoch took.
        best: whether it is the best epoch so far, over all stages.
    """

    stage: StageName
    epoch: int
    train: PartMetrics
    validation: PartMetrics
    learning_rate: float
    seconds: float
    best: bool


class StageEnded(Event, frozen=True):
    """A stage is over.

    Attributes:
        stage: name of the stage.
        reason: a phrase ("all epochs done", "no improvement for 8 epochs").
    """

    stage: StageName
    reason: str


class CheckpointSaved(Event, frozen=True):
    """A checkpoint is on the disk."""

    path: str


class Finished(Event, frozen=True):
    """The work is done; `result` is a folder or file, `summary` a sentence."""

    result: str
    summary: str


class Failed(Event, frozen=True):
    """The work ended with an error that `message` explains."""

    message: str


class Stopped(Event, frozen=True):
    """The work ended because a stop was requested; `message` says how to continue."""

    message: str


AnyEvent: TypeAlias = (
    Progress
    | Said
    | Warned
    | CostEstimated
    | StageStarted
    | StepDone
    | EpochEnded
    | StageEnded
    | CheckpointSaved
    | Finished
    | Failed
    | Stopped
)
Listener: TypeAlias = Callable[[AnyEvent], None]


def silent(_event: AnyEvent) -> None:
    """Ignore an event."""


class _Moment(msgspec.Struct):
    at: float | None = None


_EVENT: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_MOMENT = msgspec.json.Decoder(_Moment)


def encode_event(event: AnyEvent, at: float | None = None) -> bytes:
    """Return an event as one line of JSON, newline included.

    Args:
        event: the event.
        at: when, seconds since 1970; left out if not given.
    """
    line = event if at is None else {**msgspec.to_builtins(event), "at": at}
    return msgspec.json.encode(line) + b"\n"


def decode_event(line: bytes | str) -> AnyEvent:
    """Read an event from one line of JSON.

    Raises:
        ConfigError: the line is no event.
    """
    try:
        return decoded(line.encode() if isinstance(line, str) else line, _EVENT.decode)
    except UnreadableError as error:
        raise ConfigError(f"Not an event: {error}.") from error


def moment_of(line: bytes) -> float | None:
    """Return when the event of a line was sent, seconds since 1970; `None` where that was not recorded.

    Raises:
        ConfigError: the line is no event.
    """
    try:
        return decoded(line, _MOMENT.decode).at
    except UnreadableError as error:
        raise ConfigError(f"Not an event: {error}.") from error


class StopRequest:
    """A flag that one thread sets and long work checks between its steps."""

    def __init__(self) -> None:
        self._flag = threading.Event()

    def ask(self) -> None:
        """Ask the work to stop; safe from any thread and from a signal handler."""
        self._flag.set()

    @property
    def asked(self) -> bool:
        """Whether a stop was requested."""
        return self._flag.is_set()

    def raise_if_asked(self) -> None:
        """Raise `StoppedError` if a stop was requested."""
        if self.asked:
            raise StoppedError("Stopped on request; the progress so far is kept.")

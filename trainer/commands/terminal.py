"""What the command line shows of events: lines on stderr for a person, or JSON lines on stdout for a program."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

from trainer.dataset.classes.malignancy import mixed, mixed_note
from trainer.events import (
    CheckpointSaved,
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
    Warned,
    encode_event,
)
from trainer.files import explain
from trainer.metrics.catalogue import BALANCED_ACCURACY
from trainer.sentences import shortened, visible
from trainer.wording import duration, file_size, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.dataset.classes.marking import ClassList
    from trainer.dataset.reports import ImportReport
    from trainer.events import AnyEvent, Listener

_LIVE_SECONDS = 0.2
_LOG_SECONDS = 15.0


@contextlib.contextmanager
def _output() -> Iterator[None]:
    """Turn what goes wrong in writing to stdout into an error in words; a reader that has gone is no such thing.

    Raises:
        StorageError: stdout is a file on a full disk.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        leave_stdout()
        raise explain("the output", error) from error


def leave_stdout() -> None:
    """Discard what is still to be written to a stdout that has been closed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show(text: str) -> None:
    """Write a result to stdout.

    Raises:
        StorageError: see `_output`.
    """
    with _output():
        sys.stdout.write(f"{visible(text, lines=True)}\n")
        sys.stdout.flush()


def json_listener(event: AnyEvent) -> None:
    """Write an event to stdout as one line of JSON.

    Raises:
        StorageError: see `_output`.
    """
    with _output():
        sys.stdout.buffer.write(encode_event(event))
        sys.stdout.buffer.flush()


def terminal_listener() -> Listener:
    """Return a listener that keeps one live line on a terminal, or writes a line now and then to a file."""
    live = sys.stderr.isatty()
    spoke = 0.0
    width = 0

    def clear() -> None:
        nonlocal width
        if width:
            sys.stderr.write("\r" + " " * width + "\r")
            width = 0

    def listen(event: AnyEvent) -> None:
        nonlocal spoke, width
        if isinstance(event, Progress | StepDone):
            now = time.monotonic()
            finished = isinstance(event, Progress) and event.total and event.done >= event.total
            if now - spoke < (_LIVE_SECONDS if live else _LOG_SECONDS) and not finished:
                return
            spoke = now
            line = describe(event)
            clear()
            sys.stderr.write(line if live else line + "\n")
            width = len(line) if live else 0
        elif line := describe(event):
            clear()
            sys.stderr.write(line + "\n")
        sys.stderr.flush()

    return listen


def describe(event: AnyEvent) -> str:
    """Return an event as a line for a person, empty where there is nothing to say."""
    return visible(plain(_described(event)))


def _described(event: AnyEvent) -> str:  # noqa: C901, PLR0911 - one return for each kind of event
    match event:
        case Said(message=message):
            return message
        case Warned(message=message):
            return shortened(f"Note: {message}")
        case Progress():
            total = f" of {_amount(event.total, event.unit)}" if event.total else ""
            unit = "" if event.unit == "bytes" else f" {event.unit}"
            return f"{event.task}: {_amount(event.done, event.unit)}{total}{unit}".rstrip()
        case CostEstimated():
            return (
                f"This run: {event.training_images:,} training and {event.validation_images:,} validation images, "
                f"{event.steps:,} steps, about {duration(event.seconds)}, up to "
                f"{file_size(event.disk_bytes)} of disk."
            )
        case StageStarted():
            return (
                f"Stage {event.stage}: {event.trainable_parameters:,} parameters, "
                f"{event.steps_per_epoch:,} steps per epoch, at most {event.epochs} epochs"
                + (f", {event.epoch} done." if event.epoch else ".")
            )
        case StepDone():
            return (
                f"{event.stage} epoch {event.epoch}, step {event.step} of {event.steps}: loss {event.loss:.3f}, "
                f"accuracy {event.accuracy:.2f}, {event.images_per_second:.1f} images/s, "
                f"{duration(event.seconds_left)} left in this stage"
            )
        case EpochEnded():
            best = "  best so far" if event.best else ""
            return (
                f"{event.stage} epoch {event.epoch}: loss {event.train.loss:.3f}, validation {event.validation.loss:.3f}"
                f"  accuracy {event.train.accuracy:.3f}, {event.validation.accuracy:.3f}"
                f"  {BALANCED_ACCURACY.title} {event.train.macro_recall:.3f}, {event.validation.macro_recall:.3f}"
                f"  ({duration(event.seconds)}){best}"
            )
        case StageEnded():
            return f"Stage {event.stage} ended: {event.reason}."
        case Finished():
            return f"{event.summary} Written to {event.result}."
        case CheckpointSaved() | Failed() | Stopped():
            return ""


def describe_import(report: ImportReport) -> str:
    """Return what an import did as lines for a person."""
    changes = f"{report.added:,} new, {report.updated:,} changed, {report.unchanged:,} unchanged"
    if report.removed:
        changes += f", {report.removed:,} gone"
    head = f"{report.total:,} images of {report.lesions:,} lesions (layout {report.layout})"
    lines = [f"{head}: {changes}; {duration(report.seconds)}."]
    lines += [f"  {name:<8}{count:>8,}" for name, count in report.classes.items()]
    if report.problems:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in report.problem_kinds.items())
        lines.append(
            f"Problems: {report.problems:,} ({kinds}); each is listed with its reason in the dataset."
        )
    if report.passed_over:
        lines.append(
            "Passed over: " + ", ".join(f"{n:,} {why}" for why, n in report.passed_over.items()) + "."
        )
    return plain("\n".join([*lines, *(f"Note: {note}" for note in report.notes)]))


def describe_classes(found: ClassList) -> str:
    """Return the classes of a dataset as lines for a person."""
    kinds = (
        ("malignant or precancerous", found.malignant),
        ("benign", found.benign),
        ("not stated", found.not_stated),
    )
    kind_of = {name: kind for kind, names in kinds for name in names}
    width = max((len(name) for name in found.classes), default=0)
    lines = [f"  {name:<{width}}{n:>8,}  {kind_of[name]}" for name, n in found.classes.items()]
    both = [name for name in found.malignant if mixed(name)]
    lines += [f"Note: {mixed_note(name)}" for name in both]
    if not found.malignant:
        lines.append("Note: No class is marked malignant; mark those that are with --malignant NAME.")
    return "\n".join(lines)


def _amount(number: int, unit: str) -> str:
    return file_size(number) if unit == "bytes" else f"{number:,}"

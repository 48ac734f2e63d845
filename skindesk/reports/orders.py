"""What a report is ordered by, and the process of its own that writes it for a window.

Qt's documents connect signals while they are laid out, and Qt writes pictures by asking all its plugins, which
connect some too. A thread of Python that does so waits for ever if the GUI thread is deleting a connected object
just then: each holds the lock that the other one wants. So a window lays out no report, in no thread.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from skindesk.models.diagnosis.patient import NOBODY, PatientFields
from trainer.devices.children import own_environment
from trainer.errors import EXIT_BAD_INPUT, TrainerError
from trainer.images.evidence import EvidenceMap
from trainer.images.framing import ImageView
from trainer.predictions import Prediction, SimilarCases
from trainer.wording import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skindesk.settings import Settings

WORD = "write-report"
"""What `skindesk` is told to start such a process, with its own process' id; the order comes on stdin."""

LONGEST_SECONDS = 300.0
"""Such a process may take; one of hundreds of images takes a minute."""

SIMILAR_SHOWN = 5
"""Training images most like an image that a report lists."""

_logger = logging.getLogger(__name__)
_writing: set[subprocess.Popen[bytes]] = set()


class Print(msgspec.Struct, frozen=True):
    """A picture of what was asked about, at the size it is printed.

    Attributes:
        rgb: its pixels, row by row, three bytes each.
        size: its width and height, pixels.
        seen: width and height of what was asked about, pixels; it may be a smaller copy of that.
    """

    rgb: bytes
    size: tuple[int, int]
    seen: tuple[int, int]


class AskedImage(msgspec.Struct, frozen=True):
    """An image and its answer.

    Attributes:
        view: what of the image was asked about.
        prediction: what the network said, or why it said nothing.
        picture: of the view; `None` to have it read from its file.
        evidence: where the network looked for the predicted class; `None` where that is not known.
        similar: training images most like it; `None` where the bundle knows none.
        name: of the file, where it is not that of `view`, as for a copy.
    """

    view: ImageView
    prediction: Prediction
    picture: Print | None = None
    evidence: EvidenceMap | None = None
    similar: SimilarCases | None = None
    name: str = ""


class Letterhead(msgspec.Struct, frozen=True):
    """What the user has at the top of every report.

    Attributes:
        heading: one line; may be empty.
        logo: a PNG, JPEG or SVG file; may be empty.
    """

    heading: str = ""
    logo: str = ""


NO_LETTERHEAD = Letterhead()


def letterhead_of(settings: Settings) -> Letterhead:
    """Return the letterhead that the user has set."""
    return Letterhead(settings.text("report_heading"), settings.text("report_logo"))


def with_evidence(images: Sequence[AskedImage], maps: Sequence[EvidenceMap | None]) -> tuple[AskedImage, ...]:
    """Return images with where the network looked in each."""
    return tuple(
        msgspec.structs.replace(image, evidence=evidence)
        for image, evidence in zip(images, maps, strict=True)
    )


class DiagnosisOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A report of images.

    Attributes:
        bundle: folder.
        bundle_hash: twelve digits of the bundle that answered.
        name: of the run; empty for what its folder says.
        images: all of them, in order, each answered.
        together: what they say together, where that was asked.
        patient: what was entered.
        file: to be written.
        paper: `A4` or `Letter`.
        letterhead: at the top.
        case: what says which stored case it is, a line; empty for what is no case.
        separate: whether each image gets a report of its own; `file` is then a folder, and `together` is left out.
    """

    bundle: str
    images: tuple[AskedImage, ...]
    file: str
    bundle_hash: str = ""
    name: str = ""
    together: Prediction | None = None
    patient: PatientFields = NOBODY
    paper: str = "A4"
    letterhead: Letterhead = NO_LETTERHEAD
    case: str = ""
    separate: bool = False


class CasesOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A report of stored cases.

    Attributes:
        cases: in order; their files, paper and letterhead are those of this order.
        file: to be written.
        paper: `A4` or `Letter`.
        letterhead: at the top.
        separate: whether each case gets a report of its own; `file` is then a folder.
    """

    cases: tuple[DiagnosisOrder, ...]
    file: str
    paper: str = "A4"
    letterhead: Letterhead = NO_LETTERHEAD
    separate: bool = False


class TrainingOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A report of a run.

    Attributes:
        run: folder.
        file: to be written.
        paper: `A4` or `Letter`.
        letterhead: at the top.
    """

    run: str
    file: str
    paper: str = "A4"
    letterhead: Letterhead = NO_LETTERHEAD


AnyOrder: TypeAlias = DiagnosisOrder | CasesOrder | TrainingOrder


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an order.

    Attributes:
        place: the file, or the folder of files.
        pages: number of pages of each file.
        notes: sentences on what the reports lack.
    """

    place: str
    pages: tuple[int, ...]
    notes: tuple[str, ...] = ()


_WRITTEN = msgspec.json.Decoder(Written)


def have_written(order: AnyOrder) -> Written:
    """Have a report written by another process, and wait for it: for a worker of a window.

    Raises:
        TrainerError: it cannot be written, or takes longer than `LONGEST_SECONDS`, in words.
        RuntimeError: the process crashed or is at fault; what it said is the message.
    """
    start = [] if getattr(sys, "frozen", False) else ["-m", "skindesk"]
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW
    child = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, *start, WORD, str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=own_environment(PYTHONIOENCODING="utf-8"),
        creationflags=flags,
    )
    _writing.add(child)
    try:
        with child:
            answer, said = _answer(child, msgspec.msgpack.encode(order))  # pictures as they are, not as text
    finally:
        _writing.discard(child)
    if child.returncode == EXIT_BAD_INPUT:
        raise TrainerError(said)
    if child.returncode:
        raise RuntimeError(f"A report was not written (exit status {child.returncode}).\n{said}")
    if said:
        _logger.warning("%s", said)
    return _WRITTEN.decode(answer)


def _answer(child: subprocess.Popen[bytes], order: bytes) -> tuple[bytes, str]:
    """Hand over an order and return the answer, and what is said by the end; one that takes too long is killed."""
    try:
        answer, said = child.communicate(order, LONGEST_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise TrainerError(
            f"The report was not finished within {duration(LONGEST_SECONDS)} and was given up. Try again; if that "
            "does not help, report fewer images at a time."
        ) from error
    finally:
        child.kill()  # one that has ended does not mind
    return answer, said.decode("utf-8", "replace").strip()


def end_reports() -> None:
    """Kill the processes that still write, since their window closes."""
    for child in tuple(_writing):
        child.kill()

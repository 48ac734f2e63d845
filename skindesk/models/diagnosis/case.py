"""What is under diagnosis: images, how each is framed, what the network says of it, and what is known of the patient.

Plain values. Every image carries the generation of its question, so that an answer to an older one is known.
"""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QCoreApplication

from skindesk.models.diagnosis.framing import UNTOUCHED, Framing
from skindesk.models.diagnosis.patient import NOBODY, PatientFields
from trainer.files import printable
from trainer.images.framing import ImageView
from trainer.predictions import Prediction, SimilarCases

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

SIMILAR = 8
"""Training images most like an image that are asked for."""

_generations = itertools.count(1)
_numbers = itertools.count(1)


class ImageState(enum.Enum):
    """Where the question about an image stands."""

    WAITING = "waiting"  # will be asked as soon as it can be
    ASKED = "asked"
    DONE = "done"
    ERROR = "error"  # the image cannot be read
    LEFT = "left"  # was not answered: stopped, or the engine failed


class CaseLink(NamedTuple):
    """Names a stored case as it was when it was opened or saved.

    Attributes:
        case_id: sixteen hexadecimal digits.
        revision: of its diagnosis; a larger one was stored by another window.
    """

    case_id: str
    revision: int


@dataclass(frozen=True)
class CaseImage:
    """One image.

    Attributes:
        number: tells it from every other image that was ever added; images added later have larger ones.
        path: of the file.
        framing: how it is turned and cut.
        size: width and height of the image, pixels; `None` until it has been read.
        generation: of the question about it.
        state: of that question.
        prediction: the answer, also where it is an error.
        logits: that the answer follows from; empty without one.
        similar: training images most like it; `None` without an answer, or where the bundle knows none.
        link: of the stored case that the image belongs to; `None` where it was not saved.
    """

    number: int
    path: Path
    framing: Framing = UNTOUCHED
    size: tuple[int, int] | None = None
    generation: int = 0
    state: ImageState = ImageState.WAITING
    prediction: Prediction | None = None
    logits: tuple[float, ...] = ()
    similar: SimilarCases | None = None
    link: CaseLink | None = None

    def view(self) -> ImageView:
        """Return what the engine is asked about."""
        part = self.framing.part(*self.size) if self.size is not None else self.framing.crop
        return ImageView(
            path=printable(self.path),
            rotation=self.framing.rotation,
            crop=part.shares() if part is not None else None,
        )

    def asked_anew(self) -> CaseImage:
        """Return the image with a new question that waits; none can be asked where its name cannot be told."""
        asked = replace(
            self,
            generation=new_generation(),
            state=ImageState.WAITING,
            prediction=None,
            logits=(),
            similar=None,
        )
        name = printable(self.path)
        if name == str(self.path):
            return asked
        sentence = QCoreApplication.translate(
            "diagnosis", "{name} has a name that is not valid Unicode; rename it."
        ).format(name=Path(name).name)
        return replace(asked, state=ImageState.ERROR, prediction=Prediction(path=name, error=sentence))


def new_image(path: Path, framing: Framing = UNTOUCHED, link: CaseLink | None = None) -> CaseImage:
    """Return an image that no other one is, with a question that waits."""
    return CaseImage(next(_numbers), path.absolute(), framing, link=link).asked_anew()


def new_generation() -> int:
    """Return a number that no question has had yet."""
    return next(_generations)


@dataclass(frozen=True)
class Case:
    """Images of one lesion, or of several, and their patient.

    Attributes:
        images: in the order they were added.
        selected: number of the one that is looked at; `None` where there is none.
        together: whether they show one lesion.
        patient: what was entered.
    """

    images: tuple[CaseImage, ...] = ()
    selected: int | None = None
    together: bool = False
    patient: PatientFields = NOBODY

    @property
    def empty(self) -> bool:
        """Whether nothing would be missed; who examines is no part of a case."""
        return not self.images and self.patient == self.next_patient()

    def image(self, number: int | None) -> CaseImage | None:
        """Return the image of a number."""
        return next((image for image in self.images if image.number == number), None)

    def readable(self) -> tuple[CaseImage, ...]:
        """Return the images that are not known to be unreadable."""
        return tuple(image for image in self.images if image.state is not ImageState.ERROR)

    def next_patient(self) -> PatientFields:
        """Return empty fields but for the examiner, who stays the same."""
        return PatientFields(examiner=self.patient.examiner)

    def put(self, image: CaseImage) -> Case:
        """Return the case with another state of an image."""
        images = tuple(image if old.number == image.number else old for old in self.images)
        return replace(self, images=images)

    def with_more(self, images: Iterable[CaseImage]) -> Case:
        """Return the case with images more, but for those it has, in order; the first of them is looked at."""
        known = {image.path for image in self.images}
        new: dict[Path, CaseImage] = {}
        for image in images:
            if image.path not in known:
                new.setdefault(image.path, image)
        if not new:
            return self
        ordered = sorted((*self.images, *new.values()), key=lambda image: image.number)
        return replace(self, images=tuple(ordered), selected=next(iter(new.values())).number)

    def without(self, numbers: Collection[int]) -> Case:
        """Return the case without some images; where the one looked at goes, the next is looked at."""
        left = tuple(image for image in self.images if image.number not in numbers)
        selected = self.selected
        if selected in numbers:
            first = next(place for place, image in enumerate(self.images) if image.number in numbers)
            selected = left[min(first, len(left) - 1)].number if left else None
        return replace(self, images=left, selected=selected)

    def linked(self, numbers: Collection[int], link: CaseLink) -> Case:
        """Return the case with images that belong to a stored case."""
        images = tuple(
            replace(image, link=link) if image.number in numbers else image for image in self.images
        )
        return replace(self, images=images)

    def asked_anew(self) -> Case:
        """Return the case with a new question about each image."""
        return replace(self, images=tuple(image.asked_anew() for image in self.images))


@dataclass(frozen=True, eq=False)
class Removal:
    """What was taken away in one go, to be put back whatever has come after it.

    Attributes:
        images: that went.
        patient: what was entered, where that went too.
    """

    images: tuple[CaseImage, ...]
    patient: PatientFields | None = None


@dataclass(frozen=True)
class Change:
    """Something that can be taken back.

    Attributes:
        before: the case as it was.
        what: consecutive changes of one kind to one image are taken back at once.
        of_patient: whether what was entered about the patient changed, too.
        removal: where that is what it was.
    """

    before: Case
    what: tuple[str, int]
    of_patient: bool = False
    removal: Removal | None = None


@dataclass(frozen=True)
class Answer:
    """What goes with all predictions of one bundle.

    Attributes:
        bundle_hash: twelve digits.
        decision_rule, prior: sentences of the engine.
    """

    bundle_hash: str
    decision_rule: str
    prior: str


@dataclass(frozen=True)
class Failure:
    """Why the network did not answer.

    Attributes:
        message: a sentence or a few.
        log: last lines of the engine's log; may be empty.
        stopped: whether it was stopped on request.
    """

    message: str
    log: str = ""
    stopped: bool = False

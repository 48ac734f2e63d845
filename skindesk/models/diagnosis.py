"""The lesion that is looked at: its images, how each is framed, what the network says of them.

Every image carries the generation of its question. An answer to an older question (another angle, another crop,
another bundle) finds no image of its generation any more and is dropped.
"""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from skindesk.engine.jobs import JobState
from skindesk.models.framing import UNTOUCHED, Framing
from trainer.files import printable
from trainer.jobs import ImagePrediction, ImageView, PredictImages, Predictions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from skindesk.engine.jobs import JobHandle, JobQueue, Outcome

BATCH = 16
"""Images in one job: answers come in as they are ready, and a stop is soon heard."""

_SETTLE_MS = 350  # after the last turn of an image, before the network is asked
_UNDO_DEPTH = 50

_generations = itertools.count(1)
_numbers = itertools.count(1)


class ImageState(enum.Enum):
    """Where the question about an image stands."""

    WAITING = "waiting"  # will be asked as soon as it can be
    ASKED = "asked"
    DONE = "done"
    ERROR = "error"  # the image cannot be read
    LEFT = "left"  # was not answered: stopped, or the engine failed


@dataclass(frozen=True)
class CaseImage:
    """One image.

    Attributes:
        number: tells it from every other image that was ever added.
        path: of the file.
        framing: how it is turned and cut.
        size: width and height of the image, pixels; `None` until it has been read.
        generation: of the question about it.
        state: of that question.
        prediction: the answer, also where it is an error.
    """

    number: int
    path: Path
    framing: Framing = UNTOUCHED
    size: tuple[int, int] | None = None
    generation: int = 0
    state: ImageState = ImageState.WAITING
    prediction: ImagePrediction | None = None

    def view(self) -> ImageView:
        """Return what the engine is asked about."""
        part = self.framing.part(*self.size) if self.size is not None else self.framing.crop
        return ImageView(
            path=str(self.path),
            rotation=self.framing.rotation,
            crop=part.shares() if part is not None else None,
        )

    def asked_anew(self) -> CaseImage:
        """Return the image with a new question that waits."""
        return replace(self, generation=next(_generations), state=ImageState.WAITING, prediction=None)


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


@dataclass(frozen=True)
class _Snapshot:
    images: tuple[CaseImage, ...]
    selected: int | None
    what: tuple[str, int]  # consecutive changes of one kind to one image are undone at once


class _Request(QObject):
    """One job, and which questions it holds. Lives as long as the model, so that nothing lands after it."""

    def __init__(
        self,
        handle: JobHandle,
        asked: Sequence[CaseImage],
        together: int | None,
        model: DiagnosisModel,
    ) -> None:
        super().__init__(model)
        self.handle, self.together, self.outdated = handle, together, False
        self.questions = tuple((image.number, image.generation) for image in asked)
        self._model = model
        handle.ended.connect(self._ended)

    def _ended(self, outcome: Outcome) -> None:
        self._model.take_outcome(self, outcome)
        self.deleteLater()


class DiagnosisModel(QObject):
    """Images of one lesion, or of several, and the questions about them.

    Signals:
        images_changed: images were added or removed.
        image_changed(int): something about the image of that number.
        selected_changed: another image is looked at.
        together_changed: what the images say together, or whether they are asked together.
        asking_changed: how many images have been answered, or why the asking has ended.
    """

    images_changed = Signal()
    image_changed = Signal(int)
    selected_changed = Signal()
    together_changed = Signal()
    asking_changed = Signal()

    def __init__(self, queue: JobQueue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue = queue
        self._images: tuple[CaseImage, ...] = ()
        self._selected: int | None = None
        self._bundle: Path | None = None
        self._together = False
        self._together_generation = next(_generations)
        self._together_open = False
        self._requests: list[_Request] = []
        self._undo: list[_Snapshot] = []
        self.together_prediction: ImagePrediction | None = None
        self.answer: Answer | None = None
        self.failure: Failure | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._ask)

    # --- what there is -----------------------------------------------------------------------------------

    @property
    def images(self) -> tuple[CaseImage, ...]:
        """All images, in order."""
        return self._images

    @property
    def selected(self) -> CaseImage | None:
        """The image that is looked at."""
        return self.image(self._selected) if self._selected is not None else None

    @property
    def bundle(self) -> Path | None:
        """The bundle that is asked."""
        return self._bundle

    @property
    def together(self) -> bool:
        """Whether the images show one lesion."""
        return self._together

    @property
    def pending(self) -> int:
        """How many images wait for an answer."""
        return sum(image.state in {ImageState.WAITING, ImageState.ASKED} for image in self._images)

    @property
    def asking(self) -> bool:
        """Whether a question is in the engine's hands."""
        return bool(self._requests)

    def image(self, number: int) -> CaseImage | None:
        """Return the image of a number."""
        return next((image for image in self._images if image.number == number), None)

    def readable(self) -> tuple[CaseImage, ...]:
        """Return the images that are not known to be unreadable."""
        return tuple(image for image in self._images if image.state is not ImageState.ERROR)

    # --- what a person does ------------------------------------------------------------------------------

    def add(self, paths: Iterable[Path]) -> int:
        """Add images that are not there yet, and look at the first of them.

        Returns:
            How many were added.
        """
        known = {image.path for image in self._images}
        wanted = dict.fromkeys(path.absolute() for path in paths)
        new = [self._new_image(path) for path in wanted if path not in known]
        if new:
            self._remember("add", 0)
            self._images += tuple(new)
            self._selected = new[0].number
            self.images_changed.emit()
            self.selected_changed.emit()
            self._questions_changed(soon=True)
        return len(new)

    def _new_image(self, path: Path) -> CaseImage:
        """Return an image that waits, or one that cannot be asked about because its name cannot be told."""
        image = CaseImage(next(_numbers), path).asked_anew()
        name = printable(path)
        if name == str(path):
            return image
        sentence = self.tr("{name} has a name that is not Unicode; rename it.").format(name=Path(name).name)
        error = ImagePrediction(path=name, error=sentence)
        return replace(image, state=ImageState.ERROR, prediction=error)

    def remove(self, numbers: Iterable[int]) -> None:
        """Remove images; `undo` brings them back."""
        gone = set(numbers) & {image.number for image in self._images}
        if not gone:
            return
        self._remember("remove", 0)
        places = [place for place, image in enumerate(self._images) if image.number in gone]
        self._images = tuple(image for image in self._images if image.number not in gone)
        if self._selected in gone:
            place = min(places[0], len(self._images) - 1)
            self._selected = self._images[place].number if self._images else None
        self.images_changed.emit()
        self.selected_changed.emit()
        self._questions_changed(soon=True)

    def select(self, number: int) -> None:
        """Look at another image."""
        if number != self._selected and self.image(number) is not None:
            self._selected = number
            self.selected_changed.emit()

    def step(self, places: int) -> None:
        """Look at the image some places further on, as far as there are any."""
        order = [image.number for image in self._images]
        if self._selected in order:
            place = min(max(order.index(self._selected) + places, 0), len(order) - 1)
            self.select(order[place])

    def set_framing(self, number: int, framing: Framing) -> None:
        """Turn or cut an image; the network is asked anew when nothing has changed for a moment."""
        image = self.image(number)
        if image is None or image.framing == framing:
            return
        self._remember("framing", number)
        self._put(replace(image, framing=framing).asked_anew())
        self._questions_changed(soon=False)

    def set_size(self, number: int, size: tuple[int, int]) -> None:
        """Note the size of an image that has been read."""
        image = self.image(number)
        if image is not None and image.size != size:
            self._put(replace(image, size=size))

    def set_together(self, together: bool) -> None:
        """Say whether the images show one lesion."""
        if together != self._together:
            self._together = together
            self._questions_changed(soon=True)

    def set_bundle(self, bundle: Path | None, *, anew: bool = False) -> None:
        """Ask another bundle from now on.

        Args:
            bundle: folder; `None` for none.
            anew: forget all answers even if the folder is the same, for it holds another bundle.
        """
        if bundle == self._bundle and not anew:
            return
        self._bundle = bundle
        self.answer = None
        self._images = tuple(image.asked_anew() for image in self._images)
        self._undo = [
            replace(shot, images=tuple(image.asked_anew() for image in shot.images)) for shot in self._undo
        ]
        self.images_changed.emit()
        self._questions_changed(soon=True)

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._undo)

    def undo(self) -> None:
        """Take back the last adding, removing, turning or cropping."""
        if not self._undo:
            return
        shot = self._undo.pop()
        present = {(image.number, image.framing): image for image in self._images}
        restored = []
        for image in shot.images:
            kept = present.get((image.number, image.framing))
            if kept is None:
                answered = image.state in {ImageState.DONE, ImageState.ERROR}
                kept = image if answered else image.asked_anew()
            restored.append(kept)
        self._images = tuple(restored)
        self._selected = shot.selected
        self.images_changed.emit()
        self.selected_changed.emit()
        self._questions_changed(soon=True)

    def ask_again(self) -> None:
        """Ask about the images that were not answered, and read those anew that could not be."""
        for image in self._images:
            if image.state in {ImageState.LEFT, ImageState.ERROR}:
                self._put(image.asked_anew())
        self._questions_changed(soon=True)

    def stop(self) -> None:
        """Leave the images that have not been answered."""
        self._leave_rest()
        self.failure = Failure(self.tr("Stopped."), stopped=True)
        self.asking_changed.emit()

    def _leave_rest(self) -> None:
        self._timer.stop()
        self._together_open = False
        for request in tuple(self._requests):
            self._withdraw(request)
        for image in self._images:
            if image.state in {ImageState.WAITING, ImageState.ASKED}:
                self._put(replace(image.asked_anew(), state=ImageState.LEFT))

    # --- asking ------------------------------------------------------------------------------------------

    def _questions_changed(self, *, soon: bool) -> None:
        """What the images say together is out of date; ask what waits, at once or after a moment of rest."""
        self.failure = None
        self._together_generation = next(_generations)
        self.together_prediction = None
        self._together_open = self._together and len(self.readable()) > 1
        self._stop_outdated()
        if self._together_open or any(image.state is ImageState.WAITING for image in self._images):
            self._timer.start(0 if soon else _SETTLE_MS)
        self.together_changed.emit()
        self.asking_changed.emit()

    def _stop_outdated(self) -> None:
        """Stop jobs of which no answer is wanted any more."""
        wanted = {(image.number, image.generation) for image in self._images}
        for request in tuple(self._requests):
            # What is asked together is asked in one job, so that all others are in its way.
            if self._together_open or request.together is not None or not wanted & set(request.questions):
                self._withdraw(request)
                for number, _ in wanted & set(request.questions):
                    image = self.image(number)
                    if image is not None and image.state is ImageState.ASKED:
                        self._put(replace(image, state=ImageState.WAITING))

    def _withdraw(self, request: _Request) -> None:
        request.outdated = True
        request.handle.stop()

    def _ask(self) -> None:
        """Hand over what waits; the image that is looked at comes first."""
        if self._bundle is None:
            return
        if self._together_open:
            self._together_open = False
            self._submit(self.readable(), self._together_generation)
        waiting = [image for image in self._images if image.state is ImageState.WAITING]
        waiting.sort(key=lambda image: image.number != self._selected)
        for begin in range(0, len(waiting), BATCH):
            self._submit(waiting[begin : begin + BATCH], None)
        self.asking_changed.emit()

    def _submit(self, images: Sequence[CaseImage], together: int | None) -> None:
        asked = [replace(image, state=ImageState.ASKED) for image in images]
        job = PredictImages(
            bundle=str(self._bundle),
            images=tuple(image.view() for image in asked),
            together=together is not None,
        )
        count = len(asked)
        title = (
            self.tr("Asking about 1 image")
            if count == 1
            else self.tr("Asking about {n} images").format(n=count)
        )
        for before, image in zip(images, asked, strict=True):
            if before.state is not ImageState.DONE:  # an answer that still holds goes on being shown
                self._put(image)
        request = _Request(self._queue.submit(job, title), asked, together, self)
        self._requests.append(request)
        if request.handle.outcome is not None:  # the program is closing
            self.take_outcome(request, request.handle.outcome)

    def take_outcome(self, request: _Request, outcome: Outcome) -> None:
        """Take what a job has come to; what is out of date is dropped."""
        self._requests.remove(request)
        if isinstance(outcome.result, Predictions):
            self._take_answers(request, outcome.result)
        else:
            self._take_failure(request, outcome)
        self.asking_changed.emit()

    def _take_answers(self, request: _Request, result: Predictions) -> None:
        self.answer = Answer(result.bundle_hash, result.decision_rule, result.prior)
        for (number, generation), prediction in zip(request.questions, result.images, strict=True):
            image = self.image(number)
            if image is None or image.generation != generation:
                continue
            state = ImageState.ERROR if prediction.error else ImageState.DONE
            self._put(replace(image, state=state, prediction=prediction))
        if request.together == self._together_generation:
            self.together_prediction = result.together
            self.together_changed.emit()

    def _take_failure(self, request: _Request, outcome: Outcome) -> None:
        """Leave the rest unanswered: what the engine failed at once, it would fail at again and again."""
        if request.outdated:
            return
        stopped = outcome.state is JobState.CANCELLED
        self._leave_rest()
        self.failure = Failure(self.tr("Stopped.") if stopped else outcome.message, outcome.log, stopped)

    # --- keeping -----------------------------------------------------------------------------------------

    def _put(self, image: CaseImage) -> None:
        self._images = tuple(image if old.number == image.number else old for old in self._images)
        self.image_changed.emit(image.number)

    def _remember(self, kind: str, number: int) -> None:
        what = (kind, number)
        going_on = kind == "framing" and self._timer.isActive() and bool(self._undo)
        if going_on and self._undo[-1].what == what:
            return
        self._undo.append(_Snapshot(self._images, self._selected, what))
        del self._undo[:-_UNDO_DEPTH]

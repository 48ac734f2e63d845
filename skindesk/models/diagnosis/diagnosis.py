"""The case under diagnosis and the questions about its images.

An answer to an older question (another angle, another crop, another bundle) finds no image of its generation any more
and is dropped.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from skindesk.engine.jobs import JobState
from skindesk.models.diagnosis.case import (
    SIMILAR,
    Answer,
    Case,
    CaseImage,
    Change,
    Failure,
    ImageState,
    Removal,
    new_generation,
    new_image,
)
from trainer.protocol.diagnosis import PredictImages, Predictions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from skindesk.engine.jobs import JobHandle, JobQueue, Outcome
    from skindesk.models.diagnosis.case import CaseLink
    from skindesk.models.diagnosis.framing import Framing
    from skindesk.models.diagnosis.patient import PatientFields
    from trainer.predictions import Prediction

BATCH = 16
"""Images in one job: answers come in as they are ready, and a stop is soon heard."""

_SETTLE_MS = 350  # after the last turn of an image, before the network is asked
_UNDO_DEPTH = 50
_ANSWERED = {ImageState.DONE, ImageState.ERROR}


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
        patient_changed: what is entered about the patient.
        asking_changed: how many images have been answered, or why the asking has ended.
    """

    images_changed = Signal()
    image_changed = Signal(int)
    selected_changed = Signal()
    together_changed = Signal()
    patient_changed = Signal()
    asking_changed = Signal()

    def __init__(self, queue: JobQueue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue = queue
        self._case = Case()
        self._bundle: Path | None = None
        self._together_generation = new_generation()
        self._together_open = False
        self._requests: list[_Request] = []
        self._undo: list[Change] = []
        self._given: int | None = None
        self.together_prediction: Prediction | None = None
        self.answer: Answer | None = None
        self.failure: Failure | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._ask)

    # --- what there is -----------------------------------------------------------------------------------

    @property
    def case(self) -> Case:
        """Images and patient."""
        return self._case

    @property
    def images(self) -> tuple[CaseImage, ...]:
        """All images, in order."""
        return self._case.images

    @property
    def selected(self) -> CaseImage | None:
        """The image that is looked at."""
        return self._case.image(self._case.selected)

    @property
    def bundle(self) -> Path | None:
        """The bundle that predicts."""
        return self._bundle

    @property
    def together(self) -> bool:
        """Whether the images show one lesion."""
        return self._case.together

    @property
    def pending(self) -> int:
        """How many images wait for an answer."""
        return sum(image.state in {ImageState.WAITING, ImageState.ASKED} for image in self.images)

    @property
    def asking(self) -> bool:
        """Whether a question is in the engine's hands."""
        return bool(self._requests)

    def image(self, number: int) -> CaseImage | None:
        """Return the image of a number."""
        return self._case.image(number)

    def readable(self) -> tuple[CaseImage, ...]:
        """Return the images that are not known to be unreadable."""
        return self._case.readable()

    # --- what a person does ------------------------------------------------------------------------------

    def add(self, paths: Iterable[Path]) -> int:
        """Add images that are not there yet, and look at the first of them.

        Returns:
            How many were added.
        """
        before = self._case
        case = before.with_more(new_image(path) for path in paths)
        if case is not before:
            self._remember("add")
            self._given = case.selected
            self._show(case)
        return len(case.images) - len(before.images)

    def remove(self, numbers: Iterable[int]) -> Removal:
        """Remove images; `undo` brings them back, or `put_back` what is returned."""
        gone = set(numbers)
        removal = Removal(tuple(image for image in self.images if image.number in gone))
        if removal.images:
            self._remember("remove", removal=removal)
            self._show(self._case.without(gone))
        return removal

    def forget(self, numbers: Iterable[int]) -> None:
        """Remove images for good: what was done before cannot be taken back any more."""
        self._undo.clear()
        self._show(self._case.without(set(numbers)))

    def clear(self) -> Removal:
        """Remove all images and what is entered about the patient; the examiner stays. See `remove`."""
        before = self._case
        removal = Removal(before.images, before.patient)
        if not before.empty:
            self._remember("clear", of_patient=True, removal=removal)
            self._show(replace(before, images=(), selected=None, patient=before.next_patient()))
        return removal

    def put_back(self, removal: Removal) -> None:
        """Put back what was removed, and nothing else; what has changed since stays as it is.

        A patient comes back in place of the one that has been entered since: that can be taken back in turn.
        """
        if self._undo and self._undo[-1].removal is removal:
            self.undo()
            return
        case = self._case.with_more(image.asked_anew() for image in removal.images)
        if removal.patient is not None:
            case = replace(case, patient=removal.patient)
        if case != self._case:
            self._remember("put back", of_patient=removal.patient is not None)
            self._show(case)

    def take(self, case: Case) -> None:
        """Go on with another case; what was done before cannot be taken back any more."""
        self._undo.clear()
        self._show(case)

    def select(self, number: int) -> None:
        """Look at another image."""
        if number != self._case.selected and self.image(number) is not None:
            self._given = None
            self._case = replace(self._case, selected=number)
            self.selected_changed.emit()

    def pass_over(self, number: int) -> None:
        """Look at the next image instead of one that cannot be read, unless the user has chosen that one."""
        images = self.images
        place = next((place for place, image in enumerate(images) if image.number == number), None)
        if place is None or number != self._case.selected or number != self._given:
            return
        after = next((image for image in images[place + 1 :] if image.state is not ImageState.ERROR), None)
        if after is not None:
            self._given = after.number
            self._case = replace(self._case, selected=after.number)
            self.selected_changed.emit()

    def step(self, places: int) -> None:
        """Look at the image some places further on, as far as there are any."""
        order = [image.number for image in self.images]
        if self._case.selected in order:
            place = min(max(order.index(self._case.selected) + places, 0), len(order) - 1)
            self.select(order[place])

    def set_framing(self, number: int, framing: Framing) -> None:
        """Turn or cut an image; it is predicted again when nothing has changed for a moment."""
        image = self.image(number)
        if image is None or image.framing == framing:
            return
        self._remember("framing", number)
        self._put(replace(image, framing=framing).asked_anew())
        self._questions_changed(soon=False)

    def set_size(self, number: int, size: tuple[int, int]) -> None:
        """Note the size of an image that has been read; what of a turned one is asked about follows from it."""
        image = self.image(number)
        if image is None or image.size == size:
            return
        sized = replace(image, size=size)
        if sized.view() == image.view():
            self._put(sized)
        else:
            self._put(sized.asked_anew())
            self._questions_changed(soon=True)

    def set_together(self, together: bool) -> None:
        """Say whether the images show one lesion."""
        if together != self.together:
            self._case = replace(self._case, together=together)
            self._questions_changed(soon=True)

    def link(self, numbers: Collection[int], link: CaseLink) -> None:
        """Note that images belong to a stored case, from now on and in what can be taken back."""
        self._case = self._case.linked(numbers, link)
        self._undo = [replace(change, before=change.before.linked(numbers, link)) for change in self._undo]
        for number in numbers:
            self.image_changed.emit(number)

    def set_patient(self, patient: PatientFields) -> None:
        """Take what is entered about the patient."""
        if patient != self._case.patient:
            self._case = replace(self._case, patient=patient)
            self.patient_changed.emit()

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
        self._case = self._case.asked_anew()
        self._undo = [replace(change, before=change.before.asked_anew()) for change in self._undo]
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
        change, now = self._undo.pop(), self._case
        present = {(image.number, image.framing): image for image in now.images}
        images = []
        for image in change.before.images:
            known = image if image.state in _ANSWERED else image.asked_anew()
            images.append(present.get((image.number, image.framing), known))
        case = replace(now, images=tuple(images), selected=change.before.selected)
        self._show(replace(case, patient=change.before.patient) if change.of_patient else case)

    def ask_again(self) -> None:
        """Ask about the images that were not answered, and read those anew that could not be."""
        for image in self.images:
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
        for image in self.images:
            if image.state in {ImageState.WAITING, ImageState.ASKED}:
                self._put(replace(image.asked_anew(), state=ImageState.LEFT))

    # --- asking ------------------------------------------------------------------------------------------

    def _questions_changed(self, *, soon: bool) -> None:
        """What the images say together is out of date; ask what waits, at once or after a moment of rest."""
        self.failure = None
        self._together_generation = new_generation()
        self.together_prediction = None
        self._together_open = self.together and len(self.readable()) > 1
        self._stop_outdated()
        if self._together_open or any(image.state is ImageState.WAITING for image in self.images):
            self._timer.start(0 if soon else _SETTLE_MS)
        self.together_changed.emit()
        self.asking_changed.emit()

    def _stop_outdated(self) -> None:
        """Stop jobs of which no answer is wanted any more."""
        wanted = {(image.number, image.generation) for image in self.images}
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
            images = self.readable()
            answered = tuple(image.logits for image in images if image.logits)
            self._submit([image for image in images if not image.logits], self._together_generation, answered)
        waiting = [image for image in self.images if image.state is ImageState.WAITING]
        waiting.sort(key=lambda image: image.number != self._case.selected)
        for begin in range(0, len(waiting), BATCH):
            self._submit(waiting[begin : begin + BATCH], None)
        self.asking_changed.emit()

    def _submit(
        self,
        images: Sequence[CaseImage],
        together: int | None,
        known: tuple[tuple[float, ...], ...] = (),
    ) -> None:
        asked = [replace(image, state=ImageState.ASKED) for image in images]
        job = PredictImages(
            bundle=str(self._bundle),
            images=tuple(image.view() for image in asked),
            together=together is not None,
            known=known,
            known_of=self.answer.bundle_hash if self.answer is not None else "",
            similar=SIMILAR,
        )
        titles = {0: self.tr("Combining the results"), 1: self.tr("Analysing 1 image")}
        title = titles.get(len(asked), self.tr("Analysing {n} images").format(n=len(asked)))
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
        answers = zip(request.questions, result.images, result.logits, result.similar, strict=True)
        for (number, generation), prediction, logits, similar in answers:
            image = self.image(number)
            if image is None or image.generation != generation:
                continue
            state = ImageState.ERROR if prediction.error else ImageState.DONE
            self._put(replace(image, state=state, prediction=prediction, logits=logits, similar=similar))
        if request.together == self._together_generation:
            self.together_prediction = result.together
            self.together_changed.emit()

    def _take_failure(self, request: _Request, outcome: Outcome) -> None:
        """Leave the rest unanswered: what the engine failed at once, it would fail at again and again."""
        if request.outdated:
            return
        stopped = outcome.state is JobState.CANCELLED
        self._leave_rest()
        if request.together is not None:  # whatever was wrong with what was known, it is not sent again
            for image in self.images:
                self._put(replace(image, logits=()))
        self.failure = Failure(self.tr("Stopped.") if stopped else outcome.message, outcome.log, stopped)

    # --- keeping -----------------------------------------------------------------------------------------

    def _show(self, case: Case) -> None:
        """Go on with a case of other images."""
        patient, self._case = self._case.patient, case
        self.images_changed.emit()
        self.selected_changed.emit()
        if case.patient != patient:
            self.patient_changed.emit()
        self._questions_changed(soon=True)

    def _put(self, image: CaseImage) -> None:
        self._case = self._case.put(image)
        self.image_changed.emit(image.number)
        if image.state is ImageState.ERROR:
            self.pass_over(image.number)

    def _remember(
        self, kind: str, number: int = 0, *, of_patient: bool = False, removal: Removal | None = None
    ) -> None:
        what = (kind, number)
        going_on = kind == "framing" and self._timer.isActive() and bool(self._undo)
        if going_on and self._undo[-1].what == what:
            return
        self._undo.append(Change(self._case, what, of_patient, removal))
        del self._undo[:-_UNDO_DEPTH]

"""What the network says of the case, as it is shown, copied, exported and reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skindesk.models.diagnosis.case import ImageState
from skindesk.pages.diagnosis import words
from skindesk.pages.diagnosis.result_card import Shown, shown_of
from skindesk.reports.orders import AskedImage, DiagnosisOrder

if TYPE_CHECKING:
    from skindesk.models.diagnosis.case import CaseImage
    from skindesk.models.diagnosis.diagnosis import DiagnosisModel
    from skindesk.pages.diagnosis.network import Network
    from trainer.predictions import Prediction

ANSWERED = frozenset({ImageState.DONE, ImageState.ERROR})


class Findings:
    """Answers to the questions about a case.

    Attributes:
        choice: `together` or `image`: which answer is shown where a person can choose.
    """

    def __init__(self, model: DiagnosisModel, network: Network) -> None:
        self._model, self._network = model, network
        self.choice = "together"

    @property
    def as_one(self) -> bool:
        """Whether there is an answer, or will be one, to all images together."""
        return self._model.together and len(self._model.readable()) > 1

    @property
    def together(self) -> Prediction | None:
        """What the images say together."""
        return self._model.together_prediction if self.as_one else None

    @property
    def any(self) -> bool:
        """Whether an image has been answered by a network that is known."""
        done = any(image.state is ImageState.DONE for image in self._model.images)
        return done and self._network.facts is not None

    @property
    def settled(self) -> bool:
        """Whether nothing is awaited any more."""
        return not self._model.pending and (not self.as_one or self.together is not None)

    @property
    def complete(self) -> bool:
        """Whether all that was asked has been answered."""
        return self.any and self.settled

    def shown(self) -> Shown:
        """Return what the card is to show."""
        return shown_of(self._model, self._network.facts, self.choice if self.as_one else "")

    def result(self) -> tuple[tuple[CaseImage, ...], Prediction | None]:
        """Return what the result shown is about, and the result; `None` where there is none that can be told."""
        image = self._model.selected
        if image is None or self._network.facts is None:
            return (), None
        if self.as_one and self.choice == "together":
            return self._model.readable(), self._model.together_prediction
        return (image,), image.prediction

    def text(self) -> str:
        """Return the result shown as text; empty where there is none."""
        images, prediction = self.result()
        facts, answer = self._network.facts, self._model.answer
        if facts is None or prediction is None or answer is None:
            return ""
        return words.result_text(facts, prediction, answer, images)

    def order(self) -> DiagnosisOrder | None:
        """Return what there is to report, but for the file; `None` where nothing is."""
        facts = self._network.facts
        asked = tuple(
            AskedImage(image.view(), image.prediction, similar=image.similar)
            for image in self._model.images
            if image.state in ANSWERED and image.prediction is not None
        )
        if facts is None or not asked or self._model.answer is None:
            return None
        return DiagnosisOrder(
            bundle=str(facts.folder),
            bundle_hash=self._model.answer.bundle_hash,
            name=facts.summary.name,
            images=asked,
            together=self.together,
            patient=self._model.case.patient,
            file="",
        )

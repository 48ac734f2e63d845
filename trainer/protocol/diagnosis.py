"""Jobs of the queue `diagnosis`: images are predicted, and predictions explained."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from trainer.images.evidence import EvidenceMap
from trainer.images.framing import ImageView
from trainer.predictions import Prediction, SimilarCases
from trainer.protocol.jobs import Job, QueueName, Result, ResultT


class DiagnosisJob(Job[ResultT], frozen=True, kw_only=True):
    """Base of the jobs of this queue."""

    queue: ClassVar[QueueName] = "diagnosis"


class Predictions(Result, frozen=True, kw_only=True):
    """Predictions of images in the order asked.

    Attributes:
        images: one each.
        logits: of each image, one for each class; empty where it cannot be read.
        similar: training images most like each image, as many as were asked for; `None` where the bundle knows none.
        together: of the lesion the readable images show, if asked for and there is more than one; its `path`
            is empty.
        evidence: of each image, where the network looked for the predicted class; `None` where it cannot be read or is
            unlike the training images; empty where it was not asked for.
        bundle_hash: twelve digits that name the bundle.
        decision_rule: a sentence on how `predicted` follows from the probabilities.
        prior: a sentence on the class frequencies that the probabilities assume.
    """

    images: tuple[Prediction, ...]
    logits: tuple[tuple[float, ...], ...]
    similar: tuple[SimilarCases | None, ...]
    together: Prediction | None = None
    evidence: tuple[EvidenceMap | None, ...] = ()
    bundle_hash: str
    decision_rule: str
    prior: str


class PredictImages(DiagnosisJob[Predictions], frozen=True, kw_only=True):
    """Predict images, and the lesion they show together.

    Attributes:
        bundle: folder.
        images: in the order of the answer.
        together: the images show one lesion.
        known: logits of further images of that lesion, as they were answered before.
        known_of: twelve digits of the bundle that gave them.
        evidence: whether it is wanted where the network looked.
        similar: number of training images wanted that are most like each image.
    """

    bundle: str
    images: tuple[ImageView, ...]
    together: bool = False
    known: tuple[tuple[float, ...], ...] = ()
    known_of: str = ""
    evidence: bool = False
    similar: Annotated[int, msgspec.Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        if not self.images and not self.known:
            raise ValueError("there is no image to predict")


class ImageEvidence(Result, frozen=True, kw_only=True):
    """Where the network found what speaks for a class.

    Attributes:
        grad_cam: reliable and coarse.
        hires_cam: twice as fine.
    """

    grad_cam: EvidenceMap
    hires_cam: EvidenceMap


class ExplainImage(DiagnosisJob[ImageEvidence], frozen=True, kw_only=True):
    """Find where the network looked for a class in an image.

    Attributes:
        bundle: folder.
        bundle_hash: twelve digits of the bundle that predicted the image.
        image: which, and what of it.
        class_name: one of the network's.
    """

    bundle: str
    bundle_hash: str
    image: ImageView
    class_name: str


class Warm(Result, frozen=True, kw_only=True):
    """TensorFlow, and the bundle if one was named, are loaded."""


class WarmUp(DiagnosisJob[Warm], frozen=True, kw_only=True):
    """Load TensorFlow and, if one is named, a bundle, so that the next prediction is quick."""

    bundle: str = ""

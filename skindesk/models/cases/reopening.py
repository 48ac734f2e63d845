"""A case under diagnosis becomes a stored one, and a stored one comes back under diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skindesk.models.cases.record import SavedDiagnosis, SavedImage, SavedNetwork
from skindesk.models.cases.saving import NewCase
from skindesk.models.diagnosis.case import Case, new_image
from skindesk.models.diagnosis.patient import NOBODY

if TYPE_CHECKING:
    from skindesk.models.cases.reading import OpenedCase
    from skindesk.models.diagnosis.bundle import BundleFacts
    from skindesk.models.diagnosis.case import Answer, CaseImage
    from trainer.predictions import Prediction


def network_of(facts: BundleFacts, answer: Answer) -> SavedNetwork:
    """Return what is stored of the network that has answered."""
    manifest = facts.manifest
    return SavedNetwork(
        bundle_hash=answer.bundle_hash,
        name=facts.summary.name,
        classes=manifest.classes,
        marks=manifest.marks,
        shares=dict(manifest.calibration.prior),
        decision_rule=answer.decision_rule,
        prior=answer.prior,
    )


def new_cases(
    case: Case,
    network: SavedNetwork | None,
    together: Prediction | None,
    *,
    keep_patient: bool,
    copies: bool,
) -> list[tuple[tuple[int, ...], NewCase]]:
    """Return what is to be stored: a case for each lesion, with the numbers of its images.

    Images that are not said to show one lesion become a case each.

    Args:
        case: under diagnosis.
        network: that has answered.
        together: what the images say together, where they show one lesion.
        keep_patient: whether what was entered about the patient is to be kept.
        copies: whether images are copied in.
    """
    groups = [case.images] if case.together else [(image,) for image in case.images]
    patient = case.patient if keep_patient else NOBODY
    found = []
    for images in filter(None, groups):
        diagnosis = SavedDiagnosis(
            images=tuple(map(_saved, images)),
            selected=next((at for at, image in enumerate(images) if image.number == case.selected), 0),
            network=network,
            together=together if len(images) > 1 else None,
        )
        link = next((image.link for image in images if image.link is not None), None)
        views = tuple(image.view() for image in images)
        numbers = tuple(image.number for image in images)
        found.append((numbers, NewCase(diagnosis, views, patient, copies, link)))
    return found


def case_from(opened: OpenedCase) -> Case:
    """Return a stored case as one under diagnosis, with new questions about its images."""
    stored, link = opened.diagnosis, opened.summary.link
    images = tuple(new_image(image.file(opened.folder), image.framing(), link) for image in stored.images)
    place = min(max(stored.selected, 0), len(images) - 1)
    selected = images[place].number if images else None
    # Whatever is added to it shows the same lesion.
    return Case(images, selected, together=True, patient=opened.summary.patient)


def _saved(image: CaseImage) -> SavedImage:
    crop = image.framing.crop
    answered = image.prediction if image.prediction is not None and image.prediction.predicted else None
    return SavedImage(
        path=str(image.path),
        rotation=image.framing.rotation,
        crop=crop.shares() if crop is not None else None,
        prediction=answered,
        logits=image.logits,
    )

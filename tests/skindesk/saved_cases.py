"""Cases as tests save them: drawn images, made-up predictions, no engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from skindesk.models.cases.record import SavedDiagnosis, SavedImage, SavedNetwork
from skindesk.models.cases.saving import NewCase, save_case
from skindesk.models.diagnosis.patient import NOBODY, PatientFields
from trainer.dataset.classes.malignancy import Marks
from trainer.images.framing import ImageView
from trainer.predictions import Prediction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skindesk.models.cases.saving import Saved
    from skindesk.models.diagnosis.case import CaseLink

NETWORK = SavedNetwork(
    bundle_hash="0123456789ab",
    name="First network",
    classes=("bcc", "mel", "nv"),
    marks=Marks(malignant=("bcc", "mel"), benign=("nv",)),
    shares={"bcc": 0.1, "mel": 0.2, "nv": 0.7},
)


def prediction(predicted: str = "mel", share: float = 0.6, path: str = "") -> Prediction:
    """Return a prediction of the network above."""
    rest = (1.0 - share) / 2
    shares = {name: share if name == predicted else rest for name in NETWORK.classes}
    return Prediction(
        path=path,
        probabilities=shares,
        predicted=predicted,
        malignant_probability=shares["bcc"] + shares["mel"],
    )


def new_case(
    images: Sequence[Path],
    predicted: str = "mel",
    *,
    patient: PatientFields = NOBODY,
    copies: bool = True,
    link: CaseLink | None = None,
) -> NewCase:
    """Return a case of some images, all predicted alike."""
    saved = tuple(
        SavedImage(path=str(path), prediction=prediction(predicted, path=str(path))) for path in images
    )
    together = prediction(predicted) if len(images) > 1 else None
    return NewCase(
        diagnosis=SavedDiagnosis(images=saved, network=NETWORK, together=together),
        views=tuple(ImageView(path=str(path)) for path in images),
        patient=patient,
        copies=copies,
        link=link,
    )


def save(folder: Path, images: Sequence[Path], predicted: str = "mel", **rest: PatientFields) -> Saved:
    """Save a new case."""
    return save_case(folder, new_case(images, predicted, **rest))

"""What is stored of a diagnosis: images with their framing, what which network said of them, what was entered.

Plain values, stored as JSON: what this version wrote must be readable by the next ones.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from skindesk.models.diagnosis.case import CaseLink
from skindesk.models.diagnosis.kept_case import FramedFile
from skindesk.models.diagnosis.patient import PatientFields
from trainer.dataset.classes.malignancy import Marks
from trainer.predictions import Prediction
from trainer.stored import UnreadableError, decoded


class SavedImage(FramedFile, frozen=True, kw_only=True):
    """An image of a case.

    Attributes:
        path: of the file as it was opened.
        copy: name of the copy in the case's folder; empty where the image is referenced.
        taken: day it was taken, ISO; empty where not known.
        added: when it was put into the case, UTC, ISO.
        prediction: what the network said of it; `None` where it was not asked.
        logits: that the prediction follows from.
    """

    copy: str = ""
    taken: str = ""
    added: str = ""
    prediction: Prediction | None = None
    logits: tuple[float, ...] = ()

    def file(self, folder: Path) -> Path:
        """Return where the image lies, given the case's folder of copies."""
        return folder / self.copy if self.copy else Path(self.path)

    @property
    def name(self) -> str:
        """The file's name as it was opened."""
        return Path(self.path).name


class SavedNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """Which network was asked.

    Attributes:
        bundle_hash: twelve digits.
        name: as the user called it.
        classes: in the network's order.
        marks: which of them were malignant or benign.
        shares: of the classes among the training images, 0 to 1 (see `choice_of`).
        decision_rule, prior: sentences.
    """

    bundle_hash: str
    name: str
    classes: tuple[str, ...]
    marks: Marks = Marks()
    shares: dict[str, float] = {}
    decision_rule: str = ""
    prior: str = ""


class SavedDiagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """One lesion's images and what a network said of them.

    Attributes:
        version: of this format.
        images: in order.
        selected: place of the one that was looked at.
        network: that was asked; `None` where none was.
        together: what the images say together; `None` for a single image.
    """

    version: Literal[1] = 1
    images: tuple[SavedImage, ...] = ()
    selected: int = 0
    network: SavedNetwork | None = None
    together: Prediction | None = None

    @property
    def unreliable(self) -> bool:
        """Whether an image is unlike those that the network learned from, or too poor to rely on an answer."""
        return self.warned_of is not None

    @property
    def warned_of(self) -> Prediction | None:
        """The prediction that says so; `None` where none does."""
        told = (self.decision, *(image.prediction for image in self.images))
        return next((said for said in told if said is not None and said.in_distribution is False), None)

    @property
    def decision(self) -> Prediction | None:
        """What the network said of the lesion; `None` where it said nothing."""
        if self.together is not None:
            return self.together
        answered = [image.prediction for image in self.images if image.prediction is not None]
        return answered[0] if len(answered) == 1 and answered[0].predicted else None


@dataclass(frozen=True)
class CaseState:
    """What can be changed of a stored case.

    Attributes:
        lesion: code of the lesion it shows; cases of one lesion share it.
        confirmed_class: what the lesion was found to be; empty while that is not known.
        confirmed_by: how (see `trainer.dataset.fields`, `dx_type`); empty where not stated.
        confirmed_on: day, ISO; empty where not stated.
        note: any text.
        removed_at: UTC, ISO; empty for a case that is not removed.
    """

    lesion: str
    confirmed_class: str = ""
    confirmed_by: str = ""
    confirmed_on: str = ""
    note: str = ""
    removed_at: str = ""


@dataclass(frozen=True)
class CaseSummary:
    """A stored case in the list.

    Attributes:
        number: as people call it, counted from 1.
        case_id, revision: see `CaseLink`.
        saved_at: UTC, ISO.
        images: how many.
        predicted: class; empty without a prediction.
        predicted_malignant: whether that class was marked malignant.
        probability: of that class, 0 to 1.
        malignant: probability of the malignant classes together, 0 to 1.
        unreliable: whether an image is unlike those that the network learned from, or too poor.
        above_threshold: whether the operating point flagged it; `None` where none was saved.
        bundle_hash, bundle_name: of the network.
        patient: what was entered, where that is kept.
        state: what can be changed.
        text: what a search looks in, case-folded.
    """

    number: int
    case_id: str
    revision: int
    saved_at: str
    images: int
    predicted: str
    predicted_malignant: bool
    probability: float | None
    malignant: float | None
    unreliable: bool
    above_threshold: bool | None
    bundle_hash: str
    bundle_name: str
    patient: PatientFields
    state: CaseState
    text: str

    @property
    def link(self) -> CaseLink:
        """Names the case as it is now."""
        return CaseLink(self.case_id, self.revision)


def text_of_diagnosis(diagnosis: SavedDiagnosis) -> str:
    """Return what is stored."""
    # Escaped: names of files need not be Unicode, and then only so can they be stored and read back.
    return json.dumps(msgspec.to_builtins(diagnosis), separators=(",", ":"))


def diagnosis_of(content: str) -> SavedDiagnosis:
    """Return what was stored.

    Raises:
        UnreadableError: it is damaged, or a newer program's.
    """
    return decoded(content.encode(), _decode)


def _decode(content: bytes) -> SavedDiagnosis:
    # Not by msgspec alone, which refuses names of files that are not Unicode.
    diagnosis = msgspec.convert(json.loads(content), SavedDiagnosis)
    for image in diagnosis.images:
        image.framing()  # raises ValueError for one that is none
    return diagnosis


def text_of_patient(patient: PatientFields) -> str:
    """Return what is stored of a patient; nothing where nothing was entered."""
    return json.dumps(msgspec.to_builtins(patient)) if any(msgspec.structs.astuple(patient)) else ""


def patient_of(content: str) -> PatientFields:
    """Return the patient that was stored; empty fields where it cannot be understood."""
    try:
        return decoded(content.encode(), _PATIENT.decode) if content else PatientFields()
    except UnreadableError:
        return PatientFields()


_PATIENT = msgspec.json.Decoder(PatientFields)

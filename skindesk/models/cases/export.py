"""Cases written out: a table of all, or an archive with images and every prediction. Everything here runs in a worker.

Without `identifying` nothing is written that may name a person: no patient details, no notes, no names of files.
"""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import msgspec

from skindesk.models.cases.pictures import png_of
from skindesk.models.cases.reading import cases_named
from skindesk.models.diagnosis.patient import PATIENT_ENTRIES, PatientFields
from trainer.errors import ImageError
from trainer.files import atomic_path, printable, write_text
from trainer.tables import as_csv

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skindesk.models.cases.reading import OpenedCase
    from skindesk.models.cases.record import SavedDiagnosis, SavedImage
    from trainer.predictions import Prediction

_PACKED = zipfile.ZIP_DEFLATED
_FIGURES = 6  # decimals of a probability


def export_table(folder: Path, case_ids: Sequence[str], file: Path, *, identifying: bool) -> Path:
    """Write a table of cases, a row each.

    Args:
        folder: of all cases.
        case_ids: which, in order.
        file: CSV.
        identifying: whether patient details, notes and names of files are written, too.

    Returns:
        The file.

    Raises:
        CaseError: a case is damaged.
        StorageError: the file cannot be written.
    """
    write_text(file, _table(list(cases_named(folder, case_ids)), identifying=identifying), private=True)
    return file


def export_archive(folder: Path, case_ids: Sequence[str], file: Path, *, identifying: bool) -> Path:
    """Write a ZIP archive with the table, `cases.json`, and the images without metadata; see `export_table`.

    An image that cannot be read is left out; `cases.json` then names no file for it.
    """
    cases: list[OpenedCase] = []
    told: list[dict[str, object]] = []
    with atomic_path(file, private=True) as temporary, zipfile.ZipFile(temporary, "w", _PACKED) as archive:
        for case in cases_named(folder, case_ids):
            cases.append(case)
            names = [_add_image(archive, case, place) for place in range(len(case.diagnosis.images))]
            told.append(_told(case, names, identifying=identifying))
        archive.writestr("cases.csv", _table(cases, identifying=identifying))
        archive.writestr("cases.json", json.dumps({"version": 1, "cases": told}, indent=1))
    return file


def _add_image(archive: zipfile.ZipFile, case: OpenedCase, place: int) -> str:
    """Put an image into an archive; return its name there, empty where it cannot be read."""
    from trainer.images.decoding import read_image

    name = f"images/case-{case.summary.number:05}-{place + 1}.png"
    try:
        pixels = read_image(case.diagnosis.images[place].file(case.folder))
    except ImageError:
        return ""
    # PNG is compressed already.
    archive.writestr(zipfile.ZipInfo(name), png_of(pixels), zipfile.ZIP_STORED)
    return name


def _told(case: OpenedCase, names: Sequence[str], *, identifying: bool) -> dict[str, object]:
    summary, state = case.summary, case.summary.state
    shown = case.diagnosis if identifying else without_names(case.diagnosis, names)
    facts: dict[str, object] = {
        "case": summary.number,
        "lesion": state.lesion,
        "saved_at": summary.saved_at,
        "confirmed_class": state.confirmed_class,
        "confirmed_by": state.confirmed_by,
        "confirmed_on": state.confirmed_on,
        "files": list(names),
        "diagnosis": msgspec.to_builtins(shown),
    }
    if identifying:
        facts |= {"patient": msgspec.to_builtins(summary.patient), "note": state.note}
    return facts


def without_names(diagnosis: SavedDiagnosis, names: Sequence[str]) -> SavedDiagnosis:
    """Return a diagnosis that names its images by others' names, and says nothing of where they lay.

    Args:
        diagnosis: as it is stored.
        names: of its images from now on, in their order.
    """

    def image_of(image: SavedImage, name: str) -> SavedImage:
        told = _nameless(image.prediction) if image.prediction is not None else None
        return msgspec.structs.replace(image, path=name, copy="", prediction=told)

    together = _nameless(diagnosis.together) if diagnosis.together is not None else None
    images = tuple(image_of(image, name) for image, name in zip(diagnosis.images, names, strict=True))
    return msgspec.structs.replace(diagnosis, images=images, together=together)


def _nameless(prediction: Prediction) -> Prediction:
    """Return a prediction without its file's name and what the caller knew; its warnings name no file."""
    return msgspec.structs.replace(prediction, path="", metadata=None)


def _table(cases: Sequence[OpenedCase], *, identifying: bool) -> str:
    classes = sorted(
        {
            name
            for case in cases
            if (network := case.diagnosis.network) is not None
            for name in network.classes
        }
    )
    columns = [
        "case", "lesion", "saved_at", "taken", "images", "predicted", *classes, "malignant_probability", "in_distribution",
        "above_threshold", "operating_point", "prediction_set",
        "network", "bundle_hash", "confirmed_class", "confirmed_by", "confirmed_on",
    ]  # fmt: skip
    if identifying:
        columns += [*PATIENT_ENTRIES, "case_note", "files"]
    return as_csv(columns, (_row(case, classes, identifying=identifying) for case in cases))


def _row(case: OpenedCase, classes: Sequence[str], *, identifying: bool) -> list[str]:
    summary, state, decision = case.summary, case.summary.state, case.diagnosis.decision
    shares = decision.probabilities if decision is not None else {}
    row = [
        str(summary.number),
        state.lesion,
        summary.saved_at,
        " ".join(sorted({image.taken for image in case.diagnosis.images} - {""})),
        str(summary.images),
        summary.predicted,
        *(_figure(shares.get(name)) for name in classes),
        _figure(summary.malignant),
        _likeness(case.diagnosis),
        "" if summary.above_threshold is None else str(summary.above_threshold).lower(),
        _point(decision),
        "; ".join(decision.prediction_set or ()) if decision is not None else "",
        summary.bundle_name,
        summary.bundle_hash,
        state.confirmed_class,
        state.confirmed_by,
        state.confirmed_on,
    ]
    if identifying:
        patient: PatientFields = summary.patient
        files = "; ".join(printable(image.path) for image in case.diagnosis.images)
        row += [*(getattr(patient, name) for name in PATIENT_ENTRIES), state.note, files]
    return row


def _point(decision: Prediction | None) -> str:
    """Return the operating point that was applied: "malignant >= 0.080000 for 0.95"; nothing where none was saved."""
    point = decision.operating_point if decision is not None else None
    return "" if point is None else f"{point.target} >= {_figure(point.threshold)} for {point.sensitivity:g}"


def _likeness(diagnosis: SavedDiagnosis) -> str:
    """Return `false` where an image was flagged, `true` where none was, nothing where that was not looked at."""
    decision = diagnosis.decision
    if diagnosis.unreliable:
        return "false"
    return "true" if decision is not None and decision.in_distribution else ""


def _figure(share: float | None) -> str:
    return "" if share is None else f"{share:.{_FIGURES}f}"

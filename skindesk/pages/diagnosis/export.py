"""Results on the disk: a table of all images, and the PDF report."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

from skindesk.models.pictures import read_framed
from skindesk.reports.content import DiagnosisReport, PatientFields, ReportImage, report_model
from trainer import __version__
from trainer.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skindesk.models.diagnosis import CaseImage
    from trainer.jobs import ImagePrediction

_PRINTED_SIDE = 1800  # pixels: 300 dpi over the width of a page
_SMALL_SIDE = 900  # pixels: the same for one of many
_FEW = 4
_TOGETHER = "together"


@dataclass(frozen=True)
class Finding:
    """What there is to report, as it was when that was asked for.

    Attributes:
        bundle: folder.
        name: of the run.
        images: all of them, in order, each answered.
        together: what they say together, where that was asked.
        patient: what was entered.
    """

    bundle: Path
    name: str
    images: tuple[CaseImage, ...]
    together: ImagePrediction | None
    patient: PatientFields


def make_report(finding: Finding) -> DiagnosisReport:
    """Gather what the PDF says. Reads images: for a worker.

    Raises:
        BundleError: the bundle is damaged, changed or too new.
    """
    side = _PRINTED_SIDE if len(finding.images) <= _FEW else _SMALL_SIDE
    return DiagnosisReport(
        patient=finding.patient,
        images=tuple(_report_image(image, side) for image in finding.images),
        together=finding.together,
        model=report_model(finding.bundle, name=finding.name),
        created=datetime.now().astimezone(),
        program_version=__version__,
    )


def _report_image(image: CaseImage, side: int) -> ReportImage:
    assert image.prediction is not None
    picture = QImage()
    if not image.prediction.error:
        try:
            picture = read_framed(image.path, image.view(), side)
        except ImageError:  # it could be read a moment ago; its prediction stands all the same
            picture = QImage()
    view = None if image.framing.untouched else image.view()
    return ReportImage(image.path, picture, image.prediction, view, image.size if view is None else None)


def as_csv(classes: Sequence[str], images: Sequence[CaseImage], together: ImagePrediction | None) -> str:
    """Return the predictions as a table: the columns of `python -m trainer predict --csv`, then how each was framed.

    Args:
        classes: in the network's order.
        images: a row each; those without an answer have no figures.
        together: makes a last row of that name.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    framing = ["rotation", "crop_x", "crop_y", "crop_width", "crop_height"]
    writer.writerow(["path", "predicted", *classes, "malignant_probability", "warnings", "error", *framing])
    for image in images:
        view = image.view()
        cut = [f"{share:.4f}" for share in view.crop] if view.crop is not None else [""] * 4
        writer.writerow([str(image.path), *_figures(image.prediction, classes), f"{view.rotation:g}", *cut])
    if together is not None:
        writer.writerow([_TOGETHER, *_figures(together, classes), "", "", "", "", ""])
    return stream.getvalue()


def _figures(prediction: ImagePrediction | None, classes: Sequence[str]) -> list[str]:
    if prediction is None or not prediction.probabilities:
        error = prediction.error if prediction is not None else ""
        return ["", *[""] * len(classes), "", "", error]
    return [
        prediction.predicted,
        *(f"{prediction.probabilities[name]:.6f}" for name in classes),
        f"{prediction.malignant_probability:.6f}",
        " ".join(prediction.warnings),
        "",
    ]

"""Reports for tests, and what poppler reads in a PDF."""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from PIL import Image
from PySide6.QtGui import QColor, QImage

from skindesk.models.diagnosis.patient import PatientFields
from skindesk.reports.content import (
    ClassMetric,
    DiagnosisReport,
    ReportImage,
    ReportMetric,
    ReportModel,
)
from trainer.predictions import UNLIKE, AppliedPoint, Prediction, SetBasis, Unusual

if TYPE_CHECKING:
    from collections.abc import Sequence

needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="poppler's tools (poppler-utils) are not installed"
)

RULE = "The predicted class is the one with the largest probability after re-weighting."
MODEL = ReportModel(
    name="Balanced, run 14",
    backbone="Xception",
    input_size=224,
    bundle_hash="0123456789ab",
    geometry="The network sees the largest centred square of an image, at 224 × 224 pixels.",
    trained=datetime(2026, 3, 1, 12, tzinfo=UTC),
    dataset="ham: 5,984 images, 5,984 lesions, 7 classes (fingerprint 01170d604aab)",
    split="By group: 4,188 images for training, 898 for validation, 898 for testing.",
    prior="The probabilities assume the class frequencies of the training set.",
    decision_rule=RULE,
    classes=("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"),
    shares={
        "akiec": 0.03,
        "bcc": 0.04,
        "bkl": 0.10,
        "df": 0.01,
        "mel": 0.08,
        "nv": 0.725,
        "vasc": 0.015,
    },
    malignant=("akiec", "bcc", "mel"),
    scored="898 images in 890 groups",
    metrics=(ReportMetric("Balanced accuracy", "58.9 %", "51.2–65.9 %"),),
    class_metrics=(
        ClassMetric(
            "mel",
            ReportMetric("Recall", "48.6 %", "37.1–59.1 %"),
            ReportMetric("Precision", "24.3 %", "17.2–31.7 %"),
            74,
        ),
    ),
)
PROBABILITIES = {
    "mel": 0.382,
    "nv": 0.413,
    "bkl": 0.119,
    "bcc": 0.044,
    "akiec": 0.026,
    "df": 0.013,
    "vasc": 0.003,
}


def prediction(path: str = "", predicted: str = "mel", warnings: tuple[str, ...] = ()) -> Prediction:
    """What a network says, with melanoma behind nevus in probability."""
    return Prediction(
        path=path,
        probabilities=PROBABILITIES,
        predicted=predicted,
        malignant_probability=sum(PROBABILITIES[name] for name in MODEL.malignant),
        warnings=warnings,
    )


def with_verdict(said: Prediction, threshold: float) -> Prediction:
    """The same with an operating point for 95 % sensitivity, and a prediction set of three classes."""
    assert said.malignant_probability is not None
    point = AppliedPoint(
        target="malignant", probability=said.malignant_probability, threshold=threshold, sensitivity=0.95
    )
    return msgspec.structs.replace(
        said,
        above_threshold=point.above,
        operating_point=point,
        prediction_set=("nv", "mel", "df"),
        set_basis=SetBasis(coverage=0.9, always=("df",), needed=9, informative=0.569),
    )


def grey_picture(width: int = 600, height: int = 450) -> QImage:
    """A picture in which no colour of a class occurs."""
    picture = QImage(width, height, QImage.Format.Format_RGB888)
    picture.fill(QColor(128, 128, 128))
    return picture


def image(name: str = "lesion.jpg", warnings: tuple[str, ...] = ()) -> ReportImage:
    """An image that was read."""
    path = Path("/home/someone/pictures") / name
    return ReportImage(path, grey_picture(), prediction(str(path), warnings=warnings), pixels=(600, 450))


def flagged_image(name: str = "text.png") -> ReportImage:
    """An image of another kind."""
    shown = image(name)
    warning = f"{UNLIKE}: it is more unusual than all of the 412 validation images."
    return replace(
        shown,
        prediction=msgspec.structs.replace(
            shown.prediction,
            in_distribution=False,
            unusual=Unusual(score=3.2, threshold=1.1, above=412, n=412),
            warnings=(warning, "The image is overexposed: 61% of it is white."),
        ),
    )


def poor_image(name: str = "dark.jpg") -> ReportImage:
    """An image whose quality alone fails."""
    shown = image(name)
    return replace(
        shown,
        prediction=msgspec.structs.replace(
            shown.prediction,
            in_distribution=False,
            unusual=Unusual(score=0.4, threshold=1.1, above=300, n=412),
            warnings=("The image is too dark.",),
        ),
    )


def unread_image(name: str = "broken.jpg") -> ReportImage:
    """An image that was not."""
    path = Path("/home/someone/pictures") / name
    reason = f"{path} cannot be used because it is cut off; copy or download it again."
    return ReportImage(path, QImage(), Prediction(path=str(path), error=reason))


def diagnosis(
    images: Sequence[ReportImage],
    patient: PatientFields | None = None,
    *,
    together: Prediction | None = None,
    model: ReportModel = MODEL,
) -> DiagnosisReport:
    """A report made at a known moment."""
    return DiagnosisReport(
        patient=patient or PatientFields(),
        images=tuple(images),
        together=together,
        model=model,
        created=datetime(2026, 7, 14, 13, 32, tzinfo=UTC),
        program_version="0.1.0",
    )


@dataclass(frozen=True)
class Font:
    """A line of pdffonts."""

    name: str
    embedded: bool


@dataclass(frozen=True)
class Word:
    """A word, where its middle is, and from where to where it reaches, points."""

    text: str
    x: float
    y: float
    left: float
    right: float


class ReadPdf:
    """A PDF as poppler reads it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        lines = _poppler("pdfinfo", file).splitlines()
        self.info = {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
        self.pages = [
            _poppler("pdftotext", "-layout", "-f", number, "-l", number, file, "-").replace("\f", "")
            for number in range(1, int(self.info["Pages"]) + 1)
        ]

    @property
    def text(self) -> str:
        """All text, runs of blanks and line ends as one blank."""
        return " ".join(" ".join(self.pages).split())

    @property
    def flowing(self) -> str:
        """All text column by column, so that what is broken into lines within a cell is one sentence."""
        return " ".join(_poppler("pdftotext", self.file, "-").split())

    @property
    def running_text(self) -> str:
        """All text without marks of direction, in compatibility form."""
        plain = unicodedata.normalize("NFKC", self.text)
        return "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")

    def words(self, page: int) -> list[Word]:
        """Every word of a page with its middle, points from the upper left."""
        found = re.findall(
            r'<word xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>',
            _poppler("pdftotext", "-bbox", "-f", page, "-l", page, self.file, "-"),
        )
        return [
            Word(
                *(text, (float(left) + float(right)) / 2, (float(top) + float(bottom)) / 2),
                *(float(left), float(right)),
            )
            for left, top, right, bottom, text in found
        ]

    def fonts(self) -> list[Font]:
        """Every font, and whether it is embedded."""
        rows = _poppler("pdffonts", self.file).splitlines()[2:]
        return [Font(row.split()[0], row.split()[-5] == "yes") for row in rows]

    def images(self) -> list[dict[str, str]]:
        """Every bitmap: page, width, enc, x-ppi ..."""
        head, _, *rows = _poppler("pdfimages", "-list", self.file).splitlines()
        names = [name for name in head.split() if name != "ID"]
        return [
            dict(
                zip(
                    names,
                    re.sub(
                        r"\s(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)$", r" \1 \3 \4 \5 \6", row
                    ).split(),
                    strict=True,
                )
            )
            for row in rows
        ]

    def picture(self, page: int, dpi: int, folder: Path) -> Image.Image:
        """A page as it looks."""
        target = folder / f"page-{page}-{dpi}"
        _poppler("pdftoppm", "-r", dpi, "-f", page, "-l", page, "-singlefile", "-png", self.file, target)
        return Image.open(target.with_name(target.name + ".png")).convert("RGB")


def _poppler(*words: object) -> str:
    done = subprocess.run([str(word) for word in words], check=True, capture_output=True)
    assert not done.stderr, done.stderr
    return done.stdout.decode("utf-8")

"""Stored cases reported: as one PDF or as one for each, and why one cannot be."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from PIL import Image
from PySide6.QtWidgets import QWidget

from skindesk.models.cases.cases import CasesModel
from skindesk.models.cases.saving import save_case
from skindesk.models.diagnosis.patient import PatientFields
from skindesk.pages.cases.reporting import Reporting
from tests.skindesk.made_runs import make_run
from tests.skindesk.reports_reading import ReadPdf, needs_poppler
from tests.skindesk.saved_cases import NETWORK, new_case
from trainer.predictions import Prediction
from trainer.runs.bundle import bundle_hash

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from skindesk.paths import Paths
    from skindesk.settings import Settings

PATIENCE_MS = 60_000
SHARES = {"bkl": 0.2, "mel": 0.5, "nv": 0.3}


@pytest.fixture
def reporting(qtbot: QtBot, paths: Paths, settings: Settings) -> Reporting:
    window = QWidget()
    qtbot.addWidget(window)
    return Reporting(CasesModel(paths, window), settings, window)


def _save(paths: Paths, image: Path, digits: str, patient: str) -> str:
    case = new_case([image], patient=PatientFields(name=patient))
    said = Prediction(
        path=str(image), probabilities=SHARES, predicted="mel", malignant_probability=SHARES["mel"]
    )
    shown = msgspec.structs.replace(case.diagnosis.images[0], prediction=said)
    network = msgspec.structs.replace(NETWORK, bundle_hash=digits, classes=tuple(SHARES))
    diagnosis = msgspec.structs.replace(case.diagnosis, images=(shown,), network=network)
    return save_case(paths.cases, dataclasses.replace(case, diagnosis=diagnosis)).link.case_id


@pytest.fixture
def two(paths: Paths, tmp_path: Path) -> list[str]:
    """Two cases of a network that is on this machine; the files they came from have gone."""
    digits = bundle_hash(make_run(paths.runs / "Found again") / "bundle")
    ids = []
    for name, patient in (("left arm.png", "Ada"), ("back.png", "Bea")):
        image = tmp_path / name
        Image.new("RGB", (48, 40), (180, 120, 90)).save(image)
        ids.append(_save(paths, image, digits, patient))
        image.unlink()
    return ids


@needs_poppler
def test_cases_are_reported_as_one_file_each_from_a_new_page_on(
    qtbot: QtBot, reporting: Reporting, two: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "cases.pdf"
    with qtbot.waitSignal(reporting.saved, timeout=PATIENCE_MS):
        reporting.write(two, file)
    report = ReadPdf(file)
    first, second, *_ = report.pages
    for page, words in (
        (first, ("Case 1, saved", "Ada", "left arm.png")),
        (second, ("Case 2, saved", "Bea")),
    ):
        assert all(word in page for word in words)
    assert "could not be read again" not in report.flowing
    assert report.flowing.count("About this network") == 1
    assert "Found again" not in first


def test_cases_are_reported_each_in_a_file_of_its_own(
    qtbot: QtBot, reporting: Reporting, two: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "reports"
    with qtbot.waitSignal(reporting.saved, timeout=PATIENCE_MS) as saved:
        reporting.write(two, folder, separate=True)
    assert sorted(file.name for file in folder.iterdir()) == ["case 00001.pdf", "case 00002.pdf"]
    assert saved.args[0].place == str(folder)


def test_a_case_whose_network_has_gone_is_named(
    qtbot: QtBot, reporting: Reporting, paths: Paths, tmp_path: Path
) -> None:
    image = tmp_path / "a.png"
    Image.new("RGB", (48, 40)).save(image)
    case_id = _save(paths, image, "0123456789ab", "Ada")
    with qtbot.waitSignal(reporting.failed, timeout=PATIENCE_MS) as failed:
        reporting.write([case_id], tmp_path / "case.pdf")
    assert "First network (bundle 0123456789ab), is not on this machine" in failed.args[0]
    assert not (tmp_path / "case.pdf").exists()

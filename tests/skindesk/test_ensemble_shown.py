"""An ensemble in the window and in reports: how far apart its networks are, and what is not its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest
from PySide6.QtWidgets import QWidget

from skindesk.models.diagnosis.bundle import read_bundle_facts
from skindesk.models.diagnosis.case import Answer
from skindesk.pages.diagnosis import words
from skindesk.pages.diagnosis.result_card import ResultCard, Shown
from skindesk.reports.content import report_model
from skindesk.reports.pdf import write_diagnosis_pdf
from skindesk.reports.training import training_report
from tests.skindesk.made_runs import make_run
from tests.skindesk.reports_reading import ReadPdf, diagnosis, image, needs_poppler
from trainer.errors import ConfigError
from trainer.images.evidence import EvidenceMap
from trainer.predictions import Prediction
from trainer.reference.combining import make_ensemble
from trainer.runs.reading import read_run, run_folders

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

SAID = Prediction(
    path="x.png",
    probabilities={"bkl": 0.16, "mel": 0.34, "nv": 0.5},
    predicted="nv",
    malignant_probability=0.34,
    spread={"bkl": (0.02, 0.3), "mel": (0.121, 0.584), "nv": (0.396, 0.6)},
)
LINE = "Lowest to highest of 2 networks: melanocytic nevus 39.6–60.0 %, melanoma 12.1–58.4 %, benign keratosis 2.0–30.0 %"


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.fixture
def ensemble(tmp_path: Path) -> Path:
    """Two networks that were trained on one dataset."""
    runs = [make_run(tmp_path / f"run {day}", created=datetime(2026, 3, day, tzinfo=UTC)) for day in (1, 2)]
    make_ensemble([run / "bundle" for run in runs], tmp_path / "networks" / "both")
    return tmp_path / "networks" / "both"


def test_a_list_of_networks_shows_an_ensemble_without_its_first_members_figures(ensemble: Path) -> None:
    assert run_folders([ensemble.parent]) == [ensemble]
    run = read_run(ensemble)
    assert run.has_bundle
    assert (run.name, run.backbone_title, run.networks) == ("both", "Ensemble of 2 networks", 2)
    assert (run.best_macro_recall, run.best_accuracy, run.best_epoch, run.stages) == (None, None, 0, ())
    assert not run.problem


def test_the_result_card_says_how_far_apart_the_networks_are(qtbot: QtBot, ensemble: Path) -> None:
    facts = read_bundle_facts(ensemble)
    window = QWidget()
    qtbot.addWidget(window)
    card = ResultCard(window)
    card.show_result(Shown(facts, SAID, 1))
    assert not card.spread.isHidden()
    assert plain(card.spread.text()) == LINE
    card.show_result(Shown(facts, msgspec.structs.replace(SAID, spread=None), 2))
    assert card.spread.isHidden(), "images together have none"
    card.show_result(Shown(facts, msgspec.structs.replace(SAID, in_distribution=False), 1))
    assert card.spread.isHidden(), "folded away with the probabilities"
    card.reveal.click()
    assert not card.spread.isHidden()


def test_the_sentences_of_the_page_fit_an_ensemble(ensemble: Path) -> None:
    facts = read_bundle_facts(ensemble)
    assert words.rests_on(facts, 1) == f"Mean of 2 networks, 1 image, bundle {facts.hash}."
    assert "the mean of those of 2 networks, each with its own calibration" in words.explanation(facts)
    assert "Ensemble of 2 networks, 32 × 32 pixels" in words.bundle_line(facts)
    copied = words.result_text(facts, SAID, Answer(facts.hash, "", ""), ())
    assert LINE in plain(copied)


@needs_poppler
@pytest.mark.usefixtures("qapp")
def test_a_report_says_how_far_apart_the_networks_are(ensemble: Path, tmp_path: Path) -> None:
    model = report_model(ensemble)
    assert model.backbone == "Ensemble of 2 networks"
    assert model.remarks == (), "how good the first network was says nothing of the ensemble"
    said = msgspec.structs.replace(SAID, path=str(image().path))
    seen = EvidenceMap(method="grad-cam", grid=((0.0, 1.0), (0.2, 0.0)))
    shown = replace(image(), prediction=said, evidence=seen)
    file = tmp_path / "report.pdf"
    write_diagnosis_pdf(diagnosis([shown], model=model), file)
    text = " ".join(plain(ReadPdf(file).text).split())
    assert "Lowest to highest of 2 networks" in text
    assert "melanoma 12.1–58.4 %" in text
    assert "The map is that of the first of the ensemble's 2 networks." in text


def test_an_ensemble_has_no_report_of_a_training(ensemble: Path) -> None:
    with pytest.raises(ConfigError, match="is an ensemble, which was not trained itself"):
        training_report(ensemble)

"""The card of a network: figures by age, sex and site, what it was never shown, and what its flag rests on."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import msgspec
import pytest

from skindesk.reports.content import report_model
from skindesk.reports.network.checklists import RunAnswers, clear_derm, tripod_ai
from skindesk.reports.pdf import write_diagnosis_pdf, write_training_pdf
from skindesk.reports.training import training_report
from tests.skindesk.made_runs import make_report, make_run
from tests.skindesk.reports_reading import ReadPdf, diagnosis, image, needs_poppler
from trainer.metrics.conformal import SetFigures, SetsOfClass
from trainer.metrics.counts import Count
from trainer.metrics.flags import FlagFigures, FlaggedShare
from trainer.metrics.intervals import Interval
from trainer.metrics.operating import Consequences, OperatingPoint, PointOutcome, Target
from trainer.metrics.subgroups import Rate, Subgroup, SubgroupFigures
from trainer.runs.reports import read_scored, write_scored

pytestmark = pytest.mark.usefixtures("qapp")

SAMPLES = [("a", "mel", "mel"), ("b", "nv", "nv"), ("c", "bkl", "bkl")]
FIGURES = SubgroupFigures(
    fact="sex",
    subgroups=(
        Subgroup(
            name="female",
            images=57,
            groups=50,
            accuracy=Rate(share=0.842, interval=Interval(0.712, 0.92), images=57, groups=50),
            malignant=None,
            others=Rate(share=0.9, interval=Interval(0.8, 0.95), images=48, groups=44),
        ),
    ),
    too_small=("male", "other"),
    unknown=3,
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run whose test part was scored, with figures by sex."""
    folder = make_run(tmp_path / "run")
    report = make_report(folder, "test", SAMPLES)
    write_scored(report, msgspec.structs.replace(read_scored(report), subgroups=(FIGURES,)))
    return folder


def test_a_card_shows_figures_of_subgroups_with_their_numbers(run: Path) -> None:
    (table,) = report_model(run / "bundle").card.tables
    (women,) = table.rows
    assert (women.name, women.images) == ("female", "57 images in 50 lesions")
    assert women.accuracy.value.replace("\u00a0", " ") == "84.2 % (71.2–92.0)"
    assert women.accuracy.n.replace("\u00a0", " ") == "n = 57"
    assert (women.malignant.value, women.malignant.n) == ("–", "")
    assert table.notes == (
        "Fewer than 10 lesions, so no figures: male and other.",
        "Not known of 3 images.",
    )


def test_a_card_says_why_there_are_no_figures_of_subgroups(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    assert "test part was not scored" in report_model(folder / "bundle").card.missing
    make_report(folder, "test", SAMPLES)
    card = report_model(folder / "bundle").card
    assert card.tables == ()
    assert "not known of the test images" in card.missing


def test_a_bundle_that_does_not_know_its_images_says_that_nothing_is_flagged(run: Path) -> None:
    card = report_model(run / "bundle").card
    assert not card.knows_images
    assert "nothing tells images of another kind" in card.flag


def test_a_damaged_reference_costs_only_the_flag(run: Path) -> None:
    (run / "bundle" / "reference.safetensors").write_bytes(b"damaged")
    card = report_model(run / "bundle").card
    assert "reference.safetensors cannot be used" in card.flag
    assert len(card.tables) == 1


def test_a_card_says_what_point_sets_and_flags_did_on_the_test_part(run: Path) -> None:
    point = OperatingPoint(
        target=Target(name="malignant", classes=("mel",)),
        sensitivity=0.95,
        threshold=0.08,
        lesions=90,
        missed=1,
    )
    found = Consequences(missed=Count(count=3, of=61), flagged=Count(count=120, of=780))
    covered = SetsOfClass(covered=Count(count=9, of=10), informative=Count(count=5, of=10), size=1.5)
    sets = SetFigures(coverage=0.9, always=(), calibration_lesions={}, overall=covered, per_class={})
    flags = FlagFigures(overall=FlaggedShare(n=100, flagged=4, share=0.04), per_class={})
    folder = run / "report-test"
    scored = msgspec.structs.replace(
        read_scored(folder),
        operating_point=PointOutcome(point=point, found=found),
        prediction_sets=sets,
        flags=flags,
    )
    assert report_model(run / "bundle").card.tested == ()
    write_scored(folder, scored)
    said = " ".join(report_model(run / "bundle").card.tested).replace("\u00a0", " ")
    assert "malignant from 8.0 % on, for 95 % sensitivity" in said
    assert "On the test part, 3 of 61 (4.9 %) such lesions were missed, and 120 of 780 (15.4 %) other" in said
    assert "Of the test images, they do so for 9 of 10 (90.0 %); 50.0 % of the sets hold exactly one" in said
    assert "Of the test images, 4.0 % (n = 100) are unlike the training images or too poor" in said


@needs_poppler
def test_both_reports_show_the_card(run: Path, tmp_path: Path) -> None:
    model = report_model(run / "bundle")
    write_diagnosis_pdf(diagnosis([image()], model=model), tmp_path / "images.pdf")
    write_training_pdf(training_report(run), tmp_path / "run.pdf")
    for name in ("images.pdf", "run.pdf"):
        text = ReadPdf(tmp_path / name).flowing
        assert "About this network" in text
        for words in (
            "57 images in 50 lesions",
            "84.2 % (71.2–92.0)",
            "Fewer than 10 lesions, so no figures: male and other.",
            "clinical photographs",
            "Skin tones beyond those of its dataset were not tested.",
            "nothing tells images of another kind",
        ):
            assert words in text, (name, words)


@needs_poppler
def test_the_report_of_a_run_answers_what_it_can_of_two_checklists(run: Path, tmp_path: Path) -> None:
    write_training_pdf(training_report(run), tmp_path / "run.pdf")
    text = ReadPdf(tmp_path / "run.pdf").text
    for words in (
        "Checklist: CLEAR Derm",
        "Checklist: TRIPOD+AI",
        "17 Ethical approval For you to answer: committee and consent.",
        "9a Choice of predictors The image alone; nothing about the patient is used.",
        "Skin tones Not estimated from pixels",
    ):
        assert words in text, words


@needs_poppler
def test_a_checklist_does_not_claim_figures_that_there_are_none_of(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    write_training_pdf(training_report(folder), tmp_path / "run.pdf")
    text = ReadPdf(tmp_path / "run.pdf").flowing
    assert "None yet: the test part was not scored." in text
    assert "there are no figures by age, sex or site" in text


def test_every_item_is_answered_or_left_to_the_user() -> None:
    answers = RunAnswers(
        **{field.name: "x" for field in dataclasses.fields(RunAnswers) if field.type == "str"},
        views=4,
        by_facts=False,
        drawn=False,
    )
    clear, tripod = clear_derm(answers), tripod_ai(answers)
    assert len(clear) == 25
    assert len({item.place for item in tripod}) == len(tripod)
    assert {int(re.sub(r"\D", "", item.place)) for item in tripod} == set(range(1, 28))
    assert all(item.answer or item.yours for item in (*clear, *tripod))

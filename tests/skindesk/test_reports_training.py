"""The report of a run: gathered from its folder, written as a PDF, read back by poppler."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from PySide6.QtGui import QFontDatabase

from skindesk.reports.content import report_model
from skindesk.reports.pdf import write_training_pdf
from skindesk.reports.training import training_report
from tests.skindesk import made_runs
from tests.skindesk.made_runs import make_report, make_run
from tests.skindesk.reports_reading import ReadPdf, needs_poppler
from trainer import RESEARCH_ONLY
from trainer.errors import BundleError, ConfigError
from trainer.events import Said, Stopped, Warned, encode_event
from trainer.runs.bundle import bundle_hash

pytestmark = pytest.mark.usefixtures("qapp")

SAMPLES = [
    *(("a", "mel", "mel"), ("b", "mel", "nv"), ("c", "mel", "mel")),
    *(("d", "nv", "nv"), ("e", "nv", "nv"), ("f", "bkl", "bkl"), ("g", "bkl", "mel")),
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run of three epochs, scored on a test part of seven images."""
    folder = make_run(tmp_path / "Balanced & thorough")
    make_report(folder, "test", SAMPLES)
    return folder


def _written(folder: Path, tmp_path: Path) -> ReadPdf:
    file = tmp_path / "run.pdf"
    pages = write_training_pdf(training_report(folder), file)
    report = ReadPdf(file)
    assert len(report.pages) == pages
    return report


def test_the_model_of_a_report_comes_from_manifest_and_test_scoring(run: Path) -> None:
    model = report_model(run / "bundle")
    assert model.name == "Balanced & thorough"
    assert model.bundle_hash == bundle_hash(run / "bundle")
    assert model.malignant == ("mel",)
    assert model.scored == "7 images in 7 groups"
    figures = {metric.name: metric.value.replace("\u00a0", " ") for metric in model.metrics}
    assert figures["Accuracy"] == "71.4 %"  # 5 of 7
    assert figures["Balanced accuracy"] == "72.2 %"  # (2/3 + 1 + 1/2) / 3
    recalls = {
        row.class_name: (row.recall.value.replace("\u00a0", " "), row.n) for row in model.class_metrics
    }
    assert recalls == {"bkl": ("50.0 %", 2), "mel": ("66.7 %", 3), "nv": ("100.0 %", 2)}
    assert "50 images for training, 17 for validation, 17 for testing" in model.split
    assert "Melanoma 33.3" in model.prior


def test_a_scoring_of_another_bundle_or_part_is_not_taken_for_the_test(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    make_report(folder, "validation", SAMPLES)
    make_report(folder, "test", SAMPLES, bundle="0" * 12)
    model = report_model(folder / "bundle")
    assert (model.scored, model.metrics) == ("", ())
    assert "optimistic" in model.remarks[0]


def test_a_scoring_on_another_dataset_is_said(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    make_report(folder, "test", SAMPLES, fingerprint="cd" * 32)
    assert any("another dataset or split" in remark for remark in report_model(folder / "bundle").remarks)


def test_a_bundle_alone_is_a_model(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    alone = (folder / "bundle").rename(tmp_path / "copied bundle")
    model = report_model(alone, name="My network")
    assert (model.name, model.scored) == ("My network", "")


def test_a_changed_bundle_is_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    manifest = folder / "bundle" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"mel"', b'"MEL"'))
    with pytest.raises(BundleError):
        report_model(folder / "bundle")


@needs_poppler
def test_a_report_of_a_run_says_how_good_it_is_and_how_it_came_about(run: Path, tmp_path: Path) -> None:
    report = _written(run, tmp_path)
    text = report.flowing
    for word in (
        "Balanced & thorough",
        "finished after 3 epochs",
        bundle_hash(run / "bundle"),
        "Confusion matrix of the test part",
        "Recall (ROC)",
        "Accuracy (reliability)",
        "Recall of each class, validation",
        "logit adjustment, tau 1",
        "Trained with",
        "python 3.11",
        "2 (stage head): validation balanced accuracy 60.0 %",
    ):
        assert word.lower() in text.lower(), word
    for figure in ("71.4 %", "72.2 %", "66.7 %"):
        assert figure in text
    for number, page in enumerate(report.pages, start=1):
        assert RESEARCH_ONLY in " ".join(page.split())
        assert f"Page {number} of {len(report.pages)}" in page
    assert report.images() == []  # drawings are vectors, their words are text
    assert all(font.embedded for font in report.fonts())
    assert report.info["Title"].startswith("Training report")


@needs_poppler
def test_cells_of_the_confusion_matrix_stand_in_rows_of_the_truth(run: Path, tmp_path: Path) -> None:
    report = _written(run, tmp_path)
    page = next(n for n, text in enumerate(report.pages, start=1) if "True class" in text)
    words = report.words(page)
    top = next(word.y for word in words if word.text == "True")
    columns = [
        next(w.x for w in words if w.text == name and abs(w.y - top) < 6) for name in ("bkl", "mel", "nv")
    ]
    rows = [
        next(w.y for w in words if w.text == name and w.y > top)
        for name in ("Benign", "Melanoma", "Melanocytic")
    ]
    cells = [
        [
            next(int(w.text) for w in words if w.text.isdigit() and abs(w.x - x) < 6 and abs(w.y - y) < 8)
            for x in columns
        ]
        for y in rows
    ]
    assert cells == [[1, 1, 0], [0, 2, 1], [0, 0, 2]]


@needs_poppler
def test_figures_name_classes_of_every_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese):
        pytest.skip("no font for Chinese is installed")
    monkeypatch.setattr(made_runs, "CLASSES", ("mel", "色素痣", "黑色素瘤"))
    folder = make_run(tmp_path / "run")
    make_report(
        folder, "test", [("a", "mel", "mel"), ("b", "色素痣", "黑色素瘤"), ("c", "黑色素瘤", "黑色素瘤")]
    )
    report = _written(folder, tmp_path)
    page = next(n for n, text in enumerate(report.pages, start=1) if "True class" in text)
    words = report.words(page)
    top = next(word.y for word in words if word.text == "True")
    columns = [word.text for word in sorted(words, key=lambda w: w.x) if abs(word.y - top) < 6]
    assert columns[-3:] == ["mel", "色素痣", "黑色素瘤"]
    assert all(font.embedded for font in report.fonts())


@needs_poppler
def test_a_run_without_a_bundle_has_a_report_too(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "stopped", last=Stopped(message="Stopped."), bundle=False)
    text = _written(folder, tmp_path).flowing
    assert "stopped on request after 3 epochs" in text
    assert "How it learned" in text
    assert "How good it is" not in text


@needs_poppler
def test_a_run_that_has_only_begun_has_a_report_too(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "begun", recalls=(), last=None, bundle=False)
    text = _written(folder, tmp_path).flowing
    assert "interrupted before the end of the first epoch" in text
    assert "How it learned" not in text
    assert "Settings" in text


@needs_poppler
def test_warnings_and_the_device_are_repeated(run: Path, tmp_path: Path) -> None:
    with (run / "events.jsonl").open("ab") as events:
        events.write(encode_event(Said(message="Training on the CPU (test), since there is no GPU.")))
        events.write(encode_event(Warned(message="One image was <left> out.")))
        events.write(b'{"event": "Half')
    text = _written(run, tmp_path).flowing
    assert "Training on the CPU (test), since there is no GPU." in text
    assert "One image was <left> out." in text


@needs_poppler
def test_a_damaged_table_of_predictions_costs_only_the_curves(run: Path, tmp_path: Path) -> None:
    (run / "report-test" / "predictions.csv").write_text(
        "sample_id,truth,predicted,bkl,mel,nv\na,mel,mel,x", "utf-8"
    )
    text = _written(run, tmp_path).flowing
    assert "predictions.csv is not a table of predictions" in text
    assert "Recall (ROC)" not in text
    assert "Confusion matrix of the test part" in text


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no run"):
        training_report(tmp_path)


@needs_poppler
def test_long_runs_of_many_classes_are_drawn(tmp_path: Path) -> None:
    generator = random.Random(1)
    folder = make_run(tmp_path / "long", recalls=[generator.random() for _ in range(120)])
    text = _written(folder, tmp_path).flowing
    assert "finished after 120 epochs" in text


def test_a_report_is_of_frozen_values(run: Path) -> None:
    report = training_report(run)
    assert report.seconds == 3.0
    assert [epoch.best for epoch in report.history] == [True, True, False]
    assert report.test is not None
    assert msgspec.to_builtins(report.test)["n"] == 7

"""The diagnosis page with the real engine: what is dropped on it is answered as on the command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from skindesk.engine.engines import Engines
from skindesk.engine.jobs import JobState
from skindesk.flag_words import flag_caption
from skindesk.models.cases.reading import list_cases, open_case
from skindesk.models.diagnosis.case import ImageState
from skindesk.models.diagnosis.framing import Box, Framing
from skindesk.models.workspace import Workspace
from skindesk.pages.diagnosis.evidence.similar_dialog import SimilarDialog
from skindesk.paths import Paths
from skindesk.settings import Settings
from tests.skindesk.diagnosis_page import PageWindow, drop
from trainer import RESEARCH_ONLY
from trainer.dataset.store import DatasetStore
from trainer.runs.bundle import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from skindesk.engine.jobs import JobHandle
    from skindesk.models.diagnosis.evidence import EvidenceLayer
    from skindesk.pages.diagnosis import DiagnosisPage
    from trainer.predictions import Prediction

PATIENCE_MS = 180_000  # TensorFlow starts in 6 s on an idle machine
HALF = Box(0.0, 0.0, 0.5, 1.0)


@pytest.fixture(scope="module")
def engines(qapp: QApplication, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """One engine for all tests here: TensorFlow is loaded once."""
    paths = Paths.below(tmp_path_factory.mktemp("engines"))
    engines = Engines(paths, Settings(paths.settings_file), qapp)
    yield engines
    engines.close(30.0)


@pytest.fixture(scope="module")
def images(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two of the drawn images, under names that need care."""
    folder = tmp_path_factory.mktemp("bilder & Läsionen")
    named = (folder / "erste Läsion.png", folder / "#2 (50%).png")
    for source, target in zip(("ISIC_0000000", "ISIC_0000040"), named, strict=True):
        shutil.copyfile(small_folder / "images" / f"{source}.png", target)
    return named


@pytest.fixture(scope="module")
def expected(
    first_tiny_run: Path, images: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> list[dict]:
    """What the command line says of both images, of the left half of the first, and of a text file."""
    folder = tmp_path_factory.mktemp("expected")
    half, text = folder / "half.png", folder / "notes.jpg"
    with Image.open(images[0]) as picture:
        picture.crop((0, 0, picture.width // 2, picture.height)).save(half)
    text.write_text("no image")
    command = [
        sys.executable,
        "-m",
        "trainer",
        "predict",
        first_tiny_run / "bundle",
        *images,
        half,
        text,
        "--json",
    ]
    told = subprocess.run(command, check=True, capture_output=True).stdout
    return json.loads(told)


@pytest.fixture
def page(
    qtbot: QtBot, engines: Engines, workspace: Workspace, settings: Settings, paths: Paths, tiny_run: Path
) -> Iterator[DiagnosisPage]:
    """The page, shown, with the small run's bundle chosen by itself."""
    window = PageWindow(engines.diagnosis, workspace, settings, paths, qtbot)
    page = window.page
    qtbot.waitUntil(lambda: page.network.facts is not None, timeout=PATIENCE_MS)
    assert workspace.bundle == tiny_run / "bundle"
    yield page  # noqa: PT022 - this generator keeps the window alive


def settled(page: DiagnosisPage) -> bool:
    return bool(page.model.images) and page.model.pending == 0 and not page.model.asking


def probabilities(prediction: Prediction | None) -> dict[str, float]:
    assert prediction is not None
    return prediction.probabilities


def shown_percentages(page: DiagnosisPage) -> dict[str, str]:
    """Return what the bars say, as a screen reader would."""
    lines = page.result.bars.accessibleDescription().splitlines()
    return {line.split(":")[0]: line.split(": ")[1].removesuffix(", predicted") for line in lines}


def test_dropped_images_are_answered_as_on_the_command_line_and_a_text_file_explained(
    qtbot: QtBot, page: DiagnosisPage, images: tuple[Path, Path], expected: list[dict], tmp_path: Path
) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("no image")
    drop(page.images.canvas, [images[0], text, images[1]])
    qtbot.waitUntil(lambda: settled(page), timeout=PATIENCE_MS)

    first, broken, second = page.model.images
    for image, told in ((first, expected[0]), (second, expected[1])):
        assert probabilities(image.prediction) == pytest.approx(told["probabilities"], abs=1e-6)
        assert image.prediction is not None
        assert image.prediction.predicted == told["predicted"]
        assert image.prediction.malignant_probability == pytest.approx(
            told["malignant_probability"], abs=1e-6
        )
    assert broken.state is ImageState.ERROR

    assert page.model.selected == first
    figures = {label.split()[-1]: figure for label, figure in shown_percentages(page).items()}
    told = expected[0]["probabilities"]
    assert figures == {
        "Melanoma": f"{100 * told['mel']:.1f}\u00a0%",
        "nevus": f"{100 * told['nv']:.1f}\u00a0%",
        "keratosis": f"{100 * told['bkl']:.1f}\u00a0%",
    }
    assert "▲ Melanoma" in shown_percentages(page)
    assert page.result.malignant.text() == f"{100 * expected[0]['malignant_probability']:.1f}\u00a0%"
    assert [row.value for row in page.result.bars.rows] == pytest.approx(
        sorted(told.values(), reverse=True), abs=1e-6
    )

    tile = page.images.strip.tiles[1]
    assert tile.sentence == expected[3]["error"].replace(expected[3]["path"], "notes.jpg")
    assert str(tmp_path) not in tile.sentence
    share = f"{100 * told[expected[0]['predicted']]:.1f}\u00a0%"
    first = page.model.images[0].prediction
    assert first is not None
    assert (flag_caption(first) or share) in page.images.strip.tiles[0].caption
    page.model.select(broken.number)
    assert page.result.shown.note == tile.sentence
    assert not page.result.predicted.isVisible()


def test_a_crop_is_what_is_asked_and_an_answer_to_the_whole_image_is_dropped(
    qtbot: QtBot, page: DiagnosisPage, engines: Engines, images: tuple[Path, Path], expected: list[dict]
) -> None:
    jobs: list[JobHandle] = []
    engines.diagnosis.added.connect(jobs.append)
    page.add_images(list(images))
    qtbot.waitUntil(lambda: len(jobs) == 1, timeout=PATIENCE_MS)
    first, _ = page.model.images
    page.model.set_framing(first.number, Framing(crop=HALF))
    told: list[tuple[ImageState, dict[str, float]]] = []

    def note(number: int) -> None:
        image = page.model.image(number)
        if number == first.number and image is not None:
            told.append((image.state, probabilities(image.prediction) if image.prediction else {}))

    page.model.image_changed.connect(note)
    qtbot.waitUntil(lambda: settled(page), timeout=PATIENCE_MS)

    assert jobs[0].state is JobState.DONE, "it still held an answer that was wanted: the second image's"
    assert [view.crop for view in jobs[0].job.images] == [None, None]
    assert [view.crop for view in jobs[1].job.images] == [HALF.shares()]
    answers = [values for state, values in told if state is ImageState.DONE]
    assert len(answers) == 1, "the older answer never showed"
    assert answers[0] == pytest.approx(expected[2]["probabilities"], abs=1e-6)
    assert answers[0] != pytest.approx(expected[0]["probabilities"], abs=1e-6)
    assert probabilities(page.model.images[1].prediction) == pytest.approx(
        expected[1]["probabilities"], abs=1e-6
    )

    # An older framing that was answered is answered at once when it is taken back.
    page.commands.undo.trigger()
    assert page.model.images[0].framing == Framing()
    qtbot.waitUntil(lambda: settled(page), timeout=PATIENCE_MS)
    assert probabilities(page.model.images[0].prediction) == pytest.approx(
        expected[0]["probabilities"], abs=1e-6
    )


def test_turning_asks_about_the_angle_once_it_rests(
    qtbot: QtBot, page: DiagnosisPage, engines: Engines, images: tuple[Path, Path]
) -> None:
    page.add_images([images[0]])
    qtbot.waitUntil(lambda: settled(page) and page.images.canvas.has_picture, timeout=PATIENCE_MS)
    jobs: list[JobHandle] = []
    engines.diagnosis.added.connect(jobs.append)
    for value in (4, 10, 20, 31):
        page.images.tools.slider.setValue(value)
    qtbot.waitUntil(lambda: bool(jobs) and settled(page), timeout=PATIENCE_MS)
    assert len(jobs) == 1, "not every angle on the way is asked about"
    (view,) = jobs[0].job.images
    assert view.rotation == 15.5
    assert view.crop is not None, "the corners that the angle leaves empty are left out"
    assert view.crop == page.model.images[0].framing.part(48, 40).shares()
    assert page.model.selected is not None
    assert page.model.selected.state is ImageState.DONE


def test_where_the_network_looked_is_asked_once_for_each_class_and_follows_the_crop(
    qtbot: QtBot, page: DiagnosisPage, engines: Engines, images: tuple[Path, Path], tiny_run: Path
) -> None:
    (tiny_run / "bundle" / REFERENCE).unlink()  # so that no image is flagged, whatever was drawn

    def looked() -> EvidenceLayer:
        qtbot.waitUntil(lambda: page.evidence.layer is not None or page.evidence.empty, timeout=PATIENCE_MS)
        assert page.evidence.layer is not None
        return page.evidence.layer

    bar, canvas = page.images.evidence, page.images.canvas
    page.add_images([images[0]])
    qtbot.waitUntil(lambda: settled(page) and canvas.has_picture, timeout=PATIENCE_MS)
    jobs: list[JobHandle] = []
    engines.diagnosis.added.connect(jobs.append)
    clear = canvas.grab().toImage()
    page.commands.evidence.trigger()
    assert bar.mode.currentData() == "overlay"
    first = looked()
    predicted = page.findings.shown().prediction
    assert predicted is not None
    assert page.evidence.class_name == predicted.predicted
    overlay = canvas.grab().toImage()
    assert overlay != clear
    bar.opacity.setValue(100)
    assert canvas.grab().toImage() != overlay

    bar.sharper.setChecked(True)
    assert looked().colours != first.colours
    bar.sharper.setChecked(False)
    assert looked().colours == first.colours
    assert len(jobs) == 1

    other = next(name for name in ("mel", "nv") if name != predicted.predicted)
    bar.classes.setCurrentIndex(bar.classes.findData(other))
    bar.classes.activated.emit(bar.classes.currentIndex())
    qtbot.waitUntil(lambda: not page.evidence.busy, timeout=PATIENCE_MS)
    assert [job.job.class_name for job in jobs] == [predicted.predicted, other]
    bar.classes.setCurrentIndex(0)
    bar.classes.activated.emit(0)
    assert looked().colours == first.colours
    assert len(jobs) == 2

    page.model.set_framing(page.model.images[0].number, Framing(crop=HALF))
    assert page.evidence.layer is None
    qtbot.waitUntil(lambda: settled(page), timeout=PATIENCE_MS)
    looked()
    assert jobs[-1].job.image.crop == HALF.shares()
    page.commands.evidence.trigger()
    assert bar.mode.currentData() == "outline"
    page.commands.evidence.trigger()
    assert page.evidence.layer is None
    page.commands.undo.trigger()
    qtbot.waitUntil(lambda: settled(page), timeout=PATIENCE_MS)
    assert canvas.grab().toImage() == clear


def test_an_image_unlike_the_training_images_has_no_map_and_no_votes_unless_a_class_is_chosen(
    qtbot: QtBot, page: DiagnosisPage, tmp_path: Path
) -> None:
    Image.fromarray(np.full((60, 60, 3), 255, np.uint8)).save(blank := tmp_path / "blank.png")
    page.commands.evidence.trigger()
    page.add_images([blank])
    qtbot.waitUntil(lambda: settled(page), timeout=PATIENCE_MS)
    prediction = page.model.images[0].prediction
    assert prediction is not None
    assert prediction.in_distribution is False
    assert page.similar.isVisible()
    assert not page.similar.votes.isVisible()
    bar = page.images.evidence
    assert bar.paint is not None
    assert bar.paint.layer is None
    assert bar.paint.caption == "The result is not to be relied on: choose a class to see its map"
    bar.classes.setCurrentIndex(bar.classes.findData("mel"))
    bar.classes.activated.emit(bar.classes.currentIndex())
    qtbot.waitUntil(lambda: not page.evidence.busy, timeout=PATIENCE_MS)
    assert bar.paint.caption.startswith("Melanoma: ")
    page.commands.clear.trigger()
    assert bar.paint is None


def test_similar_confirmed_cases_are_shown_and_opened_large(
    qtbot: QtBot, page: DiagnosisPage, workspace: Workspace, images: tuple[Path, Path], small_dataset: Path
) -> None:
    card = page.similar
    assert not card.isVisible()
    page.add_images([images[0]])
    qtbot.waitUntil(lambda: settled(page), timeout=PATIENCE_MS)
    similar = page.model.images[0].similar
    assert similar is not None
    assert card.isVisible()
    assert len(card.tiles) == len(similar.nearest) == 8
    votes = {name: round(share * similar.of) for name, share in similar.shares.items()}
    assert sum(votes.values()) == similar.of == 16
    assert all(f"{count} " in card.votes.text() for count in votes.values())
    assert "open the dataset" in card.note.text()
    assert "histopathology" in card.tiles[0].accessibleName()

    workspace.set_dataset(small_dataset)
    qtbot.waitUntil(lambda: "open the dataset" not in card.note.text())
    card.tiles[2].click()
    dialog = page.window().findChild(SimilarDialog)
    assert dialog is not None
    qtbot.waitUntil(lambda: not dialog.picture.shown_size.isEmpty())
    assert similar.nearest[2].sample_id in dialog.facts.text()
    QTest.keyClick(dialog, Qt.Key.Key_Right)
    assert similar.nearest[3].sample_id in dialog.facts.text()
    qtbot.waitUntil(lambda: not dialog.picture.shown_size.isEmpty())
    assert dialog.picture.reason == ""
    dialog.reject()

    shutil.copyfile(small_dataset, gone := small_dataset.with_name("without images.db"))
    with DatasetStore.open(gone) as store:
        store.database.set_fact("root", "nowhere")
    workspace.set_dataset(gone)
    qtbot.waitUntil(lambda: "open the dataset" in card.note.text())
    page.commands.clear.trigger()
    assert not card.isVisible()


def test_images_of_one_lesion_are_answered_together_and_reported(
    qtbot: QtBot, page: DiagnosisPage, images: tuple[Path, Path], expected: list[dict], tmp_path: Path
) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("no image")
    page.add_images([*images, text])
    qtbot.waitUntil(lambda: settled(page), timeout=PATIENCE_MS)
    page.images.together.click()
    qtbot.waitUntil(lambda: page.model.together_prediction is not None, timeout=PATIENCE_MS)

    # Mean logits give the geometric mean of the probabilities, made to sum to 1.
    classes = list(expected[0]["probabilities"])
    product = np.array(
        [np.sqrt(np.prod([told["probabilities"][name] for told in expected[:2]])) for name in classes]
    )
    mean = dict(zip(classes, (product / product.sum()).tolist(), strict=True))
    assert probabilities(page.model.together_prediction) == pytest.approx(mean, abs=1e-5)
    assert page.result.shown.choice == "together"
    assert page.result.shown.images == 2
    page.result.choice.buttons["image"].click()
    assert page.result.shown.prediction == page.model.images[0].prediction
    page.result.choice.buttons["together"].click()

    page.commands.copy.trigger()
    copied = QGuiApplication.clipboard().text()
    assert images[0].name in copied
    assert images[1].name in copied
    assert f"▲ Melanoma\t{100 * mean['mel']:.1f}\u00a0%" in copied
    assert RESEARCH_ONLY in copied

    table = tmp_path / "table.csv"
    page.saving.write_table(
        page.network.facts.manifest.classes, page.model.images, page.model.together_prediction, table
    )
    qtbot.waitUntil(lambda: page.notice.text == "Saved as table.csv.")
    rows = table.read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith(
        "path,predicted,bkl,mel,nv,malignant_probability,prior,in_distribution,unusual,above_threshold,prediction_set,warnings,error,rotation"
    )
    assert f"{expected[0]['probabilities']['mel']:.6f}" in rows[1]
    assert "not an image" in rows[3]
    assert rows[4].startswith("together,")

    page.patient.editors["name"].setText("Ada Björk")
    page.patient.editors["notes"].setPlainText("Seen twice.")
    report = tmp_path / "report.pdf"
    assert page.answered
    away = images[0].rename(tmp_path / images[0].name)  # the page holds its picture
    assert page.save_pdf(report)
    qtbot.waitUntil(lambda: page.notice.text == "Saved as report.pdf.", timeout=PATIENCE_MS)
    away.rename(images[0])
    words = subprocess.run(
        ["pdftotext", "-layout", report, "-"], check=True, capture_output=True, text=True
    ).stdout
    words = words.replace("\u00a0", " ")  # which of them is read back depends on the font
    for wanted in (
        "Ada Björk",
        "Seen twice.",
        "Melanoma",
        f"{100 * mean['mel']:.1f} %",
        images[0].name,
        "notes.jpg",
    ):
        assert wanted in words.replace("\u00a0", " ")  # fonts draw both as one
    assert "could not be read again" not in words
    assert page.network.facts.hash in words

    page.save_pdf(tmp_path / "notes.jpg" / "report.pdf")
    qtbot.waitUntil(lambda: "Cannot write" in page.notice.text, timeout=PATIENCE_MS)


def test_turning_one_image_of_a_lesion_asks_about_that_image_only(
    qtbot: QtBot, page: DiagnosisPage, engines: Engines, images: tuple[Path, Path]
) -> None:
    page.add_images(images)
    qtbot.waitUntil(lambda: settled(page), timeout=PATIENCE_MS)
    jobs: list[JobHandle] = []
    engines.diagnosis.added.connect(jobs.append)

    def combined() -> bool:
        return settled(page) and page.model.together_prediction is not None

    page.images.together.click()
    qtbot.waitUntil(combined, timeout=PATIENCE_MS)
    assert [len(handle.job.images) for handle in jobs] == [0], "both images have been analysed already"
    before = page.model.together_prediction
    page.commands.rotate_right.trigger()
    qtbot.waitUntil(combined, timeout=PATIENCE_MS)
    assert [len(handle.job.images) for handle in jobs] == [0, 1]
    turned = page.model.together_prediction
    page.model.set_bundle(page.model.bundle, anew=True)
    qtbot.waitUntil(combined, timeout=PATIENCE_MS)
    assert len(jobs[-1].job.images) == 2
    assert probabilities(turned) == pytest.approx(probabilities(page.model.together_prediction), abs=1e-6)
    assert probabilities(turned) != pytest.approx(probabilities(before), abs=1e-6)


def test_a_killed_engine_is_said_and_can_be_asked_again(
    qtbot: QtBot, page: DiagnosisPage, engines: Engines, images: tuple[Path, Path], expected: list[dict]
) -> None:
    page.add_images([images[0]])
    qtbot.waitUntil(lambda: settled(page), timeout=PATIENCE_MS)
    jobs: list[JobHandle] = []

    def kill(handle: JobHandle) -> None:
        jobs.append(handle)
        if len(jobs) == 1:
            os.kill(engines.diagnosis.child_pid, signal.SIGKILL)

    engines.diagnosis.added.connect(kill)
    page.commands.rotate_right.trigger()
    page.commands.rotate_left.trigger()
    page.add_images([images[1]])
    qtbot.waitUntil(page.failure.isVisible, timeout=PATIENCE_MS)
    assert "ended unexpectedly" in page.failure.text
    left = [image for image in page.model.images if image.state is ImageState.LEFT]
    assert left, "what was not answered is known"
    assert page.images.strip.tiles[-1].caption == "Not analysed"
    page.failure.acted.emit()
    qtbot.waitUntil(lambda: settled(page), timeout=PATIENCE_MS)
    assert not page.failure.isVisible()
    assert [image.state for image in page.model.images] == [ImageState.DONE, ImageState.DONE]
    assert probabilities(page.model.images[1].prediction) == pytest.approx(
        expected[1]["probabilities"], abs=1e-6
    )


def test_many_images_are_asked_in_batches_and_can_be_left(
    qtbot: QtBot, page: DiagnosisPage, engines: Engines, small_folder: Path
) -> None:
    jobs: list[JobHandle] = []
    engines.diagnosis.added.connect(jobs.append)
    drop(page, [small_folder / "images"])
    qtbot.waitUntil(lambda: len(jobs) == 6, timeout=PATIENCE_MS)
    assert page.notice.text == "84 images found in images."
    assert [len(handle.job.images) for handle in jobs] == [16, 16, 16, 16, 16, 4]
    assert jobs[0].job.images[0].path.endswith("ISIC_0000000.png")
    page.model.stop()
    assert page.model.pending == 0
    assert "not analysed" in page.failure.text
    left = sum(image.state is ImageState.LEFT for image in page.model.images)
    assert left > 0
    qtbot.waitUntil(lambda: not page.model.asking, timeout=PATIENCE_MS)
    assert sum(image.state is ImageState.LEFT for image in page.model.images) == left, (
        "no late answer came in"
    )
    page.failure.acted.emit()
    qtbot.waitUntil(lambda: settled(page), timeout=PATIENCE_MS)
    assert {image.state for image in page.model.images} == {ImageState.DONE}


def test_a_damaged_bundle_is_explained_and_not_asked(
    qtbot: QtBot, page: DiagnosisPage, images: tuple[Path, Path], tiny_run: Path, workspace: Workspace
) -> None:
    page.add_images([images[0]])
    qtbot.waitUntil(lambda: settled(page), timeout=PATIENCE_MS)
    manifest = tiny_run / "bundle" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"backbone"', b'"backbonE"', 1))
    workspace.set_bundle(None)
    workspace.set_bundle(tiny_run / "bundle")
    qtbot.waitUntil(page.bundle.problem.isVisible, timeout=PATIENCE_MS)
    assert "differs from what was written" in page.bundle.problem.text
    assert page.network.facts is None
    assert page.model.bundle is None
    assert not page.result.isVisible()


def test_what_was_answered_stays_when_the_same_image_comes_again(
    qtbot: QtBot, page: DiagnosisPage, images: tuple[Path, Path]
) -> None:
    page.add_images(list(images))
    qtbot.waitUntil(lambda: settled(page), timeout=PATIENCE_MS)
    before = page.model.images
    page.add_images([images[1]])
    qtbot.waitUntil(lambda: "Already here" in page.notice.text)
    assert [replace(image, size=None) for image in page.model.images] == [
        replace(image, size=None) for image in before
    ]
    assert page.model.selected is not None
    assert page.model.selected.path == images[1]


def test_a_saved_case_holds_the_result_and_gives_it_again(
    qtbot: QtBot, page: DiagnosisPage, images: tuple[Path, Path], expected: list[dict], paths: Paths
) -> None:
    drop(page, images)
    qtbot.waitUntil(lambda: len(page.model.images) == 2, timeout=PATIENCE_MS)
    page.model.set_together(together=True)
    page.model.set_framing(page.model.images[0].number, Framing(0.0, HALF))
    assert not page.commands.keep.isEnabled()  # the answers are awaited
    qtbot.waitUntil(page.commands.keep.isEnabled, timeout=PATIENCE_MS)
    together = page.model.together_prediction
    page.commands.keep.trigger()
    qtbot.waitUntil(lambda: page.notice.text == "Saved as case 1.", timeout=PATIENCE_MS)
    (listed,) = list_cases(paths.cases).cases
    opened = open_case(paths.cases, listed.case_id)
    network = opened.diagnosis.network
    assert network is not None
    assert network.bundle_hash == listed.bundle_hash == page.network.facts.hash
    assert opened.diagnosis.together == together
    saved = [probabilities(image.prediction) for image in opened.diagnosis.images]
    assert saved == [pytest.approx(expected[place]["probabilities"], abs=1e-5) for place in (2, 1)]
    page.commands.clear.trigger()
    page.open_case(opened)
    qtbot.waitUntil(lambda: settled(page) and page.model.together_prediction is not None, timeout=PATIENCE_MS)
    again = [probabilities(image.prediction) for image in page.model.images]  # of copies
    assert again == [pytest.approx(before, abs=1e-5) for before in saved]

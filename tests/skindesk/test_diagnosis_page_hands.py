"""The diagnosis page by hand: paste, drop, keys, cards; no network answers here."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDragLeaveEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from skindesk.flag_words import flag_caption
from skindesk.models.diagnosis.bundle import BundleFacts, read_bundle_facts
from skindesk.models.diagnosis.case import Answer, CaseImage, ImageState
from skindesk.models.diagnosis.collecting import MOST_IMAGES, collect
from skindesk.models.diagnosis.framing import Framing
from skindesk.pages.diagnosis import words
from skindesk.pages.diagnosis.bundle_card import BundleCard
from skindesk.pages.diagnosis.completing import CompletePanel
from skindesk.pages.diagnosis.export import as_csv
from skindesk.pages.diagnosis.result_card import ResultCard, Shown
from skindesk.pages.diagnosis.saving import report_name
from tests.skindesk.diagnosis_page import PageWindow, drop, drop_data
from tests.skindesk.made_runs import make_report, make_run
from tests.skindesk.reports_reading import with_verdict
from trainer.dataset.classes.malignancy import Marks
from trainer.errors import TrainerError
from trainer.images.decoding import read_image
from trainer.metrics.operating import OperatingPoint, Target
from trainer.predictions import UNLIKE, Prediction, Unusual
from trainer.protocol.scoring import CompleteBundle
from trainer.runs.marks import write_marks
from trainer.runs.operating_point import write_operating_point

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from skindesk.engine.engines import Engines
    from skindesk.engine.jobs import JobQueue
    from skindesk.models.workspace import Workspace
    from skindesk.pages.diagnosis import DiagnosisPage
    from skindesk.paths import Paths
    from skindesk.settings import Settings

PATIENCE_MS = 30_000
NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def page(
    qtbot: QtBot, engines: Engines, workspace: Workspace, settings: Settings, paths: Paths
) -> Iterator[DiagnosisPage]:
    """The page of someone who has no network yet; its engine takes no jobs, so that none is started."""
    engines.diagnosis.begin_close()
    window = PageWindow(engines.diagnosis, workspace, settings, paths, qtbot)
    yield window.page  # noqa: PT022 - this generator keeps the window alive


@pytest.fixture
def images(small_folder: Path) -> list[Path]:
    return sorted((small_folder / "images").glob("*.png"))[:3]


@pytest.fixture
def three(qtbot: QtBot, page: DiagnosisPage, images: list[Path]) -> DiagnosisPage:
    """The page with three images, the first of which is shown."""
    drop(page, images)
    qtbot.waitUntil(
        lambda: len(page.model.images) == 3 and page.images.canvas.has_picture, timeout=PATIENCE_MS
    )
    page.images.canvas.setFocus()
    return page


@pytest.fixture
def facts(tmp_path: Path) -> BundleFacts:
    """A bundle that was scored on ten images: of four melanomas it found three."""
    run = make_run(tmp_path / "Fine network")
    truth_and_said = ["mel mel"] * 3 + ["mel nv"] + ["nv nv"] * 5 + ["nv mel"]
    samples = [(f"ISIC_{k}", *pair.split()) for k, pair in enumerate(truth_and_said)]
    make_report(run, "test", samples)
    return read_bundle_facts(run / "bundle")


def said(mel: float, nv: float, bkl: float, predicted: str) -> Prediction:
    return Prediction(
        path="x.png",
        probabilities={"bkl": bkl, "mel": mel, "nv": nv},
        predicted=predicted,
        malignant_probability=mel,
    )


# --- coming in ------------------------------------------------------------------------------------------------


def test_a_pasted_picture_becomes_a_file_and_is_shown(
    qtbot: QtBot, page: DiagnosisPage, paths: Paths
) -> None:
    picture = QImage(31, 17, QImage.Format.Format_RGB32)
    picture.fill(QColor(200, 100, 50))
    QGuiApplication.clipboard().setImage(picture)
    QTest.keyClick(page, Qt.Key.Key_V, CONTROL)
    qtbot.waitUntil(lambda: len(page.model.images) == 1, timeout=PATIENCE_MS)
    (file,) = paths.pasted.glob("*.png")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 or sys.platform == "win32"
    assert page.model.images[0].path == file
    pixels = read_image(file)
    assert pixels.shape == (17, 31, 3)
    assert pixels[8, 15].tolist() == [200, 100, 50]
    # The same again within the second is another image.
    page.commands.paste.trigger()
    qtbot.waitUntil(lambda: len(page.model.images) == 2, timeout=PATIENCE_MS)
    assert len(list(paths.pasted.glob("*.png"))) == 2


def test_pasted_files_are_taken_and_anything_else_is_refused_in_words(
    qtbot: QtBot, page: DiagnosisPage, images: list[Path]
) -> None:
    QGuiApplication.clipboard().setText("some words")
    page.commands.paste.trigger()
    assert "no image" in page.notice.text
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in images])
    QGuiApplication.clipboard().setMimeData(data)
    page.commands.paste.trigger()
    qtbot.waitUntil(lambda: [image.path for image in page.model.images] == images, timeout=PATIENCE_MS)
    assert not page.notice.isVisible()


def test_a_picture_dragged_from_another_program_is_taken(qtbot: QtBot, page: DiagnosisPage) -> None:
    picture = QImage(20, 20, QImage.Format.Format_RGB32)
    picture.fill(QColor(1, 2, 3))
    data = QMimeData()
    data.setImageData(picture)
    drop_data(page.images.canvas, data)
    qtbot.waitUntil(lambda: len(page.model.images) == 1, timeout=PATIENCE_MS)


def test_what_hovers_is_shown_until_it_is_dropped_or_leaves(page: DiagnosisPage, images: list[Path]) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(images[0]))])
    before = page.images.grab().toImage()
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, NONE)
    QApplication.sendEvent(page, enter)
    assert enter.isAccepted()
    assert page.images.grab().toImage() != before
    QApplication.sendEvent(page, QDragLeaveEvent())
    assert page.images.grab().toImage() == before


def test_a_folder_is_taken_in_the_order_people_count(tmp_path: Path) -> None:
    for name in ("a10.png", "a9.png", "b/a1.JPG", "notes.txt", ".hidden/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    collected = collect([tmp_path])
    assert [path.name for path in collected.images] == ["a9.png", "a10.png", "a1.JPG"]
    assert collected.found == 3


def test_more_images_than_anyone_looks_at_are_cut_and_counted(
    qtbot: QtBot, page: DiagnosisPage, tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(MOST_IMAGES + 7):
        (folder / f"{number}.png").touch()
    page.add_images([folder])
    qtbot.waitUntil(lambda: bool(page.model.images), timeout=PATIENCE_MS)
    assert len(page.model.images) == MOST_IMAGES
    assert f"{MOST_IMAGES + 7} images" in page.notice.text
    assert page.model.images[10].path.name == "10.png"


def test_a_folder_without_images_says_so(qtbot: QtBot, page: DiagnosisPage, tmp_path: Path) -> None:
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "letter.txt").touch()
    with pytest.raises(TrainerError, match="No images found in letters"):
        collect([folder])
    drop(page, [folder])
    qtbot.waitUntil(lambda: "No images found in letters" in page.notice.text, timeout=PATIENCE_MS)


@pytest.mark.skipif(sys.platform != "linux", reason="only there a file's name can be any bytes")
def test_a_name_that_is_not_unicode_is_explained(qtbot: QtBot, page: DiagnosisPage, tmp_path: Path) -> None:
    name = os.fsdecode(b"l\xe4sion.png")
    (tmp_path / name).touch()
    page.add_images([tmp_path / name])
    qtbot.waitUntil(lambda: len(page.model.images) == 1, timeout=PATIENCE_MS)
    assert page.model.images[0].state is ImageState.ERROR
    assert "not valid Unicode" in page.images.strip.tiles[0].sentence
    # It is never asked about, whatever else is done.
    page.model.set_bundle(tmp_path, anew=True)
    page.model.ask_again()
    assert page.model.images[0].state is ImageState.ERROR
    assert page.model.images[0].view().path.endswith("l\\udce4sion.png")
    assert "l\\udce4sion.png" in as_csv(("mel",), page.model.images, None)


def test_images_come_from_other_pages_and_from_the_window(
    qtbot: QtBot, page: DiagnosisPage, workspace: Workspace, images: list[Path]
) -> None:
    workspace.images_for_diagnosis.emit([images[0]])
    assert page.open_path(images[1])
    assert page.open_path(images[1].parent.parent)
    assert not page.open_path(images[1].with_suffix(".db"))
    qtbot.waitUntil(lambda: len(page.model.images) == 84, timeout=PATIENCE_MS)


# --- by keys --------------------------------------------------------------------------------------------------


def test_keys_turn_crop_step_remove_and_undo(three: DiagnosisPage) -> None:
    canvas, model = three.images.canvas, three.model
    QTest.keyClick(canvas, Qt.Key.Key_R, CONTROL)
    assert model.images[0].framing == Framing(90.0)
    QTest.keyClick(canvas, Qt.Key.Key_R, CONTROL | SHIFT)
    QTest.keyClick(canvas, Qt.Key.Key_R, CONTROL | SHIFT)
    assert model.images[0].framing == Framing(-90.0)
    QTest.keyClick(canvas, Qt.Key.Key_K, CONTROL)
    assert canvas.cropping
    assert three.commands.crop.isChecked()
    QTest.keyClick(canvas, Qt.Key.Key_Left, SHIFT)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    crop = model.images[0].framing.crop
    assert crop is not None
    assert crop.shares() == pytest.approx((0.0, 0.0, 0.99, 1.0))
    QTest.keyClick(canvas, Qt.Key.Key_Backspace, CONTROL)
    assert model.images[0].framing == Framing()
    QTest.keyClick(canvas, Qt.Key.Key_PageDown)
    assert model.selected == model.images[1]
    before = model.images
    QTest.keyClick(canvas, Qt.Key.Key_Delete)
    assert [image.path for image in model.images] == [before[0].path, before[2].path]
    assert model.selected == model.images[1]
    assert three.notice.text == "Removed 1 image."
    QTest.keyClick(canvas, Qt.Key.Key_Z, CONTROL)
    assert [image.path for image in model.images] == [image.path for image in before]
    assert model.selected == model.images[1]


def test_keys_in_a_field_belong_to_the_field(three: DiagnosisPage) -> None:
    three.patient.unfold()
    three.patient.editors["name"].setFocus()
    QGuiApplication.clipboard().setText("Ada")
    QTest.keyClick(three.patient.editors["name"], Qt.Key.Key_V, CONTROL)
    QTest.keyClick(three.patient.editors["name"], Qt.Key.Key_Home)
    QTest.keyClick(three.patient.editors["name"], Qt.Key.Key_Delete)
    assert three.patient.fields().name == "da"
    QTest.keyClick(three.patient.editors["name"], Qt.Key.Key_Z, CONTROL)
    assert len(three.model.images) == 3


def test_the_strip_is_walked_with_arrows_and_several_are_removed_at_once(three: DiagnosisPage) -> None:
    tiles = three.images.strip.list
    QTest.keyClick(tiles, Qt.Key.Key_Right)
    assert three.model.selected == three.model.images[1]
    QTest.keyClick(tiles, Qt.Key.Key_Right, SHIFT)
    QTest.keyClick(tiles, Qt.Key.Key_Delete)
    assert len(three.model.images) == 1
    assert three.notice.text == "Removed 2 images."


def test_a_new_lesion_clears_everything_and_can_be_taken_back(three: DiagnosisPage) -> None:
    three.patient.editors["name"].setText("Ada")
    three.patient.editors["examiner"].setText("Dr Noether")
    three.commands.clear.trigger()
    assert three.model.images == ()
    assert three.patient.fields().name == ""
    assert three.patient.fields().examiner == "Dr Noether"
    three.notice.acted.emit()
    assert len(three.model.images) == 3
    assert three.patient.fields().name == "Ada"


def test_the_undo_that_is_offered_takes_back_that_removal_and_nothing_else(three: DiagnosisPage) -> None:
    first, second, third = (image.path for image in three.model.images)
    QTest.keyClick(three.images.canvas, Qt.Key.Key_Delete)
    three.commands.rotate_right.trigger()
    three.notice.acted.emit()
    assert [image.path for image in three.model.images] == [first, second, third]
    assert three.model.selected == three.model.images[0]
    assert three.model.images[1].framing == Framing(90.0)
    assert not three.notice.isVisible()
    three.commands.undo.trigger()
    assert [image.path for image in three.model.images] == [second, third], "putting back is a change, too"
    three.commands.undo.trigger()
    assert three.model.images[0].framing == Framing()
    three.commands.undo.trigger()
    assert [image.path for image in three.model.images] == [first, second, third]


def test_a_removal_that_was_taken_back_already_is_not_taken_back_twice(three: DiagnosisPage) -> None:
    QTest.keyClick(three.images.canvas, Qt.Key.Key_Delete)
    removal = three.model._undo[-1].removal
    three.commands.undo.trigger()
    before = three.model.case
    three.model.put_back(removal)
    assert three.model.case == before


def test_a_lesion_that_comes_back_brings_its_patient_and_only_that_one(three: DiagnosisPage) -> None:
    three.patient.editors["name"].setText("Ada")
    three.patient.editors["patient_id"].setText("1")
    three.commands.clear.trigger()
    three.patient.editors["name"].setText("Bob")
    three.commands.undo.trigger()
    assert len(three.model.images) == 3
    assert (three.patient.editors["name"].text(), three.patient.editors["patient_id"].text()) == ("Ada", "1")


def test_what_is_entered_about_a_patient_can_be_cleared_without_images(page: DiagnosisPage) -> None:
    page.patient.editors["examiner"].setText("Dr Noether")
    assert not page.commands.clear.isEnabled()
    page.patient.editors["notes"].setPlainText("Seen twice.")
    page.commands.clear.trigger()
    assert page.patient.editors["notes"].toPlainText() == ""
    page.notice.acted.emit()
    assert page.patient.editors["notes"].toPlainText() == "Seen twice."


def test_a_slider_turns_by_small_angles_around_the_quarter(three: DiagnosisPage) -> None:
    slider = three.images.tools.slider
    three.commands.rotate_right.trigger()
    assert slider.value() == 0
    slider.setFocus()
    QTest.keyClick(slider, Qt.Key.Key_Right)
    assert three.model.images[0].framing.rotation == 90.5
    three.commands.rotate_right.trigger()
    assert three.model.images[0].framing.rotation == -179.5
    assert slider.value() == 1


# --- cards ----------------------------------------------------------------------------------------------------


def test_without_a_network_the_page_says_where_to_get_one(
    qtbot: QtBot, page: DiagnosisPage, workspace: Workspace
) -> None:
    train, bring = (
        button for button in page.bundle.findChildren(type(page.side.save_button)) if button.isVisible()
    )
    for button, target in ((train, "training"), (bring, "results")):
        with qtbot.waitSignal(workspace.go_to) as asked:
            button.click()
        assert asked.args == [target]
    assert not page.commands.save.isEnabled()
    assert not page.commands.copy.isEnabled()


def test_a_chosen_network_is_remembered_and_described(
    qtbot: QtBot, page: DiagnosisPage, workspace: Workspace, settings: Settings, paths: Paths
) -> None:
    first = make_run(paths.runs / "First network")
    make_report(
        first, "test", [("a", "mel", "mel"), ("b", "nv", "nv"), ("c", "nv", "mel"), ("d", "bkl", "bkl")]
    )
    make_run(paths.runs / "Second network")
    workspace.runs_changed.emit()
    qtbot.waitUntil(lambda: page.bundle.combo.count() == 2, timeout=PATIENCE_MS)
    row = page.bundle.combo.findText("First network")
    page.bundle.combo.setCurrentIndex(row)
    page.bundle.combo.activated.emit(row)
    qtbot.waitUntil(
        lambda: page.network.facts is not None and page.network.facts.summary.name == "First network",
        timeout=PATIENCE_MS,
    )
    assert workspace.bundle == first / "bundle"
    assert settings.text("last_bundle") == str(first / "bundle")
    shown = " ".join(label.text() for label in page.bundle.findChildren(type(page.result.predicted)))
    assert f"bundle\N{NO-BREAK SPACE}{page.network.facts.hash}" in shown
    assert "Test balanced accuracy 83.3" in shown


def test_classes_of_a_network_are_marked_on_its_card(
    qtbot: QtBot, page: DiagnosisPage, workspace: Workspace, paths: Paths
) -> None:
    def choose(*titles: str) -> None:
        menu = top = page.bundle.marks_menu(page.network.facts)
        for title in titles:
            entry = next(entry for entry in menu.actions() if entry.text() == title)
            menu = entry.menu() or menu
        entry.trigger()
        top.close()

    run = make_run(paths.runs / "Network")
    workspace.set_bundle(run / "bundle")
    qtbot.waitUntil(lambda: page.network.facts is not None, timeout=PATIENCE_MS)
    assert not page.bundle.marked.isVisibleTo(page)
    identity = page.network.facts.hash
    choose("▲ Melanoma", "Not stated")
    qtbot.waitUntil(lambda: page.network.facts.manifest.malignant == (), timeout=PATIENCE_MS)
    assert page.bundle.marked.isVisibleTo(page)
    choose("Melanocytic nevus", "Benign")
    qtbot.waitUntil(lambda: page.network.facts.manifest.benign == ("nv",), timeout=PATIENCE_MS)
    choose("As in training")
    qtbot.waitUntil(lambda: page.network.facts.manifest.malignant == ("mel",), timeout=PATIENCE_MS)
    assert not page.bundle.marked.isVisibleTo(page)
    assert page.network.facts.hash == identity


def test_marks_that_are_out_of_date_are_said_on_the_card(
    qtbot: QtBot, facts: BundleFacts, silent_queue: JobQueue, settings: Settings
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    card = BundleCard(CompletePanel(silent_queue, settings), window)
    card.show_facts(facts)
    assert not card.outdated.isVisibleTo(card)
    card.show_facts(replace(facts, wrongly_marked=("melanoma metastasis",)))
    assert card.outdated.isVisibleTo(card)
    assert card.outdated.text().startswith("An older version did not count melanoma metastasis as malignant.")


def test_an_operating_point_that_is_saved_elsewhere_is_read_at_once(
    qtbot: QtBot, page: DiagnosisPage, workspace: Workspace, paths: Paths
) -> None:
    bundle = make_run(paths.runs / "Network") / "bundle"
    workspace.set_bundle(bundle)
    qtbot.waitUntil(lambda: page.network.facts is not None, timeout=PATIENCE_MS)
    assert page.network.facts.point is None
    target = Target(name="malignant", classes=("mel",))
    point = OperatingPoint(target=target, sensitivity=0.95, threshold=0.08, lesions=60, missed=0)
    write_operating_point(bundle, point)
    asked: list[Path | None] = []
    page.model.set_bundle = lambda folder, *, anew=False: asked.append(folder if anew else None)
    workspace.bundle_edited.emit(bundle)
    qtbot.waitUntil(lambda: page.network.facts.point == point, timeout=PATIENCE_MS)
    assert asked == [bundle]  # images are analysed again


def test_a_result_says_how_good_the_network_is_at_it(qtbot: QtBot, facts: BundleFacts) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    card = ResultCard(window)
    prediction = said(0.7, 0.2, 0.1, "mel")
    card.show_result(Shown(facts, prediction, 1))
    quality = words.test_sentences(facts, "mel").replace("\N{NO-BREAK SPACE}", " ")
    assert "found 3 of 4 images of melanoma (75.0 %, 95 % interval" in quality
    assert "Of 4 it called melanoma, 3 really were (75.0 %" in quality
    assert card.predicted.text() == "▲ Melanoma  70.0\N{NO-BREAK SPACE}%"
    assert card.malignant.text() == "70.0\N{NO-BREAK SPACE}%"
    assert [row.label for row in card.bars.rows] == ["▲ Melanoma", "Melanocytic nevus", "Benign keratosis"]
    assert [row.chosen for row in card.bars.rows] == [True, False, False]
    card._sort.click()
    assert [row.label for row in card.bars.rows] == ["Benign keratosis", "▲ Melanoma", "Melanocytic nevus"]


def test_a_result_leads_with_the_operating_point_and_states_the_prediction_set(
    qtbot: QtBot, facts: BundleFacts
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    card = ResultCard(window)
    flagged = with_verdict(said(0.26, 0.7, 0.04, "nv"), threshold=0.08)
    card.show_result(Shown(facts, flagged, 1))
    headline, found = card.headline, card.prediction_set
    sentence = "Flagged: malignant 26.0 % is above this network's 8.0 % for 95 % sensitivity"
    assert headline.text().replace("\N{NO-BREAK SPACE}", " ") == sentence
    assert headline.property("role") == "alert"
    assert found.chip.text() == "Prediction set: all classes"
    promise = (
        "In 9 of 10 images of each class from the same source the set contains the true class; this says nothing about "
        "this patient, and nothing where the image is unlike the training images."
    )
    assert found.statement.text().startswith(promise)
    assert "fewer than 9 lesions were set aside to calibrate them: dermatofibroma." in found.statement.text()
    image = CaseImage(1, facts.folder, Framing(), (48, 40), 1, ImageState.DONE, flagged)
    copied = words.result_text(facts, flagged, Answer("", "", ""), (image,))
    assert copied.replace("\N{NO-BREAK SPACE}", " ").splitlines()[1] == sentence
    assert promise in copied
    card.show_result(Shown(facts, with_verdict(said(0.0796, 0.9, 0.02, "nv"), threshold=0.08), 1))
    assert "Not flagged: malignant 7.96 % is below this network's 8.00 %" in headline.text().replace(
        "\N{NO-BREAK SPACE}", " "
    )
    assert headline.property("role") == "heading"
    card.show_result(Shown(facts, said(0.7, 0.2, 0.1, "mel"), 1))
    assert headline.isHidden()
    assert found.isHidden()
    # Neither holds for an image of another kind.
    unlike = msgspec.structs.replace(flagged, in_distribution=False)
    card.show_result(Shown(facts, unlike, 1))
    assert headline.isHidden()
    assert found.isHidden()
    copied = words.result_text(facts, unlike, Answer("", "", ""), (image,))
    assert "Flagged" not in copied
    assert "Prediction set" not in copied


def test_where_no_class_is_marked_malignant_the_card_says_so(qtbot: QtBot, facts: BundleFacts) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    card = ResultCard(window)
    write_marks(facts.folder, Marks(benign=("nv",)))
    unmarked = read_bundle_facts(facts.folder)
    assert unmarked.hash == facts.hash
    prediction = msgspec.structs.replace(said(0.7, 0.2, 0.1, "mel"), malignant_probability=None)
    card.show_result(Shown(unmarked, prediction, 1))
    shown = [label.text() for label in card.findChildren(QLabel) if label.isVisibleTo(card)]
    assert "No class of this network is marked malignant." in shown
    assert not any("together" in text or text == "0.0 %" for text in shown)
    notes = [row.note.replace("\N{NO-BREAK SPACE}", " ") for row in card.bars.rows]
    assert "Melanocytic nevus (nv), benign: 20.0 %" in notes
    assert "Melanoma (mel), not stated whether malignant or benign: 70.0 %" in notes
    image = CaseImage(1, facts.folder, Framing(), (48, 40), 1, ImageState.DONE, prediction)
    copied = words.result_text(unmarked, prediction, Answer("", "", ""), (image,))
    assert "No class of this network is marked malignant." in copied
    assert as_csv(("bkl", "mel", "nv"), (image,), None).splitlines()[1].split(",")[5] == ""


FIGURES = "20.0 %, 2.5 times its share of the training images; melanocytic nevus 70.0 %, 0.9 times"


@pytest.fixture
def rare(facts: BundleFacts) -> BundleFacts:
    """The same bundle, of a network trained on few melanomas."""
    prior = {"bkl": 0.12, "mel": 0.08, "nv": 0.8}
    calibration = msgspec.structs.replace(facts.manifest.calibration, prior=prior)
    return replace(facts, manifest=msgspec.structs.replace(facts.manifest, calibration=calibration))


def test_the_headline_says_what_decided_against_the_longest_bar(qtbot: QtBot, rare: BundleFacts) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    card = ResultCard(window)
    card.show_result(Shown(rare, said(0.2, 0.7, 0.1, "mel"), 1))
    assert card.predicted.text() == "▲ Melanoma"
    assert card.figures.text().replace("\N{NO-BREAK SPACE}", " ") == FIGURES
    assert not card.figures.isHidden()
    card.show_result(Shown(rare, said(0.2, 0.7, 0.1, "nv"), 1))
    assert card.predicted.text() == "Melanocytic nevus  70.0\N{NO-BREAK SPACE}%"
    assert card.figures.isHidden()


def test_strip_and_clipboard_say_what_decided_against_the_longest_bar(
    three: DiagnosisPage, rare: BundleFacts
) -> None:
    image = replace(three.model.images[0], state=ImageState.DONE, prediction=said(0.2, 0.7, 0.1, "mel"))
    three.model._put(image)
    three.images.show_facts(rare)
    tile = three.images.strip.tiles[0]
    assert tile.caption.replace("\N{NO-BREAK SPACE}", " ") == "▲ mel 20.0 %, 2.5×"
    assert tile.hint.replace("\N{NO-BREAK SPACE}", " ") == f"{image.path.name}: Melanoma: {FIGURES}"
    assert image.prediction is not None
    text = words.result_text(rare, image.prediction, Answer("", "", ""), (image,))
    assert f"Predicted: ▲ Melanoma\n{FIGURES}\n" in text.replace("\N{NO-BREAK SPACE}", " ")


def test_an_awaited_answer_leaves_the_classes_where_they_are(qtbot: QtBot, facts: BundleFacts) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    card = ResultCard(window)
    card.show_result(Shown(facts, said(0.2, 0.7, 0.1, "nv"), 1))
    order = [row.label for row in card.bars.rows]
    card.show_result(Shown(facts, None, 1, note="Analysing…"))
    assert [row.label for row in card.bars.rows] == order
    assert [row.value for row in card.bars.rows] == [None, None, None]
    assert "70.0" not in card.bars.accessibleDescription()
    assert card.predicted.text() == "–"


def test_the_table_has_a_row_for_each_image_and_one_for_all(images: list[Path]) -> None:
    answered = CaseImage(
        1, images[0], Framing(90.0), (48, 40), 1, ImageState.DONE, said(0.7, 0.2, 0.1, "mel")
    )
    waiting = CaseImage(2, images[1])
    rows = as_csv(("bkl", "mel", "nv"), (answered, waiting), said(0.5, 0.4, 0.1, "mel")).splitlines()
    assert rows[1] == f"{images[0]},mel,0.100000,0.700000,0.200000,0.700000,natural,,,,,,,90,,,,"
    assert rows[2] == f"{images[1]},,,,,,,,,,,,,0,,,,"
    assert rows[3].startswith("together,mel,0.100000,0.500000,0.400000,0.500000")


def test_a_report_is_named_for_the_image_not_the_patient(tmp_path: Path) -> None:
    one = tmp_path / "left arm: 2.png"
    assert report_name((one,)).startswith("Skin lesion left arm 2 20")
    assert report_name((one, one)).startswith("Skin lesion left arm 2 and 1 more 20")


def test_everything_that_takes_the_focus_has_a_name_and_the_order_is_that_of_reading(
    three: DiagnosisPage,
) -> None:
    three.patient.unfold()
    names = []
    widget = three.nextInFocusChain()
    while widget is not three:
        if (
            widget.focusPolicy() & Qt.FocusPolicy.TabFocus
            and widget.isVisible()
            and three.isAncestorOf(widget)
        ):
            text = getattr(widget, "text", str)()
            names.append(widget.accessibleName() or text)
        widget = widget.nextInFocusChain()
    assert all(names), "a screen reader would stay silent"
    order = [
        "Open",
        "Image ISIC_0000000.png",
        "Rotate left",
        "Images",
        "Drop images here",
        "Patient and note",
        "Note",
    ]
    assert [name for name in names if name in order] == order


def test_a_menu_holds_every_action_with_its_key(page: DiagnosisPage) -> None:
    actions = [action for action in page.actions() if not action.isSeparator()]
    keys = {action.text(): action.shortcut().toString() for action in actions}
    assert keys["Open images…"] == "Ctrl+O"
    assert keys["Paste"] == "Ctrl+V"
    assert keys["Save PDF…"] == "Ctrl+S"
    assert keys["Copy result"] == "Ctrl+C"
    assert {"Rotate left", "Rotate right", "Crop", "Reset", "Remove image", "Undo", "Export table…"} <= set(
        keys
    )
    given = [shortcut.toString() for action in actions for shortcut in action.shortcuts()]
    assert len(given) == len(set(given)), "no key does two things"


def test_the_first_image_that_can_be_read_is_looked_at(
    qtbot: QtBot, page: DiagnosisPage, images: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "0.png"
    broken.write_text("no image")

    drop(page.images.canvas, [broken, *images])

    qtbot.waitUntil(
        lambda: page.model.selected is not None and page.model.selected.path == images[0], timeout=PATIENCE_MS
    )
    page.model.select(page.model.images[0].number)
    page.model.pass_over(page.model.images[0].number)
    assert page.model.selected is page.model.images[0], "someone chose to look at it"


def test_a_flagged_image_leads_with_why_and_folds_its_probabilities_away(
    qtbot: QtBot, facts: BundleFacts
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    card = ResultCard(window)
    unusual = Unusual(score=4.0, threshold=1.1, above=120, n=120)
    sentence = f"{UNLIKE}: it is more unusual than all of the 120 validation images."
    prediction = msgspec.structs.replace(
        said(0.7, 0.2, 0.1, "mel"), in_distribution=False, unusual=unusual, warnings=(sentence,)
    )
    card.show_result(Shown(facts, prediction, 1))
    answer = (card.bars, card.predicted)
    assert card.flag.isVisibleTo(window)
    assert card.flag_title.text() == UNLIKE
    assert card.flag_reasons.text() == "It is more unusual than all of the 120 validation images."
    assert not any(part.isVisibleTo(window) for part in answer)
    card.reveal.click()
    assert all(part.isVisibleTo(window) for part in answer)
    card.show_result(Shown(facts, msgspec.structs.replace(prediction, path="another"), 1))
    assert not any(part.isVisibleTo(window) for part in answer), "another image is folded again"
    copied = words.result_text(facts, prediction, Answer("0" * 12, "", ""), ())
    assert copied.index(UNLIKE) < copied.index("Melanoma")
    card.show_result(Shown(facts, said(0.7, 0.2, 0.1, "mel"), 1))
    assert not card.flag.isVisibleTo(window)


def test_a_caption_tells_a_poor_image_from_one_unlike_the_training_images() -> None:
    fine = said(0.7, 0.2, 0.1, "mel")
    unlike = Unusual(score=4.0, threshold=1.1, above=120, n=120)
    alike = Unusual(score=0.4, threshold=1.1, above=30, n=120)
    assert flag_caption(fine) == ""
    assert flag_caption(msgspec.structs.replace(fine, in_distribution=False, unusual=unlike)) == "Unusual"
    assert flag_caption(msgspec.structs.replace(fine, in_distribution=False, unusual=alike)) == "Too poor"


def test_a_network_that_lacks_its_reference_says_so_and_is_completed(
    qtbot: QtBot, facts: BundleFacts, silent_queue: JobQueue, settings: Settings, tmp_path: Path
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    panel = CompletePanel(silent_queue, settings, window)
    panel.show_facts(replace(facts, complete=True))
    assert not panel.isVisibleTo(window)
    panel.show_facts(replace(facts, complete=False))
    assert panel.button.isVisibleTo(panel)
    panel.complete_from(tmp_path / "data.db")
    assert [job.job for job in silent_queue.jobs] == [
        CompleteBundle(bundle=str(facts.folder), dataset=str(tmp_path / "data.db"))
    ]
    assert panel.progress.stop_button.isVisibleTo(panel)
    assert not panel.button.isVisibleTo(panel)

"""The dataset page brings folders into datasets and splits them, in the real child process."""

from __future__ import annotations

import shutil
from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from skindesk.engine.engines import Engines
from skindesk.models.workspace import Workspace
from skindesk.pages.dataset import DatasetPage
from skindesk.paths import Paths
from skindesk.settings import Settings
from tests.drawn import HamFolder, write_class_folders
from tests.drops import drop
from tests.skindesk.dataset_page import LONG, PageWindow, button, open_dataset, split_seed
from trainer.dataset.importing import import_dataset
from trainer.dataset.store import DatasetStore


def wait_until_imported(qtbot: QtBot, page: DatasetPage) -> None:
    qtbot.waitUntil(lambda: page.flow.running is None, timeout=LONG)


def test_a_dropped_folder_is_imported_split_and_shown(
    qtbot: QtBot, dataset_page: DatasetPage, small_folder: Path, workspace: Workspace, paths: Paths
) -> None:
    said: list[str] = []
    workspace.notified.connect(said.append)
    assert drop(dataset_page, small_folder)
    assert dataset_page.strip.isVisible()
    assert dataset_page.strip.title.full_text() == f"Importing {small_folder.name}"
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
    file = paths.datasets / f"{small_folder.name}.db"
    assert workspace.dataset == file
    assert not dataset_page.strip.isVisible()
    assert said == ["84 images were imported."]
    dataset = dataset_page.dataset
    assert dataset is not None
    assert len(dataset_page.browser.view.grid) == 84
    assert dataset.certificate is not None
    assert (dataset.certificate.seed, dataset.certificate.fractions) == (0, (0.7, 0.15, 0.15))
    assert dataset_page.browser.side.certificate.text == "0 of 42 groups in two parts"


def test_a_folder_that_was_imported_gains_what_is_new(
    qtbot: QtBot, dataset_page: DatasetPage, tmp_path: Path, paths: Paths
) -> None:
    folder = HamFolder(tmp_path / "skin")
    for class_name in ("mel", "mel", "nv", "nv", "nv"):
        folder.add(class_name)
    folder.write()
    dataset_page.open_path(folder.root)
    wait_until_imported(qtbot, dataset_page)
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
    folder.add("nv", 2)
    folder.write()
    dataset_page.act.import_again.trigger()
    wait_until_imported(qtbot, dataset_page)
    qtbot.waitUntil(lambda: len(dataset_page.browser.view.grid) == 7, timeout=LONG)
    assert "7 images now: 2 new, 5 unchanged." in dataset_page.notice.text
    assert "2 images added since, in no part" in dataset_page.browser.side.certificate.text
    assert [file.name for file in paths.datasets.glob("*.db")] == ["skin.db"]


def test_problems_of_an_import_are_a_click_away(
    qtbot: QtBot, dataset_page: DatasetPage, small_ham: HamFolder
) -> None:
    small_ham.paths["ISIC_0000001"].write_text("no image")
    dataset_page.open_path(small_ham.root)
    wait_until_imported(qtbot, dataset_page)
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
    assert dataset_page.notice.text.startswith("7 images were imported. 1 file or row could not be used.")
    qtbot.mouseClick(button(dataset_page, "Show problems"), Qt.MouseButton.LeftButton)
    assert dataset_page.browser.problems.table.isVisible()
    assert dataset_page.browser.problems.model.rowCount() == 1
    table = dataset_page.browser.problems.table
    line = table.fontMetrics().lineSpacing()
    qtbot.waitUntil(lambda: table.rowHeight(0) <= 3 * line)
    table.setColumnWidth(0, 900)
    assert table.rowHeight(0) > 3 * line, "the reason is broken"
    assert dataset_page.title.views.current == "problems"


def test_what_an_import_passed_over_is_shown_after_reopening(
    qtbot: QtBot, dataset_page: DatasetPage, small_ham: HamFolder, tmp_path: Path
) -> None:
    (small_ham.root / "README.md").write_text("words")
    file = tmp_path / "reopened.db"
    import_dataset(small_ham.root, file)
    open_dataset(qtbot, dataset_page, file)
    view = dataset_page.browser.problems
    qtbot.mouseClick(dataset_page.title.views.buttons["problems"], Qt.MouseButton.LeftButton)
    assert view.skipped.isVisible()
    assert "Skipped: 1 × other files (.md)" in view.skipped.text().splitlines()


def test_a_folder_without_images_says_what_is_missing(
    qtbot: QtBot, dataset_page: DatasetPage, tmp_path: Path, paths: Paths
) -> None:
    (tmp_path / "empty").mkdir()
    dataset_page.open_path(tmp_path / "empty")
    wait_until_imported(qtbot, dataset_page)
    assert "empty is empty; give the folder that holds the images." in dataset_page.notice.text
    assert dataset_page.notice.isVisible()
    assert dataset_page.start.isVisible()
    assert list(paths.datasets.iterdir()) == []


def test_images_of_one_class_are_kept_although_they_cannot_be_split(
    qtbot: QtBot, dataset_page: DatasetPage, tmp_path: Path
) -> None:
    dataset_page.open_path(write_class_folders(tmp_path / "naevi", {"nv": 5}))
    wait_until_imported(qtbot, dataset_page)
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
    assert "They could not be split: All 5 images are of class nv" in dataset_page.notice.text
    assert dataset_page.browser.side.certificate.text == "Not split yet; training needs a split."
    assert not dataset_page.browser.side.parts.isVisible()
    assert len(dataset_page.browser.view.grid) == 5


def test_a_stopped_import_keeps_what_it_has_and_can_go_on(
    qtbot: QtBot, dataset_page: DatasetPage, tmp_path: Path
) -> None:
    folder = write_class_folders(tmp_path / "many", {"mel": 300, "nv": 300})
    dataset_page.open_path(folder)
    qtbot.waitUntil(
        lambda: (
            "images/s" in dataset_page.strip.figures.text() or "of 600" in dataset_page.strip.figures.text()
        ),
        timeout=LONG,
    )
    qtbot.mouseClick(dataset_page.strip.stop_button, Qt.MouseButton.LeftButton)
    wait_until_imported(qtbot, dataset_page)
    assert dataset_page.notice.text.startswith("The import was stopped.")
    if dataset_page.notice.text.endswith("can be used."):
        qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
        qtbot.mouseClick(button(dataset_page, "Import again"), Qt.MouseButton.LeftButton)
    else:
        dataset_page.open_path(folder)
    wait_until_imported(qtbot, dataset_page)
    qtbot.waitUntil(lambda: len(dataset_page.browser.view.grid) == 600, timeout=LONG)
    dataset = dataset_page.dataset
    assert dataset is not None
    assert dataset.certificate is not None
    assert dataset.certificate.without_part == 0


def test_nothing_moves_when_an_open_dataset_is_imported_again(
    qtbot: QtBot, dataset_page: DatasetPage, small_folder: Path
) -> None:
    dataset_page.open_path(small_folder)
    wait_until_imported(qtbot, dataset_page)
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
    browser = dataset_page.browser
    place = browser.mapTo(dataset_page, browser.rect().topLeft()), browser.size()
    dataset_page.import_again()
    assert dataset_page.flow.running is not None
    assert not dataset_page.strip.isVisible()
    assert (browser.mapTo(dataset_page, browser.rect().topLeft()), browser.size()) == place
    wait_until_imported(qtbot, dataset_page)


def test_a_second_import_waits_for_the_first(
    qtbot: QtBot, dataset_page: DatasetPage, small_folder: Path, tmp_path: Path
) -> None:
    dataset_page.open_path(small_folder)
    dataset_page.open_path(write_class_folders(tmp_path / "others", {"mel": 2, "nv": 2}))
    assert (
        dataset_page.notice.text
        == f"{small_folder.name} is being imported. Wait for it to finish, or stop it."
    )
    wait_until_imported(qtbot, dataset_page)
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
    assert dataset_page.dataset is not None
    assert dataset_page.dataset.name == small_folder.name


def test_the_layout_can_be_chosen(qtbot: QtBot, dataset_page: DatasetPage, tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "folders", {"mel": 3, "nv": 3})
    words = {action.text(): action for action in dataset_page.start.menu.layouts.actions()}
    words["HAM10000 (Kaggle, Dataverse)"].trigger()
    dataset_page.open_path(folder)
    wait_until_imported(qtbot, dataset_page)
    assert "There is no CSV table" in dataset_page.notice.text
    words["One folder per class"].trigger()
    dataset_page.open_path(folder)
    wait_until_imported(qtbot, dataset_page)
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
    assert dataset_page.dataset is not None
    assert dataset_page.dataset.layout == "class-folders"


def test_the_form_splits_anew_with_its_shares_and_seed(
    qtbot: QtBot, dataset_page: DatasetPage, small_dataset: Path, workspace: Workspace
) -> None:
    open_dataset(qtbot, dataset_page, small_dataset)
    side = dataset_page.browser.side
    form = side.form
    assert not form.isVisible()
    dataset_page.act.split_again.trigger()
    assert form.isVisible()
    assert (form.train.value(), form.validation.value(), form.test.text()) == (60, 20, "20\u00a0%")
    assert form.seed.value() == 1
    form.train.setValue(50)
    form.validation.setValue(25)
    form.seed.setValue(7)
    with qtbot.waitSignal(workspace.dataset_edited, timeout=LONG):
        qtbot.mouseClick(form.split_button, Qt.MouseButton.LeftButton)
        assert side.split_button.text() == "Stop splitting"
    qtbot.waitUntil(lambda: split_seed(dataset_page) == 7, timeout=LONG)
    assert dataset_page.dataset is not None
    assert dataset_page.dataset.certificate is not None
    assert dataset_page.dataset.certificate.fractions == (0.5, 0.25, 0.25)
    assert side.split_button.text() == "Split again…"
    assert not form.isVisible()
    with DatasetStore.open(small_dataset, read_only=True) as store:
        assert len(store.frame("train")) == side.parts.rows["train"]._count


def test_the_form_is_brought_into_sight_in_a_low_window(
    qtbot: QtBot, dataset_page: DatasetPage, small_dataset: Path
) -> None:
    dataset_page.resize(840, 520)
    open_dataset(qtbot, dataset_page, small_dataset)
    form = dataset_page.browser.side.form
    dataset_page.act.split_again.trigger()
    qtbot.waitUntil(
        lambda: all(
            part.visibleRegion().boundingRect() == part.rect() for part in (form.train, form.split_button)
        )
    )


def test_shares_fit_together_and_may_leave_nothing_for_test(dataset_page: DatasetPage) -> None:
    form = dataset_page.browser.side.form
    form.train.setValue(98)
    form.validation.setValue(50)
    assert form.fractions == (0.85, 0.15, 0.0)
    assert form.test.text() == "none"
    form.train.setValue(60)
    assert form.fractions == (0.6, 0.15, 0.25)


def test_two_windows_work_on_one_dataset(
    qtbot: QtBot,
    dataset_page: DatasetPage,
    engines: Engines,
    settings: Settings,
    paths: Paths,
    small_dataset: Path,
) -> None:
    other_workspace = Workspace(settings)
    other = PageWindow(engines, other_workspace, settings, paths)
    qtbot.addWidget(other)
    other.show()
    for one in (dataset_page, other.page):
        open_dataset(qtbot, one, small_dataset)
    dataset_page.browser.split_asked.emit(5, (0.4, 0.3, 0.3))
    qtbot.waitUntil(lambda: split_seed(dataset_page) == 5, timeout=LONG)
    # The other window goes on with what it has read, and sees the new split when it comes to the front.
    assert split_seed(other.page) == 1
    other.page.browser.side.classes.choose({"mel"})
    assert len(other.page.browser.view.grid) == 18
    QApplication.sendEvent(other.page, QEvent(QEvent.Type.WindowActivate))
    qtbot.waitUntil(lambda: split_seed(other.page) == 5, timeout=LONG)


def test_a_folder_that_moved_is_followed_when_it_is_opened_again(
    qtbot: QtBot, dataset_page: DatasetPage, small_folder: Path, tmp_path: Path, paths: Paths
) -> None:
    first = shutil.copytree(small_folder, tmp_path / "here" / "lesions")
    dataset_page.open_path(first)
    wait_until_imported(qtbot, dataset_page)
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
    # A file that goes away under Qt's decoder is a line in Qt's log, and such a line fails a test.
    thumbnails = dataset_page.browser.view.thumbnails
    qtbot.waitUntil(lambda: thumbnails.bytes > 0 and thumbnails.waiting == 0, timeout=LONG)
    (tmp_path / "there").mkdir()
    second = first.rename(tmp_path / "there" / "lesions")
    dataset_page.open_path(second)
    wait_until_imported(qtbot, dataset_page)
    qtbot.waitUntil(
        lambda: dataset_page.dataset is not None and dataset_page.dataset.root == second, timeout=LONG
    )
    assert [file.name for file in paths.datasets.glob("*.db")] == ["lesions.db"]
    assert not dataset_page.moved.isVisible()

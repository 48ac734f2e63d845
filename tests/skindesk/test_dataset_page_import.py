"""The dataset page brings folders into datasets and splits them, in the real child process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from skindesk.engine.engines import Engines
from skindesk.models.workspace import Workspace
from skindesk.pages.dataset import DatasetPage
from skindesk.paths import Paths
from skindesk.settings import Settings
from tests.drawn import HamFolder, write_class_folders
from tests.skindesk.dataset_page import LONG, PageWindow, button, drop, open_dataset
from trainer.dataset import DatasetStore


@pytest.fixture
def window(
    qtbot: QtBot, engines: Engines, workspace: Workspace, settings: Settings, paths: Paths
) -> PageWindow:
    window = PageWindow(engines, workspace, settings, paths)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    return window


@pytest.fixture
def page(window: PageWindow) -> DatasetPage:
    """The page, with nothing open."""
    return window.page


def wait_until_imported(qtbot: QtBot, page: DatasetPage) -> None:
    qtbot.waitUntil(lambda: page.flow.running is None, timeout=LONG)


def test_a_dropped_folder_is_imported_split_and_shown(
    qtbot: QtBot, page: DatasetPage, small_folder: Path, workspace: Workspace, paths: Paths
) -> None:
    said: list[str] = []
    workspace.notified.connect(said.append)
    assert drop(page, small_folder)
    assert page.strip.isVisible()
    assert page.strip.title.full_text() == f"Importing {small_folder.name}"
    qtbot.waitUntil(lambda: page.dataset is not None, timeout=LONG)
    file = paths.datasets / f"{small_folder.name}.db"
    assert workspace.dataset == file
    assert not page.strip.isVisible()
    assert said == ["84 images were imported."]
    dataset = page.dataset
    assert dataset is not None
    assert len(page.browser.view.grid) == 84
    assert dataset.certificate is not None
    assert (dataset.certificate.seed, dataset.certificate.fractions) == (0, (0.7, 0.15, 0.15))
    assert page.browser.side.certificate.text == "0 of 42 groups in two parts"


def test_a_folder_that_was_imported_gains_what_is_new(
    qtbot: QtBot, page: DatasetPage, tmp_path: Path, paths: Paths
) -> None:
    folder = HamFolder(tmp_path / "skin")
    for class_name in ("mel", "mel", "nv", "nv", "nv"):
        folder.add(class_name)
    folder.write()
    page.open_path(folder.root)
    wait_until_imported(qtbot, page)
    qtbot.waitUntil(lambda: page.dataset is not None, timeout=LONG)
    folder.add("nv", 2)
    folder.write()
    page.act.import_again.trigger()
    wait_until_imported(qtbot, page)
    qtbot.waitUntil(lambda: len(page.browser.view.grid) == 7, timeout=LONG)
    assert "7 images now: 2 new, 5 unchanged." in page.notice.text
    assert "2 images added since, in no part" in page.browser.side.certificate.text
    assert [file.name for file in paths.datasets.glob("*.db")] == ["skin.db"]


def test_problems_of_an_import_are_a_click_away(
    qtbot: QtBot, page: DatasetPage, small_ham: HamFolder
) -> None:
    small_ham.paths["ISIC_0000001"].write_text("no image")
    page.open_path(small_ham.root)
    wait_until_imported(qtbot, page)
    qtbot.waitUntil(lambda: page.dataset is not None, timeout=LONG)
    assert page.notice.text.startswith("7 images were imported. 1 file or row could not be used.")
    qtbot.mouseClick(button(page, "Show problems"), Qt.MouseButton.LeftButton)
    assert page.browser.problems.table.isVisible()
    assert page.browser.problems.model.rowCount() == 1
    assert page.title.views.current == "problems"


def test_a_folder_without_images_says_what_is_missing(
    qtbot: QtBot, page: DatasetPage, tmp_path: Path, paths: Paths
) -> None:
    (tmp_path / "empty").mkdir()
    page.open_path(tmp_path / "empty")
    wait_until_imported(qtbot, page)
    assert "empty is empty; give the folder that holds the images." in page.notice.text
    assert page.notice.isVisible()
    assert page.start.isVisible()
    assert list(paths.datasets.iterdir()) == []


def test_images_of_one_class_are_kept_although_they_cannot_be_split(
    qtbot: QtBot, page: DatasetPage, tmp_path: Path
) -> None:
    page.open_path(write_class_folders(tmp_path / "naevi", {"nv": 5}))
    wait_until_imported(qtbot, page)
    qtbot.waitUntil(lambda: page.dataset is not None, timeout=LONG)
    assert "They could not be split: All 5 images are of class nv" in page.notice.text
    assert page.browser.side.certificate.text == "Not split yet; training needs it."
    assert not page.browser.side.parts.isVisible()
    assert len(page.browser.view.grid) == 5


def test_a_stopped_import_keeps_what_it_has_and_can_go_on(
    qtbot: QtBot, page: DatasetPage, tmp_path: Path
) -> None:
    folder = write_class_folders(tmp_path / "many", {"mel": 300, "nv": 300})
    page.open_path(folder)
    qtbot.waitUntil(
        lambda: "images/s" in page.strip.figures.text() or "of 600" in page.strip.figures.text(), timeout=LONG
    )
    qtbot.mouseClick(page.strip.stop_button, Qt.MouseButton.LeftButton)
    wait_until_imported(qtbot, page)
    assert page.notice.text.startswith("The import was stopped.")
    if page.notice.text.endswith("can be used."):
        qtbot.waitUntil(lambda: page.dataset is not None, timeout=LONG)
        qtbot.mouseClick(button(page, "Import again"), Qt.MouseButton.LeftButton)
    else:
        page.open_path(folder)
    wait_until_imported(qtbot, page)
    qtbot.waitUntil(lambda: len(page.browser.view.grid) == 600, timeout=LONG)
    dataset = page.dataset
    assert dataset is not None
    assert dataset.certificate is not None
    assert dataset.certificate.without_part == 0


def test_a_second_import_waits_for_the_first(
    qtbot: QtBot, page: DatasetPage, small_folder: Path, tmp_path: Path
) -> None:
    page.open_path(small_folder)
    page.open_path(write_class_folders(tmp_path / "others", {"mel": 2, "nv": 2}))
    assert page.notice.text == f"{small_folder.name} is being imported. Wait until that is done, or stop it."
    wait_until_imported(qtbot, page)
    qtbot.waitUntil(lambda: page.dataset is not None, timeout=LONG)
    assert page.dataset is not None
    assert page.dataset.name == small_folder.name


def test_the_layout_can_be_chosen(qtbot: QtBot, page: DatasetPage, tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "folders", {"mel": 3, "nv": 3})
    words = {action.text(): action for action in page.start.menu.layouts.actions()}
    words["HAM10000 (Kaggle, Dataverse)"].trigger()
    page.open_path(folder)
    wait_until_imported(qtbot, page)
    assert "There is no CSV table" in page.notice.text
    words["A folder for each class"].trigger()
    page.open_path(folder)
    wait_until_imported(qtbot, page)
    qtbot.waitUntil(lambda: page.dataset is not None, timeout=LONG)
    assert page.dataset is not None
    assert page.dataset.layout == "class-folders"


def test_the_form_splits_anew_with_its_shares_and_seed(
    qtbot: QtBot, page: DatasetPage, small_dataset: Path, workspace: Workspace
) -> None:
    open_dataset(qtbot, page, small_dataset)
    side = page.browser.side
    form = side.form
    assert not form.isVisible()
    page.act.split_again.trigger()
    assert form.isVisible()
    assert (form.train.value(), form.validation.value(), form.test.text()) == (60, 20, "20 %")
    assert form.seed.value() == 1
    form.train.setValue(50)
    form.validation.setValue(25)
    form.seed.setValue(7)
    with qtbot.waitSignal(workspace.dataset_edited, timeout=LONG):
        qtbot.mouseClick(form.split_button, Qt.MouseButton.LeftButton)
        assert not side.split_button.isEnabled()
    qtbot.waitUntil(
        lambda: (
            page.dataset is not None
            and page.dataset.certificate is not None
            and page.dataset.certificate.seed == 7
        ),
        timeout=LONG,
    )
    assert page.dataset is not None
    assert page.dataset.certificate is not None
    assert page.dataset.certificate.fractions == (0.5, 0.25, 0.25)
    assert side.split_button.isEnabled()
    assert not form.isVisible()
    with DatasetStore.open(small_dataset, read_only=True) as store:
        assert len(store.frame("train")) == side.parts.rows["train"]._count


def test_shares_always_leave_something_for_test(page: DatasetPage) -> None:
    form = page.browser.side.form
    form.train.setValue(98)
    form.validation.setValue(50)
    assert form.fractions == (0.98, 0.01, 0.01) or sum(form.fractions) == pytest.approx(1)
    assert min(form.fractions) > 0


def test_two_windows_work_on_one_dataset(
    qtbot: QtBot,
    page: DatasetPage,
    engines: Engines,
    settings: Settings,
    paths: Paths,
    small_dataset: Path,
) -> None:
    other_workspace = Workspace(settings)
    other = PageWindow(engines, other_workspace, settings, paths)
    qtbot.addWidget(other)
    other.show()
    for one in (page, other.page):
        open_dataset(qtbot, one, small_dataset)
    page.browser.split_asked.emit(5, (0.4, 0.3, 0.3))
    qtbot.waitUntil(
        lambda: (
            page.dataset is not None
            and page.dataset.certificate is not None
            and page.dataset.certificate.seed == 5
        ),
        timeout=LONG,
    )
    # The other window goes on with what it has read, and sees the new split when it comes to the front.
    assert other.page.dataset is not None
    assert other.page.dataset.certificate is not None
    assert other.page.dataset.certificate.seed == 1
    other.page.browser.side.classes.choose({"mel"})
    assert len(other.page.browser.view.grid) == 18
    QApplication.sendEvent(other.page, QEvent(QEvent.Type.WindowActivate))
    qtbot.waitUntil(
        lambda: (
            other.page.dataset is not None
            and other.page.dataset.certificate is not None
            and other.page.dataset.certificate.seed == 5
        ),
        timeout=LONG,
    )


def test_a_folder_that_moved_is_followed_when_it_is_opened_again(
    qtbot: QtBot, page: DatasetPage, small_folder: Path, tmp_path: Path, paths: Paths
) -> None:
    first = shutil.copytree(small_folder, tmp_path / "here" / "lesions")
    page.open_path(first)
    wait_until_imported(qtbot, page)
    qtbot.waitUntil(lambda: page.dataset is not None, timeout=LONG)
    (tmp_path / "there").mkdir()
    second = first.rename(tmp_path / "there" / "lesions")
    page.open_path(second)
    wait_until_imported(qtbot, page)
    qtbot.waitUntil(lambda: page.dataset is not None and page.dataset.root == second, timeout=LONG)
    assert [file.name for file in paths.datasets.glob("*.db")] == ["lesions.db"]
    assert not page.moved.isVisible()

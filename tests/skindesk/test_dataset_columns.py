"""The dataset page asks for the columns of tables that it does not know."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from skindesk.pages.dataset import DatasetPage
from tests.drawn import write_image, write_table
from tests.drops import drop
from tests.skindesk.dataset_page import LONG, button
from trainer.dataset.store import DatasetStore


@pytest.fixture
def odd_folder(tmp_path: Path) -> Path:
    """Twelve images, and a table whose columns have German names."""
    root = tmp_path / "own images"
    rows = []
    for number in range(12):
        write_image(root / "photos" / f"im{number}.jpg", number)
        part = ("train", "validation", "test")[number // 2 % 3]
        rows.append([f"im{number}.jpg", "mel" if number % 2 else "nv", f"L{number // 2}", part])
    write_table(root / "liste.csv", ["Foto", "Befund", "Fleck", "Teil"], rows)
    return root


def wait_until_imported(qtbot: QtBot, page: DatasetPage) -> None:
    qtbot.waitUntil(lambda: page.flow.running is None, timeout=LONG)


def choose(page: DatasetPage, **columns: str) -> None:
    for name, column in columns.items():
        box = page.columns.boxes[name]
        box.setCurrentIndex(box.findData(column))


def test_columns_that_are_not_recognised_are_asked_for_and_kept(
    qtbot: QtBot, dataset_page: DatasetPage, odd_folder: Path
) -> None:
    dataset_page.open_path(odd_folder)
    wait_until_imported(qtbot, dataset_page)
    assert "has the wrong columns" in dataset_page.notice.text
    qtbot.waitUntil(lambda: dataset_page._notice_action == "columns", timeout=LONG)
    qtbot.mouseClick(button(dataset_page, "Choose the columns…"), Qt.MouseButton.LeftButton)
    form = dataset_page.columns
    assert form.width() <= 960
    assert form.isVisible()
    assert (form.preview.rowCount(), form.preview.columnCount()) == (10, 4)
    assert not form.import_button.isEnabled()
    assert form.reason.text() == "Choose a column for the image and one for the class."
    choose(dataset_page, image="Foto", class_name="Foto")
    assert form.reason.text() == "Image and class cannot be the same column."
    choose(dataset_page, class_name="Befund", lesion_id="Fleck", split="Teil")
    header = form.preview.horizontalHeaderItem(2)
    assert header is not None
    assert header.text() == "Fleck\nLesion"
    qtbot.mouseClick(form.import_button, Qt.MouseButton.LeftButton)
    wait_until_imported(qtbot, dataset_page)
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
    dataset = dataset_page.dataset
    assert dataset is not None
    assert (dataset.lesions, len(dataset.table)) == (6, 12)
    assert dataset.certificate is not None
    assert dataset.certificate.images == {"train": 4, "validation": 4, "test": 4}
    # The form begins with what was chosen, and a repeated import uses it.
    dataset_page.import_again()
    wait_until_imported(qtbot, dataset_page)
    assert "Nothing has changed: 12 images." in dataset_page.notice.text
    dataset_page.choose_columns()
    qtbot.waitUntil(form.isVisible, timeout=LONG)
    assert form.boxes["class_name"].currentText() == "Befund"
    with DatasetStore.open(dataset.path, read_only=True) as store:
        assert store.columns == form.columns
    qtbot.mouseClick(button(dataset_page, "Cancel"), Qt.MouseButton.LeftButton)
    assert dataset_page.dataset is not None
    assert dataset_page.dataset.path == dataset.path


def test_the_split_is_taken_from_the_folders_of_images_that_a_table_names(
    qtbot: QtBot, dataset_page: DatasetPage, tmp_path: Path
) -> None:
    root = tmp_path / "own images"
    rows = []
    for number in range(12):
        folder = ("train_dir", "val_dir", "test_dir")[number // 2 % 3]
        write_image(root / folder / f"im{number}.jpg", number)
        rows.append([f"im{number}.jpg", "mel" if number % 2 else "nv"])
    write_table(root / "list.csv", ["image", "dx"], rows)
    dataset_page.open_path(root)
    wait_until_imported(qtbot, dataset_page)
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
    dataset_page.choose_columns()
    form = dataset_page.columns
    qtbot.waitUntil(form.isVisible, timeout=LONG)
    choose(dataset_page, split="folder")
    assert form.boxes["split"].currentText() == "The names of the images' folders"
    qtbot.mouseClick(form.import_button, Qt.MouseButton.LeftButton)
    wait_until_imported(qtbot, dataset_page)
    assert dataset_page.dataset is not None
    with DatasetStore.open(dataset_page.dataset.path, read_only=True) as store:
        certificate = store.certificate()
        assert certificate is not None
        assert certificate.images == {"train": 4, "validation": 4, "test": 4}
        parts = {Path(path).parent.name for path in store.frame("test")["path"]}
        assert parts == {"test_dir"}


@pytest.mark.parametrize("name", ["list.tab", "list", "list.tsv", "list.txt"])
def test_what_the_command_takes_can_be_dropped(
    qtbot: QtBot, dataset_page: DatasetPage, tmp_path: Path, name: str
) -> None:
    for number in range(6):
        write_image(tmp_path / f"im{number}.jpg", number)
    rows = "".join(f"im{number}\t{'mel' if number % 2 else 'nv'}\n" for number in range(6))
    (tmp_path / name).write_text(f"image_id\tdx\n{rows}")
    assert drop(dataset_page, tmp_path / name)
    wait_until_imported(qtbot, dataset_page)
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
    assert len(dataset_page.browser.view.grid) == 6

"""Looking through the grid: keys, mouse, thumbnails, details, and what is handed on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QItemSelectionModel, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from skindesk.models.workspace import Workspace
from skindesk.pages.dataset import DatasetPage
from skindesk.settings import Settings
from skindesk.widgets.basics import ElidedLabel
from skindesk.widgets.samples.class_filter import Filter
from tests.drawn import write_class_folders
from tests.skindesk.dataset_page import LONG, classes_shown, open_dataset
from trainer.dataset.importing import import_dataset

N = 84


# Looking through the grid


def places(page: DatasetPage) -> list[int]:
    grid = page.browser.view.grid
    return [grid.place_of(grid.index_of(int(sample))) for sample in page.browser.view.chosen]


def test_keys_lead_through_the_grid_as_through_a_text(qtbot: QtBot, opened_page: DatasetPage) -> None:
    view = opened_page.browser.view
    columns = view.grid.columns
    assert columns > 2
    view.setFocus()
    view.select_sample(0)
    for key, expected in (
        (Qt.Key.Key_Right, 1),
        (Qt.Key.Key_Down, 1 + columns),
        (Qt.Key.Key_Left, columns),
        (Qt.Key.Key_Left, columns - 1),  # from the first of a row to the last of the one above
        (Qt.Key.Key_Up, columns - 1),  # there is nothing above
        (Qt.Key.Key_End, N - 1),
        (Qt.Key.Key_Right, N - 1),
        (Qt.Key.Key_Home, 0),
    ):
        qtbot.keyClick(view, key)
        assert places(opened_page) == [expected], key
    qtbot.keyClick(view, Qt.Key.Key_PageDown)
    assert places(opened_page)[0] % columns == 0
    assert places(opened_page)[0] >= columns


def test_shift_selects_a_run_of_images_and_the_details_count_them(
    qtbot: QtBot, opened_page: DatasetPage
) -> None:
    view = opened_page.browser.view
    columns = view.grid.columns
    view.setFocus()
    view.select_sample(1)
    qtbot.keyClick(view, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert places(opened_page) == list(range(1, columns + 2))
    qtbot.waitUntil(
        lambda: opened_page.browser.details.diagnose_button.text() == f"Diagnose {columns + 1} images"
    )


def test_shift_and_mouse_select_a_run_across_rows(qtbot: QtBot, opened_page: DatasetPage) -> None:
    view = opened_page.browser.view
    columns = view.grid.columns

    def click(place: int, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        where = view.visualRect(view.grid.index_at(place)).center()
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, keys, where)

    click(columns + 1)
    click(2, Qt.KeyboardModifier.ShiftModifier)
    assert places(opened_page) == list(range(2, columns + 2))
    click(0, Qt.KeyboardModifier.ControlModifier)
    assert places(opened_page) == [0, *range(2, columns + 2)]
    click(1)
    assert places(opened_page) == [1]


def test_everything_shown_can_be_selected_at_once(qtbot: QtBot, opened_page: DatasetPage) -> None:
    view = opened_page.browser.view
    opened_page.browser.side.classes.choose({"mel"})
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(view.chosen) == 18


def test_another_width_keeps_selection_and_current_image(qtbot: QtBot, opened_page: DatasetPage) -> None:
    view = opened_page.browser.view
    view.select_sample(30)
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_End, Qt.KeyboardModifier.ShiftModifier)
    before = view.grid.columns
    opened_page.browser.finder.slider.setValue(300)
    assert view.grid.columns != before
    assert places(opened_page) == list(range(30, N))
    assert view.current == N - 1


def test_ctrl_and_wheel_change_the_size_and_it_is_remembered(
    opened_page: DatasetPage, settings: Settings
) -> None:
    view = opened_page.browser.view
    before = settings.number("thumbnail_size")
    place = QPointF(50, 50)
    event = QWheelEvent(
        place,
        view.viewport().mapToGlobal(place),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view.viewport(), event)
    assert settings.number("thumbnail_size") == before + 32
    assert opened_page.browser.finder.slider.value() == before + 32


def test_visible_thumbnails_come_and_are_painted(qtbot: QtBot, opened_page: DatasetPage) -> None:
    view = opened_page.browser.view
    table = view.grid.table
    assert table is not None
    first = table.paths[0]
    qtbot.waitUntil(lambda: view.thumbnails.pixmap(first) is not None, timeout=LONG)
    pixmap = view.thumbnails.pixmap(first)
    assert pixmap is not None
    middle = view.visualRect(view.grid.index_at(0)).center()
    wanted = pixmap.toImage().pixelColor(pixmap.width() // 2, pixmap.height() // 2)

    def painted() -> bool:
        colour = view.viewport().grab().toImage().pixelColor(middle.x(), middle.y() - 10)
        return max(abs(colour.red() - wanted.red()), abs(colour.blue() - wanted.blue())) < 90

    qtbot.waitUntil(painted)


def test_a_broken_image_says_why_in_grid_and_details(
    qtbot: QtBot, dataset_page: DatasetPage, own_dataset: tuple[Path, Path]
) -> None:
    folder, dataset = own_dataset
    (folder / "images" / "ISIC_0000000.png").write_text("This is no image.")
    open_dataset(qtbot, dataset_page, dataset)
    view = dataset_page.browser.view
    table = view.grid.table
    assert table is not None
    path = table.paths[0]
    qtbot.waitUntil(lambda: bool(view.thumbnails.reason(path)), timeout=LONG)
    assert "it is not an image" in view.words_about(view.grid.index_at(0))
    view.select_sample(0)
    qtbot.waitUntil(lambda: "it is not an image" in dataset_page.browser.details.picture.reason, timeout=LONG)


# One image


def test_details_show_the_image_its_fields_and_the_others_of_its_lesion(
    qtbot: QtBot, opened_page: DatasetPage
) -> None:
    view, details = opened_page.browser.view, opened_page.browser.details
    view.select_sample(4)
    qtbot.waitUntil(lambda: details.picture.shown_size.width() == 48, timeout=LONG)
    shown = {
        label.full_text() if isinstance(label, ElidedLabel) else label.text()
        for label in details.findChildren(QLabel)
    }
    assert {"ISIC_0000004", "40 years, female", "back", "histopathology", "HAM_0000002"} <= shown
    assert [tile.sample for tile in details.tiles] == [5]
    qtbot.mouseClick(details.tiles[0], Qt.MouseButton.LeftButton)
    assert view.current == 5
    qtbot.waitUntil(lambda: [tile.sample for tile in details.tiles] == [4])


def test_what_is_not_known_is_said_once_and_names_of_classes_are_not_cut(
    qtbot: QtBot, dataset_page: DatasetPage, tmp_path: Path
) -> None:
    dataset = tmp_path / "folders.db"
    class_name = "lesion of the trunk with structures of regression"
    import_dataset(write_class_folders(tmp_path / "folders", {class_name: 1, "nv": 1}), dataset)
    open_dataset(qtbot, dataset_page, dataset)
    dataset_page.browser.view.select_sample(0)
    details = dataset_page.browser.details
    labels = [label for label in details.findChildren(QLabel) if not isinstance(label, ElidedLabel)]
    qtbot.waitUntil(lambda: class_name in {label.text() for label in labels}, timeout=LONG)
    assert "unknown, unknown" not in {label.text() for label in labels}
    (name,) = (label for label in labels if label.text() == class_name)
    qtbot.waitUntil(lambda: name.height() >= 2 * name.fontMetrics().height())


def test_an_image_of_the_lesion_that_is_filtered_out_is_brought_back(
    qtbot: QtBot, opened_page: DatasetPage
) -> None:
    view, finder = opened_page.browser.view, opened_page.browser.finder
    finder.search.setText("ISIC_0000004")
    qtbot.keyClick(finder.search, Qt.Key.Key_Return)
    assert len(view.grid) == 1
    view.select_sample(4)
    qtbot.waitUntil(lambda: len(opened_page.browser.details.tiles) == 1)
    qtbot.mouseClick(opened_page.browser.details.tiles[0], Qt.MouseButton.LeftButton)
    assert view.current == 5
    assert len(view.grid) == N


def test_enter_hands_the_image_to_diagnosis(
    qtbot: QtBot, opened_page: DatasetPage, workspace: Workspace
) -> None:
    view = opened_page.browser.view
    view.setFocus()
    view.select_sample(7)
    with (
        qtbot.waitSignal(workspace.images_for_diagnosis) as images,
        qtbot.waitSignal(workspace.go_to) as page,
    ):
        qtbot.keyClick(view, Qt.Key.Key_Return)
    assert [path.name for path in images.args[0]] == ["ISIC_0000007.png"]
    assert page.args == ["diagnosis"]


def test_all_selected_images_can_be_diagnosed(
    qtbot: QtBot, opened_page: DatasetPage, workspace: Workspace
) -> None:
    opened_page.browser.side.classes.choose({"bkl"})
    opened_page.browser.view.selectAll()
    qtbot.waitUntil(opened_page.act.diagnose.isEnabled)
    with qtbot.waitSignal(workspace.images_for_diagnosis) as images:
        qtbot.mouseClick(opened_page.browser.details.diagnose_button, Qt.MouseButton.LeftButton)
    assert len(images.args[0]) == 18


def test_paths_of_the_selected_images_can_be_copied(qtbot: QtBot, opened_page: DatasetPage) -> None:
    assert not opened_page.act.copy_path.isEnabled()
    view = opened_page.browser.view
    view.setFocus()
    view.select_sample(1)
    qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(opened_page.act.copy_path.isEnabled)
    opened_page.act.copy_path.trigger()
    names = [Path(line).name for line in QGuiApplication.clipboard().text().splitlines()]
    assert names == ["ISIC_0000001.png", "ISIC_0000002.png"]


def test_the_context_menu_offers_what_the_actions_do(qtbot: QtBot, opened_page: DatasetPage) -> None:
    view = opened_page.browser.view
    assert not opened_page.act.diagnose.isEnabled()
    place = view.visualRect(view.grid.index_at(1)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.RightButton, pos=place)
    menu = opened_page.context_menu()
    assert all(action.isEnabled() for action in menu.actions())
    assert [action.text() for action in menu.actions()] == ["Diagnose", "Show in folder", "Copy path"]
    menu.actions()[2].trigger()
    assert QGuiApplication.clipboard().text().endswith("ISIC_0000001.png")


# Reading again


def test_filters_and_current_image_stay_when_the_dataset_is_read_again(
    qtbot: QtBot, opened_page: DatasetPage, workspace: Workspace
) -> None:
    view = opened_page.browser.view
    opened_page.browser.side.classes.choose({"nv"})
    view.select_sample(60)
    before = opened_page.dataset
    workspace.dataset_edited.emit()
    qtbot.waitUntil(lambda: opened_page.dataset is not before, timeout=LONG)
    assert opened_page.browser.side.classes.chosen == {"nv"}
    assert classes_shown(opened_page) == {"nv"}
    assert view.current == 60
    assert list(view.chosen) == [60]


def test_a_selection_of_many_ends_with_a_new_filter(opened_page: DatasetPage) -> None:
    view = opened_page.browser.view
    view.selectAll()
    opened_page.browser.side.classes.choose({"mel"})
    assert view.selectionModel().selection().count() == 0
    view.selectionModel().select(view.grid.index_at(0), QItemSelectionModel.SelectionFlag.Select)
    assert np.array_equal(view.chosen, view.grid.shown[:1])


def test_the_numbers_of_the_classes_follow_the_search_and_the_parts(opened_page: DatasetPage) -> None:
    browser = opened_page.browser
    assert counted(browser.side.classes) == {"bkl": 18, "mel": 18, "nv": 48}
    browser.finder.search.setText("class = mel")
    browser.finder._parse()
    assert counted(browser.side.classes) == {"bkl": 0, "mel": 18, "nv": 0}
    assert sum(counted(browser.side.parts).values()) == 18
    browser.finder.clear_search()
    browser.side.classes.choose({"mel"})
    assert counted(browser.side.classes) == {"bkl": 18, "mel": 18, "nv": 48}
    assert sum(counted(browser.side.parts).values()) == 18


def counted(filters: Filter) -> dict[str, int]:
    return {key: row._count for key, row in filters.rows.items()}

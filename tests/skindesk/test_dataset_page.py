"""The dataset page over a dataset that is there: what is shown, found, sorted, selected and handed on."""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

import trainer.dataset.database
from skindesk.models.dataset.samples import SortKey
from skindesk.models.workspace import Workspace
from skindesk.pages.dataset import DatasetPage
from tests.drops import drop
from tests.skindesk.dataset_page import LONG, button, classes_shown, open_dataset
from trainer.dataset.classes.malignancy import Marks
from trainer.dataset.store import DatasetStore

N = 84


# Nothing open


def test_a_first_start_offers_a_folder_and_the_demo(qtbot: QtBot, dataset_page: DatasetPage) -> None:
    assert dataset_page.dataset is None
    assert button(dataset_page, "Open a folder…").isEnabled()
    with qtbot.waitSignal(dataset_page.demo_asked):
        qtbot.mouseClick(button(dataset_page, "Try the demo"), Qt.MouseButton.LeftButton)


def test_nothing_can_be_opened_by_accident_while_the_demo_is_drawn(dataset_page: DatasetPage) -> None:
    dataset_page.wait_for_drawings()
    assert not dataset_page.start.isVisible()
    dataset_page.wait_no_more()
    assert dataset_page.start.isVisible()


def test_recent_datasets_say_what_they_hold_and_which_are_gone(
    qtbot: QtBot, dataset_page: DatasetPage, workspace: Workspace, small_dataset: Path, tmp_path: Path
) -> None:
    workspace.set_dataset(tmp_path / "gone.db")
    workspace.set_dataset(small_dataset)
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
    dataset_page.act.close.trigger()
    qtbot.waitUntil(dataset_page.start.recent.isVisible, timeout=LONG)
    there, gone = (button(dataset_page, name) for name in ("small", "gone"))
    assert there.isEnabled()
    assert not gone.isEnabled()
    assert "84 images" in there.toolTip() or any(
        label.text() == "84 images, 42 lesions" for label in dataset_page.start.recent.findChildren(QLabel)
    )
    qtbot.mouseClick(there, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
    assert workspace.dataset == small_dataset


def test_a_forgotten_dataset_leaves_the_list_and_stays_on_the_disk(
    qtbot: QtBot, dataset_page: DatasetPage, workspace: Workspace, small_dataset: Path
) -> None:
    workspace.set_dataset(small_dataset)
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)
    dataset_page.act.close.trigger()
    qtbot.waitUntil(dataset_page.start.recent.isVisible, timeout=LONG)
    dataset_page.start.recent_forgotten.emit(small_dataset)
    assert workspace.recent_datasets == []
    assert small_dataset.exists()


# Opening


def test_opening_a_dataset_shows_its_images_and_tells_the_others(
    opened_page: DatasetPage, workspace: Workspace, small_dataset: Path
) -> None:
    assert workspace.dataset == small_dataset
    assert opened_page.title.figures.full_text() == "84 images, 42 lesions, no problems"
    assert len(opened_page.browser.view.grid) == N
    assert opened_page.browser.finder.count.text() == "84 images"
    assert opened_page.browser.side.certificate.text == "0 of 42 groups in two parts"
    rows = opened_page.browser.side.classes.rows
    assert {name: row.accessibleName() for name, row in rows.items()} == {
        "bkl": "Benign keratosis: 18 of 84 images (21.4\u00a0%)",
        "mel": "▲ Melanoma: 18 of 84 images (21.4\u00a0%)",
        "nv": "Melanocytic nevus: 48 of 84 images (57.1\u00a0%)",
    }


def test_a_dataset_chosen_elsewhere_is_shown(
    qtbot: QtBot, dataset_page: DatasetPage, workspace: Workspace, small_dataset: Path
) -> None:
    workspace.set_dataset(small_dataset)
    qtbot.waitUntil(
        lambda: dataset_page.dataset is not None and dataset_page.dataset.path == small_dataset, timeout=LONG
    )


def test_a_dataset_file_can_be_dropped_anywhere_on_the_page(
    qtbot: QtBot, dataset_page: DatasetPage, small_dataset: Path
) -> None:
    assert drop(dataset_page, small_dataset)
    qtbot.waitUntil(lambda: dataset_page.dataset is not None, timeout=LONG)


def test_what_is_no_dataset_is_not_taken(dataset_page: DatasetPage, tmp_path: Path) -> None:
    picture = tmp_path / "one.jpg"
    picture.write_bytes(b"")
    assert not dataset_page.open_path(picture)
    assert not drop(dataset_page, picture)


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[200:60_000] = b"\xff" * 59_800
    path.write_bytes(bytes(content))


def newer(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def of_another_kind(path: Path) -> None:
    path.write_bytes(b"This is no database at all.")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(damaged, "is damaged"), (newer, "newer SkinDesk"), (of_another_kind, "not a SkinDesk dataset")],
)
def test_a_file_that_cannot_be_opened_says_why(
    qtbot: QtBot, dataset_page: DatasetPage, small_dataset: Path, spoil: object, words: str
) -> None:
    spoil(small_dataset)  # type: ignore[operator]
    assert dataset_page.open_path(small_dataset)
    qtbot.waitUntil(lambda: words in dataset_page.notice.text, timeout=LONG)
    assert dataset_page.notice.isVisible()
    assert dataset_page.dataset is None
    assert dataset_page.start.isVisible()


def test_a_missing_file_says_so_and_what_is_open_stays(opened_page: DatasetPage, tmp_path: Path) -> None:
    assert opened_page.open_path(tmp_path / "gone.db")
    assert "is not there" in opened_page.notice.text
    assert opened_page.dataset is not None


def test_a_long_name_is_cut_with_dots_and_the_numbers_stay(
    qtbot: QtBot, dataset_page: DatasetPage, small_dataset: Path
) -> None:
    name = "Images of the year, by the second camera, with all that came later " * 3
    open_dataset(qtbot, dataset_page, small_dataset.rename(small_dataset.with_name(f"{name}.db")))
    title = dataset_page.title
    qtbot.waitUntil(lambda: "…" in title.name.text(), timeout=LONG)
    assert title.name.toolTip().endswith(f"{name}.db")
    assert title.figures.text() == "84 images, 42 lesions, no problems"
    dataset_page.act.close.trigger()
    qtbot.waitUntil(dataset_page.start.recent.isVisible, timeout=LONG)
    (recent,) = (one for one in dataset_page.start.findChildren(QPushButton) if "…" in one.text()[5:-5])
    assert recent.accessibleName() == name
    assert recent.width() >= recent.sizeHint().width()


# Filters, search, order


def test_clicking_classes_shows_them_alone_and_all_brings_the_others_back(
    qtbot: QtBot, opened_page: DatasetPage
) -> None:
    rows = opened_page.browser.side.classes.rows
    qtbot.mouseClick(rows["mel"], Qt.MouseButton.LeftButton)
    assert classes_shown(opened_page) == {"mel"}
    assert opened_page.browser.finder.count.text() == "18 of 84 images"
    qtbot.mouseClick(rows["nv"], Qt.MouseButton.LeftButton)
    assert classes_shown(opened_page) == {"mel", "nv"}
    qtbot.mouseClick(opened_page.browser.side.classes.all_button, Qt.MouseButton.LeftButton)
    assert classes_shown(opened_page) == {"bkl", "mel", "nv"}
    assert not opened_page.browser.side.classes.all_button.isVisible()


def test_classes_can_be_chosen_by_keyboard(qtbot: QtBot, opened_page: DatasetPage) -> None:
    rows = list(opened_page.browser.side.classes.rows.values())
    rows[0].setFocus()
    qtbot.keyClick(rows[0], Qt.Key.Key_Down)
    qtbot.waitUntil(rows[1].hasFocus)
    qtbot.keyClick(rows[1], Qt.Key.Key_Space)
    assert classes_shown(opened_page) == {"mel"}


def test_the_tab_key_goes_through_the_page_from_left_to_right(qtbot: QtBot, opened_page: DatasetPage) -> None:
    browser = opened_page.browser
    browser.view.select_sample(4)
    qtbot.waitUntil(lambda: len(browser.details.tiles) == 1, timeout=LONG)
    order, place = [], browser.finder.search.nextInFocusChain()
    while place is not browser.finder.search:
        order.append(place)
        place = place.nextInFocusChain()
    wanted = [
        *browser.side.classes.rows.values(),
        *browser.side.parts.rows.values(),
        browser.side.split_button,
        browser.view,
        *browser.details.tiles,
        browser.details.diagnose_button,
    ]
    places = [order.index(widget) for widget in wanted]
    assert places == sorted(places)


def test_a_part_of_the_split_can_be_shown_alone(qtbot: QtBot, opened_page: DatasetPage) -> None:
    table = opened_page.browser.view.grid.table
    assert table is not None
    qtbot.mouseClick(opened_page.browser.side.parts.rows["test"], Qt.MouseButton.LeftButton)
    shown = opened_page.browser.view.grid.shown
    assert len(shown) == table.split.counts()["test"]
    assert {table.split.at(row) for row in shown.tolist()} == {"test"}


def test_typing_searches_and_a_mistake_is_explained_beside_the_last_result(
    qtbot: QtBot, opened_page: DatasetPage
) -> None:
    finder = opened_page.browser.finder
    opened_page.act.find.trigger()
    qtbot.waitUntil(finder.search.hasFocus)
    qtbot.keyClicks(finder.search, "class = mel and id ~ 1")
    qtbot.waitUntil(lambda: finder.count.text() != "84 images")
    found = opened_page.browser.shown_ids
    assert found
    assert all("1" in name for name in found)
    assert classes_shown(opened_page) == {"mel"}
    qtbot.keyClicks(finder.search, " and age >")
    qtbot.waitUntil(finder.why.isVisible)
    assert finder.why.text() == "Nothing follows “age >”."
    assert opened_page.browser.shown_ids == found
    qtbot.keyClick(finder.search, Qt.Key.Key_Escape)
    assert not finder.why.isVisible()
    assert len(opened_page.browser.shown_ids) == N


def test_enter_in_the_search_leads_to_the_images(qtbot: QtBot, opened_page: DatasetPage) -> None:
    search = opened_page.browser.finder.search
    search.setFocus()
    qtbot.keyClicks(search, "mel")
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert classes_shown(opened_page) == {"mel"}
    qtbot.waitUntil(opened_page.browser.view.hasFocus)


def test_a_search_without_result_offers_the_way_back(qtbot: QtBot, opened_page: DatasetPage) -> None:
    finder = opened_page.browser.finder
    finder.search.setText("nothing like this")
    qtbot.keyClick(finder.search, Qt.Key.Key_Return)
    assert finder.count.text() == "0 of 84 images"
    qtbot.mouseClick(button(opened_page, "Show all images"), Qt.MouseButton.LeftButton)
    assert len(opened_page.browser.view.grid) == N
    assert opened_page.browser.view.isVisible()


def test_images_are_sorted_either_way(qtbot: QtBot, opened_page: DatasetPage) -> None:
    finder, ids = opened_page.browser.finder, opened_page.browser.shown_ids
    assert ids == sorted(ids)
    qtbot.mouseClick(finder.descending, Qt.MouseButton.LeftButton)
    assert opened_page.browser.shown_ids == ids[::-1]
    finder.sort.setCurrentIndex(finder.sort.findData(SortKey.CLASS))
    table = opened_page.browser.view.grid.table
    assert table is not None
    names = [table.class_name.at(row) for row in opened_page.browser.view.grid.shown.tolist()]
    assert names == sorted(names, key=str, reverse=True)


# Moved images


def test_moved_images_are_told_of_and_found_again(
    qtbot: QtBot, dataset_page: DatasetPage, own_dataset: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, dataset = own_dataset
    elsewhere = folder.rename(tmp_path / "elsewhere")
    open_dataset(qtbot, dataset_page, dataset)
    assert f"The images are no longer in {folder}" in dataset_page.moved.text
    assert dataset_page.moved.isVisible()
    dataset_page.relocate(tmp_path / "home")
    qtbot.waitUntil(lambda: "does not hold the images" in dataset_page.notice.text, timeout=LONG)
    dataset_page.relocate(elsewhere)
    qtbot.waitUntil(lambda: not dataset_page.moved.isVisible(), timeout=LONG)
    table = dataset_page.browser.view.grid.table
    assert table is not None
    assert Path(table.paths[0]).is_file()


def test_a_dataset_that_is_being_written_says_so(
    qtbot: QtBot, dataset_page: DatasetPage, own_dataset: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer.dataset.database, "BUSY_SECONDS", 0.1)
    folder, dataset = own_dataset
    open_dataset(qtbot, dataset_page, dataset)
    other = sqlite3.connect(dataset, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    dataset_page.relocate(folder)
    qtbot.waitUntil(lambda: "in use by another program" in dataset_page.notice.text, timeout=LONG)
    other.execute("ROLLBACK")
    other.close()


# Overview and problems


def test_the_overview_gives_each_class_and_part_with_percent(qtbot: QtBot, opened_page: DatasetPage) -> None:
    qtbot.mouseClick(opened_page.title.views.buttons["overview"], Qt.MouseButton.LeftButton)
    chart = opened_page.browser.overview.chart
    assert chart.isVisible()
    described = chart.accessibleDescription()
    assert described.startswith(
        "All: Benign keratosis 18 · 21.4\u00a0%, ▲ Melanoma 18 · 21.4\u00a0%, Melanocytic nevus 48 · 57.1\u00a0%"
    )
    assert [part.split(":")[0] for part in described.split("; ")] == ["All", "Train", "Validation", "Test"]

    def painted() -> set[str]:
        image = chart.grab().toImage()
        places = ((x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3))
        return {image.pixelColor(x, y).name() for x, y in places}

    qtbot.waitUntil(lambda: {"#366d58", "#af3b19", "#4f94f5"} <= painted())


def test_a_class_is_marked_from_its_menu(qtbot: QtBot, opened_page: DatasetPage) -> None:
    def choose(name: str, title: str) -> None:
        menu = opened_page.browser.side.class_menu(name)
        heading = menu.actions()[0]
        assert heading.text().removeprefix("▲ ") == "Melanocytic nevus", "it says which class is marked"
        assert not heading.isEnabled()
        next(entry for entry in menu.actions() if entry.text() == title).trigger()
        menu.close()

    dataset = opened_page.dataset
    assert dataset is not None
    assert "nv" not in dataset.table.malignant
    choose("nv", "Malignant or precancerous")
    qtbot.waitUntil(lambda: opened_page.dataset.table.marks.of("nv") == "malignant")
    assert opened_page.browser.side.classes.rows["nv"].text().startswith("▲ ")
    with DatasetStore.open(dataset.path, read_only=True) as store:
        assert "nv" in store.malignant
    choose("nv", "From its name: benign")
    qtbot.waitUntil(lambda: opened_page.dataset.table.marks.of("nv") == "benign")


def test_where_no_class_is_marked_malignant_the_overview_says_so(opened_page: DatasetPage) -> None:
    dataset = opened_page.dataset
    assert dataset is not None
    unmarked = dataclasses.replace(dataset.table, marks=Marks(benign=("nv",)))
    overview = opened_page.browser.overview
    overview.show_dataset(dataclasses.replace(dataset, table=unmarked))
    shown = [label.text() for label in overview.malignant.findChildren(QLabel)]
    assert "not stated" in shown
    assert not any("%" in text for text in shown)
    assert overview.not_stated.text().startswith("Not stated whether malignant or benign: bkl, mel.")


def test_problems_are_listed_copied_and_saved(
    qtbot: QtBot, dataset_page: DatasetPage, own_dataset: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, dataset = own_dataset
    with DatasetStore.open(dataset) as store:
        store.database.run_many(
            "INSERT INTO problems (path, sample_id, kind, reason) VALUES (?, ?, ?, ?)",
            [
                (
                    "images/a.png",
                    "a",
                    "truncated",
                    f"{folder / 'images' / 'a.png'} cannot be used because it is cut off.",
                ),
                ("", "b", "missing", "table.csv, line 3 names b, but there is no such image."),
            ],
        )
    open_dataset(qtbot, dataset_page, dataset)
    assert dataset_page.title.views.buttons["problems"].text() == "Problems (2)"
    qtbot.mouseClick(dataset_page.title.views.buttons["problems"], Qt.MouseButton.LeftButton)
    view = dataset_page.browser.problems
    model = view.table.model()
    assert view.table.isVisible()
    shown = [[model.index(row, column).data() for column in range(3)] for row in range(2)]
    assert sorted(shown) == [
        ["b", "Missing file", "Table.csv, line 3 names b, but there is no such image."],
        ["images/a.png", "Cut off", "Cannot be used because it is cut off."],
    ]
    view.kinds.setCurrentIndex(view.kinds.findData("truncated"))
    assert model.rowCount() == 1
    view.copy()
    assert (
        QGuiApplication.clipboard().text() == "images/a.png\tCut off\tCannot be used because it is cut off."
    )
    saved = tmp_path / "problems.csv"
    view.save(saved)
    qtbot.waitUntil(saved.exists, timeout=LONG)
    assert saved.read_text().splitlines()[0] == "file,sample_id,kind,reason"
    assert saved.read_text().splitlines()[1].startswith(f"{folder / 'images' / 'a.png'},a,truncated,")


def test_problems_that_cannot_be_saved_say_why(
    qtbot: QtBot, opened_page: DatasetPage, tmp_path: Path
) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("")
    opened_page.browser.problems.save(blocked / "problems.csv")
    qtbot.waitUntil(lambda: "Cannot write" in opened_page.notice.text, timeout=LONG)


# The menu


def test_the_page_hands_its_actions_to_the_window(opened_page: DatasetPage) -> None:
    by_name = {action.text(): action.shortcut().toString() for action in opened_page.actions()}
    assert by_name["Open folder…"] == "Ctrl+O"
    assert by_name["Find"] == "Ctrl+F"
    assert {"Open dataset file…", "Import again", "Split again…"} <= by_name.keys()


def test_what_makes_no_sense_without_a_dataset_is_off(dataset_page: DatasetPage) -> None:
    off = {action.text() for action in dataset_page.actions() if not action.isEnabled()}
    assert off == {
        "Import again",
        "Find",
        "Split again…",
        "Diagnose",
        "Show in folder",
        "Copy path",
        "Close dataset",
    }


def test_recent_datasets_are_at_hand_while_one_is_open(
    qtbot: QtBot, opened_page: DatasetPage, workspace: Workspace, tmp_path: Path
) -> None:
    assert opened_page.dataset is not None
    first = opened_page.dataset.path
    other = shutil.copyfile(first, tmp_path / "other.db")
    workspace.set_dataset(other)
    qtbot.waitUntil(lambda: opened_page.dataset is not None and opened_page.dataset.path == other)
    menu = opened_page.title.menu
    menu.aboutToShow.emit()
    assert [action.toolTip() for action in menu.recent.actions()] == [str(first)]
    menu.recent.actions()[0].trigger()
    qtbot.waitUntil(lambda: opened_page.dataset is not None and opened_page.dataset.path == first)

"""Asking for files and folders: where it begins, which file comes out, and what is never replaced unasked."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QApplication,
    QDialogButtonBox,
    QFileDialog,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from skindesk.paths import Paths
from skindesk.settings import Settings
from skindesk.widgets.file_choice import FileChoice

# The platform without a screen says it of every dialog.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

KINDS = ["Tables (*.csv)", "All files (*)"]
PATIENCE = 20_000  # ms


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    window = QWidget()
    qtbot.addWidget(window)
    return window


@pytest.fixture
def choice(window: QWidget, settings: Settings, tmp_path: Path) -> FileChoice:
    """A choice that begins in a folder with a file "old.csv"."""
    folder = tmp_path / "begin here"
    folder.mkdir()
    (folder / "old.csv").write_text("old")
    return FileChoice(window, settings, "report_folder", str(folder))


def dialog_of(window: QWidget) -> QFileDialog:
    dialogs = [dialog for dialog in window.findChildren(QFileDialog) if dialog.isVisible()]
    assert len(dialogs) == 1
    return dialogs[0]


def answer(qtbot: QtBot, dialog: QFileDialog, text: str) -> None:
    """Type a name and press the button that accepts."""
    line = dialog.findChild(QLineEdit, "fileNameEdit")
    line.setText(text)
    buttons = dialog.findChild(QDialogButtonBox).buttons()
    (accepting,) = (one for one in buttons if one.text().strip("&") in {"Open", "Save", "Choose"})
    qtbot.waitUntil(accepting.isEnabled, timeout=PATIENCE)
    qtbot.mouseClick(accepting, Qt.MouseButton.LeftButton)


def begins(dialog: QFileDialog) -> Path:
    return Path(dialog.directory().absolutePath())


def test_it_begins_where_it_ended_even_after_a_restart(
    qtbot: QtBot, window: QWidget, choice: FileChoice, settings: Settings, paths: Paths, tmp_path: Path
) -> None:
    (tmp_path / "other.csv").write_text("")
    taken: list[Path] = []
    choice.open_file("Open", KINDS, taken.append)
    dialog = dialog_of(window)
    assert begins(dialog) == Path(choice.fallback)
    answer(qtbot, dialog, str(tmp_path / "other.csv"))
    assert taken == [tmp_path / "other.csv"]
    qtbot.waitUntil(lambda: not window.findChildren(QFileDialog))

    settings.flush()
    FileChoice(window, Settings(paths.settings_file), "report_folder").open_file("Open", KINDS, taken.append)

    assert begins(dialog_of(window)) == tmp_path


def test_a_folder_that_is_gone_is_no_beginning(window: QWidget, choice: FileChoice, tmp_path: Path) -> None:
    choice.settings.set_value("report_folder", str(tmp_path / "gone"))

    choice.open_folder("Open", lambda _folder: None)

    assert begins(dialog_of(window)) == Path(choice.fallback)


def test_another_kind_of_choice_begins_elsewhere(
    qtbot: QtBot, window: QWidget, choice: FileChoice, tmp_path: Path
) -> None:
    choice.open_folder("Open", lambda _folder: None)
    answer(qtbot, dialog_of(window), str(tmp_path))
    assert choice.settings.text("report_folder") == str(tmp_path)

    FileChoice(window, choice.settings, "images_folder", choice.fallback).open_folder("Open", lambda _f: None)

    assert begins(dialog_of(window)) == Path(choice.fallback)


def test_several_files_come_together(qtbot: QtBot, window: QWidget, choice: FileChoice) -> None:
    (Path(choice.fallback) / "new.csv").write_text("")
    taken: list[list[Path]] = []
    choice.open_files("Open", KINDS, taken.append)
    answer(qtbot, dialog_of(window), '"old.csv" "new.csv"')
    assert [[path.name for path in paths] for paths in taken] == [["old.csv", "new.csv"]]


def test_nothing_is_taken_from_a_dialog_that_is_left(
    qtbot: QtBot, window: QWidget, choice: FileChoice
) -> None:
    taken: list[Path] = []
    choice.open_file("Open", KINDS, taken.append)
    dialog_of(window).reject()
    qtbot.waitUntil(lambda: not window.findChildren(QFileDialog))
    assert not taken
    assert choice.settings.text("report_folder") == ""


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("table", "table.csv"),
        ("table.csv", "table.csv"),
        ("table.CSV", "table.CSV"),
        ("table 1.5", "table 1.5.csv"),
        ("table.txt", "table.txt.csv"),
    ],
)
def test_what_is_saved_has_its_ending(
    qtbot: QtBot, window: QWidget, choice: FileChoice, typed: str, becomes: str
) -> None:
    taken: list[Path] = []
    choice.save_file("Save", "table.csv", {KINDS[0]: taken.append})
    answer(qtbot, dialog_of(window), typed)
    assert taken == [Path(choice.fallback) / becomes]


def test_a_suggested_name_is_one_on_every_system(window: QWidget, choice: FileChoice) -> None:
    choice.save_file("Save", 'Xception 10/12: "best"?.csv', {KINDS[0]: lambda _file: None})

    (name,) = dialog_of(window).selectedFiles()
    assert name == str(Path(choice.fallback) / "Xception 10 12 best .csv")


def test_the_kind_says_what_is_done_with_the_file(qtbot: QtBot, window: QWidget, choice: FileChoice) -> None:
    long, short = list[Path](), list[Path]()
    choice.save_file("Save", "a.csv", {"Long (*.csv)": long.append, "Short (*.csv)": short.append})
    dialog = dialog_of(window)
    dialog.selectNameFilter("Short (*.csv)")
    answer(qtbot, dialog, "b")
    assert (long, short) == ([], [Path(choice.fallback) / "b.csv"])


@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize("typed", ["old.csv", "old"])
def test_a_file_is_replaced_only_after_a_question(
    qtbot: QtBot, window: QWidget, choice: FileChoice, typed: str, *, replaces: bool
) -> None:
    taken: list[Path] = []
    choice.save_file("Save", "table.csv", {KINDS[0]: taken.append})
    dialog = dialog_of(window)
    asked: list[str] = []
    QTimer.singleShot(
        0, partial(click_in_question, asked, {"Yes", "Replace"} if replaces else {"No", "Cancel"})
    )

    answer(qtbot, dialog, typed)

    qtbot.waitUntil(lambda: bool(asked), timeout=PATIENCE)
    assert "old.csv" in asked[0]
    assert taken == ([Path(choice.fallback) / "old.csv"] if replaces else [])
    assert (choice.settings.text("report_folder") != "") == replaces


def click_in_question(asked: list[str], words: set[str]) -> None:
    """Press a button of the question that comes up, as soon as it has; the dialog's own has a loop of its own."""
    for box in QApplication.topLevelWidgets():
        if isinstance(box, QMessageBox) and box.isVisible():
            asked.append(box.text())
            (button,) = (one for one in box.findChildren(QPushButton) if one.text().strip("&") in words)
            button.click()
            return
    QTimer.singleShot(10, partial(click_in_question, asked, words))

"""The window: pages when they are asked for, closing, dropping, and what happens when its code fails."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QTextBrowser, QWidget

from skindesk.app import SkinDesk
from skindesk.background import Errands
from skindesk.crash import install_crash_handler, last_crash
from skindesk.engine import JobState
from skindesk.main_window import MainWindow, PageEntry
from skindesk.paths import resource
from skindesk.settings import Settings
from skindesk.widgets.help_dialog import GuideDialog
from skindesk.widgets.theme import DARK, LIGHT, Tokens, apply_theme, contrast, tokens_for
from tests.drops import drop
from trainer.palette import CLASS_COLOURS, MORE_COLOURS
from trainer.protocol.library import DrawDemo
from trainer.protocol.scoring import LookAtDevices

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from skindesk.paths import Paths


class _Page(QWidget):
    def __init__(self, ending: str) -> None:
        super().__init__()
        self.ending, self.opened = ending, []

    def open_path(self, path: Path) -> bool:
        if path.suffix == self.ending:
            self.opened.append(path)
        return path.suffix == self.ending

    def open_more(self, paths: list[Path]) -> None:
        self.opened += paths


@pytest.fixture
def window(settings: Settings, qtbot: QtBot) -> MainWindow:
    entries = [
        PageEntry("dataset", "Dataset", lambda: _Page(".db")),
        PageEntry("diagnosis", "Diagnosis", lambda: _Page(".jpg")),
    ]
    window = MainWindow(entries, settings)
    qtbot.addWidget(window)
    window.show()
    return window


@pytest.fixture
def program(paths: Paths, qtbot: QtBot) -> Iterator[SkinDesk]:
    program = SkinDesk(paths)
    qtbot.addWidget(program.window)
    yield program
    program.close()


def test_pages_are_built_when_they_are_shown(window: MainWindow) -> None:
    assert window.built_pages == frozenset()

    window.show_page("diagnosis")

    assert window.built_pages == {"diagnosis"}
    assert window.current == "diagnosis"


def test_what_is_dropped_goes_to_the_page_that_takes_it(window: MainWindow, tmp_path: Path) -> None:
    window.show_page("dataset")

    assert drop(window, tmp_path / "image.jpg")

    assert window.current == "diagnosis"
    page = window.page("diagnosis")
    assert isinstance(page, _Page)
    assert page.opened == [tmp_path / "image.jpg"]


def test_all_that_is_dropped_together_is_taken(window: MainWindow, tmp_path: Path) -> None:
    window.show_page("dataset")

    assert drop(window, *(tmp_path / f"{number}.jpg" for number in range(3)))

    page = window.page("diagnosis")
    assert isinstance(page, _Page)
    assert page.opened == [tmp_path / f"{number}.jpg" for number in range(3)]


def test_what_no_page_takes_is_answered_with_a_sentence(window: MainWindow, tmp_path: Path) -> None:
    window.show_page("dataset")

    assert drop(window, tmp_path / "song.mp3")

    assert any("song.mp3 cannot be opened" in label.text() for label in window.findChildren(QLabel))


def test_the_guide_shows_no_text_cursor(qtbot: QtBot) -> None:
    guide = GuideDialog()
    qtbot.addWidget(guide)
    browser = guide.findChild(QTextBrowser)
    assert browser is not None
    assert not browser.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByKeyboard


def test_the_window_closes_only_when_it_is_let(window: MainWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(window.closing):
        window.close()
    assert window.isVisible()

    window.leave()

    assert not window.isVisible()


def test_size_and_place_are_remembered(window: MainWindow, paths: Paths, qtbot: QtBot) -> None:
    window.resize(790, 640)
    window.leave()

    again = MainWindow([PageEntry("dataset", "Dataset", QWidget)], Settings(paths.settings_file))
    qtbot.addWidget(again)

    assert (again.width(), again.height()) == (790, 640)


def test_an_idle_program_closes_without_a_question(program: SkinDesk, qtbot: QtBot) -> None:
    program.window.show()

    program.window.close()

    qtbot.waitUntil(lambda: not program.window.isVisible(), timeout=30_000)
    assert not program.window.findChildren(QDialog)


def test_closing_waits_for_a_change_in_the_background(program: SkinDesk, qtbot: QtBot) -> None:
    program.window.show()
    hold, ticks = threading.Event(), list[int]()
    Errands(program).run(lambda: hold.wait(20), lambda _done: None, pytest.fail)

    program.window.close()

    qtbot.waitUntil(lambda: not program.window.isEnabled())
    clock = QTimer(program)
    clock.timeout.connect(lambda: ticks.append(1))
    clock.start(50)
    qtbot.waitUntil(lambda: len(ticks) > 3)
    assert program.window.isVisible()
    hold.set()
    qtbot.waitUntil(lambda: not program.window.isVisible(), timeout=10_000)


@pytest.mark.qt_log_ignore("propagateSizeHints")  # the platform without a screen says it of every dialog
def test_closing_asks_only_for_what_would_be_missed_and_saves_without_standing_still(
    program: SkinDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    program.window.show()
    program.engines.scoring.submit(LookAtDevices(), "Looking")
    assert program.engines.scoring.jobs
    assert program.engines.missed == []
    handle = program.engines.library.submit(DrawDemo(folder=str(tmp_path / "demo")), "<b>Drawing</b>")
    assert program.engines.missed == [handle]
    program.window.close()
    qtbot.waitUntil(lambda: bool(program.window.findChildren(QDialog)))
    (dialog,) = program.window.findChildren(QDialog)
    assert "•  <b>Drawing</b>" in {label.text() for label in dialog.findChildren(QLabel)}
    ticks: list[float] = []
    clock = QTimer(program)
    clock.timeout.connect(lambda: ticks.append(time.monotonic()))
    clock.start(10)

    dialog.accept()
    assert not program.window.isEnabled()
    qtbot.waitUntil(lambda: not program.window.isVisible(), timeout=40_000)

    assert handle.state is JobState.CANCELLED
    assert program.engines.left
    assert len(ticks) > 1, "the window lives while its children save"


def test_what_cannot_be_opened_at_the_start_is_said(program: SkinDesk, qtbot: QtBot, tmp_path: Path) -> None:
    program.start(str(tmp_path / "song.mp3"))
    labels = program.window.findChildren
    qtbot.waitUntil(lambda: any("song.mp3 cannot be opened" in label.text() for label in labels(QLabel)))


def test_a_new_appearance_is_worn_at_once(program: SkinDesk, qapp: QApplication) -> None:
    program.settings.set_value("appearance", "dark")
    assert tokens_for(qapp.palette()) is DARK

    program.settings.set_value("appearance", "light")
    assert tokens_for(qapp.palette()) is LIGHT


@pytest.mark.parametrize("tokens", [LIGHT, DARK])
def test_text_can_be_read_on_its_ground(tokens: Tokens) -> None:
    pairs = [
        ("text", "window"),
        ("text", "surface"),
        ("muted", "window"),
        ("muted", "surface"),
        ("muted", "side"),
        ("accent", "accent_soft"),
        ("on_accent", "accent"),
        ("warning", "warning_soft"),
        ("danger", "danger_soft"),
        ("danger", "surface"),
        ("ok", "surface"),
        ("ok", "ok_soft"),
        ("text", "accent_soft"),
    ]
    for text, ground in pairs:
        assert contrast(getattr(tokens, text), getattr(tokens, ground)) >= 4.5, f"{text} on {ground}"


def test_a_contrast_is_what_the_guidelines_say() -> None:
    assert contrast(QColor("#000000"), QColor("#FFFFFF")) == pytest.approx(21.0)
    assert contrast(QColor("#FFFFFF"), QColor("#767676")) == pytest.approx(4.54, abs=0.01)
    assert contrast(QColor("#336699"), QColor("#336699")) == 1.0


@pytest.mark.parametrize("tokens", [LIGHT, DARK])
@pytest.mark.parametrize("name", [*CLASS_COLOURS.values(), *MORE_COLOURS])
def test_a_class_is_seen_on_a_card_in_its_own_hue(name: str, tokens: Tokens) -> None:
    colour = QColor(name)
    seen = tokens.seen(colour)
    assert contrast(seen, tokens.surface) >= 3.0
    assert abs(seen.hslHue() - colour.hslHue()) <= 2
    if tokens is LIGHT:
        assert seen == colour


def test_an_error_in_a_slot_is_written_down_and_the_window_lives(
    window: MainWindow, paths: Paths, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    settings.set_value("paper", "Letter")
    install_crash_handler(paths, settings.flush)
    error = ValueError("a mistake of ours")
    sys.excepthook(type(error), error, None)

    assert Settings(paths.settings_file).value("paper") == "Letter"
    assert "a mistake of ours" in paths.log_file("window.log").read_text()
    assert window.isVisible()
    assert any("your work is safe" in label.text() for label in window.findChildren(QLabel))


def test_a_crash_is_told_once_at_the_next_start(paths: Paths) -> None:
    paths.log_file("window-crash.log").write_text("Fatal Python error: Segmentation fault\n")

    assert "closed unexpectedly" in last_crash(paths)
    assert last_crash(paths) == ""
    assert "Segmentation fault" in paths.log_file("window.log").read_text()


def test_the_style_sheet_is_understood_wherever_the_program_lies(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "Skin Desk (übung) 皮肤"
    shutil.copytree(resource(""), place)
    monkeypatch.setattr("skindesk.paths.resource", lambda name: place / name)
    label = QLabel("x")
    qtbot.addWidget(label)
    for appearance in ("dark", "light"):
        apply_theme(qapp, appearance)
        label.show()  # a sheet that Qt cannot parse is a warning, and a warning fails the test
        assert "@" not in qapp.styleSheet()


def test_no_page_button_has_the_focus_at_the_start(window: MainWindow, qtbot: QtBot) -> None:
    window.show_page("dataset")
    qtbot.waitExposed(window)
    window.activateWindow()
    assert window.focusWidget() not in window._navigation.values()


def test_a_narrow_window_leaves_its_room_to_the_pages(window: MainWindow) -> None:
    window.resize(911, 560)
    assert window._side.width() < 80
    assert {button.text() for button in window._navigation.values()} == {""}
    assert {button.accessibleName() for button in window._navigation.values()} == {"Dataset", "Diagnosis"}
    window.resize(1200, 700)
    assert window._navigation["dataset"].text() == "Dataset"

"""What a person arranges by hand is found again after a restart."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from skindesk.app import SkinDesk
from skindesk.engine.engines import Engines
from skindesk.models.runs.listing import COLUMNS
from skindesk.models.workspace import Workspace
from skindesk.pages.dataset.browser import Browser
from skindesk.pages.results import ResultsPage
from skindesk.paths import Paths
from skindesk.settings import Settings
from skindesk.widgets.splitter import Splitter
from tests.skindesk.made_runs import make_report, make_run
from tests.skindesk.results_page import ResultsWindow

PATIENCE = 20_000  # ms


def draw(widget: QWidget, start: QPoint, way: QPoint) -> None:
    """Press the mouse, move it while it is pressed, and let it go."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    where = widget.mapToGlobal(start)  # what is drawn moves under the mouse
    for kind, place, button, held in (
        (QEvent.Type.MouseButtonPress, where, left, left),
        (QEvent.Type.MouseMove, where + way, none, left),
        (QEvent.Type.MouseButtonRelease, where + way, left, none),
    ):
        local = QPointF(widget.mapFromGlobal(place))
        QApplication.sendEvent(
            widget, QMouseEvent(kind, local, QPointF(place), button, held, Qt.KeyboardModifier.NoModifier)
        )


def show(qtbot: QtBot, widget: QWidget, width: int, height: int) -> None:
    """Show a widget in a window without a layout: what it asks for is no wish to the window system."""
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(width, height)
    widget.setParent(window)
    widget.resize(width, height)
    widget.window_of_test = window  # type: ignore[attr-defined]  # lives as long
    window.show()


def restarted(settings: Settings, paths: Paths) -> Settings:
    """Return the settings as the next start reads them."""
    settings.flush()
    return Settings(paths.settings_file)


# Splitters


def make_splitter(qtbot: QtBot, settings: Settings) -> Splitter:
    parts = tuple((QLabel(str(number)), int(number == 1)) for number in range(3))
    splitter = Splitter(Qt.Orientation.Horizontal, parts, settings, "dataset_columns")
    splitter.suggest((200, 400, 150))
    show(qtbot, splitter, 832, 300)
    return splitter


def test_sizes_that_were_drawn_are_found_again(qtbot: QtBot, settings: Settings, paths: Paths) -> None:
    splitter = make_splitter(qtbot, settings)
    assert splitter.sizes()[0] == 200
    draw(splitter.handle(1), QPoint(4, 100), QPoint(77, 0))
    drawn = splitter.sizes()
    assert drawn[0] == 277
    splitter.suggest((200, 400, 150))
    assert splitter.sizes() == drawn

    assert make_splitter(qtbot, restarted(settings, paths)).sizes() == drawn


def test_sizes_that_nobody_chose_are_not_remembered(qtbot: QtBot, settings: Settings) -> None:
    splitter = make_splitter(qtbot, settings)
    splitter.resize(1032, 300)
    assert splitter.sizes()[0] == 200

    assert settings.sizes("dataset_columns") == []


@pytest.mark.parametrize(
    "stored", [[100, 200], [1, 2, 3, 4], ["a", "b", "c"], [10**12, 1, 1], [-5, 5, 5], [True, 5, 5], "wide"]
)
def test_sizes_that_cannot_be_cost_nothing(qtbot: QtBot, paths: Paths, stored: object) -> None:
    paths.settings_file.write_text(json.dumps({"dataset_columns": stored}))

    assert make_splitter(qtbot, Settings(paths.settings_file)).sizes()[0] == 200


# The pages


def make_browser(qtbot: QtBot, settings: Settings) -> Browser:
    browser = Browser(settings)
    show(qtbot, browser, 1144, 700)
    return browser


def test_the_dataset_page_keeps_its_columns_and_the_size_of_thumbnails(
    qtbot: QtBot, settings: Settings, paths: Paths
) -> None:
    browser = make_browser(qtbot, settings)
    (splitter,) = browser.findChildren(Splitter)
    draw(splitter.handle(1), QPoint(4, 100), QPoint(40, 0))
    draw(splitter.handle(2), QPoint(4, 100), QPoint(-60, 0))
    browser.finder.slider.setValue(230)
    drawn = splitter.sizes()

    again = make_browser(qtbot, restarted(settings, paths))

    assert again.findChild(Splitter).sizes() == drawn
    assert again.finder.slider.value() == 230


def make_results(
    qtbot: QtBot, paths: Paths, settings: Settings, workspace: Workspace, engines: Engines
) -> ResultsWindow:
    window = ResultsWindow(engines, workspace, settings, paths)
    qtbot.addWidget(window)
    page = window.page
    window.show()
    qtbot.waitUntil(lambda: page.detail.record is not None, timeout=PATIENCE)
    page.detail.tabs.buttons["confusion"].click()
    return window


def names(page: ResultsPage) -> list[str]:
    model = page.table.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def widths(page: ResultsPage) -> dict[str, int]:
    header = page.table.horizontalHeader()
    return {name: header.sectionSize(column) for column, name in enumerate(COLUMNS)}


def test_the_results_page_keeps_its_parts_its_order_and_its_widths(
    qtbot: QtBot, settings: Settings, paths: Paths, workspace: Workspace, engines: Engines
) -> None:
    for name, recall in (("low", 0.2), ("high", 0.9), ("middle", 0.5)):
        make_report(make_run(paths.runs / name, recalls=[recall]), "test", [("a", "mel", "nv")])
    window = make_results(qtbot, paths, settings, workspace, engines)
    page = window.page
    header = page.table.horizontalHeader()
    before = widths(page)
    edge = header.sectionViewportPosition(COLUMNS.index("backbone")) + before["backbone"] - 1
    draw(header.viewport(), QPoint(edge, 8), QPoint(50, 0))
    heading = QPoint(header.sectionViewportPosition(COLUMNS.index("macro_recall")) + 20, 10)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=heading)
    confusion, rows = (page.detail.confusion.findChild(Splitter), page._splitter)
    draw(rows.handle(1), QPoint(200, 4), QPoint(0, 66))
    draw(confusion.handle(1), QPoint(4, 50), QPoint(-80, 0))
    drawn = widths(page), names(page), rows.sizes(), confusion.sizes()
    assert settings.sizes("results_rows") == rows.sizes()
    assert settings.sizes("confusion_columns") == confusion.sizes()
    assert drawn[0]["backbone"] == before["backbone"] + 50
    assert drawn[1] == ["low", "middle", "high"]

    second = make_results(qtbot, paths, restarted(settings, paths), workspace, engines)

    again = second.page
    parts = again._splitter.sizes(), again.detail.confusion.findChild(Splitter).sizes()
    assert (widths(again), names(again), *parts) == drawn
    qtbot.mouseClick(again.table.horizontalHeader().viewport(), Qt.MouseButton.LeftButton, pos=heading)
    assert names(again) == ["high", "middle", "low"], "the other way round"


def test_an_order_by_a_column_that_is_not_there_costs_nothing(
    qtbot: QtBot, settings: Settings, paths: Paths, workspace: Workspace, engines: Engines
) -> None:
    for name in ("b", "a"):
        make_run(paths.runs / name)
    settings.set_value("run_table_order", "of a newer version")
    settings.set_value("run_table_widths", [300])

    window = make_results(qtbot, paths, settings, workspace, engines)

    assert names(window.page) == ["a", "b"]


def test_the_page_that_was_shown_last_is_shown_first(paths: Paths, qtbot: QtBot) -> None:
    shown: list[str] = []
    for asked in ("results", ""):
        program = SkinDesk(paths)
        qtbot.addWidget(program.window)
        program.start()
        qtbot.waitUntil(lambda window=program.window: bool(window.current), timeout=PATIENCE)
        shown.append(program.window.current)
        program.window.show_page(asked)
        program.close()
    assert shown == ["dataset", "results"]

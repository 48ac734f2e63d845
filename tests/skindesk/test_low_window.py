"""A screen of 1366 x 768 pixels at 150 %: some 910 x 480 are left, in which every page is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QWidget

from skindesk.app import SkinDesk
from skindesk.models.cases.cases import CasesModel
from skindesk.models.runs.listing import RunsModel
from skindesk.pages.diagnosis import DiagnosisPage
from tests.made_reference import give_reference, overlapping
from tests.skindesk.geometry import wait_until_whole
from tests.skindesk.made_runs import make_report, make_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from skindesk.engine.jobs import JobQueue
    from skindesk.models.workspace import Workspace
    from skindesk.pages.results import ResultsPage
    from skindesk.paths import Paths
    from skindesk.settings import Settings
    from tests.skindesk.results_page import ResultsWindow

WINDOW = (910, 480)
PAGE = (846, 414)  # what side bar, menu and status strip leave of it
PATIENCE = 20_000  # ms
TABS = ("metrics", "confusion", "curves", "operating", "settings")


@pytest.fixture
def program(paths: Paths, qtbot: QtBot) -> Iterator[SkinDesk]:
    program = SkinDesk(paths)
    qtbot.addWidget(program.window)
    yield program
    program.close()


@pytest.mark.parametrize("key", ["dataset", "training", "settings"])
def test_a_page_is_whole(qtbot: QtBot, program: SkinDesk, small_dataset: Path, key: str) -> None:
    program.workspace.set_dataset(small_dataset)
    window = program.window
    window.resize(*WINDOW)
    window.show()
    window.show_page(key)
    qtbot.wait_until(lambda: window.page(key).isVisible())
    assert (window.width(), window.height()) == WINDOW
    wait_until_whole(qtbot, window)


@pytest.mark.parametrize("tab", TABS)
def test_a_run_is_whole_and_the_list_of_runs_can_be_folded(
    qtbot: QtBot, paths: Paths, results_window: ResultsWindow, tab: str
) -> None:
    for n in range(5):
        folder = make_run(paths.runs / f"run {n}")
    give_reference(folder / "bundle", overlapping((20, 60, 150)))
    make_report(folder, "validation", [(f"s{n}", "mel", "mel") for n in range(12)])
    page: ResultsPage = results_window.page
    results_window.setFixedSize(*PAGE)
    results_window.show()
    qtbot.waitUntil(lambda: page.detail.record is not None, timeout=PATIENCE)
    page.table.choose((folder,))
    page.detail.tabs.buttons[tab].click()
    qtbot.waitUntil(lambda: page.table.horizontalScrollBar().maximum() == 0)
    wait_until_whole(qtbot, page)
    page.fold.click()
    qtbot.waitUntil(lambda: page.detail.visibleRegion().boundingRect().height() > 280)
    assert not page.table.isVisible()
    wait_until_whole(qtbot, page)
    page.fold.click()
    qtbot.waitUntil(page.table.isVisible)


@pytest.mark.parametrize("height", [PAGE[1], PAGE[1] - 48])  # the demo has a bar above the page
def test_a_diagnosis_is_whole(
    qtbot: QtBot,
    paths: Paths,
    settings: Settings,
    workspace: Workspace,
    silent_queue: JobQueue,
    small_folder: Path,
    height: int,
) -> None:
    run = make_run(paths.runs / "a run")
    workspace.set_bundle(run / "bundle")
    runs = RunsModel(paths, settings, workspace)
    window = QWidget()
    qtbot.addWidget(window)
    cases = CasesModel(paths, window)
    page = DiagnosisPage(silent_queue, silent_queue, runs, workspace, cases, settings, paths, window)
    page.resize(PAGE[0], height)
    window.show()
    page.add_images(sorted(small_folder.rglob("*.png"))[:3])
    qtbot.waitUntil(lambda: page.images.canvas.has_picture, timeout=PATIENCE)
    qtbot.waitUntil(lambda: page.network.facts is not None, timeout=PATIENCE)
    assert page.height() == height
    wait_until_whole(qtbot, page)
    assert not page.bundle.marks_button.isVisible()
    page.bundle.fold.click()
    assert page.bundle.marks_button.isVisible()
    runs.deleteLater()

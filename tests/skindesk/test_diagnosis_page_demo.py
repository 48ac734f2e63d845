"""The demo's network and drawings on the diagnosis page: marked, and never mixed with a person's own images."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.skindesk.diagnosis_page import PageWindow, drop
from tests.skindesk.made_runs import make_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from skindesk.engine.engines import Engines
    from skindesk.models.workspace import Workspace
    from skindesk.pages.diagnosis import DiagnosisPage
    from skindesk.paths import Paths
    from skindesk.settings import Settings

PATIENCE_MS = 30_000


@pytest.fixture
def demo_run(paths: Paths) -> Path:
    """A run on drawings, newer than any other."""
    return make_run(paths.runs / "Demo", drawn=True, created=datetime(2026, 4, 1, tzinfo=UTC))


@pytest.fixture
def page(
    qtbot: QtBot,
    engines: Engines,
    workspace: Workspace,
    settings: Settings,
    paths: Paths,
    demo_run: Path,
) -> Iterator[DiagnosisPage]:
    """The page after the demo: its network is chosen, and one of its drawings is shown."""
    engines.diagnosis.begin_close()
    workspace.set_bundle(demo_run / "bundle")
    window = PageWindow(engines.diagnosis, workspace, settings, paths, qtbot)
    qtbot.waitUntil(lambda: window.page.network.facts is not None, timeout=PATIENCE_MS)
    yield window.page  # noqa: PT022 - this generator keeps the window alive


@pytest.fixture
def photographs(small_folder: Path) -> list[Path]:
    return sorted((small_folder / "images").glob("*.png"))[:2]


@pytest.fixture
def drawings(photographs: list[Path], tmp_path: Path) -> list[Path]:
    named = [tmp_path / "DRAWN_0000001.png", tmp_path / "DRAWN_0000002.png"]
    return [shutil.copyfile(source, target) for source, target in zip(photographs, named, strict=True)]


def show_drawings(qtbot: QtBot, page: DiagnosisPage, drawings: list[Path]) -> None:
    page.show_apart(drawings)
    qtbot.waitUntil(lambda: len(page.model.images) == len(drawings), timeout=PATIENCE_MS)


def test_a_demo_network_says_so_wherever_it_answers(
    qtbot: QtBot, page: DiagnosisPage, drawings: list[Path]
) -> None:
    show_drawings(qtbot, page, drawings)
    qtbot.waitUntil(lambda: page.bundle.combo.currentText() == "Demo (demo)", timeout=PATIENCE_MS)
    assert page.bundle.demo.isVisible()
    assert "not on skin" in page.bundle.demo.text()
    assert page.result.demo.isVisible()


def test_drawings_leave_the_list_when_other_images_come(
    qtbot: QtBot, page: DiagnosisPage, drawings: list[Path], photographs: list[Path]
) -> None:
    show_drawings(qtbot, page, drawings)

    drop(page.images.canvas, [*photographs, *drawings])

    qtbot.waitUntil(lambda: [image.path for image in page.model.images] == photographs, timeout=PATIENCE_MS)
    page.model.undo()
    assert page.model.images == ()


def test_the_demo_network_is_not_used_for_other_images_unless_it_is_chosen_for_them(
    qtbot: QtBot, page: DiagnosisPage, photographs: list[Path], workspace: Workspace, demo_run: Path
) -> None:
    drop(page.images.canvas, photographs)

    qtbot.waitUntil(lambda: workspace.bundle is None, timeout=PATIENCE_MS)
    assert "not used for these images" in page.bundle.problem.text
    page.bundle.chosen.emit(demo_run / "bundle")
    qtbot.waitUntil(lambda: page.network.facts is not None, timeout=PATIENCE_MS)
    assert workspace.bundle == demo_run / "bundle"
    assert page.bundle.demo.isVisible()


def test_the_demo_network_comes_back_with_drawings(
    qtbot: QtBot,
    page: DiagnosisPage,
    photographs: list[Path],
    drawings: list[Path],
    workspace: Workspace,
    demo_run: Path,
) -> None:
    drop(page.images.canvas, photographs)
    qtbot.waitUntil(lambda: workspace.bundle is None, timeout=PATIENCE_MS)
    page.model.clear()
    drop(page.images.canvas, drawings)
    qtbot.waitUntil(lambda: workspace.bundle == demo_run / "bundle", timeout=PATIENCE_MS)
    assert page.bundle.problem.text == ""


def test_a_network_of_photographs_comes_before_the_demo_s(
    qtbot: QtBot, page: DiagnosisPage, photographs: list[Path], workspace: Workspace, paths: Paths
) -> None:
    own = make_run(paths.runs / "own")
    with qtbot.waitSignal(page.network._runs.refreshed, timeout=PATIENCE_MS):
        workspace.runs_changed.emit()

    drop(page.images.canvas, photographs)

    qtbot.waitUntil(lambda: workspace.bundle == own / "bundle", timeout=PATIENCE_MS)


def test_drawings_are_a_case_of_their_own(
    qtbot: QtBot, page: DiagnosisPage, drawings: list[Path], photographs: list[Path]
) -> None:
    drop(page.images.canvas, photographs)
    qtbot.waitUntil(lambda: len(page.model.images) == len(photographs), timeout=PATIENCE_MS)

    drop(page.images.canvas, drawings)

    qtbot.waitUntil(lambda: [image.path for image in page.model.images] == drawings, timeout=PATIENCE_MS)

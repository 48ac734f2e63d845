"""The page of a folder: analysed, stopped, gone on with, searched, sorted, exported."""

from __future__ import annotations

import csv
import json
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from skindesk.engine.handles import JobState
from skindesk.models.batch.opening import open_folder
from skindesk.models.batch.table import BatchTableModel
from skindesk.pages.batch import BatchPage
from tests.skindesk.geometry import wait_until_whole
from tests.skindesk.test_low_window import PAGE
from trainer.batches.kept import KeptPredictions
from trainer.predictions import AppliedPoint, Prediction
from trainer.protocol.scoring import PredictFolder
from trainer.runs.bundle import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from skindesk.engine import Engines
    from skindesk.engine.jobs import JobQueue
    from skindesk.models.batch.opening import OpenedFolder
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from skindesk.settings import Settings

PATIENCE_MS = 60_000


@pytest.fixture
def folder(small_folder: Path, tmp_path: Path) -> Path:
    """Ten of the small images with their classes, and one that cannot be read."""
    folder = tmp_path / "my images"
    (folder / "images").mkdir(parents=True)
    shutil.copy(small_folder / "HAM10000_metadata.csv", folder)
    for image in sorted((small_folder / "images").iterdir())[12:22]:
        shutil.copy(image, folder / "images")
    (folder / "images" / "broken.png").write_bytes(b"no image")
    return folder


def said(path: str, place: int) -> Prediction:
    """Return what a network might say: of the first image nothing to be relied on, of the others rising shares."""
    if path.endswith("broken.png"):
        return Prediction(path=path, error="It cannot be read.")
    share = 0.1 + 0.05 * place
    return Prediction(
        path=path,
        probabilities={"bkl": 0.2, "mel": share, "nv": 0.8 - share},
        predicted="mel",
        malignant_probability=share,
        in_distribution=place > 0,
        warnings=("It is odd.",) if place == 0 else (),
    )


def keep(opened: OpenedFolder, number: int) -> None:
    """Leave the predictions of the first images, as an earlier analysis does."""
    images = opened.images[:number]
    with KeptPredictions(opened.out, opened.identity) as kept:
        kept.add(images, [said(image.path, place) for place, image in enumerate(images)])


@pytest.fixture
def opened(folder: Path, tiny_run: Path, paths: Paths) -> OpenedFolder:
    return open_folder(folder, tiny_run / "bundle", paths.batches)


@pytest.fixture
def show(
    qtbot: QtBot,
    silent_queue: JobQueue,
    workspace: Workspace,
    settings: Settings,
    paths: Paths,
    tiny_run: Path,
) -> Callable[[], BatchPage]:
    """Shows the page with a network and an engine that never answers."""

    windows = []

    def show_page() -> BatchPage:
        window = QWidget()  # leaves the page as large as it is
        windows.append(window)
        window.resize(*PAGE)
        page = BatchPage(silent_queue, workspace, settings, paths, window)
        page.resize(*PAGE)
        qtbot.addWidget(window)
        window.show()
        workspace.set_bundle(tiny_run / "bundle")
        return page

    return show_page


def names(page: BatchPage) -> list[str]:
    return [Path(entry.name).stem for entry in page.model.table.shown]


def column(page: BatchPage, name: str) -> list[str]:
    table: BatchTableModel = page.model.table
    place = table.columns.index(name)
    return [str(table.index(row, place).data()) for row in range(table.rowCount())]


def wait_analysed(qtbot: QtBot, page: BatchPage, number: int) -> None:
    model = page.model
    qtbot.waitUntil(
        lambda: model.opened is not None and len(model.table.entries) - model.waiting == number,
        timeout=PATIENCE_MS,
    )


@pytest.fixture
def page(qtbot: QtBot, show: Callable[[], BatchPage], opened: OpenedFolder) -> BatchPage:
    """The page of a folder that has been analysed."""
    keep(opened, 11)
    page = show()
    page.open_folder(opened.folder)
    wait_analysed(qtbot, page, 11)
    return page


def test_a_folder_is_analysed_and_opened_again_as_it_was(
    qtbot: QtBot,
    engines: Engines,
    workspace: Workspace,
    settings: Settings,
    paths: Paths,
    tiny_run: Path,
    folder: Path,
) -> None:
    queue = engines.queue_for(PredictFolder)
    page = BatchPage(queue, workspace, settings, paths)
    qtbot.addWidget(page)
    workspace.set_bundle(tiny_run / "bundle")
    page.open_folder(folder)
    qtbot.waitUntil(lambda: page.model.running, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: not page.model.running, timeout=PATIENCE_MS)
    wait_analysed(qtbot, page, 11)
    assert page.failure.text == ""
    assert sum(word == "Cannot be read" for word in column(page, "predicted")) == 1
    assert not page.run_button.isVisibleTo(page)
    again = BatchPage(queue, workspace, settings, paths)
    qtbot.addWidget(again)
    again.open_folder(folder)
    wait_analysed(qtbot, again, 11)
    assert not again.model.running
    assert column(again, "probability") == column(page, "probability")


def test_what_was_analysed_before_is_shown_and_the_rest_asked_for(
    qtbot: QtBot, show: Callable[[], BatchPage], opened: OpenedFolder
) -> None:
    keep(opened, 4)
    page = show()
    page.open_folder(opened.folder)
    wait_analysed(qtbot, page, 4)
    qtbot.waitUntil(lambda: page.run_button.text() == "Stop")
    job = page.model._handle.job  # type: ignore[union-attr]
    assert job == PredictFolder(bundle=str(opened.bundle), folder=str(opened.folder), out=str(opened.out))
    assert "11 images · 4 analysed · 1 not to be relied on" in page._count.full_text()
    keep(opened, 11)  # what the engine would do meanwhile
    wait_analysed(qtbot, page, 11)
    page.run_button.click()
    qtbot.waitUntil(lambda: not page.model.running or page.model.stopping)


def test_flags_and_errors_take_the_place_of_an_answer(page: BatchPage, opened: OpenedFolder) -> None:
    assert not page.model.running
    flagged = names(page).index(Path(opened.images[0].path).stem)
    assert column(page, "predicted")[flagged] == "Too poor"
    assert {column(page, name)[flagged] for name in ("probability", "malignant", "class:mel")} == {"–"}
    assert column(page, "notes")[flagged] == "It is odd."
    index = page.model.table.index(flagged, page.model.table.columns.index("predicted"))
    assert (
        index.data(Qt.ItemDataRole.ToolTipRole)
        == "The image is too poor to rely on an answer. The network would say Melanoma, 10.0\u00a0%."
    )
    broken = names(page).index("broken")
    assert column(page, "predicted")[broken] == "Cannot be read"
    assert column(page, "notes")[broken] == "It cannot be read."


def test_the_operating_point_has_a_column_where_one_is_saved(opened: OpenedFolder) -> None:
    point = AppliedPoint(target="mel", probability=0.3, threshold=0.25, sensitivity=0.95)
    table = BatchTableModel()
    table.show_folder(opened)
    assert "point" not in table.columns
    table.show_folder(opened._replace(has_point=True))
    place = table.columns.index("point")
    path = opened.images[1].path
    said_above = replace(said(path, 4), above_threshold=point.above, operating_point=point)
    table.add({path: said_above})
    table.look_for("", "above")
    assert table.rowCount() == 1
    index = table.index(0, place)
    assert index.data() == "Above"
    assert str(index.data(Qt.ItemDataRole.ToolTipRole)).startswith("Flagged: melanoma 30.0")


def test_images_are_searched_sorted_and_told_apart(qtbot: QtBot, page: BatchPage) -> None:
    table = page.model.table
    place = table.columns.index("malignant")
    page.table.sortByColumn(place, Qt.SortOrder.DescendingOrder)
    shares = [entry.answer.malignant_probability for entry in table.shown if entry.answer is not None]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) == 9
    assert [entry.answer for entry in table.shown[9:]] == [None, None]
    found = {}
    for kind in ("flagged", "right", "wrong", "unread", "waiting"):
        page.kind.setCurrentIndex(page.kind.findData(kind))
        page.kind.activated.emit(page.kind.currentIndex())
        found[kind] = len(table.shown)
    # The small images 12 to 17 are keratoses, 18 to 21 melanomas; of one there is a flag as well.
    assert found == {"flagged": 1, "right": 4, "wrong": 6, "unread": 1, "waiting": 0}
    assert page._none.isVisible()
    page.kind.setCurrentIndex(0)
    page.search.setText("Benign keratosis")
    qtbot.waitUntil(lambda: len(table.shown) == 6)
    assert "6 of 11 images" in page._count.full_text()


def test_a_look_that_finds_nothing_new_leaves_the_rows_alone(qtbot: QtBot, opened: OpenedFolder) -> None:
    table = BatchTableModel()
    table.show_folder(opened)
    table.look_for("", "waiting")
    with qtbot.assertNotEmitted(table.modelReset):
        table.add({})
    path = opened.images[1].path
    table.add({path: said(path, 1)})
    assert path not in {entry.image.path for entry in table.shown}


def test_a_selection_stays_and_a_double_click_opens_the_image(
    qtbot: QtBot, page: BatchPage, workspace: Workspace
) -> None:
    page.table.selectRow(3)
    (chosen,) = page.table.chosen
    page.table.sortByColumn(page.model.table.columns.index("malignant"), Qt.SortOrder.DescendingOrder)
    assert page.table.chosen == [chosen]
    asked: list[object] = []
    workspace.images_for_diagnosis.connect(asked.append)
    row = names(page).index(chosen.stem)
    page.table.doubleClicked.emit(page.model.table.index(row, 1))
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert asked == [[chosen], [chosen]]


@pytest.mark.parametrize("ending", [".csv", ".json", ".xlsx"])
def test_the_rows_that_are_shown_are_exported(
    qtbot: QtBot, page: BatchPage, tmp_path: Path, ending: str
) -> None:
    page.kind.setCurrentIndex(page.kind.findData("right"))
    page.kind.activated.emit(page.kind.currentIndex())
    file = tmp_path / f"table{ending}"
    with qtbot.waitSignal(page.model.saved, timeout=PATIENCE_MS):
        page._export(file)
    assert page.notice.text == f"Saved as {file}."
    if ending == ".csv":
        rows = list(csv.DictReader(file.read_text().splitlines()))
        assert [row["correct"] for row in rows] == ["true"] * 4
        assert {row["network"] for row in rows} == {"tiny run"}
    elif ending == ".json":
        assert json.loads(file.read_text())["images"] == 4


def test_another_network_shows_what_it_has_said_itself(
    qtbot: QtBot, page: BatchPage, opened: OpenedFolder, workspace: Workspace, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(opened.bundle, tmp_path / "other" / "bundle"))
    (other / REFERENCE).unlink()
    workspace.set_bundle(other)
    wait_analysed(qtbot, page, 0)
    assert not page.model.running
    assert page.run_button.text() == "Analyse"
    workspace.set_bundle(None)
    assert page._stack.currentWidget() is page.no_network
    workspace.set_bundle(opened.bundle)
    wait_analysed(qtbot, page, 11)


def test_a_folder_that_cannot_be_used_is_said(
    qtbot: QtBot, show: Callable[[], BatchPage], tmp_path: Path
) -> None:
    (tmp_path / "nothing").mkdir()
    page = show()
    assert page.open_path(tmp_path / "nothing")
    qtbot.waitUntil(lambda: "is empty" in page.failure.text)
    assert page._stack.currentWidget() is page.empty
    assert not page.open_path(tmp_path / "no folder.png")


def test_predictions_are_kept_where_no_other_user_looks(opened: OpenedFolder) -> None:
    assert stat.S_IMODE(opened.out.stat().st_mode) == 0o700
    assert opened.network.name == "tiny run"


def test_a_job_that_waits_is_stopped_at_once(
    qtbot: QtBot, show: Callable[[], BatchPage], opened: OpenedFolder
) -> None:
    page = show()
    page.open_folder(opened.folder)
    qtbot.waitUntil(lambda: page.model.running)
    handle = page.model._handle
    assert handle is not None
    page.run_button.click()
    assert handle.state in {JobState.STOPPING, JobState.CANCELLED}


def test_the_page_is_whole_in_a_small_window(qtbot: QtBot, page: BatchPage) -> None:
    wait_until_whole(qtbot, page)

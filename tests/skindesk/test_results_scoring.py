"""Scoring from the results page, with a real network in a real child: the test part is asked for and counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from skindesk.models.runs.listing import COLUMNS
from skindesk.pages.results import ResultsPage
from tests.skindesk.results_page import ResultsWindow
from trainer.dataset.store import DatasetStore
from trainer.runs.folder import RunFolder

CHILD = 120_000  # ms; TensorFlow loads in it
PATIENCE = 20_000  # ms


def scorings(dataset: Path) -> int:
    with DatasetStore.open(dataset, read_only=True) as store:
        counts: dict[str, int] = msgspec.json.decode(store.database.fact("test_scorings") or "{}")
    return sum(counts.values())


@pytest.fixture
def page(qtbot: QtBot, results_window: ResultsWindow, small_dataset: Path, tiny_run: Path) -> ResultsPage:
    """The page with a finished run of a small dataset on it."""
    RunFolder(tiny_run).write_dataset(small_dataset)
    results_window.show()
    page = results_window.page
    qtbot.waitUntil(lambda: page.detail.record is not None, timeout=PATIENCE)
    return page


def ask(qtbot: QtBot, page: ResultsPage) -> str:
    """Ask for the test part to be scored; return what is said about it."""
    page.run_actions.score_test.trigger()
    qtbot.waitUntil(lambda: page.detail.scoring.asking, timeout=PATIENCE)
    return page.detail.scoring.explanation


def finish(qtbot: QtBot, page: ResultsPage, begin: Callable[[], object]) -> str:
    """Begin a scoring and wait for its end; return what is said of it."""
    panel = page.detail.scoring
    working: list[bool] = []

    def note() -> None:
        working.append(bool(panel.jobs))
        assert page.run_actions.score_test.isEnabled() != bool(panel.jobs)

    panel.jobs_changed.connect(note)
    begin()
    qtbot.waitUntil(lambda: working == [True, False], timeout=CHILD)
    panel.jobs_changed.disconnect(note)
    return panel.notice.text


def test_scoring_from_question_to_figures(
    qtbot: QtBot, page: ResultsPage, small_dataset: Path, tiny_run: Path
) -> None:
    """One child does it all: starting another takes longer than what it does here."""
    panel = page.detail.scoring

    # Cancelled, then stopped: nothing is counted.
    assert "has not been scored on the test part yet" in ask(qtbot, page)
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    assert not panel.isVisible()
    ask(qtbot, page)

    def begin_and_stop() -> None:
        qtbot.mouseClick(panel.confirm_button, Qt.MouseButton.LeftButton)
        assert panel.progress.isVisible()
        qtbot.mouseClick(panel.row.stop_button, Qt.MouseButton.LeftButton)

    assert finish(qtbot, page, begin_and_stop) != ""
    assert scorings(small_dataset) == 0

    # Scored: counted, and the next question says so.
    ask(qtbot, page)
    assert finish(qtbot, page, lambda: qtbot.keyClick(panel.confirm_button, Qt.Key.Key_Space)) == ""
    assert scorings(small_dataset) == 1
    qtbot.waitUntil(
        lambda: bool(page.table.chosen) and page.table.chosen[0].test is not None, timeout=PATIENCE
    )
    check_what_is_shown(qtbot, page)
    assert "has been scored on the test part once" in ask(qtbot, page)
    panel.dismiss()

    # Validation needs no question, and is not counted.
    assert finish(qtbot, page, page.run_actions.score_validation.trigger) == ""
    page.detail.tabs.buttons["metrics"].click()
    qtbot.waitUntil(lambda: "optimistic" in page.detail.metrics.notes.text(), timeout=PATIENCE)
    assert page.table.chosen[0].validation is not None
    assert scorings(small_dataset) == 1

    # A bundle that was damaged since is refused in words, and the figures stay.
    weights = tiny_run / "bundle" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    assert "wrong hash" in finish(qtbot, page, page.run_actions.score_validation.trigger)
    assert page.table.chosen[0].validation is not None


def check_what_is_shown(qtbot: QtBot, page: ResultsPage) -> None:
    """The table, the tiles, the matrix with its images, and the pictures show the scored test part."""
    detail, metrics = page.detail, page.table.chosen[0].test
    assert metrics is not None
    cell = str(page.table.model().index(0, COLUMNS.index("test")).data())
    assert cell.startswith(f"{100 * metrics.balanced_accuracy:.1f}\u00a0% (")
    assert cell.endswith(f"n\u00a0=\u00a0{metrics.n}")
    qtbot.waitUntil(
        lambda: (
            bool(detail.metrics.tiles) and detail.metrics.tiles[0].accessibleName() == "Balanced accuracy"
        ),
        timeout=PATIENCE,
    )
    detail.tabs.buttons["confusion"].click()
    matrix, images = detail.confusion.matrix, detail.confusion.images
    qtbot.keyClick(matrix, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(images.grid) == matrix.count(matrix.current), timeout=PATIENCE)
    detail.tabs.buttons["curves"].click()
    for name in ("roc.png", "precision_recall.png", "reliability.png"):
        detail.pictures.picture.show_picture(QImage(), "")
        detail.pictures.which.buttons[name].click()
        qtbot.waitUntil(lambda: not detail.pictures.picture.picture.isNull(), timeout=PATIENCE)

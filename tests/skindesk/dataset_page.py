"""The dataset page in a window of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QPushButton, QWidget

from skindesk.pages.dataset import DatasetPage

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from skindesk.engine.engines import Engines
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from skindesk.settings import Settings

LONG = 120_000  # milliseconds; the machine may be busy with other things


class PageWindow(QWidget):
    """Holds the page without a layout: what the page asks for is no wish to the window system."""

    def __init__(self, engines: Engines, workspace: Workspace, settings: Settings, paths: Paths) -> None:
        super().__init__()
        self.resize(1176, 800)
        self.page = DatasetPage(engines.library, workspace, settings, paths, self)
        self.page.resize(self.size())


def open_dataset(qtbot: QtBot, page: DatasetPage, path: Path) -> None:
    """Open a dataset file and wait until it is shown."""
    assert page.open_path(path)
    qtbot.waitUntil(lambda: page.dataset is not None and page.dataset.path == path, timeout=LONG)


def split_seed(page: DatasetPage) -> int | None:
    """Return the seed of the split that is shown, if there is one."""
    dataset = page.dataset
    return None if dataset is None or dataset.certificate is None else dataset.certificate.seed


def classes_shown(page: DatasetPage) -> set[str]:
    """Return the classes of the samples in the grid."""
    table = page.browser.view.grid.table
    assert table is not None
    return {str(table.class_name.at(row)) for row in page.browser.view.grid.shown.tolist()}


def button(page: DatasetPage, words: str) -> QPushButton:
    """Return the visible button with some words on it."""
    return next(one for one in page.findChildren(QPushButton) if one.text() == words and one.isVisible())

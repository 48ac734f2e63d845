"""The diagnosis page in a window of its own, and drops on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from skindesk.models.cases.cases import CasesModel
from skindesk.models.runs.listing import RunsModel
from skindesk.pages.diagnosis import DiagnosisPage
from tests import drops

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PySide6.QtCore import QMimeData
    from pytestqt.qtbot import QtBot

    from skindesk.engine.jobs import JobQueue
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from skindesk.settings import Settings


class PageWindow(QWidget):
    """The page, shown in a window that leaves it as large as it is; whoever wants the page keeps the window."""

    def __init__(
        self, queue: JobQueue, workspace: Workspace, settings: Settings, paths: Paths, qtbot: QtBot
    ) -> None:
        super().__init__()
        self.resize(1100, 780)
        runs = RunsModel(paths, settings, workspace, self)
        self.cases = CasesModel(paths, self)
        self.page = DiagnosisPage(queue, queue, runs, workspace, self.cases, settings, paths, self)
        self.page.resize(self.size())
        qtbot.addWidget(self)
        self.show()


def drop(widget: QWidget, paths: Sequence[Path]) -> None:
    """Drop files or folders on a widget, which takes them."""
    assert drops.drop(widget, *paths), "the drop was refused"


def drop_data(widget: QWidget, data: QMimeData) -> None:
    """Drop anything on a widget, which takes it."""
    assert drops.drop_data(widget, data), "the drop was refused"

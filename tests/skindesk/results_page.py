"""The results page in a window of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMainWindow

from skindesk.models.runs.listing import RunsModel
from skindesk.pages.results import ResultsPage

if TYPE_CHECKING:
    from skindesk.engine.engines import Engines
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from skindesk.settings import Settings


class ResultsWindow(QMainWindow):
    """Holds the page and its runs; they are looked for when it is shown, so that a test can make some before."""

    def __init__(self, engines: Engines, workspace: Workspace, settings: Settings, paths: Paths) -> None:
        super().__init__()
        self.runs = RunsModel(paths, settings, workspace, self)
        self.runs._timer.stop()
        self.page = ResultsPage(engines.scoring, self.runs, workspace, settings, paths)
        self.setCentralWidget(self.page)
        self.setFixedSize(1176, 800)

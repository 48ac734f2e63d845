"""The diagnosis page in a window of its own, and drops as the window system delivers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget

from skindesk.models.runs import RunsModel
from skindesk.pages.diagnosis import DiagnosisPage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from skindesk.engine.jobs import JobQueue
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from skindesk.settings import Settings

_BUTTON, _NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class PageWindow(QWidget):
    """The page, shown in a window that leaves it as large as it is; whoever wants the page keeps the window."""

    def __init__(
        self, queue: JobQueue, workspace: Workspace, settings: Settings, paths: Paths, qtbot: QtBot
    ) -> None:
        super().__init__()
        self.resize(1100, 780)
        runs = RunsModel(paths, settings, workspace, self)
        self.page = DiagnosisPage(queue, runs, workspace, settings, paths, self)
        self.page.resize(self.size())
        qtbot.addWidget(self)
        self.show()


def drop(widget: QWidget, paths: Sequence[Path]) -> None:
    """Drop files or folders on a widget; a widget that takes no drops passes them on, as Qt does."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    drop_data(widget, data)


def drop_data(widget: QWidget, data: QMimeData) -> None:
    """Drop anything on a widget."""
    target: QWidget | None = widget
    while target is not None and not target.acceptDrops():
        target = target.parentWidget()
    assert target is not None, "nothing takes drops here"
    place = QPointF(target.rect().center())
    enter = QDragEnterEvent(place.toPoint(), Qt.DropAction.CopyAction, data, _BUTTON, _NONE)
    QApplication.sendEvent(target, enter)
    assert enter.isAccepted(), "the drop was refused"
    QApplication.sendEvent(target, QDropEvent(place, Qt.DropAction.CopyAction, data, _BUTTON, _NONE))

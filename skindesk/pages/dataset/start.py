"""What the page shows while nothing is open: what to do, and what was open before."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from skindesk.background import Question
from skindesk.pages.dataset.open_menu import OpenMenu
from skindesk.widgets.basics import Card, EmptyState, muted
from skindesk.widgets.icons import icon
from skindesk.widgets.quantities import images_counted, lesions_counted
from skindesk.widgets.theme import SPACE, set_role
from trainer.dataset.store import DatasetStore
from trainer.errors import TrainerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_WIDTH = 520  # pixels
_NAME_WIDTH = 264  # pixels that a name has at most beside its numbers


@dataclass(frozen=True)
class Recent:
    """A dataset that was open before.

    Attributes:
        path: of its file.
        images, lesions: how many; `None` where they cannot be counted.
        reason: why it cannot be opened; empty if it can.
        gone: it is not there any more.
    """

    path: Path
    images: int | None = None
    lesions: int | None = None
    reason: str = ""
    gone: bool = False


def look_at(paths: Sequence[Path]) -> list[Recent]:
    """Count what datasets hold; takes a moment, so call it in a worker."""
    found = []
    for path in paths:
        try:
            with DatasetStore.open(path, read_only=True) as store:
                ((n, different),) = store.database.rows(
                    "SELECT count(*), count(DISTINCT lesion_id) FROM samples WHERE usable"
                )
                found.append(Recent(path, int(n), int(different)))
        except TrainerError as error:
            found.append(Recent(path, reason=str(error), gone=not path.exists()))
    return found


class StartView(QWidget):
    """The first thing a new user sees.

    Signals:
        folder_asked, demo_asked: the buttons.
        recent_chosen(Path): a recent dataset is to be opened.
        recent_forgotten(Path): one is to be left out from now on.

    Attributes:
        menu: other ways to open something.
    """

    folder_asked = Signal()
    demo_asked = Signal()
    recent_chosen = Signal(object)
    recent_forgotten = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._question: Question[list[Recent]] = Question(self._show, lambda _sentence: None, self)
        self.empty = EmptyState(
            "dataset",
            self.tr("Open your images"),
            self.tr(
                "Choose a folder of dermatoscopic images, or drop it here: HAM10000 as downloaded, an ISIC "
                "challenge, a folder for each class, or a table of images and classes. Images stay where "
                "they are and are never changed."
            ),
            (
                (self.tr("Open a folder…"), self.folder_asked.emit, True),
                (self.tr("Try the demo"), self.demo_asked.emit, False),
            ),
        )
        self.empty.buttons[0].setToolTip(self.tr("Open a folder of images (Ctrl+O)"))
        self.empty.buttons[1].setToolTip(
            self.tr("Draws some images, trains a network on them and shows a first diagnosis")
        )
        self.menu = OpenMenu(self)
        self.menu.again.setVisible(False)
        more = QToolButton()
        more.setText(self.tr("More ways to open"))
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        more.setMenu(self.menu)
        set_role(more, "quiet")
        self.empty.extra.addWidget(more, 0, Qt.AlignmentFlag.AlignHCenter)
        self.recent = Card(self.tr("Recent datasets"))
        self.recent.setMinimumWidth(_WIDTH)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        self.recent.body.addLayout(self._rows)
        row = QHBoxLayout()
        row.setContentsMargins(0, 3 * SPACE, 0, 0)
        row.addStretch(1)
        row.addWidget(self.recent)
        row.addStretch(1)
        self.empty.extra.addLayout(row)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.empty)
        self.recent.hide()

    def show_recent(self, paths: Sequence[Path]) -> None:
        """Show the datasets that were open before, and count in the background what they hold."""
        paths = list(paths)
        if not paths:
            self.recent.hide()
            return
        self._question.ask(lambda: look_at(paths))

    def _show(self, found: list[Recent]) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for recent in found:
            self._rows.addWidget(self._row(recent))
        self.recent.setVisible(bool(found))

    def _row(self, recent: Recent) -> QWidget:
        widget = QWidget()
        layout = QHBoxLayout(widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        button = QPushButton(icon("dataset"), "")
        set_role(button, "quiet")
        name = button.fontMetrics().elidedText(recent.path.stem, Qt.TextElideMode.ElideMiddle, _NAME_WIDTH)
        button.setText(name.replace("&", "&&"))
        button.setAccessibleName(recent.path.stem)
        button.setToolTip(recent.reason or str(recent.path))
        button.setEnabled(not recent.reason)
        button.clicked.connect(partial(self.recent_chosen.emit, recent.path))
        layout.addWidget(button)
        layout.addStretch(1)
        if recent.images is None:
            words = self.tr("no longer exists") if recent.gone else self.tr("cannot be opened")
        else:
            words = images_counted(recent.images)
            if recent.lesions:
                words += ", " + lesions_counted(recent.lesions)
        note = muted(words)
        note.setToolTip(recent.reason or str(recent.path))
        layout.addWidget(note)
        forget = QToolButton()
        forget.setIcon(icon("close"))
        set_role(forget, "quiet")
        forget.setToolTip(
            self.tr("Leave {name} out of this list; nothing is deleted").format(name=recent.path.stem)
        )
        forget.setAccessibleName(self.tr("Leave {name} out of this list").format(name=recent.path.stem))
        forget.clicked.connect(partial(self._forget, recent.path, widget))
        layout.addWidget(forget)
        return widget

    def _forget(self, path: Path, row: QWidget) -> None:
        row.hide()
        self._rows.removeWidget(row)
        row.deleteLater()
        self.recent.setVisible(self._rows.count() > 0)
        self.recent_forgotten.emit(path)

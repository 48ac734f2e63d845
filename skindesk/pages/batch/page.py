"""The page of a folder: all its images in a table, with what the network says of each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from skindesk.models.batch.batch import FORMATS, BatchModel
from skindesk.pages.batch.image_table import ImageTable
from skindesk.widgets.basics import (
    Card,
    ElidedLabel,
    EmptyState,
    SearchField,
    muted,
    primary_button,
    shortened,
    title,
)
from skindesk.widgets.file_choice import FileChoice
from skindesk.widgets.icons import icon
from skindesk.widgets.notice import Notice, NoticeLayer
from skindesk.widgets.theme import SPACE, set_role
from skindesk.widgets.wheel import wheel_needs_focus
from trainer import RESEARCH_ONLY
from trainer.wording import counted, percent

if TYPE_CHECKING:
    from pathlib import Path

    from skindesk.engine.jobs import JobQueue
    from skindesk.models.batch.table import Kind
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from skindesk.settings import Settings


class BatchPage(QWidget):
    """What does the network say of all these images.

    Args:
        queue: does the work.
        workspace: has the network; hears of images that are to be opened for diagnosis.
        settings: of the window.
        paths: where predictions are kept.
        parent: as usual.
    """

    def __init__(
        self,
        queue: JobQueue,
        workspace: Workspace,
        settings: Settings,
        paths: Paths,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.model = BatchModel(queue, workspace, paths, self)
        self._folders = FileChoice(self, settings, "images_folder")
        self._exports = FileChoice(self, settings, "export_folder")
        self.table = ImageTable(self.model.table)
        self.choose_action = QAction(icon("folder"), self.tr("Analyse a folder…"), self)
        self.run_button = primary_button(self.tr("Resume"), self._run_or_stop)
        self.export_button = QPushButton(icon("export"), self.tr("Export…"))
        self.failure, self.notice = Notice(), Notice()
        self._stack = QStackedWidget()
        self._folder, self._network, self._count = ElidedLabel(), muted(), ElidedLabel()
        set_role(self._count, "muted")
        self._listed = self._filled()
        self.empty = EmptyState(
            "batch",
            self.tr("Analyse a folder of images"),
            self.tr(
                "All images in a folder and its subfolders are analysed with the network of the Diagnosis page and "
                "listed in a table. You can stop at any time and resume later."
            ),
            [(self.tr("Choose a folder…"), self._choose_folder, True)],
        )
        self.no_network = EmptyState(
            "diagnosis",
            self.tr("No network is chosen"),
            self.tr("Choose a network on the Diagnosis page, then analyse a folder here."),
            [(self.tr("Go to Diagnosis"), lambda: workspace.go_to.emit("diagnosis"), True)],
        )
        for widget in (self.empty, self.no_network, self._listed):
            self._stack.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, SPACE)
        layout.setSpacing(3 * SPACE // 2)
        layout.addLayout(self._header())
        layout.addWidget(self._stack, 1)
        layout.addWidget(muted(RESEARCH_ONLY))
        NoticeLayer(self, self._stack, [self.failure, self.notice])
        self._connect()
        self._refresh()

    # --- parts -------------------------------------------------------------------------------------------

    def _header(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        row.addWidget(title(self.tr("Batch")))
        row.addWidget(self._folder, 1)
        self._choose_button = QPushButton(self.choose_action.icon(), self.choose_action.text())
        self._choose_button.clicked.connect(self.choose_action.trigger)
        for button in (self._choose_button, self.export_button, self.run_button):
            row.addWidget(button)
        return row

    def _filled(self) -> QWidget:
        self.search = SearchField(self.tr("Search: a file, a class"))
        self.kind = wheel_needs_focus(QComboBox())
        self.kind.setAccessibleName(self.tr("Show"))
        for key, words in (
            ("all", self.tr("All images")),
            ("above", self.tr("Above the operating point")),
            ("flagged", self.tr("Not to be relied on")),
            ("wrong", self.tr("Predicted incorrectly")),
            ("right", self.tr("Predicted correctly")),
            ("unread", self.tr("Cannot be read")),
            ("waiting", self.tr("Not analysed yet")),
        ):
            self.kind.addItem(words, key)
        self._none = QLabel(self.tr("No image matches."))
        self._none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        row.addWidget(self.search, 1)
        row.addWidget(self.kind)
        facts = QHBoxLayout()
        facts.setSpacing(2 * SPACE)
        facts.addWidget(self._count, 1)
        facts.addWidget(self._network)
        card = Card()
        card.body.addLayout(row)
        card.body.addLayout(facts)
        card.body.addWidget(self.table, 1)
        card.body.addWidget(self._none, 1)
        return card

    def _connect(self) -> None:
        model = self.model
        self.choose_action.triggered.connect(lambda _checked=False: self._choose_folder())
        menu = QMenu(self.export_button)
        kinds = {
            ".xlsx": self.tr("Workbook (*.xlsx)"),
            ".csv": self.tr("CSV table (*.csv)"),
            ".json": self.tr("JSON (*.json)"),
        }
        self.export_actions: dict[str, QAction] = {}
        for ending in sorted(FORMATS, key=list(kinds).index):
            action = menu.addAction(kinds[ending])
            action.triggered.connect(partial(self._ask_place, ending, kinds[ending]))
            self.export_actions[ending] = action
        self.export_button.setMenu(menu)
        self.search.typed.connect(self._look_for)
        self.kind.activated.connect(lambda _index: self._look_for())
        self.table.open_asked.connect(self._workspace.images_for_diagnosis)
        model.changed.connect(self._refresh)
        model.failed.connect(self.failure.show_error)
        model.told.connect(self.notice.show_note)
        model.saved.connect(
            lambda file: self.notice.show_success(self.tr("Saved as {file}.").format(file=file))
        )
        model.table.modelReset.connect(self._show_found)

    # --- for the window ----------------------------------------------------------------------------------

    def actions(self) -> list[QAction]:
        """Return what the menu of this page holds."""
        return [self.choose_action, *self.export_actions.values()]

    def open_path(self, path: Path) -> bool:
        """Analyse a folder that was dropped on the window; return whether it is one."""
        if self._workspace.bundle is None or not path.is_dir():
            return False
        self.open_folder(path)
        return True

    # --- doing -------------------------------------------------------------------------------------------

    def open_folder(self, folder: Path) -> None:
        """Open a folder, and analyse its images."""
        for notice in (self.failure, self.notice):
            notice.clear()
        self.model.open(folder)

    def _choose_folder(self) -> None:
        self._folders.open_folder(self.tr("Folder of the images"), self.open_folder)

    def _run_or_stop(self) -> None:
        if self.model.running:
            self.model.stop()
        else:
            self.failure.clear()
            self.model.start()

    def _ask_place(self, ending: str, kind: str, _checked: bool = False) -> None:
        opened = self.model.opened
        if opened is not None:
            self._exports.save_file(
                self.tr("Export table"), f"{opened.folder.name}{ending}", {kind: self._export}
            )

    def _export(self, file: Path) -> None:
        self.model.export(file, self.model.table.shown)

    def _look_for(self) -> None:
        self.search.settle()
        self.model.table.look_for(self.search.text(), cast("Kind", self.kind.currentData()))

    # --- showing -----------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        model = self.model
        waiting = model.waiting
        analysed = model.opened is not None and waiting < len(model.table.entries)
        no_network = self._workspace.bundle is None
        self._stack.setCurrentWidget(
            self.no_network if no_network else self.empty if model.folder is None else self._listed
        )
        self._folder.setText("" if model.folder is None else str(model.folder))
        self._choose_button.setVisible(model.folder is not None and not no_network)
        self.choose_action.setEnabled(not no_network)
        self.export_button.setVisible(model.opened is not None)
        self.export_button.setEnabled(analysed)
        for action in self.export_actions.values():
            action.setEnabled(analysed)
        self.run_button.setVisible(model.opened is not None and (model.running or bool(waiting)))
        self.run_button.setText(
            self.tr("Stop") if model.running else self.tr("Resume") if analysed else self.tr("Analyse")
        )
        self.run_button.setEnabled(not model.stopping)
        network = model.opened.network if model.opened is not None else None
        self._network.setText(
            ""
            if network is None
            else self.tr("Network: {name} ({hash})").format(name=shortened(network.name), hash=network.bundle)
        )
        self._show_found()

    def _show_found(self) -> None:
        found = self.model.table.rowCount() > 0
        self.table.setVisible(found)
        self._none.setVisible(not found)
        self._none.setText(
            self.tr("Looking through the folder…") if self.model.opening else self.tr("No image matches.")
        )
        self._count.setText(self._counted())

    def _counted(self) -> str:
        model = self.model
        if model.opened is None:
            return ""
        total, shown, waiting = len(model.table.entries), model.table.rowCount(), model.waiting
        images = counted(total, self.tr("image"), self.tr("images"))
        parts = [
            self.tr("{n} of {images}").format(n=f"{shown:,}", images=images) if shown < total else images
        ]
        if waiting:
            parts.append(self.tr("{n} analysed").format(n=f"{total - waiting:,}"))
        counts = model.counts
        if counts.flagged:
            parts.append(self.tr("{n} not to be relied on").format(n=f"{counts.flagged:,}"))
        if counts.unreadable:
            parts.append(self.tr("{n} cannot be read").format(n=f"{counts.unreadable:,}"))
        if counts.known:
            share = percent(counts.correct / counts.known)
            parts.append(
                self.tr("{share} of {n} with a known class are right").format(
                    share=share, n=f"{counts.known:,}"
                )
            )
        return " · ".join(parts)

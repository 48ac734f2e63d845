"""The dataset page: opens datasets, imports folders, and shows what is open."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMenu, QStackedWidget, QVBoxLayout, QWidget

from skindesk.background import Question
from skindesk.engine.jobs import JobState
from skindesk.models.dataset.files import (
    GONE,
    OpenDataset,
    Stamp,
    mark_class,
    read_dataset,
    relocate_dataset,
    stamp_of,
)
from skindesk.models.dataset.tables import Tables, tables_of
from skindesk.pages.dataset.actions import PageActions
from skindesk.pages.dataset.browser import Browser
from skindesk.pages.dataset.columns_form import ColumnsForm
from skindesk.pages.dataset.import_flow import ImportFlow
from skindesk.pages.dataset.import_strip import ImportStrip
from skindesk.pages.dataset.start import StartView
from skindesk.pages.dataset.title_row import TitleRow
from skindesk.pages.dataset.words import imported, passed_over
from skindesk.widgets.basics import EmptyState, scrolling
from skindesk.widgets.drop_area import accept_paths
from skindesk.widgets.file_choice import FileChoice
from skindesk.widgets.notice import Notice, NoticeLayer
from skindesk.widgets.quantities import images_counted
from skindesk.widgets.theme import SPACE
from trainer.dataset.reading.source.tables import PLAIN_SUFFIXES, TABLE_SUFFIXES
from trainer.protocol.library import SplitDataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QShowEvent

    from skindesk.engine.jobs import JobHandle, JobQueue, Outcome
    from skindesk.models.workspace import Workspace
    from skindesk.pages.dataset.browser import View
    from skindesk.pages.dataset.import_flow import Import
    from skindesk.pages.dataset.open_menu import OpenMenu
    from skindesk.paths import Paths
    from skindesk.settings import Settings
    from trainer.dataset.classes.malignancy import Malignancy
    from trainer.dataset.reading.source.columns import Columns

_DATASET_SUFFIXES = frozenset({".db", ".sqlite", ".sqlite3"})
_WIDEST_FORM = 960  # pixels
_TABLE_SUFFIXES = TABLE_SUFFIXES | PLAIN_SUFFIXES


class DatasetPage(QWidget):
    """What have I got?

    Signals:
        demo_asked: the user wants to try the demo.
    """

    demo_asked = Signal()

    def __init__(
        self,
        library: JobQueue,
        workspace: Workspace,
        settings: Settings,
        paths: Paths,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._library, self._workspace, self._settings, self._paths = library, workspace, settings, paths
        self._layout_name = "auto"
        self.flow = ImportFlow(library, paths.datasets, self)
        self.start = StartView()
        self.browser = Browser(settings)
        self.title = TitleRow()
        self.notice, self.moved = Notice(), Notice()
        self.strip = ImportStrip()
        self.columns = ColumnsForm()
        self._columns_of: tuple[Path, Path | None] | None = None
        self._offered: Tables | None = None
        self._notice_action = ""
        self._previewing: Question[Tables] = Question(self._show_columns, self.notice.show_error, self)
        self._offering: Question[Tables] = Question(self._offer_columns, lambda _sentence: None, self)
        self._reading: Question[OpenDataset] = Question(self._show_dataset, self._say_unreadable, self)
        self._looking: Question[Stamp] = Question(self._compare_stamp, lambda _sentence: None, self)
        self._moving: Question[Path] = Question(self._changed, self.notice.show_error, self)
        self._marking: Question[Path] = Question(self._changed, self.notice.show_error, self)
        self._opening: Path | None = None
        self._split_handle: JobHandle | None = None
        self._stack = QStackedWidget()
        opened = QWidget()
        inside = QVBoxLayout(opened)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(3 * SPACE // 2)
        inside.addWidget(self.title)
        inside.addWidget(self.moved)
        inside.addWidget(self.browser, 1)
        self._opened = opened
        self._waiting = EmptyState("dataset", "", "")
        # Beside an open dataset the window's own strip tells of an import: nothing moves when that comes and goes.
        self._waiting.extra.addWidget(self.strip)
        form = QWidget()
        form.setMaximumWidth(_WIDEST_FORM)
        around = QVBoxLayout(form)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self.columns)
        self._form = scrolling(form)
        for widget in (self.start, self._waiting, opened, self._form):
            self._stack.addWidget(widget)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        outer.setSpacing(3 * SPACE // 2)
        outer.addWidget(self._stack, 1)
        NoticeLayer(self, self._stack, [self.notice])
        self.act = PageActions(self, self, self.browser)
        self._connect()
        self._allow_actions()
        accept_paths(self, self._dropped, lambda dropped: any(map(_can_open, dropped)))
        if workspace.dataset is not None:
            self._read(workspace.dataset)

    def _connect(self) -> None:
        self.start.folder_asked.connect(self.ask_folder)
        self.start.demo_asked.connect(self.demo_asked)
        self.start.recent_chosen.connect(self.open_path)
        self.start.recent_forgotten.connect(self._workspace.forget_recent)
        self.title.view_chosen.connect(self.browser.show_view)
        self.title.open_asked.connect(self.ask_folder)
        for menu in (self.start.menu, self.title.menu):
            menu.folder_asked.connect(self.ask_folder)
            menu.file_asked.connect(self.ask_file)
            menu.again_asked.connect(self.import_again)
            menu.columns_asked.connect(self.choose_columns)
            menu.layout_chosen.connect(self._choose_layout)
            menu.recent_chosen.connect(self.open_path)
            menu.aboutToShow.connect(partial(self._offer_recent, menu))
        self.columns.chosen.connect(self._import_with)
        self.columns.cancelled.connect(self._leave_columns)
        self.browser.split_asked.connect(self._split)
        self.browser.side.stop_asked.connect(self._stop_splitting)
        self.browser.mark_asked.connect(self._mark)
        self.browser.diagnose_asked.connect(self._diagnose)
        self.browser.folder_asked.connect(_open_folder_of)
        self.browser.failed.connect(self.notice.show_error)
        self.browser.view.customContextMenuRequested.connect(self._show_menu)
        self.browser.view.chosen_changed.connect(self._allow_actions)
        self.flow.began.connect(self.strip.follow)
        self.flow.known.connect(self._read)
        self.flow.ended.connect(self._import_ended)
        self.strip.stop_asked.connect(self.flow.stop)
        self.notice.acted.connect(self._act_on_notice)
        self.moved.acted.connect(self._ask_where_images_are)
        self._workspace.dataset_changed.connect(self._dataset_changed)
        self._workspace.dataset_edited.connect(self._dataset_edited)

    @property
    def dataset(self) -> OpenDataset | None:
        """What is shown."""
        return self.browser.dataset if self._stack.currentWidget() is self._opened else None

    # Opening

    def open_path(self, path: Path) -> bool:
        """Open a dataset file, or import a folder or table; return whether it is one of these."""
        if path.is_dir() or path.suffix.lower() in _TABLE_SUFFIXES:
            self._import(path)
            return True
        if path.suffix.lower() in _DATASET_SUFFIXES:
            self.notice.clear()
            if path.exists():
                self._read(path)
            else:
                self.notice.show_error(
                    self.tr(
                        "{path} is not there. If it lies on another disk, connect it and try again."
                    ).format(path=path)
                )
            return True
        return False

    def ask_folder(self) -> None:
        """Ask for a folder of images and import it."""
        self._sources().open_folder(self.tr("Open a folder of images"), self._import)

    def ask_file(self) -> None:
        """Ask for a dataset file and open it."""
        choice = FileChoice(self, self._settings, "dataset_folder", str(self._paths.datasets))
        kinds = (self.tr("SkinDesk datasets (*.db)"),)
        choice.open_file(self.tr("Open a dataset file"), kinds, self.open_path)

    def _sources(self) -> FileChoice:
        return FileChoice(self, self._settings, "source_folder")

    def _dropped(self, dropped: Sequence[Path]) -> None:
        for path in dropped:
            if self.open_path(path):
                return

    def _dataset_changed(self) -> None:
        path = self._workspace.dataset
        if path is None:
            self._show_start()
        elif self.dataset is None or path != self.dataset.path:
            self._read(path)

    def _dataset_edited(self) -> None:
        if self._workspace.dataset is not None:
            self._read(self._workspace.dataset)

    def _read(self, path: Path) -> None:
        """Read a dataset in the background; what is shown stays until it is there."""
        self._opening = path.absolute()
        if self.dataset is None and self._stack.currentWidget() is not self._form:
            self._wait(self.tr("Opening {name}…").format(name=path.stem))
        self._reading.ask(partial(read_dataset, self._opening))

    def _wait(self, title: str, explanation: str = "") -> None:
        self._waiting.title.setText(title)
        self._waiting.explanation.setText(explanation)
        self._stack.setCurrentWidget(self._waiting)

    def wait_for_drawings(self) -> None:
        """Say that the demo's dataset is being drawn."""
        self.notice.clear()
        self._wait(
            self.tr("Drawing the demo's lesions"),
            self.tr(
                "SkinDesk draws a small dataset, trains a network on it, scores it and shows a first diagnosis. "
                "The images are drawings and say nothing about skin. It takes a few minutes; other pages can be "
                "used meanwhile."
            ),
        )
        self._allow_actions()

    def wait_no_more(self) -> None:
        """Show the dataset that is open, or what can be opened."""
        path = self._workspace.dataset
        if path is None:
            self._show_start()
        else:
            self._read(path)

    def _show_dataset(self, dataset: OpenDataset) -> None:
        self._opening = None
        self.browser.show_dataset(dataset)
        self.title.show_dataset(dataset)
        if dataset.moved:
            self.moved.show_error(
                self.tr(
                    "The images are no longer in {folder}. Nothing is lost; choose the folder they are in now."
                ).format(folder=dataset.root),
                action=self.tr("Find folder…"),
            )
        else:
            self.moved.clear()
        # A dataset that is read again leaves the form for its columns where it is.
        if self._stack.currentWidget() is not self._form or self._columns_of != (
            dataset.root,
            dataset.path,
        ):
            self._stack.setCurrentWidget(self._opened)
        self._workspace.set_dataset(dataset.path)
        self._allow_actions()

    def _say_unreadable(self, sentence: str) -> None:
        failed, self._opening = self._opening, None
        self.notice.show_error(sentence)
        if self.dataset is None or failed == self.dataset.path:
            self._show_start()

    def close_dataset(self) -> None:
        """Show nothing; the dataset stays where it is."""
        self.notice.clear()
        self._workspace.set_dataset(None)

    def _offer_recent(self, menu: OpenMenu) -> None:
        opened = self.dataset.path if self.dataset is not None else None
        menu.show_recent([path for path in self._workspace.recent_datasets if path != opened])

    def _show_start(self) -> None:
        self._reading.forget()
        self._opening = None
        self._stack.setCurrentWidget(self.start)
        self.start.show_recent(self._workspace.recent_datasets)
        self._allow_actions()

    def showEvent(self, event: QShowEvent) -> None:
        """Look at the recent datasets again: one may be gone or back."""
        super().showEvent(event)
        if self._stack.currentWidget() is self.start:
            self.start.show_recent(self._workspace.recent_datasets)

    def event(self, event: QEvent) -> bool:
        """See, when the window comes to the front, whether another program has changed the dataset."""
        if event.type() == QEvent.Type.WindowActivate and self.dataset is not None and not self._reading.busy:
            self._looking.ask(partial(stamp_of, self.dataset.path))
        return super().event(event)

    def _compare_stamp(self, stamp: Stamp) -> None:
        dataset = self.dataset
        if dataset is not None and stamp not in {dataset.stamp, GONE}:
            self._read(dataset.path)

    # Importing

    def _choose_layout(self, layout: str) -> None:
        self._layout_name = layout
        for menu in (self.start.menu, self.title.menu):
            menu.choose_layout(layout)

    def _import(self, source: Path, dataset: Path | None = None, columns: Columns | None = None) -> None:
        running = self.flow.running
        if running is not None:
            self.notice.show_note(
                self.tr("{name} is being imported. Wait for it to finish, or stop it.").format(
                    name=running.source.name
                )
            )
            return
        self.notice.clear()
        self.strip.prepare(source.name or str(source))
        if self.dataset is None:
            self._wait(
                self.tr("Importing {name}").format(name=source.name or source),
                self.tr(
                    "Every image is opened once to see whether it can be used, and compared with the others. "
                    "Other pages can be used meanwhile."
                ),
            )
        self._offering.forget()
        self.flow.start(source, self._layout_name, dataset, columns)
        self._allow_actions()

    def import_again(self) -> None:
        """Look through the open dataset's folder for new and changed images."""
        dataset = self.dataset
        if dataset is not None:
            self._choose_layout("auto")
            self._import(dataset.root, dataset.path)

    def choose_columns(self) -> None:
        """Show the form for the columns of the open dataset's tables, or of a table that is asked for."""
        dataset = self.dataset
        if dataset is not None:
            self._previewing.ask(partial(tables_of, dataset.root, dataset.path))
            return
        kinds = (self.tr("Tables (*.csv *.tsv *.tab *.txt)"), self.tr("All files (*)"))
        self._sources().open_file(
            self.tr("Choose a table of images and classes"),
            kinds,
            lambda path: self._previewing.ask(partial(tables_of, path)),
        )

    def _offer_columns(self, tables: Tables) -> None:
        """Offer the form after an import that found no columns it knows."""
        if tables.previews and self.notice.text and self.flow.running is None:
            self._notice_action = "columns"
            self._offered = tables
            self.notice.offer(self.tr("Choose the columns…"))

    def _show_columns(self, tables: Tables) -> None:
        if not tables.previews:
            self.notice.show_error(
                self.tr("{source} has no table to choose columns from.").format(source=tables.source)
            )
            return
        self._columns_of = tables.source, tables.dataset
        self.columns.show_tables(tables.previews, tables.columns)
        self._stack.setCurrentWidget(self._form)
        self._allow_actions()

    def _import_with(self, columns: Columns) -> None:
        assert self._columns_of is not None
        source, dataset = self._columns_of
        self._leave_columns()
        self._choose_layout("auto")
        self._import(source, dataset, columns)

    def _leave_columns(self) -> None:
        if self._workspace.dataset is not None:
            self._stack.setCurrentWidget(self._opened)
            self._allow_actions()
        else:
            self._show_start()

    def _import_ended(self, ended: Import) -> None:
        self.strip.finish()
        self._notice_action = ""
        if ended.report is not None:
            self._notice_action = "problems" if ended.report.problems else ""
            self._say_imported(ended)
        elif ended.stopped:
            self._notice_action = "again" if ended.usable else ""
            kept = self.tr("What was imported so far is kept and can be used.") if ended.usable else ""
            self.notice.show_note(
                f"{self.tr('The import was stopped.')} {kept}".strip(),
                action=self.tr("Import again") if ended.usable else "",
            )
        else:
            self.notice.show_error(ended.message, ended.log)
        if not (ended.usable or ended.stopped):
            self._offering.ask(partial(tables_of, ended.source))
        self._allow_actions()
        if ended.usable and ended.dataset is not None:
            if self._workspace.dataset == ended.dataset.absolute():
                self._workspace.dataset_edited.emit()
            else:
                self._read(ended.dataset)
        elif self.dataset is None:
            self._show_start()

    def _say_imported(self, ended: Import) -> None:
        assert ended.report is not None
        sentence = imported(ended.report)
        beside = [*ended.report.notes, *passed_over(ended.report.passed_over)]
        if not (ended.message or ended.report.problems or beside):
            self._workspace.notified.emit(sentence)
            return
        if ended.message:
            sentence += " " + self.tr("They could not be split: {why}").format(why=ended.message)
        self.notice.show_note(
            sentence,
            "\n".join(beside),
            self.tr("Show problems") if self._notice_action else "",
        )

    def _act_on_notice(self) -> None:
        action, self._notice_action = self._notice_action, ""
        self.notice.clear()
        if action == "problems":
            self._show_view("problems")
        elif action == "again":
            self.import_again()
        elif action == "columns" and self._offered is not None:
            self._show_columns(self._offered)

    # Splitting

    def open_split_form(self) -> None:
        """Show the form that splits the dataset anew."""
        self._show_view("grid")
        self.browser.side.open_form()

    def _split(self, seed: int, fractions: tuple[float, float, float]) -> None:
        dataset = self.dataset
        if dataset is None:
            return
        self.notice.clear()
        self.browser.side.set_splitting(True)
        handle = self._library.submit(
            SplitDataset(dataset=str(dataset.path), seed=seed, fractions=fractions),
            self.tr("Splitting {name} by group").format(name=dataset.name),
        )
        handle.ended.connect(partial(self._split_ended, dataset.path))
        self._split_handle = handle

    def _stop_splitting(self) -> None:
        if self._split_handle is not None:
            self._split_handle.stop()

    def _split_ended(self, path: Path, outcome: Outcome) -> None:
        self.browser.side.set_splitting(False)
        if outcome.state == JobState.FAILED:
            self.notice.show_error(outcome.message, outcome.log)
        elif outcome.state == JobState.DONE and path == self._workspace.dataset:
            self._workspace.dataset_edited.emit()

    # Finding the images again

    def _ask_where_images_are(self) -> None:
        self._sources().open_folder(self.tr("Where are the images now?"), self.relocate)

    def relocate(self, folder: Path) -> None:
        """Say where the images of the open dataset are now."""
        dataset = self.dataset
        if dataset is None:
            return
        path = dataset.path

        def move() -> Path:
            relocate_dataset(path, folder)
            return path

        self.notice.clear()
        self._moving.ask(move)

    def _mark(self, class_name: str, malignancy: Malignancy) -> None:
        dataset = self.dataset
        if dataset is None:
            return
        path = dataset.path

        def mark() -> Path:
            mark_class(path, class_name, malignancy)
            return path

        self.notice.clear()
        self._marking.ask(mark)

    def _changed(self, path: Path) -> None:
        if path == self._workspace.dataset:
            self._workspace.dataset_edited.emit()

    # What can be done

    def _allow_actions(self) -> None:
        """Offer what makes sense now."""
        opened, importing = self.dataset is not None, self.flow.running is not None
        chosen = opened and len(self.browser.view.chosen) > 0
        self.act.allow(opened=opened, importing=importing, chosen=chosen)
        self.title.menu.again.setEnabled(self.act.import_again.isEnabled())

    def _show_view(self, view: View) -> None:
        self.title.choose_view(view)
        self.browser.show_view(view)

    def go_to_search(self) -> None:
        """Put the cursor into the search field."""
        self._show_view("grid")
        self.browser.finder.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.browser.finder.search.selectAll()

    def _diagnose(self, wanted: list[str]) -> None:
        self._workspace.images_for_diagnosis.emit([Path(path) for path in wanted])
        self._workspace.go_to.emit("diagnosis")
        self._workspace.notified.emit(
            self.tr("{images} sent to the Diagnosis page.").format(images=images_counted(len(wanted)))
        )

    def context_menu(self) -> QMenu:
        """Return what can be done with the selected images."""
        self._allow_actions()  # the click that asks for the menu may have selected the first image
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions(self.act.of_images)
        return menu

    def _show_menu(self, place: QPoint) -> None:
        if len(self.browser.view.chosen):
            self.context_menu().popup(self.browser.view.viewport().mapToGlobal(place))


def _can_open(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() in _DATASET_SUFFIXES | _TABLE_SUFFIXES


def _open_folder_of(path: str) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(path).parent)))

"""What can be done with the selected runs, as actions for menu, buttons and shortcuts."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QKeySequence

from skindesk.background import Errands
from skindesk.models.runs import changes as run_changes
from skindesk.models.runs.listing import RunStatus, RunSummary
from skindesk.reports.orders import TrainingOrder, Written, have_written, letterhead_of
from skindesk.widgets.file_choice import FileChoice
from skindesk.widgets.icons import icon
from skindesk.widgets.quantities import runs_counted
from trainer.runs.archive import ARCHIVE_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from PySide6.QtWidgets import QWidget

    from skindesk.models.runs.changes import Imported, Trashed
    from skindesk.models.runs.listing import RunsModel
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from skindesk.settings import Settings

_Made = TypeVar("_Made")


class Told(NamedTuple):
    """Something to be told.

    Attributes:
        text: a sentence; empty where it can be seen that it was done.
        about: what was done, and with which run or file.
        error: whether it is what went wrong.
        action: words on a button; empty for none.
        act: what the button does.
    """

    text: str
    about: tuple[str, Path]
    error: bool = False
    action: str = ""
    act: Callable[[], object] | None = None


class RunActions(QObject):
    """Does what is asked with the selected runs; slow work is done off the GUI thread.

    Attributes:
        all: every action, in the order of the menu.

    Signals:
        told(Told): something was begun, was done, or went wrong.
        score_asked(str): a part is to be scored.
        edit_asked: the name of the selected run is to be typed.
        arrived(Path): a run has come to this folder, which should be shown.
    """

    told = Signal(object)
    score_asked = Signal(str)
    edit_asked = Signal()
    arrived = Signal(object)

    def __init__(
        self, runs: RunsModel, workspace: Workspace, settings: Settings, paths: Paths, page: QWidget
    ) -> None:
        super().__init__(page)
        self._runs = runs
        self._workspace, self._settings, self._paths, self._page = workspace, settings, paths, page
        self._chosen: tuple[RunSummary, ...] = ()
        self._scoring: Collection[Path] = ()
        self._used: Path | None = None  # for diagnosis, before its run went to the trash
        self.errands = Errands(self)
        self.use = self._action("diagnosis", self.tr("Use for diagnosis"), self._use)
        self.score_validation = self._action(
            "results", self.tr("Score the validation part"), lambda: self.score_asked.emit("validation")
        )
        self.score_test = self._action(
            "results", self.tr("Score the test part…"), lambda: self.score_asked.emit("test")
        )
        self.save_report = self._action("pdf", self.tr("Save as PDF report…"), self._ask_report)
        self.rename = self._action("rename", self.tr("Rename"), self.edit_asked.emit)
        self.rename.setShortcut(QKeySequence(Qt.Key.Key_F2))
        self.save_report.setShortcut(QKeySequence(QKeySequence.StandardKey.Save))
        self.export = self._action("export", self.tr("Export…"), self._ask_export)
        self.export.setShortcut(QKeySequence("Ctrl+E"))
        self.take_in = self._action("import", self.tr("Import a bundle…"), self.ask_import)
        self.take_in.setShortcut(QKeySequence(QKeySequence.StandardKey.Open))
        self.open_folder = self._action("folder", self.tr("Open folder"), self._open_folder)
        self.delete = self._action("delete", self.tr("Move to the trash"), self._delete)
        self.delete.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        for action in (self.rename, self.delete):
            # Only where the runs are looked at: these keys mean other things elsewhere on the page.
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.all = (
            self.use,
            self.score_validation,
            self.score_test,
            self.save_report,
            self.rename,
            self.export,
            self.take_in,
            self.open_folder,
            self.delete,
        )
        self.show_runs((), ())

    def _action(self, picture: str, text: str, slot: object) -> QAction:
        action = QAction(icon(picture), text, self)
        action.triggered.connect(lambda _checked=False: slot())  # type: ignore[operator]
        return action

    def show_runs(self, chosen: Sequence[RunSummary], scoring: Collection[Path]) -> None:
        """Offer what can be done with runs.

        Args:
            chosen: the selected runs.
            scoring: folders of runs that are being scored.
        """
        self._chosen, self._scoring = tuple(chosen), scoring
        one = self._chosen[0] if len(self._chosen) == 1 else None
        bundle = one is not None and one.has_bundle
        free = one is not None and one.folder not in scoring
        self.use.setEnabled(bundle and one is not None and one.bundle != self._workspace.bundle)
        self.score_validation.setEnabled(bundle and free)
        self.score_test.setEnabled(bundle and free)
        self.save_report.setEnabled(one is not None and one.state is not RunStatus.UNREADABLE)
        self.rename.setEnabled(one is not None)
        self.export.setEnabled(bundle)
        self.open_folder.setEnabled(one is not None)
        self.delete.setEnabled(bool(self._chosen))

    # --- diagnosis, folder -------------------------------------------------------------------------------

    def _use(self) -> None:
        (run,) = self._chosen
        self._workspace.set_bundle(run.bundle)
        self._workspace.notified.emit(self.tr("“{name}” is now used for diagnosis.").format(name=run.name))

    def _open_folder(self) -> None:
        (run,) = self._chosen
        _open_folder(run.folder)

    # --- names -------------------------------------------------------------------------------------------

    def keep_name(self, run: RunSummary, name: str) -> None:
        """Keep a name that was typed for a run."""
        folder = run.folder
        self.errands.run(
            lambda: run_changes.rename_run(folder, name),
            lambda _name: self._renamed(folder, ""),
            lambda sentence: self._renamed(folder, sentence),
        )

    def _renamed(self, folder: Path, problem: str) -> None:
        self.told.emit(Told(problem, ("rename", folder), error=bool(problem)))
        self._workspace.runs_changed.emit()

    # --- the trash ---------------------------------------------------------------------------------------

    def _delete(self) -> None:
        busy = [run for run in self._chosen if self._is_busy(run)]
        if busy:
            sentence = self.tr("“{name}” is running; stop it before you delete it.")
            self._fail("trash", busy[0].folder, sentence.format(name=busy[0].name))
            return
        gone = partial(self._gone, [], len(self._chosen))
        for run in self._chosen:
            self._do("trash", run.folder, partial(run_changes.trash_run, run), gone)

    def _is_busy(self, run: RunSummary) -> bool:
        return run.state is RunStatus.RUNNING or run.folder in self._scoring

    def _gone(self, together: list[Trashed], asked: int, trashed: Trashed) -> None:
        together.append(trashed)
        used = self._workspace.bundle
        if used is not None and used.is_relative_to(trashed.folder):
            self._used = used
            self._workspace.set_bundle(None)
        undo = self.tr("Undo") if all(entry.place for entry in together) else ""
        if asked == 1:
            text = self.tr("“{name}” was moved to the trash.").format(name=trashed.name)
        else:
            text = self.tr("Moved to the trash: {runs}.").format(runs=runs_counted(len(together)))
        if trashed.place and asked == 1:
            text = self.tr("“{name}” was moved to the trash: {place}").format(
                name=trashed.name, place=trashed.place
            )
        self._tell("trash", trashed.folder, text, undo, partial(self._restore, tuple(together)))
        self._workspace.runs_changed.emit()

    def _restore(self, trashed: Sequence[Trashed]) -> None:
        for entry in trashed:
            self._do("restore", entry.folder, partial(run_changes.restore_run, entry), self._came_back)

    def _came_back(self, folder: Path) -> None:
        self._tell("restore", folder, self.tr("Restored from the trash."))
        if self._used is not None and self._used.is_relative_to(folder):
            self._workspace.set_bundle(self._used)
        self._workspace.runs_changed.emit()
        self.arrived.emit(folder)

    # --- a report ----------------------------------------------------------------------------------------

    def _ask_report(self) -> None:
        (run,) = self._chosen
        FileChoice(self._page, self._settings, "report_folder").save_file(
            self.tr("Save a report of the run"),
            f"{run.name}.pdf",
            # The window goes on meanwhile: another run may be selected by then.
            {self.tr("PDF (*.pdf)"): lambda file: self.save_report_to(file, run)},
        )

    def save_report_to(self, file: Path, run: RunSummary | None = None) -> None:
        """Write a report of a run, by default of the selected one."""
        run = run or self._chosen[0]
        self._tell("write", file, self.tr("Writing the report of “{name}”…").format(name=run.name))
        order = TrainingOrder(
            run=str(run.folder),
            file=str(file),
            paper=self._settings.text("paper"),
            letterhead=letterhead_of(self._settings),
        )
        self._do("write", file, partial(have_written, order), self._report_written)

    def _report_written(self, written: Written) -> None:
        self._written(Path(written.place), written.notes)

    # --- one file ----------------------------------------------------------------------------------------

    def _ask_export(self) -> None:
        (run,) = self._chosen
        with_results = self.tr("Bundle with its results (*{suffix})").format(suffix=ARCHIVE_SUFFIX)
        alone = self.tr("Bundle only (*{suffix})").format(suffix=ARCHIVE_SUFFIX)
        self._bundles().save_file(
            self.tr("Export the bundle as one file"),
            f"{run.name}{ARCHIVE_SUFFIX}",
            {
                with_results: lambda file: self.export_to(file, run, with_reports=True),
                alone: lambda file: self.export_to(file, run, with_reports=False),
            },
        )

    def _bundles(self) -> FileChoice:
        return FileChoice(self._page, self._settings, "bundle_folder")

    def export_to(self, file: Path, run: RunSummary | None = None, *, with_reports: bool) -> None:
        """Write the bundle of a run to a file, by default of the selected one."""
        run = run or self._chosen[0]
        self._tell("write", file, self.tr("Exporting “{name}”…").format(name=run.name))
        export = partial(run_changes.export_run, run, file, with_reports=with_reports)
        self._do("write", file, export, self._written)

    def _written(self, file: Path, notes: Sequence[str] = ()) -> None:
        text = " ".join([self.tr("Saved as {file}.").format(file=file), *notes])
        self._tell("write", file, text, self.tr("Show in folder"), partial(_open_folder, file.parent))

    def ask_import(self) -> None:
        """Ask for a file to import."""
        kinds = self.tr("SkinDesk bundle (*{suffix})").format(suffix=ARCHIVE_SUFFIX)
        self._bundles().open_files(self.tr("Import a bundle"), [kinds], self.import_files)

    def import_files(self, files: Sequence[Path]) -> None:
        """Take bundles in from files."""
        bundles, taken = self._paths.bundles, [run.name for run in self._runs.runs]
        for file in files:
            self._tell("import", file, self.tr("Importing {file}…").format(file=file.name))
            self._do(
                "import",
                file,
                partial(run_changes.import_bundle, file, bundles, taken),
                partial(self._taken_in, file),
            )

    def _taken_in(self, file: Path, bundle: Imported) -> None:
        self._tell("import", file, self.tr("“{name}” was imported.").format(name=bundle.name))
        self._workspace.runs_changed.emit()
        self.arrived.emit(bundle.folder)

    # --- telling -----------------------------------------------------------------------------------------

    def _do(self, what: str, path: Path, work: Callable[[], _Made], done: Callable[[_Made], None]) -> None:
        self.errands.run(work, done, lambda sentence: self._fail(what, path, sentence))

    def _tell(
        self, what: str, path: Path, text: str, action: str = "", act: Callable[[], object] | None = None
    ) -> None:
        self.told.emit(Told(text, (what, path), action=action, act=act))

    def _fail(self, what: str, path: Path, sentence: str) -> None:
        self.told.emit(Told(sentence, (what, path), error=True))


def _open_folder(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

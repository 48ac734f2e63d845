"""The composition root: everything is made here and connected here; pages receive only what they use."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from PySide6.QtCore import QCoreApplication, QObject, QTimer, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QKeySequence
from PySide6.QtWidgets import QApplication, QStyleFactory

from skindesk.background import changes_made
from skindesk.crash import install_crash_handler, last_crash
from skindesk.main_window import MainWindow, PageEntry
from skindesk.models.workspace import Workspace
from skindesk.paths import Paths
from skindesk.settings import Settings
from skindesk.widgets.icons import icon, program_icon
from skindesk.widgets.theme import apply_theme
from trainer import __version__

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from skindesk.demo import CanDiagnose, Demo
    from skindesk.engine import Engines
    from skindesk.models.cases.cases import CasesModel
    from skindesk.models.cases.reading import OpenedCase
    from skindesk.models.devices import DevicesModel
    from skindesk.models.runs.listing import RunsModel

_CLOSING_SECONDS = 20.0
_CLOSING_LOOK_MS = 50
_SAID_MS = 12_000


def make_application(arguments: list[str]) -> QApplication:
    """Return the application with its name, style and icon."""
    QCoreApplication.setApplicationName("SkinDesk")
    QCoreApplication.setApplicationVersion(__version__)
    QCoreApplication.setOrganizationName("SkinDesk")
    application = QApplication([*sys.argv[:1], *arguments])
    # A test application is dressed the same; Fusion looks alike on every platform and takes our colours.
    application.setStyle(QStyleFactory.create("Fusion"))
    application.setWindowIcon(program_icon())
    application.setDesktopFileName("skindesk")
    return application


class CanReopen(Protocol):
    """A page that diagnoses stored cases again."""

    def open_case(self, opened: OpenedCase) -> None:
        """Show a case."""


class SkinDesk(QObject):
    """The program with its window.

    Attributes:
        paths, settings, workspace: what pages are given, with engines, devices and runs.
        window: the window.
    """

    def __init__(self, paths: Paths, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.paths = paths
        self.settings = Settings(paths.settings_file, self)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            apply_theme(application, self.settings.text("appearance"))
        self.workspace = Workspace(self.settings, self)
        self._engines: Engines | None = None
        self._devices: DevicesModel | None = None
        self._runs: RunsModel | None = None
        self._cases: CasesModel | None = None
        self.demo: Demo | None = None
        self.window = MainWindow(self._pages(), self.settings)
        self._closing = QTimer(self.window)
        self._closing.setInterval(_CLOSING_LOOK_MS)
        self._closing.timeout.connect(self._close_once_saved)
        self._close_by = 0.0
        self._connect()
        self._file_actions()
        self._help_actions()

    # --- making ------------------------------------------------------------------------------------------

    # What the first painting does not need is imported and made when it is first asked for.

    @property
    def engines(self) -> Engines:
        """The queues of work, each with a child process of its own."""
        if self._engines is None:
            from skindesk.engine import Engines

            self._engines = Engines(self.paths, self.settings, self)
            self._engines.job_added.connect(self.window.strip.add)
            self.window.strip.stop_asked.connect(lambda handle: handle.stop())
        return self._engines

    @property
    def devices(self) -> DevicesModel:
        """What this machine can train on."""
        if self._devices is None:
            from skindesk.models.devices import DevicesModel
            from trainer.protocol.scoring import LookAtDevices

            devices = DevicesModel(self.engines.queue_for(LookAtDevices), self)
            devices.changed.connect(lambda: self.window.show_device(devices.line, devices.reason))
            self._devices = devices
        return self._devices

    @property
    def runs(self) -> RunsModel:
        """All runs and bundles, looked for when a page first wants them."""
        if self._runs is None:
            from skindesk.models.runs.listing import RunsModel

            self._runs = RunsModel(self.paths, self.settings, self.workspace, self)
        return self._runs

    @property
    def cases(self) -> CasesModel:
        """Diagnoses that were saved."""
        if self._cases is None:
            from skindesk.models.cases.cases import CasesModel

            self._cases = CasesModel(self.paths, self)
            self._cases.reopened.connect(self._reopen)
        return self._cases

    def _pages(self) -> list[PageEntry]:
        return [
            PageEntry("dataset", self.tr("Dataset"), self._dataset_page),
            PageEntry("training", self.tr("Training"), self._training_page),
            PageEntry("results", self.tr("Results"), self._results_page),
            PageEntry("diagnosis", self.tr("Diagnosis"), self._diagnosis_page),
            PageEntry("batch", self.tr("Batch"), self._batch_page),
            PageEntry("cases", self.tr("Cases"), self._cases_page),
            PageEntry("settings", self.tr("Settings"), self._settings_page),
        ]

    def _dataset_page(self) -> QWidget:
        from skindesk.pages.dataset import DatasetPage
        from trainer.protocol.library import ImportFolder

        library = self.engines.queue_for(ImportFolder)
        page = DatasetPage(library, self.workspace, self.settings, self.paths)
        page.demo_asked.connect(self.start_demo)
        return page

    def _training_page(self) -> QWidget:
        from skindesk.pages.training import TrainingPage
        from trainer.protocol.scoring import EstimateRun
        from trainer.protocol.training import TrainNetwork

        training, scoring = self.engines.queue_for(TrainNetwork), self.engines.queue_for(EstimateRun)
        return TrainingPage(training, scoring, self.workspace, self.devices, self.settings, self.paths)

    def _results_page(self) -> QWidget:
        from skindesk.pages.results import ResultsPage
        from trainer.protocol.scoring import EvaluateBundle

        scoring = self.engines.queue_for(EvaluateBundle)
        return ResultsPage(scoring, self.runs, self.workspace, self.settings, self.paths)

    def _diagnosis_page(self) -> QWidget:
        from skindesk.pages.diagnosis import DiagnosisPage
        from trainer.protocol.diagnosis import PredictImages
        from trainer.protocol.scoring import CompleteBundle

        diagnosis, scoring = self.engines.queue_for(PredictImages), self.engines.queue_for(CompleteBundle)
        return DiagnosisPage(
            diagnosis, scoring, self.runs, self.workspace, self.cases, self.settings, self.paths
        )

    def _batch_page(self) -> QWidget:
        from skindesk.pages.batch import BatchPage
        from trainer.protocol.scoring import PredictFolder

        scoring = self.engines.queue_for(PredictFolder)
        return BatchPage(scoring, self.workspace, self.settings, self.paths)

    def _cases_page(self) -> QWidget:
        from skindesk.pages.cases import CasesPage

        return CasesPage(self.cases, self.workspace, self.settings)

    def _settings_page(self) -> QWidget:
        from skindesk.pages.settings import SettingsPage

        return SettingsPage(self.settings, self.paths)

    def _connect(self) -> None:
        window, workspace = self.window, self.workspace
        workspace.go_to.connect(window.show_page)
        workspace.notified.connect(lambda text: window.strip.say(text, _SAID_MS))
        workspace.images_for_diagnosis.connect(self._diagnose)
        window.closing.connect(self._ask_to_close)
        self.settings.changed.connect(self._setting_changed)
        self.settings.failed.connect(workspace.notified)
        window.show_device(self.tr("Looking for GPUs…"), "")
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.styleHints().colorSchemeChanged.connect(self._dress)

    def _file_actions(self) -> None:
        demo = QAction(self.tr("Try the demo"), self.window)
        demo.triggered.connect(lambda _checked=False: self.start_demo())
        self.window.add_file_action(demo)

    def _help_actions(self) -> None:
        window, menu = self.window, self.window.help_menu
        guide = QAction(icon("help"), self.tr("How to…"), window)
        guide.setShortcut(QKeySequence.StandardKey.HelpContents)
        guide.triggered.connect(lambda _checked=False: self._show_help("guide"))
        logs = QAction(icon("log"), self.tr("Open log folder"), window)
        logs.triggered.connect(
            lambda _checked=False: QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.paths.logs)))
        )
        about = QAction(icon("info"), self.tr("About SkinDesk"), window)
        about.setMenuRole(QAction.MenuRole.AboutRole)
        about.triggered.connect(lambda _checked=False: self._show_help("about"))
        menu.addActions([guide, logs, about])

    def _show_help(self, name: str) -> None:
        from skindesk.widgets.help_dialog import AboutDialog, GuideDialog

        dialog = GuideDialog(self.window) if name == "guide" else AboutDialog(self.paths, self.window)
        dialog.open()

    # --- doing -------------------------------------------------------------------------------------------

    def start(self, name: str = "", *, demo: bool = False) -> None:
        """Show the window, then what was open last or what is named.

        Args:
            name: a dataset file or a folder; empty for what was open last.
            demo: draw a dataset, train on it and prepare a diagnosis, all in view.
        """
        self.window.painted.connect(lambda: QTimer.singleShot(0, lambda: self._after_painting(name, demo)))
        self.window.show()

    def _after_painting(self, name: str, demo: bool) -> None:
        page = self.settings.text("page")
        bundle = self.settings.text("last_bundle")
        if bundle and Path(bundle).is_dir():
            self.workspace.set_bundle(Path(bundle))
        self.devices.look()
        if demo:
            self.start_demo()
            return
        dataset = name or self.settings.text("last_dataset")
        self.window.show_page(page if not name else "dataset")
        if dataset and (name or Path(dataset).exists()):
            opened = getattr(self.window.page("dataset"), "open_path", None)
            if opened is not None and not opened(Path(dataset)):
                self.window.open_path(Path(dataset))
        crash = last_crash(self.paths)
        if crash:
            self.workspace.notified.emit(crash)

    def start_demo(self) -> None:
        """Draw a dataset, train on it in view, and prepare a diagnosis."""
        from skindesk.demo import Demo

        if self.demo is not None and self.demo.running:
            return
        self.demo = Demo(self.engines, self.window, self.workspace, self.paths, self)
        self.demo.start()

    def _diagnose(self, paths: list[Path]) -> None:
        """Show images on the page for it; a page that is there already has heard of them itself."""
        if "diagnosis" not in self.window.built_pages:
            cast("CanDiagnose", self.window.page("diagnosis")).add_images(paths)
        self.window.show_page("diagnosis")

    def _reopen(self, case: OpenedCase) -> None:
        """Show a case on the page for diagnosis; a page that is there already has heard of it itself."""
        if "diagnosis" not in self.window.built_pages:
            cast("CanReopen", self.window.page("diagnosis")).open_case(case)
        self.window.show_page("diagnosis")

    def _setting_changed(self, key: str) -> None:
        if key == "appearance":
            self._dress()

    def _dress(self) -> None:
        application = QApplication.instance()
        if isinstance(application, QApplication):
            apply_theme(application, self.settings.text("appearance"))

    def _ask_to_close(self) -> None:
        if self._closing.isActive():
            return
        if self._engines is None or not self._engines.missed:
            self.save_and_close()
            return
        from skindesk.widgets.closing_dialog import ClosingDialog

        dialog = ClosingDialog(self.engines, self.window)
        dialog.accepted.connect(self.save_and_close)
        dialog.open()

    def save_and_close(self) -> None:
        """Close the window once the children have saved and left and all changes are made; it lives on meanwhile."""
        self.window.setEnabled(False)
        self.settings.flush()  # it would rest first
        if self._engines is None and changes_made(_CLOSING_LOOK_MS / 1000):
            self.window.leave()
            return
        self.window.strip.say(self.tr("Saving and closing…"), int(1000 * _CLOSING_SECONDS))
        if self._engines is not None:
            self._engines.begin_close()
        self._close_by = time.monotonic() + _CLOSING_SECONDS
        self._closing.start()

    def _close_once_saved(self) -> None:
        left = self._engines is None or self._engines.left
        if (left and changes_made(0.0)) or time.monotonic() > self._close_by:
            self._closing.stop()
            _end_reports()
            if self._engines is not None:
                self._engines.close(0.0)  # what has not left by now is ended by force
            self.window.leave()

    def close(self) -> None:
        """Do the same, but wait for it: when this returns, all is closed."""
        self.window.setEnabled(False)
        if self._engines is not None:
            self._engines.close(_CLOSING_SECONDS)
        if not changes_made(_CLOSING_SECONDS):
            _end_reports()
        self.window.leave()


def _end_reports() -> None:
    """Kill the processes that still write reports."""
    from skindesk.reports.orders import end_reports

    end_reports()


def run_window(name: str, *, demo: bool) -> int:
    """Open the window and stay until it is closed.

    Args:
        name: a dataset file or folder to open; empty for what was open last.
        demo: see `SkinDesk.start`.

    Returns:
        The exit status.
    """
    paths = Paths.standard()
    application = make_application([])
    program: SkinDesk | None = None

    def keep() -> None:
        if program is not None:
            program.settings.flush()

    install_crash_handler(paths, keep)
    program = SkinDesk(paths)
    program.start(name, demo=demo)
    return application.exec()

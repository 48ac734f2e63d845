"""`skindesk --self-test`: the whole main job in a window of its own home, a line for each step."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from PySide6.QtCore import QEventLoop, QMessageLogContext, QObject, QTimer, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QGuiApplication

from skindesk.display import missing_display
from trainer.errors import TrainerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from skindesk.app import SkinDesk
    from skindesk.engine.jobs import JobHandle, Outcome

_STEP_SECONDS = 300.0
_LOOK_MS = 50
_LESIONS = 84
_SIZE = (96, 72)
_HARMLESS = {"This plugin does not support propagateSizeHints()"}  # the platform without a screen says it


class _Failed(Exception):  # noqa: N818 - never leaves this module
    """A step did not do what it should."""


class _DiagnosisPage(Protocol):
    def add_images(self, paths: list[Path]) -> None:
        """Show images."""

    def save_pdf(self, file: Path) -> bool:
        """Write the report."""

    @property
    def answered(self) -> bool:
        """Whether every image has been asked about."""


def run_self_test() -> int:
    """Try the program; return 0 if every step worked, else 1."""
    reason = missing_display()
    if reason:
        sys.stderr.write(reason + "\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="SkinDesk self-test übung ", ignore_cleanup_errors=True) as home:
        os.environ["SKINDESK_HOME"] = home
        # The libraries of a machine are its own; what is set for one program may not fit another.
        os.environ.pop("SKINDESK_CACHE_DIR", None)
        return _run(Path(home))


def _run(home: Path) -> int:
    from skindesk.app import SkinDesk, make_application  # the home is set first
    from skindesk.paths import Paths

    warnings = _heard_warnings()
    application = make_application([])
    program = SkinDesk(Paths.standard())
    test = _SelfTest(program, home)
    status = 0
    try:
        for step in (
            test.window,
            test.engine,
            test.dataset,
            test.training,
            test.results,
            test.diagnosis,
            test.report,
        ):
            begun = time.monotonic()
            words = step()
            sys.stdout.write(f"ok   {step.__name__:<10} {words} ({time.monotonic() - begun:.1f} s)\n")
            sys.stdout.flush()
    except (_Failed, TrainerError, OSError) as error:
        sys.stdout.write(f"FAIL {step.__name__:<10} {error}\n")
        status = 1
    except Exception:  # noqa: BLE001 - whatever is broken in a build is to be told here, step and all
        sys.stdout.write(f"FAIL {step.__name__:<10} {traceback.format_exc()}\n")
        status = 1
    begun = time.monotonic()
    program.close()
    application.processEvents()
    if warnings:
        sys.stdout.write(f"FAIL {'warnings':<10} {'; '.join(warnings)}\n")
        status = 1
    if status == 0:
        sys.stdout.write(f"ok   {'closing':<10} no child is left ({time.monotonic() - begun:.1f} s)\n")
        sys.stdout.write("Everything works.\n")
    sys.stdout.flush()
    return status


def _heard_warnings() -> list[str]:
    """Return a list that Qt's warnings are added to from now on; a style sheet it cannot parse is one."""
    heard: list[str] = []

    def hear(kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        if kind in {QtMsgType.QtWarningMsg, QtMsgType.QtCriticalMsg} and text not in _HARMLESS:
            heard.append(text)

    qInstallMessageHandler(hear)
    return heard


class _SelfTest(QObject):
    """The steps, in order; each returns what it saw or raises."""

    def __init__(self, program: SkinDesk, home: Path) -> None:
        super().__init__()
        self._program, self._home = program, home
        self._drawings = home / "drawn lesions"
        self._dataset = Path()
        self._bundle = Path()

    def window(self) -> str:
        """The window opens and is painted."""
        painted: list[bool] = []
        self._program.window.painted.connect(lambda: painted.append(True))
        self._program.window.show()
        self._wait("the window is painted", lambda: bool(painted))
        return f"painted, platform {QGuiApplication.platformName()}"

    def engine(self) -> str:
        """The child process answers."""
        self._program.devices.look()
        self._wait("the engine answers", lambda: self._program.devices.devices is not None)
        return self._program.devices.line

    def dataset(self) -> str:
        """A folder is imported and split by the page for it."""
        from trainer.dataset.demo.lesions import draw_dataset

        draw_dataset(self._drawings, lesions=_LESIONS, size=_SIZE)
        self._program.window.show_page("dataset")
        if not self._program.window.open_path(self._drawings):
            raise _Failed("The page does not take a folder.")
        self._wait("the folder is imported", self._is_split)
        self._dataset = cast("Path", self._program.workspace.dataset)
        return f"{self._images()} drawn images imported and split"

    def training(self) -> str:
        """A tiny network is trained in view, stopped, and resumed to its end."""
        from trainer.presets import self_test_config
        from trainer.protocol.training import RunFinished

        self._program.window.show_page("training")
        page = self._program.window.page("training")
        handle: JobHandle = page.start_run(self_test_config(), self._dataset, "Self-test")  # type: ignore[attr-defined]
        outcome = self._ended(handle)
        if not isinstance(outcome.result, RunFinished):
            raise _Failed(f"{outcome.message}\n{outcome.log}")
        self._bundle = Path(outcome.result.bundle)
        return "a tiny network trained"

    def results(self) -> str:
        """The run is listed."""
        self._program.window.show_page("results")
        runs = self._program.runs
        runs.refresh()
        self._wait("the run is listed", lambda: bool(runs.bundles))
        return f"{len(runs.runs)} run listed"

    def diagnosis(self) -> str:
        """An image is diagnosed."""
        image = next(path for path in sorted(self._drawings.rglob("*.jpg")) if path.stat().st_size > 1000)  # noqa: PLR2004 - bytes; broken ones are smaller
        self._program.workspace.set_bundle(self._bundle)
        self._program.window.show_page("diagnosis")
        page = cast("_DiagnosisPage", self._program.window.page("diagnosis"))
        page.add_images([image])
        self._wait("the image is diagnosed", lambda: page.answered)
        return f"{image.name} diagnosed"

    def report(self) -> str:
        """A PDF is written."""
        file = self._home / "Bericht 报告.pdf"
        page = cast("_DiagnosisPage", self._program.window.page("diagnosis"))
        page.save_pdf(file)
        self._wait("the PDF is written", file.exists)
        content = file.read_bytes()
        if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-1024:]:
            raise _Failed("The report is not a PDF.")
        return f"PDF of {len(content) / 1024:.0f} KiB written"

    # --- waiting -----------------------------------------------------------------------------------------

    def _is_split(self) -> bool:
        from trainer.dataset.store import DatasetStore

        path = self._program.workspace.dataset
        if path is None or self._program.engines.library.jobs:
            return False
        with DatasetStore.open(path, read_only=True) as store:
            return store.certificate() is not None

    def _images(self) -> int:
        from trainer.dataset.store import DatasetStore

        with DatasetStore.open(self._dataset, read_only=True) as store:
            return len(store.frame())

    def _ended(self, handle: JobHandle) -> Outcome:
        self._wait("the run ends", lambda: handle.state.ended)
        if handle.outcome is None:
            raise _Failed("The run ended without an outcome.")
        return handle.outcome

    def _wait(self, what: str, reached: Callable[[], bool]) -> None:
        """Let the window work until something is so.

        Raises:
            _Failed: it is not so within the time a step may take.
        """
        if reached():
            return
        loop = QEventLoop()
        timer = QTimer()
        timer.setInterval(_LOOK_MS)
        deadline = time.monotonic() + _STEP_SECONDS

        def look() -> None:
            if reached() or time.monotonic() > deadline:
                loop.quit()

        timer.timeout.connect(look)
        timer.start()
        loop.exec()
        timer.stop()
        if not reached():
            raise _Failed(f"Waited {_STEP_SECONDS:.0f} s until {what}.")

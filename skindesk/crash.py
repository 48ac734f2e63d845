"""What happens when the window's own code fails: the work goes on, the log tells what it was."""

from __future__ import annotations

import faulthandler
import sys
import threading
import traceback
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import TextIO

    from skindesk.paths import Paths

_LOG = "window.log"
_HARD = "window-crash.log"
_LONGEST_LOG = 1 << 20  # bytes

_hard_log: TextIO | None = None


def install_crash_handler(paths: Paths, keep: Callable[[], None]) -> None:
    """Write errors of the window to its log, and even those that end the process at once.

    An error in a slot does not end the program: runs and edits are kept by the engine and on the disk. The log
    is shortened when it has grown past a mebibyte.

    Args:
        paths: where the log lies.
        keep: is called after an error: what is still to be stored should be now.
    """
    global _hard_log  # noqa: PLW0603 - faulthandler needs a file that stays open as long as the process
    log = paths.log_file(_LOG)
    try:
        if log.exists() and log.stat().st_size > _LONGEST_LOG:
            log.replace(log.with_suffix(".old.log"))
        _hard_log = paths.log_file(_HARD).open("a", encoding="utf-8")
        faulthandler.enable(_hard_log)
    except OSError:
        # A disk that takes no log must not keep the window from opening.
        return

    def write(text: str) -> None:
        sys.stderr.write(text)
        try:
            with log.open("a", encoding="utf-8") as stream:
                stream.write(f"--- {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}\n{text}")
        except OSError:
            return

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        write("".join(traceback.format_exception(kind, error, trace)))
        keep()
        _tell(str(log))

    def thread_hook(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            write("".join(traceback.format_exception(arguments.exc_value)))

    sys.excepthook = hook
    threading.excepthook = thread_hook


def last_crash(paths: Paths) -> str:
    """Return a sentence on a crash since this was last asked; empty if there was none. Its traces are kept."""
    hard = paths.log_file(_HARD)
    try:
        if not hard.exists() or hard.stat().st_size == 0:
            return ""
        kept = paths.log_file(_LOG)
        with kept.open("a", encoding="utf-8") as stream:
            stream.write(hard.read_text(encoding="utf-8", errors="replace"))
        hard.write_text("", encoding="utf-8")
    except OSError:
        return ""
    return _tr("SkinDesk closed unexpectedly last time; details are in {file}.").format(file=kept)


def _tell(log: str) -> None:
    """Say in the status strip, if there is a window, that something went wrong."""
    from PySide6.QtWidgets import QApplication  # the handler must work before Qt does

    for widget in QApplication.topLevelWidgets():
        strip = getattr(widget, "strip", None)
        if strip is not None:
            words = _tr("Something went wrong in the window; your work is safe. Details: {file}")
            strip.say(words.format(file=log), 30_000)


def _tr(text: str) -> str:
    from PySide6.QtCore import QCoreApplication  # the handler must work before Qt does

    return QCoreApplication.translate("Crash", text)

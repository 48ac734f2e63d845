"""How a child process ended, in words."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from trainer.protocol.training import TrainNetwork

if TYPE_CHECKING:
    from trainer.protocol.lines import AnyJob

_WINDOWS_CRASH = 0xC0000000  # from here on, exit statuses of Windows are errors such as an access violation


@dataclass(frozen=True)
class Ending:
    """The end of a child process.

    Attributes:
        status: exit status, negative for the number of a signal; `None` if the child could not be started.
        reason: why it could not be started; otherwise empty.
        log: the last lines it wrote to its log, at most `client.LOG_LINES`.
    """

    status: int | None
    reason: str = ""
    log: str = ""

    def describe(self, job: AnyJob) -> str:
        """Say in one or a few plain sentences what happened, and what is left of a job that was under way."""
        tr = QCoreApplication.translate
        if self.status is None:
            return tr("engine", "The engine could not be started ({0}).").format(self.reason)
        happened = tr("engine", "The engine ended unexpectedly ({0}).").format(self._how())
        if isinstance(job, TrainNetwork):
            rest = tr("engine", "What was trained up to the last checkpoint is kept; press Resume.")
        else:
            rest = tr("engine", "Nothing was lost; try again.")
        return f"{happened} {rest}"

    def _how(self) -> str:
        tr = QCoreApplication.translate
        status = self.status or 0
        name = ""
        if status < 0:
            name = str(-status)
            with contextlib.suppress(ValueError):
                name = signal.Signals(-status).name
        if name == "SIGKILL":
            return tr("engine", "SIGKILL: usually the system ran out of memory")
        if name == "SIGTERM":
            return tr("engine", "SIGTERM: another program ended it")
        if name:
            return tr("engine", "{0}: it crashed").format(name)
        if status >= _WINDOWS_CRASH:
            return tr("engine", "status {0}: it crashed").format(f"0x{status:08X}")
        return tr("engine", "status {0}").format(status)

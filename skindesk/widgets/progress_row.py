"""How far a job that goes through images is, with a button that stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from skindesk.engine.handles import JobState
from skindesk.widgets.basics import muted
from skindesk.widgets.quantities import part_of_images
from skindesk.widgets.theme import SPACE, set_role

if TYPE_CHECKING:
    from skindesk.engine.handles import JobHandle


class ProgressRow(QWidget):
    """A bar, a number of images, and a button; hidden where there is no job.

    Args:
        name: what the bar shows, for those who do not see it.
        hint: what stopping means, for a tooltip; empty for none.
        parent: as usual.
    """

    def __init__(self, name: str, hint: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "plain")
        self._handle: JobHandle | None = None
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(name)
        self._count = muted()
        self.stop_button = QPushButton(self.tr("Stop"))
        self.stop_button.setToolTip(hint)
        self.stop_button.clicked.connect(self._stop)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3 * SPACE // 2)
        row.addWidget(self._bar, 1)
        row.addWidget(self._count)
        row.addWidget(self.stop_button)
        self.show_job(None)

    def show_job(self, handle: JobHandle | None) -> None:
        """Show how far a job is now; `None` for none."""
        self._handle = handle
        self.setVisible(handle is not None)
        if handle is None:
            return
        progress = handle.last_progress
        if progress is not None and progress.total > 0:
            self._bar.setRange(0, progress.total)
            self._bar.setValue(progress.done)
            self._count.setText(part_of_images(progress.done, progress.total))
        else:
            self._bar.setRange(0, 0)
            running = handle.state is JobState.RUNNING
            self._count.setText(self.tr("Loading the network") if running else "")
        self.stop_button.setEnabled(handle.state is not JobState.STOPPING)

    def _stop(self) -> None:
        if self._handle is not None:
            self._handle.stop()

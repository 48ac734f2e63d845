"""What is asked when the window is closed while something runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from skindesk.engine.handles import JobState
from skindesk.widgets.basics import muted, title
from skindesk.widgets.theme import SPACE, set_role
from trainer.protocol.training import TrainNetwork

if TYPE_CHECKING:
    from skindesk.engine.engines import Engines

_WIDTH = 440  # pixels
_MOST_NAMED = 6


class ClosingDialog(QDialog):
    """Says what runs and what will become of it; accepted when the window may close."""

    def __init__(self, engines: Engines, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Close SkinDesk?"))
        self.setMinimumWidth(_WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * SPACE, 3 * SPACE, 3 * SPACE, 2 * SPACE)
        layout.setSpacing(3 * SPACE // 2)
        layout.addWidget(title(self.tr("Something is still running")))
        jobs = engines.missed
        for job in jobs[:_MOST_NAMED]:
            line = QLabel(f"•  {job.title}")
            line.setTextFormat(Qt.TextFormat.PlainText)  # a person may have named it anything
            layout.addWidget(line)
        if len(jobs) > _MOST_NAMED:
            layout.addWidget(QLabel(self.tr("and {n} more").format(n=len(jobs) - _MOST_NAMED)))
        words = self.tr(
            "Training saves a checkpoint and can be resumed the next time you start "
            "SkinDesk. An import keeps what it has done."
        )
        if any(job.state is JobState.QUEUED and isinstance(job.job, TrainNetwork) for job in jobs):
            words += " " + self.tr("Queued runs are not kept.")
        layout.addWidget(muted(words, wrap=True))
        buttons = QDialogButtonBox()
        leave = buttons.addButton(self.tr("Save and close"), QDialogButtonBox.ButtonRole.AcceptRole)
        stay = buttons.addButton(self.tr("Keep working"), QDialogButtonBox.ButtonRole.RejectRole)
        set_role(stay, "primary")
        stay.setDefault(True)
        leave.setAutoDefault(False)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

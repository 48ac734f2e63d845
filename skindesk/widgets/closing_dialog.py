"""What is asked when the window is closed while something runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from skindesk.widgets.basics import title
from skindesk.widgets.theme import SPACE, set_role

if TYPE_CHECKING:
    from skindesk.engine.engines import Engines

_WIDTH = 440  # pixels


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
        queues = (engines.training, engines.library, engines.scoring, engines.diagnosis)
        jobs = [job for queue in queues for job in queue.jobs]
        for job in jobs[:6]:
            layout.addWidget(QLabel(f"•  {job.title}"))
        explanation = QLabel(
            self.tr(
                "A training saves a checkpoint before it ends, and can be resumed the next time SkinDesk is "
                "started. An import keeps what it has done."
            )
        )
        explanation.setWordWrap(True)
        set_role(explanation, "muted")
        layout.addWidget(explanation)
        buttons = QDialogButtonBox()
        leave = buttons.addButton(self.tr("Save and close"), QDialogButtonBox.ButtonRole.AcceptRole)
        stay = buttons.addButton(self.tr("Keep working"), QDialogButtonBox.ButtonRole.RejectRole)
        set_role(stay, "primary")
        stay.setDefault(True)
        leave.setAutoDefault(False)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

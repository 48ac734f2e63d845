"""What is to be written of cases, and whether it may name anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QRadioButton, QVBoxLayout

from skindesk.pages.cases.words import cases_counted, tr
from skindesk.widgets.basics import muted, title
from skindesk.widgets.theme import SPACE, set_role

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

_WIDTH = 440  # pixels


class ExportDialog(QDialog):
    """Accepted when a person has chosen.

    Args:
        number: of the cases.
        parent: the page.
    """

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Export cases"))
        self.setMinimumWidth(_WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * SPACE, 3 * SPACE, 3 * SPACE, 2 * SPACE)
        layout.setSpacing(SPACE)
        layout.addWidget(title(tr("Export {cases}").format(cases=cases_counted(number))))
        self._table = QRadioButton(tr("Table (CSV): one row for each case"))
        self._table.setChecked(True)
        self.with_images = QRadioButton(
            tr("Archive (ZIP): table, images without metadata, all results as JSON")
        )
        self.names = QCheckBox(tr("Include patient details, notes and file names"))
        for widget in (self._table, self.with_images, self.names):
            layout.addWidget(widget)
        layout.addWidget(
            muted(tr("Without them, nothing you have typed is exported but the confirmed class."), wrap=True)
        )
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        go_on = buttons.addButton(tr("Export…"), QDialogButtonBox.ButtonRole.AcceptRole)
        set_role(go_on, "primary")
        go_on.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    @property
    def archive(self) -> bool:
        """Whether images and all results are wanted, too."""
        return self.with_images.isChecked()

    @property
    def identifying(self) -> bool:
        """Whether what may name someone is wanted, too."""
        return self.names.isChecked()

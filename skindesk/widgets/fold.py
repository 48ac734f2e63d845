"""A heading that unfolds what is below it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton, QWidget

from skindesk.widgets.icons import icon
from skindesk.widgets.theme import set_role


class FoldButton(QToolButton):
    """Pressed: unfolded."""

    def __init__(self, text: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setToolTip(hint)
        self.setCheckable(True)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        set_role(self, "quiet")
        # The arrow stands in line with the text above and below.
        self.setStyleSheet("QToolButton { padding: 2px 6px 2px 0; margin-left: -4px; }")
        self.toggled.connect(self._toggled)
        self._toggled(unfolded=False)

    def _toggled(self, unfolded: bool) -> None:
        self.setIcon(icon("chevron-down" if unfolded else "chevron-right"))

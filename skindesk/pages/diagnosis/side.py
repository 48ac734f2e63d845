"""The right of the diagnosis page: cards that can be scrolled, and below them what is done with the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from skindesk.widgets.basics import scrolling
from skindesk.widgets.theme import SPACE, set_role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import QAction

    from skindesk.pages.diagnosis.actions import Actions

_WIDTH = 432  # pixels, at most: the longest class name in two lines beside a bar that can be read
_NARROW = 344  # pixels, at least
_EDGE = SPACE // 2  # pixels between cards and the scroll bar


class Side(QWidget):
    """Cards above a row of buttons.

    Attributes:
        save_button: saves the report.
    """

    def __init__(self, cards: Iterable[QWidget], commands: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumWidth(_NARROW)
        self.setMaximumWidth(_WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        layout.addWidget(_scrolled(cards), 1)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, _EDGE, 0)
        row.setSpacing(SPACE)
        for action in (commands.copy, commands.export):  # without words, of which there is no room for all
            row.addWidget(tool_button(action, Qt.ToolButtonStyle.ToolButtonIconOnly))
        row.addWidget(tool_button(commands.keep))
        row.addStretch(1)
        self.save_button = QPushButton(self.tr("Save PDF…"))
        set_role(self.save_button, "primary")
        self.save_button.setToolTip(commands.save.toolTip())
        self.save_button.clicked.connect(commands.save.trigger)
        row.addWidget(self.save_button)
        layout.addLayout(row)


def tool_button(
    action: QAction, style: Qt.ToolButtonStyle = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
) -> QToolButton:
    """Return a button for an action, with its icon, as high as a button of words."""
    button = QToolButton()
    button.setDefaultAction(action)
    button.setToolButtonStyle(style)
    button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)
    return button


def _scrolled(cards: Iterable[QWidget]) -> QScrollArea:
    inside = QWidget()
    column = QVBoxLayout(inside)
    column.setContentsMargins(0, 0, _EDGE, 0)
    column.setSpacing(2 * SPACE)
    for card in cards:
        column.addWidget(card)
    column.addStretch(1)
    return scrolling(inside)

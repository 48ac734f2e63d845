"""What stands in place of the settings while there is nothing to train on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal

from skindesk.widgets.basics import Card, muted, primary_button

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


class Blocked(Card):
    """Says what to do first, with a button to the page where it is done.

    Signals:
        acted: the button was pressed.
    """

    acted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.heading.show()
        self.text = muted(wrap=True)
        self.body.addWidget(self.text)
        self.button = primary_button("", self.acted.emit)
        self.body.addWidget(self.button)
        self.body.addStretch(1)

    def say(self, title: str, text: str, button: str) -> None:
        """Say what to do.

        Args:
            title: what is missing.
            text: what to do.
            button: words on the button.
        """
        self.heading.setText(title)
        self.text.setText(text)
        self.button.setText(button)

"""A bar across the window that says where in a story of a few steps one is, and leads on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from skindesk.widgets.basics import primary_button
from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE, set_role

if TYPE_CHECKING:
    from collections.abc import Sequence


class StoryBar(QFrame):
    """Name, steps with the present one marked, a sentence, and one thing to do.

    Args:
        name: of the story.
        steps: a word or two each, in order.
        parent: as usual.

    Signals:
        acted: the button was pressed.
        stop_asked: the story is to end here.
        closed: the bar was put away.
    """

    acted = Signal()
    stop_asked = Signal()
    closed = Signal()

    def __init__(self, name: str, steps: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "banner")
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * SPACE, SPACE, SPACE, SPACE)
        row.setSpacing(SPACE)
        title = QLabel(name)
        set_role(title, "heading")
        row.addWidget(title)
        self.steps = [QLabel(f"{place} {words}") for place, words in enumerate(steps, start=1)]
        for step in self.steps:
            row.addWidget(step)
        self.sentence = QLabel()
        self.sentence.setWordWrap(True)
        row.addWidget(self.sentence, 1)
        self.button = primary_button("", self.acted.emit)
        row.addWidget(self.button)
        self.stop = QPushButton(self.tr("Stop"))
        self.stop.clicked.connect(self.stop_asked)
        row.addWidget(self.stop)
        self.close_button = QToolButton()
        self.close_button.setIcon(icon("close"))
        self.close_button.setToolTip(self.tr("Dismiss"))
        self.close_button.setAccessibleName(self.tr("Put this bar away"))
        set_role(self.close_button, "quiet")
        self.close_button.clicked.connect(self._put_away)
        row.addWidget(self.close_button)
        self.hide()

    def show_step(self, place: int, sentence: str) -> None:
        """Say which step is under way, counted from 0."""
        self._mark(place)
        self._say(sentence, "", ended=False)

    def show_end(self, sentence: str, action: str = "") -> None:
        """Say how it has ended; the steps stay as they are.

        Args:
            sentence: how.
            action: words on the button; empty for none.
        """
        self._say(sentence, action, ended=True)

    def _mark(self, place: int) -> None:
        for number, step in enumerate(self.steps):
            set_role(step, "step-now" if number == place else "step")

    def _say(self, sentence: str, action: str, *, ended: bool) -> None:
        self.sentence.setText(sentence)
        self.button.setText(action)
        self.button.setVisible(bool(action))
        self.stop.setVisible(not ended)
        self.close_button.setVisible(ended)
        self.setAccessibleName(sentence)
        self.show()

    def _put_away(self) -> None:
        self.hide()
        self.closed.emit()

"""What a part has to offer once it is scored, and the button that scores it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton

from skindesk.widgets.basics import Card, muted

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


class Unscored(Card):
    """Stands where the figures of a part will be.

    Attributes:
        score_button: see the signal.

    Signals:
        score_asked(str): a part is to be scored.
    """

    score_asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._part = ""
        self._sentence = muted(wrap=True)
        self.score_button = QPushButton()
        self.score_button.clicked.connect(lambda _checked=False: self.score_asked.emit(self._part))
        self.body.addWidget(self._sentence)
        row = QHBoxLayout()
        row.addWidget(self.score_button)
        row.addStretch(1)
        self.body.addLayout(row)
        self.body.addStretch(1)

    @property
    def sentence(self) -> str:
        """What is said."""
        return self._sentence.text()

    def show_part(self, part: str, sentence: str, *, can_score: bool) -> None:
        """Say what a part, `test` or `validation`, has to offer."""
        self._part = part
        self._sentence.setText(sentence)
        self.score_button.setText(
            self.tr("Score the test part…") if part == "test" else self.tr("Score the validation part")
        )
        self.score_button.setVisible(can_score)

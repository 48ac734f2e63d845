"""A strip in a page that says what went wrong or what should be known, without standing in the way."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE, set_role

_DETAILS_HEIGHT = 160  # pixels; some nine lines


class Notice(QFrame):
    """A sentence with, where there are any, details behind a button and one thing to do.

    Signals:
        acted: the button for the thing to do was pressed.
        closed: the notice was put away.
    """

    acted = Signal()
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(3 * SPACE // 2, SPACE // 2, SPACE // 2, SPACE // 2)
        outer.setSpacing(SPACE // 2)
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row.addWidget(self._text, 1)
        self._act = QPushButton()
        self._act.clicked.connect(self.acted)
        row.addWidget(self._act)
        self._more = QPushButton(self.tr("Details"))
        self._more.setCheckable(True)
        self._more.toggled.connect(self._show_details)
        row.addWidget(self._more)
        close = QToolButton()
        close.setIcon(icon("close"))
        close.setToolTip(self.tr("Put away"))
        close.setAccessibleName(self.tr("Dismiss this notice"))
        set_role(close, "quiet")
        close.clicked.connect(self._put_away)
        row.addWidget(close)
        outer.addLayout(row)
        self._details = QPlainTextEdit()
        self._details.setReadOnly(True)
        self._details.setFixedHeight(_DETAILS_HEIGHT)
        self._details.setAccessibleName(self.tr("Details"))
        outer.addWidget(self._details)
        copy = QAction(self.tr("Copy all"), self._details)
        copy.triggered.connect(lambda: QGuiApplication.clipboard().setText(self._details.toPlainText()))
        self._details.addAction(copy)
        self._details.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.clear()

    @property
    def text(self) -> str:
        """The sentence shown; empty if there is none."""
        return self._text.text()

    def show_error(self, text: str, details: str = "", action: str = "") -> None:
        """Say what went wrong.

        Args:
            text: a sentence or a few.
            details: the last lines of a log, say; empty for none.
            action: words on the button for the thing to do; empty for no button.
        """
        self._say(text, details, action, error=True)

    def show_note(self, text: str, details: str = "", action: str = "") -> None:
        """Say what should be known (see `show_error`)."""
        self._say(text, details, action, error=False)

    def clear(self) -> None:
        """Say nothing."""
        self._text.clear()
        self.hide()

    def _say(self, text: str, details: str, action: str, *, error: bool) -> None:
        set_role(self, "notice-error" if error else "notice")
        self._text.setText(text)
        self._details.setPlainText(details)
        self._more.setVisible(bool(details))
        self._more.setChecked(False)
        self._details.hide()
        self._act.setText(action)
        self._act.setVisible(bool(action))
        self.setAccessibleName(text)
        self.show()

    def _show_details(self, shown: bool) -> None:
        self._details.setVisible(shown)

    def _put_away(self) -> None:
        self.clear()
        self.closed.emit()

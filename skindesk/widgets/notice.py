"""A strip in a page that says what went wrong or what should be known, without standing in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt, Signal
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
from skindesk.widgets.theme import SPACE, Role, set_role

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLACED_BY = frozenset(
    {
        QEvent.Type.Resize,
        QEvent.Type.Move,
        QEvent.Type.ShowToParent,
        QEvent.Type.HideToParent,
        QEvent.Type.LayoutRequest,
    }
)
_DETAILS_HEIGHT = 160  # pixels; some nine lines


class NoticeLayer(QWidget):
    """Notices that float over a part of a page, so that nothing moves under the mouse when they come and go.

    Args:
        page: that they stand in.
        anchor: the part of it that they may cover.
        notices: from top to bottom.
        top: whether they stand at the upper edge of that part, not at the lower.
    """

    def __init__(
        self, page: QWidget, anchor: QWidget, notices: Sequence[Notice], *, top: bool = False
    ) -> None:
        super().__init__(page)
        self._page, self._anchor, self._notices, self._top = page, anchor, tuple(notices), top
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        layout.setSpacing(SPACE)
        for notice in self._notices:
            # As high as its text at this width; by itself it is no higher than at its favourite one.
            notice.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
            layout.addWidget(notice)
            notice.installEventFilter(self)
        anchor.installEventFilter(self)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the part of the page, and what is said."""
        if event.type() in _PLACED_BY:
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        shown = any(not notice.isHidden() for notice in self._notices)
        self.setVisible(shown)
        layout = self.layout()
        if not shown or layout is None:
            return
        layout.invalidate()
        width = self._anchor.width()
        height = min(layout.heightForWidth(width), self._anchor.height())
        corner = self._anchor.mapTo(self._page, QPoint(0, 0 if self._top else self._anchor.height() - height))
        self.setGeometry(QRect(corner, QSize(width, height)))
        self.raise_()


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
        close.setToolTip(self.tr("Dismiss"))
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
        self._say(text, details, action, "notice-error")

    def show_note(self, text: str, details: str = "", action: str = "") -> None:
        """Say what should be known (see `show_error`)."""
        self._say(text, details, action, "notice")

    def show_success(self, text: str, details: str = "", action: str = "") -> None:
        """Say what went well (see `show_error`)."""
        self._say(text, details, action, "notice-ok")

    def clear(self) -> None:
        """Say nothing."""
        self._text.clear()
        self.hide()

    def offer(self, action: str) -> None:
        """Add a thing to do to what is shown."""
        self._act.setText(action)
        self._act.show()

    def _say(self, text: str, details: str, action: str, role: Role) -> None:
        set_role(self, role)
        self._text.style().polish(self._text)  # its colour is that of the frame's role
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

"""The small parts that pages are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QFontMetrics
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE, emphasised, set_role

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QPaintEvent, QResizeEvent

_EMPTY_ICON = 48  # pixels
_EMPTY_WIDTH = 420  # pixels; some 60 letters a line
_TYPING_MS = 150  # after the last key, before anything is searched
_ELLIPSIS_WIDTH = 24  # pixels that an elided text may shrink to


def heading(text: str) -> QLabel:
    """Return the heading of a section."""
    label = QLabel(text)
    set_role(label, "heading")
    return label


def title(text: str) -> QLabel:
    """Return the title of a page."""
    label = QLabel(text)
    set_role(label, "title")
    return label


def muted(text: str = "", *, wrap: bool = False) -> QLabel:
    """Return something said aside."""
    label = QLabel(text)
    set_role(label, "muted")
    label.setWordWrap(wrap)
    return label


def shortened(text: str, most: int = 32) -> str:
    """Return a text of so many characters at most: of a longer one, beginning and end."""
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[:half].rstrip()}…{text[-half:].lstrip()}"


def primary_button(text: str, slot: Callable[[], object] | None = None) -> QPushButton:
    """Return the one button of a group that most people want."""
    button = QPushButton(text)
    set_role(button, "primary")
    if slot is not None:
        button.clicked.connect(lambda _checked=False: slot())
    return button


class Card(QFrame):
    """A framed area with an optional heading.

    Attributes:
        header: the heading's row; things added to it stand on its right.
        body: what is below.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(2 * SPACE, 3 * SPACE // 2, 2 * SPACE, 2 * SPACE)
        outer.setSpacing(SPACE)
        self.header = QHBoxLayout()
        self.header.setSpacing(SPACE)
        self.heading = heading(text)
        self.header.addWidget(self.heading)
        self.header.addStretch(1)
        outer.addLayout(self.header)
        self.heading.setVisible(bool(text))  # in the card by now: shown alone it would be a window
        self.body = QVBoxLayout()
        self.body.setSpacing(SPACE)
        outer.addLayout(self.body, 1)


class Figure(QFrame):
    """A tile with one figure, what it is, and a note below."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, SPACE, 2 * SPACE, SPACE)
        layout.setSpacing(0)
        self._title = muted(text)
        self._value = QLabel("–")
        set_role(self._value, "figure")
        self._note = muted(" ")
        for label in (self._title, self._value, self._note):
            layout.addWidget(label)
        self.setAccessibleName(text)

    def set_title(self, text: str) -> None:
        """Say what the figure is."""
        self._title.setText(text)
        self.setAccessibleName(text)

    def set(self, value: str, note: str = "") -> None:
        """Show a figure with its unit, and what else is to be known of it."""
        self._value.setText(value)
        self._note.setText(note or " ")
        self.setAccessibleDescription(f"{value} {note}".strip())


class Action(NamedTuple):
    """A button of an empty page.

    Attributes:
        text: on it.
        slot: what it does.
        primary: whether it is what most people want.
    """

    text: str
    slot: Callable[[], object]
    primary: bool = False


def scrolling(content: QWidget) -> QScrollArea:
    """Return an area in which a column of things is scrolled; the keyboard goes to what is in it."""
    set_role(content, "plain")
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(content)
    return area


class EmptyState(QWidget):
    """What a page shows when there is nothing yet: what to do first, with buttons."""

    def __init__(
        self,
        icon_name: str,
        text: str,
        explanation: str,
        actions: Sequence[tuple[str, Callable[[], object], bool]] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setSpacing(SPACE)
        layout.addStretch(2)
        picture = QLabel()
        picture.setPixmap(icon(icon_name).pixmap(QSize(_EMPTY_ICON, _EMPTY_ICON)))
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._picture, self._icon_name = picture, icon_name
        layout.addWidget(picture)
        self.title = title(text)
        self.title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout.addWidget(self.title)
        self.explanation = muted(explanation, wrap=True)
        self.explanation.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.explanation.setMaximumWidth(_EMPTY_WIDTH)
        # In a row of its own: an aligned item would be given the height of its unwrapped text.
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(self.explanation, 1_000)  # all the room it may have
        middle.addStretch(1)
        layout.addLayout(middle)
        layout.addSpacing(SPACE)
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        row.addStretch(1)
        self.buttons: list[QPushButton] = []
        for words, slot, primary in actions:
            button = primary_button(words, slot) if primary else QPushButton(words)
            if not primary:
                button.clicked.connect(lambda _checked=False, call=slot: call())
            row.addWidget(button)
            self.buttons.append(button)
        row.addStretch(1)
        layout.addLayout(row)
        beside = QHBoxLayout()
        beside.addStretch(1)
        self.extra = QVBoxLayout()
        beside.addLayout(self.extra, 1_000)
        beside.addStretch(1)
        layout.addLayout(beside)
        layout.addStretch(3)

    def changeEvent(self, event: object) -> None:
        """Draw the picture anew when the scheme has changed."""
        super().changeEvent(event)  # type: ignore[arg-type]
        if hasattr(self, "_picture"):
            self._picture.setPixmap(icon(self._icon_name).pixmap(QSize(_EMPTY_ICON, _EMPTY_ICON)))


class SegmentedRow(QWidget):
    """A few choices side by side of which one holds.

    Signals:
        chosen(str): the key of the choice a person has made.
    """

    chosen = Signal(str)

    def __init__(self, options: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QPushButton] = {}
        for place, (key, words) in enumerate(options):
            button = QPushButton(words)
            button.setCheckable(True)
            set_role(button, "segment")
            where = "first" if place == 0 else "last" if place == len(options) - 1 else "middle"
            button.setProperty("place", "only" if len(options) == 1 else where)
            # Its width is that of the bold text, so that choosing moves nothing.
            bold = QFontMetrics(emphasised(button.font()))
            button.setMinimumWidth(bold.horizontalAdvance(words) + 5 * SPACE)
            button.clicked.connect(lambda _checked=False, name=key: self.chosen.emit(name))
            self._group.addButton(button)
            layout.addWidget(button)
            self.buttons[key] = button
        if options:
            self.buttons[options[0][0]].setChecked(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def current(self) -> str:
        """The key of the choice that holds; empty if none does."""
        return next((key for key, button in self.buttons.items() if button.isChecked()), "")

    def choose(self, key: str) -> None:
        """Make a choice hold without saying so; an unknown key clears the choice."""
        if key in self.buttons:
            self.buttons[key].setChecked(True)
            return
        self._group.setExclusive(False)
        for button in self.buttons.values():
            button.setChecked(False)
        self._group.setExclusive(True)


class SearchField(QLineEdit):
    """A field for what is searched for.

    Signals:
        typed: another text is there, and no key was pressed for a moment.

    Args:
        hint: what can be searched for, shown while the field is empty.
        parent: as usual.
    """

    typed = Signal()

    def __init__(self, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(hint)
        self.setClearButtonEnabled(True)
        self.setAcceptDrops(False)  # what is dropped on the page is to be opened
        self.setAccessibleName(self.tr("Search"))
        self.addAction(QAction(icon("search"), "", self), QLineEdit.ActionPosition.LeadingPosition)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self.typed)
        self.textChanged.connect(lambda _text: self._typing.start())

    def settle(self) -> None:
        """Say nothing of what was typed up to now: whoever calls this has looked at it."""
        self._typing.stop()


class ElidedLabel(QLabel):
    """A line of text that is cut in the middle where there is no room, and whole in its tooltip."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._full = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show a text."""
        self._full = text
        self.setToolTip(text)
        self.setAccessibleName(text)
        self._elide()

    def full_text(self) -> str:
        """Return the text as it was given."""
        return self._full

    def minimumSizeHint(self) -> QSize:
        """Return a size that leaves room for little more than the dots."""
        return QSize(_ELLIPSIS_WIDTH, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        """Return the size of the whole text."""
        return QSize(self.fontMetrics().horizontalAdvance(self._full) + 2, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut the text anew."""
        super().resizeEvent(event)
        self._elide()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what fits."""
        self._elide()
        super().paintEvent(event)

    def _elide(self) -> None:
        shown = self.fontMetrics().elidedText(
            self._full, Qt.TextElideMode.ElideMiddle, max(self.contentsRect().width(), _ELLIPSIS_WIDTH)
        )
        if shown != super().text():
            super().setText(shown)

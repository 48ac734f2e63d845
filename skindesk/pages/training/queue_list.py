"""Runs that wait for their turn, and runs of earlier days that can go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from skindesk.engine.handles import JobState
from skindesk.pages.training.words import unfinished_words
from skindesk.widgets.basics import Card, ElidedLabel, muted
from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE, set_role
from trainer.protocol.training import TrainNetwork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QResizeEvent

    from skindesk.engine.handles import JobHandle
    from skindesk.engine.jobs import JobQueue
    from skindesk.models.runs.unfinished import UnfinishedRun


_MOST_UNFINISHED = 3


class QueueList(Card):
    """The runs that wait, in order; each can be moved and removed. Hidden while none waits.

    Args:
        training: the queue.
    """

    def __init__(self, training: JobQueue, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._training = training
        self.heading.setText(self.tr("Queue"))
        self.heading.show()
        # In line with the heading of the log beside it, which stands in a row with a button.
        self.heading.setMinimumHeight(QToolButton().sizeHint().height())
        self._rows: list[QWidget] = []
        self._shown: tuple[tuple[int, str], ...] = ()
        self._moved: tuple[JobHandle, int] | None = None
        self.body.addStretch(1)
        training.changed.connect(self.refresh)
        self.refresh()

    @property
    def waiting(self) -> list[JobHandle]:
        """The runs that wait, in order."""
        return [
            handle
            for handle in self._training.jobs
            if handle.state is JobState.QUEUED and isinstance(handle.job, TrainNetwork)
        ]

    def refresh(self) -> None:
        """Show the queue as it is."""
        waiting = self.waiting
        now = tuple((handle.id, handle.title) for handle in waiting)
        self.setVisible(bool(waiting))
        if now == self._shown:
            return
        self._shown = now
        for row in self._rows:
            self.body.removeWidget(row)
            row.deleteLater()
        self._rows = [self._row(place, handle, len(waiting)) for place, handle in enumerate(waiting)]
        for place, row in enumerate(self._rows):
            self.body.insertWidget(place, row)
        if self._moved is not None:
            self._give_focus_back(*self._moved)

    def _row(self, place: int, handle: JobHandle, count: int) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        layout.addWidget(muted(f"{place + 1}."))
        layout.addWidget(ElidedLabel(handle.title), 1)
        title = handle.title
        for name, words, enabled, act in (
            ("up", self.tr("Move {run} up"), place > 0, lambda: self._move(handle, -1)),
            ("down", self.tr("Move {run} down"), place < count - 1, lambda: self._move(handle, 1)),
            ("close", self.tr("Remove {run} from the queue"), True, lambda: self._training.remove(handle)),
        ):
            layout.addWidget(_small_button(name, words.format(run=title), act, enabled=enabled))
        return row

    def _move(self, handle: JobHandle, way: int) -> None:
        self._moved = (handle, way)
        self._training.move(handle, self.waiting.index(handle) + way)
        self._moved = None

    def _give_focus_back(self, handle: JobHandle, way: int) -> None:
        """Leave the keys with the run that was moved, so that it can be moved on."""
        row = self._rows[self.waiting.index(handle)]
        buttons = [button for button in row.findChildren(QToolButton) if button.isEnabled()]
        buttons[0 if way < 0 else -2].setFocus()


class UnfinishedList(QWidget):
    """Runs found in the folder of runs that were interrupted. Hidden while there is none.

    Signals:
        resume_asked(UnfinishedRun): it is to go on.
        discard_asked(UnfinishedRun): it is to be put into the trash.
    """

    resume_asked = Signal(object)
    discard_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs: list[UnfinishedRun] = []
        self._first = 0
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(SPACE)
        self.hide()

    @property
    def runs(self) -> list[UnfinishedRun]:
        """Those that are shown."""
        return list(self._runs)

    def show_runs(self, runs: Sequence[UnfinishedRun]) -> None:
        """Show these runs."""
        self._runs = list(runs)
        if self._first >= len(self._runs):
            self._first = 0
        while (item := self._layout.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        shown = self._runs[self._first : self._first + _MOST_UNFINISHED]
        for run in shown:
            self._layout.addWidget(self._row(run))
        if len(self._runs) > _MOST_UNFINISHED:
            self._turner = self._make_turner(len(shown))
            self._layout.addWidget(self._turner)
        self.setVisible(bool(self._runs))

    def leave_out(self, run: UnfinishedRun) -> None:
        """Show one less."""
        self.show_runs([other for other in self._runs if other.folder != run.folder])

    def _make_turner(self, shown: int) -> QWidget:
        """Return what leads to the runs there is no room for."""
        turner = QWidget()
        layout = QHBoxLayout(turner)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        last = self._first + shown
        place = str(last) if shown == 1 else f"{self._first + 1}–{last}"
        words = self.tr("{place} of {all} runs that can be resumed").format(place=place, all=len(self._runs))
        layout.addWidget(muted(words))
        button = QPushButton(self.tr("Show others"))
        button.setToolTip(self.tr("Show more runs that can be resumed"))
        set_role(button, "quiet")
        button.clicked.connect(self._turn)
        layout.addWidget(button)
        layout.addStretch(1)
        self._turn_button = button
        return turner

    def _turn(self) -> None:
        self._first += _MOST_UNFINISHED
        self.show_runs(self._runs)
        self._turner.show()  # what a layout has just taken in is shown later
        self._turn_button.setFocus()

    def _row(self, run: UnfinishedRun) -> QWidget:
        row = QFrame()
        set_role(row, "notice")
        layout = QHBoxLayout(row)
        layout.setContentsMargins(3 * SPACE // 2, SPACE // 2, SPACE // 2, SPACE // 2)
        layout.setSpacing(SPACE)
        label = _Sentence(unfinished_words(run))
        label.setToolTip(str(run.folder))
        layout.addWidget(label, 1)
        resume = QPushButton(self.tr("Resume"))
        resume.setAccessibleName(self.tr("Resume {run}").format(run=run.name))
        resume.setToolTip(self.tr("Continue from its last checkpoint"))
        resume.clicked.connect(lambda: self.resume_asked.emit(run))
        layout.addWidget(resume)
        discard = QPushButton(self.tr("Discard"))
        discard.setAccessibleName(self.tr("Discard {run}").format(run=run.name))
        discard.setToolTip(self.tr("Move its folder to the trash"))
        set_role(discard, "quiet")
        discard.clicked.connect(lambda: self.discard_asked.emit(run))
        layout.addWidget(discard)
        return row


class _Sentence(QLabel):
    """A text that is broken, and takes the height of its lines by itself.

    A layout that asks its parts for their height at a width gives all of them the height they would like best, and
    the plots above would grow.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)

    def hasHeightForWidth(self) -> bool:
        """Say that it needs no asking."""
        return False

    def sizeHint(self) -> QSize:
        """Return the size of the lines at the present width."""
        return QSize(super().sizeHint().width(), max(self.minimumHeight(), self.fontMetrics().height()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take as many lines as the text has at this width."""
        super().resizeEvent(event)
        self.setMinimumHeight(0)  # else it would never get lower again
        self.setMinimumHeight(self.heightForWidth(self.width()))


def _small_button(name: str, words: str, act: Callable[[], None], *, enabled: bool) -> QToolButton:
    button = QToolButton()
    button.setIcon(icon(name))
    button.setToolTip(words)
    button.setAccessibleName(words)
    button.setEnabled(enabled)
    set_role(button, "quiet")
    button.clicked.connect(lambda _checked=False: act())
    return button

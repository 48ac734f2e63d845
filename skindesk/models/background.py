"""Work off the GUI thread whose answer comes back to it, and only the answer to the last question."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QObject, Qt, QThreadPool, Signal

from trainer.errors import TrainerError

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

_logger = logging.getLogger(__name__)

UNEXPECTED = str(
    QT_TRANSLATE_NOOP("Background", "Something went wrong that should not have; the log says more.")
)


class _Messenger(QObject):
    """Carries answers from workers to the GUI thread; belongs to nobody, so that it outlives its asker.

    An answer is known by its ticket: `sender()` may name another object that has come to the same address.
    """

    answered = Signal(int, object, object)  # ticket, value, sentence


def _start(ticket: int, work: Callable[[], object], messenger: _Messenger) -> None:
    def run() -> None:
        try:
            value = work()
        except TrainerError as error:
            messenger.answered.emit(ticket, None, str(error))
        except Exception:
            # A thread of the pool has nobody else to tell.
            _logger.exception("Work in the background failed")
            sentence = QCoreApplication.translate("Background", UNEXPECTED)
            messenger.answered.emit(ticket, None, sentence)
        else:
            messenger.answered.emit(ticket, value, None)

    QThreadPool.globalInstance().start(run)


class Question(QObject, Generic[Answer]):
    """One kind of question, asked again and again; the answer to an older one is dropped.

    Signals:
        busy_changed(bool): an answer is awaited, or no longer.

    Args:
        answered: is handed each answer, on the GUI thread.
        failed: is handed a sentence where there is no answer.
        parent: with it this ends; an answer that comes later is dropped.
    """

    busy_changed = Signal(bool)

    def __init__(
        self,
        answered: Callable[[Answer], None],
        failed: Callable[[str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._answered, self._failed = answered, failed
        self._messenger = _Messenger()
        self._messenger.answered.connect(self._receive, Qt.ConnectionType.QueuedConnection)
        self._ticket = 0
        self._awaited = False

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._awaited

    def ask(self, work: Callable[[], Answer]) -> None:
        """Do some work in a thread of the pool.

        Args:
            work: touches no widget and no pixmap; raises `TrainerError` with a sentence where it cannot answer.
        """
        self._ticket += 1
        _start(self._ticket, work, self._messenger)
        self._await(awaited=True)

    def forget(self) -> None:
        """Drop the answer that is awaited."""
        self._ticket += 1
        self._await(awaited=False)

    def _await(self, *, awaited: bool) -> None:
        if awaited != self._awaited:
            self._awaited = awaited
            self.busy_changed.emit(awaited)

    def _receive(self, ticket: int, value: Answer, sentence: str | None) -> None:
        if ticket != self._ticket:
            return
        self._await(awaited=False)
        if sentence is None:
            self._answered(value)
        else:
            self._failed(sentence)


class Errands(QObject):
    """Changes made off the GUI thread, each of which is told of when it is made or has failed.

    Signals:
        idle: none is under way any more.
    """

    idle = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._messenger = _Messenger()
        self._messenger.answered.connect(self._receive, Qt.ConnectionType.QueuedConnection)
        self._ticket = 0
        self._under_way: dict[int, tuple[Callable[..., None], Callable[[str], None]]] = {}

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return bool(self._under_way)

    def run(
        self, work: Callable[[], Answer], done: Callable[[Answer], None], failed: Callable[[str], None]
    ) -> None:
        """Do something in a thread of the pool.

        Args:
            work: touches no widget; raises `TrainerError` with a sentence where it fails.
            done: is handed what it returns, on the GUI thread.
            failed: is handed a sentence instead.
        """
        self._ticket += 1
        self._under_way[self._ticket] = (done, failed)
        _start(self._ticket, work, self._messenger)

    def _receive(self, ticket: int, value: object, sentence: str | None) -> None:
        done, failed = self._under_way.pop(ticket)
        if sentence is None:
            done(value)
        else:
            failed(sentence)
        if not self._under_way:
            self.idle.emit()

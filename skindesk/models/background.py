"""Work off the GUI thread whose answer comes back to it, and only the answer to the last question."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Generic, TypeVar

from PySide6.QtCore import QObject, Qt, QThreadPool, Signal

from trainer.errors import TrainerError

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

_logger = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong that should not have; the log says more."


class _Messenger(QObject):
    """Carries one answer from a worker to the GUI thread; belongs to nobody, so that it outlives its asker."""

    answered = Signal(object, object)  # value, error


def _start(work: Callable[[], object], messenger: _Messenger) -> None:
    def run() -> None:
        try:
            value = work()
        except TrainerError as error:
            messenger.answered.emit(None, str(error))
        except Exception:
            # A thread of the pool has nobody else to tell.
            _logger.exception("Work in the background failed")
            messenger.answered.emit(None, UNEXPECTED)
        else:
            messenger.answered.emit(value, None)

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
        self._messenger: _Messenger | None = None

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._messenger is not None

    def ask(self, work: Callable[[], Answer]) -> None:
        """Do some work in a thread of the pool.

        Args:
            work: touches no widget and no pixmap; raises `TrainerError` with a sentence where it cannot answer.
        """
        was_busy = self.busy
        messenger = self._messenger = _Messenger()
        messenger.answered.connect(self._receive, Qt.ConnectionType.QueuedConnection)
        _start(work, messenger)
        if not was_busy:
            self.busy_changed.emit(True)

    def forget(self) -> None:
        """Drop the answer that is awaited."""
        if self._messenger is not None:
            self._messenger = None
            self.busy_changed.emit(False)

    def _receive(self, value: Answer, sentence: str | None) -> None:
        if self.sender() is not self._messenger:
            return
        self._messenger = None
        self.busy_changed.emit(False)
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
        self._under_way: dict[_Messenger, tuple[Callable[..., None], Callable[[str], None]]] = {}

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
        messenger = _Messenger()
        self._under_way[messenger] = (done, failed)
        messenger.answered.connect(self._receive, Qt.ConnectionType.QueuedConnection)
        _start(work, messenger)

    def _receive(self, value: object, sentence: str | None) -> None:
        messenger = self.sender()
        assert isinstance(messenger, _Messenger)
        done, failed = self._under_way.pop(messenger)
        if sentence is None:
            done(value)
        else:
            failed(sentence)
        if not self._under_way:
            self.idle.emit()

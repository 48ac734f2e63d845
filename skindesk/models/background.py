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


class Question(QObject, Generic[Answer]):
    """One kind of question, asked again and again; the answer to an older one is dropped.

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
        messenger = _Messenger()
        messenger.answered.connect(self._receive, Qt.ConnectionType.QueuedConnection)
        self._messenger = messenger

        def run() -> None:
            try:
                value = work()
            except TrainerError as error:
                messenger.answered.emit(None, error)
            except Exception as error:  # a thread of the pool has nobody else to tell
                _logger.exception("Work in the background failed")
                messenger.answered.emit(None, error)
            else:
                messenger.answered.emit(value, None)

        QThreadPool.globalInstance().start(run)
        if not was_busy:
            self.busy_changed.emit(True)

    def forget(self) -> None:
        """Drop the answer that is awaited."""
        if self._messenger is not None:
            self._messenger = None
            self.busy_changed.emit(False)

    def _receive(self, value: Answer, error: Exception | None) -> None:
        if self.sender() is not self._messenger:
            return
        self._messenger = None
        self.busy_changed.emit(False)
        if error is None:
            self._answered(value)
        else:
            self._failed(str(error) if isinstance(error, TrainerError) else UNEXPECTED)

"""Work off the GUI thread: the one place that starts it, brings its answers back, and waits for its end.

Python's lock and Qt's can wait for each other. A thread that holds Python's and connects signals, or deletes an object
that is connected, wants Qt's; the GUI thread that deletes a connected object holds Qt's and may call into Python. So a
worker is handed nothing but numbers and plain values. The only object that it tells anything lives in the GUI thread
and is never deleted.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import logging
import os
import weakref
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NewType, TypeVar

import shiboken6
from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QObject, Qt, QThread, QThreadPool, Signal

from trainer.errors import TrainerError

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")
Address = NewType("Address", int)

THUMBNAIL_THREADS = min(max((os.cpu_count() or 2) - 1, 1), 3)
"""One processor is left for the window; more than three threads only wait for each other in Python."""
_CHANGE_THREADS = 8  # they wait for disks and child processes rather than compute
_FOR_EVER = -1  # milliseconds, to Qt

_logger = logging.getLogger(__name__)

UNEXPECTED = str(
    QT_TRANSLATE_NOOP("Background", "Something went wrong that should not have; the log says more.")
)


class Urgency(IntEnum):
    """What work is for. Of what waits for a thread, the higher is begun first.

    Only a `CHANGE` is missed when it does not happen: closing waits for it, and it has threads of its own.
    """

    THUMBNAIL = 0
    READING = 1
    PICTURE = 2
    CHANGE = 3
    FILE = 4
    """A change too: the small files the program keeps for itself, which must not wait for anything."""


class Outcome(NamedTuple):
    """What came of some work.

    Attributes:
        value: that it returned; `None` where it failed.
        sentence: why it failed; `None` where it did not.
    """

    value: Any
    sentence: str | None


def attempt(work: Callable[[], object]) -> Outcome:
    """Do some work here and now; a defect in it is logged, and is a sentence like any other failure."""
    try:
        return Outcome(work(), None)
    except TrainerError as error:
        return Outcome(None, str(error))
    except Exception:
        _logger.exception("Work in the background failed")
        return Outcome(None, QCoreApplication.translate("Background", UNEXPECTED))


# --- threads ---------------------------------------------------------------------------------------------


@functools.cache
def _readers() -> QThreadPool:
    """Threads for what changes nothing; thumbnails cannot take all of them."""
    pool = QThreadPool()
    pool.setMaxThreadCount(QThread.idealThreadCount() + THUMBNAIL_THREADS)
    return pool


@functools.cache
def _changers() -> QThreadPool:
    pool = QThreadPool()
    pool.setMaxThreadCount(_CHANGE_THREADS)
    return pool


def start(work: Callable[[], object], urgency: Urgency) -> None:
    """Do some work in a thread.

    Args:
        work: touches no widget, no pixmap and no signal; a defect in it is logged.
        urgency: see there.
    """
    pool = _changers() if urgency >= Urgency.CHANGE else _readers()
    pool.start(lambda: attempt(work), int(urgency))


def changes_made(seconds: float) -> bool:
    """Wait until all changes are made, for some seconds at most; return whether they are."""
    return _changers().waitForDone(round(1000 * seconds))


def all_done(seconds: float) -> bool:
    """Wait for the readers as well; return whether nothing is under way."""
    return changes_made(seconds) and _readers().waitForDone(round(1000 * seconds))


@atexit.register
def _end() -> None:
    """Let no process end before its last change is made; what has not begun to be read is dropped."""
    _readers().clear()
    _changers().waitForDone(_FOR_EVER)
    _readers().waitForDone(_FOR_EVER)


# --- answers ---------------------------------------------------------------------------------------------


class _Messenger(QObject):
    """Brings what workers say to the GUI thread; there is one, for ever. See the top of this module."""

    told = Signal(int, object)  # address, content

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)
        self._receivers: dict[int, weakref.WeakMethod[Callable[[Any], None]]] = {}
        self.told.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def add(self, receive: Callable[[Any], None]) -> Address:
        number = next(self._numbers)
        self._receivers[number] = weakref.WeakMethod(receive, lambda _gone: self._receivers.pop(number, None))
        return Address(number)

    def _deliver(self, address: int, content: object) -> None:
        known = self._receivers.get(address)
        receive = known() if known is not None else None
        # The Python part of a deleted object may live on.
        if receive is not None and shiboken6.isValid(receive.__self__):  # type: ignore[attr-defined] # a method
            receive(content)


@functools.cache
def _messenger() -> _Messenger:
    return _Messenger()


def address_of(receive: Callable[[Any], None]) -> Address:
    """Return the address at which a method hears, on the GUI thread, what workers tell; called on that thread.

    Args:
        receive: a method of an object. With the object it ends: what is told later is dropped.
    """
    return _messenger().add(receive)


def tell(address: Address, content: object) -> None:
    """Send something to an address; from any thread."""
    _messenger().told.emit(address, content)


class _Answer(NamedTuple):
    ticket: int
    outcome: Outcome


def _start_answered(work: Callable[[], object], urgency: Urgency, address: Address, ticket: int) -> None:
    start(lambda: tell(address, _Answer(ticket, attempt(work))), urgency)


class Question(QObject, Generic[Answer]):
    """One kind of question, asked again and again; the answer to an older one is dropped.

    Signals:
        busy_changed(bool): an answer is awaited, or no longer.

    Args:
        answered: is handed each answer, on the GUI thread.
        failed: is handed a sentence where there is no answer.
        parent: with it this ends; an answer that comes later is dropped.
        urgency: of the work.
    """

    busy_changed = Signal(bool)

    def __init__(
        self,
        answered: Callable[[Answer], None],
        failed: Callable[[str], None],
        parent: QObject | None = None,
        urgency: Urgency = Urgency.READING,
    ) -> None:
        super().__init__(parent)
        self._answered, self._failed, self._urgency = answered, failed, urgency
        self._address = address_of(self._receive)
        self._ticket = 0
        self._awaited = False

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._awaited

    def ask(self, work: Callable[[], Answer]) -> None:
        """Do some work in a thread.

        Args:
            work: touches no widget and no pixmap; raises `TrainerError` with a sentence where it cannot answer.
        """
        self._ticket += 1
        _start_answered(work, self._urgency, self._address, self._ticket)
        self._await(awaited=True)

    def forget(self) -> None:
        """Drop the answer that is awaited."""
        self._ticket += 1
        self._await(awaited=False)

    def _await(self, *, awaited: bool) -> None:
        if awaited != self._awaited:
            self._awaited = awaited
            self.busy_changed.emit(awaited)

    def _receive(self, answer: _Answer) -> None:
        if answer.ticket != self._ticket:
            return
        self._await(awaited=False)
        value, sentence = answer.outcome
        if sentence is None:
            self._answered(value)
        else:
            self._failed(sentence)


class Errands(QObject):
    """Pieces of work, each of which is told of when it is done or has failed.

    Signals:
        idle: none is under way any more.

    Args:
        parent: with it this ends; the work is done, but not told of.
        urgency: of the work.
    """

    idle = Signal()

    def __init__(self, parent: QObject | None = None, urgency: Urgency = Urgency.CHANGE) -> None:
        super().__init__(parent)
        self._urgency = urgency
        self._address = address_of(self._receive)
        self._ticket = 0
        self._under_way: dict[int, tuple[Callable[..., None], Callable[[str], None]]] = {}

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return bool(self._under_way)

    def run(
        self, work: Callable[[], Answer], done: Callable[[Answer], None], failed: Callable[[str], None]
    ) -> None:
        """Do something in a thread.

        Args:
            work: touches no widget; raises `TrainerError` with a sentence where it fails.
            done: is handed what it returns, on the GUI thread.
            failed: is handed a sentence instead.
        """
        self._ticket += 1
        self._under_way[self._ticket] = (done, failed)
        _start_answered(work, self._urgency, self._address, self._ticket)

    def _receive(self, answer: _Answer) -> None:
        done, failed = self._under_way.pop(answer.ticket)
        value, sentence = answer.outcome
        if sentence is None:
            done(value)
        else:
            failed(sentence)
        if not self._under_way:
            self.idle.emit()

"""The thread that owns one child process: it starts it, reads its lines, and says how it ended."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal

from skindesk.engine.endings import Ending
from trainer.errors import ConfigError
from trainer.protocol.lines import FromEngine, Refused, decode_reply, encode_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import BinaryIO

    from trainer.protocol.lines import ToEngine

LOG_LINES = 40
"""Lines of the log that go with the outcome of a job."""

_LOG_BYTES = 1 << 20
_TAIL_BYTES = 64 << 10
_CHUNK = 1 << 16  # bytes; what a pipe holds on Linux


@dataclass(frozen=True)
class ChildCommand:
    """What starts a child.

    Attributes:
        words: the command.
        environment: all its variables.
        log: what it prints is appended to this file.
    """

    words: Sequence[str]
    environment: dict[str, str]
    log: Path


@dataclass(frozen=True)
class Told:
    """A line of the child, and for a refusal the last lines of the child's log."""

    line: FromEngine
    log: str = ""


class Client(QThread):
    """One child process from its start to its end. Its signals carry its generation.

    Methods may be called from any thread and never wait for the child.

    Attributes:
        told: generation, tuple of `Told` in the order of the lines.
        gone: generation, `Ending`; once, and last.
        generation: number of the child.
        last_heard: when the child last said anything, or was started; seconds of `time.monotonic`.
    """

    told = Signal(int, object)
    gone = Signal(int, object)

    def __init__(self, command: ChildCommand, generation: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.generation = generation
        self.last_heard = time.monotonic()
        self._command = command
        self._child: subprocess.Popen[bytes] | None = None
        self._doomed = False
        self._written = threading.Event()
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    # --- for the window -----------------------------------------------------------------------------------

    @property
    def pid(self) -> int | None:
        """Process id of the child, once it has started."""
        return None if self._child is None else self._child.pid

    def say(self, line: ToEngine) -> None:
        """Send a line."""
        self._outbox.put(encode_line(line))

    def close(self) -> None:
        """End the child's input: it saves what it can and leaves."""
        self._outbox.put(None)

    def interrupt_child(self) -> None:
        """Ask the system to end the child; it may still save (not on Windows)."""
        child = self._child
        if child is not None:
            with contextlib.suppress(OSError):
                child.terminate()

    def kill_child(self) -> None:
        """End the child and what it has started, at once."""
        self._doomed = True
        child = self._child
        if child is None or child.poll() is not None:
            return
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(child.pid, signal.SIGKILL)
            else:
                child.kill()

    # --- in the thread ------------------------------------------------------------------------------------

    def run(self) -> None:
        """Start the child, pass on what it says, wait for its end."""
        log = _open_log(self._command.log)
        begun = log.tell() if log is not None else 0
        try:
            child = self._child = self._start(log)
        except OSError as error:
            self.gone.emit(self.generation, Ending(None, error.strerror or str(error)))
            return
        finally:
            if log is not None:
                log.close()
        if self._doomed:
            self.kill_child()
        threading.Thread(target=self._write, args=(child,), daemon=True).start()
        self._read(child, begun)
        status = child.wait()
        self._outbox.put(None)
        # `join` would leave a record of this thread in Python's list of threads for good, as it is Qt's.
        self._written.wait()
        if child.stdout is not None:
            child.stdout.close()
        self.gone.emit(self.generation, Ending(status, log=_tail(self._command.log, begun)))

    def _start(self, log: BinaryIO | None) -> subprocess.Popen[bytes]:
        # A session of its own: what the child starts can be ended with it, and Ctrl+C in a terminal is the
        # window's to handle.
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(  # noqa: S603 - our own command
            list(self._command.words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if log is None else log,
            bufsize=0,
            env=self._command.environment,
            start_new_session=True,
            creationflags=flags,
        )

    def _write(self, child: subprocess.Popen[bytes]) -> None:
        """Write what is in the outbox; a pipe that is full delays this thread only."""
        assert child.stdin is not None
        try:
            with contextlib.suppress(OSError), child.stdin:
                while (line := self._outbox.get()) is not None:
                    rest = memoryview(line)
                    while rest:
                        rest = rest[child.stdin.write(rest) :]
        finally:
            self._written.set()

    def _read(self, child: subprocess.Popen[bytes], begun: int) -> None:
        assert child.stdout is not None
        pending = bytearray()
        while chunk := os.read(child.stdout.fileno(), _CHUNK):
            self.last_heard = time.monotonic()
            pending += chunk
            if b"\n" not in chunk:
                continue
            whole, _, rest = pending.rpartition(b"\n")
            pending = bytearray(rest)
            told = []
            for line in whole.split(b"\n"):
                try:
                    reply = decode_reply(bytes(line))
                except ConfigError as error:
                    self._note(f"Not understood by the window: {error}")
                    continue
                shown = _tail(self._command.log, begun) if isinstance(reply, Refused) else ""
                told.append(Told(reply, shown))
            self.told.emit(self.generation, tuple(told))

    def _note(self, sentence: str) -> None:
        """Add a line to the child's log."""
        with contextlib.suppress(OSError), self._command.log.open("ab") as log:
            log.write(f"{sentence}\n".encode("utf-8", "backslashreplace"))


def _open_log(path: Path) -> BinaryIO | None:
    """Open a log for appending; one that has grown too long is put aside first.

    Returns:
        The file, or `None` where nothing can be written: a child without a log is better than none.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LOG_BYTES:
            path.replace(path.with_name(path.name + ".1"))
    except OSError:
        pass  # on Windows a file that another child has open cannot be put aside
    try:
        log = path.open("ab", buffering=0)
        log.write(f"--- {datetime.now().astimezone():%Y-%m-%d %H:%M:%S %z}\n".encode())
    except OSError:
        return None
    return log


def _tail(path: Path, begun: int) -> str:
    """Return the last lines written to a log after it had `begun` bytes."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(min(begun, size), size - _TAIL_BYTES))
            content = stream.read()
    except OSError:
        return ""
    return "\n".join(content.decode("utf-8", "replace").splitlines()[-LOG_LINES:])

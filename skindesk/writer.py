"""Writes the latest content of a file in a thread, so that nobody waits for the disk."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from trainer.errors import StorageError
from trainer.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_REST_SECONDS = 0.4  # between two writes: what is drawn with the mouse changes with every step of it


class Messenger(QObject):
    """Carries how a write ended to the GUI thread; kept by the writing thread, which may outlive whoever listens.

    Signals:
        ended(str): a sentence where a content could not be written, else an empty text.
    """

    ended = Signal(str)

    def tell(self, sentence: str) -> None:
        """Pass it on; a bound method keeps this object, which the signal's own would not."""
        self.ended.emit(sentence)


class FileWriter:
    """Keeps a file at the last content it was given; older ones that were not written yet are dropped.

    Its thread lives only while there is something to write, and the process does not end before it.

    Args:
        file: to be written.
        ended: is handed, in the thread, a sentence where a content could not be written, else an empty text.
        store: writes a content to the file; raises `StorageError`.
    """

    def __init__(
        self,
        file: Path,
        ended: Callable[[str], None],
        store: Callable[[Path, str], None] = write_text,
    ) -> None:
        self._file, self._ended, self._store = file, ended, store
        self._lock = threading.Lock()
        self._hurry = threading.Event()
        self._content: str | None = None
        self._thread: threading.Thread | None = None

    def write(self, content: str) -> None:
        """Have a content written; returns at once."""
        with self._lock:
            self._content = content
            # A defect in `store` ends the thread; it costs that content and not all that come after it.
            if self._thread is None or not self._thread.is_alive():
                self._hurry.clear()
                self._thread = threading.Thread(target=self._work, name=f"writes {self._file.name}")
                self._thread.start()

    def flush(self) -> None:
        """Wait until the last content is written, or has failed to be."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            self._hurry.set()
            thread.join()

    def _work(self) -> None:
        while (content := self._next()) is not None:
            try:
                self._store(self._file, content)
            except StorageError as error:
                self._ended(str(error))
            else:
                self._ended("")

    def _next(self) -> str | None:
        """Return what is to be written; `None`, with which the thread ends, if nothing has come meanwhile."""
        self._hurry.wait(_REST_SECONDS)
        with self._lock:
            content, self._content = self._content, None
            if content is None:
                self._thread = None
            return content

"""Writes the latest content of a file in the background, so that nobody waits for the disk."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from skindesk.background import Urgency, address_of, attempt, start, tell
from trainer.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_REST_SECONDS = 0.4  # between two writes: what is drawn with the mouse changes with every step of it


class FileWriter:
    """Keeps a file at the last content it was given; older ones that were not written yet are dropped.

    It takes a thread only while there is something to write, and the process does not end before it.

    Args:
        file: to be written.
        ended: a method that is handed, on the GUI thread, a sentence where a content could not be written, else an
            empty text.
        store: writes a content to the file; raises `StorageError`.
    """

    def __init__(
        self,
        file: Path,
        ended: Callable[[str], None],
        store: Callable[[Path, str], None] = write_text,
    ) -> None:
        self._file, self._address, self._store = file, address_of(ended), store
        self._changed = threading.Condition()
        self._hurry = threading.Event()
        self._content: str | None = None
        self._busy = False

    def write(self, content: str) -> None:
        """Have a content written; returns at once."""
        with self._changed:
            self._content = content
            if not self._busy:
                self._busy = True
                self._hurry.clear()
                start(self._work, Urgency.FILE)

    def flush(self) -> None:
        """Wait until the last content is written, or has failed to be."""
        with self._changed:
            self._hurry.set()
            self._changed.wait_for(lambda: not self._busy)

    def _work(self) -> None:
        while (content := self._next()) is not None:
            tell(self._address, attempt(partial(self._store, self._file, content)).sentence or "")

    def _next(self) -> str | None:
        """Return what is to be written; `None`, with which the work ends, if nothing has come meanwhile."""
        self._hurry.wait(_REST_SECONDS)
        with self._changed:
            content, self._content = self._content, None
            if content is None:
                self._busy = False
                self._changed.notify_all()
            return content

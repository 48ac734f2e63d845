"""What went wrong on the results page: each problem is told until it is solved or put away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skindesk.widgets.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Hashable

    from PySide6.QtWidgets import QWidget

_MOST = 3  # problems told at once, so that they leave room for the page; the details hold all of them


class Failures(Notice):
    """Tells of problems below one another; of each thing only the last."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sentences: dict[Hashable, str] = {}
        self.closed.connect(self._sentences.clear)

    def add(self, about: Hashable, sentence: str) -> None:
        """Tell of a problem.

        Args:
            about: what it is with; an older problem with the same is told no more.
            sentence: what is wrong, and what to do.
        """
        self.solve(about)
        self._sentences[about] = sentence
        self._tell()

    def solve(self, about: Hashable) -> None:
        """Tell no more of a problem."""
        if self._sentences.pop(about, None) is not None:
            self._tell()

    def _tell(self) -> None:
        told = list(dict.fromkeys(reversed(self._sentences.values())))  # the latest first
        if not told:
            self.clear()
            return
        more = len(told) - _MOST
        words = [*told[:_MOST], self.tr("And {n} more.").format(n=more)] if more > 0 else told
        self.show_error("\n".join(words), "\n".join(told) if more > 0 else "")

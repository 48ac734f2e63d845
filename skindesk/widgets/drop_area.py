"""Files and folders dropped from a file manager."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QPainter, QPen
from PySide6.QtWidgets import QLabel, QWidget

from skindesk.widgets.theme import SPACE, set_role, tokens_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QPaintEvent


def paths_in(data: QMimeData) -> list[Path]:
    """Return the local files and folders that dragged or copied data names."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


class _DropFilter(QObject):
    def __init__(
        self,
        widget: QWidget,
        callback: Callable[[list[Path]], object],
        accepts: Callable[[Sequence[Path]], bool] | None,
    ) -> None:
        super().__init__(widget)
        self._callback, self._accepts = callback, accepts

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QDropEvent) and event.type() in {
            QEvent.Type.DragEnter,
            QEvent.Type.DragMove,
            QEvent.Type.Drop,
        }:
            paths = paths_in(event.mimeData())
            if not paths or (self._accepts is not None and not self._accepts(paths)):
                return False
            event.acceptProposedAction()
            if event.type() == QEvent.Type.Drop:
                self._callback(paths)
            return True
        return super().eventFilter(watched, event)


def accept_paths(
    widget: QWidget,
    callback: Callable[[list[Path]], object],
    accepts: Callable[[Sequence[Path]], bool] | None = None,
) -> None:
    """Let files and folders be dropped on a widget.

    Args:
        widget: on which; children that accept no drops pass them on to it.
        callback: is handed the paths.
        accepts: whether these paths may be dropped; all may where it is not given.
    """
    widget.setAcceptDrops(True)
    widget.installEventFilter(_DropFilter(widget, callback, accepts))


class DropArea(QLabel):
    """A dashed field that says what may be dropped on it, and can be clicked.

    Signals:
        dropped(list[Path]): files or folders.
        clicked: with the mouse or the keyboard.
    """

    dropped = Signal(object)
    clicked = Signal()

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        set_role(self, "muted")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(text)
        self.setMargin(SPACE)
        self._over = False
        accept_paths(self, self._take)

    def _take(self, paths: list[Path]) -> None:
        self._over = False
        self.update()
        self.dropped.emit(paths)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Refuse what the filter has not accepted."""
        event.ignore()

    def event(self, event: QEvent) -> bool:
        """Notice what hovers, and presses of a key or the mouse."""
        kind = event.type()
        if kind in {QEvent.Type.DragEnter, QEvent.Type.DragLeave}:
            self._over = kind == QEvent.Type.DragEnter
            self.update()
        if kind == QEvent.Type.MouseButtonRelease:
            self.clicked.emit()
            return True
        if kind == QEvent.Type.KeyPress and event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Space}:  # type: ignore[attr-defined]
            self.clicked.emit()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the dashes and the words."""
        tokens = tokens_for(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(tokens.accent if self._over or self.hasFocus() else tokens.border)
        pen.setStyle(Qt.PenStyle.DashLine)
        pen.setWidthF(1.5)
        painter.setPen(pen)
        if self._over:
            painter.setBrush(tokens.accent_soft)
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), SPACE, SPACE)
        painter.end()
        super().paintEvent(event)

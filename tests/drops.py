"""Drops as the window system delivers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QWidget

_COPY, _BUTTON = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
_NO_KEY = Qt.KeyboardModifier.NoModifier


def drop(widget: QWidget, *paths: Path) -> bool:
    """Drop files or folders on a widget, as a file manager does; return whether they were taken."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return drop_data(widget, data)


def drop_data(widget: QWidget, data: QMimeData) -> bool:
    """Drop anything on a widget, which passes on what it takes no drops of; return whether it was taken."""
    target: QWidget | None = widget
    while target is not None and not target.acceptDrops():
        target = target.parentWidget()
    if target is None:
        return False
    place = QPointF(target.rect().center())
    enter = QDragEnterEvent(place.toPoint(), _COPY, data, _BUTTON, _NO_KEY)
    QApplication.sendEvent(target, enter)
    if not enter.isAccepted():
        return False
    event = QDropEvent(place, _COPY, data, _BUTTON, _NO_KEY)
    QApplication.sendEvent(target, event)
    return event.isAccepted()

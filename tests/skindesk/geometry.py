"""What a layout does to its widgets: whether each is whole, and none lies over another."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QAbstractItemView, QLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot


def faults_of_layout(root: QWidget) -> list[str]:
    """Return a sentence for each visible widget that overlaps a neighbour, or is smaller than it has to be."""
    return [fault for widget in _laid_out(root) for fault in _faults_in(widget)]


def wait_until_whole(qtbot: QtBot, root: QWidget) -> None:
    """Wait until a widget is laid out without a fault."""

    def whole() -> None:
        assert faults_of_layout(root) == []

    qtbot.waitUntil(whole)


def _laid_out(root: QWidget) -> Iterator[QWidget]:
    yield root
    if not isinstance(root, QAbstractItemView):
        for child in root.children():
            if isinstance(child, QWidget) and child.isVisible() and not child.isWindow():
                yield from _laid_out(child)


def _faults_in(parent: QWidget) -> Iterator[str]:
    layout = parent.layout()
    placed = list(_placed(layout)) if layout is not None else []
    for widget in placed:
        wide, high = _needs(widget)
        if high > widget.height():
            yield f"{_name(widget)} is {widget.height()} pixels high and needs {high}"
        if wide > widget.width():
            yield f"{_name(widget)} is {widget.width()} pixels wide and needs {wide}"
        if not parent.rect().contains(_place(widget)):
            yield f"{_name(widget)} is cut by {_name(parent)}"
    for one, other in combinations(placed, 2):
        if _place(one).intersects(_place(other)):
            yield f"{_name(one)} overlaps {_name(other)}"


def _needs(widget: QWidget) -> tuple[int, int]:
    """Return the least width and height, pixels; those that were set count, and text is broken at the width it has."""
    hint, layout = widget.minimumSizeHint(), widget.layout()
    high = hint.height()
    if layout is not None and layout.hasHeightForWidth():
        high = min(high, layout.minimumHeightForWidth(widget.width()))
    elif widget.hasHeightForWidth():
        high = min(high, widget.heightForWidth(widget.width()))
    return widget.minimumWidth() or hint.width(), widget.minimumHeight() or high


def _placed(layout: QLayout) -> Iterator[QWidget]:
    for at in range(layout.count()):
        item = layout.itemAt(at)
        widget, inner = (item.widget(), item.layout()) if item is not None else (None, None)
        if widget is not None and widget.isVisible():
            yield widget
        elif inner is not None:
            yield from _placed(inner)


def _place(widget: QWidget) -> QRect:
    return QRect(QPoint(widget.x(), widget.y()), widget.size())


def _name(widget: QWidget) -> str:
    heading = getattr(widget, "heading", None)
    words = widget.accessibleName() or str((heading or widget).property("text") or "")
    return f"{type(widget).__name__} '{words}'"

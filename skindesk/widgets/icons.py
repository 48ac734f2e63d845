"""Icons of one family, drawn in the colour of the text around them in every scheme."""

from __future__ import annotations

import functools

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from skindesk.paths import resource
from skindesk.widgets.theme import tokens_for


@functools.cache
def _source(name: str) -> str:
    return resource(f"icons/{name}.svg").read_text(encoding="utf-8")


class _Engine(QIconEngine):
    """Paints a drawing in the palette's colour at the moment of painting, so that a new scheme is followed."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        palette = QApplication.palette()
        tokens = tokens_for(palette)
        colour = tokens.muted
        if mode == QIcon.Mode.Disabled:
            colour = palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
        elif state == QIcon.State.On or mode == QIcon.Mode.Selected:
            colour = tokens.accent
        drawing = _source(self._name).replace("currentColor", colour.name())
        painter.save()
        painter.setOpacity(colour.alphaF())
        QSvgRenderer(QByteArray(drawing.encode())).render(painter, QRectF(rect))
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        return _Engine(self._name)


def icon(name: str) -> QIcon:
    """Return an icon of `resources/icons` by name."""
    return QIcon(_Engine(name))


def program_icon() -> QIcon:
    """Return the program's own icon."""
    return QIcon(str(resource("icons/skindesk.svg")))

"""A picture drawn on white, shown as sharp as the screen allows on a light card in every scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QImage, QKeySequence, QPainter, QPainterPath, QPixmap
from PySide6.QtWidgets import QScrollArea, QWidget

from skindesk.widgets.theme import SPACE, tokens_for

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent

_RADIUS = 8.0  # pixels
_PAPER = QColor("#FFFFFF")
_SCREEN_DPI, _PICTURE_DPI = 96, 150  # of a usual screen; of `trainer.figures`
_SMALLEST_SHARE = 0.8
"""Of the size a picture was drawn for: its words would be too small below."""


class PictureCard(QScrollArea):
    """Shows one picture whole, as large as there is room, never larger than it was drawn for.

    Where that would make its words too small, it scrolls. Ctrl+C copies the picture.

    Signals:
        opened: the picture was double-clicked, or Enter pressed on it.
    """

    opened = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paper = _Paper()
        self.setWidget(self._paper)
        self._paper.setAutoFillBackground(False)
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    @property
    def picture(self) -> QImage:
        """What is shown."""
        return self._paper.picture

    def show_picture(self, picture: QImage, description: str) -> None:
        """Show a picture.

        Args:
            picture: on white; a null one for none.
            description: in a few words, for those who cannot see it.
        """
        self._paper.show_picture(picture)
        self.setAccessibleName(description)
        self._paper.setToolTip(
            self.tr("{what}. Double-click to open it at full size, Ctrl+C to copy it.").format(
                what=description
            )
        )
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the picture into the room there is."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        size = self._paper.natural_size()
        if size.isEmpty():
            return
        margins = 2 * SPACE
        wide = (self.viewport().width() - margins) / size.width()
        high = (self.maximumViewportSize().height() - margins) / size.height()
        share = min(1.0, wide, max(_SMALLEST_SHARE, high))
        self._paper.setFixedSize(
            round(share * size.width()) + margins, round(share * size.height()) + margins
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy or open the picture."""
        if event.matches(QKeySequence.StandardKey.Copy) and not self.picture.isNull():
            QGuiApplication.clipboard().setImage(self.picture)
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open the picture."""
        self.opened.emit()
        event.accept()


class _Paper(QWidget):
    """A white card with the picture, scaled once for each size."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = QImage()
        self._scaled = QPixmap()

    def natural_size(self) -> QSize:
        """Return the size the picture was drawn for, in pixels of a screen of usual density."""
        return self.picture.size() * (_SCREEN_DPI / _PICTURE_DPI)

    def show_picture(self, picture: QImage) -> None:
        """Show another picture."""
        self.picture, self._scaled = picture, QPixmap()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint paper and picture."""
        if self.picture.isNull():
            return
        ratio = self.devicePixelRatioF()
        inside = QRectF(self.rect()).adjusted(SPACE, SPACE, -SPACE, -SPACE)
        wanted = QSize(round(inside.width() * ratio), round(inside.height() * ratio))
        if self._scaled.size() != wanted:
            self._scaled = QPixmap.fromImage(
                self.picture.scaled(
                    wanted, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
                )
            )
            self._scaled.setDevicePixelRatio(ratio)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS, _RADIUS)
        painter.fillPath(shape, _PAPER)
        painter.drawPixmap(inside.topLeft(), self._scaled)
        painter.setPen(tokens_for(self.palette()).border)
        painter.drawPath(shape)

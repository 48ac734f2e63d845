"""The image of one sample: large, or small as a button that leads to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPixmap, QTextOption
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE, tokens_for

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent, QResizeEvent

_RADIUS = 6.0
_LINE = 4  # height of the line in the class's colour, pixels
_ICON = 32
_SLIVER = 6  # pixels
_TILE = QSize(68, 55)


class SamplePicture(QWidget):
    """Shows an image as large as the width allows; before it is read, its thumbnail; or why it cannot be read."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self._scaled = QPixmap()
        self._reason = ""
        self._aspect = 0.75
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @property
    def shown_size(self) -> QSize:
        """Size of the image that is shown, pixels."""
        return self._image.size()

    @property
    def reason(self) -> str:
        """Why nothing is shown; empty where something is."""
        return self._reason

    def set_aspect(self, aspect: float) -> None:
        """Keep room for an image of this height divided by width."""
        if aspect != self._aspect:
            self._aspect = aspect
            self.updateGeometry()

    def show_image(self, image: QImage, description: str) -> None:
        """Show an image.

        Args:
            image: of any size; a null one for nothing yet.
            description: for those who cannot see it.
        """
        self._image, self._scaled, self._reason = image, QPixmap(), ""
        self.setAccessibleName(description)
        self.setToolTip("")
        self.update()

    def show_reason(self, reason: str) -> None:
        """Say why there is no image."""
        self._image, self._scaled, self._reason = QImage(), QPixmap(), reason
        self.setAccessibleName(reason)
        self.setToolTip(reason)
        self.update()

    def hasHeightForWidth(self) -> bool:
        """Return that the height follows from the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height for a width."""
        return round(width * self._aspect)

    def sizeHint(self) -> QSize:
        """Return a usual size."""
        return QSize(240, self.heightForWidth(240))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Scale anew."""
        super().resizeEvent(event)
        self._scaled = QPixmap()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the image with rounded corners."""
        tokens = tokens_for(self.palette())
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        area = QRectF(self.rect())
        path = QPainterPath()
        path.addRoundedRect(area, _RADIUS, _RADIUS)
        painter.fillPath(path, tokens.track)
        if self._image.isNull():
            self._paint_absence(painter, area, tokens.muted)
            painter.end()
            return
        if self._scaled.isNull():
            ratio = self.devicePixelRatioF()
            room = self.size() * ratio
            fitted = self._image.size().scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
            # Layouts round heights; a sliver beside the image would look like a mistake.
            close = (
                abs(fitted.width() - room.width()) + abs(fitted.height() - room.height()) <= _SLIVER * ratio
            )
            image = self._image.scaled(
                room if close else fitted,
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            image.setDevicePixelRatio(ratio)
            self._scaled = QPixmap.fromImage(image)
        painter.setClipPath(path)
        size = self._scaled.deviceIndependentSize()
        place = QRectF(0, 0, size.width(), size.height())
        place.moveCenter(area.center())
        painter.drawPixmap(place.topLeft(), self._scaled)
        painter.end()

    def _paint_absence(self, painter: QPainter, area: QRectF, colour: QColor) -> None:
        sign = QRectF(0, 0, _ICON, _ICON)
        sign.moveCenter(area.center())
        if self._reason:
            sign.moveTop(2 * SPACE)
            painter.setPen(colour)
            words = area.adjusted(2 * SPACE, sign.bottom() + SPACE, -2 * SPACE, -SPACE)
            wrapped = QTextOption(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
            wrapped.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
            painter.drawText(words, self._reason, wrapped)
        icon("warning" if self._reason else "image").paint(painter, sign.toAlignedRect())


class SampleTile(QAbstractButton):
    """A small image; clicking it leads to its sample.

    Args:
        sample: row of the table.
        name: what a screen reader says and the tooltip shows.
        colour: of the line below, the class's.
        parent: of the widget.
    """

    def __init__(self, sample: int, name: str, colour: QColor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sample = sample
        self._colour = colour
        self._pixmap = QPixmap()
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedSize(_TILE)

    def show_pixmap(self, pixmap: QPixmap) -> None:
        """Show the thumbnail."""
        self._pixmap = pixmap
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the thumbnail over the line in the class's colour."""
        tokens = tokens_for(self.palette())
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        path = QPainterPath()
        path.addRoundedRect(area, _RADIUS - 2, _RADIUS - 2)
        painter.fillPath(path, self._colour)
        painter.setClipPath(path)
        picture = area.adjusted(0, 0, 0, -_LINE)
        painter.fillRect(picture, tokens.track)
        if not self._pixmap.isNull():
            size = self._pixmap.size().scaled(picture.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRectF(0, 0, size.width(), size.height())
            place.moveCenter(picture.center())
            painter.drawPixmap(place, self._pixmap, QRectF(self._pixmap.rect()))
        if self.hasFocus() or self.underMouse():
            painter.setClipping(False)
            painter.setPen(QPen(tokens.accent, 2.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(path)
        painter.end()

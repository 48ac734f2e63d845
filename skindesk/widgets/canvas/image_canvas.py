"""The large view of one image: zoom, pan, turn and crop by mouse and keyboard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from skindesk.models.diagnosis.framing import WHOLE, Box, Framing, frame_size
from skindesk.widgets.canvas.drag import Drag, crop_cursor
from skindesk.widgets.canvas.mapping import CanvasMapping
from skindesk.widgets.canvas.painting import CanvasScene, paint_canvas
from skindesk.widgets.theme import SPACE

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent, QWheelEvent

    from skindesk.models.pictures import Picture
    from skindesk.widgets.canvas.painting import EvidencePaint
    from trainer.config import Shape

_MARGIN = 1.0  # pixels between a fitted picture and the widget's edge
_CROP_MARGIN = 3.0 * SPACE  # while cropping: room to take the handles at the picture's edge
_KEY_ZOOM = 1.25
_WHEEL_ZOOM = 1.0015  # for an eighth of a degree of the wheel: a notch is 120 of them, 1.2 times
_KEY_PAN = 48.0  # pixels
_KEY_CROP = 0.01  # share of the frame

_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class ImageCanvas(QWidget):
    """Shows a picture as it is asked about, and lets a person turn and crop it.

    The wheel, + and - zoom, 0 fits, 1 shows the image's own pixels, a drag or the arrows move the view, a drag
    with Shift turns the image. While cropping, a drag draws, moves or resizes the rectangle; arrows move it, with
    Shift its lower right corner; Return is done, Escape takes it back.

    Signals:
        framing_changed(Framing): by the person, also while a drag goes on.
        crop_mode_changed(bool): cropping has begun or ended.
        zoom_changed: another zoom.
        step_asked(int): the image before (-1) or after (1) this one is wanted.
    """

    framing_changed = Signal(object)
    crop_mode_changed = Signal(bool)
    zoom_changed = Signal()
    step_asked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(30 * SPACE, 9 * SPACE)
        self.setAccessibleName(self.tr("Image"))
        self._picture: Picture | None = None
        self._levels: tuple[QPixmap, ...] = ()
        self._framing = Framing()
        self._before_crop = Framing()
        self._cropping = False
        self._shape: Shape | None = None
        self._message = ""
        self._evidence: EvidencePaint | None = None
        self._hovered = False
        self._drag: Drag | None = None
        self._turn_base: Framing | None = None
        self.mapping = CanvasMapping()

    @property
    def framing(self) -> Framing:
        """How the image is turned and cut."""
        return self._framing

    @property
    def cropping(self) -> bool:
        """Whether the crop is being drawn."""
        return self._cropping

    @property
    def has_picture(self) -> bool:
        """Whether there is something to turn and crop."""
        return self._picture is not None

    def sizeHint(self) -> QSize:
        """Return a size at which a lesion can be looked at."""
        return QSize(80 * SPACE, 60 * SPACE)

    def show_picture(
        self, picture: Picture | None, framing: Framing | None = None, message: str = ""
    ) -> None:
        """Show another picture, fitted.

        Args:
            picture: `None` for none.
            framing: how it is turned and cut.
            message: what to say where there is no picture.
        """
        self._drag = None
        self._message = message
        if picture is not self._picture:
            self._picture = picture
            self._levels = tuple(QPixmap.fromImage(level) for level in picture.levels) if picture else ()
            self.mapping.follows = True
        self._end_cropping()
        self.set_framing(framing or Framing())
        self._refit()

    def set_framing(self, framing: Framing) -> None:
        """Turn and cut the picture; nothing is said."""
        self._framing = framing
        if self._picture is not None:
            self.mapping.frame = QSizeF(
                *frame_size(self._picture.width, self._picture.height, framing.rotation)
            )
            size = self.tr("{width} x {height} pixels").format(
                width=self._picture.width, height=self._picture.height
            )
            turned = self.tr("rotated by {angle} degrees").format(angle=f"{framing.rotation:.1f}")
            cut = self.tr("cropped") if framing.crop else self.tr("not cropped")
            self.setAccessibleDescription(f"{size}, {turned}, {cut}")
        else:
            self.setAccessibleDescription(self._message)
        if self._drag is None or self._drag.kind == "turn":
            self._refit()
        self.update()

    def set_shape(self, shape: Shape | None) -> None:
        """Say how the network brings what it gets to a square; `None` where no network is chosen."""
        self._shape = shape
        self.update()

    def set_evidence(self, evidence: EvidencePaint | None) -> None:
        """Show where the network looked; `None` for not."""
        self._evidence = evidence
        self.update()

    def set_hovered(self, hovered: bool) -> None:
        """Show that what hovers over the picture can be dropped."""
        self._hovered = hovered
        self.update()

    def set_crop_mode(self, cropping: bool) -> None:
        """Begin or end cropping; the crop stays as it was drawn."""
        if cropping == self._cropping or (cropping and self._picture is None):
            return
        if not cropping:
            self._end_cropping()
            self._refit()
            return
        self._cropping = True
        self._before_crop = self._framing
        self.mapping.follows = True
        self._refit()
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.crop_mode_changed.emit(True)

    def cancel_crop(self) -> None:
        """End cropping and take back what was drawn."""
        if self._cropping:
            before = replace(self._before_crop, rotation=self._framing.rotation)
            self._end_cropping()
            self._change(before)
            self._refit()

    def turn(self, degrees: float) -> None:
        """Turn the image clockwise by any angle."""
        if self._picture is not None:
            self._change(self._framing.turned(degrees, self._picture.width, self._picture.height))

    def turn_to(self, rotation: float) -> None:
        """Turn the image to an angle, degrees clockwise."""
        if self._picture is not None:
            base = self._turn_base or self._framing
            self._change(base.turned(rotation - base.rotation, self._picture.width, self._picture.height))

    def begin_turning(self) -> None:
        """Several angles will be tried: a crop is fitted to each as it is now, not step by step."""
        self._turn_base = self._framing

    def end_turning(self) -> None:
        """The angle is found."""
        self._turn_base = None

    def reset(self) -> None:
        """Show the image as the file has it."""
        self._end_cropping()
        self._change(Framing())
        self.fit()

    def zoom_by(self, factor: float, position: QPointF | None = None) -> None:
        """Zoom about a position, by default the middle."""
        if self._picture is None:
            return
        middle = QPointF(self.width() / 2, self.height() / 2)
        fitting = self.mapping.fitting_zoom(self._asked(), self._margin())
        self.mapping.zoom_about(factor, position or middle, fitting)
        self._zoomed()

    def fit(self) -> None:
        """Show what is asked about as large as it fits; while cropping, the whole image."""
        self.mapping.follows = True
        self._refit()

    def show_own_pixels(self) -> None:
        """Zoom to one pixel of the image for one of the screen."""
        self.zoom_by(1.0 / (self.mapping.zoom * self.devicePixelRatioF()))

    def _asked(self) -> Box:
        if self._picture is None or self._cropping:
            return WHOLE
        return self._framing.part(self._picture.width, self._picture.height) or WHOLE

    def _margin(self) -> float:
        return _CROP_MARGIN if self._cropping else _MARGIN

    def _refit(self) -> None:
        self.mapping.widget = QSizeF(max(self.width(), 1), max(self.height(), 1))
        if self.mapping.follows:
            self.mapping.fit(self._asked(), self._margin())
        self._zoomed()

    def _zoomed(self) -> None:
        self.update()
        self.zoom_changed.emit()

    def _end_cropping(self) -> None:
        if self._cropping:
            self._cropping = False
            self._drag = None
            self.unsetCursor()
            self.mapping.follows = True
            self.crop_mode_changed.emit(False)

    def _change(self, framing: Framing) -> None:
        if framing != self._framing:
            self.set_framing(framing)
            self.framing_changed.emit(framing)

    def _crop_box(self) -> Box:
        if self._picture is None:
            return WHOLE
        return self._framing.part(self._picture.width, self._picture.height) or WHOLE

    def _change_crop(self, box: Box) -> None:
        self._change(replace(self._framing, crop=None if box == WHOLE else box))

    # Mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to pan, turn or crop."""
        if self._picture is None:
            return
        position = event.position()
        drag = Drag("pan", position, position, self._framing, self._crop_box())
        if event.button() == Qt.MouseButton.LeftButton:
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                drag = replace(drag, kind="turn")
                self.begin_turning()
            elif self._cropping:
                drag = drag.of_crop(self.mapping)
        elif event.button() != Qt.MouseButton.MiddleButton:
            super().mousePressEvent(event)
            return
        self._drag = drag
        if drag.kind == "pan":
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pan, turn or crop."""
        position, drag = event.position(), self._drag
        if drag is None:
            if self._cropping:
                self.setCursor(crop_cursor(self.mapping, self._crop_box(), position))
            return
        self._drag = replace(drag, last=position)
        if drag.kind == "pan":
            self.mapping.pan(position.x() - drag.last.x(), position.y() - drag.last.y())
            self.update()
        elif drag.kind == "turn":
            self.turn_to(drag.rotation_at(self.mapping, position))
        elif (box := drag.box_at(self.mapping, position)) is not None:
            self._change_crop(box)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Be done with panning, turning or cropping."""
        drag, self._drag = self._drag, None
        if drag is None:
            super().mouseReleaseEvent(event)
            return
        self.unsetCursor()
        self.end_turning()
        self._refit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Change between fitting and the image's own pixels."""
        if self._cropping:
            self.set_crop_mode(False)
        elif self.mapping.follows:
            self.zoom_by(1.0 / (self.mapping.zoom * self.devicePixelRatioF()), event.position())
        else:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the mouse."""
        if self._picture is None:
            event.ignore()
            return
        self.zoom_by(_WHEEL_ZOOM ** event.angleDelta().y(), event.position())
        event.accept()

    # Keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom, pan, crop or step."""
        if not self._key(Qt.Key(event.key()), event.modifiers()):
            super().keyPressEvent(event)

    def _key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> bool:
        if modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            return False
        if key in {Qt.Key.Key_PageUp, Qt.Key.Key_PageDown}:
            self.step_asked.emit(-1 if key == Qt.Key.Key_PageUp else 1)
        elif key in {Qt.Key.Key_Plus, Qt.Key.Key_Equal}:
            self.zoom_by(_KEY_ZOOM)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(1.0 / _KEY_ZOOM)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_1:
            self.show_own_pixels()
        elif key in _ARROWS and self._picture is not None:
            self._arrow(_ARROWS[key], resizing=bool(modifiers & Qt.KeyboardModifier.ShiftModifier))
        elif self._cropping and key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.set_crop_mode(False)
        elif self._cropping and key == Qt.Key.Key_Escape:
            self.cancel_crop()
        else:
            return False
        return True

    def _arrow(self, direction: tuple[int, int], *, resizing: bool) -> None:
        across, down = direction
        if not self._cropping:
            self.mapping.pan(-across * _KEY_PAN, -down * _KEY_PAN)
            self.update()
            return
        x, y = across * _KEY_CROP, down * _KEY_CROP
        box = self._crop_box()
        self._change_crop(box.resized(right=x, bottom=y) if resizing else box.moved(x, y))

    # The widget itself

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit anew."""
        super().resizeEvent(event)
        self._refit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """No longer show the focus."""
        super().focusOutEvent(event)
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of another scheme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the picture and what is drawn over it."""
        size = QSizeF(self._picture.width, self._picture.height) if self._picture else QSizeF()
        scene = CanvasScene(
            levels=self._levels,
            size=size,
            fill=self._picture.fill if self._picture else QColor(),
            framing=self._framing,
            part=self._crop_box(),
            cropping=self._cropping,
            shape=self._shape,
            message=self._message,
            evidence=self._evidence,
            hovered=self._hovered,
        )
        paint_canvas(self, self.mapping, scene)

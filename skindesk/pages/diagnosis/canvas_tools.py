"""The row of tools below the large view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSlider, QToolButton, QWidget

from skindesk.models.diagnosis.framing import normalised
from skindesk.widgets.basics import ElidedLabel, muted
from skindesk.widgets.theme import SPACE, set_role
from skindesk.widgets.wheel import wheel_needs_focus
from trainer.wording import percent

if TYPE_CHECKING:
    from PySide6.QtGui import QAction, QResizeEvent

    from skindesk.pages.diagnosis.actions import Actions
    from skindesk.widgets.canvas.image_canvas import ImageCanvas

_STEPS = 2  # of the slider in a degree
_WIDEST = 45  # degrees either way; more is a quarter turn and the rest
_SLIDER_WIDTH = 18 * SPACE
_LEAST_SLIDER = 6 * SPACE


class CanvasTools(QWidget):
    """Turning, cropping and zooming with the mouse, and what is shown in words."""

    def __init__(self, canvas: ImageCanvas, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._quarter = 0.0
        self._size = ""
        self._square = ""
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        layout.addWidget(_button(actions.rotate_left))
        layout.addWidget(_button(actions.rotate_right))
        self.slider = wheel_needs_focus(QSlider(Qt.Orientation.Horizontal))
        self.slider.setRange(-_WIDEST * _STEPS, _WIDEST * _STEPS)
        self.slider.setPageStep(5 * _STEPS)
        self.slider.setMinimumWidth(_LEAST_SLIDER)
        self.slider.setMaximumWidth(_SLIDER_WIDTH)
        self.slider.setAccessibleName(self.tr("Angle"))
        self.slider.setToolTip(self.tr("Turn by a small angle; a drag on the image with Shift does the same"))
        self.slider.valueChanged.connect(self._slid)
        self.slider.sliderPressed.connect(canvas.begin_turning)
        self.slider.sliderReleased.connect(canvas.end_turning)
        layout.addWidget(self.slider, 2)
        self._angle = muted()
        self._angle.setFixedWidth(self._angle.fontMetrics().horizontalAdvance("-180.0°") + SPACE)
        layout.addWidget(self._angle)
        layout.addWidget(_button(actions.crop))
        layout.addWidget(_button(actions.reset, Qt.ToolButtonStyle.ToolButtonTextOnly))
        self._info = ElidedLabel()
        self._info.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        set_role(self._info, "muted")
        layout.addWidget(self._info, 3)
        layout.addSpacing(SPACE // 2)
        layout.addWidget(_button(actions.zoom_out))
        layout.addWidget(_button(actions.fit))
        layout.addWidget(_button(actions.zoom_in))
        canvas.zoom_changed.connect(self.refresh)
        canvas.crop_mode_changed.connect(self.refresh)
        self.refresh()

    def show_size(self, size: tuple[int, int] | None) -> None:
        """Say how large the image is; `None` where there is none."""
        self._size = (
            self.tr("{width} × {height} pixels").format(width=size[0], height=size[1]) if size else ""
        )
        self.refresh()

    def show_square(self, sentence: str) -> None:
        """Say what the dashed outline is."""
        self._square = sentence
        self._canvas.setToolTip(sentence)
        self.refresh()

    def refresh(self) -> None:
        """Follow the canvas."""
        there = self._canvas.has_picture
        self.slider.setEnabled(there)
        rotation = self._canvas.framing.rotation
        if normalised(self._quarter + self.slider.value() / _STEPS) != rotation:
            self._quarter = 90.0 * round(rotation / 90.0)
            self.slider.blockSignals(True)
            self.slider.setValue(round((rotation - self._quarter) * _STEPS))
            self.slider.blockSignals(False)
        self._angle.setText(f"{rotation:.1f}°" if there else "")
        self._info.setText(self._words() if there else "")

    def _words(self) -> str:
        if self._canvas.cropping:
            return self.tr("Enter: apply, Esc: cancel")
        zoom = self._canvas.mapping.zoom * self._canvas.devicePixelRatioF()
        level = percent(zoom, 0)
        shown = self.tr("{size} at {zoom}").format(size=self._size, zoom=level)
        whole = "  ·  ".join(filter(None, (self._square, shown)))
        measure, room = self._info.fontMetrics(), self._info.width()
        fitting = (text for text in (whole, shown, level) if measure.horizontalAdvance(text) <= room)
        return next(fitting, "")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say as much as there is room for."""
        super().resizeEvent(event)
        self.refresh()

    def _slid(self, value: int) -> None:
        self._canvas.turn_to(normalised(self._quarter + value / _STEPS))


def _button(
    action: QAction, style: Qt.ToolButtonStyle = Qt.ToolButtonStyle.ToolButtonIconOnly
) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    button.setToolButtonStyle(style)
    button.setAccessibleName(action.text().rstrip("…"))
    set_role(button, "quiet")
    return button

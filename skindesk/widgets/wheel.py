"""The mouse wheel scrolls the page: it changes a control only after a click into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from typing import TypeVar

    Control = TypeVar("Control", bound=QWidget)


def wheel_needs_focus(control: Control) -> Control:
    """Let the wheel pass over a combo box, spin box or slider that does not have the focus.

    Qt gives a combo box or spin box the focus when the wheel is turned over it, so its focus policy changes as well.

    Returns:
        The control.
    """
    control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    control.installEventFilter(_WheelGuard(control))
    return control


class _WheelGuard(QObject):
    """Hands the wheel on to what the control stands in."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ignore the wheel over a control without focus."""
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

"""A day that can be typed or chosen from a calendar."""

from __future__ import annotations

from PySide6.QtCore import QDate, Signal
from PySide6.QtWidgets import QDateEdit, QWidget

from skindesk.widgets.wheel import wheel_needs_focus

_DAY = "yyyy-MM-dd"


class DayField(QDateEdit):
    """Shows a day as ISO writes it.

    Signals:
        entered: a person has typed or chosen another one.
    """

    entered = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDisplayFormat(_DAY)
        self.setCalendarPopup(True)
        self.setKeyboardTracking(False)  # a year that is half typed is no year
        self.setAccessibleName(name)
        self.dateChanged.connect(lambda _day: self.entered.emit())
        wheel_needs_focus(self)

    @property
    def day(self) -> str:
        """The day shown, ISO."""
        return self.date().toString(_DAY)

    def show_day(self, day: str) -> None:
        """Show a day, ISO; today where it is none."""
        found = QDate.fromString(day, _DAY)
        self.blockSignals(True)
        self.setDate(found if found.isValid() else QDate.currentDate())
        self.blockSignals(False)

"""The small frame beside a plot's crosshair that says which values stand there."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from skindesk.widgets.theme import SPACE, tokens_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QColor

    from skindesk.widgets.plots.legend import LineStyle

_GAP = 12  # pixels from the crosshair
_SIGNS: dict[LineStyle, str] = {"solid": "━", "dashed": "╍", "faint": "─"}


class ReadoutLine(NamedTuple):
    """A curve and its value."""

    text: str
    value: str
    colour: QColor
    style: LineStyle


class Readout(QLabel):
    """Values of a plot's curves at one place. The mouse goes through it."""

    def __init__(self, plot: QWidget) -> None:
        super().__init__(plot)
        self._plot = plot
        self.plain_text = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.hide()

    def show_lines(self, place: str, lines: Sequence[ReadoutLine], x: int) -> None:
        """Show values.

        Args:
            place: what the place is called.
            lines: a curve each.
            x: of the crosshair in the plot, pixels.
        """
        tokens = tokens_for(self.palette())
        self.plain_text = "\n".join([place, *(f"{line.text} {line.value}" for line in lines)])
        rows = [f"<b>{html.escape(place)}</b>"]
        rows += [
            f'<span style="color:{line.colour.name()}">{_SIGNS[line.style]}</span> '
            f"{html.escape(line.text)} <b>{line.value}</b>"
            for line in lines
        ]
        self.setText("<br>".join(rows))
        self.setStyleSheet(
            f"background: {tokens.surface.name()}; border: 1px solid {tokens.border.name()};"
            f" border-radius: 6px; padding: 4px 8px; color: {tokens.text.name()};"
        )
        self.adjustSize()
        left = x + _GAP
        if left + self.width() > self._plot.width():
            left = x - _GAP - self.width()
        self.move(max(0, left), SPACE // 2)
        self.show()
        self.raise_()

    def setVisible(self, visible: bool) -> None:
        """Forget the text when it is put away."""
        if not visible:
            self.plain_text = ""
        super().setVisible(visible)

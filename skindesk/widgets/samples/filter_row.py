"""A line that says how many samples there are of one kind, and lets one look at these alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from skindesk.widgets.lettering import breaking, broken_height
from skindesk.widgets.quantities import part_of_images
from skindesk.widgets.theme import SPACE, emphasised, tokens_for
from trainer.wording import percent

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent, QResizeEvent

_BAR = 4  # height, pixels
_ROUND = 2.0
_SMALLEST_WIDTH = 120


class FilterRow(QAbstractButton):
    """A name, a number and a bar; a button that stays down while its kind is looked at.

    Args:
        key: of the kind.
        name: as it is shown.
        colour: of the bar; `None` for a line without one.
        parent: of the widget.
    """

    def __init__(
        self, key: str, name: str, colour: QColor | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.key = key
        self._colour = colour
        self._inset = SPACE
        self._count = 0
        self._share = 0.0
        self.setText(name)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def be_static(self) -> None:
        """Be a line to be read, in line with the text around it, and no button."""
        self._inset = 0
        self.setCheckable(False)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover, on=False)

    def set_count(self, count: int, total: int) -> None:
        """Show a number.

        Args:
            count: of this kind.
            total: of all kinds, for the percentage in the tooltip and for screen readers.
        """
        share = count / total if total else 0.0
        self._count, self._share = count, share
        words = self.tr("{name}: {images} ({share})").format(
            name=self.text(), images=part_of_images(count, total), share=percent(share)
        )
        self.setToolTip(words)
        self.setAccessibleName(words)
        self._fit()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size that shows everything."""
        metrics = self.fontMetrics()
        width = metrics.horizontalAdvance(f"{self.text()}  {self._count:,}") + 3 * SPACE
        bar = _BAR + SPACE // 2 if self._colour else 0
        return QSize(width, self._name_height() + bar + SPACE)

    def minimumSizeHint(self) -> QSize:
        """Return the size below which nothing is legible; names are broken before."""
        return QSize(_SMALLEST_WIDTH, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the name anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self.minimumHeight() != self.sizeHint().height():
            self.setFixedHeight(self.sizeHint().height())

    def _name_room(self) -> int:
        """Return the width of the name beside its number, pixels; that is bold while it is chosen."""
        number = QFontMetrics(emphasised(self.font())).horizontalAdvance(f"{self._count:,}")
        return self.width() - 2 * self._inset - number - SPACE

    def _name_height(self, font: QFont | None = None) -> int:
        metrics = QFontMetricsF(font or self.font())
        if self.width() < _SMALLEST_WIDTH:  # not laid out yet
            return math.ceil(metrics.height())
        return math.ceil(max(broken_height(self.text(), metrics, self._name_room()), metrics.height()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint name, number, bar."""
        tokens = tokens_for(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        hovered = self.isCheckable() and self.underMouse()
        ground = tokens.accent_soft if self.isChecked() else tokens.window if hovered else None
        painter.setPen(QPen(tokens.accent) if self.hasFocus() else Qt.PenStyle.NoPen)
        if ground is not None or self.hasFocus():
            painter.setBrush(ground if ground is not None else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area, SPACE / 2, SPACE / 2)
        inner = area.adjusted(self._inset, SPACE / 2, -self._inset, -SPACE / 2)
        bold = emphasised(self.font())
        if self.isChecked() and self._name_height(bold) == self._name_height():
            painter.setFont(bold)  # its colour says it where bold letters would need another line
        metrics = painter.fontMetrics()
        line = QRectF(inner.left(), inner.top(), inner.width(), metrics.height())
        number = f"{self._count:,}"
        painter.setPen(tokens.accent if self.isChecked() else tokens.muted)
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number)
        place = QRectF(inner.left(), inner.top(), self._name_room(), self._name_height())
        painter.setPen(tokens.accent if self.isChecked() else tokens.text)
        flags = breaking(self.text(), QFontMetricsF(painter.font()), place.width()) | int(
            Qt.AlignmentFlag.AlignTop
        )
        painter.drawText(place, flags, self.text())
        if self._colour is not None:
            track = QRectF(inner.left(), inner.bottom() - _BAR, inner.width(), _BAR)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.track)
            painter.drawRoundedRect(track, _ROUND, _ROUND)
            if self._count:
                painter.setBrush(tokens.seen(self._colour))
                # Even one sample in ten thousand is to be seen.
                track.setWidth(max(track.width() * self._share, _BAR))
                painter.drawRoundedRect(track, _ROUND, _ROUND)
        painter.end()

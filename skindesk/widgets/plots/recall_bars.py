"""The recall of each class as bars, with the number of images it was counted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from skindesk.widgets.theme import SPACE, class_label, tokens_for
from trainer.palette import class_colour
from trainer.wording import n_of, percent

if TYPE_CHECKING:
    from collections.abc import Collection

    from PySide6.QtGui import QPaintEvent

    from trainer.events import PartMetrics

_ROW = 3 * SPACE
_BAR = SPACE
_LONGEST_NAME = 0.45  # of the width


class RecallBars(QWidget):
    """A bar for each class of an epoch's validation metrics."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._metrics: PartMetrics | None = None
        self._malignant: frozenset[str] = frozenset()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAccessibleName(self.tr("Recall by class"))

    def set_malignant(self, names: Collection[str]) -> None:
        """Say which classes are malignant."""
        self._malignant = frozenset(names)
        self.update()

    def set_metrics(self, metrics: PartMetrics | None) -> None:
        """Show the recalls of an epoch; `None` for nothing yet."""
        if metrics == self._metrics:
            return
        grown = metrics is None or self._metrics is None or len(metrics.recall) != len(self._metrics.recall)
        self._metrics = metrics
        self.setAccessibleDescription("; ".join(" ".join(words) for words in self.rows()))
        if grown:
            self.updateGeometry()
        self.update()

    def rows(self) -> list[tuple[str, str, str]]:
        """Return class, recall and number of images in words, a row each."""
        if self._metrics is None:
            return []
        return [
            (
                class_label(name, self._malignant),
                percent(recall),
                n_of(self._metrics.support[name]) if name in self._metrics.support else "",
            )
            for name, recall in sorted(self._metrics.recall.items())
        ]

    def sizeHint(self) -> QSize:
        """Return the size that all rows need."""
        return QSize(280, _ROW * max(len(self.rows()), 1))

    def minimumSizeHint(self) -> QSize:
        """Return the least size: rows are never cut."""
        return QSize(200, self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        """Show the whole name of a class whose name was cut."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            rows, place = self.rows(), event.pos().y() // _ROW
            text = ", ".join(filter(None, rows[place])) if 0 <= place < len(rows) else ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the rows."""
        tokens = tokens_for(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetricsF(self.font())
        if self._metrics is None:
            painter.setPen(tokens.muted)
            text = self.tr("Shown after the first epoch.")
            painter.drawText(QPointF(0, metrics.ascent()), text)
            painter.end()
            return
        rows, recalls = self.rows(), self._metrics.recall
        names = min(max(metrics.horizontalAdvance(name) for name, _, _ in rows), self.width() * _LONGEST_NAME)
        shares = metrics.horizontalAdvance(percent(1.0))
        numbers = max(metrics.horizontalAdvance(number) for _, _, number in rows)
        left = names + SPACE
        length = max(self.width() - left - shares - numbers - 3 * SPACE, 2.0 * SPACE)
        for place, (key, (name, share, number)) in enumerate(zip(sorted(recalls), rows, strict=True)):
            top = place * _ROW
            base = top + (_ROW + metrics.ascent() - metrics.descent()) / 2
            painter.setPen(tokens.text)
            elided = metrics.elidedText(name, Qt.TextElideMode.ElideRight, names)
            painter.drawText(QPointF(0, base), elided)
            bar = QRectF(left, top + (_ROW - _BAR) / 2, length, _BAR)
            _rounded(painter, bar, tokens.track)
            filled = max(length * recalls[key], float(_BAR) if recalls[key] > 0 else 0.0)
            _rounded(
                painter,
                QRectF(left, bar.top(), filled, _BAR),
                tokens.seen(QColor(class_colour(key, tuple(recalls)))),
            )
            painter.setPen(tokens.text)
            right = left + length + SPACE + shares
            painter.drawText(QPointF(right - metrics.horizontalAdvance(share), base), share)
            painter.setPen(tokens.muted)
            end = right + SPACE + numbers
            painter.drawText(QPointF(end - metrics.horizontalAdvance(number), base), number)
        painter.end()


def _rounded(painter: QPainter, area: QRectF, colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRoundedRect(area, _BAR / 2, _BAR / 2)

"""The recall of each class as bars, with the number of images it was counted on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from skindesk.widgets.lettering import breaking, broken_height
from skindesk.widgets.theme import SPACE, class_label, tokens_for
from trainer.palette import class_colour
from trainer.wording import n_of, percent

if TYPE_CHECKING:
    from collections.abc import Collection

    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from trainer.events import PartMetrics

_ROW = 3 * SPACE  # of a name in one line; longer ones are broken
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
        self._fit()
        self.update()

    def set_metrics(self, metrics: PartMetrics | None) -> None:
        """Show the recalls of an epoch; `None` for nothing yet."""
        if metrics == self._metrics:
            return
        self._metrics = metrics
        self.setAccessibleDescription("; ".join(" ".join(words) for words in self.rows()))
        self._fit()
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
        return QSize(280, max(sum(self._heights()), _ROW))

    def minimumSizeHint(self) -> QSize:
        """Return the least size: rows are never cut."""
        return QSize(200, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break names anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Take the height that the names have at this width."""
        if self.minimumHeight() != self.sizeHint().height():
            self.setMinimumHeight(self.sizeHint().height())

    def _name_width(self) -> float:
        metrics = QFontMetricsF(self.font())
        longest = max((metrics.horizontalAdvance(name) for name, _, _ in self.rows()), default=0.0)
        return math.ceil(min(longest, self.width() * _LONGEST_NAME))

    def _heights(self) -> list[int]:
        """Return the height of each row, pixels; a long name has several lines."""
        metrics, room = QFontMetricsF(self.font()), self._name_width()
        lines = [
            round(broken_height(name, metrics, room) / metrics.lineSpacing()) for name, _, _ in self.rows()
        ]
        return [round(_ROW + (max(count, 1) - 1) * metrics.lineSpacing()) for count in lines]

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
        names, heights = self._name_width(), self._heights()
        shares = metrics.horizontalAdvance(percent(1.0))
        numbers = max(metrics.horizontalAdvance(number) for _, _, number in rows)
        left = names + SPACE
        length = max(self.width() - left - shares - numbers - 3 * SPACE, 2.0 * SPACE)
        for place, (key, (name, share, number)) in enumerate(zip(sorted(recalls), rows, strict=True)):
            top, height = sum(heights[:place]), heights[place]
            base = top + (height + metrics.ascent() - metrics.descent()) / 2
            painter.setPen(tokens.text)
            flags = breaking(name, metrics, names) | int(Qt.AlignmentFlag.AlignVCenter)
            painter.drawText(QRectF(0, top, names, height), flags, name)
            bar = QRectF(left, top + (height - _BAR) / 2, length, _BAR)
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

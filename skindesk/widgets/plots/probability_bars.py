"""Probabilities of classes as bars with their names and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from skindesk.widgets.theme import SPACE, Tokens, emphasised, tokens_for
from trainer.wording import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPaintEvent, QResizeEvent

_BAR_HEIGHT = 12  # pixels
_LABEL_SHARE = 0.5  # of the width, at most; longer names take a second line
_LEAST_SHOWN = 0.0005  # less reads as 0.0 % and has no bar
_LEAST_BAR = 6 * SPACE  # pixels
_ROW_GAP = 10  # pixels between rows
_WRAP = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft) | int(Qt.TextFlag.TextWordWrap)


@dataclass(frozen=True)
class ProbabilityRow:
    """One class.

    Attributes:
        label: its name, marked where it is malignant.
        value: probability, 0 to 1; `None` while it is not known.
        colour: of the class, `#RRGGBB`.
        chosen: whether the decision rule names it.
        note: more about it, for the tooltip.
    """

    label: str
    value: float | None
    colour: str
    chosen: bool = False
    note: str = ""


class ProbabilityBars(QWidget):
    """A bar for each class, in the order given."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[ProbabilityRow, ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(self.tr("Probability of each class"))

    @property
    def rows(self) -> tuple[ProbabilityRow, ...]:
        """What is shown."""
        return self._rows

    def set_rows(self, rows: Sequence[ProbabilityRow]) -> None:
        """Show other probabilities."""
        self._rows = tuple(rows)
        self.setAccessibleDescription(
            "\n".join(
                f"{row.label}: {_figure(row)}" + (f", {self.tr('predicted')}" if row.chosen else "")
                for row in self._rows
            )
        )
        self.updateGeometry()
        self.update()

    # --- layout ------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Return a comfortable width and what it takes in height."""
        return QSize(48 * SPACE, self.heightForWidth(max(self.width(), 30 * SPACE)))

    def minimumSizeHint(self) -> QSize:
        """Return the narrowest that can be read."""
        return QSize(28 * SPACE, self.heightForWidth(max(self.width(), 28 * SPACE)))

    def hasHeightForWidth(self) -> bool:
        """Names take a second line where there is little room."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all rows."""
        heights = self._heights(width)
        return sum(heights) + _ROW_GAP * max(len(heights) - 1, 0)

    def _label_width(self, width: int) -> int:
        bold = QFontMetrics(emphasised(self.font()))
        natural = max((bold.horizontalAdvance(row.label) for row in self._rows), default=0) + 2
        return min(natural, int(_LABEL_SHARE * width), max(width - self._figure_width() - _LEAST_BAR, 0))

    def _figure_width(self) -> int:
        return QFontMetrics(emphasised(self.font())).horizontalAdvance(percent(1.0)) + 2

    def _heights(self, width: int) -> list[int]:
        wide = self._label_width(width)
        bold = QFontMetrics(emphasised(self.font()))
        return [
            max(bold.boundingRect(QRect(0, 0, wide, 1000), _WRAP, row.label).height(), bold.height())
            for row in self._rows
        ]

    def _row_rects(self) -> list[QRect]:
        rects, top = [], 0
        for height in self._heights(self.width()):
            rects.append(QRect(0, top, self.width(), height))
            top += height + _ROW_GAP
        return rects

    # --- the widget itself -------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Names may need another number of lines."""
        super().resizeEvent(event)
        self.updateGeometry()

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of another scheme, or another font."""
        super().changeEvent(event)
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange}:
            self.updateGeometry()
            self.update()

    def event(self, event: QEvent) -> bool:
        """Say more of the row under the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            for rect, row in zip(self._row_rects(), self._rows, strict=True):
                if rect.adjusted(0, -_ROW_GAP // 2, 0, _ROW_GAP // 2).contains(event.pos()):
                    QToolTip.showText(event.globalPos(), row.note or row.label, self, rect)
                    return True
            QToolTip.hideText()
            return True
        return super().event(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the rows."""
        tokens = tokens_for(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for rect, row in zip(self._row_rects(), self._rows, strict=True):
            self._paint_row(painter, rect, row, tokens)
        painter.end()

    def _paint_row(self, painter: QPainter, rect: QRect, row: ProbabilityRow, tokens: Tokens) -> None:
        label, figure = self._label_width(self.width()), self._figure_width()
        painter.setPen(tokens.text)
        painter.setFont(emphasised(self.font()) if row.chosen else self.font())
        painter.drawText(QRect(rect.left(), rect.top(), label, rect.height()), _WRAP, row.label)
        painter.setFont(emphasised(self.font()))
        right = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        painter.drawText(rect, right, _figure(row))
        left = label + 2 * SPACE
        track = QRectF(
            left, rect.center().y() + 0.5 - _BAR_HEIGHT / 2, rect.width() - left - figure - SPACE, _BAR_HEIGHT
        )
        paint_bar(painter, track, row.value or 0.0, tokens.seen(QColor(row.colour)), tokens)


def _figure(row: ProbabilityRow) -> str:
    return percent(row.value)


def paint_bar(painter: QPainter, track: QRectF, value: float, colour: QColor, tokens: Tokens) -> None:
    """Paint a share of 0 to 1 as a bar with round ends; a small one is at least a line wide.

    Args:
        painter: with its transformation as wished.
        track: of the whole bar.
        value: share, 0 to 1.
        colour: of the filled part.
        tokens: for the empty part.
    """
    round_ = track.height() / 2
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(tokens.track)
    painter.drawRoundedRect(track, round_, round_)
    if value < _LEAST_SHOWN:
        return
    painter.setBrush(colour)
    wide = max(2.0, value * track.width())
    filled = QRectF(track.topLeft(), QPointF(track.left() + wide, track.bottom()))
    if wide >= track.height():
        painter.drawRoundedRect(filled, round_, round_)
        return
    # A slice of the round end: a dot would look like more than it is.
    painter.save()
    painter.setClipRect(filled)
    painter.drawRoundedRect(track, round_, round_)
    painter.restore()


class ShareBar(QWidget):
    """One share of 0 to 1 as a bar."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = 0.0
        self.setFixedHeight(_BAR_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_value(self, value: float) -> None:
        """Show another share."""
        self._value = value
        self.setAccessibleDescription(percent(value))
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        """Take the colours of another scheme."""
        super().changeEvent(event)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the bar."""
        tokens = tokens_for(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_bar(painter, QRectF(self.rect()), self._value, tokens.danger, tokens)
        painter.end()

"""How many samples of each class there are, in all and in each part of the split, as bars with figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from skindesk.widgets.theme import SPACE, class_label, emphasised, tokens_for
from trainer.palette import class_colour
from trainer.wording import percent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from PySide6.QtGui import QFontMetrics, QPaintEvent

    from skindesk.widgets.theme import Tokens

_BAR = 8  # height, pixels
_ROUND = 3.0
_GAP = 3 * SPACE  # between columns
_SMALLEST_COLUMN = 116  # pixels; "10,015 · 100.0 %" fits
_LARGEST_LABEL = 0.34  # of the width


@dataclass(frozen=True)
class ChartColumn:
    """A column of the chart.

    Attributes:
        title: what is counted.
        counts: number of samples by class name.
    """

    title: str
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All classes together."""
        return sum(self.counts.values())

    def share(self, name: str) -> float:
        """Return a class's share of the column, 0 to 1."""
        return self.counts.get(name, 0) / self.total if self.total else 0.0


class ClassChart(QWidget):
    """A row for each class, a bar and figures in each column; bars of all columns have one scale."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[str, ...] = ()
        self._malignant: Collection[str] = ()
        self._columns: tuple[ChartColumn, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def show_counts(
        self, classes: Sequence[str], malignant: Collection[str], columns: Sequence[ChartColumn]
    ) -> None:
        """Show numbers.

        Args:
            classes: in the order of the rows.
            malignant: those that are marked.
            columns: from left to right.
        """
        self._classes, self._malignant, self._columns = tuple(classes), malignant, tuple(columns)
        self.setAccessibleName(self.tr("Images by class and part of the split"))
        self.setAccessibleDescription(
            "; ".join(
                f"{column.title}: "
                + ", ".join(
                    f"{class_label(name, malignant)} {self._figures(column, name)}" for name in classes
                )
                for column in columns
            )
        )
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size that shows everything."""
        metrics = self.fontMetrics()
        width = self._longest_name() + len(self._columns) * (_SMALLEST_COLUMN + _GAP)
        return QSize(width, _title_height(metrics) + self._row_height(metrics) * len(self._classes))

    def minimumSizeHint(self) -> QSize:
        """Return the size below which figures run into each other."""
        columns = len(self._columns) * (_SMALLEST_COLUMN + SPACE)
        return QSize(round(columns / (1 - _LARGEST_LABEL)), self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint titles, names, bars, figures."""
        if not self._classes or not self._columns:
            return
        tokens, metrics = tokens_for(self.palette()), self.fontMetrics()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        label = self._label_width()
        wide = (self.width() - label) / len(self._columns) - _GAP
        high = self._row_height(metrics)
        lefts = [label + _GAP + place * (wide + _GAP) for place in range(len(self._columns))]
        self._paint_titles(painter, lefts, wide, high, tokens)
        scale = max((column.share(name) for column in self._columns for name in self._classes), default=0.0)
        for row, (name, words) in enumerate(zip(self._classes, self.shown_names(), strict=True)):
            top = _title_height(metrics) + row * high
            painter.setPen(tokens.text)
            painter.drawText(QRectF(0, top, label, metrics.height()), Qt.AlignmentFlag.AlignLeft, words)
            colour = QColor(class_colour(name, self._classes))
            for left, column in zip(lefts, self._columns, strict=True):
                self._paint_cell(painter, QRectF(left, top, wide, high), column, name, colour, scale, tokens)
        painter.end()

    def shown_names(self) -> list[str]:
        """Return the names of the classes as they are shown: cut where there is no room."""
        metrics, room = self.fontMetrics(), self._label_width()
        return [
            metrics.elidedText(class_label(name, self._malignant), Qt.TextElideMode.ElideRight, room)
            for name in self._classes
        ]

    def _label_width(self) -> int:
        return min(self._longest_name(), round(self.width() * _LARGEST_LABEL))

    def _longest_name(self) -> int:
        metrics = self.fontMetrics()
        names = (class_label(name, self._malignant) for name in self._classes)
        # Advances are rounded, which may be less than what the text takes.
        return max((metrics.horizontalAdvance(name) + 1 for name in names), default=0)

    def _paint_titles(
        self, painter: QPainter, lefts: Sequence[float], wide: float, high: int, tokens: Tokens
    ) -> None:
        for left, column in zip(lefts, self._columns, strict=True):
            painter.setFont(emphasised(self.font()))
            painter.setPen(tokens.text)
            place = QRectF(left, 0, wide, high)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, column.title)
            used = painter.fontMetrics().horizontalAdvance(column.title) + SPACE
            painter.setFont(self.font())
            painter.setPen(tokens.muted)
            painter.drawText(
                place.adjusted(used, 0, 0, 0),
                Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop,
                f"{column.total:,}",
            )

    def _paint_cell(
        self,
        painter: QPainter,
        place: QRectF,
        column: ChartColumn,
        name: str,
        colour: QColor,
        scale: float,
        tokens: Tokens,
    ) -> None:
        metrics = self.fontMetrics()
        painter.setPen(tokens.muted)
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft, self._figures(column, name))
        track = QRectF(place.left(), place.top() + metrics.height() + SPACE / 4, place.width(), _BAR)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.track)
        painter.drawRoundedRect(track, _ROUND, _ROUND)
        if column.counts.get(name, 0) and scale > 0:
            painter.setBrush(tokens.seen(colour))
            track.setWidth(max(track.width() * column.share(name) / scale, _BAR / 2))
            painter.drawRoundedRect(track, _ROUND, _ROUND)

    @staticmethod
    def _row_height(metrics: QFontMetrics) -> int:
        return metrics.height() + _BAR + 2 * SPACE

    @staticmethod
    def _figures(column: ChartColumn, name: str) -> str:
        return f"{column.counts.get(name, 0):,} · {percent(column.share(name))}"


def _title_height(metrics: QFontMetrics) -> int:
    return metrics.height() + 3 * SPACE // 2

"""The drawings of a report of a run: learning curves, confusion matrix, ROC, precision and reliability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtGui import QColor

from skindesk.reports.canvas import ACCENT, INK, LINE, MUTED
from skindesk.reports.plot import (
    AXIS_ROOM,
    NUMBER_ROOM,
    SHARES,
    TITLE_ROOM,
    Frame,
    count_scale,
    number_scale,
    share_scale,
)
from skindesk.reports.words import MALIGNANT_MARK, tr
from trainer.dataset.classes import full_name
from trainer.metrics.reliability import reliability
from trainer.palette import class_colour

if TYPE_CHECKING:
    from collections.abc import Callable

    from skindesk.reports.canvas import Canvas
    from skindesk.reports.scores import Scores
    from trainer.events import EpochEnded, PartMetrics
    from trainer.metrics.classification import Metrics

TRAIN_COLOUR = "#7D8894"
_GAP = 16.0
_MANY_EPOCHS = 40
"""Above this many, epochs get no dots of their own."""
_ENOUGH_IMAGES = 10
"""A bin of fewer images says little about reliability: it gets a ring instead of a disc."""
_NUMBERED_CLASSES = 16
"""With more classes than this, cells of the confusion matrix are too small for numbers."""
_DARK_SHARE = 0.5
_ROW = 30.0
_TWO_LINES = 10.0
"""Height of a row of the confusion matrix, and half of that from which on it has room for two lines; points."""
_NAMED_COLUMNS = 26.0
"""Width of a cell from which on a short name fits over it, points."""
_EDGE = 10.0
"""Room for half a number at the right end of a row of plots, points."""


@dataclass(frozen=True)
class LearningCurves:
    """Loss, accuracy and macro recall over the epochs of a run.

    Attributes:
        history: every epoch, at least one.
        width, height: points.
    """

    history: tuple[EpochEnded, ...]
    width: float
    height: float = 170.0

    def draw(self, canvas: Canvas) -> None:
        """Draw three plots beside each other."""
        panels: tuple[tuple[str, Callable[[PartMetrics], float]], ...] = (
            (tr("Loss"), lambda part: part.loss),
            (tr("Accuracy"), lambda part: part.accuracy),
            (tr("Macro recall"), lambda part: part.macro_recall),
        )
        shares = [
            value
            for epoch in self.history
            for part in (epoch.train, epoch.validation)
            for value in (part.accuracy, part.macro_recall)
        ]
        losses = [part.loss for epoch in self.history for part in (epoch.train, epoch.validation)]
        width = (self.width - 3 * NUMBER_ROOM - 2 * _GAP - _EDGE) / 3
        for column, (title, value) in enumerate(panels):
            frame = Frame(
                canvas,
                NUMBER_ROOM + column * (width + NUMBER_ROOM + _GAP),
                TITLE_ROOM,
                width,
                self.height - TITLE_ROOM - AXIS_ROOM,
                count_scale(len(self.history)),
                number_scale(max(losses)) if column == 0 else share_scale(shares),
            )
            frame.draw_grid(title, tr("Epoch"))
            self._draw_stages(frame)
            self._draw_part(frame, [value(epoch.train) for epoch in self.history], TRAIN_COLOUR, dashed=True)
            validation = [value(epoch.validation) for epoch in self.history]
            self._draw_part(frame, validation, ACCENT, dashed=False)
            best = best_place(self.history)
            if best is not None:
                frame.draw_dot(best + 1, validation[best], 3.2, INK, filled=False)
                frame.draw_dot(best + 1, validation[best], 1.4, ACCENT)

    def _draw_part(self, frame: Frame, values: list[float], colour: str, *, dashed: bool) -> None:
        frame.draw_line(list(enumerate(values, start=1)), colour, 1.0 if dashed else 1.5, dashed=dashed)
        if len(values) <= _MANY_EPOCHS and not dashed:
            for epoch, value in enumerate(values, start=1):
                frame.draw_dot(epoch, value, 0.9, colour)

    def _draw_stages(self, frame: Frame) -> None:
        for index in range(1, len(self.history)):
            if self.history[index].stage != self.history[index - 1].stage:
                x = index + 0.5
                frame.draw_line([(x, frame.up.low), (x, frame.up.high)], MUTED, 0.5, dashed=True)
                place, _ = frame.place(x, frame.up.high)
                frame.canvas.text(place + 3.0, frame.y + 8.0, self.history[index].stage, colour=MUTED)


def best_place(history: tuple[EpochEnded, ...]) -> int | None:
    """Return the index of the epoch that was kept; `None` before there is one."""
    return max((index for index, epoch in enumerate(history) if epoch.best), default=None)


@dataclass(frozen=True)
class Line:
    """A sample of the line that a class or a part has in a plot."""

    colour: str
    bold: bool
    width: float = 18.0
    height: float = 6.0

    def draw(self, canvas: Canvas) -> None:
        """Draw a short line at half its height."""
        y = self.height / 2
        canvas.line([(0.0, y), (self.width, y)], self.colour, 1.8 if self.bold else 1.1, dashed=not self.bold)


@dataclass(frozen=True)
class RecallCurves:
    """Validation recall of each class over the epochs.

    Attributes:
        history: every epoch, at least one.
        classes: in the order of the network.
        malignant: those drawn boldly.
        width, height: points.
    """

    history: tuple[EpochEnded, ...]
    classes: tuple[str, ...]
    malignant: tuple[str, ...]
    width: float
    height: float = 190.0

    def draw(self, canvas: Canvas) -> None:
        """Draw one plot as wide as there is room, malignant classes last and on top."""
        frame = Frame(
            canvas,
            NUMBER_ROOM,
            TITLE_ROOM,
            self.width - NUMBER_ROOM - _EDGE,
            self.height - TITLE_ROOM - AXIS_ROOM,
            count_scale(len(self.history)),
            SHARES,
        )
        frame.draw_grid(tr("Recall of each class, validation"), tr("Epoch"))
        for name in sorted(self.classes, key=lambda name: name in self.malignant):
            points = [
                (float(epoch), row.validation.recall[name])
                for epoch, row in enumerate(self.history, start=1)
                if name in row.validation.recall
            ]
            if points:
                bold = name in self.malignant
                frame.draw_line(
                    points, class_colour(name, self.classes), 1.8 if bold else 1.1, dashed=not bold
                )


@dataclass(frozen=True)
class ConfusionMatrix:
    """Images by class (row) and predicted class (column); the darker, the larger the share of the row.

    Attributes:
        metrics: of the part that was scored.
        malignant: classes that are marked.
        width: points.
    """

    metrics: Metrics
    malignant: tuple[str, ...]
    width: float

    @property
    def _cell(self) -> float:
        return min((self.width - self._names) / len(self.metrics.classes), 42.0)

    @property
    def _names(self) -> float:
        return 0.435 * self.width

    @property
    def height(self) -> float:
        """Points."""
        return 30.0 + min(self._cell, _ROW) * len(self.metrics.classes) + 2.0

    def draw(self, canvas: Canvas) -> None:
        """Draw names, cells and, where there is room, numbers."""
        classes = self.metrics.classes
        counts = np.array(self.metrics.confusion_matrix)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        wide, high, top = self._cell, min(self._cell, _ROW), 30.0
        canvas.text(0.0, top - 4.0, tr("True class"), bold=True)
        canvas.text(self._names, top - 18.0, tr("Predicted class"), bold=True)
        for column, name in enumerate(classes):
            label = str(column + 1) if self._numbered else canvas.elided(name, wide - 2.0)
            canvas.text(self._names + (column + 0.5) * wide, top - 4.0, label, colour=MUTED, align="centre")
        for row in range(len(classes)):
            y = top + row * high
            self._draw_name(canvas, row, y + high / 2)
            for column in range(len(classes)):
                x = self._names + column * wide
                share = float(shares[row, column])
                canvas.box(x + 0.5, y + 0.5, wide - 1.0, high - 1.0, _shade(share))
                if len(classes) <= _NUMBERED_CLASSES:
                    _draw_cell(canvas, x + wide / 2, y + high / 2, int(counts[row, column]), share)

    @property
    def _numbered(self) -> bool:
        """Whether columns are named by the numbers of the rows, since their names are too long."""
        return self._cell < _NAMED_COLUMNS

    def _draw_name(self, canvas: Canvas, row: int, middle: float) -> None:
        name = self.metrics.classes[row]
        mark = f"{MALIGNANT_MARK} " if name in self.malignant else ""
        number = f"{row + 1}  " if self._numbered else ""
        words = canvas.elided(f"{number}{mark}{full_name(name)}", self._names - 14.0)
        n = f"n = {self.metrics.per_class[name].support:,}"
        reach = min(self._cell, _ROW) / 2 - 2.0
        canvas.box(0.0, middle - reach, 3.0, 2 * reach, class_colour(name, self.metrics.classes))
        if reach < _TWO_LINES:
            canvas.text(8.0, middle + 3.0, words)
            return
        canvas.text(8.0, middle - 1.0, words)
        canvas.text(8.0, middle + 9.0, n, size=7.0, colour=MUTED)


def _shade(share: float) -> str:
    light, dark = QColor("#F1F4F8"), QColor("#15458C")
    mixed = [
        round(a + (b - a) * share**0.8)
        for a, b in zip(light.getRgb()[:3], dark.getRgb()[:3], strict=True)  # type: ignore[index]
    ]
    return QColor(*mixed).name()


def _draw_cell(canvas: Canvas, x: float, y: float, count: int, share: float) -> None:
    ink = "white" if share > _DARK_SHARE else INK if count else "#8A94A0"
    if not count:
        canvas.text(x, y + 3.0, "0", colour=ink, align="centre")
        return
    canvas.text(x, y - 1.0, f"{count:,}", colour=ink, bold=True, align="centre")
    canvas.text(x, y + 9.0, f"{100 * share:.1f} %", size=7.0, colour=ink, align="centre")


@dataclass(frozen=True)
class ScoredCurves:
    """ROC, precision over recall, and reliability, beside each other.

    Attributes:
        scores: of every image of the part.
        malignant: classes drawn boldly.
        width: points.
    """

    scores: Scores
    malignant: tuple[str, ...]
    width: float

    @property
    def _side(self) -> float:
        return (self.width - 3 * NUMBER_ROOM - 2 * _GAP - _EDGE) / 3

    @property
    def height(self) -> float:
        """Points."""
        return TITLE_ROOM + self._side + AXIS_ROOM

    def draw(self, canvas: Canvas) -> None:
        """Draw three square plots."""
        roc, precision, reliable = (
            Frame(
                canvas,
                NUMBER_ROOM + column * (self._side + NUMBER_ROOM + _GAP),
                TITLE_ROOM,
                self._side,
                self._side,
                SHARES,
                SHARES,
            )
            for column in range(3)
        )
        roc.draw_grid(tr("Recall (ROC)"), tr("False positive rate"), upright_lines=True)
        roc.draw_line([(0.0, 0.0), (1.0, 1.0)], LINE, 0.8)
        precision.draw_grid(tr("Precision"), tr("Recall"), upright_lines=True)
        for index in sorted(
            range(len(self.scores.classes)), key=lambda i: self.scores.classes[i] in self.malignant
        ):
            name = self.scores.classes[index]
            colour, bold = class_colour(name, self.scores.classes), name in self.malignant
            for frame, points in ((roc, self.scores.roc(index)), (precision, self.scores.precision(index))):
                if points:
                    frame.draw_line(points, colour, 1.6 if bold else 1.0, dashed=not bold)
        reliable.draw_grid(tr("Share right (reliability)"), tr("Probability"), upright_lines=True)
        reliable.draw_line([(0.0, 0.0), (1.0, 1.0)], LINE, 0.8)
        bins = reliability(self.scores.truth, self.scores.probabilities)
        filled = [
            (bins.confidence[k], bins.accuracy[k], bins.images[k])
            for k in range(len(bins.images))
            if bins.images[k]
        ]
        reliable.draw_line([(x, y) for x, y, n in filled if n >= _ENOUGH_IMAGES], ACCENT, 1.2)
        for x, y, n in filled:
            reliable.draw_dot(x, y, 1.8, ACCENT, filled=n >= _ENOUGH_IMAGES)

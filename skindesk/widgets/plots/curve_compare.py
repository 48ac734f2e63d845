"""Learning curves of one run or of several, laid over each other: loss, accuracy, balanced accuracy, recall of a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from skindesk.metric_words import title_of
from skindesk.widgets.basics import SegmentedRow, muted, shortened
from skindesk.widgets.plots.live_plot import Curve, LivePlot
from skindesk.widgets.plots.marks import Mark
from skindesk.widgets.theme import SPACE, class_label
from skindesk.widgets.wheel import wheel_needs_focus
from trainer.metrics.catalogue import ACCURACY, BALANCED_ACCURACY, LOSS, RECALL

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from trainer.events import EpochEnded, PartMetrics

RUN_COLOURS = ("#4F94F5", "#C77C02", "#2E9E6B", "#E0604A", "#9B6DF0", "#C665B5", "#7F8C3A", "#868C96")
"""Of runs in the order compared; each has a contrast of 3:1 or more to a light and to a dark ground."""

_NAME_LENGTH = 22  # characters of a class in the box
_NARROWEST = 7 * SPACE  # pixels of the box: the row fits 784 pixels in DejaVu Sans, too

_LOSS, _ACCURACY, _MACRO, _CLASS = "loss", "accuracy", "macro_recall", "recall"


@dataclass(frozen=True)
class RunCurves:
    """The learning curves of a run.

    Attributes:
        name: of the run.
        history: every epoch, in order.
    """

    name: str
    history: tuple[EpochEnded, ...]


def values_of(
    history: Sequence[EpochEnded], part: str, metric: str, class_name: str = ""
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the epochs, counted from 1, and what a part had then; epochs without a value are left out.

    Args:
        history: of a run.
        part: `train` or `validation`.
        metric: `loss`, `accuracy`, `macro_recall` or `recall`.
        class_name: of `recall`.
    """
    found = [
        (float(place), value)
        for place, epoch in enumerate(history, start=1)
        if (value := _value(getattr(epoch, part), metric, class_name)) is not None
    ]
    table = np.array(found, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _value(part: PartMetrics, metric: str, class_name: str) -> float | None:
    if metric == _CLASS:
        return part.recall.get(class_name)
    value: float = getattr(part, metric)
    return value


class CurveCompare(QWidget):
    """A plot, what it shows, and whether it shows validation, training or both."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs: tuple[RunCurves, ...] = ()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        self.metrics = SegmentedRow(
            [
                (_MACRO, title_of(BALANCED_ACCURACY)),
                (_CLASS, title_of(RECALL)),
                (_ACCURACY, title_of(ACCURACY)),
                (_LOSS, title_of(LOSS)),
            ]
        )
        self.classes = wheel_needs_focus(QComboBox())
        self.classes.setAccessibleName(self.tr("Class"))
        self.classes.setToolTip(self.tr("Whose recall is shown"))
        # As wide as a usual name, less in a narrow window; a longer one is whole in the list.
        self.classes.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.classes.setMinimumContentsLength(_NAME_LENGTH)
        self.classes.setMinimumWidth(_NARROWEST)
        self.parts = SegmentedRow(
            [
                ("both", self.tr("Both")),
                ("validation", self.tr("Validation")),
                ("train", self.tr("Training")),
            ]
        )
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        row.addWidget(self.metrics)
        row.addWidget(self.classes)
        row.addStretch(1)
        row.addWidget(self.parts)
        layout.addLayout(row)
        self.share_plot = LivePlot("", "share")
        self.loss_plot = LivePlot("", "number")
        for plot in (self.share_plot, self.loss_plot):
            # What is shown stands in the row above.
            if (words := plot.header.itemAt(0)) is not None and (label := words.widget()) is not None:
                label.hide()
        self._plots = QStackedWidget()
        self._plots.addWidget(self.share_plot)
        self._plots.addWidget(self.loss_plot)
        layout.addWidget(self._plots, 1)
        self._note = muted()
        layout.addWidget(self._note)
        self.metrics.chosen.connect(self._refresh)
        self.parts.chosen.connect(self._refresh)
        self.classes.currentIndexChanged.connect(self._refresh)

    def show_runs(
        self, runs: Sequence[RunCurves], classes: Sequence[str], malignant: Collection[str] = ()
    ) -> None:
        """Show the curves of runs.

        Args:
            runs: in the order of their colours.
            classes: of which the recall can be shown.
            malignant: those that are marked; the first of them is shown first.
        """
        self._runs = tuple(runs)
        before = self.classes.currentData()
        self.classes.blockSignals(True)
        self.classes.clear()
        for name in classes:
            self.classes.addItem(class_label(name, malignant), name)
        first = "mel" if "mel" in malignant else next(iter(malignant), None)
        chosen = before if before in classes else first
        self.classes.setCurrentIndex(max(0, self.classes.findData(chosen)))
        self.classes.blockSignals(False)
        self.metrics.buttons[_CLASS].setEnabled(bool(classes))
        self._refresh()

    @property
    def plot(self) -> LivePlot:
        """The plot that is shown."""
        return self.loss_plot if self.metrics.current == _LOSS else self.share_plot

    def _refresh(self) -> None:
        metric = self.metrics.current
        class_name = str(self.classes.currentData() or "")
        self.classes.setVisible(metric == _CLASS)
        plot = self.plot
        self._plots.setCurrentWidget(plot)
        parts = [part for part in ("validation", "train") if self.parts.current in {part, "both"}]
        curves, data = [], {}
        for place, run in enumerate(self._runs):
            for part in parts:
                key = f"{place} {part}"
                curves.append(
                    Curve(
                        key,
                        self._words(run, part),
                        RUN_COLOURS[place % len(RUN_COLOURS)],
                        "solid" if part == "validation" else "dashed",
                    )
                )
                data[key] = values_of(run.history, part, metric, class_name)
        plot.set_curves(curves)
        for key, (x, y) in data.items():
            plot.set_data(key, x, y)
        longest = max((len(run.history) for run in self._runs), default=1)
        self._mark_run(plot)
        plot.finish_update(float(max(1, longest)))
        plot.show_all()
        self._explain()

    def _words(self, run: RunCurves, part: str) -> str:
        words = self.tr("validation") if part == "validation" else self.tr("training")
        return f"{shortened(run.name)}, {words}" if len(self._runs) > 1 else words

    def _mark_run(self, plot: LivePlot) -> None:
        """Mark the best epoch and the stages of a run that is alone."""
        best, stages = None, []
        if len(self._runs) == 1:
            history = self._runs[0].history
            place = max((place for place, epoch in enumerate(history) if epoch.best), default=None)
            if place is not None:
                best = Mark(float(place + 1), self.tr("best, epoch {n}").format(n=place + 1))
            stages = [
                Mark(place + 0.5, epoch.stage)
                for place, epoch in enumerate(history)
                if place and epoch.stage != history[place - 1].stage
            ]
        plot.marks.set_best(best)
        plot.marks.set_stages(stages)

    def _explain(self) -> None:
        without = [run.name for run in self._runs if not run.history]
        sentence = ""
        if without:
            names = ", ".join(map(shortened, without))
            sentence = self.tr("No finished epoch yet: {names}.").format(names=names)
        self._note.setText(sentence)
        self._note.setVisible(bool(sentence))

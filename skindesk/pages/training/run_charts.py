"""The curves of a run and the recall of its classes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QGridLayout, QMenu, QToolButton, QWidget

from skindesk.background import Errands
from skindesk.metric_words import name_of
from skindesk.pages.training.words import chosen_on_words, stage_words
from skindesk.widgets.basics import Card
from skindesk.widgets.file_choice import FileChoice
from skindesk.widgets.icons import icon
from skindesk.widgets.plots.live_plot import Curve, LivePlot
from skindesk.widgets.plots.marks import Mark
from skindesk.widgets.plots.recall_bars import RecallBars
from skindesk.widgets.plots.saving import prepare_file
from skindesk.widgets.theme import SPACE, class_label, set_role
from trainer.metrics.catalogue import BALANCED_ACCURACY
from trainer.palette import class_colour

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from skindesk.models.runs.live import LiveRun, MetricName, Part
    from skindesk.settings import Settings
    from skindesk.widgets.plots.legend import LineStyle

_FIRST_CLASS = "mel"
"""The class whose recall is shown beside the balanced accuracy from the start."""
_CHEVRON = 12  # pixels


class RunCharts(QWidget):
    """Loss, recall and accuracy over the epochs, and the recall by class of the last epoch or the best one.

    Attributes:
        loss, recall, accuracy: the plots.
        bars: recall by class.
        bars_card: with its heading.
        classes: the menu of the classes whose recall is drawn.

    Signals:
        failed(str): a picture or table could not be saved.
        saved(str): it was saved.
    """

    failed = Signal(str)
    saved = Signal(str)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._run: LiveRun | None = None
        self._malignant: frozenset[str] = frozenset()
        self._drawn: dict[LivePlot, int] = {}
        self._errands = Errands(self)
        self.loss = LivePlot(self.tr("Loss by epoch"))
        self.accuracy = LivePlot(self.tr("Accuracy by epoch"), "share")
        self.recall = LivePlot(self.tr("Recall by epoch"), "share")
        self.bars = RecallBars()
        self.classes = QMenu(self)
        self.classes.setToolTipsVisible(True)
        self._offered: tuple[str, ...] = ()
        self._chosen = {_FIRST_CLASS}
        self._with_train = False
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2 * SPACE)
        self.bars_card = Card(self.tr("Recall by class, validation"))
        self.bars_card.body.addWidget(self.bars)
        self.bars_card.body.addStretch(1)
        self._cards: list[Card] = []
        for plot in self.plots:
            card = Card()
            card.body.addWidget(plot)
            self._cards.append(card)
        self._cards.append(self.bars_card)
        self.set_columns(2)
        self._add_buttons()
        for one, another in itertools.combinations(self.plots, 2):
            one.link_to(another)
        self.show_run(None, ())

    @property
    def plots(self) -> tuple[LivePlot, ...]:
        """All plots, in the order in which they are drawn."""
        return self.loss, self.recall, self.accuracy

    def set_columns(self, columns: int) -> None:
        """Stand in so many columns."""
        for place, card in enumerate(self._cards):
            self._grid.addWidget(card, place // columns, place % columns)
        for column in (0, 1):
            self._grid.setColumnStretch(column, int(column < columns))

    def show_run(self, run: LiveRun | None, malignant: Collection[str]) -> None:
        """Show another run; `None` for none yet."""
        self._run, self._malignant = run, frozenset(malignant)
        self._drawn = {}
        for plot in (self.loss, self.accuracy):
            plot.set_curves(
                [
                    Curve("step", self.tr("each step, train"), style="faint"),
                    Curve("train", self.tr("train"), style="dashed"),
                    Curve("validation", self.tr("validation")),
                ]
            )
        self.bars.set_malignant(malignant)
        self._offer_classes(())
        for plot in self.plots:
            plot.set_place_names(self._place)
            plot.show_all()

    def draw(self, plot: LivePlot) -> bool:
        """Bring a plot up to date; return whether there was anything new."""
        run = self._run
        if run is None or self._drawn.get(plot) == run.revision:
            return False
        self._drawn[plot] = run.revision
        if plot is self.recall:
            self._draw_recall(run)
        else:
            metric = "loss" if plot is self.loss else "accuracy"
            values = run.steps.values(metric)
            if values is not None:
                plot.set_data("step", run.steps.x, values)
            for part in ("train", "validation"):
                plot.set_data(part, *run.series(part, metric))
        plot.marks.set_best(self._best_mark(run))
        plot.marks.set_stages([Mark(mark.x, stage_words(mark.stage)) for mark in run.stages[1:]])
        plot.finish_update(run.length)
        return True

    def draw_bars(self) -> None:
        """Bring the recalls by class up to date: of the last epoch, once the run is over of the epoch it kept."""
        run = self._run
        last = run.epochs[-1] if run is not None and run.epochs else None
        kept = run.best if run is not None and run.outcome is not None else None
        shown = kept or last
        self.bars.set_metrics(shown.ended.validation if shown is not None else None)
        words = self.tr("Recall by class, validation")
        if shown is not None:
            words += (self.tr(", best epoch {epoch}") if kept else self.tr(", epoch {epoch}")).format(
                epoch=f"{shown.x:g}"
            )
        self.bars_card.heading.setText(words)
        self.bars_card.setToolTip(self.tr("On {basis}").format(basis=chosen_on_words()))

    # --- what is drawn ------------------------------------------------------------------------------------

    def _draw_recall(self, run: LiveRun) -> None:
        if run.classes != self._offered:
            self._offer_classes(run.classes)
        for key in self._recall_keys():
            metric, part = _split_key(key)
            self.recall.set_data(key, *run.series(part, metric))

    def _recall_keys(self) -> list[str]:
        keys = ["macro_recall/train", "macro_recall/validation"]
        for name in self._offered:
            if name in self._chosen:
                keys += [f"recall_{name}/train"] if self._with_train else []
                keys.append(f"recall_{name}/validation")
        return keys

    def _recall_curve(self, key: str) -> Curve:
        metric, part = _split_key(key)
        words = self.tr("train") if part == "train" else self.tr("validation")
        style: LineStyle = "dashed" if part == "train" else "solid"
        if metric == "macro_recall":
            return Curve(key, f"{name_of(BALANCED_ACCURACY)}, {words}", style=style)
        name = metric.removeprefix("recall_")
        text = f"{class_label(name, self._malignant)}, {words}"
        return Curve(key, text, class_colour(name, self._offered), style)

    def _offer_classes(self, classes: tuple[str, ...]) -> None:
        self._offered = classes
        self.classes.clear()
        for name in sorted(classes, key=lambda name: (name not in self._malignant, name)):
            action = self.classes.addAction(class_label(name, self._malignant))
            action.setCheckable(True)
            action.setChecked(name in self._chosen)
            action.toggled.connect(lambda on, name=name: self._choose(name, on=on))
        self.classes.addSeparator()
        both = self.classes.addAction(self.tr("On the training part too"))
        both.setCheckable(True)
        both.setChecked(self._with_train)
        both.toggled.connect(self._choose_parts)
        self._classes_button.setEnabled(bool(classes))
        self.recall.set_curves([self._recall_curve(key) for key in self._recall_keys()])

    def _choose(self, name: str, *, on: bool) -> None:
        (self._chosen.add if on else self._chosen.discard)(name)
        self._draw_recall_anew()

    def _choose_parts(self, with_train: bool) -> None:
        self._with_train = with_train
        self._draw_recall_anew()

    def _draw_recall_anew(self) -> None:
        self.recall.set_curves([self._recall_curve(key) for key in self._recall_keys()])
        self._drawn.pop(self.recall, None)
        self.draw(self.recall)

    def _best_mark(self, run: LiveRun) -> Mark | None:
        if run.best is None:
            return None
        return Mark(run.best.x, self.tr("best, epoch {epoch}").format(epoch=f"{run.best.x:g}"))

    def _place(self, x: float) -> str:
        """Return how a place on the axis is called: "Epoch 12, fine-tune 4"."""
        words = self.tr("Epoch {epoch}").format(epoch=f"{x:.4g}")
        place = self._run.place_in_words(x) if self._run is not None else None
        if place is None or not float(x).is_integer():
            return words
        return f"{words}, {stage_words(place[0]).lower()} {place[1]}"

    # --- buttons ------------------------------------------------------------------------------------------

    def _add_buttons(self) -> None:
        self._classes_button = _header_button(
            "chevron-down",
            self.tr("Classes whose recall is drawn"),
            self.tr("Choose the classes whose recall is drawn"),
            self.tr("Classes"),
        )
        self._classes_button.setMenu(self.classes)
        self.recall.header.addWidget(self._classes_button)
        for plot in self.plots:
            whole = _header_button("zoom-out", self.tr("Show everything"), self.tr("Show everything (Home)"))
            whole.setEnabled(False)
            whole.clicked.connect(plot.show_all)
            plot.zoomed.connect(whole.setEnabled)
            plot.header.addWidget(whole)
            save = _header_button("save", self.tr("Save"), self.tr("Save as an image or a table"))
            menu = QMenu(save)
            for words, kind in (
                (self.tr("As an image (PNG)…"), "png"),
                (self.tr("As a vector image (SVG)…"), "svg"),
                (self.tr("As a table (CSV)…"), "csv"),
            ):
                action = QAction(words, menu)
                action.triggered.connect(lambda _on=False, plot=plot, kind=kind: self._ask_where(plot, kind))
                menu.addAction(action)
            save.setMenu(menu)
            plot.header.addWidget(save)
        # In line with the headings beside and above it, which stand in rows of buttons.
        self.bars_card.heading.setMinimumHeight(self._classes_button.sizeHint().height())

    def _ask_where(self, plot: LivePlot, kind: str) -> None:
        run = self._run.title if self._run is not None else "run"
        FileChoice(self, self._settings, "report_folder").save_file(
            plot.title,
            f"{run}, {plot.title.lower()}.{kind}",
            {f"{kind.upper()} (*.{kind})": lambda file: self.save(plot, file)},
        )

    def save(self, plot: LivePlot, file: Path) -> None:
        """Save a plot; the ending of the name says as what: .csv, .svg or .png."""
        words = self.tr("Saved as {file}.").format(file=file.name)
        self._errands.run(prepare_file(plot, file), lambda _none: self.saved.emit(words), self.failed.emit)


def _split_key(key: str) -> tuple[MetricName, Part]:
    metric, part = key.split("/")
    return metric, "train" if part == "train" else "validation"


def _header_button(icon_name: str, name: str, tip: str, text: str = "") -> QToolButton:
    button = QToolButton()
    button.setIcon(icon(icon_name))
    if text:
        button.setText(text)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIconSize(QSize(_CHEVRON, _CHEVRON))
        button.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the chevron follows the word
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    # The icon says what is in the menu: no arrow, and no room for one.
    button.setStyleSheet("QToolButton { padding: 5px 6px; } QToolButton::menu-indicator { image: none; }")
    button.setAccessibleName(name)
    button.setToolTip(tip)
    set_role(button, "quiet")
    return button

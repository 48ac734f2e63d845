"""The right side of the training page: a run in figures, curves and words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from skindesk.metric_words import chooser_name
from skindesk.pages.training.run_charts import RunCharts
from skindesk.pages.training.words import best_in_words, chosen_on_words, stage_words
from skindesk.widgets.basics import Card, ElidedLabel, Figure
from skindesk.widgets.icons import icon
from skindesk.widgets.run_log import RunLog
from skindesk.widgets.theme import SPACE, set_role
from trainer.wording import NOTHING, duration, file_size, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from PySide6.QtGui import QResizeEvent, QShowEvent

    from skindesk.models.runs.live import LiveRun
    from skindesk.settings import Settings
    from trainer.protocol.lines import Beat

TICK_MS = 40
"""Of the parts of this panel one is brought up to date at each tick, in turn: each about five times a second,
however fast events come, and no tick is long."""

_LOG_HEIGHT = 150  # pixels; four lines below the heading
_FIGURES = 6
_COLUMNS = (6, 3, 2)  # that leave no row of figures half empty
_FIGURE_WIDTH = 164  # pixels that a figure needs with its space
_PLOTS_WIDTH = 600  # pixels from which on two plots fit beside each other
_PER_MILLE = 1000


class RunPanel(QWidget):
    """One run, followed while it goes on.

    Attributes:
        charts: curves and bars.
        log: what the run has said.
        queue_place: where the list of waiting runs stands.
        later: what stands below all else.

    Signals:
        resume_asked: the run that is shown is to go on.
    """

    resume_asked = Signal()

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run: LiveRun | None = None
        self._beat: Beat | None = None
        self._logged = 0
        self._seen: dict[int, tuple[int, int]] = {}
        self._beats = 0
        self._turn = 0
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2 * SPACE)
        self.stage = Figure(self.tr("Stage"))
        self.epoch = Figure(self.tr("Epoch"))
        self.speed = Figure(self.tr("Speed"))
        self.time_left = Figure(self.tr("Time left"))
        self.memory = Figure(self.tr("Memory"))
        self.best = Figure(self.tr("Best epoch"))
        self._figures = QGridLayout()
        self._figures.setSpacing(2 * SPACE)
        self._columns = 0
        layout.addLayout(self._figures)
        layout.addLayout(self._progress_row())
        self.charts = RunCharts(settings)
        layout.addWidget(self.charts, 3)
        below = QHBoxLayout()
        below.setSpacing(2 * SPACE)
        below.addWidget(self._log_card(), 1)
        self.queue_place = below
        layout.addLayout(below, 1)
        self.later = QVBoxLayout()
        layout.addLayout(self.later)
        charts = self.charts
        self._parts: tuple[Callable[[], object], ...] = (
            self._draw_figures,
            *(lambda plot=plot: charts.draw(plot) for plot in charts.plots),
            self._draw_words,
        )
        self._arrange(_FIGURES)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)

    def _progress_row(self) -> QVBoxLayout:
        row = QVBoxLayout()
        row.setSpacing(SPACE // 2)
        self._doing = ElidedLabel()
        set_role(self._doing, "muted")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, _PER_MILLE)
        self._bar.setAccessibleName(self.tr("Progress of the run"))
        self.resume_button = QPushButton(self.tr("Resume"))
        self.resume_button.setToolTip(self.tr("Continue this run from its last checkpoint"))
        self.resume_button.clicked.connect(self.resume_asked)
        self.resume_button.hide()
        title = QHBoxLayout()
        title.setSpacing(SPACE)
        title.addWidget(self._doing, 1)
        title.addWidget(self.resume_button)
        self._doing.setMinimumHeight(self.resume_button.sizeHint().height())  # so that nothing moves
        row.addLayout(title)
        row.addWidget(self._bar)
        return row

    def offer_resume(self, offered: bool) -> None:
        """Say whether the run that is shown can go on."""
        self.resume_button.setVisible(offered)

    def _log_card(self) -> Card:
        card = Card(self.tr("Log"))
        self.log = RunLog()
        card.setMinimumHeight(_LOG_HEIGHT)
        copy = QToolButton()
        copy.setIcon(icon("copy"))
        copy.setToolTip(self.tr("Copy the whole log"))
        copy.setAccessibleName(self.tr("Copy the whole log"))
        set_role(copy, "quiet")
        copy.clicked.connect(self.log.copy_all)
        card.header.addWidget(copy)
        card.body.addWidget(self.log)
        return card

    @property
    def run(self) -> LiveRun | None:
        """The run that is shown."""
        return self._run

    def show_run(self, run: LiveRun, malignant: Collection[str]) -> None:
        """Follow another run."""
        self._run, self._beat, self._logged, self._seen = run, None, 0, {}
        self.log.clear()
        self.charts.show_run(run, malignant)
        self.wake()

    def wake(self) -> None:
        """Look at the run again; called for every event, which costs nothing while the panel is busy looking."""
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def hear_beat(self, beat: Beat) -> None:
        """Show what the engine uses."""
        self._beat = beat
        self._beats += 1
        self.wake()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stand in as many columns as there is room for."""
        super().resizeEvent(event)
        self._arrange(next((n for n in _COLUMNS if self.width() >= n * _FIGURE_WIDTH), _COLUMNS[-1]))

    def minimumSizeHint(self) -> QSize:
        """Return a size for the fewest columns, not for the present ones."""
        return QSize(2 * _FIGURE_WIDTH, super().minimumSizeHint().height())

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        figures = (self.stage, self.epoch, self.best, self.speed, self.time_left, self.memory)
        for place, figure in enumerate(figures):
            self._figures.addWidget(figure, place // columns, place % columns)
        for column in range(_FIGURES):
            self._figures.setColumnStretch(column, int(column < columns))
        self.charts.set_columns(2 if self.width() >= _PLOTS_WIDTH or columns == _FIGURES else 1)

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what came while this was hidden."""
        super().showEvent(event)
        self.wake()

    def _tick(self) -> None:
        """Bring the next part up to date; rest when all are."""
        run = self._run
        if run is None or not self.isVisible():
            self._timer.stop()
            return
        now = (run.revision, self._beats)
        for _ in self._parts:
            part = self._turn
            self._turn = (self._turn + 1) % len(self._parts)
            if self._seen.get(part) != now:
                self._seen[part] = now
                self._parts[part]()
                return
        self._timer.stop()

    # --- figures ------------------------------------------------------------------------------------------

    def _draw_figures(self) -> None:
        run = self._run
        if run is None:
            return
        stages = len(run.config.stages)
        if run.stage is not None:
            self.stage.set(
                stage_words(run.stage.stage),
                self.tr("stage {n} of {all}").format(n=run.stage_number, all=stages),
            )
            self.epoch.set(
                self.tr("{epoch} of {all}").format(epoch=f"{run.epoch_of_all:g}", all=f"{run.length:g}"),
                self._step(run),
            )
        else:
            self.stage.set(self.tr("Preparing"), self.tr("stages: {all}").format(all=stages))
            self.epoch.set(NOTHING)
        ended = run.outcome is not None
        step = None if ended else run.step
        speed = f"{step.images_per_second:,.0f}" if step else NOTHING
        if step and step.images_per_second < 20:  # noqa: PLR2004 - from there on the decimal says nothing
            speed = f"{step.images_per_second:.1f}"
        gpu, memory, gpu_memory = self._use()
        self.speed.set(self.tr("{n} images/s").format(n=speed) if step else NOTHING, gpu)
        self.memory.set(memory or NOTHING, gpu_memory)
        begun = self.tr("started {time}").format(
            time=f"{datetime.fromtimestamp(run.begun_at).astimezone():%H:%M}"
        )
        self.time_left.set(duration(step.seconds_left) if step else NOTHING, self._left_note(run, begun))
        self._draw_best(run)
        self._draw_progress(run)

    def _step(self, run: LiveRun) -> str:
        if run.step is None or run.outcome is not None:
            return ""
        return self.tr("step {n} of {all}").format(n=f"{run.step.step:,}", all=f"{run.step.steps:,}")

    def _left_note(self, run: LiveRun, begun: str) -> str:
        more = run.stage is not None and run.stage_number < len(run.config.stages)
        if run.step is not None and run.outcome is None and more:
            return self.tr("in this stage, {begun}").format(begun=begun)
        return begun

    def _use(self) -> tuple[str, str, str]:
        """Return what the engine uses of the machine: of a GPU's time, of memory, of a GPU's memory."""
        beat = self._beat
        if beat is None or (self._run is not None and self._run.outcome is not None):
            return "", "", ""
        gpu = gpu_memory = ""
        if beat.gpu_percent is not None:
            gpu = self.tr("GPU {share} busy").format(share=percent(beat.gpu_percent / 100.0, 0))
        if beat.gpu_memory_bytes is not None:
            gpu_memory = self.tr("GPU {size}").format(size=file_size(beat.gpu_memory_bytes))
        return gpu, file_size(beat.memory_bytes), gpu_memory

    def _draw_best(self, run: LiveRun) -> None:
        metric = run.config.early_stopping.metric
        self.best.set_title(self.tr("Best {metric}").format(metric=chooser_name(metric)))
        self.best.setToolTip(self.tr("On {basis}").format(basis=chosen_on_words()))
        if run.best is None:
            self.best.set(NOTHING, self.tr("validation"))
            return
        value, n = best_in_words(run.best, metric)
        note = self.tr("epoch {epoch}").format(epoch=f"{run.best.x:g}")
        self.best.set(value, f"{note}, {n}" if n else note)

    def _draw_progress(self, run: LiveRun) -> None:
        self._bar.setValue(round(_PER_MILLE * run.share_done))
        if run.outcome is not None:
            self._doing.setText(run.title)
            return
        progress = run.progress
        if progress is not None and progress.total:
            words = self.tr("{title}: {task}, {done} of {total} {unit}").format(
                title=run.title,
                task=progress.task,
                done=f"{progress.done:,}" if progress.unit != "bytes" else file_size(progress.done),
                total=f"{progress.total:,}" if progress.unit != "bytes" else file_size(progress.total),
                unit=progress.unit if progress.unit != "bytes" else "",
            )
        else:
            words = (
                run.title if run.step is not None else self.tr("{title}: preparing").format(title=run.title)
            )
        self._doing.setText(words.strip())

    def _draw_words(self) -> None:
        self.charts.draw_bars()
        run = self._run
        if run is None or run.logged == self._logged:
            return
        fresh = min(run.logged - self._logged, len(run.log))
        self.log.add(list(run.log)[-fresh:])
        self._logged = run.logged

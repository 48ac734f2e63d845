"""What a run would take, said before it is started."""

from __future__ import annotations

import math
import shutil
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from skindesk.background import Question
from skindesk.engine.handles import JobState
from skindesk.widgets.basics import muted
from skindesk.widgets.run_log import cost_in_words
from skindesk.widgets.theme import SPACE, set_role
from trainer.config import EarlyStopping, Imbalance
from trainer.protocol.scoring import EstimateRun, RunEstimated
from trainer.wording import file_size

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QShowEvent

    from skindesk.engine.handles import JobHandle, Outcome
    from skindesk.engine.jobs import JobQueue
    from skindesk.models.dataset.facts import DatasetFacts
    from trainer.config import RunConfig

_WAIT_MS = 1_200
"""An estimate loads TensorFlow and times a network, seconds of work: it waits until nobody types."""


class RunEstimate(QWidget):
    """Images and steps at once; time and disk as soon as the engine has timed the network.

    While a run trains, timing would disturb it and be wrong: then a button asks for it.

    Args:
        scoring: where estimates are asked for.

    Signals:
        warned(str): too little disk is free; empty when enough is.
    """

    warned = Signal(str)

    def __init__(self, scoring: JobQueue, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scoring = scoring
        self._wish: EstimateRun | None = None
        self._answered: EstimateRun | None = None
        self._folder: Path | None = None
        self._handle: JobHandle | None = None
        self._result: RunEstimated | None = None
        self._counts = ""
        self._paused = False
        self._free: Question[int] = Question(self._on_free, lambda _sentence: None, self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT_MS)
        self._timer.timeout.connect(self._ask)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        self.label = muted(wrap=True)
        row.addWidget(self.label, 1)
        self.button = QPushButton(self.tr("Estimate"))
        self.button.setToolTip(self.tr("Measure the time now, even though a run is training"))
        set_role(self.button, "quiet")
        self.button.clicked.connect(self._ask)
        row.addWidget(self.button)
        layout.addLayout(row)
        self.label.setAccessibleName(self.tr("Estimate"))
        self._say()

    def set_wish(self, facts: DatasetFacts | None, config: RunConfig | None, cache: Path, runs: Path) -> None:
        """Say what would be started.

        Args:
            facts: of the dataset; `None` where there is none to train on.
            config: settings; `None` where they have a problem.
            cache: folder of features.
            runs: folder that the run would lie in.
        """
        self._folder = runs
        self._counts = ""
        if facts is None or config is None:
            self._wish = None
        else:
            self._counts = self._in_counts(facts, config)
            self._wish = EstimateRun(
                dataset=str(facts.path), config=_what_costs(config), cache_folder=str(cache)
            )
        self._timer.stop()
        if self._is_due():
            self._timer.start()
        self._say()

    def set_paused(self, *, paused: bool) -> None:
        """Say whether a run trains."""
        changed, self._paused = paused != self._paused, paused
        if paused:
            if changed:  # one that was asked for while the run trains goes on
                self.stop()
        elif self._is_due():
            self._timer.start()
        self._say()

    def stop(self) -> None:
        """Give up an estimate that goes on, so that it does not stand in the way of a run."""
        self._timer.stop()
        if self._handle is not None:
            # Disconnected first: what it still says cannot land here.
            self._handle.ended.disconnect(self._on_ended)
            self._handle.stop()
            self._handle = None
            self._say()

    def showEvent(self, event: QShowEvent) -> None:
        """Estimate what was wished for while this was hidden."""
        super().showEvent(event)
        if self._is_due():
            self._timer.start()

    def _is_due(self) -> bool:
        return (
            self.isVisible()
            and not self._paused
            and self._wish is not None
            and self._wish != self._answered
            and (self._handle is None or self._handle.job != self._wish)
        )

    def _ask(self) -> None:
        if self._wish is None:
            return
        self.stop()
        self._handle = self._scoring.submit(self._wish, self.tr("Estimating the run"))
        self._handle.ended.connect(self._on_ended)
        self._say()

    def _on_ended(self, outcome: Outcome) -> None:
        job = self._handle.job if self._handle is not None else None
        self._handle = None
        if isinstance(job, EstimateRun):
            self._answered = job
        self._result = outcome.result if isinstance(outcome.result, RunEstimated) else None
        failed = outcome.message if outcome.state is JobState.FAILED else ""
        self._say(failed)
        if self._result is not None and self._folder is not None:
            folder = self._folder
            self._free.ask(lambda: shutil.disk_usage(_existing(folder)).free)

    def _on_free(self, free: int) -> None:
        needed = self._result.cost.disk_bytes if self._result is not None else 0
        self.warned.emit(
            self.tr("Only {free} free in the folder for runs; this run may need {needed}.").format(
                free=file_size(free), needed=file_size(needed)
            )
            if free < needed
            else ""
        )

    def _say(self, failed: str = "") -> None:
        self.label.setToolTip("")
        self.button.setVisible(self._paused and self._wish is not None and self._wish != self._answered)
        if self._wish is None:
            words = ""
        elif self._wish == self._answered and self._result is not None:
            words = cost_in_words(self._result.cost) + "."
            self.label.setToolTip(self._result.device)
        elif failed:
            words = failed
        elif self._paused and self._handle is None:
            words = self._counts + "."
        else:
            words = self.tr("{counts}; the time is being estimated…").format(counts=self._counts)
        self.label.setText(words)

    def _in_counts(self, facts: DatasetFacts, config: RunConfig) -> str:
        images = facts.training_images
        head, tune = config.head_stage, config.fine_tune_stage
        steps = 0
        if "head" in config.stages:
            steps += head.epochs * math.ceil(images / head.batch_size)
        if "fine-tune" in config.stages:
            steps += tune.epochs * math.ceil(images / (tune.batch_size * tune.accumulation))
        return self.tr("{images} training images, {steps} steps").format(
            images=f"{images:,}", steps=f"{steps:,}"
        )


def _what_costs(config: RunConfig) -> RunConfig:
    """Return the settings with those that cost nothing at their defaults, so that these ask for no new estimate."""
    return msgspec.structs.replace(
        config,
        seed=0,
        imbalance=Imbalance(),
        early_stopping=EarlyStopping(),
        checkpoint_minutes=5.0,
        deterministic=False,
        weights=config.weights if config.weights in ("imagenet", "random") else "imagenet",
    )


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())

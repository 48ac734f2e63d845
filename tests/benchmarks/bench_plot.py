"""The live plots at 1,000 events a second: how long the window stalls, and how often it repaints.

A run's right side of the training page is shown at its usual size. Events are said from a thread, as the engine's
reader does, and arrive as queued signals. A timer of 10 ms in the GUI thread measures the gaps between its ticks;
the same is measured without events, for comparison.

Run: `python tests/benchmarks/bench_plot.py [SECONDS]`, on the platform that QT_QPA_PLATFORM names.
"""

from __future__ import annotations

import math
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from skindesk.models.runs.live import LiveRun
from skindesk.pages.training.run_panel import RunPanel
from skindesk.settings import Settings
from skindesk.widgets.theme import apply_theme
from trainer.config import HeadStage, RunConfig
from trainer.events import EpochEnded, PartMetrics, StageStarted, StepDone

SECONDS = 20.0
PER_SECOND = 1_000
STEPS = 2_000  # an epoch each two seconds
TICK_MS = 10
CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")


class Speaker(QObject):
    """Says events from a thread of its own."""

    said = Signal(object)

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._thread = threading.Thread(target=self._speak, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _speak(self) -> None:
        self.said.emit(StageStarted("head", 0, 1_000, STEPS, 526_087))
        begun = time.monotonic()
        number = 0
        while time.monotonic() - begun < self._seconds:
            while number < PER_SECOND * (time.monotonic() - begun):
                epoch, step = divmod(number, STEPS)
                loss = math.exp(-number / 8_000) * (1 + 0.2 * math.sin(number))
                self.said.emit(StepDone("head", epoch + 1, step + 1, STEPS, loss, 0.8, 1e-3, 900.0, 60.0))
                if step == STEPS - 1:
                    self.said.emit(EpochEnded("head", epoch + 1, _part(loss), _part(loss), 1e-3, 2.0, True))
                number += 1
            time.sleep(0.002)


def _part(loss: float) -> PartMetrics:
    recall = dict.fromkeys(CLASSES, 0.6)
    return PartMetrics(
        loss=loss, accuracy=0.8, macro_recall=0.6, recall=recall, support=dict.fromkeys(CLASSES, 40)
    )


class Gaps(QObject):
    """Measures the time between the ticks of a timer, milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps: list[float] = []
        self._last = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        self.gaps = []
        self._last = time.perf_counter()
        self._timer.start(TICK_MS)

    def stop(self) -> None:
        self._timer.stop()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.gaps.append(1000 * (now - self._last))
        self._last = now

    def describe(self) -> str:
        gaps = np.array(self.gaps)
        over = int((gaps > 50).sum())
        return (
            f"longest gap {gaps.max():6.1f} ms, 99.9th percentile {np.percentile(gaps, 99.9):6.1f} ms, "
            f"median {np.median(gaps):5.1f} ms, {over} of {len(gaps):,} over 50 ms"
        )


def main() -> None:
    """Measure and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    application = QApplication([])
    application.setStyle("Fusion")
    apply_theme(application, "light")
    panel = RunPanel(Settings(Path(tempfile.mkdtemp()) / "settings.json"))
    panel.setMinimumSize(740, 780)
    panel.show()
    run = LiveRun("bench", RunConfig(head_stage=HeadStage(epochs=1_000)))
    panel.show_run(run, ("mel",))
    gaps, speaker = Gaps(), Speaker(seconds)

    def hear(event: object) -> None:
        run.hear(event)  # type: ignore[arg-type]
        panel.wake()

    speaker.said.connect(hear, Qt.ConnectionType.QueuedConnection)
    results: list[str] = []
    used: list[float] = []

    def begin() -> None:
        results.append(f"idle:   {gaps.describe()}")
        used.append(time.process_time())
        gaps.start()
        speaker.start()
        QTimer.singleShot(int(1000 * seconds), end)

    def end() -> None:
        gaps.stop()
        used.append(time.process_time())
        results.append(f"events: {gaps.describe()}")
        application.quit()

    # The first second is for the first painting.
    QTimer.singleShot(1000, gaps.start)
    QTimer.singleShot(1000 + int(1000 * min(seconds, 5.0)), begin)
    application.exec()
    for line in results:
        print(line)
    repaints = [plot.repaints / seconds for plot in panel.charts.plots]
    print(
        f"{len(run.steps):,} steps and {len(run.epochs)} epochs heard in {seconds:g} s, "
        f"{len(run.steps) / seconds:,.0f} steps a second; repaints a second: "
        + ", ".join(f"{rate:.1f}" for rate in repaints)
        + f"; {100 * (used[1] - used[0]) / seconds:.0f} % of one core, the speaking thread included"
    )


if __name__ == "__main__":
    main()

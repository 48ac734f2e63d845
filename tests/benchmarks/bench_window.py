"""How soon the window is there, and whether it stays alive while a network trains.

    python tests/benchmarks/bench_window.py [--starts 9] [--seconds 60]

Start: from the start of the process to the first painting, against a bare PySide6 window. Life: the gaps of a 10 ms
timer in the window while the tiny network trains in the engine's child process, against the same training in a QThread
of the window's own process. Needs no screen (QT_QPA_PLATFORM=offscreen unless it is set).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

BARE = """
import sys, time
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QMainWindow
class Window(QMainWindow):
    def event(self, event):
        handled = super().event(event)
        if event.type() in (QEvent.Type.UpdateRequest, QEvent.Type.Paint):
            print(time.time(), flush=True)
            QApplication.exit()
        return handled
application = QApplication(sys.argv)
window = Window()
window.resize(1360, 860)
window.show()
application.exec()
"""

OURS = """
import time
from skindesk.app import SkinDesk, make_application
from skindesk.paths import Paths
application = make_application([])
program = SkinDesk(Paths.standard())
program.window.painted.connect(lambda: (print(time.time(), flush=True), application.exit()))
program.window.show()
application.exec()
"""

GAPS = """
import json, sys, time
from pathlib import Path
from PySide6.QtCore import QThread, QTimer, Qt
from skindesk.app import SkinDesk, make_application
from skindesk.paths import Paths
from tests.small import TINY_RUN
import msgspec
way, dataset, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
application = make_application([])
program = SkinDesk(Paths.standard())
program.window.show()
program.window.show_page("training")
page = program.window.page("training")
config = msgspec.structs.replace(
    TINY_RUN,
    fine_tune_stage=msgspec.structs.replace(TINY_RUN.fine_tune_stage, epochs=500),
    deterministic=False,
)
class Thread(QThread):
    def run(self):
        from trainer.dataset.store import DatasetStore
        from trainer.events import StopRequest
        from trainer.training.loop import train
        self.stop = StopRequest()
        folder = program.paths.runs / "in a thread"
        with DatasetStore.open(dataset, read_only=True) as store:
            try:
                train(store, folder, config, cache_folder=program.paths.features, stop=self.stop)
            except Exception as error:
                print(repr(error), file=sys.stderr)
thread = Thread()
gaps, last = [], [time.perf_counter()]
def tick():
    now = time.perf_counter()
    gaps.append(now - last[0])
    last[0] = now
timer = QTimer()
timer.setTimerType(Qt.TimerType.PreciseTimer)
timer.timeout.connect(tick)
steps = []
def begin():
    timer.start(10)
    last[0] = time.perf_counter()
    if way == "child":
        handle = page.start_run(config, dataset, "benchmark")
        handle.heard.connect(steps.append)
    else:
        thread.start()
def end():
    timer.stop()
    if way == "child":
        program.engines.close(30)
    else:
        thread.stop.ask()
        thread.wait(60_000)
    ordered = sorted(gaps)
    print(json.dumps({
        "ticks": len(gaps), "longest": ordered[-1], "p999": ordered[int(0.999 * (len(ordered) - 1))],
        "lost": sum(gap for gap in gaps if gap > 0.1), "heard": len(steps),
    }), flush=True)
    application.exit()
QTimer.singleShot(1500, begin)
QTimer.singleShot(int(1000 * (seconds + 1.5)), end)
application.exec()
"""


def seconds_to_paint(code: str, home: Path) -> float:
    """Return the seconds from the start of a process to the first painting of its window."""
    begun = time.time()
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(home),
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(ran.stdout.split()[0]) - begun


def environment(home: Path) -> dict[str, str]:
    """Return this process' environment with a home of its own."""
    root = str(Path(__file__).resolve().parents[2])
    return {"QT_QPA_PLATFORM": "offscreen"} | os.environ | {"SKINDESK_HOME": str(home), "PYTHONPATH": root}


def bench_start(starts: int, home: Path) -> None:
    """Print the ratio of the medians of alternating starts; the first of each warms the disk's cache."""
    bare, ours = [], []
    for _ in range(starts + 1):
        bare.append(seconds_to_paint(BARE, home))
        ours.append(seconds_to_paint(OURS, home))
    middle_bare, middle_ours = statistics.median(bare[1:]), statistics.median(ours[1:])
    print(
        f"start to first painting: bare window {middle_bare:.2f} s, SkinDesk {middle_ours:.2f} s (median of {starts})"
    )
    print(f"ratio SkinDesk / bare: {middle_ours / middle_bare:.2f} (at most 2 is aimed at)")


def bench_life(seconds: float, home: Path) -> None:
    """Print the gaps of a 10 ms timer for both ways of training."""
    from tests.small import draw_small_images  # after the path is set
    from trainer.dataset.importing import import_dataset
    from trainer.dataset.splitting import split_dataset
    from trainer.dataset.store import DatasetStore

    folder, dataset = home / "images", home / "small.db"
    draw_small_images(folder)
    import_dataset(folder, dataset)
    with DatasetStore.open(dataset) as store:
        split_dataset(store, seed=1, fractions=(0.6, 0.2, 0.2))
    longest = {}
    for way in ("child", "thread"):
        ran = subprocess.run(
            [sys.executable, "-c", GAPS, way, str(dataset), str(seconds)],
            env=environment(home / way),
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        line = ran.stdout.strip().splitlines()[-1]
        print(f"training in a {way}: {line}")
        import json

        longest[way] = json.loads(line)
    ratio = longest["thread"]["longest"] / longest["child"]["longest"]
    print(
        f"longest gap: child {1000 * longest['child']['longest']:.0f} ms, "
        f"QThread {1000 * longest['thread']['longest']:.0f} ms (ratio {ratio:.1f}); "
        f"99.9th percentile: {1000 * longest['child']['p999']:.0f} ms and {1000 * longest['thread']['p999']:.0f} ms"
    )


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        bench_start(arguments.starts, Path(name) / "start")
        bench_life(arguments.seconds, Path(name))


if __name__ == "__main__":
    main()

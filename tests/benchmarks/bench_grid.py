"""The grid of thumbnails: half a million samples in it, and scrolling through ten thousand real ones.

Half a million samples (drawn at random, without files): the time until the grid is painted, against a list
view in icon mode over the same samples in the same run; resizing, filtering, sorting, searching, selecting.

Scrolling: a timer of 10 ms runs in the window while the grid scrolls from end to end; each gap between two of
its ticks is how long the window did not react. Wanted: 99.9 % of the gaps within 50 ms.

usage: QT_QPA_PLATFORM=offscreen python tests/benchmarks/bench_grid.py [--samples 500000] [--seconds 20]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from common import real_images
from PySide6.QtCore import QAbstractListModel, QEvent, QEventLoop, QModelIndex, QSize, Qt, QTimer
from PySide6.QtWidgets import QApplication, QListView, QWidget

from skindesk.models.dataset.query import parse_query
from skindesk.models.dataset.samples import SampleTable, SortKey
from skindesk.widgets.samples.thumbnail_view import ThumbnailView
from skindesk.widgets.theme import apply_theme
from trainer.dataset.classes.malignancy import Marks
from trainer.dataset.reading.layouts import read_source

if TYPE_CHECKING:
    from collections.abc import Callable


CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
WINDOW = QSize(1100, 800)
TICK_MS = 10


def drawn_table(n: int) -> SampleTable:
    """Return samples drawn at random."""
    generator = np.random.default_rng(0)

    def any_of(*texts: str | None) -> np.ndarray:
        return np.array(texts, dtype=object)[generator.integers(0, len(texts), n)]

    frame = pd.DataFrame(
        {
            "sample_id": [f"ISIC_{number:07d}" for number in range(n)],
            "path": [f"/nowhere/ISIC_{number:07d}.jpg" for number in range(n)],
            "class_name": any_of(*CLASSES),
            "lesion_id": [f"HAM_{number:07d}" for number in generator.integers(0, 3 * n // 4, n)],
            "patient_id": None,
            "split": any_of("train", "validation", "test", None),
            "age": generator.integers(0, 18, n) * 5.0,
            "sex": any_of("female", "male", None),
            "site": any_of("back", "lower extremity", "face", "trunk", None),
            "dx_type": any_of("histo", "follow_up", "consensus"),
            "width": 600,
            "height": 450,
            "bytes": generator.integers(20_000, 400_000, n),
        }
    )
    return SampleTable.of(frame, Marks(malignant=("akiec", "bcc", "mel")))


class IconList(QAbstractListModel):
    """The same samples for a list view."""

    def __init__(self, table: SampleTable) -> None:
        super().__init__()
        self._table = table

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802 - Qt names it
        """Return how many there are."""
        return 0 if parent is not None and parent.isValid() else len(self._table)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return the id."""
        return self._table.id.texts[index.row()] if role == Qt.ItemDataRole.DisplayRole else None


def until_painted(view: QWidget, change: Callable[[], object]) -> float:
    """Return the milliseconds that a change takes until all it asks of the window is done and painted."""
    begun = time.perf_counter()
    change()
    QApplication.sendPostedEvents()
    loop = QEventLoop()
    # Layouts are delayed to a timer of 0 ms; this one comes after it.
    QTimer.singleShot(0, lambda: QTimer.singleShot(0, loop.quit))
    loop.exec()
    view.repaint()
    return 1000 * (time.perf_counter() - begun)


def bench_half_a_million(n: int) -> None:
    """Print the times of the grid with many samples."""
    print(f"{n:,} samples, window {WINDOW.width()} x {WINDOW.height()}", flush=True)
    begun = time.perf_counter()
    table = drawn_table(n)
    print(f"  building the table, in a worker of the program: {time.perf_counter() - begun:.2f} s")

    listed = QListView()
    listed.setViewMode(QListView.ViewMode.IconMode)
    listed.setResizeMode(QListView.ResizeMode.Adjust)
    listed.setUniformItemSizes(True)
    listed.setGridSize(QSize(136, 136))
    listed.resize(WINDOW)
    listed.show()
    few = drawn_table(100)
    small, model = IconList(few), IconList(table)
    until_painted(listed.viewport(), lambda: listed.setModel(small))  # fonts and icons are loaded once
    in_list = until_painted(listed.viewport(), lambda: listed.setModel(model))
    listed_resized = until_painted(
        listed.viewport(), lambda: listed.resize(WINDOW.width() - 150, WINDOW.height())
    )
    listed.close()

    view = ThumbnailView()
    view.resize(WINDOW)
    view.show()
    until_painted(view.viewport(), lambda: view.show_samples(few, few.rows()))
    shown = until_painted(view.viewport(), lambda: view.show_samples(table, table.rows()))
    print(f"  show: {shown:.1f} ms; list view in icon mode: {in_list:.1f} ms; ratio {in_list / shown:.0f}")
    resized = until_painted(view.viewport(), lambda: view.resize(WINDOW.width() - 150, WINDOW.height()))
    print(
        f"  resize: {resized:.1f} ms; list view: {listed_resized:.1f} ms; ratio {listed_resized / resized:.0f}"
    )
    thinner = until_painted(view.viewport(), lambda: view.set_thumbnail_width(96))
    print(f"  smaller thumbnails: {thinner:.1f} ms")

    def show(what: str, rows: Callable[[], np.ndarray]) -> None:
        begun = time.perf_counter()
        found = rows()
        middle = time.perf_counter()
        painted = until_painted(view.viewport(), lambda: view.show_samples(table, found))
        print(f"  {what}: {1000 * (middle - begun):.1f} ms + {painted:.1f} ms to show {len(found):,}")

    def matching(text: str) -> np.ndarray:
        query = parse_query(text)
        assert query is not None
        return table.rows(matching=query.matches(table))

    show("filter by class", lambda: table.rows(classes={"mel", "bcc"}))
    show("filter by class and part", lambda: table.rows(classes={"mel"}, parts={"test"}))
    for key in SortKey:
        show(f"sort by {key.value}, first time", lambda key=key: table.rows(key=key, descending=True))
    show("sort by age again", lambda: table.rows(key=SortKey.AGE, descending=True))
    show("search '12345'", lambda: matching("12345"))
    show("search 'age > 60 and site = back'", lambda: matching("age > 60 and site = back"))
    show("everything", table.rows)
    print(f"  select all: {until_painted(view.viewport(), view.selectAll):.1f} ms")
    view.close()


@dataclass
class Gaps:
    """How long the window did not react, ms each."""

    ticks: list[float]

    def describe(self) -> str:
        """Return the figures."""
        gaps = np.array(self.ticks)
        return (
            f"longest gap {gaps.max():.1f} ms, 99.9th percentile {np.percentile(gaps, 99.9):.1f} ms, "
            f"median {np.median(gaps):.1f} ms, n = {len(gaps):,}"
        )


def watch(milliseconds: int, step: Callable[[float], object], step_ms: int = 16) -> Gaps:
    """Run the event loop and measure it.

    Args:
        milliseconds: for so long.
        step: called every `step_ms` with how much of the time has passed, 0 to 1.
        step_ms: see there.
    """
    gaps: list[float] = []
    loop = QEventLoop()
    begun = last = time.perf_counter()

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        gaps.append(1000 * (now - last))
        last = now

    ticker = QTimer()
    ticker.setTimerType(Qt.TimerType.PreciseTimer)
    ticker.timeout.connect(tick)
    mover = QTimer()
    mover.setTimerType(Qt.TimerType.PreciseTimer)
    mover.timeout.connect(lambda: step(min(1000 * (time.perf_counter() - begun) / milliseconds, 1.0)))
    QTimer.singleShot(milliseconds, loop.quit)
    ticker.start(TICK_MS)
    mover.start(step_ms)
    loop.exec()
    return Gaps(gaps)


def real_table() -> SampleTable:
    """Return the samples of the real images, without an import: paths and classes are all the grid needs."""
    listing = read_source(real_images("ham10000_200x150"))
    samples = sorted(listing.samples, key=lambda sample: sample.sample_id)
    frame = pd.DataFrame(
        {
            "sample_id": [sample.sample_id for sample in samples],
            "path": [str(listing.root / sample.path) for sample in samples],
            "class_name": [sample.class_name for sample in samples],
            "lesion_id": [sample.lesion_id for sample in samples],
            "age": [sample.age for sample in samples],
        }
    )
    for column in ("patient_id", "split", "sex", "site", "dx_type"):
        frame[column] = None
    frame["width"], frame["height"], frame["bytes"] = 200, 150, 5000
    return SampleTable.of(frame.astype({"age": "float64"}), Marks(malignant=("akiec", "bcc", "mel")))


def bench_scrolling(seconds: int) -> None:
    """Print how the window reacts while real thumbnails scroll by."""
    table = real_table()
    view = ThumbnailView()
    view.resize(WINDOW)
    view.show()
    view.show_samples(table, table.rows())
    print(f"{len(table):,} real thumbnails, {view.grid.columns} in a row", flush=True)
    idle = watch(2000, lambda _passed: None)
    print(f"  at rest: {idle.describe()}")
    bar = view.verticalScrollBar()
    decoded: set[str] = set()
    view.thumbnails.ready.connect(decoded.update)
    for what, length in (("slowly, once through", seconds), ("fast, once through", max(seconds // 4, 2))):
        decoded.clear()
        view.thumbnails.clear()
        gaps = watch(1000 * length, lambda passed: bar.setValue(round(passed * bar.maximum())))
        print(f"  {what} in {length} s, {len(decoded):,} decoded: {gaps.describe()}", flush=True)
    generator = np.random.default_rng(1)
    decoded.clear()
    gaps = watch(
        1000 * max(seconds // 4, 2), lambda _: bar.setValue(int(generator.integers(bar.maximum()))), 300
    )
    print(f"  jumping about, {len(decoded):,} decoded: {gaps.describe()}")
    view.close()


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=500_000)
    parser.add_argument("--seconds", type=int, default=20)
    arguments = parser.parse_args()
    application = QApplication(sys.argv[:1])
    application.setStyle("Fusion")
    apply_theme(application, "light")
    print(f"{os.environ.get('QT_QPA_PLATFORM', 'native')} display, {os.cpu_count()} processors")
    bench_half_a_million(arguments.samples)
    bench_scrolling(arguments.seconds)
    application.sendPostedEvents(None, QEvent.Type.DeferredDelete)


if __name__ == "__main__":
    main()

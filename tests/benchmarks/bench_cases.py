"""Ten thousand saved cases: the time to list, search, sort and open them, in the store and in the window.

The cases are made from a few that are saved as the program saves them, with images of 600 x 450 pixels; the rest are
copies of their rows. A gap is how long the window did not react while the page read and showed the list.

usage: QT_QPA_PLATFORM=offscreen python tests/benchmarks/bench_cases.py [--cases 10000]
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from PySide6.QtCore import QEvent, QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from skindesk.background import all_done
from skindesk.models.cases.cases import CasesModel
from skindesk.models.cases.database import opened, transaction
from skindesk.models.cases.erasing import erase_cases
from skindesk.models.cases.reading import confirmed_cases, list_cases, open_case
from skindesk.models.cases.scoring import results_of
from skindesk.models.cases.table import CaseTableModel
from skindesk.models.diagnosis.patient import PatientFields
from skindesk.models.workspace import Workspace
from skindesk.pages.cases import CasesPage
from skindesk.paths import Paths
from skindesk.settings import Settings
from skindesk.widgets.theme import apply_theme
from tests.skindesk.saved_cases import save

if TYPE_CHECKING:
    from collections.abc import Callable

_SAVED = 20
_REPEATS = 20
_TICK_MS = 5


def fill(paths: Paths, folder: Path, cases: int) -> None:
    """Save some cases, then copy their rows."""
    generator = np.random.default_rng(0)
    images = []
    for number in range(_SAVED):
        images.append(folder / f"{number}.png")
        Image.fromarray(generator.integers(0, 255, (450, 600, 3), np.uint8)).save(images[-1])
    begun = time.perf_counter()
    for number, image in enumerate(images):
        patient = PatientFields(name=f"Somebody {number}", site=("back", "left forearm", "face")[number % 3])
        save(paths.cases, [image], ("mel", "nv", "bcc")[number % 3], patient=patient)
    print(
        f"  save one case, with a copy of its image: {(time.perf_counter() - begun) / _SAVED * 1000:.0f} ms"
    )
    with opened(paths.cases) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(cases)")]
        rows = connection.execute(f"SELECT {', '.join(names)} FROM cases").fetchall()
        with transaction(connection):
            for number in range(cases - len(rows)):
                row = dict(zip(names, rows[number % len(rows)], strict=True))
                old, new = row["case_id"], secrets.token_hex(8)
                row |= {"number": None, "case_id": new, "lesion": new, "note": f"note {number}"}
                row["confirmed_class"] = ("mel", "nv", "")[number % 7 % 3]
                marks = ", ".join("?" * len(names))
                connection.execute(f"INSERT INTO cases VALUES ({marks})", tuple(row.values()))
                for table, others in (("diagnoses", "content"), ("thumbnails", "place, jpeg")):
                    connection.execute(
                        f"INSERT INTO {table} SELECT ?, {others} FROM {table} WHERE case_id = ?",
                        (new, old),
                    )


def timed(what: str, work: Callable[[], object], repeats: int = _REPEATS) -> None:
    """Print the median time of some work."""
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    print(f"  {what}: {1000 * statistics.median(seconds):.1f} ms")


def bench_store(paths: Paths) -> None:
    """Print what a worker takes."""
    cases = list_cases(paths.cases).cases
    print(f"{len(cases):,} cases, file of {(paths.cases / 'cases.db').stat().st_size / (1 << 20):.0f} MiB")
    timed("list all, in a worker", lambda: list_cases(paths.cases), 5)
    timed("open one, in a worker", lambda: open_case(paths.cases, cases[len(cases) // 2].case_id))
    timed("judge the confirmed ones, in a worker", lambda: results_of(confirmed_cases(paths.cases)), 3)
    model = CaseTableModel()
    model.show_cases(cases)
    for words in ("forearm", "melanoma somebody", "note 9999"):
        model.look_for("", "all")
        timed(
            f"search “{words}”", lambda words=words: (model.look_for(words, "all"), model.look_for("", "all"))
        )
    for column in (1, 3, 5):
        timed(
            f"sort by column {column}", lambda column=column: model.sort(column, Qt.SortOrder.DescendingOrder)
        )


def bench_window(paths: Paths) -> None:
    """Print how the window reacts while the page comes up and is searched."""
    settings = Settings(paths.settings_file)
    window = QWidget()
    page = CasesPage(CasesModel(paths, window), Workspace(settings), settings, window)
    for widget in (window, page):
        widget.resize(1200, 800)
    gaps: list[float] = []
    last = time.perf_counter()

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        gaps.append(1000 * (now - last))
        last = now

    def until(what: str, reached: Callable[[], bool]) -> None:
        nonlocal last
        gaps.clear()
        begun = last = time.perf_counter()
        loop = QEventLoop()
        looker = QTimer()
        looker.timeout.connect(lambda: loop.quit() if reached() else None)
        looker.start(_TICK_MS)
        loop.exec()
        print(
            f"  {what}: {1000 * (time.perf_counter() - begun):.0f} ms, longest gap {max(gaps, default=0):.0f} ms"
        )

    ticker = QTimer()
    ticker.setTimerType(Qt.TimerType.PreciseTimer)
    ticker.timeout.connect(tick)
    ticker.start(_TICK_MS)
    window.show()
    until("page shown with its first case", lambda: bool(page.detail.over_time.tiles))
    page.search.setText("note 9999")
    until("search typed until it is shown", lambda: len(page.table.cases.rows) == 1)
    page.search.clear()
    until("search cleared until all are shown", lambda: len(page.table.cases.rows) > 1)
    case_id = page.table.cases.rows[5000 % len(page.table.cases.rows)].case_id
    page.table.choose([case_id])
    shown = page.detail.over_time
    until(
        "select a case until its image is shown",
        lambda: shown.tiles[0].moment.case.summary.case_id == case_id,
    )
    window.close()
    window.deleteLater()
    settings.flush()
    all_done(10.0)


def main() -> None:
    """Run all parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=10_000)
    arguments = parser.parse_args()
    application = QApplication(sys.argv[:1])
    application.setStyle("Fusion")
    apply_theme(application, "light")
    print(f"{os.environ.get('QT_QPA_PLATFORM', 'native')} display, {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths.below(Path(folder) / "home")
        fill(paths, Path(folder), arguments.cases)
        bench_store(paths)
        bench_window(paths)
        ids = [case.case_id for case in list_cases(paths.cases).cases[:1]]
        timed("erase one for good, in a worker", lambda: erase_cases(paths, ids), 1)
    application.sendPostedEvents(None, QEvent.Type.DeferredDelete)


if __name__ == "__main__":
    main()

"""The log of a run: its lines, their times, and a log of thousands of them."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from skindesk.models.runs.live import LiveRun, LogEntry
from skindesk.widgets.run_log import RunLog
from tests.skindesk.made_events import MADE_CONFIG, both_stages
from trainer.events import Failed, Progress, Said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.usefixtures("settings")

NOW = time.time()


@pytest.fixture
def log(qtbot: QtBot) -> Iterator[RunLog]:
    """An empty log, shown."""
    window = QWidget()
    qtbot.addWidget(window)
    window.setFixedSize(500, 150)
    log = RunLog(window)
    log.setFixedSize(window.size())
    window.show()
    yield log
    window.hide()


def test_a_line_of_another_day_says_which(log: RunLog) -> None:
    earlier = datetime(2026, 3, 1, 9, 5, 7).astimezone().timestamp()
    log.add(
        [
            LogEntry(0.0, Said("Nobody noted when.")),
            LogEntry(earlier, Said("Long ago.")),
            LogEntry(NOW, Progress("Says nothing", 1, 2)),
            LogEntry(NOW, Failed("Just now.")),
        ]
    )
    today = f"{datetime.fromtimestamp(NOW).astimezone():%H:%M:%S}"
    lines = ["Nobody noted when.", "2026-03-01 09:05:07  Long ago.", f"{today}  Error: Just now."]
    assert log.toPlainText().splitlines() == lines
    log.copy_all()
    assert QGuiApplication.clipboard().text().splitlines() == lines


def test_thousands_of_lines_come_bit_by_bit_and_in_order(log: RunLog, qtbot: QtBot) -> None:
    said = [str(number) for number in range(6_000)]
    log.add([LogEntry(0.0, Said(words)) for words in said])
    assert log.blockCount() < 100, "the window is not held up"
    log.add([LogEntry(0.0, Said("last"))])
    log.copy_all()
    latest = [*said, "last"][-5_000:]
    assert QGuiApplication.clipboard().text().splitlines() == latest, "what is not shown yet is copied, too"
    qtbot.waitUntil(lambda: log.toPlainText().endswith("last"), timeout=60_000)
    assert log.toPlainText().splitlines() == latest
    bar = log.verticalScrollBar()
    assert bar.value() == bar.maximum()


def test_the_end_stays_in_view_when_the_log_gets_smaller(log: RunLog) -> None:
    log.add(
        [
            LogEntry(NOW, Said(f"Line {number} of a log with sentences of some length."))
            for number in range(30)
        ]
    )
    bar = log.verticalScrollBar()
    log.setFixedSize(200, 80)
    assert bar.value() == bar.maximum() > 0
    bar.setValue(3)
    log.setFixedSize(400, 120)
    log.add([LogEntry(NOW, Said("Another."))])
    assert bar.value() < bar.maximum()


def test_epochs_are_counted_over_all_stages(log: RunLog) -> None:
    run = LiveRun("a run", MADE_CONFIG)
    for event in both_stages(best=2):
        run.hear(event)
    log.add(run.log)
    lines = [line for line in log.toPlainText().splitlines() if "Epoch " in line]
    assert len(lines) == len(run.epochs)
    for line, point in zip(lines, run.epochs, strict=True):
        assert f"Epoch {point.x:.0f}, stage {point.ended.stage}: " in line

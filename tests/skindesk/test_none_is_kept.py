"""A window that has run for hours still has None, True and False."""

from __future__ import annotations

import subprocess
import sys

CALLS = """
import skindesk
from PySide6.QtCore import QObject, Signal
class Thing(QObject):
    said = Signal(bool)
thing = Thing()
thing.said.connect(lambda said: said)
for number in range(100_000):
    thing.setObjectName("a")
    thing.said.emit(True)
    thing.said.emit(False)
print("alive")
"""


def test_many_calls_and_signals_do_not_use_up_the_constants() -> None:
    ran = subprocess.run([sys.executable, "-c", CALLS], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "alive\n"), ran.stderr

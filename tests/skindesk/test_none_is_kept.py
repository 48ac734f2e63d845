"""A window that has run for hours still has None."""

from __future__ import annotations

import subprocess
import sys

CALLS = """
import skindesk
from PySide6.QtCore import QObject
thing = QObject()
for _ in range(300_000):
    thing.setObjectName("a")
print("alive")
"""


def test_many_calls_that_return_nothing_do_not_use_up_none() -> None:
    ran = subprocess.run([sys.executable, "-c", CALLS], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "alive\n"), ran.stderr

"""How this program starts itself again in a child process, from source or frozen into an executable."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def own_command(*words: str) -> list[str]:
    """Return what starts `python -m trainer WORDS...`; in the frozen program the same executable does it."""
    start = ["trainer"] if getattr(sys, "frozen", False) else ["-m", "trainer"]
    return [sys.executable, *start, *words]


def own_environment(**more: str) -> dict[str, str]:
    """Return this process' environment for a child that finds the same code in whatever folder it starts.

    Args:
        more: variables to be set in the child.
    """
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH", ""))))
    return os.environ | {"PYTHONPATH": path} | more

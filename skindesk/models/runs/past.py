"""What a run said before it was interrupted, read back from its folder in a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skindesk.models.runs.live import LiveRun
from trainer.runs.folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.config import RunConfig


def size_of_past(folder: Path) -> int:
    """Return how much a run has said so far, in bytes of its events; what it says from now on comes after them."""
    try:
        return RunFolder(folder).events_file.stat().st_size
    except OSError:
        return 0


def read_past(folder: Path, config: RunConfig, size: int) -> LiveRun:
    """Return a run as its first events tell it, with as many steps and lines of its log as a run keeps.

    Args:
        folder: of the run.
        config: its settings.
        size: see `size_of_past`.
    """
    past = LiveRun(folder.name, config)
    for at, event in RunFolder(folder).kept_events(size):
        past.hear(event, at or 0.0)
    return past

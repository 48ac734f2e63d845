"""Runs that were interrupted and can go on: found in a worker."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.errors import TrainerError
from trainer.runs.folder import RunFolder
from trainer.runs.reading import read_history, read_run, run_folders
from trainer.runs.summary import RunStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from trainer.config import RunConfig
    from trainer.events import EpochEnded


@dataclass(frozen=True)
class UnfinishedRun:
    """A run that has begun and has no bundle yet.

    Attributes:
        name: as the user calls it.
        folder: of the run.
        dataset: file it is trained on; `None` where that is not known.
        config: its settings.
        history: epochs that are done.
        status: how it ended.
        planned_epochs: epochs there are at most, over all stages.
    """

    name: str
    folder: Path
    dataset: Path | None
    config: RunConfig
    history: tuple[EpochEnded, ...]
    status: RunStatus
    planned_epochs: int


def find_unfinished(parents: Iterable[Path], but: Collection[Path] = ()) -> list[UnfinishedRun]:
    """Return the runs that can go on, the latest first.

    A run that failed before its first checkpoint counts only if it was cut off: what stopped it is said where it
    was started, and starting it anew costs nothing.

    Args:
        parents: folders with runs.
        but: folders of runs that are known already.
    """
    found = []
    for folder in run_folders(parents):
        if folder in but:
            continue
        run = RunFolder(folder)
        if not run.begun or run.in_use or run.bundle.exists():
            continue
        with contextlib.suppress(TrainerError):
            entry = _read(run)
            if entry is not None:
                found.append(entry)
    return [entry for _, entry in sorted(found, key=lambda pair: pair[0], reverse=True)]


def _read(run: RunFolder) -> tuple[float, UnfinishedRun] | None:
    summary = read_run(run.path)
    history: list[EpochEnded] = []
    with contextlib.suppress(
        TrainerError
    ):  # the checkpoint has it, too; the list of runs says that it is damaged
        history = read_history(run.path)
    cut_off = summary.state in (RunStatus.STOPPED, RunStatus.INTERRUPTED)
    if not summary.state.resumable or not (cut_off or history):
        return None
    return summary.created.timestamp(), UnfinishedRun(
        name=summary.name,
        folder=run.path,
        dataset=run.dataset(),
        config=run.config(),
        history=tuple(history),
        status=summary.state,
        planned_epochs=summary.planned_epochs,
    )

"""The runs and bundles of a user: found and read in a worker, shown as a table."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)

from skindesk.background import Question
from skindesk.metric_words import hint_of, name_of, title_of
from trainer.errors import StorageError
from trainer.metrics.catalogue import ACCURACY, BALANCED_ACCURACY
from trainer.runs.naming import distinct_names, free_name, tidy_name, write_name
from trainer.runs.summary import Report, RunStatus, RunSummary
from trainer.wording import NOTHING, n_of, percent

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from skindesk.settings import Settings
    from trainer.metrics.catalogue import Metric
    from trainer.runs.reading import Signature

__all__ = ["COLUMNS", "SORT_ROLE", "SUMMARY_ROLE", "Report", "RunStatus", "RunSummary", "RunsModel"]

Index: TypeAlias = QModelIndex | QPersistentModelIndex
_Cache: TypeAlias = "dict[Path, tuple[Signature, RunSummary]]"

SORT_ROLE = Qt.ItemDataRole.UserRole
"""A value that sorts as the column means it: numbers as numbers, what is missing last."""
SUMMARY_ROLE = Qt.ItemDataRole.UserRole + 1

COLUMNS = (
    "name",
    "dataset",
    "backbone",
    "stages",
    "epochs",
    "macro_recall",
    "accuracy",
    "test",
    "state",
    "created",
)


_FIRST_LOOK_MS = 300  # after the window has shown itself
_LEAST_SECONDS = 0.5  # between two looks
_NO_INDEX = QModelIndex()
_NUMBERS = frozenset({"epochs", "macro_recall", "accuracy", "test"})
_MISSING = -1.0


class RunsModel(QAbstractTableModel):
    """All runs and imported bundles, the latest first, and the table of them.

    It looks by itself soon after it was made and whenever the workspace says that runs have changed.

    Signals:
        refreshed: the folders were looked at again; `runs` may be the same as before.
        renamed(RunSummary, str): a name was typed for a run; whoever hears it keeps it.

    Args:
        paths: the user's folders.
        settings: with `runs_folder`.
        workspace: says when runs have changed and which bundle is used for diagnosis.
        parent: as usual.
    """

    refreshed = Signal()
    renamed = Signal(object, str)

    def __init__(
        self, paths: Paths, settings: Settings, workspace: Workspace, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._paths, self._settings, self._workspace = paths, settings, workspace
        self._runs: tuple[RunSummary, ...] = ()
        self._cache: _Cache = {}
        self._looked_at = -_LEAST_SECONDS
        self._again = False
        self._scan: Question[_Cache] = Question(self._show, self._not_shown, self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look)
        self._timer.start(_FIRST_LOOK_MS)
        self.problem = ""
        self._texts: dict[str, Callable[[RunSummary], str]] = {
            "name": lambda run: run.name,
            "dataset": lambda run: run.dataset_name or NOTHING,
            "backbone": self._backbone,
            "stages": lambda run: self.stage_words(run) or NOTHING,
            "epochs": self._epochs,
            "macro_recall": lambda run: percent(run.best_macro_recall),
            "accuracy": lambda run: percent(run.best_accuracy),
            "test": self._test,
            "state": self.state_words,
            "created": _created,
        }
        self._headings = self._make_headings()
        self._roles: dict[int, Callable[[RunSummary, str], object]] = {
            Qt.ItemDataRole.DisplayRole: lambda run, column: self._texts[column](run),
            Qt.ItemDataRole.EditRole: lambda run, column: run.name if column == "name" else None,
            SORT_ROLE: lambda run, column: _SORT_VALUES[column](run),
            SUMMARY_ROLE: lambda run, _column: run,
            Qt.ItemDataRole.TextAlignmentRole: lambda _run, column: _alignment(column),
            Qt.ItemDataRole.ToolTipRole: self._hint,
            Qt.ItemDataRole.AccessibleTextRole: self._spoken,
        }
        workspace.runs_changed.connect(self.refresh)
        workspace.bundle_changed.connect(self._mark_bundle)
        settings.changed.connect(self._settings_changed)

    @property
    def runs(self) -> tuple[RunSummary, ...]:
        """All that were found at the last look, the latest first."""
        return self._runs

    @property
    def bundles(self) -> tuple[RunSummary, ...]:
        """Those that can be used for diagnosis, the latest first."""
        return tuple(run for run in self._runs if run.has_bundle)

    @property
    def looked(self) -> bool:
        """Whether the folders were looked at since the start."""
        return self._looked_at > 0

    def summary_of(self, folder: Path) -> RunSummary | None:
        """Return the run in a folder, or the one whose bundle is in it."""
        return next((run for run in self._runs if folder in {run.folder, run.bundle}), None)

    def row_of(self, folder: Path) -> int | None:
        """Return the row of the run in a folder."""
        return next((row for row, run in enumerate(self._runs) if run.folder == folder), None)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where runs are looked for, apart from imported bundles."""
        named = self._settings.text("runs_folder")
        return tuple(dict.fromkeys([*([Path(named)] if named else []), self._paths.runs]))

    def refresh(self) -> None:
        """Look at the folders again, soon; asking often costs nothing."""
        if self._scan.busy:
            self._again = True
            return
        wait = self._looked_at + _LEAST_SECONDS - time.monotonic()
        if not self._timer.isActive() or self._timer.remainingTime() > wait * 1000:
            self._timer.start(max(0, round(wait * 1000)))

    def _look(self) -> None:
        self._again = False
        self.problem = self._missing_folder()
        folders, bundles, known = self.folders, self._paths.bundles, self._cache
        self._scan.ask(lambda: _read_all(folders, bundles, known))

    def _missing_folder(self) -> str:
        named = self._settings.text("runs_folder")
        if named and not Path(named).is_dir():
            return self.tr(
                "The folder for runs, {folder}, is not available; connect its disk or choose another folder "
                "in Settings."
            ).format(folder=named)
        return ""

    def _show(self, cache: _Cache) -> None:
        self._looked_at = time.monotonic()
        self._cache = cache
        runs = tuple(
            sorted((run for _, run in cache.values()), key=lambda run: (run.created, run.name), reverse=True)
        )
        if runs != self._runs:
            self._replace(runs)
        self.refreshed.emit()
        if self._again:
            self.refresh()

    def _replace(self, runs: tuple[RunSummary, ...]) -> None:
        """Change rows in place where the same runs are there: a selection outlives what a run adds to itself."""
        if [run.folder for run in runs] == [run.folder for run in self._runs]:
            self._runs = runs
            self.dataChanged.emit(self.index(0, 0), self.index(len(runs) - 1, len(COLUMNS) - 1))
            return
        self.beginResetModel()
        self._runs = runs
        self.endResetModel()

    def _not_shown(self, sentence: str) -> None:
        self._looked_at = time.monotonic()
        self.problem = sentence
        self.refreshed.emit()

    def _settings_changed(self, key: str) -> None:
        if key == "runs_folder":
            self.refresh()

    def _mark_bundle(self) -> None:
        if self._runs:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._runs) - 1, 0))

    # --- the table ---------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        """Return the number of runs."""
        return 0 if parent.isValid() else len(self._runs)

    def columnCount(self, parent: Index = _NO_INDEX) -> int:
        """Return the number of facts shown of each."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the headings and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        words, meaning = self._headings[COLUMNS[section]]
        if role == Qt.ItemDataRole.DisplayRole:
            return words
        if role == Qt.ItemDataRole.ToolTipRole:
            return meaning
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(COLUMNS[section])
        return None

    def _make_headings(self) -> dict[str, tuple[str, str]]:
        return {
            "name": (self.tr("Name"), self.tr("The run's name; F2 changes it")),
            "dataset": (self.tr("Dataset"), self.tr("What the network was trained on")),
            "backbone": (
                self.tr("Backbone, px"),
                self.tr("The network without its head, and its input size in pixels"),
            ),
            "stages": (self.tr("Stages"), self.tr("What was trained: only the head, or the backbone too")),
            "epochs": (
                self.tr("Epochs"),
                self.tr("Epochs completed, and the number planned if not all are"),
            ),
            "macro_recall": (
                _in_two_lines(title_of(BALANCED_ACCURACY)),
                self._of_best(BALANCED_ACCURACY),
            ),
            "accuracy": (
                title_of(ACCURACY),
                self._of_best(ACCURACY),
            ),
            "test": (
                _in_two_lines(self.tr("Test {metric}").format(metric=name_of(BALANCED_ACCURACY))),
                self.tr(
                    "{hint} On the test part, if scored, with 95 % interval and number of images."
                ).format(hint=hint_of(BALANCED_ACCURACY)),
            ),
            "state": (self.tr("State"), self.tr("Status of the run")),
            "created": (self.tr("Started"), self.tr("When the run started or the bundle was made")),
        }

    def _of_best(self, metric: Metric) -> str:
        return self.tr(
            "{hint} Of the best epoch, on the validation images that chose it: one view of each, before calibration."
        ).format(hint=hint_of(metric))

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return what is shown of a run, and how it sorts."""
        answer = self._roles.get(role)
        if answer is None or not index.isValid() or index.row() >= len(self._runs):
            return None
        return answer(self._runs[index.row()], COLUMNS[index.column()])

    def _hint(self, run: RunSummary, column: str) -> str | None:
        known = {"name": str(run.folder), "dataset": str(run.dataset_path or ""), "created": _moment(run)}
        return run.problem or known.get(column)

    def _spoken(self, run: RunSummary, column: str) -> str | None:
        if column == "name" and self.is_for_diagnosis(run):
            return self.tr("{name}, used for diagnosis").format(name=run.name)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Names can be edited."""
        flags = super().flags(index)
        if index.isValid() and COLUMNS[index.column()] == "name":
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take a name that was typed, with a number if another run has it; whoever hears `renamed` stores it."""
        name = tidy_name(str(value))
        run = self._runs[index.row()] if index.isValid() else None
        if run is None or role != Qt.ItemDataRole.EditRole or not name or name == run.name:
            return False
        name = free_name(name, [other.name for other in self._runs if other is not run])
        runs = list(self._runs)
        runs[index.row()] = replace(run, name=name)
        self._runs = tuple(runs)
        self.dataChanged.emit(index, index)
        self.renamed.emit(run, name)
        return True

    def is_for_diagnosis(self, run: RunSummary) -> bool:
        """Whether a run's bundle is the one used for diagnosis."""
        return run.bundle is not None and run.bundle == self._workspace.bundle

    def state_words(self, run: RunSummary) -> str:
        """Return how a run stands, in words."""
        if run.imported and run.state is RunStatus.DONE:
            return self.tr("Imported")
        return {
            RunStatus.RUNNING: self.tr("Training"),
            RunStatus.STOPPED: self.tr("Stopped"),
            RunStatus.INTERRUPTED: self.tr("Interrupted"),
            RunStatus.DONE: self.tr("Finished"),
            RunStatus.FAILED: self.tr("Failed"),
            RunStatus.UNREADABLE: self.tr("Cannot be read"),
        }[run.state]

    def stage_words(self, run: RunSummary) -> str:
        """Return what was trained, in words."""
        if run.stages == ("head", "fine-tune"):
            return self.tr("Head + fine-tune")
        words = {"head": self.tr("Head"), "fine-tune": self.tr("Fine-tune")}
        return " + ".join(words.get(stage, stage) for stage in run.stages)

    def _backbone(self, run: RunSummary) -> str:
        side = str(run.input_size) if run.input_size else ""
        return ", ".join(filter(None, (run.backbone_title, side))) or NOTHING

    def _epochs(self, run: RunSummary) -> str:
        if run.state is RunStatus.DONE or not run.planned_epochs:
            return str(run.epochs) if run.epochs else NOTHING
        return self.tr("{done} of {planned}").format(done=run.epochs, planned=run.planned_epochs)

    def _test(self, run: RunSummary) -> str:
        metrics = run.test
        if metrics is None:
            return self.tr("Not scored") if run.has_bundle else NOTHING
        return f"{BALANCED_ACCURACY.said_of(metrics)}, {n_of(metrics.n)}"


def _in_two_lines(heading: str) -> str:
    return "\n".join(heading.rsplit(" ", 1))


def _created(run: RunSummary) -> str:
    return f"{run.created:%Y-%m-%d}"


def _moment(run: RunSummary) -> str:
    return f"{run.created:%Y-%m-%d %H:%M}"


def _alignment(column: str) -> int:
    side = Qt.AlignmentFlag.AlignRight if column in _NUMBERS else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)


_SORT_VALUES: dict[str, Callable[[RunSummary], str | float]] = {
    "name": lambda run: run.name.casefold(),
    "dataset": lambda run: run.dataset_name.casefold(),
    "backbone": lambda run: f"{run.backbone} {run.input_size:04}",
    "stages": lambda run: "+".join(run.stages),
    "epochs": lambda run: run.epochs,
    "macro_recall": lambda run: _or_last(run.best_macro_recall),
    "accuracy": lambda run: _or_last(run.best_accuracy),
    "test": lambda run: _or_last(run.test.balanced_accuracy if run.test is not None else None),
    "state": lambda run: run.state.value,
    "created": lambda run: run.created.timestamp(),
}


def _or_last(value: float | None) -> float:
    return _MISSING if value is None else value


def _read_all(folders: tuple[Path, ...], bundles: Path, known: _Cache) -> _Cache:
    """Read the runs that have changed, in a worker."""
    from trainer.runs import reading as run_reading
    from trainer.runs.folder import RunFolder

    found: _Cache = {}
    for imported, parents in ((False, folders), (True, (bundles,))):
        for folder in run_reading.run_folders(parents):
            now = run_reading.signature(folder)
            before = known.get(folder)
            going = before is not None and before[1].state is RunStatus.RUNNING
            if before is not None and before[0] == now and going == RunFolder(folder).in_use:
                found[folder] = before
            else:
                found[folder] = (now, run_reading.read_run(folder, imported=imported))
    return _with_names_of_their_own(found, known)


def _with_names_of_their_own(found: _Cache, known: _Cache) -> _Cache:
    """Number the runs whose name another one has; newcomers after those that are known, imported ones last.

    A number is stored, so that a run keeps it when the other one goes. On a disk that cannot be written it holds
    as long as the other runs are the same.
    """

    def rank(folder: Path) -> tuple[bool, bool, datetime, str]:
        run = found[folder][1]
        return folder not in known, run.imported, run.created, folder.as_posix()

    places = sorted(found, key=rank)
    names = distinct_names([found[folder][1].name for folder in places])
    for folder, name in zip(places, names, strict=True):
        stated, run = found[folder]
        if name != run.name:
            found[folder] = (stated, replace(run, name=name))
            with contextlib.suppress(StorageError):
                write_name(folder, name)
    return found

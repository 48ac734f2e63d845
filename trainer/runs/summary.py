"""What a list of runs shows of each: plain values, which `trainer.runs.reading` reads."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from trainer.runs.reports import ScoredMetrics


class RunStatus(enum.Enum):
    """The status of a run."""

    RUNNING = "running"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    DONE = "done"
    FAILED = "failed"
    UNREADABLE = "unreadable"

    @property
    def resumable(self) -> bool:
        """Whether training can go on from a checkpoint."""
        return self in {RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.FAILED}


@dataclass(frozen=True)
class Report:
    """What a bundle scored on a part of a dataset.

    Attributes:
        part: `test`, `validation`, `train` or `all`.
        folder: with metrics.json, predictions.csv and pictures.
        metrics: with intervals.
        bundle_hash: of the bundle that was scored; the run may have another one by now.
        dataset_fingerprint: of the dataset it was scored on.
        prior: by class, that the probabilities assume.
        test_scorings: how often the bundle had been scored on the dataset's test part by then; `None` where
            the test part was not looked at.
        scored: when.
    """

    part: str
    folder: Path
    metrics: ScoredMetrics
    bundle_hash: str
    dataset_fingerprint: str
    prior: dict[str, float]
    test_scorings: int | None
    scored: datetime


@dataclass(frozen=True)
class RunSummary:
    """A run, or a bundle that was imported.

    Attributes:
        name: as the user calls it.
        folder: of the run.
        bundle: folder of its bundle; `None` where it has none that can be read.
        bundle_hash: twelve digits; empty without a bundle.
        imported: whether it came as a bundle from elsewhere.
        created: when the run began, or the bundle was made.
        state: how it stands.
        problem: a sentence on what of it could not be read; empty where all could.
        backbone: name as in settings; empty where not known, and for an ensemble.
        networks: in an ensemble; 0 for a network by itself.
        input_size: side of the network's square, pixels; 0 where not known.
        stages: names, in order.
        classes, malignant: of the network; empty before there is a bundle.
        epochs: epochs that are done, over all stages.
        planned_epochs: the most epochs there can be, over all stages.
        best_stage, best_epoch: of the epoch kept; the epoch is counted from 1 over all stages, 0: none yet.
        best_macro_recall, best_accuracy: on the validation images that choose, 0 to 1.
        best_n: how many these are; `None` where not known.
        reports: scorings of this bundle and of earlier ones.
        dataset_path: the dataset file it was trained on, as far as known; it may be gone.
        dataset_fingerprint: of samples and split; empty where not known.
        drawn: whether it was trained on the demo's drawings.
    """

    name: str
    folder: Path
    created: datetime
    state: RunStatus
    bundle: Path | None = None
    bundle_hash: str = ""
    imported: bool = False
    problem: str = ""
    backbone: str = ""
    networks: int = 0
    input_size: int = 0
    stages: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    malignant: tuple[str, ...] = ()
    epochs: int = 0
    planned_epochs: int = 0
    best_stage: str = ""
    best_epoch: int = 0
    best_macro_recall: float | None = None
    best_accuracy: float | None = None
    best_n: int | None = None
    reports: tuple[Report, ...] = ()
    dataset_path: Path | None = None
    dataset_fingerprint: str = ""
    drawn: bool = False

    @property
    def has_bundle(self) -> bool:
        """Whether it can be used for diagnosis."""
        return self.bundle is not None

    @property
    def dataset_name(self) -> str:
        """What its dataset file is called; empty where not known."""
        return self.dataset_path.stem if self.dataset_path is not None else ""

    @property
    def backbone_title(self) -> str:
        """Name of the backbone as in its paper; of an ensemble, how many networks it has."""
        if self.networks:
            return f"Ensemble of {self.networks} networks"
        from trainer.backbones import REGISTRY

        return next(
            (entry.title for entry in REGISTRY.values() if entry.name == self.backbone), self.backbone
        )

    def report(self, part: str) -> Report | None:
        """Return what the present bundle scored on a part; `None` where it has not been scored there."""
        fitting = [r for r in self.reports if r.part == part and r.bundle_hash == self.bundle_hash]
        return max(fitting, key=lambda report: report.scored, default=None)

    @property
    def test(self) -> ScoredMetrics | None:
        """What the present bundle scored on the test part."""
        report = self.report("test")
        return report.metrics if report is not None else None

    @property
    def validation(self) -> ScoredMetrics | None:
        """What the present bundle scored on the whole validation part, calibration images included."""
        report = self.report("validation")
        return report.metrics if report is not None else None

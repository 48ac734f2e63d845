"""All that is stored of one run, and what a scoring of it would rest on: read in a worker when a run is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.dataset.classes.malignancy import marks_by_name
from trainer.dataset.store import DatasetStore
from trainer.errors import TrainerError
from trainer.runs.bundle import read_manifest
from trainer.runs.folder import RunFolder
from trainer.runs.reading import read_history
from trainer.runs.scorings import scorings_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    from trainer.config import RunConfig
    from trainer.events import EpochEnded
    from trainer.runs.bundle import Manifest
    from trainer.runs.summary import RunSummary

    Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class RunRecord:
    """All that is stored of a run but its weights.

    Attributes:
        summary: what the list says of it.
        config: settings; `None` where they cannot be read.
        manifest: of its bundle, if it has one.
        history: every epoch that is done.
    """

    summary: RunSummary
    config: RunConfig | None
    manifest: Manifest | None
    history: tuple[EpochEnded, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, of the network or, before there is a bundle, of those that were validated."""
        if self.manifest is not None:
            return self.manifest.classes
        return tuple(sorted(self.history[-1].validation.recall)) if self.history else ()

    @property
    def malignant(self) -> tuple[str, ...]:
        """Names of the malignant classes; before there is a bundle, those that are malignant by name."""
        return self.manifest.malignant if self.manifest is not None else marks_by_name(self.classes).malignant


def read_record(summary: RunSummary) -> RunRecord:
    """Read what is stored of a run; what cannot be read is left out, as `summary.problem` says."""
    manifest = None
    if summary.bundle is not None:
        bundle = summary.bundle
        manifest = _or_none(lambda: read_manifest(bundle))
    run = RunFolder(summary.folder)
    config = None if summary.imported or not run.begun else _or_none(run.config)
    return RunRecord(
        summary,
        config or (manifest.config if manifest is not None else None),
        manifest,
        tuple(_or_none(lambda: read_history(summary.folder)) or ()),
    )


def _or_none(read: Callable[[], Found]) -> Found | None:
    try:
        return read()
    except TrainerError:
        return None


@dataclass(frozen=True)
class ScoringFacts:
    """What is to be known before a bundle is scored.

    Attributes:
        dataset: file.
        images: by part.
        test_scorings: how often this bundle was scored on the dataset's test part.
        same: whether it is the dataset and split the network was trained on.
    """

    dataset: Path
    images: dict[str, int]
    test_scorings: int
    same: bool


def read_scoring_facts(dataset: Path, bundle_hash: str, fingerprint: str) -> ScoringFacts:
    """Look into a dataset that a bundle may be scored on.

    Args:
        dataset: file.
        bundle_hash: twelve digits of the bundle.
        fingerprint: of the dataset the bundle was trained on.

    Raises:
        DatasetError: it cannot be opened.
    """
    with DatasetStore.open(dataset, read_only=True) as store:
        rows = store.database.rows(
            "SELECT split, COUNT(*) FROM samples WHERE usable AND split IS NOT NULL GROUP BY split"
        )
        return ScoringFacts(
            dataset=dataset,
            images={str(part): int(count) for part, count in rows},
            test_scorings=scorings_of(store, bundle_hash),
            same=store.fingerprint() == fingerprint,
        )

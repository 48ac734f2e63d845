"""What the diagnosis page says of its network, read in a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.predictions import choice_of

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.dataset.classes.malignancy import Marks
    from trainer.metrics.operating import OperatingPoint
    from trainer.predictions import Choice, Prediction
    from trainer.runs.bundle import Manifest
    from trainer.runs.summary import RunSummary


@dataclass(frozen=True)
class BundleFacts:
    """A bundle that can be used.

    Attributes:
        folder: of the bundle.
        manifest: everything about the network but its weights.
        summary: of the run it comes from, with what it scored.
        trained_marks: which classes were malignant or benign when it was trained.
        complete: whether the bundle knows its training images, so that others can be told from them.
        wrongly_marked: classes that an older version did not count as malignant although their names say so.
        point: the operating point that is saved for it; `None` where there is none.
    """

    folder: Path
    manifest: Manifest
    summary: RunSummary
    trained_marks: Marks
    wrongly_marked: tuple[str, ...] = ()
    complete: bool = True
    point: OperatingPoint | None = None

    @property
    def hash(self) -> str:
        """Twelve digits that name the bundle."""
        return self.summary.bundle_hash

    def choice(self, prediction: Prediction) -> Choice:
        """Return how a prediction of this network was chosen."""
        return choice_of(prediction.probabilities, prediction.predicted, self.manifest.calibration.prior)


def read_bundle_facts(folder: Path) -> BundleFacts:
    """Read what there is to say of a bundle; its weights are left to the engine.

    Raises:
        BundleError: the folder is no bundle, or its manifest is changed, damaged or too new.
    """
    from trainer.runs.bundle import REFERENCE, read_manifest, read_trained_manifest
    from trainer.runs.bundle_classes import wrongly_marked
    from trainer.runs.folder import RunFolder
    from trainer.runs.operating_point import read_operating_point
    from trainer.runs.reading import read_run  # loads numpy; this runs in a worker

    manifest = read_manifest(folder)
    run = RunFolder(folder.parent)
    of_a_run = run.begun and run.bundle == folder
    return BundleFacts(
        folder,
        manifest,
        read_run(run.path) if of_a_run else read_run(folder, imported=True),
        read_trained_manifest(folder).marks,
        wrongly_marked(folder, manifest),
        (folder / REFERENCE).is_file(),
        read_operating_point(folder),
    )


def mark_bundle(folder: Path, marks: Marks | None) -> None:
    """Store which classes of a bundle are malignant or benign; `None` goes back to what it was trained with.

    Raises:
        StorageError: the file beside the manifest cannot be written.
    """
    from trainer.runs.marks import write_marks

    write_marks(folder, marks)

"""The operating point of a bundle: what there is to choose from, what each choice leads to, and the one that is saved.

`read_basis` and `save_point` are for workers; what is chosen from a basis is computed at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from trainer.metrics.operating import (
    NotDeterminable,
    OperatingPoint,
    Target,
    choose_point,
    consequences,
    lesions_set_aside,
    point_missing,
    roc,
    target_of,
)
from trainer.predictions import MALIGNANT

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.metrics.decision import FloatArray
    from trainer.metrics.operating import Consequences, Lesions, Roc


@dataclass(frozen=True, eq=False)
class TargetBasis:
    """The lesions set aside, as one target sees them.

    Attributes:
        target: what is to be found.
        lesions: with their probabilities of it.
        corners: of the ROC curve, one for each lesion of the target.
        assumed: the share of the target's classes that the network's probabilities assume, 0 to 1.
    """

    target: Target
    lesions: Lesions
    corners: Roc
    assumed: float

    @property
    def found(self) -> int:
        """How many lesions of the target there are."""
        return len(self.corners.threshold)

    def curve(self) -> tuple[FloatArray, FloatArray]:
        """Return the ROC curve from none flagged to all: other lesions flagged and sensitivity, (m + 2,) each."""
        import numpy as np

        return (
            np.concatenate([[0.0], self.corners.flagged[::-1], [1.0]]),
            np.concatenate([[0.0], self.corners.sensitivity[::-1], [1.0]]),
        )


@dataclass(frozen=True, eq=False)
class OperatingBasis:
    """What an operating point of a bundle is chosen from.

    Attributes:
        bundle: its folder.
        malignant: classes of the network that are malignant.
        targets: by name, all malignant classes together first; none for a bundle without a reference.
        saved: the operating point beside the manifest; `None` where there is none.
        outdated: why that is not used, a sentence; empty where it is.
    """

    bundle: Path
    malignant: tuple[str, ...]
    targets: dict[str, TargetBasis]
    saved: OperatingPoint | None = None
    outdated: str = ""


@dataclass(frozen=True)
class Proposal:
    """A choice and what it leads to on the lesions set aside.

    Attributes:
        wanted: the sensitivity that was asked for; `None` where a number of missed lesions was.
        point: what was chosen; `None` where the sensitivity cannot be asserted.
        refusal: why it cannot.
        found: what the point leads to.
    """

    wanted: float | None
    point: OperatingPoint | None
    refusal: NotDeterminable | None = None
    found: Consequences | None = None


class SavedPoint(NamedTuple):
    """A bundle, and the operating point that lies beside its manifest now; `None` where none does."""

    bundle: Path
    point: OperatingPoint | None


def read_basis(bundle: Path) -> OperatingBasis:
    """Read what an operating point of a bundle is chosen from.

    Raises:
        TrainerError: the bundle, or what lies beside its manifest, cannot be read.
    """
    from trainer.reference.reference import read_reference
    from trainer.reference.rules import calibrate
    from trainer.runs.bundle import read_manifest
    from trainer.runs.operating_point import read_operating_point, why_outdated

    manifest = read_manifest(bundle)
    reference = read_reference(bundle, manifest)
    if reference is None:
        return OperatingBasis(bundle, manifest.malignant, {})
    aside, fitted = calibrate(reference.validation, manifest)
    targets: dict[str, TargetBasis] = {}
    for name in (*([MALIGNANT] if manifest.malignant else []), *manifest.classes):
        target = target_of(name, manifest.classes, manifest.malignant)
        lesions = lesions_set_aside(aside, fitted, manifest.classes, target)
        assumed = sum(manifest.calibration.prior[member] for member in target.classes)
        targets.setdefault(name, TargetBasis(target, lesions, roc(lesions), assumed))
    saved = read_operating_point(bundle)
    outdated = why_outdated(saved, manifest) if saved is not None else ""
    return OperatingBasis(bundle, manifest.malignant, targets, saved, outdated)


def save_point(bundle: Path, point: OperatingPoint | None) -> SavedPoint:
    """Save an operating point beside a bundle's manifest, or remove the one that is there.

    Raises:
        TrainerError: it cannot be written.
    """
    from trainer.runs.operating_point import write_operating_point

    write_operating_point(bundle, point)
    return SavedPoint(bundle, point)


def propose(basis: TargetBasis, sensitivity: float) -> Proposal:
    """Return the point for a wanted sensitivity, above 0 and below 1."""
    chosen = choose_point(basis.lesions, basis.target, sensitivity)
    if isinstance(chosen, NotDeterminable):
        return Proposal(sensitivity, None, chosen)
    return Proposal(sensitivity, chosen, None, consequences(basis.lesions, chosen.threshold))


def propose_missing(basis: TargetBasis, missed: int) -> Proposal:
    """Return the point that misses so many of the target's lesions, of which there is at least one."""
    chosen = point_missing(basis.lesions, basis.target, min(max(missed, 0), basis.found - 1))
    return Proposal(None, chosen, None, consequences(basis.lesions, chosen.threshold))


def propose_saved(basis: TargetBasis, saved: OperatingPoint) -> Proposal:
    """Return a point that was saved before, with what it leads to."""
    return Proposal(saved.sensitivity, saved, None, consequences(basis.lesions, saved.threshold))

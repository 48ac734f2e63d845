"""What a bundle says of new probabilities beside the predicted class: flagged or not, and the prediction set.

Both rest on the validation images that were set aside (`Validation.aside`): the operating point that a user has saved,
and prediction sets, which need no choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trainer.metrics.calibration import trained_prior
from trainer.metrics.conformal import (
    COVERAGE,
    ConformalSets,
    calibrate_sets,
    calibration_lesions_needed,
    informative_share,
    set_figures,
)
from trainer.metrics.crossfitting import CrossFitted, SetAside, cross_fit
from trainer.metrics.decision import calibrated_probabilities, in_order
from trainer.metrics.operating import (
    PointOutcome,
    combined,
    consequences,
    lesions_of,
    target_probability,
)
from trainer.predictions import AppliedPoint, SetBasis
from trainer.runs.operating_point import read_operating_point, why_outdated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.metrics.conformal import SetFigures
    from trainer.metrics.decision import Calibration, FloatArray, IntArray
    from trainer.metrics.operating import OperatingPoint
    from trainer.reference.reference import Validation
    from trainer.runs.bundle import Manifest


class Calibrated(NamedTuple):
    """The images set aside, and calibrations that were each fitted without some of them.

    Attributes:
        aside: the images.
        fitted: gives them probabilities as if they were new.
    """

    aside: SetAside
    fitted: CrossFitted


def calibrate(validation: Validation, manifest: Manifest) -> Calibrated:
    """Take the images set aside from a bundle's reference, and calibrate each without its group."""
    rows = validation.aside
    aside = SetAside(
        validation.logits[rows].astype("float64"),
        validation.truth[rows],
        tuple(group for group, kept in zip(validation.groups, rows.tolist(), strict=True) if kept),
    )
    calibration = manifest.calibration
    natural = in_order(calibration.prior, calibration.classes)
    return Calibrated(aside, cross_fit(aside, calibration, trained_prior(manifest.config.imbalance, natural)))


class Rules(NamedTuple):
    """How new probabilities are judged.

    Attributes:
        classes: c names.
        sets: `None` for a bundle without a reference.
        set_basis: what the sets rest on.
        point: that a user has saved; `None` where there is none, or none that holds.
        note: why a saved point is not used, a sentence; empty where it is.
    """

    classes: tuple[str, ...]
    sets: ConformalSets | None = None
    set_basis: SetBasis | None = None
    point: OperatingPoint | None = None
    note: str = ""

    def with_saved_point(self, bundle: Path, manifest: Manifest) -> Rules:
        """Return the same with the operating point that now lies beside a bundle's manifest.

        Args:
            bundle: its folder.
            manifest: of the bundle, its classes marked as the user has marked them.

        Raises:
            BundleError: the file is damaged, too new, or of another bundle.
        """
        point = read_operating_point(bundle)
        note = "" if point is None else why_outdated(point, manifest)
        return self._replace(point=None if note else point, note=note)

    def applied_point(self, probabilities: FloatArray) -> AppliedPoint | None:
        """Return what the operating point says of probabilities (c,) for the natural prior."""
        point = self.point
        if point is None:
            return None
        columns = [self.classes.index(name) for name in point.target.classes]
        return AppliedPoint(
            target=point.target.name,
            probability=float(target_probability(probabilities[None], columns)[0]),
            threshold=point.threshold,
            sensitivity=point.sensitivity,
        )

    def applied_set(self, probabilities: FloatArray) -> tuple[str, ...] | None:
        """Return the prediction set of one image's probabilities (c,) for the natural prior."""
        return None if self.sets is None else self.sets.sets(probabilities[None])[0]

    def measured(
        self,
        logits: FloatArray,
        probabilities: FloatArray,
        truth: IntArray,
        groups: Sequence[str],
        calibration: Calibration,
    ) -> Measured:
        """Measure the operating point and the prediction sets on images of known class.

        Args:
            logits: (n, c).
            probabilities: (n, c) calibrated, for the natural prior.
            truth: (n,) class indices.
            groups: n names.
            calibration: of the bundle.
        """
        outcome = None
        if self.point is not None:
            lesions = combined(logits, truth, groups)
            scored = lesions_of(
                calibrated_probabilities(lesions.logits, calibration),
                lesions,
                self.classes,
                self.point.target,
            )
            outcome = PointOutcome(point=self.point, found=consequences(scored, self.point.threshold))
        figures = None if self.sets is None else set_figures(self.sets, probabilities, truth, groups)
        return Measured(outcome, figures)


class Measured(NamedTuple):
    """How rules do on images of known class.

    Attributes:
        point: `None` where none is saved.
        sets: `None` for a bundle without a reference.
    """

    point: PointOutcome | None
    sets: SetFigures | None


def rules_of(manifest: Manifest, validation: Validation | None, coverage: float = COVERAGE) -> Rules:
    """Calibrate a bundle's prediction sets.

    Args:
        manifest: of the bundle.
        validation: of its reference, if it has one.
        coverage: share of the images of each class whose set is to contain that class, 0 to 1.
    """
    if validation is None:
        return Rules(manifest.classes)
    aside, fitted = calibrate(validation, manifest)
    sets = calibrate_sets(aside, fitted, manifest.classes, coverage)
    basis = SetBasis(
        coverage=coverage,
        always=sets.always,
        needed=calibration_lesions_needed(coverage),
        informative=informative_share(sets, aside, fitted),
    )
    return Rules(manifest.classes, sets, basis)

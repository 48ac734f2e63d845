"""The command `threshold`: an operating point chosen on the validation lesions set aside, shown, saved or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from trainer.errors import BundleError, ConfigError, TrainerError
from trainer.metrics.benefit import PredictiveValues, predictive_values
from trainer.metrics.operating import (
    SENSITIVITIES,
    Consequences,
    NotDeterminable,
    OperatingPoint,
    Target,
    choose_point,
    consequences,
    lesions_set_aside,
    target_of,
)
from trainer.metrics.table import consequence_lines, of_target, point_line
from trainer.predictions import MALIGNANT
from trainer.reference.reference import read_reference
from trainer.reference.rules import calibrate
from trainer.runs.bundle import bundle_hash, read_manifest
from trainer.runs.operating_point import read_operating_point, why_outdated, write_operating_point
from trainer.wording import chosen_percent, counted, percent, plain

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.metrics.intervals import Interval
    from trainer.metrics.operating import Lesions
    from trainer.runs.bundle import Manifest

_NO_CLINICS = "This prevalence is the share among the training images, not that of a clinic; give yours with --prevalence."


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An operating point for a sensitivity, or why there is none.

    Attributes:
        sensitivity: wanted, 0 to 1.
        point: `None` where the sensitivity is not determinable.
        found: what the point leads to on the validation lesions set aside, on which it was chosen.
        values: what a flag says at the prevalence.
        reason: why it is not determinable; empty where it is.
        lesions_needed: how many it takes if none is missed; `None` where there are enough.
    """

    sensitivity: float
    point: OperatingPoint | None
    found: Consequences | None = None
    values: PredictiveValues | None = None
    reason: str = ""
    lesions_needed: int | None = None


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """What `threshold` prints.

    Attributes:
        bundle: twelve digits of its hash.
        target: what is to be found.
        target_lesions, other_lesions: in the part of validation that was set aside.
        prevalence: that the predictive values assume, 0 to 1.
        prevalence_given: whether the user gave it; otherwise it is the target's share of the training images.
        chosen: for the sensitivity that was asked for.
        offered: for the usual ones.
        saved: the operating point beside the manifest; `None` where there is none.
        note: why that is not used; empty where it is.
    """

    bundle: str
    target: Target
    target_lesions: int
    other_lesions: int
    prevalence: float
    prevalence_given: bool
    chosen: Choice
    offered: tuple[Choice, ...]
    saved: OperatingPoint | None
    note: str = ""


class Wanted(NamedTuple):
    """What is asked for.

    Attributes:
        target: `malignant`, or a class.
        sensitivity: above 0 and below 1.
        prevalence: above 0 and below 1; `None` for the target's share of the training images.
    """

    target: str = MALIGNANT
    sensitivity: float = 0.95
    prevalence: float | None = None


def thresholds(bundle: Path, wanted: Wanted, *, save: bool = False) -> Thresholds:
    """Choose an operating point of a bundle, and save it if that is wanted.

    Raises:
        BundleError: the bundle cannot be read, or knows nothing of its validation images.
        ConfigError: the network has no such class, or the sensitivity or prevalence is no share.
        TrainerError: the sensitivity cannot be asserted, and so not be saved.
    """
    manifest = read_manifest(bundle)
    reference = read_reference(bundle, manifest)
    if reference is None:
        raise BundleError(
            f"The bundle {bundle} does not know its validation images, on which an operating point is chosen; "
            f"add them with: trainer complete {bundle} DATASET.db"
        )
    target = target_of(wanted.target, manifest.classes, manifest.malignant)
    aside, fitted = calibrate(reference.validation, manifest)
    lesions = lesions_set_aside(aside, fitted, manifest.classes, target)
    prevalence = _prevalence(wanted, manifest, target)
    chosen = _choice(lesions, target, wanted.sensitivity, prevalence)
    if save:
        if chosen.point is None:
            raise TrainerError(chosen.reason)
        write_operating_point(bundle, chosen.point)
    saved = read_operating_point(bundle)
    return Thresholds(
        bundle=bundle_hash(bundle),
        target=target,
        target_lesions=int(lesions.of_target.sum()),
        other_lesions=int((~lesions.of_target).sum()),
        prevalence=prevalence,
        prevalence_given=wanted.prevalence is not None,
        chosen=chosen,
        offered=tuple(_choice(lesions, target, offered, prevalence) for offered in SENSITIVITIES),
        saved=saved,
        note="" if saved is None else why_outdated(saved, manifest),
    )


def _prevalence(wanted: Wanted, manifest: Manifest, target: Target) -> float:
    if wanted.prevalence is None:
        return sum(manifest.calibration.prior[name] for name in target.classes)
    if not 0.0 < wanted.prevalence < 1.0:
        raise ConfigError(
            f"A prevalence of {wanted.prevalence:g} cannot be used; give a share above 0 and below 1, such as 0.05."
        )
    return wanted.prevalence


def _choice(lesions: Lesions, target: Target, sensitivity: float, prevalence: float) -> Choice:
    point = choose_point(lesions, target, sensitivity)
    if isinstance(point, NotDeterminable):
        return Choice(
            sensitivity=sensitivity, point=None, reason=plain(point.words), lesions_needed=point.needed
        )
    found = consequences(lesions, point.threshold)
    values = predictive_values(found, prevalence) if 0.0 < prevalence < 1.0 else None
    return Choice(sensitivity=sensitivity, point=point, found=found, values=values)


def clear_threshold(bundle: Path) -> bool:
    """Remove a bundle's operating point; return whether there was one.

    Raises:
        BundleError: the folder is no bundle.
        StorageError: the file cannot be removed.
    """
    bundle_hash(bundle)
    try:
        there = read_operating_point(bundle) is not None
    except BundleError:  # whatever is wrong with it, it is to go
        there = True
    write_operating_point(bundle, None)
    return there


def as_text(found: Thresholds) -> str:
    """Return a choice as lines for a person."""
    name = found.target.name
    lines = [
        f"{found.target_lesions:,} {of_target(name)} and {found.other_lesions:,} others were set aside in validation.",
        "",
        *_chosen_lines(name, found),
        "",
        *(_offered_line(choice) for choice in found.offered),
        "",
        "Saved: nothing." if found.saved is None else f"Saved: {point_line(found.saved)}.",
    ]
    if found.note:
        lines.append(found.note)
    return plain("\n".join(lines))


def _chosen_lines(name: str, found: Thresholds) -> list[str]:
    chosen = found.chosen
    if chosen.point is None or chosen.found is None:
        return [chosen.reason]
    lines = [
        (
            f"For {chosen_percent(chosen.sensitivity)} sensitivity, {of_target(name)} are flagged from "
            f"{percent(chosen.point.threshold)} on. With 95 % confidence, new lesions from the same source are found with "
            "at least that sensitivity; images of one lesion count together."
        ),
        "On the lesions it was chosen on (95 % intervals):",
        *consequence_lines(name, chosen.found),
    ]
    values = chosen.values
    if values is not None and values.positive is not None and values.negative is not None:
        lines += [
            (
                f"At a prevalence of {percent(found.prevalence)}, of 1,000 lesions {values.flagged:,.0f} are flagged and "
                f"{values.missed:.1f} ({_between(values.missed_interval, 1.0)}) {of_target(name)} are missed. "
                f"PPV {_value(values.positive, values.positive_interval)}, "
                f"NPV {_value(values.negative, values.negative_interval)}."
            ),
            *([] if found.prevalence_given else [_NO_CLINICS]),
        ]
    return lines


def _value(share: float, interval: Interval | None) -> str:
    return percent(share) if interval is None else f"{percent(share)} ({_between(interval, 100.0)})"


def _between(interval: Interval, scale: float) -> str:
    return f"{scale * interval.low:.1f}–{scale * interval.high:.1f}"


def _offered_line(choice: Choice) -> str:
    wanted = f"  {chosen_percent(choice.sensitivity):>5}  "
    if choice.point is None or choice.found is None:
        return f"{wanted}not determinable: takes {counted(choice.lesions_needed or 0, 'lesion', 'lesions')}"
    flagged = choice.found.flagged
    return (
        f"{wanted}from {percent(choice.point.threshold)} on: {choice.found.missed.words} missed, "
        f"{flagged.words} others flagged"
    )

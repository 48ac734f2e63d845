"""Ensembles made from bundles, and what an ensemble knows of the images its members learned from: no image is read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.errors import BundleError
from trainer.files import atomic_folder
from trainer.metrics.decision import calibrated_probabilities
from trainer.reference.novelty import Novelty, with_threshold
from trainer.reference.quality import limits_of, passes
from trainer.reference.reference import Reference, Validation, read_reference, write_reference
from trainer.reference.rules import calibrate
from trainer.runs.bundle import read_manifest
from trainer.runs.ensemble import ensemble_manifest, fill_ensemble, network_folders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.metrics.decision import FloatArray
    from trainer.runs.bundle import Manifest


class _Member(NamedTuple):
    """A member of an ensemble, and its rows of the validation samples that all members have."""

    manifest: Manifest
    reference: Reference
    rows: NDArray[np.int64]


def make_ensemble(members: Sequence[Path], out: Path) -> Reference | None:
    """Combine bundles into an ensemble.

    Args:
        members: their folders; they stay as they are.
        out: folder to be made.

    Returns:
        What the ensemble knows of its training images; `None` where a member does not know them.

    Raises:
        BundleError: the folder is there already, or the bundles are damaged or do not go together.
        StorageError: the folder cannot be written.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise BundleError(f"{out} exists already; choose another folder for the ensemble.")
    manifest = ensemble_manifest(members)
    with atomic_folder(out) as temporary:
        fill_ensemble(temporary, manifest, members)
        reference = combined_reference(temporary)
        if reference is not None:
            write_reference(temporary, reference)
    return reference


def combined_reference(bundle: Path) -> Reference | None:
    """Return what an ensemble knows of its training images, from what its members know.

    The training images are as the first member sees them.

    Args:
        bundle: folder of the ensemble.

    Returns:
        `None` where a member has no reference.

    Raises:
        BundleError: a member is missing or damaged, or they have no validation image in common.
    """
    found = []
    for folder in network_folders(bundle, read_manifest(bundle)):
        manifest = read_manifest(folder)
        reference = read_reference(folder, manifest)
        if reference is None:
            return None
        found.append((manifest, reference))
    first = found[0][1]
    rows = _common_rows([reference.validation for _, reference in found])
    members = [_Member(*pair, of_member) for pair, of_member in zip(found, rows, strict=True)]
    validation = _validation(members)
    # As `Analysed.features` has them.
    subspaces = [member.reference.novelty.subspaces for member in (*members[1:], members[0])]
    novelty = Novelty(tuple(one for of_member in subspaces for one in of_member), float("inf"), 0)
    passing = passes(validation.gate, limits_of(validation.gate))
    return first._replace(
        created=datetime.now(UTC),
        validation=validation,
        novelty=with_threshold(novelty, validation.unusual, passing, validation.aside),
        parent_hashes=tuple(dict.fromkeys(digits for _, one in found for digits in one.parent_hashes)),
    )


def mean_logits(probabilities: FloatArray) -> NDArray[np.float32]:
    """Return the logarithm of the mean of the members' probabilities (k, n, c), float32 (n, c).

    What is not finite stays so.
    """
    mean = np.maximum(probabilities.mean(axis=0), np.finfo(np.float64).tiny)
    logits: NDArray[np.float32] = np.log(mean).astype(np.float32)
    return logits


def _common_rows(parts: Sequence[Validation]) -> list[NDArray[np.int64]]:
    """Return the rows of each member's samples that all of them have, in the first one's order."""
    places = [{name: row for row, name in enumerate(part.sample_ids)} for part in parts]
    common = [name for name in parts[0].sample_ids if all(name in of_member for of_member in places)]
    if not common:
        raise BundleError(
            "The networks have no validation image in common; complete them from the same dataset."
        )
    return [np.array([of_member[name] for name in common], dtype=np.int64) for of_member in places]


def _validation(members: Sequence[_Member]) -> Validation:
    first, rows = members[0].reference.validation, members[0].rows
    depths = [len(member.reference.novelty.subspaces) for member in members]
    unusual = [member.reference.validation.unusual[member.rows] for member in members]
    return Validation(
        sample_ids=tuple(first.sample_ids[row] for row in rows),
        groups=tuple(first.groups[row] for row in rows),
        truth=first.truth[rows],
        aside=np.all([member.reference.validation.aside[member.rows] for member in members], axis=0),
        logits=mean_logits(np.stack([_probabilities(member) for member in members])),
        # A score is a mean over depths, so each member's counts as often as it has depths.
        unusual=np.average(unusual, axis=0, weights=depths).astype(np.float32),
        gate=first.gate[rows],
    )


def _probabilities(member: _Member) -> FloatArray:
    """Return a member's calibrated probabilities of the validation samples (m, c).

    Images that it was calibrated on get those of a calibration that was fitted without their group, so that thresholds
    and sets of the ensemble rest on probabilities as a new image would get them (see `trainer.metrics.crossfitting`).
    """
    validation = member.reference.validation
    probabilities = calibrated_probabilities(validation.logits, member.manifest.calibration)
    aside, fitted = calibrate(validation, member.manifest)
    probabilities[validation.aside] = fitted.probabilities(aside.logits, aside.groups)
    return probabilities[member.rows]

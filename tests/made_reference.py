"""References made from nothing: validation images whose logits are known, beside a bundle."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from trainer.reference.neighbours import Projection
from trainer.reference.novelty import Novelty, Subspace
from trainer.reference.reference import Reference, TrainedOn, Validation, read_reference, write_reference
from trainer.runs.bundle import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def overlapping(counts: tuple[int, ...], seed: int = 0) -> Validation:
    """Images set aside, one of each lesion, whose classes overlap.

    Args:
        counts: of each class.
        seed: of the draw.
    """
    truth = np.repeat(np.arange(len(counts)), counts)
    noise = np.random.default_rng(seed).normal(size=(len(truth), len(counts)))
    return validation(truth, (2.5 * np.eye(len(counts))[truth] + noise).astype(np.float32))


def validation(truth: NDArray[np.int64], logits: NDArray[np.float32]) -> Validation:
    """Images set aside, one of each lesion."""
    n = len(truth)
    names = tuple(f"lesion {k}" for k in range(n))
    return Validation(
        sample_ids=names,
        groups=names,
        truth=truth,
        aside=np.ones(n, dtype=bool),
        logits=logits,
        unusual=np.zeros(n, dtype=np.float32),
        gate=np.zeros((n, 4), dtype=np.float32),
    )


def give_reference(bundle: Path, found: Validation) -> None:
    """Write a reference with this validation part beside a bundle's manifest, or change the one that is there."""
    there = read_reference(bundle, read_manifest(bundle))
    write_reference(bundle, (there or _smallest())._replace(validation=found))


def _smallest() -> Reference:
    """A reference of one training image with one feature."""
    one = np.ones((1, 1), dtype=np.float32)
    return Reference(
        created=datetime(2026, 3, 1, tzinfo=UTC),
        dataset_fingerprint="ab" * 32,
        training=TrainedOn(("a",), ("a",), ("00" * 32,), np.zeros(1, dtype=np.int64), ("",), one),
        validation=validation(np.zeros(0, dtype=np.int64), np.zeros((0, 3), dtype=np.float32)),
        novelty=Novelty((Subspace("end", one[0], one, 0.0, 1.0),), float("inf"), 0),
        projection=Projection(one[0], one),
    )

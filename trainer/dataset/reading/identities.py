"""Ids of lesions and patients: placeholders, and lesion ids that start again for each patient."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.dataset.reading.source.listing import Found

_TITLES = {"lesion_id": "lesion", "patient_id": "patient"}
_PLACEHOLDERS = frozenset({"0", "0.0", "00", "000"})
_FEWEST = 10  # images from which on it is odd that most are of one patient


def settle_ids(samples: Sequence[Found]) -> tuple[list[Found], list[str]]:
    """Drop ids that are placeholders, and make lesion ids unique that are numbered within each patient.

    Returns:
        The samples, and sentences about what was done or looks odd.
    """
    settled, notes = list(samples), []
    for field, title in _TITLES.items():
        counts = Counter(sample.facts[field] for sample in settled if sample.facts.get(field) is not None)
        if not counts:
            continue
        value, n = counts.most_common(1)[0]
        if 2 * n <= len(settled) or len(settled) < _FEWEST:
            continue
        if value in _PLACEHOLDERS:
            settled = [
                _with(sample, field, None) if sample.facts.get(field) == value else sample
                for sample in settled
            ]
            notes.append(
                f"{n:,} of {len(settled):,} images have the {title} id {value}; it is treated as unknown."
            )
        else:
            notes.append(
                f"{n:,} of {len(settled):,} images have the same {title} id, {value}; if it means that the "
                f"{title} is unknown, leave those cells empty and import again."
            )
    if _numbered_within_patients(settled):
        settled = [
            _with(sample, "lesion_id", f"{sample.facts['patient_id']}:{sample.facts['lesion_id']}")
            if sample.facts.get("lesion_id") is not None and sample.facts.get("patient_id") is not None
            else sample
            for sample in settled
        ]
        notes.append(
            "Lesion ids repeat from patient to patient, so they are counted within each patient: a lesion's id now "
            "begins with its patient's."
        )
    return settled, notes


def _numbered_within_patients(samples: Sequence[Found]) -> bool:
    patients: defaultdict[object, set[object]] = defaultdict(set)
    for sample in samples:
        lesion, patient = sample.facts.get("lesion_id"), sample.facts.get("patient_id")
        if lesion is not None and patient is not None:
            patients[lesion].add(patient)
    shared = sum(len(there) > 1 for there in patients.values())
    return 2 * shared > len(patients)


def _with(sample: Found, field: str, value: str | None) -> Found:
    return msgspec.structs.replace(sample, facts={**sample.facts, field: value})

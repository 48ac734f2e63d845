"""The leakage certificate of a split: what each part holds, and proof that no group lies in two parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trainer.dataset.drawn import SPLIT_NOTE, is_drawing
from trainer.dataset.groups.known_pairs import SOURCE, count_pairs
from trainer.wording import chosen_percent, percent, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

PARTS: tuple[str, str, str] = ("train", "validation", "test")
"""The three parts of a split, in the order in which their fractions are given."""


class SplitCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """What a stored split is, counted from the stored samples.

    Attributes:
        seed: the split was made with.
        fractions: requested shares of images in train, validation and test; they sum to 1.
        images: number of images by part.
        groups: number of groups by part.
        lesions: number of different lesion ids by part.
        classes: part to class to number of images.
        groups_in_two_parts: groups with samples in more than one part; 0 in a sound split.
        lesions_in_two_parts: the same for lesion ids.
        patients_in_two_parts: the same for patient ids.
        files_in_two_parts: identical files (same SHA-256) that lie in more than one part.
        known_pairs_joined: pairs of images that are known to show one lesion under two ids and form one group (see
            `trainer.dataset.groups.known_pairs`).
        known_pairs_in_two_parts: such pairs that lie in more than one part.
        without_part: images that have been added since and belong to no part.
        notes: sentences about what could not be done as asked, and on images that are drawings.
        fingerprint: of the dataset, see `DatasetStore.fingerprint`.
    """

    seed: int
    fractions: tuple[float, float, float]
    images: dict[str, int]
    groups: dict[str, int]
    lesions: dict[str, int]
    classes: dict[str, dict[str, int]]
    groups_in_two_parts: int
    lesions_in_two_parts: int
    patients_in_two_parts: int
    files_in_two_parts: int = 0
    known_pairs_joined: int = 0
    known_pairs_in_two_parts: int = 0
    without_part: int = 0
    notes: tuple[str, ...] = ()
    fingerprint: str = ""

    @property
    def drawn(self) -> bool:
        """Whether all images are the demo's drawings."""
        return SPLIT_NOTE in self.notes

    @property
    def sound(self) -> bool:
        """Whether nothing lies in two parts."""
        return not (
            self.groups_in_two_parts
            or self.lesions_in_two_parts
            or self.patients_in_two_parts
            or self.files_in_two_parts
            or self.known_pairs_in_two_parts
        )

    def known_pairs(self) -> tuple[str, ...]:
        """Return what became of pairs that are known to show one lesion under two ids, in sentences."""
        said = []
        if n := self.known_pairs_joined:
            pairs, were = ("pair", "was") if n == 1 else ("pairs", "were")
            said.append(
                f"{n} {pairs} of images known to show one lesion under two ids ({SOURCE}) {were} joined."
            )
        if n := self.known_pairs_in_two_parts:
            pairs, lie = ("pair", "lies") if n == 1 else ("pairs", "lie")
            said.append(
                f"{n} {pairs} of images known to show one lesion under two ids ({SOURCE}) {lie} in two parts; run "
                "`split` again."
            )
        return tuple(said)

    def describe(self) -> str:
        """Return the certificate as a table and sentences for a terminal."""
        wished = " / ".join(chosen_percent(fraction) for fraction in self.fractions)
        rows: list[tuple[str, ...]] = [("", *PARTS, "total")]
        for name, counts in (("images", self.images), ("groups", self.groups), ("lesions", self.lesions)):
            rows.append(_row(name, counts))
        total = sum(self.images.values())
        rows.append(("share", *(percent(self.images[part] / max(total, 1)) for part in PARTS), ""))
        rows += [
            _row(class_name, {part: self.classes[part].get(class_name, 0) for part in PARTS})
            for class_name in sorted({name for part in PARTS for name in self.classes[part]})
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [f"Split with seed {self.seed}, requested {wished}"]
        for row in rows:
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
            lines.append("  ".join(cells).rstrip())
        lines += [
            f"Groups in two parts: {self.groups_in_two_parts}",
            f"Lesions in two parts: {self.lesions_in_two_parts}",
            f"Patients in two parts: {self.patients_in_two_parts}",
            f"Identical files in two parts: {self.files_in_two_parts}",
        ]
        if self.without_part:
            lines.append(
                f"Images added since, in no part: {self.without_part} (run `split` again to give them one)"
            )
        lines += [f"Note: {note}" for note in (*self.known_pairs(), *self.notes)]
        lines.append(f"Dataset fingerprint: {self.fingerprint}")
        return plain("\n".join(lines))


def _row(name: str, counts: dict[str, int]) -> tuple[str, ...]:
    return (name, *(f"{counts[part]:,}" for part in PARTS), f"{sum(counts.values()):,}")


def certify(
    frame: pd.DataFrame,
    *,
    seed: int,
    fractions: tuple[float, float, float],
    notes: tuple[str, ...],
    fingerprint: str,
) -> SplitCertificate:
    """Count a stored split.

    Args:
        frame: samples as `DatasetStore.frame` gives them; `split` may be missing for some.
        seed: the split was made with.
        fractions: requested share of images of each part.
        notes: sentences to be kept with it.
        fingerprint: of the dataset.
    """
    parted = frame[frame["split"].notna()]
    if len(frame) and frame["sample_id"].map(is_drawing).all():
        notes = (*notes, SPLIT_NOTE)
    by_part = {part: parted[parted["split"] == part] for part in PARTS}

    def in_two_parts(column: str) -> int:
        places = parted[[column, "split"]].dropna().drop_duplicates()
        return int(places.loc[places[column].duplicated(), column].nunique())

    pairs = count_pairs(_samples_of(frame))
    return SplitCertificate(
        seed=seed,
        fractions=fractions,
        images={part: len(samples) for part, samples in by_part.items()},
        groups={part: int(samples["group_id"].nunique()) for part, samples in by_part.items()},
        lesions={part: int(samples["lesion_id"].nunique()) for part, samples in by_part.items()},
        classes={
            part: {str(name): int(n) for name, n in samples["class_name"].value_counts().sort_index().items()}
            for part, samples in by_part.items()
        },
        groups_in_two_parts=in_two_parts("group_id"),
        lesions_in_two_parts=in_two_parts("lesion_id"),
        patients_in_two_parts=in_two_parts("patient_id"),
        files_in_two_parts=in_two_parts("sha256"),
        known_pairs_joined=pairs.joined,
        known_pairs_in_two_parts=pairs.in_two_parts,
        without_part=len(frame) - len(parted),
        notes=notes,
        fingerprint=fingerprint,
    )


def _samples_of(frame: pd.DataFrame) -> Iterable[tuple[str, str, str | None, str, str | None]]:
    columns = ("sample_id", "path", "lesion_id", "group_id", "split")
    return zip(*(frame[column] for column in columns), strict=True)

"""What an evaluation on another dataset than the network's own left out, and why."""

from __future__ import annotations

import msgspec

from trainer.wording import counted

NO_NEAR_DUPLICATES = (
    "Other photographs of training lesions, and training images that were saved again under other names, are "
    "recognised by the ids and groups of this dataset only; near duplicates in files of their own were not looked for."
)
UNKNOWN_TRAINING = (
    "This bundle does not know the images its network learned from, so the scored images may include training images; "
    "complete it from its dataset with `trainer complete BUNDLE DATASET.db`."
)


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Images that are left out because the network knows them.

    Attributes:
        training: training images, and images of the same group (lesion, patient, near duplicate) as one.
        validation: the same of validation images, on which epoch and calibration were chosen.
        parent: the same of training images of the bundle that the training began with.
        by_file: of all these, those whose file is the same.
        by_id: those with another file, but id and class of such an image.
        by_group: those of the same group as one of them.
    """

    training: int
    validation: int
    parent: int
    by_file: int
    by_id: int
    by_group: int

    @property
    def total(self) -> int:
        """All that are left out."""
        return self.training + self.validation + self.parent


class External(msgspec.Struct, frozen=True, kw_only=True):
    """Which images of another dataset were scored.

    Attributes:
        images: of the part, before anything was left out.
        renamed: class of the dataset to the network's spelling, where these differ.
        other_classes: class that the network was not trained for to its number of images, which are left out.
        left_out: images that the network knows, of the classes that it knows; `None` where the bundle does not know
            its training images.
        near_duplicates: whether near duplicates of training images were looked for.
    """

    images: int
    renamed: dict[str, str] = {}
    other_classes: dict[str, int] = {}
    left_out: LeftOut | None = None
    near_duplicates: bool = False

    def describe(self) -> list[str]:
        """Say it in sentences."""
        said = [
            f"These are {counted(self.images, 'image', 'images')} of another dataset or split than the network's."
        ]
        if self.renamed:
            pairs = ", ".join(f"{written} is {name}" for written, name in self.renamed.items())
            said.append(f"Classes with another spelling: {pairs}.")
        if self.other_classes:
            listed = ", ".join(f"{name} ({n:,})" for name, n in self.other_classes.items())
            said.append(f"Left out, because the network was not trained for their classes: {listed}.")
        if self.left_out is None:
            return [*said, UNKNOWN_TRAINING]
        known = self.left_out
        kinds = [
            f"{n:,} {words}"
            for n, words in (
                (known.training, "of training"),
                (known.validation, "of validation"),
                (known.parent, "of the training this one began with"),
            )
            if n
        ]
        if kinds:
            said.append(
                f"Left out, because the network knows them or their lesions: {', '.join(kinds)} ({known.by_file:,} by "
                f"file, {known.by_id:,} by id, {known.by_group:,} by group)."
            )
        else:
            said.append("None of them was recognised as an image the network knows.")
        return said if self.near_duplicates else [*said, NO_NEAR_DUPLICATES]

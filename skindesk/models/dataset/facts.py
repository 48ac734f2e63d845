"""What training needs to know of a dataset before it begins: read in a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.dataset.store import DatasetStore
from trainer.errors import TrainerError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


@dataclass(frozen=True)
class DatasetFacts:
    """A dataset as training sees it.

    Attributes:
        path: of the file.
        classes, malignant: names, sorted.
        training, validation: images by class in these parts of the split; empty without a split.
        split: whether there is one.
        images: usable images.
        image: a file to show augmentation on; empty if there is none.
    """

    path: Path
    classes: tuple[str, ...]
    malignant: tuple[str, ...]
    training: dict[str, int]
    validation: dict[str, int]
    split: bool
    images: int
    image: str

    @property
    def training_images(self) -> int:
        """Number of images to train on."""
        return sum(self.training.values())

    @property
    def validation_images(self) -> int:
        """Number of images to validate on, those set aside for calibration included."""
        return sum(self.validation.values())


def read_dataset_facts(path: Path) -> DatasetFacts:
    """Read what training needs to know.

    Raises:
        DatasetError: the dataset cannot be read.
    """
    with DatasetStore.open(path, read_only=True) as store:
        classes, malignant = store.classes, store.malignant
        frame = store.frame() if classes else None
    parts = {part: _by_class(frame, part) for part in ("train", "validation")}
    return DatasetFacts(
        path=path,
        classes=classes,
        malignant=malignant,
        training=parts["train"],
        validation=parts["validation"],
        split=bool(parts["train"] and parts["validation"]),
        images=0 if frame is None else len(frame),
        image="" if frame is None else _example(frame),
    )


def read_malignant(path: Path) -> tuple[str, ...]:
    """Return the malignant classes of a dataset, sorted; none where it cannot be read. One small query."""
    try:
        with DatasetStore.open(path, read_only=True) as store:
            return store.malignant
    except TrainerError:
        return ()


def _by_class(frame: pd.DataFrame | None, part: str) -> dict[str, int]:
    if frame is None:
        return {}
    counts = frame.loc[frame["split"].eq(part), "class_name"].value_counts()
    return {str(name): int(number) for name, number in sorted(counts.items())}


def _example(frame: pd.DataFrame) -> str:
    """Return a training image whose changes are well seen: of a melanoma if there is one."""
    trained = frame[frame["split"].eq("train")]
    usable = trained if len(trained) else frame
    melanoma = usable[usable["class_name"].eq("mel")]
    chosen = melanoma if len(melanoma) else usable
    return str(chosen["path"].iloc[0]) if len(chosen) else ""

"""A drawn dataset of the smallest useful size and the run that goes with it."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from trainer.config import Augmentation, EarlyStopping, FineTuneStage, HeadSettings, HeadStage, RunConfig
from trainer.dataset.importing import import_dataset
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COLOURS = {"bkl": (200, 170, 60), "mel": (40, 30, 60), "nv": (150, 90, 60)}
COUNTS = {"bkl": 18, "mel": 18, "nv": 48}

TINY_RUN = RunConfig(
    backbone="tiny",
    weights="random",
    precision="float32",
    device="cpu",
    head=HeadSettings(dense=(16,), dropout=0.2),
    head_stage=HeadStage(epochs=3, batch_size=16, views=2, learning_rate=1e-2),
    fine_tune_stage=FineTuneStage(epochs=3, batch_size=16, learning_rate=3e-3, average=0.9),
    augmentation=Augmentation(rotation=30),
    early_stopping=EarlyStopping(patience=0),
    deterministic=True,
    keep_checkpoints=True,
    cache_mib=16,
)
"""Both stages of the tiny backbone, seconds long."""


def index_small_images(folder: Path, file: Path) -> Path:
    """Make a split dataset of these images."""
    import_dataset(folder, file)
    with DatasetStore.open(file) as store:
        split_dataset(store, seed=1, fractions=(0.6, 0.2, 0.2))
    return file


def draw_small_images(folder: Path, counts: Mapping[str, int] = COUNTS) -> Path:
    """Draw images of 48 x 40 pixels (84 of them), told apart by the colour of a spot, in HAM10000's layout."""
    (folder / "images").mkdir(parents=True)
    generator = np.random.default_rng(5)
    y, x = np.mgrid[:40, :48]
    rows = []
    for class_name, count in counts.items():
        for _ in range(count):
            number = len(rows)
            skin = generator.normal((225, 190, 170), 6, size=(40, 48, 3))
            centre = generator.uniform((16, 18), (24, 30))
            spot = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < generator.uniform(6, 12) ** 2
            skin[spot] = generator.normal(COLOURS[class_name], 14, size=(int(spot.sum()), 3))
            name = f"ISIC_{number:07d}"
            Image.fromarray(skin.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"{name}.png")
            rows.append([f"HAM_{number // 2:07d}", name, class_name, "histo", 40, "female", "back"])
    with (folder / "HAM10000_metadata.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"])
        writer.writerows(rows)
    return folder

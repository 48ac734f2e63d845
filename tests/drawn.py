"""Small image folders for tests, drawn with Pillow."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt


def draw(seed: int, size: tuple[int, int] = (48, 36)) -> npt.NDArray[np.uint8]:
    """Return a picture that looks like no other seed's: uint8 (height, width, 3), `size` is (width, height)."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, size=(6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))


def write_image(path: Path, seed: int, size: tuple[int, int] = (48, 36)) -> Path:
    """Draw a picture into a file; the suffix says the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw(seed, size)).save(path)
    return path


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a CSV table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


class HamFolder:
    """A folder as Kaggle ships HAM10000, to be filled lesion by lesion."""

    COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rows: list[tuple[object, ...]] = []
        self.paths: dict[str, Path] = {}

    def add(
        self, class_name: str, images: int = 1, *, lesion: str | None = None, suffix: str = ".jpg"
    ) -> list[str]:
        """Add a lesion with some images; return their ids."""
        ids = []
        lesion = lesion or f"HAM_{len(self.rows):07d}"
        for _ in range(images):
            number = len(self.rows)
            image_id = f"ISIC_{number:07d}"
            folder = f"HAM10000_images_part_{1 + number % 2}"
            self.paths[image_id] = write_image(self.root / folder / f"{image_id}{suffix}", number)
            self.rows.append((lesion, image_id, class_name, "histo", "55.0", "female", "back"))
            ids.append(image_id)
        return ids

    def write(self) -> Path:
        """Write the table; return the folder."""
        write_table(self.root / "HAM10000_metadata.csv", self.COLUMNS, self.rows)
        return self.root


def write_class_folders(root: Path, images: Mapping[str, int]) -> Path:
    """Write one folder per class with some images each."""
    number = 0
    for class_name, count in images.items():
        for _ in range(count):
            number += 1
            write_image(root / class_name / f"{number:04d}.png", number)
    return root

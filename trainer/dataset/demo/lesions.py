"""A drawn dataset of skin lesions, laid out as Kaggle ships HAM10000, for first runs without any download.

The pictures are drawings and say so: in `README.txt`, in the names of images and lesions, in a comment and in the
EXIF block of every file. They are the same, byte for byte, for the same seed, lesions, size and library versions.
"""

from __future__ import annotations

import csv
import io
import time
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from PIL import ExifTags, Image

from trainer.dataset.demo.drawing import Patch, draw_patch
from trainer.dataset.demo.photographing import extent_for, photograph
from trainer.dataset.drawn import PREFIX
from trainer.errors import DatasetError, StoppedError
from trainer.events import Listener, Progress, StopRequest, silent
from trainer.files import atomic_folder, explained

if TYPE_CHECKING:
    from pathlib import Path

SHARES: dict[str, float] = {
    "nv": 0.45,
    "bkl": 0.13,
    "mel": 0.13,
    "bcc": 0.09,
    "akiec": 0.08,
    "df": 0.06,
    "vasc": 0.06,
}
"""Share of the lesions by class: unequal, though less so than in HAM10000, where two classes have 1 %."""

PROBLEMS: dict[str, str] = {
    "DRAWN_9000001": "truncated",
    "DRAWN_9000002": "undecodable",
    "DRAWN_9000003": "missing",
    "DRAWN_9000004": "without-metadata",
    "DRAWN_9000005": "unknown-class",
}
"""Image to what is wrong with it on purpose: cut off, a text called .jpg, a row without a file, a file without a
row, a class that is none. They come on top of the `lesions` asked for."""

_PARTS = ("HAM10000_images_part_1", "HAM10000_images_part_2")
_TABLE = "HAM10000_metadata.csv"
_COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
_QUALITY = 90
_PHOTOGRAPHS = (0.74, 0.19, 0.07)  # probability of one, two and three photographs of a lesion
_NOTICE = "Drawn by SkinDesk. Not a photograph, not of a person."
_README = """These images are drawings.

SkinDesk drew them to show how it works without any download. They are not photographs, do not show anyone's skin, and
say nothing about any disease. A network trained on them is good for trying the program and for nothing else.

The folder is laid out as Kaggle ships HAM10000: two folders of images and HAM10000_metadata.csv. A few files and
rows are broken on purpose (DRAWN_9000001 to DRAWN_9000005), to show what an import finds.
"""


class _Facts(msgspec.Struct, frozen=True):
    """What the table says of lesions of a class: ages in years, sites, how they were confirmed."""

    youngest: int
    oldest: int
    sites: tuple[str, ...]
    confirmation: tuple[str, ...]


_FACTS: dict[str, _Facts] = {
    "nv": _Facts(
        15, 70, ("trunk", "back", "lower extremity", "abdomen"), ("follow_up", "histo", "consensus")
    ),
    "bkl": _Facts(45, 85, ("back", "face", "trunk"), ("histo", "consensus", "confocal")),
    "mel": _Facts(40, 85, ("back", "lower extremity", "upper extremity", "trunk"), ("histo",)),
    "bcc": _Facts(50, 85, ("face", "back", "chest"), ("histo",)),
    "akiec": _Facts(50, 85, ("face", "lower extremity", "hand", "scalp"), ("histo",)),
    "df": _Facts(25, 70, ("lower extremity", "upper extremity"), ("histo", "consensus")),
    "vasc": _Facts(20, 80, ("abdomen", "chest", "trunk"), ("histo", "consensus")),
}


def draw_lesion(class_name: str, generator: np.random.Generator, size: tuple[int, int] = (200, 150)) -> Patch:
    """Draw one photograph of a new lesion.

    Args:
        class_name: one of `SHARES`.
        generator: decides everything random.
        size: width and height, pixels.

    Returns:
        uint8 of shape (height, width, 3), sRGB.
    """
    return photograph(draw_patch(class_name, generator, extent_for(size), min(size)), generator, size)


def draw_dataset(
    folder: Path,
    *,
    seed: int = 0,
    lesions: int = 320,
    size: tuple[int, int] = (200, 150),
    listener: Listener = silent,
    stop: StopRequest | None = None,
) -> Path:
    """Draw a dataset: about 1.3 photographs a lesion, and what `PROBLEMS` lists.

    Args:
        folder: to draw into; new or empty.
        seed: of everything random.
        lesions: number of sound lesions, at least one for each class.
        size: width and height of the images, pixels.
        listener: receives progress events.
        stop: ends the work between two lesions; nothing is left behind.

    Returns:
        `folder`.

    Raises:
        DatasetError: the folder holds something, or fewer lesions than classes are requested.
        StorageError: the folder cannot be written.
        StoppedError: `stop` was asked.
    """
    if lesions < len(SHARES):
        raise DatasetError(f"A drawn dataset needs at least {len(SHARES)} lesions, one for each class.")
    with explained(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise DatasetError(f"{folder} already exists and is not empty; choose a new folder to draw into.")
    classes = _classes(lesions, seed)
    with atomic_folder(folder) as temporary:
        parts = [temporary / name for name in _PARTS]
        for part in parts:
            part.mkdir()
        rows: list[tuple[str, ...]] = []
        told = 0.0
        for index, class_name in enumerate(classes):
            if stop is not None and stop.asked:
                raise StoppedError("Drawing was stopped on request; nothing was written.")
            part = temporary / _PARTS[2 * index // lesions]
            rows += _draw_lesion_into(
                part, class_name, np.random.default_rng([seed, index]), index, len(rows), size
            )
            if (now := time.monotonic()) - told > 0.1 or index + 1 == lesions:  # noqa: PLR2004 - seconds
                told = now
                listener(Progress(task="Drawing lesions", done=index + 1, total=lesions, unit="lesions"))
        rows += _draw_problems(parts[0], np.random.default_rng([seed, lesions, 1]), size)
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerows([_COLUMNS, *rows])
        (temporary / _TABLE).write_text(table.getvalue(), encoding="utf-8")
        (temporary / "README.txt").write_text(_README, encoding="utf-8")
    return folder


def _classes(lesions: int, seed: int) -> list[str]:
    """Return the class of every lesion: one of each, the rest by `SHARES` (largest remainder), shuffled."""
    rest = lesions - len(SHARES)
    numbers = {name: 1 + int(rest * share) for name, share in SHARES.items()}
    by_remainder = sorted(SHARES, key=lambda name: rest * SHARES[name] % 1, reverse=True)
    for name in by_remainder[: lesions - sum(numbers.values())]:
        numbers[name] += 1
    classes = [name for name, number in numbers.items() for _ in range(number)]
    np.random.default_rng([seed, lesions]).shuffle(classes)
    return classes


def _draw_lesion_into(
    part: Path,
    class_name: str,
    generator: np.random.Generator,
    index: int,
    images: int,
    size: tuple[int, int],
) -> list[tuple[str, ...]]:
    """Draw a lesion, photograph it once or more often, and return the rows about it."""
    row = _row(class_name, generator)
    patch = draw_patch(class_name, generator, extent_for(size), min(size))
    rows = []
    for number in range(1 + int(generator.choice(3, p=_PHOTOGRAPHS))):
        image_id = f"{PREFIX}{images + number + 1:07d}"
        (part / f"{image_id}.jpg").write_bytes(_as_jpeg(photograph(patch, generator, size)))
        rows.append((f"LESION_{index + 1:07d}", image_id, *row))
    return rows


def _draw_problems(
    part: Path, generator: np.random.Generator, size: tuple[int, int]
) -> list[tuple[str, ...]]:
    """Write the broken files and return the rows that go with them."""
    rows = []
    for image_id, problem in PROBLEMS.items():
        dx, *facts = _row("nv", generator)
        content = _as_jpeg(draw_lesion("nv", generator, size))
        if problem == "truncated":
            content = content[: len(content) * 6 // 10]
        elif problem == "undecodable":
            content = b"This is a text, whatever the name of its file says.\n"
        elif problem == "unknown-class":
            dx = "scar"
        if problem != "missing":
            (part / f"{image_id}.jpg").write_bytes(content)
        if problem != "without-metadata":
            rows.append((image_id.replace("DRAWN", "LESION"), image_id, dx, *facts))
    return rows


def _row(class_name: str, generator: np.random.Generator) -> tuple[str, ...]:
    """Return dx, dx_type, age, sex and localization, some of them unknown as in the real table."""
    facts = _FACTS[class_name]
    age = 5 * int(generator.integers(facts.youngest // 5, facts.oldest // 5 + 1))
    sex = str(generator.choice(["male", "female", "unknown"], p=[0.54, 0.45, 0.01]))
    site = "unknown" if generator.random() < 0.03 else str(generator.choice(facts.sites))  # noqa: PLR2004 - 3 %
    known = generator.random() > 0.01  # noqa: PLR2004 - 1 %
    return class_name, str(generator.choice(facts.confirmation)), f"{age}.0" if known else "", sex, site


def _as_jpeg(pixels: Patch) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = _NOTICE
    exif[ExifTags.Base.Software] = "SkinDesk"
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY, comment=_NOTICE.encode(), exif=exif)
    return stream.getvalue()

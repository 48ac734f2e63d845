"""Where images come from: files, folders and the clipboard. Everything here runs in a worker."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QCoreApplication, QIODevice

from trainer.errors import ImageError, TrainerError
from trainer.files import write_bytes
from trainer.images.suffixes import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PySide6.QtGui import QImage

MOST_IMAGES = 500
"""Images that are taken at once: more than anyone looks at one by one."""

_MOST_ENTRIES = (
    100_000  # of a folder that are looked at; whoever drops the whole disk waits a second, not an hour
)


def _tr(text: str) -> str:
    return QCoreApplication.translate("diagnosis", text)


@dataclass(frozen=True)
class Collected:
    """Images found.

    Attributes:
        images: files, at most `MOST_IMAGES`.
        found: how many there were.
        folders: that were looked through.
        cut: whether a folder was too large to be looked through to its end.
    """

    images: tuple[Path, ...]
    found: int
    folders: tuple[Path, ...] = ()
    cut: bool = False


def collect(paths: Sequence[Path]) -> Collected:
    """Return files as they are, and the images in folders, sorted as people count.

    Raises:
        TrainerError: a folder holds no image.
    """
    images: list[Path] = []
    folders: list[Path] = []
    cut = False
    for path in paths:
        if not path.is_dir():
            images.append(path)
            continue
        folders.append(path)
        inside, reached_end = _images_in(path)
        images += inside
        cut = cut or not reached_end
    if not images:
        names = ", ".join(folder.name for folder in folders)
        kinds = ", ".join(sorted(suffix[1:].upper() for suffix in SUFFIXES))
        raise TrainerError(
            _tr("No images found in {names}; supported formats are {kinds}.").format(names=names, kinds=kinds)
        )
    return Collected(tuple(images[:MOST_IMAGES]), len(images), tuple(folders), cut)


def _images_in(folder: Path) -> tuple[list[Path], bool]:
    found: list[Path] = []
    for seen, file in enumerate(_files_below(folder)):
        if seen >= _MOST_ENTRIES:
            return sorted(found, key=_as_counted), False
        if file.suffix.lower() in SUFFIXES:
            found.append(file)
    return sorted(found, key=_as_counted), True


def _files_below(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root, name) for name in files if not name.startswith("."))


def _as_counted(path: Path) -> list[tuple[int, int, str]]:
    """Sort image9 before image10."""
    key: list[tuple[int, int, str]] = []
    digits = ""
    for letter in f"{path.as_posix().casefold()}\0":
        if letter.isascii() and letter.isdigit():
            digits += letter
            continue
        if digits:
            key.append((0, int(digits), ""))
            digits = ""
        key.append((1, 0, letter))
    return key


def keep_pasted(picture: QImage, folder: Path) -> Path:
    """Write a picture from the clipboard as a PNG file, named for the time.

    Returns:
        The file.

    Raises:
        ImageError: it cannot be written as PNG.
        StorageError: the folder cannot be written.
    """
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not picture.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise ImageError(_tr("The image on the clipboard cannot be used; save it as a file and open that."))
    buffer.close()
    name = f"Pasted {datetime.now().astimezone():%Y-%m-%d %H.%M.%S}"
    file, number = folder / f"{name}.png", 1
    while file.exists():
        number += 1
        file = folder / f"{name} {number}.png"
    write_bytes(file, bytes(content.data()), private=True)
    return file

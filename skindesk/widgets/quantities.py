"""What is counted, as a person reads it: "4,188 images". Numbers and units alone: `trainer.wording`."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from trainer.wording import counted


def _tr(text: str) -> str:
    return QCoreApplication.translate("quantities", text)


def images_counted(number: int) -> str:
    """Return "1 image", "4,188 images"."""
    return counted(number, _tr("image"), _tr("images"))


def part_of_images(part: int, number: int) -> str:
    """Return "0 of 1 image", "36 of 4,188 images"."""
    return _tr("{part} of {images}").format(part=f"{part:,}", images=images_counted(number))


def lesions_counted(number: int) -> str:
    """Return "1 lesion", "7,470 lesions"."""
    return counted(number, _tr("lesion"), _tr("lesions"))


def runs_counted(number: int) -> str:
    """Return "1 run", "12 runs"."""
    return counted(number, _tr("run"), _tr("runs"))

"""How files are refused: one sentence that says what is wrong and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.errors import ImageError, ImageProblem
from trainer.files import printable
from trainer.sentences import visible

if TYPE_CHECKING:
    from pathlib import Path

ACCEPTED = "JPEG, PNG, BMP, TIFF or WebP"
MAX_PIXELS = 200_000_000
"""Largest image that is decoded, pixels: 600 MB as RGB."""
MAX_SIDE = 100_000
"""Longest side of an image that is decoded, pixels: resizing holds a strip as long as the image is high."""

_LONGEST_NAME = 300


class Refused(Exception):  # noqa: N818 - never leaves this folder: it becomes an ImageError
    """A file cannot be used; the argument completes "cannot be used because"."""

    def __init__(self, reason: str, kind: ImageProblem = "undecodable") -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind: ImageProblem = kind

    def of(self, name: str) -> ImageError:
        """Return the error that is raised to the caller about the file of that name."""
        return ImageError(f"{name} cannot be used because {self.reason}.", self.kind)


def damaged() -> Refused:
    """Return a refusal of content that contradicts its format."""
    return Refused("it is damaged; copy or download it again")


def cut_off() -> Refused:
    """Return a refusal of a file that lacks its end."""
    return Refused("it is cut off; copy or download it again", "truncated")


def shown(path: Path | str) -> str:
    """Return a name fit for a sentence: without control characters, and not endless."""
    text = visible(printable(path))
    return text if len(text) <= _LONGEST_NAME else f"…{text[-_LONGEST_NAME:]}"


def check_size(width: int, height: int) -> None:
    """Refuse an image by its width and height in pixels."""
    if width <= 0 or height <= 0:
        raise damaged()
    if width * height > MAX_PIXELS:
        limit = f"{MAX_PIXELS // 1_000_000} million"
    elif max(width, height) > MAX_SIDE:
        limit = f"{MAX_SIDE:,} per side"
    else:
        return
    raise Refused(
        f"it has {width} x {height} pixels, more than the limit of {limit}; make the image smaller",
        "oversize",
    )

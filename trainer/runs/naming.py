"""What a run is called: its folder's name, or the one the user gave it, which lies beside its other files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.files import open_regular, write_text

if TYPE_CHECKING:
    from pathlib import Path

NAME_FILE = "name.txt"
LONGEST_NAME = 100  # characters

_LARGEST_FILE = 4 << 10  # bytes


def read_name(folder: Path) -> str:
    """Return what a run is called: the name the user gave it, or that of its folder."""
    try:
        with open_regular(folder / NAME_FILE) as stream:
            return tidy_name(stream.read(_LARGEST_FILE).decode()) or folder.name
    except (OSError, UnicodeDecodeError):
        return folder.name


def write_name(folder: Path, name: str) -> None:
    """Keep the name the user gave a run.

    Raises:
        StorageError: it cannot be written.
    """
    write_text(folder / NAME_FILE, tidy_name(name) + "\n")


def tidy_name(text: str) -> str:
    """Return a name as one line of at most `LONGEST_NAME` characters that can be shown."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words[:LONGEST_NAME].strip()

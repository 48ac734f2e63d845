"""What a run is called: its folder's name, or the one the user gave it, which lies beside its other files."""

from __future__ import annotations

import itertools
import re
import unicodedata
from typing import TYPE_CHECKING

from trainer.files import open_regular, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

NAME_FILE = "name.txt"
LONGEST_NAME = 100  # characters

_LARGEST_FILE = 4 << 10  # bytes
_NUMBER = re.compile(r" \([1-9]\d?\)$")


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


def free_name(name: str, taken: Iterable[str]) -> str:
    """Return a name that no other run has: "Xception" or "Xception (2)".

    Args:
        name: as wanted.
        taken: names of the other runs; capitals and Unicode forms make no difference.
    """
    used = {_identity(other) for other in taken}
    stem = _NUMBER.sub("", name)
    endings = (f" ({number})" for number in itertools.count(2))
    numbered = (stem[: LONGEST_NAME - len(ending)].rstrip() + ending for ending in endings)
    return next(free for free in itertools.chain([name], numbered) if _identity(free) not in used)


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return names of which no two are the same; of equal ones the first stays, the others get numbers."""
    kept: list[str] = []
    seen: set[str] = set()
    for name in names:
        own = free_name(name, [*kept, *names]) if _identity(name) in seen else name
        kept.append(own)
        seen.add(_identity(own))
    return kept


def _identity(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()

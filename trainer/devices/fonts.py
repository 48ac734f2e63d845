"""For which scripts this machine has a font: names in others can be printed only as numbers."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS = {
    "Greek": "λ",
    "Cyrillic": "ж",
    "Armenian": "ժ",
    "Georgian": "ა",
    "Hebrew": "א",
    "Arabic": "ع",
    "Devanagari": "क",
    "Bengali": "ক",
    "Gurmukhi": "ਕ",
    "Gujarati": "ક",
    "Tamil": "க",
    "Telugu": "క",
    "Kannada": "ಕ",
    "Malayalam": "ക",
    "Sinhala": "ක",
    "Thai": "ก",
    "Lao": "ກ",
    "Tibetan": "ཀ",
    "Burmese": "က",
    "Khmer": "ក",
    "Amharic": "አ",
    "Chinese": "病",
    "Japanese": "あ",
    "Korean": "한",
}
"""Scripts in which files and classes are named, each with one of its letters."""

_BOXES_FOR_ALL = "Last Resort"
"""A font with a box for every letter."""

_SECONDS = 20


def scripts_without_font() -> tuple[str, ...] | None:
    """Return the scripts of `SCRIPTS` that no font here has; `None` where that cannot be told.

    Linux and other systems with fontconfig only: `fc-list` lists the code points of each font. Windows and macOS
    bring fonts for all of these scripts along.
    """
    program = shutil.which("fc-list")
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - the program and its arguments are ours
            [program, "--format", "%{family}|%{charset}\n"],
            capture_output=True,
            text=True,
            check=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    wanted = {ord(letter): script for script, letter in SCRIPTS.items()}
    for line in done.stdout.splitlines():
        family, _, points = line.partition("|")
        if not family.startswith(_BOXES_FOR_ALL):
            for first, last in _ranges(points):
                for code in [code for code in wanted if first <= code <= last]:
                    del wanted[code]
    return tuple(wanted.values())


def _ranges(points: str) -> Iterator[tuple[int, int]]:
    """Yield first and last code point of each range: "41-5a e9" is A to Z, and e with an acute accent."""
    for first, last in re.findall(r"([0-9a-f]+)(?:-([0-9a-f]+))?", points):
        yield int(first, 16), int(last or first, 16)

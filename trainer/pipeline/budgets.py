"""How much room features may take: on the disk over all recipes, and in memory for one table."""

from __future__ import annotations

import contextlib
import math
import os
import re
import shutil
import tempfile
from typing import TYPE_CHECKING

import numpy as np

from trainer.files import explained

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CACHE_VARIABLE = "SKINDESK_CACHE_GIB"
"""Environment variable: GiB that the features of all recipes may take on the disk."""
TABLE_VARIABLE = "SKINDESK_TABLE_GIB"
"""Environment variable: GiB of a table of features that are held in memory; a larger one is a file."""

_CACHE_GIB = 20.0
_TABLE_GIB = 1.0  # 25,000 images in five views with 2,048 features take as much
_RECIPE = re.compile("[0-9a-f]{32}")


def cache_bytes() -> int:
    """Return how many bytes of features are kept on the disk."""
    return _bytes_named(CACHE_VARIABLE, _CACHE_GIB)


def table_bytes() -> int:
    """Return how many bytes a table of features may have in memory."""
    return _bytes_named(TABLE_VARIABLE, _TABLE_GIB)


def make_room(folder: Path, recipe: str, budget: int) -> list[str]:
    """Remove the features of the recipes that were used least recently, until the others fit.

    Args:
        folder: of all recipes.
        recipe: in use now; it stays, however large it is.
        budget: bytes for all.

    Returns:
        The recipes that were removed.
    """
    found = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _RECIPE.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                used = math.inf if entry.name == recipe else entry.stat().st_mtime
                found.append((used, entry.name, _size_of(folder / entry.name)))
    left, removed = budget, []
    for _, name, size in sorted(found, reverse=True):
        left -= size
        if left < 0 and name != recipe:
            # What another process still reads it will compute again; a folder that stays costs space alone.
            shutil.rmtree(folder / name, ignore_errors=True)
            removed.append(name)
    return removed


def new_table(shape: tuple[int, ...], folder: Path, budget: int) -> NDArray[np.float32]:
    """Return a table of zeros; one that is larger than the budget lies in a nameless file, paged in as it is read.

    Args:
        shape: of it.
        folder: for the file, which goes when the table does, or with the process.
        budget: bytes it may have in memory.

    Raises:
        StorageError: there is no room for the file.
    """
    size = 4 * math.prod(shape)
    if size <= budget:
        return np.zeros(shape, dtype=np.float32)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            # Room is taken now: a full disk would otherwise end the process while the table is written to.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            return np.memmap(file, np.float32, "r+", shape=shape)


def _bytes_named(variable: str, default: float) -> int:
    try:
        gib = float(os.environ.get(variable, default))
    except ValueError:
        gib = default
    return int((gib if math.isfinite(gib) and gib >= 0 else default) * 2**30)


def _size_of(folder: Path) -> int:
    size = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                size += entry.stat(follow_symlinks=False).st_size
    return size

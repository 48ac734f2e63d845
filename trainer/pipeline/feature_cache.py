"""Features on the disk: a folder for each recipe, in it one safetensors file for up to 256 images of one view.

A recipe is backbone weights, preprocessing, geometry, size, precision and augmentation. An image is found by the hash
of its file. Each file holds the hash of its own content, so that a changed bit is noticed: features that are wrong
would train another network without a word.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from safetensors.numpy import save

from trainer.arrays import decode_arrays
from trainer.files import open_regular, read_regular, remove_abandoned, write_bytes
from trainer.pipeline.budgets import cache_bytes, make_room

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

CACHE_FORMAT = 2
"""Part of the recipe. Files of format 1 held no hash of their content."""

_LARGEST_HEADER = 1 << 20
_LARGEST_SHARD = 64 << 20  # bytes; 256 images with 2,048 features take 2 MiB
_LENGTH = struct.Struct("<Q")


class _DamagedError(Exception):
    """A file is not what was written."""


class _Header(NamedTuple):
    """What stands in the header of a file.

    Attributes:
        images: hashes of the images, in the order of the rows.
        digest: SHA-256 of the rows and all they belong to.
    """

    images: list[str]
    digest: str


class FeatureCache:
    """The features of one recipe on the disk; opening it removes what killed processes left half written.

    Args:
        folder: of all recipes.
        recipe: see `trainer.pipeline.features.recipe_hash`.
    """

    def __init__(self, folder: Path, recipe: str) -> None:
        self.folder = folder / recipe
        with contextlib.suppress(OSError):
            os.utime(self.folder)  # by which the recipes used least recently are known
        self._damaged = 0
        self._unreadable = ""
        remove_abandoned(folder, "*/.view*.tmp")

    def known(self, view: int) -> set[str]:
        """Return the hashes of the images that have features of a view here, read from the files' headers."""
        keys: set[str] = set()
        for path in self._shards(view):
            with contextlib.suppress(OSError, _DamagedError), open_regular(path) as stream:
                (length,) = _LENGTH.unpack(stream.read(_LENGTH.size).ljust(_LENGTH.size, b"\xff"))
                if length <= _LARGEST_HEADER:
                    keys.update(_parsed(stream.read(length)).images)
        return keys

    def make_room(self) -> int:
        """Remove recipes used least recently until all fit their budget; this one stays.

        Returns:
            How many were removed.
        """
        return len(make_room(self.folder.parent, self.folder.name, cache_bytes()))

    def load(self, hashes: Sequence[str], view: int, into: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Read features of one view into an array float32 (n, features); return which were there, bool (n,).

        A damaged file is removed, and its features count as not there. A file that cannot be read now may be sound:
        it stays.
        """
        rows = {key: row for row, key in enumerate(hashes)}
        twins = [(row, rows[key]) for row, key in enumerate(hashes) if rows[key] != row]
        found = np.zeros(len(hashes), dtype=bool)
        for path in self._shards(view):
            try:
                keys, block = self._read(path, view, into.shape[1])
            except _DamagedError:
                self._damaged += 1
                with contextlib.suppress(OSError):
                    path.unlink()
                continue
            except FileNotFoundError:
                continue  # another process has removed it
            except OSError as error:
                self._unreadable = error.strerror or str(error)
                continue
            wanted = [(row, rows[key]) for row, key in enumerate(keys) if key in rows]
            if wanted:
                source, target = map(list, zip(*wanted, strict=True))
                into[target], found[target] = block[source], True
        for row, other in twins:
            into[row], found[row] = into[other], found[other]
        return found

    def store(self, hashes: Sequence[str], view: int, values: NDArray[np.float32]) -> None:
        """Add features float32 (n, features) of some images' view.

        Raises:
            StorageError: disk full, no permission.
        """
        name = hashlib.sha256("".join(hashes).encode()).hexdigest()[:24]
        values = np.ascontiguousarray(values, dtype=np.float32)
        metadata = {"images": json.dumps(list(hashes)), "sha256": self._digest(view, list(hashes), values)}
        # Not by `save_file`, whose error on a full disk is one of safetensors' own.
        content = save({"features": values}, metadata=metadata)
        write_bytes(self.folder / f"view{view:03d}-{name}.safetensors", content)

    def troubles(self) -> list[str]:
        """Return a sentence for each kind of trouble since this was last called."""
        sentences = []
        if self._damaged:
            files = "1 file was" if self._damaged == 1 else f"{self._damaged} files were"
            sentences.append(f"{files} damaged in the cache; the features are computed again.")
        if self._unreadable:
            sentences.append(
                f"part of the cache cannot be read ({self._unreadable}); the features are computed again."
            )
        self._damaged, self._unreadable = 0, ""
        return sentences

    def _shards(self, view: int) -> list[Path]:
        return sorted(self.folder.glob(f"view{view:03d}-*.safetensors"))

    def _read(self, path: Path, view: int, features: int) -> tuple[list[str], NDArray[np.float32]]:
        content = read_regular(path, _LARGEST_SHARD)
        if len(content) < _LENGTH.size:
            raise _DamagedError
        (length,) = _LENGTH.unpack_from(content)
        header = _parsed(content[_LENGTH.size : _LENGTH.size + length])
        try:
            block = decode_arrays(content)["features"]
        except (ValueError, KeyError) as error:
            raise _DamagedError from error
        sound = block.dtype == np.float32 and block.shape == (len(header.images), features)
        if not sound or self._digest(view, header.images, block) != header.digest:
            raise _DamagedError
        return header.images, block

    def _digest(self, view: int, images: list[str], values: NDArray[np.float32]) -> str:
        digest = hashlib.sha256(json.dumps([self.folder.name, view, images, values.shape]).encode())
        digest.update(np.ascontiguousarray(values).data)
        return digest.hexdigest()


def _parsed(header: bytes) -> _Header:
    try:
        metadata = json.loads(header)["__metadata__"]
        images, digest = json.loads(metadata["images"]), metadata["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _DamagedError from error
    if not isinstance(images, list) or not all(isinstance(key, str) for key in images):
        raise _DamagedError
    return _Header(images, str(digest))

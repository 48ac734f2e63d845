"""What a run resumes from: whole or absent, hashed, the last two and the best.

A checkpoint is a folder `checkpoint-000012` with three files: `arrays.safetensors` (variables of the network
and the optimizer), `state.json` (everything else that training must remember; opaque here) and `index.json`
(hashes of both, and which checkpoint was the best so far). It is written under another name and renamed when
it is on the disk, so that a reader never meets half of one.

The best checkpoint is named by every later one instead of being copied. Whichever checkpoint a run goes on
from, its own best is therefore at hand, even when a later best was saved and then lost or damaged.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from trainer.arrays import Array, decode_arrays, encode_arrays
from trainer.errors import CheckpointError
from trainer.events import Listener, Warned, silent
from trainer.files import atomic_folder, read_regular
from trainer.stored import UnreadableError, decoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CHECKPOINT_VERSION = 1
KEPT = 2
"""Newest checkpoints that are kept, beside the best."""

_ARRAYS = "arrays.safetensors"
_STATE = "state.json"
_INDEX = "index.json"
_LARGEST = {_ARRAYS: 16 << 30, _STATE: 64 << 20, _INDEX: 1 << 20}
"""Bytes. The arrays are the largest bundle's, four times: weights, averages and what an optimizer keeps."""
_NAME = re.compile(r"checkpoint-(\d{6,})")
_LEFTOVER = re.compile(r"\.checkpoint-\d{6,}\.[^.]+\.(tmp|old)")


class Checkpoint(NamedTuple):
    """A checkpoint read from the disk and found whole.

    Attributes:
        arrays: by name, read-only, bit for bit as they were saved.
        state: the JSON it was saved with.
        path: its folder.
    """

    arrays: dict[str, Array]
    state: bytes
    path: Path


class _Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a checkpoint says about itself.

    Attributes:
        format_version: of this structure.
        step: of the run, for people who look into the folder.
        best: number of the best checkpoint so far, possibly this one.
        sha256: of the other files, by name.
        checksum: SHA-256 of this structure's own JSON with an empty checksum.
    """

    format_version: int
    step: int
    best: int | None
    sha256: dict[str, str]
    checksum: str = ""


_DECODER = msgspec.json.Decoder(_Index)


class _DamagedError(Exception):
    """A checkpoint is not what was saved; the message continues "checkpoint-000012 ..."."""


def _encode_index(index: _Index) -> bytes:
    blank = msgspec.structs.replace(index, checksum="")
    checksum = hashlib.sha256(msgspec.json.encode(blank)).hexdigest()
    return msgspec.json.encode(msgspec.structs.replace(index, checksum=checksum))


def _content(path: Path) -> bytes:
    try:
        return read_regular(path, _LARGEST[path.name])
    except FileNotFoundError as error:
        raise _DamagedError(f"has no {path.name}") from error
    except OSError as error:
        raise _DamagedError(f"has an unreadable {path.name} ({error.strerror})") from error


def _read_index(folder: Path) -> _Index:
    content = _content(folder / _INDEX)
    try:
        index = decoded(content, _DECODER.decode)
    except UnreadableError as error:
        raise _DamagedError(f"has a damaged {_INDEX}") from error
    if _encode_index(index) != content:
        raise _DamagedError(f"has a changed {_INDEX}")
    if index.format_version > CHECKPOINT_VERSION:
        raise _DamagedError("was written by a newer SkinDesk")
    return index


def _read(folder: Path, index: _Index) -> Checkpoint:
    contents = {name: _content(folder / name) for name in (_ARRAYS, _STATE)}
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != index.sha256.get(name):
            raise _DamagedError(f"has an incomplete or changed {name}")
    try:
        arrays = decode_arrays(contents[_ARRAYS])
    except ValueError as error:
        raise _DamagedError(f"has an unreadable {_ARRAYS} ({error})") from error
    return Checkpoint(arrays, contents[_STATE], folder)


def _number(folder: Path) -> int:
    match = _NAME.fullmatch(folder.name)
    assert match is not None
    return int(match.group(1))


class CheckpointStore:
    """The checkpoints of one run; one process at a time saves into it.

    Args:
        folder: where they lie; it is created by the first `save`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._damaged: set[Path] = set()
        self._instead: int | None = None

    def paths(self) -> list[Path]:
        """Return the folders of all checkpoints, oldest first, unchecked."""
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name) and path.is_dir()]
        return sorted(found, key=_number)

    def save(self, arrays: Mapping[str, Array], state: bytes, *, step: int, best: bool = False) -> Path:
        """Save a checkpoint, then remove those that are no longer needed.

        Args:
            arrays: of any shape, in any type of safetensors, bfloat16 included.
            state: JSON.
            step: of the run; shown in the index only.
            best: whether this is the best checkpoint so far.

        Returns:
            Its folder.

        Raises:
            StorageError: disk full, no permission; the checkpoints that were there are as they were.
        """
        self._remove_leftovers()
        present = self.paths()
        number = _number(present[-1]) + 1 if present else 1
        path = self._path(number)
        with atomic_folder(path) as temporary:
            contents = {_ARRAYS: encode_arrays(arrays), _STATE: state}
            for name, content in contents.items():
                (temporary / name).write_bytes(content)
            index = _Index(
                format_version=CHECKPOINT_VERSION,
                step=step,
                best=number if best else self._best_so_far(),
                sha256={name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
            )
            (temporary / _INDEX).write_bytes(_encode_index(index))
        self._remove_old()
        return path

    def load_latest(self, listener: Listener = silent) -> Checkpoint | None:
        """Read the newest whole checkpoint; one that is damaged is passed over with a `Warned` event.

        Returns:
            `None` when there is no checkpoint at all.

        Raises:
            CheckpointError: there are checkpoints, and all are damaged.
        """
        self._remove_leftovers()
        problems: dict[Path, str] = {}
        for path in reversed(self.paths()):
            try:
                checkpoint = _read(path, _read_index(path))
            except _DamagedError as error:
                problems[path] = f"{path.name} {error}"
                continue
            if problems:
                self._damaged.update(problems)
                listener(
                    Warned(message=f"{'; '.join(problems.values())}; continuing from {path.name} instead.")
                )
            return checkpoint
        if problems:
            raise CheckpointError(
                f"No checkpoint in {self.folder} can be used: {'; '.join(problems.values())}. "
                "Start a new run in another folder."
            )
        return None

    def load_best(self) -> Checkpoint | None:
        """Read the best checkpoint as the newest readable one names it; nothing on the disk is changed.

        Returns:
            `None` when no checkpoint was marked as the best.

        Raises:
            CheckpointError: the best checkpoint is damaged or missing.
        """
        number = self._best_so_far()
        if number is None:
            return None
        path = self._path(number)
        try:
            return _read(path, _read_index(path))
        except _DamagedError as error:
            self._damaged.add(path)
            raise CheckpointError(f"The best checkpoint cannot be used: {path.name} {error}.") from error

    def whole(self) -> Iterator[Checkpoint]:
        """Read the checkpoints that are whole, newest first."""
        for path, index in self._sound():
            try:
                yield _read(path, index)
            except _DamagedError:
                self._damaged.add(path)

    def replace_best(self, checkpoint: Checkpoint | None) -> None:
        """Let another checkpoint, or none, be the best so far in place of a damaged one; the next save says so."""
        self._instead = None if checkpoint is None else _number(checkpoint.path)

    def _sound(self) -> list[tuple[Path, _Index]]:
        """Checkpoints not known to be damaged, newest first; their arrays are not read again."""
        found = []
        for path in reversed(self.paths()):
            if path not in self._damaged:
                try:
                    found.append((path, _read_index(path)))
                except _DamagedError:
                    self._damaged.add(path)
        return found

    def _best_so_far(self) -> int | None:
        sound = self._sound()
        number = sound[0][1].best if sound else None
        return self._instead if number is not None and self._path(number) in self._damaged else number

    def _path(self, number: int) -> Path:
        return self.folder / f"checkpoint-{number:06d}"

    def _remove_old(self) -> None:
        kept = self._sound()[:KEPT]
        needed = {_number(path) for path, _ in kept} | {index.best for _, index in kept}
        for path in self.paths():
            if _number(path) not in needed:
                # A folder that cannot be removed costs space and nothing else.
                shutil.rmtree(path, ignore_errors=True)

    def _remove_leftovers(self) -> None:
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if _LEFTOVER.fullmatch(path.name):
                    shutil.rmtree(path, ignore_errors=True)

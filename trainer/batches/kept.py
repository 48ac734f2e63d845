"""What was predicted of many images so far: a file that is only ever appended to.

```
DIR/predictions.jsonl    a line that names the format and the bundle, then a line an image
```

A process that is killed has lost what it was computing, and perhaps half a line, which the next one takes away. An
image is known by its path, its size and the time of its last change, together with what was beside the bundle's
manifest then (the reference, marks of classes): where one of these differs, the image is predicted again and the later
line counts.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING, Annotated, BinaryIO, NamedTuple, Self

import msgspec

import trainer
from trainer.errors import BundleError, StorageError
from trainer.files import explained, open_regular, sha256_of, try_lock
from trainer.predictions import Prediction
from trainer.runs.bundle import ADDITIONS, manifest_hash
from trainer.stored import UnreadableError, decoded

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from trainer.batches.folder import FolderImage

KEPT_FILE = "predictions.jsonl"
KEPT_VERSION = 1
_LOCK = ".lock"
_SHOWN_DIGITS = 12
_LONGEST_LINE = 4 << 20  # bytes; a prediction of 1,000 classes takes some 50 kB


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first line.

    Attributes:
        format_version: of the file.
        program_version: of the SkinDesk that began it.
        bundle: SHA-256 of the bundle's manifest.
    """

    format_version: Annotated[int, msgspec.Meta(ge=1)] = KEPT_VERSION
    program_version: str
    bundle: str


class KeptPrediction(msgspec.Struct, frozen=True, kw_only=True):
    """A line for an image.

    Attributes:
        size: of the file, bytes.
        changed: time of its last change, nanoseconds.
        additions: what lay beside the bundle's manifest (see `additions_of`).
        prediction: of the image; its path is the file's.
    """

    size: int
    changed: int
    additions: str
    prediction: Prediction


class Identity(NamedTuple):
    """What predictions depend on, beside the image.

    Attributes:
        bundle: SHA-256 of the bundle's manifest, 64 hexadecimal digits.
        additions: see `additions_of`.
    """

    bundle: str
    additions: str


_HEAD = msgspec.json.Decoder(_Head)
_LINE = msgspec.json.Decoder(KeptPrediction)


def identity_of(bundle: Path) -> Identity:
    """Return what the predictions of a bundle depend on.

    Raises:
        BundleError: the folder is no bundle, or its manifest is changed.
    """
    return Identity(manifest_hash(bundle), additions_of(bundle))


def additions_of(bundle: Path) -> str:
    """Return twelve digits that stand for the files that were added to a bundle without changing its network."""
    digest = hashlib.sha256()
    for name in sorted(ADDITIONS):
        file = bundle / name
        if file.is_file():
            digest.update(name.encode() + b"\0")
            digest.update(bytes.fromhex(sha256_of(file)))
    return digest.hexdigest()[:_SHOWN_DIGITS]


class KeptPredictions:
    """The predictions of a bundle, kept in a folder; a context manager that holds the folder's lock.

    Args:
        folder: is made if need be.
        identity: of the bundle.

    Raises:
        BundleError: the folder holds predictions of another bundle, or of a newer version.
        StorageError: the folder cannot be written, or another process is writing to it.
    """

    def __init__(self, folder: Path, identity: Identity) -> None:
        self._identity = identity
        self._file = folder / KEPT_FILE
        self._open = contextlib.ExitStack()
        with explained(folder), contextlib.ExitStack() as opened:
            folder.mkdir(parents=True, exist_ok=True)
            lock = opened.enter_context((folder / _LOCK).open("ab"))
            if not try_lock(lock.fileno()):
                raise StorageError(
                    f"Another SkinDesk is writing predictions to {folder}; wait for it, or choose another folder."
                )
            found = read_kept(self._file, self._identity.bundle)
            self._kept = {row.prediction.path: row for row in found.rows}
            self._stream: BinaryIO = opened.enter_context(self._file.open("ab"))
            self._stream.truncate(found.end)
            if not found.end:
                self._append([_Head(program_version=trainer.__version__, bundle=identity.bundle)])
            self._open = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def of(self, image: FolderImage) -> Prediction | None:
        """Return the prediction of an image as it is now; `None` if it has not been predicted."""
        row = self._kept.get(image.path)
        return (
            row.prediction if row is not None and is_current(row, image, self._identity.additions) else None
        )

    def add(self, images: Iterable[FolderImage], predictions: Iterable[Prediction]) -> None:
        """Keep the predictions of some images; their paths become those of the images.

        Raises:
            StorageError: the file cannot be written.
        """
        rows = [
            KeptPrediction(
                size=image.size,
                changed=image.changed,
                additions=self._identity.additions,
                prediction=msgspec.structs.replace(prediction, path=image.path),
            )
            for image, prediction in zip(images, predictions, strict=True)
        ]
        with explained(self._file):
            self._append(rows)
        self._kept.update((row.prediction.path, row) for row in rows)

    def _append(self, rows: Iterable[msgspec.Struct]) -> None:
        """Write whole lines: what a killed process has written is with the system and is not lost."""
        self._stream.write(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        self._stream.flush()

    def sync(self) -> None:
        """Bring all to the disk, so that a power cut takes nothing away."""
        with explained(self._file):
            os.fsync(self._stream.fileno())


class Found(NamedTuple):
    """What a file of predictions holds.

    Attributes:
        rows: in the order in which they were written.
        end: where the last whole line ends, bytes.
    """

    rows: list[KeptPrediction]
    end: int


def is_current(row: KeptPrediction, image: FolderImage, additions: str) -> bool:
    """Whether a prediction is of the image as it is now, by the bundle as it is now."""
    return (row.size, row.changed, row.additions) == (image.size, image.changed, additions)


def read_kept(file: Path, bundle: str, start: int = 0) -> Found:
    """Read the whole lines of a file of predictions; a damaged one is passed over.

    Args:
        file: need not exist.
        bundle: SHA-256 of the manifest of the bundle that they must be of.
        start: where to go on, bytes; 0 for all.

    Raises:
        BundleError: they are of another bundle, or of a newer version.
        OSError: the file cannot be read.
    """
    rows: list[KeptPrediction] = []
    try:
        opened = open_regular(file)
        with opened as stream:
            if not start and not (start := _check_head(file, stream, bundle)):
                return Found([], 0)
            stream.seek(start)
            while (line := stream.readline(_LONGEST_LINE)).endswith(b"\n"):
                start += len(line)
                with contextlib.suppress(UnreadableError):
                    rows.append(decoded(line, _LINE.decode))
    except FileNotFoundError:
        return Found([], 0)
    return Found(rows, start)


def _check_head(file: Path, stream: BinaryIO, bundle: str) -> int:
    """Return where the first line ends; 0 if there is no whole one."""
    line = stream.readline(_LONGEST_LINE)
    if not line.endswith(b"\n"):
        return 0
    try:
        head = decoded(line, _HEAD.decode)
    except UnreadableError as error:
        raise BundleError(
            f"{file} is not a file of predictions ({error}); delete it, or choose another folder."
        ) from error
    if head.format_version > KEPT_VERSION:
        raise BundleError(f"{file} was written by a newer SkinDesk; update this program.")
    if head.bundle != bundle:
        raise BundleError(
            f"{file.parent} holds the predictions of another network ({head.bundle[:_SHOWN_DIGITS]}, not "
            f"{bundle[:_SHOWN_DIGITS]}); choose another folder for this one's."
        )
    return len(line)

"""What is kept of the images a network learned from, and the file that holds it.

`reference.safetensors` lies beside a bundle's manifest. It is no part of what was trained: the manifest, its hash and
so the bundle's identity stay as they are when it is added, for instance to a bundle that was written without one. It
names the manifest it belongs to and holds a hash of its own content.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import numpy as np

import trainer
from trainer.arrays import Array, decode_arrays, encode_arrays
from trainer.errors import BundleError
from trainer.files import read_regular, write_bytes
from trainer.reference.neighbours import Projection
from trainer.reference.novelty import Novelty
from trainer.runs.bundle import REFERENCE, manifest_hash
from trainer.stored import UnreadableError, decoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.runs.bundle import Manifest

REFERENCE_VERSION = 1

_MAX_BYTES = 2 << 30
_DESCRIPTION = "description"
_HASH_BYTES = 32


class TrainedOn(NamedTuple):
    """The samples of the training part.

    Attributes:
        sample_ids, groups: in the dataset, n each.
        hashes: SHA-256 of their files, n of 64 hexadecimal digits.
        truth: class indices, int64 (n,).
        confirmed: how each diagnosis was confirmed, in the dataset's words; empty where not known.
        features: float32 (n, k), projected and of length 1 (see `trainer.reference.neighbours`).
    """

    sample_ids: tuple[str, ...]
    groups: tuple[str, ...]
    hashes: tuple[str, ...]
    truth: NDArray[np.int64]
    confirmed: tuple[str, ...]
    features: NDArray[np.float32]


class Validation(NamedTuple):
    """The samples of the validation part, as the network sees them.

    Attributes:
        sample_ids, groups: in the dataset, m each.
        truth: class indices, int64 (m,).
        aside: bool (m,), those that were set aside by group: they chose nothing, so calibration, thresholds and sets
            rest on them.
        logits: float32 (m, c), averaged over the bundle's test views; of an ensemble see `trainer.reference.combining`.
        unusual: float32 (m,), the novelty score of each.
        gate: float32 (m, 4), the measures of image quality (see `trainer.reference.quality`).
    """

    sample_ids: tuple[str, ...]
    groups: tuple[str, ...]
    truth: NDArray[np.int64]
    aside: NDArray[np.bool_]
    logits: NDArray[np.float32]
    unusual: NDArray[np.float32]
    gate: NDArray[np.float32]


class Reference(NamedTuple):
    """What a bundle knows of the images its network learned from.

    Attributes:
        created: when it was made, with time zone.
        dataset_fingerprint: of the dataset and split the network was trained on.
        training, validation: the samples.
        novelty: tells images of another kind from these.
        projection: from features to what images are compared by.
        parent_hashes: SHA-256 of the training images of the bundle that the training began with; empty without one.
    """

    created: datetime
    dataset_fingerprint: str
    training: TrainedOn
    validation: Validation
    novelty: Novelty
    projection: Projection
    parent_hashes: tuple[str, ...] = ()


class _Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the file says of itself, in JSON."""

    format_version: Annotated[int, msgspec.Meta(ge=1)] = REFERENCE_VERSION
    program_version: str
    created: Annotated[datetime, msgspec.Meta(tz=True)]
    manifest: str
    content: str
    dataset_fingerprint: str


class _AnyDescription(msgspec.Struct):
    format_version: int


_DESCRIBED = msgspec.json.Decoder(_Description)
_ANY_VERSION = msgspec.json.Decoder(_AnyDescription)
_STRINGS = msgspec.json.Decoder(tuple[str, ...])


def write_reference(bundle: Path, reference: Reference) -> None:
    """Write the file of a bundle's reference, in the place of one that was there.

    Args:
        bundle: its folder.
        reference: of that bundle.

    Raises:
        BundleError: the folder is no bundle.
        StorageError: the file cannot be written.
    """
    arrays = _as_arrays(reference)
    description = _Description(
        program_version=trainer.__version__,
        created=reference.created,
        manifest=manifest_hash(bundle),
        content=_hash_of(arrays),
        dataset_fingerprint=reference.dataset_fingerprint,
    )
    arrays[_DESCRIPTION] = _bytes_as_array(msgspec.json.encode(description))
    write_bytes(bundle / REFERENCE, encode_arrays(arrays))


def read_reference(bundle: Path, manifest: Manifest) -> Reference | None:
    """Return the reference of a bundle; `None` where it has none.

    Args:
        bundle: its folder.
        manifest: of the bundle.

    Raises:
        BundleError: the file is damaged, too new, or of another network.
    """
    file = bundle / REFERENCE
    if not file.exists():
        return None
    try:
        arrays = decode_arrays(read_regular(file, _MAX_BYTES))
        description = _description(bytes(arrays.pop(_DESCRIPTION).tobytes()))
        _check_content(arrays, description, manifest_hash(bundle))
        return _from_arrays(arrays, description, len(manifest.classes))
    except (OSError, ValueError, KeyError, UnreadableError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise BundleError(
            f"{file} cannot be used: {reason}. Delete it, then complete the bundle from its dataset."
        ) from error


def _description(content: bytes) -> _Description:
    if decoded(content, _ANY_VERSION.decode).format_version > REFERENCE_VERSION:
        raise ValueError("it was written by a newer SkinDesk")
    return decoded(content, _DESCRIBED.decode)


def _check_content(arrays: Mapping[str, Array], description: _Description, manifest: str) -> None:
    if description.content != _hash_of(arrays):
        raise ValueError("its content was changed or damaged")
    if description.manifest != manifest:
        raise ValueError("it belongs to another network")


def _as_arrays(reference: Reference) -> dict[str, Array]:
    training, validation = reference.training, reference.validation
    return {
        "training.sample_ids": _strings_as_array(training.sample_ids),
        "training.groups": _strings_as_array(training.groups),
        "training.hashes": _hashes_as_array(training.hashes),
        "training.truth": training.truth.astype(np.int32),
        "training.confirmed": _strings_as_array(training.confirmed),
        # Half precision moves a cosine by less than 1e-3 and halves the file.
        "training.features": training.features.astype(np.float16),
        "validation.sample_ids": _strings_as_array(validation.sample_ids),
        "validation.groups": _strings_as_array(validation.groups),
        "validation.truth": validation.truth.astype(np.int32),
        "validation.aside": validation.aside,
        "validation.logits": validation.logits,
        "validation.unusual": validation.unusual,
        "validation.gate": validation.gate,
        "projection.mean": reference.projection.mean,
        "projection.components": reference.projection.components,
        "parent.hashes": _hashes_as_array(reference.parent_hashes),
        **{f"novelty.{name}": array for name, array in reference.novelty.as_arrays().items()},
    }


def _from_arrays(arrays: Mapping[str, Array], description: _Description, classes: int) -> Reference:
    training = TrainedOn(
        sample_ids=_strings(arrays["training.sample_ids"]),
        groups=_strings(arrays["training.groups"]),
        hashes=_hashes(arrays["training.hashes"]),
        truth=arrays["training.truth"].astype(np.int64),
        confirmed=_strings(arrays["training.confirmed"]),
        features=arrays["training.features"].astype(np.float32),
    )
    validation = Validation(
        sample_ids=_strings(arrays["validation.sample_ids"]),
        groups=_strings(arrays["validation.groups"]),
        truth=arrays["validation.truth"].astype(np.int64),
        aside=arrays["validation.aside"].astype(np.bool_),
        logits=arrays["validation.logits"].astype(np.float32),
        unusual=arrays["validation.unusual"].astype(np.float32),
        gate=arrays["validation.gate"].astype(np.float32),
    )
    _check_rows("training", training)
    _check_rows("validation", validation)
    if validation.logits.ndim != 2 or validation.logits.shape[1] != classes:  # noqa: PLR2004 - rows and columns
        raise ValueError("its logits are for other classes")
    for truth in (training.truth, validation.truth):
        if len(truth) and not 0 <= truth.min() <= truth.max() < classes:
            raise ValueError("it names a class that the network does not have")
    inner = {
        name.removeprefix("novelty."): array for name, array in arrays.items() if name.startswith("novelty.")
    }
    return Reference(
        created=description.created,
        dataset_fingerprint=description.dataset_fingerprint,
        training=training,
        validation=validation,
        novelty=Novelty.from_arrays(inner),
        projection=_projection(arrays["projection.mean"], arrays["projection.components"], training.features),
        parent_hashes=_hashes(arrays["parent.hashes"]),
    )


def _projection(mean: Array, components: Array, features: Array) -> Projection:
    if components.ndim != 2 or (components.shape[1], components.shape[0]) != (mean.size, features.shape[-1]):  # noqa: PLR2004 - a matrix
        raise ValueError("its projection does not fit its features")
    if not (np.isfinite(mean).all() and np.isfinite(components).all()):
        raise ValueError("its projection contains numbers that are not finite")
    return Projection(mean, components)


def _check_rows(part: str, rows: TrainedOn | Validation) -> None:
    lengths = {len(column) for column in rows}
    if len(lengths) != 1:
        raise ValueError(f"the columns of its {part} part differ in length")
    for column in rows:
        if isinstance(column, np.ndarray) and not np.isfinite(column).all():
            raise ValueError(f"its {part} part contains numbers that are not finite")


def _hash_of(arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _bytes_as_array(content: bytes) -> Array:
    return np.frombuffer(content, dtype=np.uint8)


def _strings_as_array(strings: Sequence[str]) -> Array:
    return _bytes_as_array(msgspec.json.encode(strings))


def _strings(array: Array) -> tuple[str, ...]:
    return decoded(bytes(array.tobytes()), _STRINGS.decode)


def _hashes_as_array(hashes: Sequence[str]) -> Array:
    return np.frombuffer(bytes.fromhex("".join(hashes)), dtype=np.uint8).reshape(-1, _HASH_BYTES)


def _hashes(array: Array) -> tuple[str, ...]:
    return tuple(bytes(row.tobytes()).hex() for row in array)

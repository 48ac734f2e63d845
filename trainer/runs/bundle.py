"""What a run hands to diagnosis: a folder with numbers and a description of them, and no code.

A bundle holds `manifest.json` (this module's `Manifest`), `weights.safetensors` (arrays by canonical name) and
`manifest.sha256` (the manifest's own hash, in the form that `sha256sum -c` checks). The manifest holds the hash
of every other file, so that one changed byte anywhere is noticed. The network is rebuilt by this program from
the manifest; nothing in a bundle is ever run. What a user says later of its classes lies beside these files (see
`trainer.runs.marks`). A bundle may be an ensemble of others (see `trainer.runs.ensemble`), which has no weights of its
own.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

from trainer.arrays import Array, decode_arrays, encode_arrays
from trainer.backbones import get_backbone
from trainer.config import BackboneName, Geometry, HeadSettings, RunConfig, StageName
from trainer.dataset.classes.malignancy import Marks, marks_by_name
from trainer.dataset.groups.certificate import SplitCertificate
from trainer.errors import BundleError
from trainer.events import PartMetrics
from trainer.files import atomic_folder, read_regular
from trainer.metrics.decision import Calibration
from trainer.runs.marks import MARKS, read_marks
from trainer.runs.weights_header import check_heads
from trainer.stored import UnreadableError, decoded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BUNDLE_VERSION = 3
"""Version 2 also says which classes are benign; of version 1 their names say it. Version 3 may be an ensemble."""
_NETWORK_VERSION = 2
"""What a network by itself is written as, so that older programs read it."""
MANIFEST = "manifest.json"
MANIFEST_HASH = "manifest.sha256"
WEIGHTS = "weights.safetensors"
REFERENCE = "reference.safetensors"
"""What the bundle knows of the images its network learned from (see `trainer.reference`)."""
POINT = "operating_point.json"
"""The operating point that a user has saved for it (see `trainer.runs.operating_point`)."""
ADDITIONS = (MARKS, REFERENCE, POINT)
"""What may be added to a bundle beside its manifest: no part of what was trained, so its hash and identity stay."""

_FILES = frozenset({WEIGHTS})
"""Files of a network by itself, beside the manifest and its hash."""

_MAX_MANIFEST_BYTES = 16 << 20
_MAX_WEIGHTS_BYTES = 4 << 30  # ten times the largest network on offer
_LARGEST_WEIGHT = 1e8
"""Far above any weight or variance of a trained network; beyond it products overflow float32."""
SHORT_HASH = 12
"""Digits; two of a million bundles share them with a chance of 1 in 500."""
MOST_MEMBERS = 100
"""Of an ensemble; each takes its time for every image."""

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class BundleMetrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How good the network was when it was chosen.

    Attributes:
        stage: the best epoch's stage.
        epoch: the best epoch, counted from 1 within its stage.
        validation: metrics of the images the best epoch was chosen on, before calibration.
        test: metrics of the test part, if it was scored before the bundle was written.
    """

    stage: StageName
    epoch: Annotated[int, msgspec.Meta(ge=0)]
    validation: PartMetrics
    test: PartMetrics | None = None


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about a network except its weights.

    Attributes:
        format_version: of this structure.
        program_version: of the SkinDesk that wrote it.
        created: date and time with time zone.
        backbone: a name of `trainer.backbones`.
        head: what stands on the backbone.
        classes: in the order of the logits.
        malignant: those classes that are malignant or precancerous.
        benign: those that are benign; of the others it is not stated.
        input_size: side of the network's square, pixels.
        geometry: how an image becomes that square.
        calibration: from logits to probabilities and to the predicted class.
        split: certificate of the split the network was trained on.
        dataset_fingerprint: of the dataset it was trained on, 64 hexadecimal digits.
        metrics: of the best epoch.
        config: settings of the run.
        weights_origin: a sentence on where the initial weights came from.
        versions: of Python and of the packages that matter, by name.
        files: SHA-256 of each other file, by name; `write_bundle` fills it in.
        members: of an ensemble, SHA-256 of the manifest of each network in it, in order; `backbone`, `head`, `metrics`,
            `config` and `versions` then are the first one's. Empty for a network by itself.
    """

    format_version: Annotated[int, msgspec.Meta(ge=1, le=BUNDLE_VERSION)] = _NETWORK_VERSION
    program_version: Name
    created: Annotated[datetime, msgspec.Meta(tz=True)]
    backbone: BackboneName
    head: HeadSettings
    classes: Annotated[tuple[Name, ...], msgspec.Meta(min_length=2, max_length=1000)]
    malignant: tuple[Name, ...]
    benign: tuple[Name, ...] = ()
    input_size: Annotated[int, msgspec.Meta(ge=32, le=1024)]
    geometry: Geometry
    calibration: Calibration
    split: SplitCertificate
    dataset_fingerprint: Sha256
    metrics: BundleMetrics
    config: RunConfig
    weights_origin: str
    versions: dict[str, str]
    files: dict[str, Sha256] = {}
    members: Annotated[tuple[Sha256, ...], msgspec.Meta(max_length=MOST_MEMBERS)] = ()

    def __post_init__(self) -> None:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("a class is named twice")
        if not set(self.malignant) <= set(self.classes):
            raise ValueError("`malignant` names a class that is not in `classes`")
        if not set(self.benign) <= set(self.classes) - set(self.malignant):
            raise ValueError("`benign` names a class that is malignant or not in `classes`")
        if self.calibration.classes != self.classes:
            raise ValueError("the calibration is for other classes")
        if (self.config.backbone, self.config.head, self.config.geometry) != (
            self.backbone,
            self.head,
            self.geometry,
        ):
            raise ValueError("`config` describes a different network from the manifest")
        if self.split.fingerprint != self.dataset_fingerprint:
            raise ValueError("`split` certifies a different split from the one the network was trained on")
        if len({name[:SHORT_HASH] for name in self.members}) != len(self.members):
            raise ValueError("`members` names a network twice")

    @property
    def marks(self) -> Marks:
        """Which of the classes are malignant or precancerous, and which are benign."""
        return Marks(malignant=self.malignant, benign=self.benign)


class _AnyManifest(msgspec.Struct):
    """What every version of a manifest has."""

    format_version: int


_MANIFEST = msgspec.json.Decoder(Manifest)
_ANY_VERSION = msgspec.json.Decoder(_AnyManifest)


def encode_manifest(folder: Path, manifest: Manifest) -> bytes:
    """Return the content of the file of a manifest, after a check that it can be read again.

    Args:
        folder: of the bundle, for the sentence of the error.
        manifest: complete.

    Raises:
        BundleError: it could not be read again.
    """
    described = msgspec.to_builtins(manifest)
    if not manifest.members:
        del described["members"]  # earlier programs refuse fields that they do not know
    content = msgspec.json.format(msgspec.json.encode(described), indent=2)
    # JSON has no NaN: a metric that is none would make a bundle that nobody can read.
    _parsed(folder, content)
    return content


def write_manifest(folder: Path, content: bytes) -> None:
    """Write what `encode_manifest` returned, and its hash, into a folder that is being made.

    Raises:
        OSError: the folder cannot be written.
    """
    (folder / MANIFEST).write_bytes(content)
    (folder / MANIFEST_HASH).write_text(_hash_line(content), encoding="ascii")


def write_bundle(folder: Path, manifest: Manifest, arrays: Mapping[str, Array]) -> Manifest:
    """Write a bundle; a bundle that was there is replaced, anything else is left alone.

    Args:
        folder: to be created.
        manifest: its `files` are filled in.
        arrays: the network's weights by canonical name, any shapes.

    Returns:
        The manifest as it was written.

    Raises:
        BundleError: the folder holds something that is no bundle, a weight is no finite float32, or the manifest
            could not be read again.
        StorageError: the folder cannot be written.
    """
    if folder.exists() and not (
        folder.is_dir() and (not any(folder.iterdir()) or (folder / MANIFEST).exists())
    ):
        raise BundleError(
            f"{folder} exists and is not a bundle; choose another folder to write the bundle to."
        )
    _check_weights(folder, arrays)
    weights = encode_arrays(arrays)
    manifest = msgspec.structs.replace(manifest, files={WEIGHTS: hashlib.sha256(weights).hexdigest()})
    content = encode_manifest(folder, manifest)
    with atomic_folder(folder) as temporary:
        (temporary / WEIGHTS).write_bytes(weights)
        write_manifest(temporary, content)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Read and check a bundle's manifest; its weights are neither read nor checked.

    Returns:
        The manifest, its classes marked as a user has marked them since (see `trainer.runs.marks`).

    Raises:
        BundleError: the folder is no bundle, or its manifest is changed, damaged or too new.
    """
    manifest = read_trained_manifest(folder)
    marks = read_marks(folder, manifest.classes)
    return manifest if marks is None else _marked(manifest, marks)


def read_trained_manifest(folder: Path) -> Manifest:
    """Read and check a bundle's manifest as it was trained, without the marks that a user has given its classes since.

    Raises:
        BundleError: the folder is no bundle, or its manifest is changed, damaged or too new.
    """
    manifest = _parsed(folder, _manifest_content(folder))
    if manifest.format_version > 1:
        return manifest
    named = marks_by_name(set(manifest.classes) - set(manifest.malignant))
    return msgspec.structs.replace(manifest, benign=named.benign)


def _marked(manifest: Manifest, marks: Marks) -> Manifest:
    return msgspec.structs.replace(manifest, malignant=marks.malignant, benign=marks.benign)


def read_bundle(folder: Path) -> tuple[Manifest, dict[str, Array]]:
    """Read the bundle of a network by itself and check every byte of it.

    Returns:
        The manifest, and the weights by canonical name as read-only arrays.

    Raises:
        BundleError: the folder is no bundle, it is an ensemble, or the bundle is changed, damaged, incomplete or too
            new.
    """
    manifest = read_manifest(folder)
    if manifest.members:
        raise BundleError(
            f"{folder} is an ensemble, which has no weights of its own; choose one of its members."
        )
    check_no_others(folder, manifest)
    _check_header(folder / WEIGHTS, manifest)
    weights = _content(folder / WEIGHTS, _MAX_WEIGHTS_BYTES)
    if hashlib.sha256(weights).hexdigest() != manifest.files[WEIGHTS]:
        raise BundleError(_changed(folder, WEIGHTS))
    try:
        arrays = decode_arrays(weights)
    except ValueError as error:
        raise BundleError(f"{folder / WEIGHTS} is not a safetensors file: {error}.") from error
    _check_weights(folder, arrays)
    return manifest, arrays


def check_no_others(folder: Path, manifest: Manifest) -> None:
    """Check that a bundle holds no weights that its manifest does not name.

    Raises:
        BundleError: it does.
    """
    for path in sorted(folder.glob("*.safetensors")):
        if path.name not in {*manifest.files, REFERENCE}:
            raise BundleError(
                f"The bundle {folder} holds {path.name}, which its manifest does not name; remove it."
            )


def manifest_hash(folder: Path) -> str:
    """Return the SHA-256 of a bundle's manifest, which names its weights: 64 hexadecimal digits.

    Raises:
        BundleError: the folder is no bundle, or its manifest is changed.
    """
    return hashlib.sha256(_manifest_content(folder)).hexdigest()


def bundle_hash(folder: Path) -> str:
    """Return twelve hexadecimal digits that stand for the whole content of a bundle, for reports.

    Raises:
        BundleError: the folder is no bundle, or its manifest is changed.
    """
    return manifest_hash(folder)[:SHORT_HASH]


def _hash_line(content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()}  {MANIFEST}\n"


def _changed(folder: Path, name: str) -> str:
    return (
        f"{folder / name} differs from what was written (wrong hash): the file was changed or damaged. Copy "
        "the bundle again from where it came from, or train again."
    )


def _check_weights(folder: Path, arrays: Mapping[str, Array]) -> None:
    """Check that weights are what networks are made of: a NaN would come out as a probability that is none."""
    for name, array in arrays.items():
        if array.dtype != np.float32:
            raise BundleError(f"The weights of {folder} must be float32, but {name} is {array.dtype}.")
        if not np.isfinite(array).all():
            raise BundleError(
                f"The weights of {folder} contain numbers that are not finite ({name}): the training "
                "diverged; train again with a lower learning rate."
            )
        largest = float(np.abs(array).max(initial=0.0))
        if largest > _LARGEST_WEIGHT:
            raise BundleError(
                f"The weights of {folder} contain numbers that are too large ({name}: {largest:.1e}): the "
                "file was changed or the training diverged; train again with a lower learning rate."
            )


def _check_header(path: Path, manifest: Manifest) -> None:
    """Compare the header of the weights with the manifest, so that not a byte of another network's is read."""
    if not path.is_file():
        return  # as reading it says
    try:
        check_heads(path, get_backbone(manifest.backbone), len(manifest.classes), manifest.head)
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror or error}.") from error


def _content(path: Path, limit: int) -> bytes:
    try:
        if not path.is_file():
            raise BundleError(f"The bundle {path.parent} is incomplete: it has no {path.name}.")
        return read_regular(path, limit)
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror or error}.") from error


def _manifest_content(folder: Path) -> bytes:
    if not folder.exists():
        raise BundleError(f"There is no bundle at {folder}; check the path.")
    if not folder.is_dir():
        raise BundleError(f"{folder} is a file; a bundle is a folder with {MANIFEST} and {WEIGHTS}.")
    if not (folder / MANIFEST).is_file():
        inner = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))
        hint = f"did you mean {inner[0]}?" if inner else "choose the bundle in the folder of a finished run."
        raise BundleError(f"{folder} is not a bundle: it has no {MANIFEST}; {hint}")
    content = _content(folder / MANIFEST, _MAX_MANIFEST_BYTES)
    try:
        version = decoded(content, _ANY_VERSION.decode).format_version
    except UnreadableError as error:
        raise BundleError(
            f"{folder / MANIFEST} is not the manifest of a SkinDesk bundle: {error}."
        ) from error
    if version > BUNDLE_VERSION:
        raise BundleError(
            f"The bundle {folder} was written by a newer SkinDesk (bundle format {version}, this program reads "
            f"up to {BUNDLE_VERSION}); update this program."
        )
    if _content(folder / MANIFEST_HASH, _MAX_MANIFEST_BYTES) != _hash_line(content).encode():
        raise BundleError(_changed(folder, MANIFEST))
    return content


def _parsed(folder: Path, content: bytes) -> Manifest:
    try:
        manifest = decoded(content, _MANIFEST.decode)
        unknown = _unknown_field(decoded(content, msgspec.json.decode), msgspec.to_builtins(manifest))
    except UnreadableError as error:
        raise BundleError(f"{folder / MANIFEST} is not valid: {error}.") from error
    if unknown:
        raise BundleError(f"{folder / MANIFEST} is not valid: it has an unknown field `{unknown}`.")
    # Names are compared before any of them is opened: none can lead out of the folder.
    if set(manifest.files) != (set() if manifest.members else _FILES):
        listed = ", ".join(sorted(manifest.files)) or "nothing"
        wanted = "no file" if manifest.members else f"{WEIGHTS} and no other file"
        raise BundleError(f"{folder / MANIFEST} must name {wanted}; it names {listed}.")
    return manifest


def _unknown_field(written: object, known: object) -> str:
    """Return the name of a field of `written`, at any depth, that was not understood; empty if there is none."""
    if isinstance(written, dict) and isinstance(known, dict):
        for name, value in written.items():
            if name not in known:
                return str(name)
            deeper = _unknown_field(value, known[name])
            if deeper:
                return f"{name}.{deeper}"
    return ""

"""An ensemble: a bundle that is made of others, whose calibrated probabilities it averages with equal weights.

```
manifest.json  manifest.sha256      names the members by the hashes of their manifests; no weights of its own
reference.safetensors               combined from the members' (see `trainer.reference.combining`)
members/<12 digits>/                each member's own bundle, whole
```

Whoever asks for the logits of an ensemble gets the logarithm of its probabilities, so that its own calibration changes
nothing and everything that works with a bundle works with it.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import numpy as np

import trainer
from trainer.errors import BundleError
from trainer.metrics.decision import in_order
from trainer.runs.bundle import (
    BUNDLE_VERSION,
    MANIFEST,
    MANIFEST_HASH,
    MOST_MEMBERS,
    REFERENCE,
    SHORT_HASH,
    WEIGHTS,
    check_no_others,
    encode_manifest,
    manifest_hash,
    read_bundle,
    read_manifest,
    write_manifest,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.metrics.decision import Calibration
    from trainer.runs.bundle import Manifest

MEMBERS = "members"
"""Folder of the members."""
_FEWEST_MEMBERS = 2
MEMBER_FILES = (MANIFEST, MANIFEST_HASH, WEIGHTS, REFERENCE)
"""What of a bundle goes into an ensemble; a member need not have the last."""


def network_folders(bundle: Path, manifest: Manifest) -> tuple[Path, ...]:
    """Return the folders of the networks of a bundle: itself, or an ensemble's members.

    Raises:
        BundleError: a member is missing or is not the one the manifest names.
    """
    if not manifest.members:
        return (bundle,)
    folders = tuple(bundle / MEMBERS / name[:SHORT_HASH] for name in manifest.members)
    for folder, name in zip(folders, manifest.members, strict=True):
        if not folder.is_dir():
            raise BundleError(
                f"The ensemble {bundle} is incomplete: its network {folder.name} is missing; copy it again from where "
                "it came from."
            )
        if manifest_hash(folder) != name:
            raise BundleError(f"{folder} is not the network that the ensemble {bundle} was made of.")
    return folders


def check_bundle(bundle: Path) -> Manifest:
    """Check every byte of a bundle, an ensemble or not.

    Returns:
        Its manifest.

    Raises:
        BundleError: the folder is no bundle, or the bundle is changed, damaged, incomplete or too new.
    """
    manifest = read_manifest(bundle)
    check_no_others(bundle, manifest)
    for folder in network_folders(bundle, manifest):
        read_bundle(folder)
    for folder in sorted((bundle / MEMBERS).iterdir()) if (bundle / MEMBERS).is_dir() else ():
        if folder.name not in {name[:SHORT_HASH] for name in manifest.members}:
            raise BundleError(
                f"The bundle {bundle} holds {MEMBERS}/{folder.name}, which its manifest does not name; remove it."
            )
    return manifest


def ensemble_manifest(members: Sequence[Path]) -> Manifest:
    """Return the manifest of an ensemble of bundles, after a check that they go together.

    Raises:
        BundleError: there are too few or too many, one is an ensemble, or they differ in what they must agree in.
    """
    if not _FEWEST_MEMBERS <= len(members) <= MOST_MEMBERS:
        raise BundleError(
            f"An ensemble needs {_FEWEST_MEMBERS} to {MOST_MEMBERS} networks; {len(members)} given. Name the bundles to combine."
        )
    manifests = [read_manifest(member) for member in members]
    hashes = tuple(manifest_hash(member) for member in members)
    first = manifests[0]
    for place, (member, manifest) in enumerate(zip(members, manifests, strict=True)):
        if manifest.members:
            raise BundleError(f"{member} is an ensemble itself; name the bundles that it was made of.")
        if hashes[place] in hashes[:place]:
            raise BundleError(
                f"{member} is named twice, or is a copy of another one; name each network once."
            )
        if difference := _difference(first, manifest):
            raise BundleError(f"{members[0]} and {member} cannot be combined: {difference}")
    networks = ", ".join(
        f"{manifest.backbone} {name[:SHORT_HASH]}" for manifest, name in zip(manifests, hashes, strict=True)
    )
    return msgspec.structs.replace(
        first,
        format_version=BUNDLE_VERSION,
        program_version=trainer.__version__,
        created=datetime.now(UTC),
        calibration=_calibration(first.calibration, len(members)),
        weights_origin=f"An ensemble of {networks}.",
        files={},
        members=hashes,
    )


def fill_ensemble(folder: Path, manifest: Manifest, members: Sequence[Path]) -> None:
    """Write an ensemble without its reference into an empty folder.

    Args:
        folder: there already.
        manifest: of `ensemble_manifest`.
        members: the bundles it was made from.

    Raises:
        BundleError: a member is damaged.
        OSError: the folder cannot be written, or a file of a member cannot be read.
    """
    write_manifest(folder, encode_manifest(folder, manifest))
    for member, name in zip(members, manifest.members, strict=True):
        target = folder / MEMBERS / name[:SHORT_HASH]
        target.mkdir(parents=True)
        read_bundle(member)
        for file in MEMBER_FILES:
            if (member / file).is_file():
                shutil.copyfile(member / file, target / file)


def _difference(first: Manifest, other: Manifest) -> str:
    """Say in a sentence what keeps two networks from being combined; empty where nothing does."""
    if set(first.classes) != set(other.classes):
        return (
            f"their classes differ ({', '.join(first.classes)}; {', '.join(other.classes)}). Choose networks with the "
            "same classes."
        )
    differences = (
        (
            first.dataset_fingerprint != other.dataset_fingerprint,
            "they were not trained on the same dataset and split. Choose networks of one dataset and split.",
        ),
        (
            first.classes != other.classes or not _same_frequencies(first.calibration, other.calibration),
            "their classes have another order or other frequencies. Train them from the same dataset file.",
        ),
        (
            first.input_size != other.input_size,
            f"their input sizes differ ({first.input_size} and {other.input_size} pixels). Choose networks with the same.",
        ),
        (
            first.geometry != other.geometry,
            "they cut or scale images in different ways. Choose networks with the same geometry.",
        ),
        (
            first.marks != other.marks,
            "they do not mark the same classes as malignant or benign. Mark them alike with `trainer classes BUNDLE`.",
        ),
    )
    return next((sentence for differs, sentence in differences if differs), "")


def _same_frequencies(first: Calibration, other: Calibration) -> bool:
    return all(
        np.allclose(in_order(one, first.classes), in_order(another, first.classes))
        for one, another in (
            (first.prior, other.prior),
            (first.decision_weights, other.decision_weights),
        )
    )


def _calibration(first: Calibration, members: int) -> Calibration:
    """Return a calibration that leaves the logarithm of probabilities as it is, and decides as the members do."""
    return msgspec.structs.replace(
        first,
        temperature=1.0,
        bias=dict.fromkeys(first.classes, 0.0),
        n=0,
        fitted=False,
        note=f"Each of the {members} networks has its own calibration, and the mean of their probabilities is taken.",
    )

"""The operating point that a user has saved for a bundle: `operating_point.json` beside the manifest.

The bundle stays as it is, and so does its hash, which the file names: a point is of one network alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from trainer.errors import BundleError, ConfigError
from trainer.files import explained, write_bytes
from trainer.metrics.operating import OperatingPoint, target_of
from trainer.runs.bundle import POINT, bundle_hash
from trainer.stored import UnreadableError, read_json

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.runs.bundle import Manifest

POINT_VERSION = 1
_MAX_BYTES = 1 << 20


class _AnyPoint(msgspec.Struct):
    """What every version of the file has."""

    format_version: int


class _StoredPoint(msgspec.Struct, frozen=True, kw_only=True):
    format_version: Annotated[int, msgspec.Meta(ge=1)] = POINT_VERSION
    bundle: str
    saved: Annotated[datetime, msgspec.Meta(tz=True)]
    point: OperatingPoint


_ANY_VERSION = msgspec.json.Decoder(_AnyPoint)
_STORED = msgspec.json.Decoder(_StoredPoint)


def read_operating_point(bundle: Path) -> OperatingPoint | None:
    """Return the operating point saved for a bundle; `None` where there is none.

    Args:
        bundle: its folder.

    Raises:
        BundleError: the file is damaged, too new, or of another bundle.
    """
    file = bundle / POINT
    try:
        version = read_json(file, _ANY_VERSION.decode, _MAX_BYTES).format_version
        if version > POINT_VERSION:
            raise BundleError(f"{file} was written by a newer SkinDesk; update this program.")
        stored = read_json(file, _STORED.decode, _MAX_BYTES)
    except FileNotFoundError:
        return None
    except UnreadableError as error:
        raise BundleError(
            f"{file} cannot be read ({error}). Delete it, and choose the operating point again."
        ) from error
    if stored.bundle != bundle_hash(bundle):
        raise BundleError(
            f"{file} is the operating point of another network. Delete it, and choose one for this network."
        )
    return stored.point


def write_operating_point(bundle: Path, point: OperatingPoint | None) -> None:
    """Save an operating point for a bundle, or remove the one that is saved.

    Raises:
        BundleError: the folder is no bundle.
        StorageError: the file cannot be written or removed.
    """
    file = bundle / POINT
    if point is None:
        with explained(file):
            file.unlink(missing_ok=True)
        return
    stored = _StoredPoint(bundle=bundle_hash(bundle), saved=datetime.now(UTC), point=point)
    write_bytes(file, msgspec.json.format(msgspec.json.encode(stored), indent=2))


def why_outdated(point: OperatingPoint, manifest: Manifest) -> str:
    """Say in a sentence why a saved point is not applied any more; empty where it is.

    Args:
        point: saved for the bundle.
        manifest: of the bundle, its classes marked as the user has marked them since.
    """
    target = point.target
    try:
        now = set(target_of(target.name, manifest.classes, manifest.malignant).classes)
    except ConfigError:
        now = set()
    if now == set(target.classes):
        return ""
    return (
        f"The saved operating point is not used: it was chosen when the malignant classes were "
        f"{', '.join(target.classes)}. Choose it again."
    )

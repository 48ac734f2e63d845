"""A folder of images opened with a network: what it holds, and what was predicted of it before."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from trainer.batches.folder import list_folder
from trainer.batches.kept import KEPT_FILE, identity_of, is_current, read_kept
from trainer.batches.table import network_facts
from trainer.files import explained
from trainer.runs.operating_point import read_operating_point

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.batches.folder import FolderImage
    from trainer.batches.kept import Identity
    from trainer.batches.table import NetworkFacts
    from trainer.predictions import Prediction

_PRIVATE = 0o700
_DIGITS = 16


class OpenedFolder(NamedTuple):
    """A folder that is open with a network.

    Attributes:
        folder: of the images.
        bundle: of the network.
        out: where predictions are kept: the same for the same folder and network.
        network: what tables say of it.
        identity: what the predictions depend on.
        images: sorted by path.
        notes: sentences about the classes that the folder gives.
        has_point: whether an operating point is saved for the network.
    """

    folder: Path
    bundle: Path
    out: Path
    network: NetworkFacts
    identity: Identity
    images: tuple[FolderImage, ...]
    notes: tuple[str, ...]
    has_point: bool = False


class Read(NamedTuple):
    """Predictions that were read.

    Attributes:
        predictions: of images as they are now, by path.
        end: where to go on reading, bytes.
    """

    predictions: dict[str, Prediction]
    end: int


def open_folder(folder: Path, bundle: Path, kept_in: Path) -> OpenedFolder:
    """Open a folder of images; takes seconds for thousands, so call it in a worker.

    Args:
        folder: of the images.
        bundle: folder of the network.
        kept_in: where predictions are kept, a folder for each folder and network; readable by its user alone.

    Raises:
        TrainerError: one of them cannot be used.
    """
    network = network_facts(bundle)
    identity = identity_of(bundle)
    found = list_folder(folder, network.classes)
    name = hashlib.sha256(f"{identity.bundle} {found.path}".encode()).hexdigest()[:_DIGITS]
    out = kept_in / name
    with explained(out):
        out.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    has_point = read_operating_point(bundle) is not None
    return OpenedFolder(found.path, bundle, out, network, identity, found.images, found.notes, has_point)


def read_predictions(opened: OpenedFolder, start: int = 0) -> Read:
    """Read what was predicted since; in a worker.

    Args:
        opened: the folder.
        start: where to go on, bytes.

    Raises:
        TrainerError: the file of predictions cannot be read.
    """
    images = {image.path: image for image in opened.images}
    with explained(opened.out):
        found = read_kept(opened.out / KEPT_FILE, opened.identity.bundle, start)
    return Read(
        {
            row.prediction.path: row.prediction
            for row in found.rows
            if (image := images.get(row.prediction.path)) is not None
            and is_current(row, image, opened.identity.additions)
        },
        found.end,
    )

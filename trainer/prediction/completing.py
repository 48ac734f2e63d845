"""A bundle without a reference, for instance of an earlier version, is given one from its dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.dataset.recovery import frame_as_split
from trainer.errors import DatasetError
from trainer.events import Said, silent
from trainer.pipeline.references import Part, make_reference
from trainer.prediction.networks import network_of
from trainer.reference.aside import set_aside
from trainer.reference.combining import combined_reference
from trainer.reference.reference import write_reference
from trainer.runs.bundle import read_bundle, read_manifest
from trainer.runs.ensemble import network_folders

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from trainer.dataset.store import DatasetStore
    from trainer.events import Listener, StopRequest
    from trainer.reference.reference import Reference


def complete_bundle(
    bundle: Path, store: DatasetStore, *, listener: Listener = silent, stop: StopRequest | None = None
) -> Reference:
    """Write a bundle's reference from the dataset that its network was trained on.

    The bundle's identity, and so the count of its scorings, stay. Each member of an ensemble is given one.

    Args:
        bundle: folder; a reference that is there is replaced.
        store: the dataset, however it is split now: the split of the training is found again.
        listener: hears progress.
        stop: asked between batches; the bundle's reference is written at the end.

    Raises:
        BundleError: the bundle is damaged.
        DatasetError: the network was not trained on these images.
        ImageError: a file has gone or changed.
        StoppedError: on request.
        StorageError: the file cannot be written.
    """
    manifest = read_manifest(bundle)
    if not manifest.members:
        reference = _complete_network(bundle, store, listener, stop)
    else:
        for folder in network_folders(bundle, manifest):
            _complete_network(folder, store, listener, stop)
        combined = combined_reference(bundle)
        assert combined is not None, "all members have one now"
        reference = combined
        write_reference(bundle, reference)
    listener(
        Said(
            message=f"The bundle now knows its {len(reference.training.hashes):,} training images and "
            f"{len(reference.validation.truth):,} validation images."
        )
    )
    return reference


def _complete_network(
    bundle: Path, store: DatasetStore, listener: Listener, stop: StopRequest | None
) -> Reference:
    """Write the reference of a network by itself."""
    manifest, arrays = read_bundle(bundle)
    frame = frame_as_split(store, manifest.split)
    if frame is None:
        raise DatasetError(
            f"{store.path} is not the dataset this network was trained on, or its images, classes or lesions have "
            "changed since; use the dataset of the run."
        )
    store.check_files(frame)
    frame = frame[frame["split"].isin(["train", "validation"])].reset_index(drop=True)
    truth = np.array([manifest.classes.index(name) for name in frame["class_name"]], dtype=np.int64)
    rows = {part: np.flatnonzero(frame["split"].eq(part)) for part in ("train", "validation")}
    config = manifest.config
    aside = set_aside(
        list(frame["group_id"]), truth, rows["validation"], config.seed, config.calibration_share
    )
    reference = make_reference(
        network_of(manifest, arrays),
        manifest.geometry,
        config.test_views,
        _part(frame.iloc[rows["train"]], truth[rows["train"]]),
        _part(frame.iloc[rows["validation"]], truth[rows["validation"]]),
        aside,
        manifest.dataset_fingerprint,
        listener=listener,
        stop=stop,
    )
    write_reference(bundle, reference)
    return reference


def _part(frame: pd.DataFrame, truth: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Part:
    return Part(
        sample_ids=list(frame["sample_id"]),
        groups=[str(group) for group in frame["group_id"]],
        hashes=list(frame["sha256"]),
        paths=list(frame["path"]),
        truth=truth,
        confirmed=[str(words) if isinstance(words, str) else "" for words in frame["dx_type"]],
    )

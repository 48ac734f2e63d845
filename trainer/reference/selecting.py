"""Which samples of a dataset a network may be scored on: of classes that it knows, and none that it learned from.

Three things give an image away. Its file is one of training. The dataset is of the same origin as the network's (many
ids of training images, with the same classes), and its id is one of training. Or it is in one group, of this dataset, with such
an image: the same lesion, the same patient, nearly the same picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from trainer.dataset.classes.names import spelt_as
from trainer.dataset.groups.certificate import PARTS
from trainer.dataset.recovery import frame_as_split
from trainer.errors import DatasetError
from trainer.runs.external import External, LeftOut

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from trainer.dataset.store import DatasetStore
    from trainer.reference.reference import Reference
    from trainer.runs.bundle import Manifest

_FEWEST_SHARED = 10
_SAME_CLASSES = 0.9
"""Share of shared ids that must have the same class: with ids that are mere numbers chance gives two thirds or less."""
_NAMED = 12  # classes that fit into a sentence

_TRAINING, _PARENT, _VALIDATION = 0, 1, 2
_UNKNOWN = 3
"""What an image is to a network; the first that applies counts."""


class Selected(NamedTuple):
    """Samples to be scored.

    Attributes:
        frame: as `DatasetStore.frame`, its classes spelt as the network's; not empty.
        external: what was left out; `None` for the network's own dataset and split, of which nothing is.
    """

    frame: pd.DataFrame
    external: External | None


class _Recognised(NamedTuple):
    """What each sample of a dataset is to a network, and how that shows.

    Attributes:
        roles: int (n,), `_TRAINING` to `_UNKNOWN`.
        by_file, by_id: bool (n,); those of neither are recognised by their group.
    """

    roles: NDArray[np.int64]
    by_file: NDArray[np.bool_]
    by_id: NDArray[np.bool_]


def select_samples(
    store: DatasetStore, part: str, manifest: Manifest, reference: Reference | None
) -> Selected:
    """Return the samples of a part of any dataset that a network may be scored on.

    Args:
        store: the dataset.
        part: `train`, `validation`, `test` or `all`.
        manifest: of the bundle.
        reference: of the bundle; `None` where it does not know its training images.

    Raises:
        DatasetError: the part is empty, has no class that the network knows, or no image that it does not know.
    """
    if store.fingerprint() == manifest.dataset_fingerprint:
        return Selected(_part_of(store, store.frame(), part), None)
    everything = store.frame()
    named = {name: spelt_as(name, manifest.classes) for name in sorted(set(everything["class_name"]))}
    everything["class_name"] = everything["class_name"].map(named)
    inside = _part_of(store, everything, part)
    written = {name for name, as_network in named.items() if as_network in set(inside["class_name"])}
    known_class = inside["class_name"].isin(manifest.classes)
    if not known_class.any():
        raise DatasetError(
            f"No class of {store.path} ({_listed(written)}) is one of this network's ({_listed(manifest.classes)})."
        )
    own = frame_as_split(store, manifest.split)
    recognised = _recognised(everything, own, reference, manifest.classes)
    kept = known_class
    if recognised is not None:
        roles, by_file, by_id = recognised
        recognised = _Recognised(roles[inside.index], by_file[inside.index], by_id[inside.index])
        kept = known_class & (recognised.roles == _UNKNOWN)
    if not kept.any():
        raise DatasetError(
            f"The network learned from all images of {store.path} that have one of its classes, or from their lesions; "
            "score it on others."
        )
    external = External(
        images=len(inside),
        renamed={name: named[name] for name in sorted(written) if named[name] != name},
        other_classes={
            str(name): int(n)
            for name, n in inside["class_name"][~known_class].value_counts().sort_index().items()
        },
        left_out=None if recognised is None else _left_out(recognised, known_class.to_numpy()),
        near_duplicates=own is not None,
    )
    return Selected(inside[kept].reset_index(drop=True), external)


def _part_of(store: DatasetStore, frame: pd.DataFrame, part: str) -> pd.DataFrame:
    chosen = frame if part == "all" else frame[frame["split"].eq(part)]
    if not chosen.empty:
        return chosen
    settings = store.split_settings
    if part == "test" and settings is not None and settings.fractions[PARTS.index("test")] == 0:
        raise DatasetError(
            f"{store.path} was split without a test part; choose another part, or split it again with one."
        )
    raise DatasetError(
        f"The dataset has no samples in its part '{part}'; split it again, or choose another part."
    )


def _recognised(
    frame: pd.DataFrame, own: pd.DataFrame | None, reference: Reference | None, classes: Sequence[str]
) -> _Recognised | None:
    """Return what the samples of a dataset are to a network; `None` where nothing tells.

    Args:
        frame: all samples, their classes spelt as the network's.
        own: the same with the split of the training, where this is the network's own dataset.
        reference: of the bundle.
        classes: of the network.
    """
    if own is None and reference is None:
        return None
    roles = np.full(len(frame), _UNKNOWN)
    by_file = np.zeros(len(frame), dtype=bool)
    by_id = by_file.copy()
    if reference is not None:
        for hashes, role in ((reference.parent_hashes, _PARENT), (reference.training.hashes, _TRAINING)):
            same = frame["sha256"].isin(hashes).to_numpy()
            roles[same] = role
            by_file |= same
    if own is not None:
        for part, role in (("validation", _VALIDATION), ("train", _TRAINING)):
            same = own["split"].eq(part).to_numpy()
            roles[same] = np.minimum(roles[same], role)
            by_file |= same
    elif reference is not None:
        trusted = _of_one_origin(frame, reference, classes)
        for known, role in ((reference.validation, _VALIDATION), (reference.training, _TRAINING)):
            same = frame["sample_id"].isin(known.sample_ids).to_numpy() & trusted
            roles[same] = np.minimum(roles[same], role)
            by_id |= same & ~by_file
    groups = frame["group_id"].where(frame["group_id"].notna(), frame["sample_id"])
    together = pd.Series(roles, index=frame.index).groupby(groups).transform("min").to_numpy()
    return _Recognised(together, by_file, by_id)


def _of_one_origin(frame: pd.DataFrame, reference: Reference, classes: Sequence[str]) -> bool:
    """Whether ids mean the same in a dataset and in the network's own: many are in both, with the same classes."""
    known = {
        sample: classes[index]
        for part in (reference.training, reference.validation)
        for sample, index in zip(part.sample_ids, part.truth, strict=True)
    }
    there = frame["sample_id"].map(known)
    shared = there.notna()
    return bool(
        shared.sum() >= _FEWEST_SHARED and (there == frame["class_name"])[shared].mean() >= _SAME_CLASSES
    )


def _left_out(recognised: _Recognised, known_class: NDArray[np.bool_]) -> LeftOut:
    """Count the images that are left out although their class is known."""
    out = known_class & (recognised.roles != _UNKNOWN)
    by_file, by_id = out & recognised.by_file, out & recognised.by_id

    def counted(role: int) -> int:
        return int((out & (recognised.roles == role)).sum())

    return LeftOut(
        training=counted(_TRAINING),
        validation=counted(_VALIDATION),
        parent=counted(_PARENT),
        by_file=int(by_file.sum()),
        by_id=int(by_id.sum()),
        by_group=int((out & ~by_file & ~by_id).sum()),
    )


def _listed(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _NAMED:,} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more

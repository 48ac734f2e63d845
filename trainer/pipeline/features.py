"""Pooled features of a frozen backbone, several views a sample, computed once and kept on the disk.

A frozen backbone gives the same features for the same picture in every epoch, and on a CPU it is 97 to 99 %
of an epoch's cost. So each sample is run through it once clean and once for each of a few augmented views;
an epoch of the stage `head` then draws one view a sample.

What was computed is kept (see `trainer.pipeline.feature_cache`), so that another dataset with the same images, a
changed split or new samples compute only what is not there.
"""

from __future__ import annotations

import hashlib
import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec
import numpy as np

from trainer.errors import StoppedError
from trainer.events import Progress, Said, Warned, silent
from trainer.pipeline.augmentation import sample_keys
from trainer.pipeline.budgets import new_table, table_bytes
from trainer.pipeline.feature_cache import CACHE_FORMAT
from trainer.pipeline.loading import image_batches, in_batches, iterate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainer.config import Augmentation, Geometry
    from trainer.events import Listener, StopRequest
    from trainer.network.network import Network
    from trainer.pipeline.feature_cache import FeatureCache
    from trainer.pipeline.loading import ImageSource

_SHARD_SAMPLES = 256
_VIEW_SEED = 0
"""Views belong to the recipe, not to a run's seed: runs that differ in seed share them."""


class FeatureTable(NamedTuple):
    """Features in memory, or in a file that is read like memory.

    Attributes:
        features: float32 (samples, views, features); view 0 is the clean one.
        computed: images that went through the backbone for it.
        seconds: spent on that.
    """

    features: NDArray[np.float32]
    computed: int
    seconds: float


def weights_hash(network: Network) -> str:
    """Return the SHA-256 of a network's backbone weights, by canonical name."""
    digest = hashlib.sha256()
    for name, variable in network.named_backbone_variables():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    return digest.hexdigest()


def recipe_hash(network: Network, geometry: Geometry, augmentation: Augmentation) -> str:
    """Return the key of everything that features depend on, apart from the image and the view's number."""
    recipe = {
        "format": CACHE_FORMAT,
        "backbone": network.backbone.name,
        "weights": weights_hash(network),
        "scaling": network.backbone.scaling,
        "size": network.input_size,
        "precision": network.precision,
        "geometry": msgspec.to_builtins(geometry),
        "augmentation": msgspec.to_builtins(augmentation),
    }
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:32]


def compute_features(
    network: Network,
    source: ImageSource,
    hashes: Sequence[str],
    sample_ids: Sequence[str],
    *,
    rows: NDArray[np.int64],
    views: int,
    augmentation: Augmentation,
    cache: FeatureCache,
    batch_size: int = 32,
    task: str = "Features",
    listener: Listener = silent,
    stop: StopRequest | None = None,
) -> FeatureTable:
    """Return the features of some samples, computing what the cache has not.

    Args:
        network: whose backbone is frozen.
        source: images of all samples.
        hashes: SHA-256 of each sample's image file, (samples,).
        sample_ids: (samples,).
        rows: which samples, indices (n,).
        views: augmented views beside the clean one.
        augmentation: the recipe of those views.
        cache: where features are kept.
        batch_size: images a step.
        task: what progress is called.
        listener: receives progress events.
        stop: checked between batches; what was computed stays in the cache.

    Returns:
        A table of shape (n, views + 1, features).

    Raises:
        ImageError: an image cannot be read any more.
        StoppedError: on request.
        StorageError: the cache cannot be written.
    """
    keys = sample_keys([sample_ids[row] for row in rows])
    wanted_hashes = [hashes[row] for row in rows]
    width = network.backbone.features
    values = new_table((len(rows), views + 1, width), cache.folder.parent, table_bytes())
    # Samples with the same file share what the last of them gave: so it is in the cache, and for a resumed run.
    last = {key: position for position, key in enumerate(wanted_hashes)}
    shown_by = np.array([last[key] for key in wanted_hashes], dtype=np.int64)
    own = shown_by == np.arange(len(rows))
    missing: list[NDArray[np.int64]] = []
    for view in range(views + 1):
        found = cache.load(wanted_hashes, view, values[:, view])
        missing.append(np.flatnonzero(~found & own))
    for sentence in cache.troubles():
        listener(Warned(message=f"{task}: {sentence}"))
    total = sum(len(positions) for positions in missing)
    kept = int(own.sum()) * (views + 1) - total
    if kept:
        listener(Said(message=f"{task}: {kept:,} of them are in the cache."))
    computed, begun = 0, time.monotonic()
    with _Writer(cache, wanted_hashes, values) as writer:
        for view, positions in enumerate(missing):
            if not len(positions):
                continue
            batches, weights = in_batches(positions, min(batch_size, len(positions)))
            dataset = image_batches(
                source,
                rows[batches],
                augmentation=augmentation if view else None,
                keys=_scattered(keys, rows, len(source)),
                run_seed=_VIEW_SEED,
                epoch=view,
            )
            for batch, weight, images in zip(batches, weights, iterate(source, dataset), strict=True):
                if stop is not None:
                    stop.raise_if_asked()
                fresh = batch[weight > 0]
                values[fresh, view] = network.features_of(images).numpy()[weight > 0]
                writer.add(fresh, view)
                computed += len(fresh)
                listener(Progress(task=task, done=computed, total=total, unit="images"))
    for position in np.flatnonzero(~own):
        values[position] = values[shown_by[position]]
    if not all(np.isfinite(row).all() for row in values):
        listener(Warned(message=f"{task}: some values are not finite, so training will not work well."))
    _make_room(cache, task, listener)
    return FeatureTable(values, computed, time.monotonic() - begun)


def _make_room(cache: FeatureCache, task: str, listener: Listener) -> None:
    removed = cache.make_room()
    if removed:
        recipes = "1 older network" if removed == 1 else f"{removed} older networks"
        listener(Said(message=f"{task}: the cached features of {recipes} were removed to make room."))


class _Writer:
    """Writes features to the cache beside the computing: a disk may take seconds to say that a file is safe.

    As a context it writes at its end what is left, also when the work was stopped.
    """

    def __init__(self, cache: FeatureCache, hashes: Sequence[str], values: NDArray[np.float32]) -> None:
        self._cache, self._hashes, self._values = cache, hashes, values
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="features")
        self._writing: Future[None] | None = None
        self._unsaved: list[int] = []
        self._view = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None or issubclass(kind, StoppedError):
                self._flush()
                self._wait()
        finally:
            self._pool.shutdown()

    def add(self, positions: NDArray[np.int64], view: int) -> None:
        """Take over rows whose features of a view are there; a full shard is written."""
        if view != self._view or len(self._unsaved) >= _SHARD_SAMPLES:
            self._flush()
        self._view = view
        self._unsaved.extend(positions.tolist())

    def _flush(self) -> None:
        self._wait()
        if self._unsaved:
            names = [self._hashes[k] for k in self._unsaved]
            block = self._values[self._unsaved, self._view]
            self._writing = self._pool.submit(self._cache.store, names, self._view, block)
            self._unsaved = []

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()


def _scattered(keys: NDArray[np.int64], rows: NDArray[np.int64], samples: int) -> NDArray[np.int64]:
    """Return the keys of all samples (0 where not asked for), (samples,)."""
    scattered = np.zeros(samples, dtype=np.int64)
    scattered[rows] = keys
    return scattered


def draw_views(views: int, keys: NDArray[np.int64], run_seed: int, epoch: int) -> NDArray[np.int64]:
    """Return which view each sample shows in an epoch, int64 (n,), by run seed, epoch and sample alone."""
    mixed = keys.astype(np.uint64) ^ np.uint64((run_seed * 1_000_003 + epoch) & (2**63 - 1))
    # SplitMix64's finisher (Steele, Lea and Flood 2014) spreads the bits of a counter-like seed.
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return ((mixed ^ (mixed >> np.uint64(31))) % np.uint64(views + 1)).astype(np.int64)

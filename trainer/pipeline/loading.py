"""Images to batches: read through a bounded cache, augment, prefetch.

The order of an epoch is a plain array computed from the seeds, so a run resumes in the middle of one by
leaving out the batches it has had.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from trainer.errors import TrainerError
from trainer.images.decoding import read_square
from trainer.pipeline.augmentation import as_it_stands, augment, is_active, seed_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from trainer.config import Augmentation, Geometry

_READERS = 4


class ImageSource:
    """The squares of some samples' images, decoded once and kept as far as memory allows.

    Attributes:
        size: side of the squares, pixels.
    """

    def __init__(self, paths: Sequence[str | Path], size: int, geometry: Geometry, cache_mib: int) -> None:
        self.size = size
        self._paths = [Path(path) for path in paths]
        self._geometry = geometry
        room = cache_mib * 2**20 // (size * size * 3)
        self._cached = np.zeros(len(self._paths), dtype=bool)
        # Memory of pages never written is not taken, so a large cache costs only what is used of it.
        self._cache = np.zeros((min(room, len(self._paths)), size, size, 3), dtype=np.uint8)
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="decode")
        self._lock = threading.Lock()
        self.error: TrainerError | None = None

    def __len__(self) -> int:
        return len(self._paths)

    def _read(self, index: int) -> NDArray[np.uint8]:
        if self._cached[index]:
            kept: NDArray[np.uint8] = self._cache[index]
            return kept
        square = read_square(self._paths[index], self.size, self._geometry)
        if index < len(self._cache):
            with self._lock:
                self._cache[index] = square
                self._cached[index] = True
        return square

    def squares(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the squares of some samples, uint8 (n, s, s, 3).

        Raises:
            ImageError: a file has gone or changed since the import.
        """
        if self._cached[indices].all():
            return self._cache[indices]
        return np.stack(list(self._pool.map(self._read, indices)))

    def squares_for_graph(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """As `squares`, keeping an error for the consumer: a graph would wrap it in a long text."""
        try:
            return self.squares(indices)
        except TrainerError as error:
            self.error = error
            raise

    def close(self) -> None:
        """End the reading threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def epoch_order(
    classes: NDArray[np.int64], run_seed: int, epoch: int, *, balanced: bool = False
) -> NDArray[np.int64]:
    """Return the samples of an epoch in order, int64 (n,).

    Args:
        classes: class index of each sample, (n,).
        run_seed: of the run.
        epoch: counted over both stages, so that no two epochs share an order.
        balanced: draw classes equally often instead of each sample once.
    """
    generator = np.random.default_rng([run_seed, epoch, 0x5EED])
    if not balanced:
        return generator.permutation(len(classes))
    present = np.unique(classes)
    quota = np.full(len(present), len(classes) // len(present))
    quota[: len(classes) % len(present)] += 1
    chosen: list[NDArray[np.int64]] = []
    for class_index, wanted in zip(present, quota, strict=True):
        members = np.flatnonzero(classes == class_index)
        # Whole rounds first: within an epoch no sample is drawn k + 1 times before all were drawn k times.
        rounds = [generator.permutation(members) for _ in range(-(-wanted // len(members)))]
        chosen.append(np.concatenate(rounds)[:wanted])
    return generator.permutation(np.concatenate(chosen))


def in_batches(order: NDArray[np.int64], batch_size: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Cut an order into equal batches.

    Returns:
        Indices int64 (batches, batch_size) and weights float32 of the same shape: the last batch is filled
        from the front with weight 0, so that every batch has one shape and every sample counts once.
    """
    batches = -(-len(order) // batch_size)
    missing = batches * batch_size - len(order)
    filled = np.resize(order, batches * batch_size)
    weights = np.ones(len(filled), dtype=np.float32)
    if missing:
        weights[-missing:] = 0
    return filled.reshape(batches, batch_size), weights.reshape(batches, batch_size)


def image_batches(
    source: ImageSource,
    batches: NDArray[np.int64],
    *,
    augmentation: Augmentation | None = None,
    keys: NDArray[np.int64] | None = None,
    run_seed: int = 0,
    epoch: int = 0,
) -> tf.data.Dataset:
    """Return a tf.data dataset of the images of each batch, in order.

    Args:
        source: where the images come from.
        batches: sample indices (batches, batch_size).
        augmentation: changes of the images, with `keys` (n,), `run_seed` and `epoch`; `None` for none.
        keys: see `trainer.pipeline.augmentation.sample_keys`.
        run_seed: of the run.
        epoch: counted over both stages.

    Returns:
        A dataset of uint8 (batch_size, s, s, 3).
    """
    shape = (batches.shape[1], source.size, source.size, 3)

    def load(indices: tf.Tensor) -> tf.Tensor:
        images = tf.numpy_function(source.squares_for_graph, [indices], tf.uint8, stateful=False)
        return tf.ensure_shape(images, shape)

    dataset = tf.data.Dataset.from_tensor_slices(batches).map(
        as_it_stands(load), num_parallel_calls=2, deterministic=True
    )
    if augmentation is not None and keys is not None and is_active(augmentation):
        pairs = seed_pairs(run_seed, epoch, keys)[batches]
        dataset = tf.data.Dataset.zip(dataset, tf.data.Dataset.from_tensor_slices(pairs)).map(
            as_it_stands(lambda images, seeds: augment(images, seeds, augmentation)),
            num_parallel_calls=2,
            deterministic=True,
        )
    return untuned(dataset.prefetch(4))


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return the dataset without tf.data's tuning and sharding.

    All its numbers are fixed, and the end of an iterator waits for the tuning thread, which sleeps twice as long
    each time, up to a minute (`ModelThread` in TensorFlow's `model.cc`): time lost after every epoch.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options)


def iterate(source: ImageSource, dataset: tf.data.Dataset) -> Iterator[tf.Tensor]:
    """Iterate a dataset over a source's images; an unreadable image is raised as itself.

    Raises:
        ImageError: a file has gone or changed since the import.
    """
    try:
        yield from dataset
    except tf.errors.OpError as error:
        if source.error is not None:
            raise source.error from error
        raise


def image_logits(
    predict: Callable[[tf.Tensor], tf.Tensor],
    source: ImageSource,
    rows: NDArray[np.int64],
    batch_size: int,
    each: Callable[[int], None] | None = None,
) -> NDArray[np.float32]:
    """Return the logits float32 (n, c) of some samples' images, as they are.

    Args:
        predict: uint8 images to logits.
        source: of the images.
        rows: which, (n,).
        batch_size: images a step.
        each: called with the number done after each batch.
    """
    return np.concatenate(
        [
            logits
            for _, [logits] in image_outputs(lambda images: [predict(images)], source, rows, batch_size, each)
        ]
    )


def image_outputs(
    run: Callable[[tf.Tensor], Sequence[tf.Tensor | NDArray[np.float32]]],
    source: ImageSource,
    rows: NDArray[np.int64],
    batch_size: int,
    each: Callable[[int], None] | None = None,
) -> Iterator[tuple[NDArray[np.uint8], list[NDArray[np.float32]]]]:
    """Yield batches of some samples' images, as they are, and what a function makes of each.

    Args:
        run: uint8 images (b, s, s, 3) to tensors or arrays of b rows each.
        source: of the images.
        rows: which, (n,).
        batch_size: images a step.
        each: called with the number done after each batch.
    """
    batches, _ = in_batches(rows, batch_size)
    done = 0
    for images in iterate(source, image_batches(source, batches)):
        fresh = min(batch_size, len(rows) - done)
        outputs = [np.asarray(output)[:fresh] for output in run(images)]
        done += fresh
        if each is not None:
            each(done)
        yield images.numpy()[:fresh], outputs

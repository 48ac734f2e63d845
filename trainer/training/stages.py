"""What a stage trains on: cached features for the head, images for the whole network."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from trainer.errors import ConfigError, DatasetError
from trainer.pipeline.augmentation import as_it_stands, sample_keys
from trainer.pipeline.feature_cache import FeatureCache
from trainer.pipeline.features import compute_features, draw_views, recipe_hash
from trainer.pipeline.loading import (
    ImageSource,
    epoch_order,
    image_batches,
    image_logits,
    in_batches,
    iterate,
    untuned,
)
from trainer.reference.aside import set_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from trainer.config import RunConfig
    from trainer.events import Listener, StopRequest
    from trainer.network.network import Network


class Samples(NamedTuple):
    """The samples of a run, as arrays in one order.

    Attributes:
        ids, paths, hashes, groups: of each sample, (n,).
        truth: class index of each, int64 (n,).
        classes: names in index order.
        train, choosing, calibration: indices of samples; the last two are the validation part, cut by group
            into what chooses the best epoch and what calibration is fitted on.
    """

    ids: list[str]
    paths: list[str]
    hashes: list[str]
    groups: list[str]
    truth: NDArray[np.int64]
    classes: tuple[str, ...]
    train: NDArray[np.int64]
    choosing: NDArray[np.int64]
    calibration: NDArray[np.int64]

    @property
    def validation(self) -> NDArray[np.int64]:
        """Indices of the whole validation part."""
        return np.concatenate([self.choosing, self.calibration])


def collect_samples(frame: pd.DataFrame, classes: tuple[str, ...], config: RunConfig) -> Samples:
    """Turn a dataset's frame into the arrays a run needs.

    Raises:
        DatasetError: there is no split, a part is empty, or there is only one class.
        ConfigError: the metric for the best epoch names a class that is not there.
    """
    parts = {part: frame["split"].eq(part).sum() for part in ("train", "validation", "test")}
    if not frame["split"].notna().any():
        raise DatasetError(
            "The dataset has no split yet; split it into training, validation and test parts first."
        )
    if not parts["train"] or not parts["validation"]:
        empty = "training" if not parts["train"] else "validation"
        raise DatasetError(f"The {empty} part of the split is empty; split again with other fractions.")
    trained_on = frame.loc[frame["split"].eq("train"), "class_name"].unique()
    if len(trained_on) < 2:  # noqa: PLR2004 - a classifier needs something to tell apart
        raise DatasetError(
            f"All training images are of class {trained_on[0]}; at least two classes are needed to train."
        )
    metric = config.early_stopping.metric
    if metric.startswith("recall_") and metric.removeprefix("recall_") not in classes:
        raise ConfigError(
            f"There is no class for the metric '{metric}' in this dataset; its classes are "
            f"{', '.join(classes)}."
        )
    frame = frame[frame["split"].isin(["train", "validation"])].reset_index(drop=True)
    groups = [str(group) for group in frame["group_id"]]
    truth = np.array([classes.index(name) for name in frame["class_name"]], dtype=np.int64)
    validation = np.flatnonzero(frame["split"].eq("validation"))
    aside = set_aside(groups, truth, validation, config.seed, config.calibration_share)
    return Samples(
        ids=list(frame["sample_id"]),
        paths=list(frame["path"]),
        hashes=list(frame["sha256"]),
        groups=groups,
        truth=truth,
        classes=classes,
        train=np.flatnonzero(frame["split"].eq("train")),
        choosing=validation[~aside],
        calibration=validation[aside],
    )


class StageData:
    """Batches of an epoch and logits of the validation part, for one stage.

    Attributes:
        forward: inputs of a batch to logits, in training mode.

    Args:
        samples: of the run.
        config: its settings.
        forward: see above.
        epoch_inputs: (epoch over all stages, batches (b, size)) to the inputs of each batch.
        logits: see `StageData.logits`.
        source: of the images.
    """

    def __init__(
        self,
        samples: Samples,
        config: RunConfig,
        forward: Callable[[tf.Tensor], tf.Tensor],
        epoch_inputs: Callable[[int, NDArray[np.int64]], tf.data.Dataset],
        logits: Callable[[Callable[[int], None] | None], NDArray[np.float32]],
        source: ImageSource,
    ) -> None:
        self.forward = forward
        self._logits = logits
        self._samples, self._config = samples, config
        self._epoch_inputs = epoch_inputs
        self._source = source

    def logits(self, each: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Return the logits float32 (n, c) of the samples that choose the best epoch.

        Args:
            each: called with the number of images done after each batch of them.
        """
        return self._logits(each)

    def batches(
        self, epoch: int, batch_size: int, first: int, strategy: tf.distribute.Strategy
    ) -> Iterator[tuple[Any, Any, Any, float]]:
        """Yield (inputs, truth, weights, sum of weights) of an epoch's batches from number `first` on."""
        samples = self._samples
        balanced = self._config.imbalance.method == "balanced-sampling"
        order = epoch_order(samples.truth[samples.train], self._config.seed, epoch, balanced=balanced)
        batches, weights = in_batches(samples.train[order], batch_size)
        batches, weights = batches[first:], weights[first:]
        targets = tf.data.Dataset.from_tensor_slices((samples.truth[batches], weights))
        dataset = untuned(tf.data.Dataset.zip(self._epoch_inputs(epoch, batches), targets))
        if strategy.num_replicas_in_sync > 1:
            dataset = strategy.experimental_distribute_dataset(dataset)
        parts = iterate(self._source, dataset)
        for (inputs, (truth, weight)), total in zip(parts, weights.sum(axis=1), strict=True):
            yield inputs, truth, weight, float(total)


def image_stage(samples: Samples, config: RunConfig, network: Network, source: ImageSource) -> StageData:
    """Return the data of stage `fine-tune`: augmented images."""
    keys = sample_keys(samples.ids)

    def epoch_inputs(epoch: int, batches: NDArray[np.int64]) -> tf.data.Dataset:
        return image_batches(
            source, batches, augmentation=config.augmentation, keys=keys, run_seed=config.seed, epoch=epoch
        )

    predict = tf.function(lambda images: network.model(images, training=False), autograph=False)

    return StageData(
        samples,
        config,
        forward=lambda images: network.model(images, training=True),
        epoch_inputs=epoch_inputs,
        logits=lambda each: image_logits(
            predict, source, samples.choosing, config.fine_tune_stage.batch_size, each
        ),
        source=source,
    )


def feature_stage(
    samples: Samples,
    config: RunConfig,
    network: Network,
    source: ImageSource,
    cache_folder: Path,
    listener: Listener,
    stop: StopRequest | None,
) -> StageData:
    """Return the data of stage `head`: cached features, one view of each sample an epoch."""
    cache = FeatureCache(cache_folder, recipe_hash(network, config.geometry, config.augmentation))
    table = functools.partial(
        compute_features,
        network,
        source,
        samples.hashes,
        samples.ids,
        augmentation=config.augmentation,
        cache=cache,
        listener=listener,
        stop=stop,
    )
    views = config.head_stage.views
    train = table(rows=samples.train, views=views, task="Features of the training part").features
    choosing = table(rows=samples.choosing, views=0, task="Features of the validation part").features[:, 0]
    keys = sample_keys(samples.ids)
    position = np.zeros(len(samples.ids), dtype=np.int64)
    position[samples.train] = np.arange(len(samples.train))
    width = network.backbone.features

    def epoch_inputs(epoch: int, batches: NDArray[np.int64]) -> tf.data.Dataset:
        drawn = draw_views(views, keys, config.seed, epoch)

        def load(rows: NDArray[np.int64]) -> NDArray[np.float32]:
            return train[position[rows], drawn[rows]]

        def in_graph(rows: tf.Tensor) -> tf.Tensor:
            values = tf.numpy_function(load, [rows], tf.float32, stateful=False)
            return tf.ensure_shape(values, (batches.shape[1], width))

        return tf.data.Dataset.from_tensor_slices(batches).map(as_it_stands(in_graph)).prefetch(4)

    predict = tf.function(lambda features: network.head(features, training=False), autograph=False)
    return StageData(
        samples,
        config,
        forward=lambda features: network.head(features, training=True),
        epoch_inputs=epoch_inputs,
        logits=lambda _each: predict(choosing).numpy(),
        source=source,
    )

"""What a run will take, measured on a few batches before it starts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from trainer.events import CostEstimated
from trainer.pipeline.feature_cache import FeatureCache
from trainer.pipeline.features import recipe_hash

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.config import RunConfig
    from trainer.network.network import Network
    from trainer.runs.state import RunState
    from trainer.training.stages import Samples

_BATCH = 16
_STEP_TO_FORWARD = 3.2
"""A training step against a forward pass: the backward pass is about twice the forward one, and the
optimizer and augmentation take their share (measured 3.1 for Xception at 224 in bfloat16 on 2 cores)."""
_HEAD_SECONDS_PER_STEP = 0.012


def estimate_cost(
    network: Network, samples: Samples, config: RunConfig, state: RunState, cache_folder: Path
) -> CostEstimated:
    """Return images, steps, time and disk of what is left of a run.

    The time is that of a forward pass measured here and now, scaled; features in the cache cost nothing.

    Args:
        network: built and with weights.
        samples: of the run.
        config: its settings.
        state: where it is.
        cache_folder: of features.
    """
    images = tf.zeros((_BATCH, network.input_size, network.input_size, 3), tf.uint8)
    network.features_of(images).numpy()
    begun = time.monotonic()
    network.features_of(images).numpy()
    per_image = (time.monotonic() - begun) / _BATCH
    train, choosing = len(samples.train), len(samples.choosing)
    steps, seconds, disk = 0, 0.0, 0
    parameters = int(sum(np.prod(v.shape) for _, v in network.named_variables()))
    for index, name in enumerate(config.stages):
        if index < state.stage:
            continue
        done = state.epoch if index == state.stage else 0
        if name == "head":
            head = config.head_stage
            stage_steps = (head.epochs - done) * -(-train // head.batch_size)
            seconds += stage_steps * _HEAD_SECONDS_PER_STEP
            missing = _features_to_compute(network, samples, config, cache_folder)
            seconds += per_image * missing
            disk += 4 * network.backbone.features * missing
        else:
            tune = config.fine_tune_stage
            stage_steps = (tune.epochs - done) * -(-train // (tune.batch_size * tune.accumulation))
            seconds += per_image * (tune.epochs - done) * (train * _STEP_TO_FORWARD + choosing)
            copies = 4 if tune.average else 3
            disk += 3 * 4 * parameters * copies
        steps += stage_steps
    # The last step of all shows the calibration images in several views, in float32 at half the speed or less.
    seconds += 2 * per_image * len(samples.calibration) * config.test_views
    disk += 2 * 4 * parameters
    return CostEstimated(
        training_images=train,
        validation_images=len(samples.validation),
        steps=steps,
        seconds=seconds,
        disk_bytes=disk,
    )


def _features_to_compute(network: Network, samples: Samples, config: RunConfig, cache_folder: Path) -> int:
    cache = FeatureCache(cache_folder, recipe_hash(network, config.geometry, config.augmentation))
    train = {samples.hashes[row] for row in samples.train}
    clean = train | {samples.hashes[row] for row in samples.choosing}
    views = config.head_stage.views
    return sum(len((train if view else clean) - cache.known(view)) for view in range(views + 1))

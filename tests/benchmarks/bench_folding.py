"""A backbone with its normalizations folded into the convolutions against the same backbone as Keras runs it.

usage: python tests/benchmarks/bench_folding.py [--backbone xception] [--size 224] [--precision bfloat16]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from common import cpu_precision

from trainer.backbones import get_backbone
from trainer.network.building import build_backbone
from trainer.network.network import fold_normalization

BATCH = 32
ROUNDS = 3


def speeds(model: Any, variables: list[Any], images: tf.Tensor) -> tuple[float, float]:
    """Return images/s of a training step and of a forward pass."""
    optimizer = keras.optimizers.AdamW(1e-4)
    optimizer.build(variables)

    @tf.function
    def step(batch: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.cast(model(batch, training=False), tf.float32) ** 2)
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        return loss

    forward = tf.function(lambda batch: model(batch, training=False))
    results = []
    for function in (step, forward):
        function(images)
        begun = time.perf_counter()
        for _ in range(ROUNDS):
            function(images).numpy()
        results.append(ROUNDS * BATCH / (time.perf_counter() - begun))
    return results[0], results[1]


def main() -> None:
    """Time both and print the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backbone", default="xception")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--precision", default=cpu_precision())
    chosen = parser.parse_args()
    half = chosen.precision != "float32"
    keras.config.set_dtype_policy(f"mixed_{chosen.precision}" if half else "float32")
    plain = build_backbone(get_backbone(chosen.backbone), chosen.size)
    folded = fold_normalization(plain, chosen.precision)
    pixels = np.random.default_rng(0).uniform(-1, 1, (BATCH, chosen.size, chosen.size, 3))
    images = tf.constant(pixels.astype(np.float32))
    rows = [speeds(model, plain.trainable_variables, images) for model in (plain, folded)]
    for name, row in zip(("as Keras runs it", "folded"), rows, strict=True):
        print(f"{name}: training {row[0]:.1f} images/s, forward {row[1]:.1f} images/s")
    print(f"ratio: training {rows[1][0] / rows[0][0]:.2f}, forward {rows[1][1] / rows[0][1]:.2f}")


if __name__ == "__main__":
    main()

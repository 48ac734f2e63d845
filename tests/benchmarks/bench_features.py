"""Features from image files against the bare network on tensors that lie ready in memory.

Wanted: 0.9 or more of the bare network's images per second.

usage: python tests/benchmarks/bench_features.py [--backbone xception] [--size 224] [--images 1000]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from common import cpu_precision, real_images, timed

from trainer.config import Augmentation, Geometry, HeadSettings
from trainer.files import sha256_of
from trainer.network.network import Network
from trainer.pipeline.feature_cache import FeatureCache
from trainer.pipeline.features import compute_features, recipe_hash
from trainer.pipeline.loading import ImageSource

BATCH = 32


def main() -> None:
    """Time both, twice in turn, and print the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backbone", default="xception")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--images", type=int, default=1000)
    chosen = parser.parse_args()
    paths = sorted(real_images("ham10000_224_crop").rglob("*.jpg"))[: chosen.images]
    network = Network(chosen.backbone, 7, HeadSettings(), input_size=chosen.size, precision=cpu_precision())
    ready = tf.zeros((BATCH, chosen.size, chosen.size, 3), tf.uint8)
    network.features_of(ready).numpy()
    batches = -(-len(paths) // BATCH)
    hashes = [sha256_of(path) for path in paths]
    own, bare = [], []
    for turn in range(2):
        with timed(f"bare network, {batches} batches of {BATCH}") as watch:
            for _ in range(batches):
                network.features_of(ready).numpy()
        bare.append(batches * BATCH / watch.seconds)
        for views, label in ((0, "files, clean"), (1, "files, clean and one augmented view")):
            with tempfile.TemporaryDirectory() as name, timed(label) as watch:
                source = ImageSource(paths, chosen.size, Geometry(), 0)
                cache = FeatureCache(Path(name), recipe_hash(network, Geometry(), Augmentation()))
                table = compute_features(
                    network,
                    source,
                    hashes,
                    [path.stem for path in paths],
                    rows=np.arange(len(paths)),
                    views=views,
                    augmentation=Augmentation(),
                    cache=cache,
                    batch_size=BATCH,
                )
            own.append(table.computed / table.seconds)
            print(
                f"  turn {turn}: {own[-1]:.1f} images/s, {own[-1] / bare[-1]:.2f} of the bare network's {bare[-1]:.1f}"
            )
    print(
        f"ratio: {np.mean(own[0::2]) / np.mean(bare):.2f} clean, {np.mean(own[1::2]) / np.mean(bare):.2f} augmented"
    )


if __name__ == "__main__":
    main()

"""Stage `head` against the usual recipe, which runs the frozen backbone on augmented images in every epoch.

Both train the same head on the same frozen backbone, the same images and classes, for the same epochs, with the
same optimizer, schedule, loss and precision; the recipe with Keras' `fit`, `tf.data` and Keras' random layers.
Wanted: 3 times faster or more from nothing, 30 times or more with features cached, and a validation macro
recall within a point.

usage: SKINDESK_WEIGHTS_DIR=DIR python tests/benchmarks/bench_head_stage.py [--size 96] [--images 1000] [--epochs 20]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from common import cpu_precision, real_images, timed, weights_dir

from trainer.backbones import get_backbone
from trainer.config import Augmentation, Geometry, HeadSettings, HeadStage, Imbalance, RunConfig, Schedule
from trainer.dataset.importing import import_dataset
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore
from trainer.images.decoding import read_square
from trainer.metrics.classification import epoch_metrics
from trainer.network.network import Network
from trainer.network.weights import find_weights, load_backbone_weights
from trainer.pipeline.feature_cache import FeatureCache
from trainer.pipeline.features import compute_features, recipe_hash
from trainer.pipeline.loading import ImageSource
from trainer.training.losses import make_loss, natural_prior
from trainer.training.schedules import learning_rate
from trainer.training.stages import Samples, feature_stage
from trainer.training.stepping import Stepper

BATCH = 32
RATE = 1e-3
CLASSES = 7


def samples_of(images: int, folder: Path) -> Samples:
    """Return `images` training samples and all validation samples of the real crops."""
    file = folder / "crops.db"
    import_dataset(real_images("ham10000_224_crop"), file)
    with DatasetStore.open(file) as store:
        split_dataset(store, fractions=(0.5, 0.4, 0.1))
        frame, classes = store.frame(), store.classes
    generator = np.random.default_rng(0)
    train = np.flatnonzero(frame["split"].eq("train"))
    return Samples(
        ids=list(frame["sample_id"]),
        paths=list(frame["path"]),
        hashes=list(frame["sha256"]),
        groups=list(frame["group_id"]),
        truth=np.array([classes.index(name) for name in frame["class_name"]], dtype=np.int64),
        classes=classes,
        train=np.sort(generator.permutation(train)[:images]),
        choosing=np.flatnonzero(frame["split"].eq("validation")),
        calibration=np.zeros(0, dtype=np.int64),
    )


def network_of(config: RunConfig, seed: int) -> Network:
    """Return a network with ImageNet weights where they are at hand."""
    network = Network(
        config.backbone,
        CLASSES,
        config.head,
        input_size=config.input_size,
        precision=config.precision,
        seed=seed,
    )
    found = find_weights(get_backbone(config.backbone), "imagenet", weights_dir())
    load_backbone_weights(found, network.backbone_model)
    return network


def macro_recall(samples: Samples, logits: np.ndarray) -> float:
    """Return the balanced accuracy of decisions for a balanced prior on the validation samples."""
    confusion = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    np.add.at(confusion, (samples.truth[samples.choosing], logits.argmax(axis=1)), 1)
    return epoch_metrics(confusion, 0.0, samples.classes).macro_recall


def own_way(samples: Samples, config: RunConfig, cache: Path, seed: int) -> float:
    """Train the head as the program does; return the validation balanced accuracy of the last epoch."""
    network = network_of(config, seed)
    source = ImageSource(samples.paths, network.input_size, config.geometry, config.cache_mib)
    data = feature_stage(samples, config, network, source, cache, lambda _event: None, None)
    natural = natural_prior(samples.truth[samples.train], CLASSES)
    stepper = Stepper(
        data.forward,
        network.trainable_variables("head"),
        make_loss(config.imbalance, natural),
        np.zeros(CLASSES, np.float32),
        tf.distribute.get_strategy(),
        weight_decay=1e-4,
        clip_norm=0.0,
        scale_loss=False,
        average=0.0,
    )
    steps = -(-len(samples.train) // BATCH)
    for epoch in range(config.head_stage.epochs):
        parts = data.batches(epoch, BATCH, 0, tf.distribute.get_strategy())
        for step, (inputs, truth, weights, total) in enumerate(parts):
            rate = learning_rate(
                config.head_stage.schedule,
                RATE,
                epoch * steps + step,
                config.head_stage.epochs * steps,
                steps,
            )
            stepper.step([(inputs, truth, weights)], total, rate)
    return macro_recall(samples, data.logits())


def usual_way(
    samples: Samples, config: RunConfig, seed: int, squares: np.ndarray, choosing: np.ndarray
) -> float:
    """Train the head with Keras' `fit` on augmented images; return the validation balanced accuracy."""
    keras.utils.set_random_seed(seed)
    size, change = config.input_size or 0, config.augmentation
    keras.config.set_dtype_policy("float32" if config.precision == "float32" else f"mixed_{config.precision}")
    backbone = keras.applications.Xception(weights=None, include_top=False, input_shape=(size, size, 3))
    keras.config.set_dtype_policy("float32")
    load_backbone_weights(find_weights(get_backbone("xception"), "imagenet", weights_dir()), backbone)
    backbone.trainable = False
    layers = keras.layers
    random_changes = keras.Sequential(
        [
            layers.RandomFlip("horizontal_and_vertical"),
            layers.RandomRotation(change.rotation / 360),
            layers.RandomTranslation(change.shift, change.shift),
            layers.RandomZoom(change.zoom),
            layers.RandomBrightness(change.brightness, value_range=(0, 255)),
            layers.RandomContrast(change.contrast, value_range=(0, 255)),
        ]
    )
    images = keras.Input((size, size, 3))
    x = backbone(layers.Rescaling(1 / 127.5, -1.0)(images), training=False)
    x = layers.GlobalAveragePooling2D(dtype="float32")(x)
    if config.head.batch_normalization:
        x = layers.BatchNormalization(momentum=0.9, dtype="float32")(x)
    for units in config.head.dense:
        x = layers.Dense(units, activation="relu", kernel_initializer="he_uniform", dtype="float32")(x)
        x = layers.Dropout(config.head.dropout, dtype="float32")(x)
    model = keras.Model(images, layers.Dense(CLASSES, dtype="float32")(x))
    truth = samples.truth[samples.train]
    epochs = config.head_stage.epochs
    steps = epochs * -(-len(truth) // BATCH)
    warm = round(0.05 * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warm, alpha=0.01, warmup_target=RATE, warmup_steps=warm
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    dataset = (
        tf.data.Dataset.from_tensor_slices((squares, truth))
        .shuffle(len(truth), seed=seed)
        .batch(BATCH)
        .map(lambda x, y: (random_changes(tf.cast(x, tf.float32), training=True), y), num_parallel_calls=2)
        .prefetch(2)
    )
    natural = natural_prior(truth, CLASSES)
    weights = {k: float(1 / (CLASSES * natural[k])) for k in range(CLASSES)}
    model.fit(dataset, epochs=epochs, class_weight=weights, verbose=0)
    return macro_recall(samples, model.predict(choosing, batch_size=BATCH, verbose=0))


def main() -> None:
    """Run both ways and print times, ratios and balanced accuracies."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    config = RunConfig(
        backbone="xception",
        input_size=chosen.size,
        precision=cpu_precision(),
        head=HeadSettings(dense=(256,), dropout=0.3),
        head_stage=HeadStage(epochs=chosen.epochs, batch_size=BATCH, learning_rate=RATE, schedule=Schedule()),
        imbalance=Imbalance(method="class-weights"),
        augmentation=Augmentation(colour=0.0),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples = samples_of(chosen.images, folder)
        print(f"{chosen.images} training, {len(samples.choosing)} validation images of {chosen.size} pixels")
        times: dict[str, list[float]] = {"nothing": [], "cached": [], "usual": []}
        recalls: dict[str, list[float]] = {"own": [], "usual": []}
        # What is common to all, once: the validation part's features and squares.
        warm_up(config, samples, folder)
        train_squares, choosing = (
            squares_of(samples, config, samples.train),
            squares_of(samples, config, samples.choosing),
        )
        for seed in range(chosen.seeds):
            print(f"seed {seed}")
            with timed("usual recipe") as watch:
                recalls["usual"].append(usual_way(samples, config, seed, train_squares, choosing))
            times["usual"].append(watch.seconds)
            for kind in ("nothing", "cached"):
                forget = kind == "nothing"
                if forget:
                    forget_training_features(config, samples, folder)
                with timed(f"own way, {kind}") as watch:
                    recall = own_way(samples, config, folder / "cache", seed)
                times[kind].append(watch.seconds)
            recalls["own"].append(recall)
            print(
                f"  balanced accuracy: usual {100 * recalls['usual'][-1]:.1f} %, own {100 * recall:.1f} %",
                flush=True,
            )
        usual = sum(times["usual"])
        print(f"from nothing: {usual / sum(times['nothing']):.1f} times faster (wanted: 3 or more)")
        print(f"features cached: {usual / sum(times['cached']):.1f} times faster (wanted: 30 or more)")
        for way, values in recalls.items():
            print(
                f"balanced accuracy, {way}: {100 * np.mean(values):.1f} % ({', '.join(f'{100 * v:.1f}' for v in values)})"
            )


def squares_of(samples: Samples, config: RunConfig, rows: np.ndarray) -> np.ndarray:
    """Return uint8 squares of some samples."""
    return np.stack([read_square(Path(samples.paths[k]), config.input_size or 0, Geometry()) for k in rows])


def warm_up(config: RunConfig, samples: Samples, folder: Path) -> None:
    """Compute the validation part's features, which neither way is charged for."""
    network = network_of(config, 0)
    cache = FeatureCache(folder / "cache", recipe_hash(network, config.geometry, config.augmentation))
    source = ImageSource(samples.paths, network.input_size, config.geometry, config.cache_mib)
    settings: dict[str, Any] = {"augmentation": config.augmentation, "cache": cache, "views": 0}
    compute_features(network, source, samples.hashes, samples.ids, rows=samples.choosing, **settings)


def forget_training_features(config: RunConfig, samples: Samples, folder: Path) -> None:
    """Remove every cached feature, then put the validation part's back, off the clock."""
    for file in (folder / "cache").rglob("*.safetensors"):
        file.unlink()
    warm_up(config, samples, folder)


if __name__ == "__main__":
    main()

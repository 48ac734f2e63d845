from __future__ import annotations

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.backbones import OFFERED, REGISTRY, get_backbone
from trainer.config import OFFERED_BACKBONES, HeadSettings
from trainer.errors import ConfigError, WeightsError
from trainer.network.building import first_trained_layer
from trainer.network.network import (
    FixedNormalization,
    FoldedConvolution,
    Network,
    Preprocessing,
    symmetric_views,
)

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (4, 96, 96, 3), dtype=np.uint8)
KERAS_MODULES = {
    "inceptionv3": keras.applications.inception_v3,
    "xception": keras.applications.xception,
    "resnet50v2": keras.applications.resnet_v2,
    "densenet121": keras.applications.densenet,
}


@pytest.fixture(autouse=True)
def _clean_session() -> None:
    keras.backend.clear_session()


@pytest.fixture
def tiny() -> Network:
    network = Network("tiny", 3, HeadSettings(dense=(8,)), seed=3)
    network.estimate_statistics([GENERATOR.integers(0, 256, (32, 32, 32, 3), dtype=np.uint8)])
    return network


@pytest.mark.parametrize("name", OFFERED_BACKBONES)
def test_preprocessing_is_that_of_keras(name: str) -> None:
    expected = KERAS_MODULES[name].preprocess_input(IMAGES.astype(np.float32))
    own = Preprocessing(get_backbone(name).scaling)(IMAGES).numpy()
    assert own.dtype == np.float32
    assert np.abs(own - expected).max() <= 1e-6


def test_preprocessing_stays_in_float32_under_a_half_precision_policy() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert Preprocessing("imagenet-statistics")(IMAGES).dtype == tf.float32
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("name", OFFERED_BACKBONES)
def test_registry_says_what_keras_builds(name: str) -> None:
    backbone = get_backbone(name)
    network = Network(name, 7, HeadSettings(), input_size=96)
    assert network.backbone_model.count_params() == backbone.parameters
    assert network.features_model.output_shape == (None, backbone.features)
    assert network.model(IMAGES).shape == (4, 7)
    starts = [first_trained_layer(backbone, network.backbone_model, block.name) for block in backbone.blocks]
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    trained = [len(network.trainable_variables("fine-tune", block.name)) for block in backbone.blocks]
    assert trained == sorted(trained, reverse=True)
    assert trained[-1] > len(network.trainable_variables("head"))


def test_the_internal_backbone_is_not_offered() -> None:
    assert "tiny" not in OFFERED_BACKBONES
    assert tuple(REGISTRY[name] for name in OFFERED_BACKBONES) == OFFERED


@pytest.mark.parametrize("name", ["tiny", "resnet50v2", "densenet121"])
def test_folding_changes_neither_features_nor_gradients(name: str) -> None:
    network = Network(name, 3, HeadSettings(), input_size=64)
    images = GENERATOR.integers(0, 256, (24, 64, 64, 3), dtype=np.uint8)
    network.estimate_statistics([images])
    pixels = Preprocessing(network.backbone.scaling)(images[:4])
    variables = [v.value for v in network.backbone_model.trainable_variables]
    with tf.GradientTape() as tape:
        plain = tf.reduce_mean(network.backbone_model(pixels, training=False), axis=(1, 2))
        loss = tf.reduce_sum(plain**2)
    expected = tape.gradient(loss, variables)
    with tf.GradientTape() as tape:
        folded = network.features_model(images[:4], training=True)
        loss = tf.reduce_sum(folded**2)
    gradients = tape.gradient(loss, variables)
    np.testing.assert_allclose(folded, plain, rtol=1e-3, atol=1e-4)
    scale = float(tf.linalg.global_norm(expected))
    difference = float(tf.linalg.global_norm([a - b for a, b in zip(gradients, expected, strict=True)]))
    # Random deep networks amplify rounding; a wrong formula would be off by the whole norm.
    assert difference < 2e-2 * scale


def test_every_normalization_is_fixed_or_folded() -> None:
    network = Network("xception", 7, HeadSettings(), input_size=71)
    inner = next(layer for layer in network.features_model.layers if isinstance(layer, keras.Model))
    kinds = [type(layer) for layer in inner.layers]
    assert keras.layers.BatchNormalization not in kinds
    assert kinds.count(FoldedConvolution) == 40
    assert kinds.count(FixedNormalization) == 0


def test_random_backbones_tell_images_apart_once_statistics_are_estimated() -> None:
    network = Network("resnet50v2", 3, HeadSettings(), input_size=32)
    images = GENERATOR.integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
    assert network.estimate_statistics([images[:8], images[8:]]) == 16
    assert network.features_model(images).numpy().std(axis=0).mean() > 1e-2


def test_size_must_be_legal() -> None:
    with pytest.raises(ConfigError, match="at least 71 x 71"):
        Network("xception", 7, HeadSettings(), input_size=64)
    with pytest.raises(ConfigError, match="has no block 'block99'"):
        get_backbone("xception").block("block99")


def test_names_of_weights_do_not_depend_on_how_often_keras_has_built_layers(tiny: Network) -> None:
    again = Network("tiny", 3, HeadSettings(dense=(8,)), seed=4)
    assert list(again.arrays()) == list(tiny.arrays())
    again.assign(tiny.arrays())
    images = IMAGES[:, :32, :32]
    np.testing.assert_array_equal(again.model(images), tiny.model(images))


def test_weights_of_another_network_are_refused_and_change_nothing(tiny: Network) -> None:
    before = tiny.arrays()
    with pytest.raises(WeightsError, match="do not belong to this network"):
        tiny.assign(Network("tiny", 4, HeadSettings(dense=(8,))).arrays())
    with pytest.raises(WeightsError, match="missing"):
        tiny.assign({})
    for name, array in tiny.arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_head_has_the_layers_asked_for() -> None:
    head = Network("tiny", 5, HeadSettings(batch_normalization=True, dense=(12, 6), dropout=0.4)).head
    kinds = [type(layer).__name__ for layer in head.layers[1:]]
    assert kinds == ["BatchNormalization", "Dense", "Dropout", "Dense", "Dropout", "Dense"]
    assert head.layers[1].synchronized
    linear = Network("tiny", 5, HeadSettings(batch_normalization=False, dense=(), dropout=0.1)).head
    assert [type(layer).__name__ for layer in linear.layers[1:]] == ["Dropout", "Dense"]


def test_half_precision_keeps_logits_and_weights_in_float32() -> None:
    network = Network("tiny", 3, HeadSettings(), precision="bfloat16")
    assert network.model(IMAGES[:, :32, :32]).dtype == tf.float32
    assert {str(v.dtype) for _, v in network.named_variables()} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_symmetric_views_are_the_symmetries_of_the_square() -> None:
    views = symmetric_views(tf.constant(IMAGES[:1]), 8)
    image = IMAGES[0]
    expected = [np.rot90(m, k) for m in (image, image[::-1]) for k in range(4)]
    for view in views:
        assert sum(np.array_equal(view[0], other) for other in expected) == 1
    assert len({view.numpy().tobytes() for view in views}) == 8


def test_averaged_logits_do_not_depend_on_how_the_image_lies(tiny: Network) -> None:
    images = IMAGES[:, :32, :32]
    averaged = tiny.analysis(8)
    turned = np.ascontiguousarray(np.rot90(images, axes=(1, 2)))
    np.testing.assert_allclose(averaged(images)[0], averaged(turned)[0], atol=1e-5)
    np.testing.assert_allclose(tiny.analysis(1)(images)[0], tiny.model(images), atol=1e-6)


def test_one_pass_gives_the_logits_of_all_views_and_the_features_of_the_image_as_it_is(tiny: Network) -> None:
    images = IMAGES[:, :32, :32]
    logits, *features = tiny.analysis(4)(images)
    one_by_one = [tiny.model(view).numpy() for view in symmetric_views(tf.constant(images), 4)]
    np.testing.assert_allclose(logits, np.mean(one_by_one, axis=0), atol=1e-5)
    np.testing.assert_allclose(features[-1], tiny.features_model(images), atol=1e-6)
    assert [len(f[0]) for f in features] == [16, 16, 32]
    maps = tiny.maps_model(images)
    assert [m.shape[1] for m in maps] == [16, 16, 8]


def test_the_library_for_windows_loads_without_tensorflow() -> None:
    modules = [
        "errors", "config", "events", "files", "images.decoding", "dataset.store", "dataset.importing",
        "dataset.splitting", "runs.bundle", "runs.checkpoint", "runs.folder", "runs.reading", "runs.reports",
        "runs.scorings", "metrics.classification", "metrics.calibration", "devices.choosing", "protocol.lines",
    ]  # fmt: skip
    code = "import sys, json\n" + "\n".join(f"import trainer.{name}" for name in modules)
    code += "\nheavy = {'tensorflow', 'keras', 'matplotlib', 'sklearn', 'pandas', 'scipy'}"
    code += "\nprint(json.dumps(sorted(heavy & set(sys.modules))))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert json.loads(output) == []

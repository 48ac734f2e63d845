"""Builds backbones: what `trainer.backbones` describes, as Keras models with random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from trainer.backbones import Backbone


def build_backbone(backbone: Backbone, size: int) -> Any:  # noqa: ANN401 - keras ships no types
    """Build a backbone with random weights and without its top, under the current dtype policy.

    Args:
        backbone: which.
        size: side of its square input, pixels.

    Returns:
        A functional `keras.Model`: (n, size, size, 3) scaled pixels to (n, h, w, features).

    Raises:
        ConfigError: `size` is too small for it.
    """
    shape = (backbone.check_size(size), size, 3)
    if backbone.name == "tiny":
        return _build_tiny(shape)
    constructor = {
        "inceptionv3": keras.applications.InceptionV3,
        "xception": keras.applications.Xception,
        "resnet50v2": keras.applications.ResNet50V2,
        "densenet121": keras.applications.DenseNet121,
    }[backbone.name]
    return constructor(weights=None, include_top=False, input_shape=shape)


def with_depths(backbone: Backbone, model: Any) -> Any:  # noqa: ANN401 - see above
    """Return a view of a backbone that shares its layers and has the maps at its depths as outputs, the last ones last.

    Args:
        backbone: which.
        model: as `build_backbone` gives it.
    """
    tensors = [getattr(model.get_layer(depth.layer), depth.at) for depth in backbone.depths]
    return keras.Model(model.input, [*tensors, model.output])


def _build_tiny(shape: tuple[int, int, int]) -> Any:  # noqa: ANN401 - keras ships no types
    layers = keras.layers
    image = keras.Input(shape)
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="block1_conv")(image)
    x = layers.BatchNormalization(name="block1_bn")(x)
    x = layers.Activation("relu", name="block1_act")(x)
    x = layers.SeparableConv2D(32, 3, strides=2, padding="same", use_bias=False, name="block2_sepconv")(x)
    x = layers.BatchNormalization(name="block2_bn")(x)
    x = layers.Activation("relu", name="block2_act")(x)
    return keras.Model(image, x, name="tiny")


def first_trained_layer(backbone: Backbone, model: Any, block_name: str) -> int:  # noqa: ANN401 - see above
    """Return the index in `model.layers` from which on a fine-tuning from `block_name` trains.

    Raises:
        ConfigError: no such block.
    """
    block = backbone.block(block_name)
    if block == backbone.blocks[0]:
        return 0
    names = [layer.name for layer in model.layers]
    if block.after == "max_pooling2d_stem":
        # Keras numbers the pools anew at every build; the stem ends with the second of them.
        pools = [index for index, layer in enumerate(model.layers) if type(layer).__name__ == "MaxPooling2D"]
        return pools[1] + 1
    if block.after:
        return names.index(block.after) + 1
    return next(index for index, name in enumerate(names) if name.startswith(block.at))

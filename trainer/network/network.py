"""The network: uint8 image in, logits out. Preprocessing, backbone and head are one thing.

The backbone's batch normalization always works with stored statistics, so it is a fixed affine map, and
wherever a convolution feeds one, both are computed as one convolution with a scaled kernel. The variables
stay those of the separate layers, so gradients, weights files and bundles are unchanged, while a step of
Xception takes about two thirds of the time (`tests/benchmarks/bench_folding.py`).
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from trainer.backbones import get_backbone
from trainer.errors import WeightsError
from trainer.network.building import build_backbone, first_trained_layer, with_depths

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from trainer.backbones import Backbone, Scaling
    from trainer.config import BackboneName, HeadSettings

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STANDARD_DEVIATION = (0.229, 0.224, 0.225)
LAST_MAPS = "last"
"""Name of the depth behind all blocks."""
_SQUARES_AT_ONCE = 32  # some 300 MB of maps for the largest backbone; more is no faster


class Preprocessing(keras.layers.Layer):  # type: ignore[misc] # keras ships no types
    """uint8 RGB (n, h, w, 3) to a backbone's own scale, computed in float32 under every dtype policy."""

    def __init__(self, scaling: Scaling) -> None:
        super().__init__(dtype="float32", autocast=False)
        self.scaling = scaling

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Return float32 pixels of the same shape."""
        pixels = tf.cast(images, tf.float32)
        if self.scaling == "minus-one-to-one":
            return pixels / 127.5 - 1.0
        return (pixels / 255.0 - IMAGENET_MEAN) / IMAGENET_STANDARD_DEVIATION


def _affine_of(normalization: Any) -> tuple[tf.Tensor, tf.Tensor]:  # noqa: ANN401 - keras ships no types
    """Return scale and offset, float32 (channels,), of a batch normalization with stored statistics."""
    variance = tf.convert_to_tensor(normalization.moving_variance)
    scale = tf.math.rsqrt(variance + normalization.epsilon)
    if normalization.scale:
        scale *= normalization.gamma
    offset = -tf.convert_to_tensor(normalization.moving_mean) * scale
    if normalization.center:
        offset += normalization.beta
    return scale, offset


class FixedNormalization(keras.layers.Layer):  # type: ignore[misc] # keras ships no types
    """A batch normalization with stored statistics, as one multiply-add in the compute dtype."""

    def __init__(self, normalization: Any, compute: str) -> None:  # noqa: ANN401 - keras ships no types
        super().__init__(dtype="float32", autocast=False)
        self.normalization = normalization
        self.compute = compute

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Return the normalised tensor, same shape."""
        scale, offset = _affine_of(self.normalization)
        return tf.cast(x, self.compute) * tf.cast(scale, self.compute) + tf.cast(offset, self.compute)


class FoldedConvolution(keras.layers.Layer):  # type: ignore[misc] # keras ships no types
    """A (separable) convolution and the batch normalization after it, as one convolution with bias."""

    def __init__(self, convolution: Any, normalization: Any, compute: str) -> None:  # noqa: ANN401 - keras ships no types
        super().__init__(dtype="float32", autocast=False)
        self.convolution = convolution
        self.normalization = normalization
        self.compute = compute

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Return (n, h', w', filters) in the compute dtype."""
        layer = self.convolution
        scale, offset = _affine_of(self.normalization)
        padding = layer.padding.upper()
        x = tf.cast(x, self.compute)
        if isinstance(layer, keras.layers.SeparableConv2D):
            depthwise = tf.cast(tf.convert_to_tensor(layer.depthwise_kernel), self.compute)
            x = tf.nn.depthwise_conv2d(x, depthwise, (1, *layer.strides, 1), padding)
            kernel = tf.convert_to_tensor(layer.pointwise_kernel) * scale
            x = tf.nn.conv2d(x, tf.cast(kernel, self.compute), 1, "VALID")
        else:
            kernel = tf.convert_to_tensor(layer.kernel) * scale
            x = tf.nn.conv2d(x, tf.cast(kernel, self.compute), layer.strides, padding)
        if layer.use_bias:
            offset += tf.convert_to_tensor(layer.bias) * scale
        return tf.nn.bias_add(x, tf.cast(offset, self.compute))


def _foldable(model: Any) -> dict[Any, Any]:  # noqa: ANN401 - keras ships no types
    """Return convolution -> batch normalization for each pair that can be one convolution."""
    consumers: dict[int, list[Any]] = {}
    for layer in model.layers:
        for node in layer._inbound_nodes:  # noqa: SLF001 - the graph has no public view
            for tensor in node.input_tensors:
                consumers.setdefault(id(tensor), []).append(layer)
    pairs = {}
    for layer in model.layers:
        plain = isinstance(layer, keras.layers.Conv2D) and layer.groups == 1 and layer.dilation_rate == (1, 1)
        separable = isinstance(layer, keras.layers.SeparableConv2D) and layer.dilation_rate == (1, 1)
        if not (plain or separable) or layer.activation is not keras.activations.linear:
            continue
        users = consumers.get(id(layer.output), [])
        if len(users) == 1 and isinstance(users[0], keras.layers.BatchNormalization):
            pairs[layer] = users[0]
    return pairs


def fold_normalization(model: Any, compute: str) -> Any:  # noqa: ANN401 - keras ships no types
    """Return a view of a backbone that shares its variables and has every normalization fixed and folded.

    Args:
        model: a functional backbone with batch normalizations, of any number of outputs.
        compute: dtype of activations: "float32", "bfloat16" or "float16".

    Returns:
        A functional model equal to `model(x, training=False)` up to rounding, gradients included.
    """
    pairs = _foldable(model)
    absorbed = set(pairs.values())

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - keras ships no types
        if layer in absorbed:
            return args[0]
        if layer in pairs:
            return FoldedConvolution(layer, pairs[layer], compute)(args[0])
        if isinstance(layer, keras.layers.BatchNormalization):
            return FixedNormalization(layer, compute)(args[0])
        return layer(*args, **kwargs)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


def _build_head(features: int, classes: int, settings: HeadSettings, seed: int) -> Any:  # noqa: ANN401 - keras
    """Return a float32 model: pooled features (n, features) to logits (n, classes)."""
    layers = keras.layers
    x = inputs = keras.Input((features,), dtype="float32")
    if settings.batch_normalization:
        x = layers.BatchNormalization(momentum=0.9, synchronized=True, dtype="float32")(x)
    for index, units in enumerate(settings.dense):
        initializer = keras.initializers.HeUniform(seed=seed + 10 + index)
        x = layers.Dense(units, activation="relu", kernel_initializer=initializer, dtype="float32")(x)
        x = layers.Dropout(settings.dropout, seed=seed + 100 + index, dtype="float32")(x)
    if not settings.dense:
        x = layers.Dropout(settings.dropout, seed=seed + 99, dtype="float32")(x)
    initializer = keras.initializers.GlorotUniform(seed=seed + 1)
    logits = layers.Dense(classes, kernel_initializer=initializer, dtype="float32")(x)
    return keras.Model(inputs, logits)


def _canonical(prefix: str, model: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 - keras ships no types
    """Return (name, variable) of a model's weights by layer order and role, whatever Keras called them."""
    named = []
    layers = [layer for layer in model.layers if layer.weights]
    for index, layer in enumerate(layers):
        kind = re.sub(r"(?<!^)(?=[A-Z])", "_", type(layer).__name__.replace("2D", "2d")).lower()
        for variable in layer.weights:
            named.append((f"{prefix}.{index:03d}.{kind}.{variable.name}", variable))  # noqa: PERF401 - reads better
    return named


class Network:
    """Preprocessing, backbone and head, built by our own code from a few plain settings.

    Attributes:
        backbone: what is known of the backbone.
        backbone_model: the backbone as Keras builds it, owner of its variables.
        head: pooled features (n, f) float32 to logits (n, c) float32.
        maps_model: uint8 images (n, s, s, 3) to the maps at each of the backbone's depths and its last ones, a list of
            (n, h, w, f).
        features_model: uint8 images (n, s, s, 3) to pooled features (n, f) float32.
        model: uint8 images (n, s, s, 3) to logits (n, c) float32; softmax of them is the probability.
    """

    def __init__(
        self,
        name: BackboneName,
        classes: int,
        head: HeadSettings,
        *,
        input_size: int | None = None,
        precision: str = "float32",
        seed: int = 0,
    ) -> None:
        self.backbone: Backbone = get_backbone(name)
        self.input_size = input_size or self.backbone.default_size
        self.precision = precision
        keras.utils.set_random_seed(seed)
        previous = keras.config.dtype_policy()
        keras.config.set_dtype_policy(precision if precision == "float32" else f"mixed_{precision}")
        try:
            self.backbone_model = build_backbone(self.backbone, self.input_size)
            folded = fold_normalization(with_depths(self.backbone, self.backbone_model), precision)
        finally:
            keras.config.set_dtype_policy(previous)
        images = keras.Input((self.input_size, self.input_size, 3), dtype="uint8")
        maps = folded(Preprocessing(self.backbone.scaling)(images))
        self.maps_model = keras.Model(images, maps)
        pooled = keras.layers.GlobalAveragePooling2D(dtype="float32")(maps[-1])
        self.features_model = keras.Model(images, pooled)
        self.head = _build_head(self.backbone.features, classes, head, seed)
        self.model = keras.Model(images, self.head(pooled))

    @property
    def depths(self) -> tuple[str, ...]:
        """Names of the places in the backbone that `analysis` gives features of."""
        return (*(depth.name for depth in self.backbone.depths), LAST_MAPS)

    def named_variables(self) -> list[tuple[str, Any]]:
        """Return (canonical name, variable) of all weights: backbone first, then head."""
        return self.named_backbone_variables() + _canonical("head", self.head)

    def named_backbone_variables(self) -> list[tuple[str, Any]]:
        """Return (canonical name, variable) of the backbone's weights."""
        return _canonical("backbone", self.backbone_model)

    @functools.cached_property
    def features_of(self) -> Any:  # noqa: ANN401 - a compiled function
        """A function: uint8 images (n, s, s, 3) to pooled features (n, f), the backbone frozen.

        It is kept: tracing a large backbone takes seconds.
        """
        return tf.function(lambda images: self.features_model(images, training=False), autograph=False)

    def analysis(self, views: int) -> Any:  # noqa: ANN401 - a compiled function
        """Return a function: uint8 images (n, s, s, 3) to logits and to features at each depth.

        Args:
            views: that the logits are averaged over; 1, 2, 4 or 8, see `RunConfig.test_views`.

        Returns:
            A function to a list of float32 arrays: logits (n, c), then for each depth and the last maps the mean over
            the map (n, f) of the image as it is.
        """
        # One graph for batches of every size: tracing a large backbone takes seconds.
        shape = (None, self.input_size, self.input_size, 3)
        return tf.function(
            lambda images: self._analysed(images, views),
            input_signature=[tf.TensorSpec(shape, tf.uint8)],
            autograph=False,
        )

    def _analysed(self, images: tf.Tensor, views: int) -> list[tf.Tensor]:
        number = tf.shape(images)[0]
        # One forward pass for all views: it fills the processor better than one after the other.
        maps = self.maps_model(tf.concat(symmetric_views(images, views), 0), training=False)
        logits = self.head(pooled(maps[-1]), training=False)
        averaged = tf.reduce_mean(tf.reshape(logits, (views, number, logits.shape[-1])), 0)
        return [averaged, *(pooled(map_[:number]) for map_ in maps)]

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return all weights as float32 arrays by canonical name."""
        return {name: variable.numpy() for name, variable in self.named_variables()}

    def assign(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Set all weights.

        Raises:
            WeightsError: a name is missing or left over, or a shape differs; nothing was changed.
        """
        assign_arrays(self.named_variables(), arrays)

    def trainable_variables(self, stage: str, from_block: str = "all") -> list[Any]:
        """Return the variables that a stage trains: the head's, and in `fine-tune` those from a block on."""
        variables = list(self.head.trainable_variables)
        if stage == "fine-tune":
            start = first_trained_layer(self.backbone, self.backbone_model, from_block)
            trained = [v for layer in self.backbone_model.layers[start:] for v in layer.trainable_variables]
            variables = trained + variables
        return variables

    def dropout_states(self) -> list[tuple[str, Any]]:
        """Return (name, variable) of the random states of the head's dropout layers."""
        dropouts = [layer for layer in self.head.layers if isinstance(layer, keras.layers.Dropout)]
        return [
            (f"dropout.{k:03d}", layer.seed_generator.state)
            for k, layer in enumerate(dropouts)
            if layer.rate > 0
        ]

    def estimate_statistics(self, batches: Iterable[NDArray[np.uint8]]) -> int:
        """Set the backbone's normalization statistics to the mean over batches of images.

        With random weights the initial statistics (mean 0, variance 1) leave pooled features that hardly
        differ between images; this is what makes a random backbone usable at all.

        Args:
            batches: uint8 images (n, s, s, 3).

        Returns:
            The number of images seen.
        """
        layers = [x for x in self.backbone_model.layers if isinstance(x, keras.layers.BatchNormalization)]
        momenta = [layer.momentum for layer in layers]
        preprocessing = Preprocessing(self.backbone.scaling)
        seen = 0
        for count, batch in enumerate(batches):
            for layer in layers:
                layer.momentum = count / (count + 1)
            self.backbone_model(preprocessing(batch), training=True)
            seen += len(batch)
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        return seen


def images_at_once(views: int) -> int:
    """Return how many images fit into one call of `Network.analysis`, which computes all their views together."""
    return max(1, _SQUARES_AT_ONCE // views)


def pooled(maps: tf.Tensor) -> tf.Tensor:
    """Return the mean over each map, float32: (n, h, w, f) to (n, f)."""
    return tf.reduce_mean(tf.cast(maps, tf.float32), (1, 2))


def symmetric_views(images: tf.Tensor, views: int) -> list[tf.Tensor]:
    """Return the first 1, 2, 4 or 8 of a square's symmetries, each of the shape of `images` (n, s, s, 3)."""
    shown = [images]
    if views > 1:
        shown.append(tf.reverse(images, [2]))
    if views > 2:  # noqa: PLR2004 - identity and mirror image come first
        shown += [tf.reverse(view, [1]) for view in shown]
    if views > 4:  # noqa: PLR2004 - then all flips
        shown += [tf.transpose(view, [0, 2, 1, 3]) for view in shown]
    return shown


def assign_arrays(named: Sequence[tuple[str, Any]], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Set variables by name after every name and shape has been checked.

    Raises:
        WeightsError: a name is missing or left over, or a shape differs; nothing was changed.
    """
    names = {name for name, _ in named}
    missing, extra = sorted(names - set(arrays)), sorted(set(arrays) - names)
    if missing or extra:
        found = f"{len(missing)} arrays are missing and {len(extra)} are unknown"
        example = (missing or extra)[0]
        raise WeightsError(f"The weights do not belong to this network: {found} (for instance {example}).")
    for name, variable in named:
        if tuple(arrays[name].shape) != tuple(variable.shape):
            raise WeightsError(
                f"The weights do not belong to this network: {name} has shape {tuple(arrays[name].shape)} "
                f"where {tuple(variable.shape)} is needed."
            )
    for name, variable in named:
        variable.assign(arrays[name])

"""Random changes of training images, the same for the same run seed, epoch and sample.

Nothing here has a state: an image's changes follow from its seed pair alone, so a resumed run, another batch
size or another number of workers sees the same images. Geometry is one affine map with bilinear sampling and
mirrored borders; colour works on the result.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainer.config import Augmentation

_DRAWS = 12
_HALF = 0.5
_LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601 weights of red, green and blue in brightness."""


def sample_keys(sample_ids: Sequence[str]) -> NDArray[np.int64]:
    """Return a stable 63-bit number for each sample id, shape (n,)."""
    digests = (hashlib.blake2b(name.encode(), digest_size=8).digest() for name in sample_ids)
    return np.array([int.from_bytes(digest, "big") >> 1 for digest in digests], dtype=np.int64)


def seed_pairs(run_seed: int, epoch: int, keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the seed pair of each sample in an epoch, int64 (n, 2)."""
    first = np.full(len(keys), run_seed * 1_000_003 + epoch, dtype=np.int64)
    return np.stack([first, keys], axis=1)


def is_active(settings: Augmentation) -> bool:
    """Whether any change is turned on."""
    flips = settings.flip_horizontal or settings.flip_vertical
    amounts = (
        settings.rotation,
        settings.shift,
        settings.zoom,
        settings.brightness,
        settings.contrast,
        settings.colour,
    )
    return flips or any(amounts)


def _affine(draws: tf.Tensor, size: int, settings: Augmentation) -> tf.Tensor:
    """Return output-to-input affine maps, float32 (n, 8), about the image's centre."""
    angle = (draws[:, 0] * 2 - 1) * (settings.rotation * np.pi / 180)
    zoom = tf.exp((draws[:, 1] * 2 - 1) * float(np.log1p(settings.zoom)))
    shift_x = (draws[:, 2] * 2 - 1) * (settings.shift * size)
    shift_y = (draws[:, 3] * 2 - 1) * (settings.shift * size)
    one = tf.ones_like(angle)
    flip_x = tf.where(draws[:, 4] < _HALF, -one, one) if settings.flip_horizontal else one
    flip_y = tf.where(draws[:, 5] < _HALF, -one, one) if settings.flip_vertical else one
    a0, a1 = tf.cos(angle) / zoom * flip_x, -tf.sin(angle) / zoom * flip_y
    b0, b1 = tf.sin(angle) / zoom * flip_x, tf.cos(angle) / zoom * flip_y
    centre = (size - 1) / 2
    a2 = centre + shift_x - a0 * centre - a1 * centre
    b2 = centre + shift_y - b0 * centre - b1 * centre
    zero = tf.zeros_like(angle)
    return tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1)


def _hue_matrix(angle: tf.Tensor) -> tf.Tensor:
    """Return rotations about the grey axis, float32 (n, 3, 3) (Rodrigues' formula)."""
    cos, sin = tf.cos(angle), tf.sin(angle)
    same = cos + (1 - cos) / 3
    plus = (1 - cos) / 3 + sin / np.sqrt(3).astype(np.float32)
    minus = (1 - cos) / 3 - sin / np.sqrt(3).astype(np.float32)
    rows = [[same, minus, plus], [plus, same, minus], [minus, plus, same]]
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)


def _colour_maps(draws: tf.Tensor, mean: tf.Tensor, settings: Augmentation) -> tuple[tf.Tensor, tf.Tensor]:
    """Return one affine map of colours for each image: saturation, hue, contrast about the mean, brightness.

    Args:
        draws: float32 (n, _DRAWS) from [0, 1).
        mean: of each image's values, float32 (n,).
        settings: what may change and how far.

    Returns:
        Matrices float32 (n, 3, 3), to be multiplied from the right, and offsets float32 (n, 1, 1).
    """

    def amount(index: int, largest: float) -> tf.Tensor:
        return (draws[:, index] * 2 - 1) * largest

    matrices = tf.eye(3, batch_shape=[tf.shape(draws)[0]])
    offsets = tf.zeros_like(mean)
    if settings.colour:
        saturation = 1 + amount(7, settings.colour)[:, None, None]
        to_grey = tf.constant([[weight] * 3 for weight in _LUMA])
        matrices = saturation * matrices + (1 - saturation) * to_grey
        hue = _hue_matrix(amount(8, settings.colour * 0.1 * np.pi))
        matrices = tf.matmul(matrices, hue, transpose_b=True)
    if settings.contrast:
        # Greys are fixed points of the maps before this one, so the mean's own map is itself.
        contrast = 1 + amount(6, settings.contrast)
        matrices *= contrast[:, None, None]
        offsets += mean * (1 - contrast)
    if settings.brightness:
        offsets += amount(9, settings.brightness * 255)
    return matrices, offsets[:, None, None]


as_it_stands = tf.autograph.experimental.do_not_convert
"""Keeps TensorFlow from rewriting a function: ours need no rewriting, and each leaves a file in the temporary folder
until the process ends, or for good if it is killed. `autograph=False` of `tf.function` does the same."""


def augment(images: tf.Tensor, seeds: tf.Tensor, settings: Augmentation) -> tf.Tensor:
    """Change each image at random, by its own seed pair.

    Args:
        images: uint8 (n, s, s, 3).
        seeds: int64 (n, 2); see `seed_pairs`.
        settings: what may change and how far.

    Returns:
        uint8 (n, s, s, 3).
    """
    if not is_active(settings):
        return images
    draw = as_it_stands(lambda seed: tf.random.stateless_uniform([_DRAWS], seed))
    draws = tf.map_fn(draw, seeds, fn_output_signature=tf.float32)
    pixels = tf.cast(images, tf.float32)
    size = images.shape[1]
    moved = settings.rotation or settings.shift or settings.zoom
    if moved or settings.flip_horizontal or settings.flip_vertical:
        pixels = tf.raw_ops.ImageProjectiveTransformV3(
            images=pixels,
            transforms=_affine(draws, size, settings),
            output_shape=tf.constant([size, size]),
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="REFLECT",
        )
    if settings.contrast or settings.colour or settings.brightness:
        matrices, offsets = _colour_maps(draws, tf.reduce_mean(pixels, axis=(1, 2, 3)), settings)
        flat = tf.reshape(pixels, (-1, size * size, 3))
        pixels = tf.reshape(tf.matmul(flat, matrices) + offsets, tf.shape(images))
    return tf.cast(tf.clip_by_value(tf.round(pixels), 0, 255), tf.uint8)

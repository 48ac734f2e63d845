"""Where a network found what speaks for a class: class activation maps at two depths of its backbone.

Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) on the last maps: the maps are summed with the mean gradient of the
class's logit as weights. The last maps are coarse, 7 x 7 at 224 pixels.

HiResCAM (Draelos and Carin 2020, arXiv:2011.08891) on the maps before, which are twice as fine: each element has its own
gradient as its weight. The pooling in between lets the gradient through at one element of several, which shows as a
grid; a binomial filter of 3 x 3 takes that away. Of the other sharper maps, Grad-CAM marks the edge of the square at
this depth and Grad-CAM++ breaks down, since these maps have negative values. LayerCAM looks best and says least: it
hardly changes when weights are randomised (correlation 0.68 for a random head, 0.53 for all weights; HiResCAM 0.16 and
0.26), and half of it lies beside a planted pattern.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from trainer.network.network import pooled, symmetric_views

if TYPE_CHECKING:
    from trainer.network.network import Network


def evidence_graph(network: Network, views: int) -> Any:  # noqa: ANN401 - a compiled function
    """Return a function: uint8 images (n, s, s, 3) and a class index to what speaks for that class, and where.

    What is explained is the logit that `Network.analysis` gives: maps of the views are laid over each other and
    averaged. Another class is not traced again.

    Args:
        network: in float32.
        views: that the logits are averaged over; 1, 2, 4 or 8.

    Returns:
        A function to a list of float32 arrays, none negative, in the scale of the logit: Grad-CAM (n, h, w) and
        HiResCAM (n, 2 h, 2 w; not exactly twice for all sizes) of the images as they are.
    """

    def explain(images: tf.Tensor, class_index: tf.Tensor) -> list[tf.Tensor]:
        maps = network.maps_model(tf.concat(symmetric_views(images, views), 0), training=False)
        finer, last = maps[-2:]
        logits = network.head(pooled(last), training=False)
        of_finer, of_last = tf.gradients(logits[:, class_index], [finer, last])
        weights = tf.reduce_mean(of_last, (1, 2), keepdims=True)
        grad_cam = tf.reduce_sum(weights * last, -1)
        hires_cam = _smoothed(tf.reduce_sum(of_finer * finer, -1))
        return [tf.nn.relu(_laid_over(map_, views)) for map_ in (grad_cam, hires_cam)]

    shape = (None, network.input_size, network.input_size, 3)
    signature = [tf.TensorSpec(shape, tf.uint8), tf.TensorSpec((), tf.int32)]
    return tf.function(explain, input_signature=signature, autograph=False)


def _smoothed(maps: tf.Tensor) -> tf.Tensor:
    """Return maps (n, h, w) after a binomial filter of 3 x 3; beyond the edge they go on as their mirror image."""
    padded = tf.pad(maps[..., tf.newaxis], ((0, 0), (1, 1), (1, 1), (0, 0)), "SYMMETRIC")
    kernel = tf.constant([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]) / 16.0
    return tf.nn.conv2d(padded, kernel[..., tf.newaxis, tf.newaxis], 1, "VALID")[..., 0]


def _laid_over(maps: tf.Tensor, views: int) -> tf.Tensor:
    """Return the mean over the views of each image, as `symmetric_views` gives them, each turned back: (n, h, w)."""
    turned = tf.split(maps, views)
    if views > 4:  # noqa: PLR2004 - the second half of all eight is transposed
        turned[4:] = [tf.transpose(view, [0, 2, 1]) for view in turned[4:]]
    flips: tuple[list[int], ...] = ([], [2], [1], [1, 2])
    return tf.reduce_mean([tf.reverse(view, flips[k % 4]) for k, view in enumerate(turned)], 0)

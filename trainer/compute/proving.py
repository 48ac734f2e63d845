"""TensorFlow's side of the devices: prepares the chosen one, and proves GPUs in a process of its own.

`trainer.devices.choosing.run_probe` starts that process (`trainer gpu-probe`). It tries every GPU that TensorFlow sees
and prints one line of JSON; a driver that crashes or hangs takes down that process only.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trainer.devices.choosing import Probe, ProbedGpu

if TYPE_CHECKING:
    import tensorflow as tf

    from trainer.devices.choosing import Device

_TOLERANCE = (
    0.02  # relative; GPUs multiply float32 with 10 bits of mantissa (TF32) where they are asked nothing
)
_LOSS_SCALE = 1024.0


class _FailedError(Exception):
    """A computation did not give what it should; the message says which."""


def prepare_device(device: Device) -> None:
    """Show TensorFlow only the GPUs of `device`, and have it take their memory as it needs it.

    To be called before TensorFlow computes anything; on a machine without GPUs it does nothing.
    """
    import tensorflow as tf

    physical = tf.config.list_physical_devices("GPU")
    wanted = [physical[index] for index in device.gpus]
    if tf.config.get_visible_devices("GPU") != wanted:
        tf.config.set_visible_devices(wanted, "GPU")
    for gpu in wanted:
        if not tf.config.experimental.get_memory_growth(gpu):
            tf.config.experimental.set_memory_growth(gpu, enable=True)


def prove_gpus() -> Probe:
    """Try every GPU that TensorFlow sees."""
    import tensorflow as tf

    physical = tf.config.list_physical_devices("GPU")
    for gpu in physical:
        tf.config.experimental.set_memory_growth(gpu, enable=True)
    found = []
    for index, gpu in enumerate(physical):
        details = tf.config.experimental.get_device_details(gpu)
        capability = details.get("compute_capability")
        found.append(
            ProbedGpu(
                name=details.get("device_name", gpu.name),
                compute_capability=tuple(capability) if capability else None,
                error=failure_on(f"GPU:{index}"),
            )
        )
    return Probe(gpus=tuple(found))


def failure_on(place: str) -> str:
    """Multiply, convolve and train one step on a device such as "GPU:0".

    Returns:
        What failed, in a few words; empty if nothing did.
    """
    import tensorflow as tf

    try:
        with tf.device(place):
            _check_product(place)
            _check_convolution(place)
            _check_training(tf.float32)
            if place.startswith("GPU"):
                _check_training(tf.float16)
    except _FailedError as error:
        return str(error)
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        lines = str(error).strip().splitlines()
        return lines[0] if lines else type(error).__name__
    return ""


def _check_product(place: str) -> None:
    import tensorflow as tf

    random = np.random.default_rng(0)
    left, right = random.random((2, 256, 256), dtype=np.float32)
    product = tf.matmul(tf.constant(left), tf.constant(right))
    if place not in product.device:
        raise _FailedError(f"a matrix product was computed on {product.device} instead")
    if not np.allclose(product.numpy(), left @ right, rtol=_TOLERANCE):
        raise _FailedError("a matrix product was wrong")


def _check_convolution(place: str) -> None:
    import tensorflow as tf

    random = np.random.default_rng(1)
    images = random.random((4, 16, 16, 8), dtype=np.float32)
    kernel = random.random((3, 3, 8, 16), dtype=np.float32)
    there = tf.nn.conv2d(tf.constant(images), tf.constant(kernel), 1, "SAME")
    if place not in there.device:
        raise _FailedError(f"a convolution was computed on {there.device} instead")
    with tf.device("CPU:0"):
        here = tf.nn.conv2d(tf.constant(images), tf.constant(kernel), 1, "SAME")
    if not np.allclose(there.numpy(), here.numpy(), rtol=_TOLERANCE):
        raise _FailedError("a convolution was wrong")


def _check_training(dtype: tf.DType) -> None:
    """Take one step down the gradient of a small network, with a scaled loss, and see the loss fall."""
    import tensorflow as tf

    random = np.random.default_rng(2)
    images = tf.constant(random.normal(size=(16, 16, 16, 3)).astype(np.float32))
    truth = tf.constant(np.arange(16) % 4)
    kernel = tf.Variable(random.normal(size=(3, 3, 3, 16)).astype(np.float32) / 5)
    dense = tf.Variable(random.normal(size=(16, 4)).astype(np.float32) / 4)

    def loss() -> tf.Tensor:
        maps = tf.nn.relu(tf.nn.conv2d(tf.cast(images, dtype), tf.cast(kernel, dtype), 1, "SAME"))
        logits = tf.cast(tf.matmul(tf.reduce_mean(maps, axis=(1, 2)), tf.cast(dense, dtype)), tf.float32)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(truth, logits))

    with tf.GradientTape() as tape:
        before = loss()
        scaled = before * _LOSS_SCALE
    for variable, gradient in zip((kernel, dense), tape.gradient(scaled, (kernel, dense)), strict=True):
        variable.assign_sub(0.05 * gradient / _LOSS_SCALE)
    after = loss()
    if not (np.isfinite(after.numpy()) and after < before):
        raise _FailedError(f"a training step in {dtype.name} did not lower the loss")


def main() -> None:
    """Prove the GPUs and print what was found as one line of JSON."""
    # What TensorFlow and the driver print must not mix with the answer.
    answer = os.dup(1)
    os.dup2(2, 1)
    probe = prove_gpus()
    with os.fdopen(answer, "wb") as stream:
        stream.write(msgspec.json.encode(probe) + b"\n")
    sys.stdout.flush()

"""Over how many devices a run trains."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from trainer.devices.choosing import Device


def replicas(device: Device) -> tf.distribute.Strategy:
    """Return the strategy for a device: mirrored over several GPUs, otherwise none."""
    kind = "GPU" if device.kind == "gpu" else "CPU"
    devices = tf.config.list_logical_devices(kind)
    if device.kind == "gpu" and len(devices) > 1:
        return mirrored(tuple(d.name for d in devices))
    if device.kind == "gpu":
        return tf.distribute.OneDeviceStrategy(devices[0].name)
    return tf.distribute.get_strategy()


@functools.cache
def mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """Return the strategy for several devices, one object in a process.

    A second object would number its collective operations from the start again, and TensorFlow takes them for
    those of the first.
    """
    return tf.distribute.MirroredStrategy(list(devices))

"""TensorFlow's side of the devices, as far as a machine without GPUs can show it."""

from __future__ import annotations

import tensorflow as tf

from trainer.compute.proving import failure_on, prepare_device, prove_gpus
from trainer.devices.choosing import choose_device, describe_devices, run_probe


def test_a_device_that_is_not_there_fails_the_proof() -> None:
    # TensorFlow would quietly compute on another one.
    assert failure_on("GPU:7").startswith("a matrix product was computed on")


def test_preparing_the_cpu_shows_tensorflow_the_cpu_alone() -> None:
    prepare_device(choose_device("cpu", describe_devices(probe=None)))
    assert {device.device_type for device in tf.config.get_visible_devices()} == {"CPU"}
    assert failure_on("CPU:0") == ""


def test_the_child_process_finds_what_this_process_finds() -> None:
    assert run_probe() == prove_gpus()

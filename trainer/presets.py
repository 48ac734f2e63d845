"""Settings for a purpose: a quick look, a balanced run, a thorough one, and the demo. Loads without TensorFlow."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from trainer.backbones import get_backbone
from trainer.config import (
    Augmentation,
    BackboneName,
    EarlyStopping,
    FineTuneStage,
    HeadSettings,
    HeadStage,
    RunConfig,
)

PresetName: TypeAlias = Literal["quick", "balanced", "thorough"]

DEMO_BACKBONE: BackboneName = "xception"

_SMALL_MEMORY_MIB = 7_000
"""A GPU with less main memory than this (the 6 GB cards) trains in micro-batches of half the size."""


def preset_config(
    preset: PresetName, backbone: BackboneName, *, gpu_memory_mib: int | None = None, gpu: bool = False
) -> RunConfig:
    """Return a preset's settings for a backbone, fitted to the device.

    A quick look trains the head alone, minutes on a CPU. A balanced run goes on to the whole network at 224
    pixels; a thorough one takes the backbone's own size on a GPU, more views and more epochs.

    Args:
        preset: which.
        backbone: any on offer.
        gpu_memory_mib: memory of the GPU, MiB, where known.
        gpu: whether a GPU will be used.
    """
    size = min(224, get_backbone(backbone).default_size)
    small = gpu and gpu_memory_mib is not None and gpu_memory_mib < _SMALL_MEMORY_MIB
    batch, accumulation = (16, 2) if small else (32, 1)
    base = RunConfig(backbone=backbone, input_size=size)
    tune = FineTuneStage(batch_size=batch, accumulation=accumulation)
    if preset == "quick":
        return msgspec.structs.replace(
            base, stages=("head",), head_stage=HeadStage(epochs=20, views=2), test_views=2
        )
    if preset == "balanced":
        return msgspec.structs.replace(
            base,
            head_stage=HeadStage(epochs=30, views=4),
            fine_tune_stage=msgspec.structs.replace(tune, epochs=10, average=0.99),
            early_stopping=EarlyStopping(patience=6),
        )
    return msgspec.structs.replace(
        base,
        input_size=get_backbone(backbone).default_size if gpu else size,
        head_stage=HeadStage(epochs=40, views=8),
        fine_tune_stage=msgspec.structs.replace(tune, epochs=30, average=0.995),
        early_stopping=EarlyStopping(patience=10),
        test_views=8,
    )


def demo_config(*, pretrained: bool) -> RunConfig:
    """Return the demo's settings: Xception at its smallest size, a few minutes on two cores.

    Of the four, Xception and DenseNet121 tell the drawings apart best from random weights (a linear head on
    frozen features: balanced accuracy 0.74 and 0.73; ResNet50V2 0.42, InceptionV3 0.40).

    Args:
        pretrained: whether ImageNet weights are at hand.
    """
    return RunConfig(
        backbone=DEMO_BACKBONE,
        input_size=get_backbone(DEMO_BACKBONE).minimum_size,
        weights="imagenet" if pretrained else "random",
        stages=("head", "fine-tune"),
        head=HeadSettings(dense=(), dropout=0.3),
        head_stage=HeadStage(epochs=12, batch_size=32, views=1, learning_rate=3e-3),
        # The exit flow alone: with the whole network open an epoch takes more than twice as long, and two cores
        # without half-precision instructions would need five minutes.
        fine_tune_stage=FineTuneStage(
            epochs=6, batch_size=16, learning_rate=1e-3, average=0.95, from_block="block13"
        ),
        augmentation=Augmentation(brightness=0.05, contrast=0.1, colour=0.05),
        early_stopping=EarlyStopping(patience=0),
        # The drawn validation part is too small to be cut in two.
        calibration_share=0.0,
    )


def self_test_config() -> RunConfig:
    """Return settings for the internal tiny backbone: both stages in seconds, to see that everything works."""
    return RunConfig(
        backbone="tiny",
        weights="random",
        device="cpu",
        head=HeadSettings(dense=(16,), dropout=0.2),
        head_stage=HeadStage(epochs=2, batch_size=16, views=1, learning_rate=1e-2),
        fine_tune_stage=FineTuneStage(epochs=2, batch_size=16, learning_rate=3e-3),
        early_stopping=EarlyStopping(patience=0),
        test_views=1,
        cache_mib=16,
    )

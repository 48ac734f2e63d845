"""The settings of a run: frozen, typed, versioned, and the same in JSON and TOML.

A setting has one name everywhere: here, in a `--config` file, in a run's folder and in a bundle's manifest.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, get_args

import msgspec
import tomli_w

from trainer.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

CONFIG_VERSION = 1

BackboneName: TypeAlias = Literal["inceptionv3", "xception", "resnet50v2", "densenet121", "tiny"]
StageName: TypeAlias = Literal["head", "fine-tune"]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]
DeviceChoice: TypeAlias = Literal["auto", "cpu", "gpu"]
Shape: TypeAlias = Literal["centre-square", "pad", "squash"]
Resampling: TypeAlias = Literal["bilinear", "bicubic", "lanczos"]
ImbalanceMethod: TypeAlias = Literal[
    "none", "class-weights", "balanced-sampling", "focal", "logit-adjustment"
]

OFFERED_BACKBONES: tuple[BackboneName, ...] = ("inceptionv3", "xception", "resnet50v2", "densenet121")
"""Backbones a user can choose; `tiny` exists for tests and the self-test only."""

Fraction = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, msgspec.Meta(gt=0.0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0.0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
CountOrNone = Annotated[int, msgspec.Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all settings: frozen, and strict about unknown names."""


class Geometry(Settings, frozen=True):
    """How a rectangle becomes the network's square.

    Attributes:
        shape: `centre-square` cuts the largest centred square, `pad` adds black borders, `squash` stretches.
        resampling: the filter used to reach the network's size.
    """

    shape: Shape = "centre-square"
    resampling: Resampling = "bilinear"


class HeadSettings(Settings, frozen=True):
    """What stands on the backbone: pooling, normalization, dense ReLU layers, dropout, logits.

    Attributes:
        batch_normalization: normalise the pooled features.
        dense: units of each ReLU layer; empty for a linear head.
        dropout: share of units dropped before the logits and after each dense layer, 0 to 0.95.
    """

    batch_normalization: bool = True
    dense: tuple[Annotated[int, msgspec.Meta(ge=1, le=8192)], ...] = (256,)
    dropout: Annotated[float, msgspec.Meta(ge=0.0, le=0.95)] = 0.3


class Augmentation(Settings, frozen=True):
    """Random changes of training images; 0 or false turns one off.

    Attributes:
        flip_horizontal: mirror left and right, every other time.
        flip_vertical: mirror up and down, every other time.
        rotation: largest angle either way, degrees.
        shift: largest shift along each axis, share of the side.
        zoom: largest enlargement or reduction, share (0.2: 0.8 to 1.25 times).
        brightness: largest change of all pixels, share of the full range.
        contrast: largest change of contrast about the image's mean, share.
        colour: largest change of saturation, share; hue moves by a tenth of it.
    """

    flip_horizontal: bool = True
    flip_vertical: bool = True
    rotation: Annotated[float, msgspec.Meta(ge=0.0, le=180.0)] = 180.0
    shift: Annotated[float, msgspec.Meta(ge=0.0, le=0.5)] = 0.08
    zoom: Annotated[float, msgspec.Meta(ge=0.0, le=0.8)] = 0.2
    brightness: Annotated[float, msgspec.Meta(ge=0.0, le=0.8)] = 0.1
    contrast: Annotated[float, msgspec.Meta(ge=0.0, le=0.8)] = 0.15
    colour: Annotated[float, msgspec.Meta(ge=0.0, le=0.8)] = 0.15


class Imbalance(Settings, frozen=True):
    """How rare classes are kept from being drowned: one method at a time.

    Attributes:
        method: `class-weights` weights the loss by inverse frequency; `balanced-sampling` draws classes
            equally often; `focal` is the loss of Lin et al. 2017 (arXiv:1708.02002); `logit-adjustment` adds
            tau * log(prior) to the logits in the loss (Menon et al. 2021, arXiv:2007.07314).
        focal_gamma: focusing exponent of `focal`.
        adjustment_tau: strength of `logit-adjustment`, 1 is the theory's value.
    """

    method: ImbalanceMethod = "logit-adjustment"
    focal_gamma: Annotated[float, msgspec.Meta(ge=0.0, le=10.0)] = 2.0
    adjustment_tau: Annotated[float, msgspec.Meta(ge=0.0, le=5.0)] = 1.0


class Schedule(Settings, frozen=True):
    """How the learning rate moves within a stage.

    Attributes:
        kind: `cosine` warms up linearly and decays to `final_share` along a half cosine; `plateau` warms up,
            then multiplies by `plateau_factor` when the chosen metric has not improved for
            `plateau_patience` epochs; `constant` only warms up.
        warmup: share of the stage's steps spent warming up.
        final_share: where the cosine ends, share of the peak rate.
        plateau_factor: multiplier on a plateau.
        plateau_patience: epochs without improvement that make a plateau.
    """

    kind: Literal["cosine", "plateau", "constant"] = "cosine"
    warmup: Annotated[float, msgspec.Meta(ge=0.0, le=0.5)] = 0.05
    final_share: Fraction = 0.01
    plateau_factor: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)] = 0.3
    plateau_patience: Count = 2


class HeadStage(Settings, frozen=True):
    """Training the head alone on cached features of the frozen backbone.

    Attributes:
        epochs: passes over the training part.
        batch_size: samples a step.
        learning_rate: peak rate of AdamW.
        weight_decay: decoupled decay of kernels, per step and unit of learning rate.
        views: augmented views cached for each training sample, beside the clean one.
        schedule: how the rate moves.
    """

    epochs: Count = 30
    batch_size: Count = 128
    learning_rate: Positive = 1e-3
    weight_decay: NotNegative = 1e-4
    views: Annotated[int, msgspec.Meta(ge=0, le=64)] = 4
    schedule: Schedule = Schedule()


class FineTuneStage(Settings, frozen=True):
    """Training backbone and head together on images.

    Attributes:
        epochs: passes over the training part.
        batch_size: samples a micro-batch.
        accumulation: micro-batches whose gradients are averaged into one step.
        learning_rate: peak rate of AdamW.
        weight_decay: decoupled decay of kernels, per step and unit of learning rate.
        from_block: `all`, or the first block to be trained (see `trainer.backbones`).
        clip_norm: largest global norm of a step's gradient; 0 turns clipping off.
        average: decay of the moving average of the weights that is validated and kept, per step; 0: none.
        schedule: how the rate moves.
    """

    epochs: Count = 10
    batch_size: Count = 32
    accumulation: Count = 1
    learning_rate: Positive = 2.5e-4
    weight_decay: NotNegative = 1e-4
    from_block: str = "all"
    clip_norm: NotNegative = 1.0
    average: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.0
    schedule: Schedule = Schedule()


class EarlyStopping(Settings, frozen=True):
    """When a stage ends before its last epoch, and what "best" means over all stages.

    Attributes:
        metric: validation metric that chooses the best epoch: `macro_recall`, `accuracy`, `loss`, or
            `recall_` and a class name.
        patience: epochs without improvement after which a stage ends; 0 never ends it early.
        min_delta: smallest change that counts as an improvement.
    """

    metric: str = "macro_recall"
    patience: CountOrNone = 8
    min_delta: NotNegative = 0.0


class RunConfig(Settings, frozen=True):
    """Everything that decides what a run does, apart from the dataset itself.

    Attributes:
        version: of this structure.
        backbone: see `OFFERED_BACKBONES`.
        input_size: side of the network's square in pixels; `None` for the backbone's own.
        weights: `imagenet`, `random`, or the path of a weights file.
        stages: `head`, `fine-tune` or both in that order.
        seed: of everything random: initial weights, order, augmentation, dropout.
        geometry, head, augmentation, imbalance, early_stopping: see their types.
        head_stage, fine_tune_stage: settings of each stage.
        calibration_share: share of the validation groups set aside for calibration, never used for choosing.
        test_views: mirrored and turned views of an image whose logits are averaged for a prediction: 1 the
            image alone, 2 with its mirror image, 4 all flips, 8 also turned by 90 degrees. A lesion has no
            upright, and the average errs less; the time grows in proportion.
        precision: `auto` takes the fastest that is safe on the device.
        device: `auto` prefers a GPU that has been proven to work.
        deterministic: bit-identical repetition, at some cost in speed.
        checkpoint_minutes: longest time between two checkpoints.
        cache_mib: memory for decoded images, MiB.
    """

    version: int = CONFIG_VERSION
    backbone: BackboneName = "xception"
    input_size: Annotated[int, msgspec.Meta(ge=32, le=1024)] | None = None
    weights: str = "imagenet"
    stages: tuple[StageName, ...] = ("head", "fine-tune")
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0
    geometry: Geometry = Geometry()
    head: HeadSettings = HeadSettings()
    augmentation: Augmentation = Augmentation()
    imbalance: Imbalance = Imbalance()
    head_stage: HeadStage = HeadStage()
    fine_tune_stage: FineTuneStage = FineTuneStage()
    early_stopping: EarlyStopping = EarlyStopping()
    calibration_share: Annotated[float, msgspec.Meta(ge=0.0, le=0.9)] = 0.3
    test_views: Literal[1, 2, 4, 8] = 4
    precision: Precision = "auto"
    device: DeviceChoice = "auto"
    deterministic: bool = False
    checkpoint_minutes: Positive = 5.0
    cache_mib: CountOrNone = 2048


def _reworded(error: msgspec.ValidationError) -> str:
    return str(error).replace("Object", "The settings").replace("`$.", "`").rstrip(".")


def _checked(config: RunConfig, where: str) -> RunConfig:
    if config.version > CONFIG_VERSION:
        raise ConfigError(
            f"{where} was written by a newer SkinDesk (settings version {config.version}); update this program."
        )
    if not config.stages or list(config.stages) != sorted(set(config.stages), key=get_args(StageName).index):
        raise ConfigError(f'{where}: `stages` must be ["head"], ["fine-tune"] or ["head", "fine-tune"].')
    metric = config.early_stopping.metric
    if metric not in {"macro_recall", "accuracy", "loss"} and not metric.startswith("recall_"):
        raise ConfigError(
            f"{where}: unknown metric '{metric}'; choose macro_recall, accuracy, loss or recall_CLASS."
        )
    return config


def check_config(config: RunConfig, where: str = "The run's configuration") -> RunConfig:
    """Check settings that were put together in code as those from a file are.

    Raises:
        ConfigError: values out of range.
    """
    try:
        return _checked(msgspec.convert(msgspec.to_builtins(config), RunConfig), where)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where} is not valid: {_reworded(error)}.") from error


def config_from_json(content: bytes | str, where: str = "The configuration") -> RunConfig:
    """Read a configuration from JSON.

    Raises:
        ConfigError: not JSON, unknown names, values out of range.
    """
    try:
        return _checked(msgspec.json.decode(content, type=RunConfig), where)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where} is not valid: {_reworded(error)}.") from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"{where} is not JSON: {error}.") from error


def config_to_json(config: RunConfig) -> bytes:
    """Write a configuration as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(config), indent=2)


def config_from_toml(path: Path) -> RunConfig:
    """Read a configuration from a TOML file; what it leaves out keeps its default.

    Raises:
        ConfigError: no such file, not TOML, unknown names, values out of range.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"There is no configuration file {path}; check the name.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return _checked(msgspec.convert(table, RunConfig), str(path))
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path} is not valid: {_reworded(error)}.") from error


def config_to_toml(config: RunConfig) -> str:
    """Write a configuration as TOML (settings that are `None` are left out)."""
    table = msgspec.to_builtins(config)
    return tomli_w.dumps({key: value for key, value in table.items() if value is not None})

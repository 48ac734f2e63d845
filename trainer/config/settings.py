"""The settings of a run: frozen, typed and versioned. Each is declared here alone.

A setting has one name everywhere: here, in a `--config` file, in a run's folder and in a bundle's manifest. Its range is
a `msgspec.Meta`; its title, its explanation and how a form shows it are an `About`. Forms show settings in the order in
which they stand here.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from trainer.config.declaring import About

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

Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, Meta(gt=0.0)]
NotNegative = Annotated[float, Meta(ge=0.0)]
Count = Annotated[int, Meta(ge=1)]
CountOrNone = Annotated[int, Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all settings: frozen, and strict about unknown names."""


class Geometry(Settings, frozen=True):
    """How a rectangle becomes the network's square."""

    shape: Annotated[
        Shape,
        About(
            "Shape",
            "How a rectangular image becomes a square: cut out its centre, add black borders, or stretch it.",
            "geometry",
            choices=(
                ("centre-square", "Centre square"),
                ("pad", "Black borders"),
                ("squash", "Stretched"),
            ),
        ),
    ] = "centre-square"
    resampling: Annotated[
        Resampling,
        About(
            "Resampling",
            "The filter that scales images to the network's input size.",
            "geometry",
            choices=(("bilinear", "Bilinear"), ("bicubic", "Bicubic"), ("lanczos", "Lanczos")),
        ),
    ] = "bilinear"


class HeadSettings(Settings, frozen=True):
    """What stands on the backbone: pooling, normalization, dense ReLU layers, dropout, logits."""

    # Dropout comes before the logits and after each dense layer.
    batch_normalization: Annotated[
        bool,
        About(
            "Normalise features", "Batch normalization of the backbone's features before the head.", "head"
        ),
    ] = True
    dense: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=8192)], ...],
        About(
            "Dense layers",
            "Units of each layer between backbone and output, for example 256 or 512, 128. Empty: a linear head.",
            "head",
            editor="sizes",
        ),
    ] = (256,)
    dropout: Annotated[
        float,
        Meta(ge=0.0, le=0.95),
        About(
            "Dropout",
            "Share of units dropped at random during training. More dropout reduces overfitting.",
            "head",
            unit="%",
            scale=100,
            step="ten",
        ),
    ] = 0.3


class Augmentation(Settings, frozen=True):
    """Random changes of training images; 0 or false turns one off.

    Shares are of the side (`shift`), of the size (`zoom`: 0.2 is 0.8 to 1.25 times), of the full range of pixels
    (`brightness`), of the distance from the image's mean (`contrast`), and of the saturation (`colour`).
    """

    flip_horizontal: Annotated[
        bool, About("Flip left and right", "Mirror half of the images left to right.", "augmentation")
    ] = True
    flip_vertical: Annotated[
        bool,
        About(
            "Flip up and down",
            "Flip half of the images upside down. Lesions have no natural orientation.",
            "augmentation",
        ),
    ] = True
    rotation: Annotated[
        float,
        Meta(ge=0.0, le=180.0),
        About("Rotation", "Largest rotation in either direction.", "augmentation", unit="°", editor="slider"),
    ] = 180.0
    shift: Annotated[
        float,
        Meta(ge=0.0, le=0.5),
        About(
            "Shift",
            "Largest shift along each side, as a share of that side.",
            "augmentation",
            unit="%",
            scale=100,
            editor="slider",
        ),
    ] = 0.08
    zoom: Annotated[
        float,
        Meta(ge=0.0, le=0.8),
        About(
            "Zoom",
            "Largest change of scale, in or out.",
            "augmentation",
            unit="%",
            scale=100,
            editor="slider",
        ),
    ] = 0.2
    brightness: Annotated[
        float,
        Meta(ge=0.0, le=0.8),
        About(
            "Brightness",
            "Largest change of brightness.",
            "augmentation",
            unit="%",
            scale=100,
            editor="slider",
        ),
    ] = 0.1
    contrast: Annotated[
        float,
        Meta(ge=0.0, le=0.8),
        About(
            "Contrast", "Largest change of contrast.", "augmentation", unit="%", scale=100, editor="slider"
        ),
    ] = 0.15
    colour: Annotated[
        float,
        Meta(ge=0.0, le=0.8),
        About(
            "Colour",
            "Largest change of saturation; hue changes by a tenth as much.",
            "augmentation",
            unit="%",
            scale=100,
            editor="slider",
        ),
    ] = 0.15


class Imbalance(Settings, frozen=True):
    """How rare classes are kept from being outweighed by frequent ones: one method at a time.

    `class-weights` weights the loss by inverse frequency; `balanced-sampling` draws classes equally often; `focal` is
    the loss of Lin et al. 2017 (arXiv:1708.02002); `logit-adjustment` adds tau * log(prior) to the logits in the loss
    (Menon et al. 2021, arXiv:2007.07314).
    """

    method: Annotated[
        ImbalanceMethod,
        About(
            "Class imbalance",
            "How to compensate for rare classes. Logit adjustment suits most datasets.",
            "basic",
            choices=(
                ("logit-adjustment", "Logit adjustment"),
                ("class-weights", "Class weights"),
                ("balanced-sampling", "Balanced sampling"),
                ("focal", "Focal loss"),
                ("none", "No correction"),
            ),
        ),
    ] = "logit-adjustment"
    focal_gamma: Annotated[
        float,
        Meta(ge=0.0, le=10.0),
        About(
            "Focal gamma",
            "How strongly easy samples are down-weighted; 2 is usual.",
            "basic",
            step="tenth",
            when=("method", ("focal",)),
        ),
    ] = 2.0
    adjustment_tau: Annotated[
        float,
        Meta(ge=0.0, le=5.0),
        About(
            "Adjustment strength",
            "1 is the theoretical value. Lower values favour frequent classes, higher values rare ones.",
            "basic",
            step="tenth",
            when=("method", ("logit-adjustment",)),
        ),
    ] = 1.0


class Schedule(Settings, frozen=True):
    """How the learning rate changes within a stage, after a linear warm-up.

    `cosine` falls to `final_share` along a half cosine; `plateau` multiplies by `plateau_factor` when the chosen metric
    has not improved for `plateau_patience` epochs; `constant` stays.
    """

    kind: Annotated[
        Literal["cosine", "plateau", "constant"],
        About(
            "Schedule",
            "How the learning rate changes: falls along a cosine, drops when the metric stops improving, or stays "
            "constant.",
            "schedule",
            choices=(("cosine", "Cosine"), ("plateau", "Plateau"), ("constant", "Constant")),
        ),
    ] = "cosine"
    warmup: Annotated[
        float,
        Meta(ge=0.0, le=0.5),
        About(
            "Warm-up",
            "Share of the stage's steps over which the rate rises from zero.",
            "schedule",
            unit="%",
            scale=100,
        ),
    ] = 0.05
    final_share: Annotated[
        Fraction,
        About(
            "Final rate",
            "Learning rate at the end of the cosine, as a share of the peak rate.",
            "schedule",
            unit="%",
            scale=100,
            when=("kind", ("cosine",)),
        ),
    ] = 0.01
    plateau_factor: Annotated[
        float,
        Meta(gt=0.0, lt=1.0),
        About(
            "Plateau factor",
            "The rate is multiplied by this on a plateau.",
            "schedule",
            step="tenth",
            when=("kind", ("plateau",)),
        ),
    ] = 0.3
    plateau_patience: Annotated[
        Count,
        About(
            "Plateau patience",
            "Epochs without improvement that count as a plateau.",
            "schedule",
            when=("kind", ("plateau",)),
        ),
    ] = 2


WeightDecay = Annotated[
    NotNegative,
    # Decoupled, of kernels only, per step and unit of learning rate.
    About(
        "Weight decay",
        "Pulls weights towards zero at each step, which reduces overfitting.",
        "steps",
        step="double",
    ),
]


class HeadStage(Settings, frozen=True):
    """Training the head alone with AdamW, on cached features of the frozen backbone."""

    epochs: Annotated[
        Count,
        About(
            "Epochs",
            "Passes over the training images while the backbone is frozen. Early stopping may end them sooner.",
            "basic",
        ),
    ] = 30
    batch_size: Annotated[
        Count, About("Batch size", "Samples in each training step of the head.", "basic", step="double")
    ] = 128
    learning_rate: Annotated[
        Positive,
        About(
            "Learning rate",
            "Peak learning rate of the head. Lower it if the loss jumps.",
            "basic",
            step="double",
        ),
    ] = 1e-3
    weight_decay: WeightDecay = 1e-4
    views: Annotated[
        int,
        Meta(ge=0, le=64),
        About(
            "Augmented views",
            "Augmented copies of each image whose features are cached, in addition to the original. Each costs one "
            "pass through the backbone, once.",
            "head",
        ),
    ] = 4
    schedule: Schedule = Schedule()


class FineTuneStage(Settings, frozen=True):
    """Training backbone and head together on images, with AdamW."""

    epochs: Annotated[
        Count,
        About(
            "Epochs",
            "Passes over the training images while the whole network trains. On a CPU each takes minutes.",
            "basic",
        ),
    ] = 10
    batch_size: Annotated[
        Count,
        About(
            "Batch size",
            "Images processed at once. If memory runs out, halve it and double the accumulation.",
            "basic",
            step="double",
        ),
    ] = 32
    accumulation: Annotated[
        Count,
        About(
            "Accumulation",
            "Batches whose gradients are averaged into one step: a large effective batch in little memory.",
            "steps",
            unit="batches",
        ),
    ] = 1
    learning_rate: Annotated[
        Positive,
        About(
            "Learning rate",
            "Peak learning rate of the whole network. Keep it small, so that the backbone keeps what it has learned.",
            "basic",
            step="double",
        ),
    ] = 2.5e-4
    weight_decay: WeightDecay = 1e-4
    # `all`, or the name of a block; see `trainer.backbones`.
    from_block: Annotated[
        str,
        About(
            "Fine-tune from",
            "First block of the backbone to train; earlier blocks stay frozen. Training all of it is usually best.",
            "steps",
            editor="block",
        ),
    ] = "all"
    clip_norm: Annotated[
        NotNegative,
        About(
            "Clip gradients at",
            "Largest norm of the gradient of a step; limits sudden jumps. 0 turns clipping off.",
            "steps",
            step="tenth",
        ),
    ] = 1.0
    average: Annotated[
        float,
        Meta(ge=0.0, lt=1.0),
        About(
            "Average weights",
            "Decay of an exponential moving average of the weights, which is then validated and kept. 0.99 or more "
            "is usual; 0 turns it off.",
            "steps",
            step="hundredth",
        ),
    ] = 0.0
    schedule: Schedule = Schedule()


class EarlyStopping(Settings, frozen=True):
    """When a stage ends before its last epoch, and what "best" means over all stages."""

    # `macro_recall`, `accuracy`, `loss`, or `recall_` and a class name.
    metric: Annotated[
        str,
        About(
            "Best epoch by",
            "The validation metric that chooses which epoch to keep. Macro recall weights all classes equally.",
            "basic",
            editor="metric",
        ),
    ] = "macro_recall"
    patience: Annotated[
        CountOrNone,
        About(
            "Early stopping after",
            "A stage ends after this many epochs without improvement; 0 never ends it early.",
            "basic",
            unit="epochs",
        ),
    ] = 8
    min_delta: Annotated[
        NotNegative,
        About(
            "Minimum improvement",
            "Smaller changes of the chosen metric do not count (0.01 is one percentage point).",
            "validation",
            step="hundredth",
        ),
    ] = 0.0


class RunConfig(Settings, frozen=True):
    """Everything that decides what a run does, apart from the dataset itself."""

    version: Annotated[int, About("Version", "Version of these settings' format.", "")] = CONFIG_VERSION
    backbone: Annotated[
        BackboneName,
        About(
            "Backbone",
            "The convolutional network that turns images into features; the head stands on it.",
            "",
        ),
    ] = "xception"
    stages: Annotated[
        tuple[StageName, ...],
        About(
            "Stages",
            "First the head is trained on features of the frozen backbone, then the whole network is fine-tuned. "
            "Fine-tuning makes most of the difference; the head alone takes minutes.",
            "basic",
            editor="stages",
        ),
    ] = ("head", "fine-tune")
    head: HeadSettings = HeadSettings()
    head_stage: HeadStage = HeadStage()
    fine_tune_stage: FineTuneStage = FineTuneStage()
    # `None` is the backbone's own size.
    input_size: Annotated[
        Annotated[int, Meta(ge=32, le=1024)] | None,
        About(
            "Input size",
            "Side of the network's square input; by default the backbone's own. Twice the side is four times the work.",
            "basic",
            unit="px",
            step="ten",
        ),
    ] = None
    imbalance: Imbalance = Imbalance()
    early_stopping: EarlyStopping = EarlyStopping()
    # `imagenet`, `random`, or the path of a weights file.
    weights: Annotated[
        str,
        About(
            "Initial weights",
            "What the backbone starts from: weights pretrained on ImageNet, a weights file, or random numbers, which "
            "need far more data than most datasets have.",
            "basic",
            editor="weights",
        ),
    ] = "imagenet"
    device: Annotated[
        DeviceChoice,
        About(
            "Device",
            "Automatic uses a GPU that has passed a test, otherwise the CPU.",
            "basic",
            choices=(("auto", "Automatic"), ("gpu", "GPU"), ("cpu", "CPU")),
        ),
    ] = "auto"
    seed: Annotated[
        int,
        Meta(ge=0, le=2**31 - 1),
        About(
            "Seed",
            "Seed of everything random. Runs that differ only in the seed show how much is chance.",
            "basic",
        ),
    ] = 0
    augmentation: Augmentation = Augmentation()
    calibration_share: Annotated[
        float,
        Meta(ge=0.0, le=0.9),
        About(
            "Calibration share",
            "Share of the validation lesions set aside to calibrate probabilities; they never choose the best epoch.",
            "validation",
            unit="%",
            scale=100,
            step="ten",
        ),
    ] = 0.3
    # A lesion has no upright, and the average of the logits errs less; the time grows in proportion.
    test_views: Annotated[
        Literal[1, 2, 4, 8],
        About(
            "Prediction views",
            "Flipped and rotated views of an image whose predictions are averaged. More views are more accurate, "
            "and slower.",
            "validation",
            choices=(
                ("1", "1, the image itself"),
                ("2", "2, with its mirror image"),
                ("4", "4, all flips"),
                ("8", "8, also rotated"),
            ),
        ),
    ] = 4
    geometry: Geometry = Geometry()
    precision: Annotated[
        Precision,
        About(
            "Precision",
            "Number format during training. Automatic uses the fastest one that is safe on the device; predictions "
            "always use float32.",
            "machine",
            choices=(
                ("auto", "Automatic"),
                ("float32", "float32"),
                ("bfloat16", "bfloat16"),
                ("float16", "float16"),
            ),
        ),
    ] = "auto"
    deterministic: Annotated[
        bool,
        About(
            "Exactly reproducible",
            "The same settings give exactly the same network, bit for bit; training is slower.",
            "machine",
        ),
    ] = False
    checkpoint_minutes: Annotated[
        Positive,
        About(
            "Checkpoint every",
            "Longest time between two checkpoints: what an interrupted run can lose at most.",
            "machine",
            unit="min",
        ),
    ] = 5.0
    cache_mib: Annotated[
        CountOrNone,
        About(
            "Image cache",
            "Memory for decoded images, so that each is decoded only once.",
            "machine",
            unit="MiB",
            step="double",
        ),
    ] = 2048

"""The settings of a run: frozen, typed and versioned, each declared once, here or in `images` and `stages`.

A setting has one name everywhere: here, in a `--config` file, in a run's folder and in a bundle's manifest. Its range is
a `msgspec.Meta`; its title, its explanation and how a form shows it are an `About`. Forms show settings in the order in
which they are declared.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from trainer.config.declaring import About
from trainer.config.images import Augmentation, Geometry
from trainer.config.stages import EarlyStopping, FineTuneStage, HeadStage
from trainer.config.types import (
    BackboneName,
    CountOrNone,
    DeviceChoice,
    ImbalanceMethod,
    Positive,
    Precision,
    Settings,
    StageName,
)

CONFIG_VERSION = 1


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
        Meta(max_length=16),
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


class RunConfig(Settings, frozen=True):
    """Everything that decides what a run does, apart from the dataset itself."""

    version: Annotated[int, About("Version", "Version of these settings' format.", "")] = CONFIG_VERSION
    backbone: Annotated[
        BackboneName,
        About(
            "Backbone",
            "The convolutional network that turns images into features for the head.",
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
            "Side of the network's square input; by default the backbone's own. Doubling it "
            "takes about four times as long.",
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
            "What the backbone starts from: ImageNet weights, a weights file, or random "
            "weights, which need far more images than most datasets have.",
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
            "Seed of the random numbers. Runs that differ only in the seed show how much is chance.",
            "basic",
        ),
    ] = 0
    augmentation: Augmentation = Augmentation()
    calibration_share: Annotated[
        float,
        Meta(ge=0.0, le=0.9),
        About(
            "Calibration share",
            "Share of the validation lesions used only to calibrate probabilities, not to "
            "choose the best epoch.",
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
            "Longest time between checkpoints, and so the most that an interruption can lose.",
            "machine",
            unit="min",
        ),
    ] = 5.0
    keep_checkpoints: Annotated[
        bool,
        About(
            "Keep checkpoints",
            "Keep the checkpoints of a finished run, some hundred megabytes. Its network is in the bundle without them; "
            "a run that is stopped or interrupted always keeps them.",
            "machine",
        ),
    ] = False
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


WITHOUT_EFFECT_ON_RESULT = frozenset({"device", "checkpoint_minutes", "keep_checkpoints", "cache_mib"})
"""Settings that decide how a run is done and not what it leads to; a resumed run may have others."""

"""Settings of the two stages: epochs, batches, learning rates, and when the best epoch has come."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from trainer.config.declaring import About
from trainer.config.types import Count, CountOrNone, Fraction, NotNegative, Positive, Settings


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
            "The validation metric that chooses which epoch to keep. Balanced accuracy weights all classes equally.",
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

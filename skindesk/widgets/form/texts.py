"""What each setting of a run is called and does, in words, and how it is shown.

Data, beside the types and ranges that `trainer.config` declares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from PySide6.QtCore import QCoreApplication

if TYPE_CHECKING:
    from trainer.config import StageName

Group: TypeAlias = Literal[
    "basic", "head", "augmentation", "steps", "schedule", "validation", "geometry", "machine"
]
Step: TypeAlias = Literal["one", "double", "ten", "tenth", "hundredth"]
"""What an arrow key does to a number: adds 1, doubles, adds 10, adds 0.1 or 0.01 (of what is shown)."""
EditorKind: TypeAlias = Literal["", "slider", "metric", "block", "weights", "sizes", "stages"]

CONTEXT = "ConfigTexts"


def _N(_context: str, text: str) -> str:
    """Mark a text for translation (`lupdate -tr-function-alias QT_TRANSLATE_NOOP+=_N`)."""
    return text


@dataclass(frozen=True)
class FieldText:
    """How a setting is shown.

    Attributes:
        path: where it stands in `RunConfig`.
        title: a few words.
        help: a sentence or two: what it does and when to change it.
        group: section of the form; `basic` is always open.
        stage: that it belongs to, if to one; two settings that follow each other, of the same title and different
            stages, stand in one row.
        unit: behind a number.
        scale: what is shown is the value times this (100 for percent).
        step: of an arrow key.
        choices: value and words, where the words are not the value.
        when: another setting and its values for which this one has an effect, beside its stage being trained.
        editor: where the type does not say it.
    """

    path: str
    title: str
    help: str
    group: Group
    stage: StageName | Literal[""] = ""
    unit: str = ""
    scale: float = 1.0
    step: Step = "one"
    choices: tuple[tuple[str, str], ...] = ()
    when: tuple[str, tuple[str, ...]] | None = None
    editor: EditorKind = ""


GROUPS: tuple[tuple[Group, str], ...] = (
    ("head", _N("ConfigTexts", "Head")),
    ("augmentation", _N("ConfigTexts", "Augmentation")),
    ("steps", _N("ConfigTexts", "Steps")),
    ("schedule", _N("ConfigTexts", "Learning-rate schedule")),
    ("validation", _N("ConfigTexts", "Validation and prediction")),
    ("geometry", _N("ConfigTexts", "From picture to square")),
    ("machine", _N("ConfigTexts", "Machine")),
)
"""Sections behind "More settings", in order."""

HIDDEN = ("version", "backbone")
"""Settings without a field: one is no choice, the other is chosen by cards."""


def translated(text: str) -> str:
    """Return a text of this table in the language of the program."""
    return QCoreApplication.translate(CONTEXT, text)


# fmt: off
_BASIC = (
    FieldText("stages", _N("ConfigTexts", "Stages"), _N("ConfigTexts",
        "The head is trained first, on features of the frozen backbone; then the whole network is fine-tuned. "
        "Fine-tuning is what makes a network good; the head alone takes minutes."), "basic", editor="stages"),
    FieldText("head_stage.epochs", _N("ConfigTexts", "Epochs"), _N("ConfigTexts",
        "Passes over the training images while the backbone is frozen. Early stopping may end them sooner."),
        "basic", stage="head"),
    FieldText("fine_tune_stage.epochs", _N("ConfigTexts", "Epochs"), _N("ConfigTexts",
        "Passes over the training images while the whole network learns. On a CPU each takes minutes."),
        "basic", stage="fine-tune"),
    FieldText("head_stage.batch_size", _N("ConfigTexts", "Batch size"), _N("ConfigTexts",
        "Samples that each step of the head learns from."),
        "basic", step="double", stage="head"),
    FieldText("fine_tune_stage.batch_size", _N("ConfigTexts", "Batch size"), _N("ConfigTexts",
        "Images that are computed at once. Halve it if memory runs out, and double the accumulation."),
        "basic", step="double", stage="fine-tune"),
    FieldText("head_stage.learning_rate", _N("ConfigTexts", "Learning rate"), _N("ConfigTexts",
        "Largest step size of the head. Lower it if the loss jumps."),
        "basic", step="double", stage="head"),
    FieldText("fine_tune_stage.learning_rate", _N("ConfigTexts", "Learning rate"), _N("ConfigTexts",
        "Largest step size of the whole network. It should be small, so that what the backbone knows is kept."),
        "basic", step="double", stage="fine-tune"),
    FieldText("input_size", _N("ConfigTexts", "Input size"), _N("ConfigTexts",
        "Side of the square that the network sees. Empty: the backbone's own. Twice the side is four times the work."),
        "basic", unit="px", step="ten"),
    FieldText("imbalance.method", _N("ConfigTexts", "Class imbalance"), _N("ConfigTexts",
        "How rare classes are kept from being drowned by frequent ones. Logit adjustment suits most datasets."),
        "basic", choices=(
            ("logit-adjustment", _N("ConfigTexts", "Logit adjustment")),
            ("class-weights", _N("ConfigTexts", "Class weights")),
            ("balanced-sampling", _N("ConfigTexts", "Balanced sampling")),
            ("focal", _N("ConfigTexts", "Focal loss")),
            ("none", _N("ConfigTexts", "Nothing")))),
    FieldText("imbalance.adjustment_tau", _N("ConfigTexts", "Adjustment"), _N("ConfigTexts",
        "1 is what theory says; less favours frequent classes, more favours rare ones."),
        "basic", step="tenth", when=("imbalance.method", ("logit-adjustment",))),
    FieldText("imbalance.focal_gamma", _N("ConfigTexts", "Focus"), _N("ConfigTexts",
        "How much samples that are already right are left out of account; 2 is usual."),
        "basic", step="tenth", when=("imbalance.method", ("focal",))),
    FieldText("early_stopping.metric", _N("ConfigTexts", "Best epoch by"), _N("ConfigTexts",
        "The validation figure that chooses the epoch that is kept. Balanced accuracy, the mean of the classes' recalls, "
        "counts every class the same."),
        "basic", editor="metric"),
    FieldText("early_stopping.patience", _N("ConfigTexts", "Stop early after"), _N("ConfigTexts",
        "A stage ends when that figure has not improved for so many epochs; 0 never ends it early."),
        "basic", unit=_N("ConfigTexts", "epochs")),
    FieldText("weights", _N("ConfigTexts", "First weights"), _N("ConfigTexts",
        "What the backbone starts from. ImageNet's weights have seen a million pictures; random ones need far "
        "more data than most have."), "basic", editor="weights"),
    FieldText("device", _N("ConfigTexts", "Device"), _N("ConfigTexts",
        "Automatic takes a GPU that has proven to work, and otherwise the CPU."), "basic", choices=(
            ("auto", _N("ConfigTexts", "Automatic")), ("gpu", _N("ConfigTexts", "GPU")),
            ("cpu", _N("ConfigTexts", "CPU")))),
    FieldText("seed", _N("ConfigTexts", "Seed"), _N("ConfigTexts",
        "Of everything random. Runs that differ in the seed alone show how much is chance."), "basic"),
)

_HEAD_FIELDS = (
    FieldText("head.dense", _N("ConfigTexts", "Dense layers"), _N("ConfigTexts",
        "Units of each layer between backbone and classes, for instance 256 or 512, 128. Empty: none."),
        "head", editor="sizes"),
    FieldText("head.dropout", _N("ConfigTexts", "Dropout"), _N("ConfigTexts",
        "Share of units that are left out at random while training, which keeps a network from learning by heart."),
        "head", unit="%", scale=100, step="ten"),
    FieldText("head.batch_normalization", _N("ConfigTexts", "Normalise features"), _N("ConfigTexts",
        "Bring the backbone's features to one scale before the head."), "head"),
    FieldText("head_stage.views", _N("ConfigTexts", "Augmented views"), _N("ConfigTexts",
        "Augmented copies of each image whose features are kept, beside the clean one. Each costs one pass of "
        "the backbone, once."), "head", stage="head"),
)

_AUGMENTATION = (
    FieldText("augmentation.flip_horizontal", _N("ConfigTexts", "Flip left and right"), _N("ConfigTexts",
        "Mirror every other image."), "augmentation"),
    FieldText("augmentation.flip_vertical", _N("ConfigTexts", "Flip up and down"), _N("ConfigTexts",
        "Turn every other image upside down. A lesion has no upright."), "augmentation"),
    FieldText("augmentation.rotation", _N("ConfigTexts", "Rotation"), _N("ConfigTexts",
        "Largest angle either way."), "augmentation", unit="°", editor="slider"),
    FieldText("augmentation.shift", _N("ConfigTexts", "Shift"), _N("ConfigTexts",
        "Largest shift along each side."), "augmentation", unit="%", scale=100, editor="slider"),
    FieldText("augmentation.zoom", _N("ConfigTexts", "Zoom"), _N("ConfigTexts",
        "Largest enlargement or reduction."), "augmentation", unit="%", scale=100, editor="slider"),
    FieldText("augmentation.brightness", _N("ConfigTexts", "Brightness"), _N("ConfigTexts",
        "Largest change of all pixels."), "augmentation", unit="%", scale=100, editor="slider"),
    FieldText("augmentation.contrast", _N("ConfigTexts", "Contrast"), _N("ConfigTexts",
        "Largest change of contrast."), "augmentation", unit="%", scale=100, editor="slider"),
    FieldText("augmentation.colour", _N("ConfigTexts", "Colour"), _N("ConfigTexts",
        "Largest change of saturation; hue moves by a tenth of it."), "augmentation", unit="%", scale=100,
        editor="slider"),
)

_STEPS = (
    FieldText("fine_tune_stage.from_block", _N("ConfigTexts", "Fine-tune from"), _N("ConfigTexts",
        "The first block of the backbone that learns; the ones before stay as they are. All of it is usually best."),
        "steps", editor="block", stage="fine-tune"),
    FieldText("fine_tune_stage.accumulation", _N("ConfigTexts", "Accumulation"), _N("ConfigTexts",
        "Batches whose gradients make one step together: a large batch on little memory."), "steps",
        unit=_N("ConfigTexts", "batches"), stage="fine-tune"),
    FieldText("fine_tune_stage.clip_norm", _N("ConfigTexts", "Clip gradients at"), _N("ConfigTexts",
        "Largest norm of a step's gradient, against leaps; 0 turns it off."), "steps", step="tenth",
        stage="fine-tune"),
    FieldText("fine_tune_stage.average", _N("ConfigTexts", "Average weights"), _N("ConfigTexts",
        "Decay of a moving average of the weights (EMA), which is what is validated and kept: 0.99 or more is "
        "usual, 0 turns it off."), "steps", step="hundredth", stage="fine-tune"),
    FieldText("head_stage.weight_decay", _N("ConfigTexts", "Weight decay"), _N("ConfigTexts",
        "Pulls weights towards zero at each step, against learning by heart."), "steps",
        step="double", stage="head"),
    FieldText("fine_tune_stage.weight_decay", _N("ConfigTexts", "Weight decay"), _N("ConfigTexts",
        "Pulls weights towards zero at each step, against learning by heart."), "steps",
        step="double", stage="fine-tune"),
)
# fmt: on

_SCHEDULES = (
    ("cosine", _N("ConfigTexts", "Cosine")),
    ("plateau", _N("ConfigTexts", "Plateau")),
    ("constant", _N("ConfigTexts", "Constant")),
)


def _schedule(stage: StageName) -> tuple[FieldText, ...]:
    """Return the fields of a stage's schedule; the two stages have the same."""
    path = "head_stage.schedule" if stage == "head" else "fine_tune_stage.schedule"
    kind = f"{path}.kind"
    # fmt: off
    return (
        FieldText(kind, _N("ConfigTexts", "Schedule"), _N("ConfigTexts",
            "How the learning rate moves: falling along a half cosine, reduced when nothing improves, or constant."),
            "schedule", stage, choices=_SCHEDULES),
        FieldText(f"{path}.warmup", _N("ConfigTexts", "Warm-up"), _N("ConfigTexts",
            "Share of the stage's steps in which the rate climbs from zero."), "schedule", stage, unit="%",
            scale=100),
        FieldText(f"{path}.final_share", _N("ConfigTexts", "Cosine ends at"), _N("ConfigTexts",
            "Where the cosine ends, share of the largest rate."), "schedule", stage, unit="%", scale=100,
            when=(kind, ("cosine",))),
        FieldText(f"{path}.plateau_factor", _N("ConfigTexts", "Plateau factor"), _N("ConfigTexts",
            "What the rate is multiplied by on a plateau."), "schedule", stage, step="tenth",
            when=(kind, ("plateau",))),
        FieldText(f"{path}.plateau_patience", _N("ConfigTexts", "Plateau epochs"), _N("ConfigTexts",
            "Epochs without improvement that make a plateau."), "schedule", stage, when=(kind, ("plateau",))),
    )
    # fmt: on


def _schedules() -> tuple[FieldText, ...]:
    """Return the fields of both schedules, those of one row beside each other."""
    pairs = zip(_schedule("head"), _schedule("fine-tune"), strict=True)
    return tuple(field for pair in pairs for field in pair)


# fmt: off
_REST = (
    FieldText("early_stopping.min_delta", _N("ConfigTexts", "Least gain"), _N("ConfigTexts",
        "A change of the chosen figure counts only from this on (0.01 is a percentage point)."), "validation",
        step="hundredth"),
    FieldText("calibration_share", _N("ConfigTexts", "Calibration share"), _N("ConfigTexts",
        "Share of the validation lesions that never choose the best epoch: probabilities are calibrated on them."),
        "validation", unit="%", scale=100, step="ten"),
    FieldText("test_views", _N("ConfigTexts", "Prediction views"), _N("ConfigTexts",
        "Mirrored and turned views of an image whose answers are averaged: they err less, and take longer."),
        "validation", choices=(
            ("1", _N("ConfigTexts", "1, the image")), ("2", _N("ConfigTexts", "2, with its mirror image")),
            ("4", _N("ConfigTexts", "4, all flips")), ("8", _N("ConfigTexts", "8, also turned")))),
    FieldText("geometry.shape", _N("ConfigTexts", "Shape"), _N("ConfigTexts",
        "How a rectangle becomes a square: its centre, the whole with black borders, or stretched."), "geometry",
        choices=(
            ("centre-square", _N("ConfigTexts", "Centre square")), ("pad", _N("ConfigTexts", "Black borders")),
            ("squash", _N("ConfigTexts", "Stretched")))),
    FieldText("geometry.resampling", _N("ConfigTexts", "Resampling"), _N("ConfigTexts",
        "The filter that reaches the network's size."), "geometry", choices=(
            ("bilinear", _N("ConfigTexts", "Bilinear")), ("bicubic", _N("ConfigTexts", "Bicubic")),
            ("lanczos", "Lanczos"))),
    FieldText("precision", _N("ConfigTexts", "Precision"), _N("ConfigTexts",
        "Number format while training. Automatic takes the fastest that is safe on the device; predictions are "
        "always float32."), "machine", choices=(
            ("auto", _N("ConfigTexts", "Automatic")), ("float32", "float32"), ("bfloat16", "bfloat16"),
            ("float16", "float16"))),
    FieldText("deterministic", _N("ConfigTexts", "Repeatable to the bit"), _N("ConfigTexts",
        "The same settings give exactly the same network, at some cost in speed."), "machine"),
    FieldText("checkpoint_minutes", _N("ConfigTexts", "Checkpoint every"), _N("ConfigTexts",
        "What a run that is cut off may lose at most."), "machine", unit=_N("ConfigTexts", "min")),
    FieldText("cache_mib", _N("ConfigTexts", "Memory for images"), _N("ConfigTexts",
        "Decoded images that are kept in memory, so that each is decoded once."), "machine", unit="MiB",
        step="double"),
)
# fmt: on

FIELDS: tuple[FieldText, ...] = (*_BASIC, *_HEAD_FIELDS, *_AUGMENTATION, *_STEPS, *_schedules(), *_REST)
"""Every setting but the hidden ones, in the order of the form."""

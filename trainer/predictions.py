"""A prediction: what a network says of one image. The command line, the engine, the window and the PDF share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

UNLIKE = "Unlike the images this network learned from"
"""Leads wherever an image is flagged."""

NO_CLASS_MALIGNANT = "No class of this network is marked malignant."
"""Stands where the probability of malignant classes would."""

MALIGNANT = "malignant"
"""The target of an operating point that is the sum of all malignant classes."""

Prior: TypeAlias = Literal["natural", "balanced"]
"""The class frequencies that probabilities assume: those of the training images, or all classes equally frequent."""


class AppliedPoint(msgspec.Struct, frozen=True, kw_only=True):
    """An operating point as it was applied to an image, or to images of one lesion together.

    Attributes:
        target: `MALIGNANT`, or a class.
        probability: of the target for the natural prior, 0 to 1.
        threshold: from which on it is flagged, 0 to 1.
        sensitivity: that the threshold was chosen for, 0 to 1.
    """

    target: str
    probability: float
    threshold: float
    sensitivity: float

    @property
    def above(self) -> bool:
        """Whether it is flagged."""
        return self.probability >= self.threshold


class SetBasis(msgspec.Struct, frozen=True, kw_only=True):
    """What a prediction set rests on.

    Attributes:
        coverage: share of the images of each class whose set contains that class, 0 to 1.
        always: classes with too few calibration lesions, which are in every set.
        needed: how many calibration lesions a class needs so that it can be left out.
        informative: share of the calibration lesions whose set, but for those classes, holds exactly one; `None`
            where not known.
    """

    coverage: float
    always: tuple[str, ...]
    needed: int
    informative: float | None = None


class Unusual(msgspec.Struct, frozen=True, kw_only=True):
    """How unusual an image is for a network, measured against its validation images.

    Attributes:
        score: 0 is the median of the validation images, 1 some 5 % of them exceed (see `trainer.reference.novelty`).
        threshold: scores above it are flagged; `None` where there were no images to set it.
        above: number of validation images that are less unusual.
        n: number of validation images.
    """

    score: float
    threshold: float | None
    above: int
    n: int

    @property
    def flagged(self) -> bool:
        """Whether the score is above the threshold."""
        return self.threshold is not None and self.score > self.threshold


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """A network's prediction for one image, or why there is none.

    Attributes:
        path: of the image, as given (see `trainer.files.printable`).
        probabilities: by class, for `prior`, summing to 1; empty where the image cannot be read.
        predicted: the class that the manifest's decision rule takes; empty where the image cannot be read.
        malignant_probability: sum of the malignant classes' probabilities, 0 to 1; `None` where no class is marked
            malignant.
        prior: that the probabilities assume; `natural` is the one the manifest names.
        in_distribution: whether the image is like those the network learned from; `False` where its quality is too poor
            to tell; `None` where the bundle does not know its training images.
        unusual: how unusual the image is; `None` likewise.
        above_threshold: whether the saved operating point flags it; `None` where none is saved.
        operating_point: that point, and the probability it was compared with.
        prediction_set: classes that cannot be ruled out, the most probable first; `None` where the bundle has no
            reference, and for several images together.
        set_basis: what the prediction set rests on.
        spread: lowest and highest probability of each class among the members of an ensemble, for `prior`; `None` for a
            network by itself, and for several images together.
        warnings: sentences about the image, or about the network; none names a file, as exports without names rely on.
        metadata: what the caller knows of the image, by column; `None` for nothing.
        error: why there is no prediction; empty where there is one.
    """

    path: str
    probabilities: dict[str, float] = {}
    predicted: str = ""
    malignant_probability: float | None = None
    prior: Prior = "natural"
    in_distribution: bool | None = None
    unusual: Unusual | None = None
    above_threshold: bool | None = None
    operating_point: AppliedPoint | None = None
    prediction_set: tuple[str, ...] | None = None
    set_basis: SetBasis | None = None
    spread: dict[str, tuple[float, float]] | None = None
    warnings: tuple[str, ...] = ()
    metadata: dict[str, str] | None = None
    error: str = ""


class SimilarCase(msgspec.Struct, frozen=True, kw_only=True):
    """A training image.

    Attributes:
        sample_id: in the dataset the network learned from.
        hash: SHA-256 of its file, 64 hexadecimal digits.
        class_name: its diagnosis.
        confirmed: how that was confirmed, in the dataset's words; empty where not known.
        distance: 1 less the cosine between both images' features: 0 for the same, up to 2.
    """

    sample_id: str
    hash: str
    class_name: str
    confirmed: str
    distance: float


class SimilarCases(msgspec.Struct, frozen=True, kw_only=True):
    """What a network's training images say of an image.

    Attributes:
        nearest: of different lesions, the nearest first.
        shares: of the classes among the `of` nearest lesions, 0 to 1, the largest first; classes without one are left out.
        of: how many lesions that rests on, 16 or as many as there are.
        left_out: number of training images that are left out since they are this very file, one of its name, or of its lesion.
    """

    nearest: tuple[SimilarCase, ...]
    shares: dict[str, float]
    of: int
    left_out: int = 0


_ANSWER = frozenset(
    {
        "probabilities",
        "predicted",
        "malignant_probability",
        "prior",
        "in_distribution",
        "unusual",
        "warnings",
    }
)
_WHERE_KNOWN = frozenset(
    {
        "metadata",
        "in_distribution",
        "unusual",
        "above_threshold",
        "operating_point",
        "prediction_set",
        "set_basis",
        "spread",
    }
)


def as_document(prediction: Prediction) -> dict[str, Any]:
    """Return a prediction as plain values for JSON: an image that cannot be read has a path and an error alone."""
    document: dict[str, Any] = msgspec.to_builtins(prediction)
    lacking = _ANSWER if prediction.error else {"error"}
    lacking = lacking | {name for name in _WHERE_KNOWN if document[name] is None}
    return {name: value for name, value in document.items() if name not in lacking}


def table_columns(classes: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a table of predictions, the path first.

    Args:
        classes: in the network's order.
    """
    return (
        *("path", "predicted", *classes, "malignant_probability", "prior"),
        *("in_distribution", "unusual", "above_threshold", "prediction_set", "warnings", "error"),
    )


def table_row(path: str, prediction: Prediction | None, classes: Sequence[str]) -> list[str]:
    """Return the cells of `table_columns` for an image; all but the path are empty where it was not predicted."""
    if prediction is None or prediction.error:
        error = prediction.error if prediction is not None else ""
        return [path, *[""] * (len(table_columns(classes)) - 2), error]
    malignant, unusual = prediction.malignant_probability, prediction.unusual
    return [
        path,
        prediction.predicted,
        *(f"{prediction.probabilities[name]:.6f}" for name in classes),
        "" if malignant is None else f"{malignant:.6f}",
        prediction.prior,
        yes_or_no(prediction.in_distribution),
        "" if unusual is None else f"{unusual.score:.3f}",
        yes_or_no(prediction.above_threshold),
        "; ".join(prediction.prediction_set or ()),
        " ".join(prediction.warnings),
        "",
    ]


def yes_or_no(value: bool | None) -> str:
    """Return a truth value as a table gives it; what is not known is empty."""
    return "" if value is None else str(value).lower()


class Weighed(NamedTuple):
    """A class as the decision rule sees it.

    Attributes:
        class_name: of the class.
        probability: 0 to 1.
        times: the probability divided by the class's share of the training images; infinite where it has none.
    """

    class_name: str
    probability: float
    times: float


class Choice(NamedTuple):
    """How a prediction was chosen: by the largest `times`, not by the largest probability.

    Attributes:
        predicted: the predicted class.
        most_probable: the class of the largest probability, the first of equals.
    """

    predicted: Weighed
    most_probable: Weighed

    @property
    def against_the_most_probable(self) -> bool:
        """Whether another class is more probable than the predicted one."""
        return self.most_probable.probability > self.predicted.probability


def choice_of(probabilities: Mapping[str, float], predicted: str, shares: Mapping[str, float]) -> Choice:
    """Return how a prediction was chosen.

    Args:
        probabilities: by class, for the natural prior.
        predicted: the predicted class.
        shares: of the classes among the training images (`Calibration.prior`), 0 to 1.
    """

    def weighed(name: str) -> Weighed:
        probability, share = probabilities[name], shares[name]
        return Weighed(name, probability, probability / share if share else float("inf"))

    return Choice(weighed(predicted), weighed(max(probabilities, key=probabilities.__getitem__)))

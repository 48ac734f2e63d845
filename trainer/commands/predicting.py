"""The command `predict`: predictions as JSON, a table or text."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from trainer import RESEARCH_ONLY
from trainer.events import Warned, silent
from trainer.files import printable
from trainer.images.decoding import read_image
from trainer.metrics.conformal import COVERAGE
from trainer.prediction.inference import Predictor, Wanted
from trainer.prediction.likeness import NO_REFERENCE
from trainer.predictions import NO_CLASS_MALIGNANT, as_document, choice_of, table_columns, table_row
from trainer.runs.bundle_classes import wrongly_marked_sentence
from trainer.sentences import visible
from trainer.tables import as_csv as table_text
from trainer.wording import all_but_one_of, chosen_percent, percent, percents_apart, plain, told_apart

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.commands.metadata import Known, Metadata
    from trainer.events import Listener, StopRequest
    from trainer.predictions import AppliedPoint, Prediction, Prior, SetBasis, SimilarCases
    from trainer.runs.bundle import Manifest

_BAR = 24
_BALANCED = "The probabilities assume that all classes are equally frequent."


class Answers(NamedTuple):
    """What is said of images.

    Attributes:
        predictions: in the order asked.
        similar: training images most like each image; `None` where none are asked for, or known.
        manifest: of the bundle.
    """

    predictions: list[Prediction]
    similar: list[SimilarCases | None]
    manifest: Manifest


def predict(
    bundle: Path,
    images: Sequence[Path],
    metadata: Metadata | None = None,
    *,
    prior: Prior = "natural",
    coverage: float = COVERAGE,
    neighbours: int = 0,
    listener: Listener = silent,
    stop: StopRequest | None = None,
) -> Answers:
    """Predict images with a bundle.

    Args:
        bundle: folder.
        images: files, in the order of the predictions.
        metadata: what is known of the images.
        prior: the class frequencies that the probabilities assume.
        coverage: of the prediction sets, 0 to 1.
        neighbours: number of training images wanted that are most like each image.
        listener: receives progress events.
        stop: checked between batches.
    """
    predictor = Predictor(bundle, prior=prior, coverage=coverage)
    if sentence := wrongly_marked_sentence(bundle, predictor.manifest):
        listener(Warned(message=sentence))
    if predictor.reference is None:
        listener(Warned(message=NO_REFERENCE))
    wanted = [Wanted(printable(path), functools.partial(read_image, path)) for path in images]
    predicted = predictor.predict_each(wanted, listener=listener, stop=stop)
    predictions = [shown.prediction for shown in predicted]
    if metadata is not None:
        predictions = [
            _with_facts(prediction, known)
            for prediction, known in zip(predictions, metadata.of(images), strict=True)
        ]
    similar = [
        predictor.similar(shown, path, neighbours) if neighbours else None
        for shown, path in zip(predicted, images, strict=True)
    ]
    return Answers(predictions, similar, predictor.manifest)


def _with_facts(prediction: Prediction, known: Known) -> Prediction:
    warnings = (*prediction.warnings, known.note) if known.note else prediction.warnings
    return msgspec.structs.replace(prediction, metadata=known.facts, warnings=warnings)


def as_answer(prediction: Prediction, similar: SimilarCases | None) -> dict[str, Any]:
    """Return what is said of an image as plain values for JSON."""
    document = as_document(prediction)
    return document if similar is None else {**document, "neighbours": msgspec.to_builtins(similar)}


def as_csv(predictions: Sequence[Prediction], manifest: Manifest) -> str:
    """Return predictions as a CSV table with a row an image."""
    extra = sorted({name for p in predictions for name in p.metadata or {}})
    own = table_columns(manifest.classes)
    rows = [
        [*table_row(p.path, p, manifest.classes), *((p.metadata or {}).get(name, "") for name in extra)]
        for p in predictions
    ]
    return table_text([*own, *(f"metadata_{name}" if name in own else name for name in extra)], rows)


def as_text(predictions: Sequence[Prediction], manifest: Manifest) -> str:
    """Return predictions as bars for a terminal, the most probable class first."""
    lines: list[str] = []
    for p in predictions:
        if p.error:
            continue
        share = p.malignant_probability
        malignant = "" if share is None else f", malignant {percent(share)}"
        chosen = f"{_chosen(p, manifest)}{malignant}"
        if p.in_distribution is False:
            # The sentence comes first: what follows it must not be taken for an answer.
            lines.append(f"{visible(p.path)}: not to be relied on")
            lines += [f"  {visible(warning)}" for warning in p.warnings]
            lines.append(f"  The network would say {chosen}")
        elif p.operating_point is not None:
            lines += [f"{visible(p.path)}: {headline(p.operating_point)}", f"  Predicted: {chosen}"]
        else:
            lines.append(f"{visible(p.path)}: {chosen}")
        if p.prediction_set is not None and p.in_distribution is not False:
            lines.append(f"  Prediction set: {_members(p)}")
        for name, probability in sorted(p.probabilities.items(), key=lambda pair: -pair[1]):
            mark = "malignant" if name in manifest.malignant else ""
            bar = "#" * round(probability * _BAR)
            line = f"  {name:<8}{percent(probability):>8}  {bar:<{_BAR}}  {mark}".rstrip()
            lines.append(plain(line + _among(p, name, manifest)))
        if p.in_distribution is not False:
            lines += [f"  Note: {visible(warning)}" for warning in p.warnings]
    calibration = manifest.calibration
    prior = {"natural": calibration.describe_prior(), "balanced": _BALANCED}
    lines += [
        "",
        *sorted({prior[p.prior] for p in predictions if not p.error}),
        calibration.describe_rule(),
        *sorted({_about_sets(p.set_basis, manifest) for p in predictions if p.set_basis is not None}),
        *([] if manifest.malignant else [NO_CLASS_MALIGNANT]),
        RESEARCH_ONLY,
    ]
    return "\n".join(plain(line) for line in lines)


def _members(prediction: Prediction) -> str:
    found = prediction.prediction_set or ()
    return "all classes" if len(found) == len(prediction.probabilities) else ", ".join(found) or "no class"


def _among(prediction: Prediction, name: str, manifest: Manifest) -> str:
    """Say how far apart the networks of an ensemble are for a class; nothing for a network by itself."""
    if prediction.spread is None:
        return ""
    low, high = prediction.spread[name]
    return f"  ({100.0 * low:.1f} to {percent(high)} over {len(manifest.members)} networks)"


def headline(point: AppliedPoint) -> str:
    """Say in a sentence whether an image is flagged, and why."""
    share, threshold = percents_apart(point.probability, point.threshold)
    verdict, side = ("Flagged", "above") if point.above else ("Not flagged", "below")
    return (
        f"{verdict}: {point.target} {share} is {side} this network's {threshold} for "
        f"{chosen_percent(point.sensitivity)} sensitivity."
    )


def _about_sets(basis: SetBasis, manifest: Manifest) -> str:
    """Say exactly what prediction sets promise."""
    if len(basis.always) == len(manifest.classes):
        return (
            f"Prediction sets: no class can be ruled out, because fewer than {basis.needed} lesions of each were set "
            "aside to calibrate the sets."
        )
    meaning = (
        f"Prediction sets: in {all_but_one_of(basis.coverage)} images of each class from the same source the set "
        "contains the true class; this says nothing about a single patient, and nothing where the image is unlike the "
        "training images."
    )
    always = (
        f"In every set, because fewer than {basis.needed} lesions were set aside to calibrate them: "
        f"{', '.join(basis.always)}."
    )
    beside = " beside these" if basis.always else ""
    telling = f"{percent(basis.informative)} of the sets hold exactly one class{beside}."
    return " ".join(
        [meaning, *([always] if basis.always else []), *([telling] if basis.informative is not None else [])]
    )


def _chosen(prediction: Prediction, manifest: Manifest) -> str:
    """Return the predicted class, with the figures that decided where another class is more probable."""
    choice = choice_of(prediction.probabilities, prediction.predicted, manifest.calibration.prior)
    if prediction.prior != "natural" or not choice.against_the_most_probable:
        return prediction.predicted
    chosen, other = choice
    times, other_times = told_apart(chosen.times, other.times)
    return (
        f"{chosen.class_name} ({percent(chosen.probability)}, {times} times its share of the training images; "
        f"{other.class_name} {percent(other.probability)}, {other_times} times)"
    )

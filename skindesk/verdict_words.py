"""Flagged or not, and the prediction set, in the language of the program: for the window and for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from trainer.dataset.classes.names import in_sentence
from trainer.predictions import MALIGNANT
from trainer.wording import NO_BREAK, all_but_one_of, chosen_percent, ends, percent, percents_apart

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer.predictions import AppliedPoint, Prediction, SetBasis

_MOST_SPREADS = 4
"""Classes whose spread is named: the others' probabilities are small in every network, or there are too many to read."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("verdict", text)


def headline(point: AppliedPoint) -> str:
    """Say whether an image is flagged, and why: the sentence that leads a result."""
    share, threshold = percents_apart(point.probability, point.threshold)
    sentence = (
        _tr("Flagged: {target} {share} is above this network's {threshold} for {sensitivity} sensitivity")
        if point.above
        else _tr(
            "Not flagged: {target} {share} is below this network's {threshold} for {sensitivity} sensitivity"
        )
    )
    return sentence.format(
        target=_tr("malignant") if point.target == MALIGNANT else in_sentence(point.target),
        share=share,
        threshold=threshold,
        sensitivity=chosen_percent(point.sensitivity),
    )


def members(prediction: Prediction) -> str:
    """Return the classes of an image's prediction set: "melanoma, nevus"; empty where it has none."""
    found = prediction.prediction_set
    if found is None:
        return ""
    if len(found) == len(prediction.probabilities):
        return _tr("all classes")
    return _listed(found) or _tr("no class")


def _listed(classes: Iterable[str]) -> str:
    return ", ".join(map(in_sentence, classes))


def set_statement(basis: SetBasis, classes: int) -> str:
    """Say exactly what prediction sets promise, and how often they tell something.

    Args:
        basis: of the sets.
        classes: of the network.
    """
    if len(basis.always) == classes:
        return _tr(
            "No class can be ruled out: fewer than {n} lesions of each were set aside to calibrate the sets."
        ).format(n=basis.needed)
    sentences = [
        _tr(
            "In {times} images of each class from the same source the set contains the true class; this says nothing "
            "about this patient, and nothing where the image is unlike the training images."
        ).format(times=all_but_one_of(basis.coverage))
    ]
    if basis.always:
        sentences.append(
            _tr(
                "In every set, because fewer than {n} lesions were set aside to calibrate them: {names}."
            ).format(n=basis.needed, names=_listed(basis.always))
        )
    if basis.informative is not None:
        words = (
            _tr("{share} of the sets hold exactly one class beside these.")
            if basis.always
            else _tr("{share} of the sets hold exactly one class.")
        )
        sentences.append(words.format(share=percent(basis.informative)))
    return " ".join(sentences)


def spread_line(prediction: Prediction, networks: int) -> str:
    """Say how far apart the networks of an ensemble are, for the most probable classes.

    Args:
        prediction: of the ensemble.
        networks: in it.

    Returns:
        Empty for a network by itself.
    """
    spread = prediction.spread
    if spread is None:
        return ""
    ranked = sorted(prediction.probabilities, key=lambda name: -prediction.probabilities[name])
    ranges = [f"{in_sentence(name)} {ends(*spread[name])}{NO_BREAK}%" for name in ranked[:_MOST_SPREADS]]
    return _tr("Lowest to highest of {n} networks: {ranges}").format(n=networks, ranges=", ".join(ranges))

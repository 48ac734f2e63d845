"""What is said of training images that look like an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from skindesk.reports.words import confirmation
from skindesk.widgets.theme import class_label

if TYPE_CHECKING:
    from collections.abc import Collection

    from trainer.predictions import SimilarCase, SimilarCases


def tr(text: str) -> str:
    """Translate in the context of these words."""
    return QCoreApplication.translate("similar", text)


def votes_sentence(similar: SimilarCases, malignant: Collection[str]) -> str:
    """Return how many of the nearest lesions are of each class."""
    counts = ", ".join(
        f"{round(share * similar.of)} {class_label(name, malignant)}"
        for name, share in similar.shares.items()
    )
    return tr("Of the {n} most similar lesions: {counts}").format(n=similar.of, counts=counts)


def short_label(case: SimilarCase, malignant: Collection[str]) -> str:
    """Return the class and the distance."""
    return f"{class_label(case.class_name, malignant, full=False)} {case.distance:.2f}"


def confirmed_by(case: SimilarCase) -> str:
    """Return how a diagnosis was confirmed, as a sentence."""
    if not case.confirmed:
        return tr("How the diagnosis was confirmed is not known.")
    return tr("Confirmed by {how}.").format(how=confirmation(case.confirmed))


def facts_of(case: SimilarCase) -> str:
    """Return what is known of a training image but for its class."""
    distance = tr("Distance {figure} (0: the same direction of features, 1: unrelated).").format(
        figure=f"{case.distance:.2f}"
    )
    return f"{confirmed_by(case)} {distance} {case.sample_id}"


def described(case: SimilarCase, malignant: Collection[str]) -> str:
    """Return all that is known of a training image."""
    return f"{class_label(case.class_name, malignant)}. {facts_of(case)}"

"""The figures of an evaluation: four pictures as files, or the curves as a part of a page of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.figures.calibration import plot_reliability, reliability_page
from trainer.figures.curves import Scored, plot_precision, plot_roc, precision_recall_page, roc_page
from trainer.figures.matrix import confusion_page
from trainer.figures.page import PRINT, own_style, write
from trainer.figures.printing import printed_row
from trainer.metrics.reliability import reliability

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

    from trainer.metrics.classification import Metrics


def draw_evaluation(
    folder: Path,
    truth: ArrayLike,
    probabilities: ArrayLike,
    metrics: Metrics,
    *,
    malignant: Collection[str] = (),
) -> list[Path]:
    """Draw confusion_matrix.png, roc.png, precision_recall.png and reliability.png.

    Args:
        folder: where to; made if need be.
        truth: (n,) class indices.
        probabilities: (n, c) calibrated, as given to `trainer.metrics.classification.compute_metrics`.
        metrics: what it returned.
        malignant: classes to be marked.

    Returns:
        The files written.

    Raises:
        StorageError: a file cannot be written.
    """
    scored = Scored(
        np.asarray(truth, dtype=np.int64), np.asarray(probabilities, dtype=np.float64), metrics, malignant
    )
    pictures: dict[str, Callable[[], Figure]] = {
        "confusion_matrix.png": lambda: confusion_page(metrics, malignant),
        "roc.png": lambda: roc_page(scored),
        "precision_recall.png": lambda: precision_recall_page(scored),
        "reliability.png": lambda: reliability_page(scored),
    }
    with own_style(letters="".join(metrics.classes)):
        return [write(draw(), folder / name) for name, draw in pictures.items()]


def printed_curves(scored: Scored, width: float) -> Figure:
    """Draw ROC, precision over recall, and reliability beside each other.

    Args:
        scored: the predictions.
        width: of the figure, points.
    """
    figure, (roc, precision, reliable) = printed_row(
        width,
        height=None,
        titles=("Recall (ROC)", "Precision", "Accuracy (reliability)"),
        across=("False positive rate", "Recall", "Probability"),
    )
    plot_roc(roc, scored, PRINT)
    plot_precision(precision, scored, PRINT)
    plot_reliability(reliable, reliability(scored.truth, scored.probabilities), PRINT)
    return figure

"""Results as a table of all images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.tables import as_csv as table_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skindesk.models.diagnosis.case import CaseImage
    from trainer.predictions import Prediction

_TOGETHER = "together"


def as_csv(classes: Sequence[str], images: Sequence[CaseImage], together: Prediction | None) -> str:
    """Return the predictions as a table: the columns of `python -m trainer predict --csv`, then how each was framed.

    Args:
        classes: in the network's order.
        images: a row each; those without an answer have no figures.
        together: makes a last row of that name.
    """
    framing = ["rotation", "crop_x", "crop_y", "crop_width", "crop_height"]
    own = ["path", "predicted", *classes, "malignant_probability", "prior", "warnings", "error"]
    rows: list[list[str]] = []
    for image in images:
        view = image.view()
        cut = [f"{share:.4f}" for share in view.crop] if view.crop is not None else [""] * 4
        rows.append([view.path, *_figures(image.prediction, classes), f"{view.rotation:g}", *cut])
    if together is not None:
        rows.append([_TOGETHER, *_figures(together, classes), "", "", "", "", ""])
    return table_text([*own, *framing], rows)


def _figures(prediction: Prediction | None, classes: Sequence[str]) -> list[str]:
    if prediction is None or not prediction.probabilities:
        error = prediction.error if prediction is not None else ""
        return ["", *[""] * len(classes), "", "", "", error]
    return [
        prediction.predicted,
        *(f"{prediction.probabilities[name]:.6f}" for name in classes),
        "" if prediction.malignant_probability is None else f"{prediction.malignant_probability:.6f}",
        prediction.prior,
        " ".join(prediction.warnings),
        "",
    ]

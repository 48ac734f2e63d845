"""Results as a table of all images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.predictions import table_columns, table_row
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
    rows: list[list[str]] = []
    for image in images:
        view = image.view()
        cut = [f"{share:.4f}" for share in view.crop] if view.crop is not None else [""] * 4
        rows.append([*table_row(view.path, image.prediction, classes), f"{view.rotation:g}", *cut])
    if together is not None:
        rows.append([*table_row(_TOGETHER, together, classes), "", "", "", "", ""])
    return table_text([*table_columns(classes), *framing], rows)

"""The command `predict`: predictions as JSON, a table or text."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import msgspec

from trainer import RESEARCH_ONLY
from trainer.dataset.fields import IMAGE
from trainer.dataset.reading.scanning import without_suffix
from trainer.dataset.reading.tables import read_table
from trainer.errors import DatasetError
from trainer.events import silent
from trainer.prediction.inference import Predictor
from trainer.predictions import NO_CLASS_MALIGNANT
from trainer.wording import percent, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trainer.events import Listener, StopRequest
    from trainer.predictions import Prediction
    from trainer.runs.bundle import Manifest

_BAR = 24
_ANSWER = {"probabilities", "predicted", "malignant_probability", "warnings"}


def read_metadata(file: Path) -> dict[str, dict[str, str]]:
    """Read a table with one row an image, separated by commas, semicolons or tabs.

    Returns:
        The other columns of each row, by the image's file name without its ending, in lower case.

    Raises:
        DatasetError: no such file, not a table, or no column that names the image.
    """
    table = read_table(file)
    key = table.column_of(IMAGE)
    if key is None:
        found = ", ".join(table.columns) or "none"
        raise DatasetError(f"{file} needs a column `image` with file names; its columns are: {found}.")
    return {
        _name_of(cells[key].strip()): {
            name: value.strip() for name, value in cells.items() if name != key and value.strip()
        }
        for _line, cells in table.rows
        if cells.get(key, "").strip()
    }


def _name_of(reference: str) -> str:
    return without_suffix(reference.replace("\\", "/").rpartition("/")[2]).casefold()


def predict(
    bundle: Path,
    images: Sequence[Path],
    metadata: Mapping[str, dict[str, str]] | None = None,
    listener: Listener = silent,
    stop: StopRequest | None = None,
) -> tuple[list[Prediction], Manifest]:
    """Predict images with a bundle.

    Args:
        bundle: folder.
        images: files, in the order of the predictions.
        metadata: see `read_metadata`.
        listener: hears progress.
        stop: asked between batches.
    """
    predictor = Predictor(bundle)
    predictions = predictor.predict(images, listener=listener, stop=stop)
    if metadata is not None:
        predictions = [
            msgspec.structs.replace(prediction, metadata=metadata.get(_name_of(path.name)))
            for prediction, path in zip(predictions, images, strict=True)
        ]
    return predictions, predictor.manifest


def as_document(prediction: Prediction) -> dict[str, Any]:
    """Return a prediction as plain values for JSON: an image that cannot be read has a path and an error alone."""
    document: dict[str, Any] = msgspec.to_builtins(prediction)
    lacking = _ANSWER if prediction.error else {"error"}
    if prediction.metadata is None:
        lacking = {*lacking, "metadata"}
    return {name: value for name, value in document.items() if name not in lacking}


def as_csv(predictions: Sequence[Prediction], manifest: Manifest) -> str:
    """Return predictions as a CSV table with a row an image."""
    extra = sorted({name for p in predictions for name in p.metadata or {}})
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ["path", "predicted", *manifest.classes, "malignant_probability", "warnings", "error", *extra]
    )
    for p in predictions:
        figures = [f"{p.probabilities[name]:.6f}" if p.probabilities else "" for name in manifest.classes]
        malignant = "" if p.malignant_probability is None else f"{p.malignant_probability:.6f}"
        known = [(p.metadata or {}).get(name, "") for name in extra]
        writer.writerow(
            [
                p.path,
                p.predicted,
                *figures,
                malignant,
                " ".join(p.warnings),
                p.error,
                *known,
            ]
        )
    return stream.getvalue()


def as_text(predictions: Sequence[Prediction], manifest: Manifest) -> str:
    """Return predictions as bars for a terminal, the most probable class first."""
    lines: list[str] = []
    for p in predictions:
        if p.error:
            continue
        share = p.malignant_probability
        malignant = "" if share is None else f", malignant {percent(share)}"
        lines.append(plain(f"{p.path}: {p.predicted}{malignant}"))
        for name, probability in sorted(p.probabilities.items(), key=lambda pair: -pair[1]):
            mark = "malignant" if name in manifest.malignant else ""
            bar = "#" * round(probability * _BAR)
            lines.append(plain(f"  {name:<8}{percent(probability):>8}  {bar:<{_BAR}}  {mark}".rstrip()))
        lines += [f"  Note: {warning}" for warning in p.warnings]
    calibration = manifest.calibration
    lines += ["", calibration.decision_rule]
    if not manifest.malignant:
        lines.append(NO_CLASS_MALIGNANT)
    lines.append(RESEARCH_ONLY)
    return "\n".join(lines)

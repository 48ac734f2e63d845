"""The command `predict`: predictions as JSON, a table or text."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import msgspec

from trainer import RESEARCH_ONLY
from trainer.errors import DatasetError
from trainer.events import silent
from trainer.inference import Prediction, Predictor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from trainer.bundle import Manifest
    from trainer.events import Listener, StopRequest

_KEY_COLUMNS = ("image", "image_id", "path", "file", "filename")
_BAR = 24


def read_metadata(file: Path) -> dict[str, dict[str, str]]:
    """Read a CSV with one row an image.

    Returns:
        The other columns of each row, by the image's file name with or without its ending, as in the file.

    Raises:
        DatasetError: no such file, not a table, or no column that names the image.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = list(reader.fieldnames or [])
            key = next((name for name in columns if name.lower() in _KEY_COLUMNS), None)
            if key is None:
                found = ", ".join(columns) or "none"
                raise DatasetError(
                    f"{file} needs a column `image` with file names; its columns are: {found}."
                )
            return {
                row[key].replace("\\", "/").rsplit("/", 1)[-1]: {
                    name: value for name, value in row.items() if name not in {key, None} and value
                }
                for row in reader
                if row[key]
            }
    except OSError as error:
        raise DatasetError(f"The table {file} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{file} is not a CSV table in UTF-8: {error}.") from error


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
            msgspec.structs.replace(prediction, metadata=metadata.get(path.name) or metadata.get(path.stem))
            for prediction, path in zip(predictions, images, strict=True)
        ]
    return predictions, predictor.manifest


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
                p.predicted or "",
                *figures,
                malignant,
                " ".join(p.warnings or []),
                p.error or "",
                *known,
            ]
        )
    return stream.getvalue()


def as_text(predictions: Sequence[Prediction], manifest: Manifest) -> str:
    """Return predictions as bars for a terminal, the most probable class first."""
    lines: list[str] = []
    for p in predictions:
        if p.probabilities is None:
            continue
        lines.append(f"{p.path}: {p.predicted}, malignant {100 * (p.malignant_probability or 0):.1f} %")
        for name, probability in sorted(p.probabilities.items(), key=lambda pair: -pair[1]):
            mark = "malignant" if name in manifest.malignant else ""
            bar = "#" * round(probability * _BAR)
            lines.append(f"  {name:<8}{100 * probability:6.1f} %  {bar:<{_BAR}}  {mark}".rstrip())
        lines += [f"  Note: {warning}" for warning in p.warnings or []]
    calibration = manifest.calibration
    lines += ["", calibration.decision_rule, RESEARCH_ONLY]
    return "\n".join(lines)

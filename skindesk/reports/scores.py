"""The predictions behind the metrics of a scored part."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_KEY_COLUMNS = ("sample_id", "truth", "predicted")


@dataclass(frozen=True)
class Scores:
    """What a bundle says of every image of a part.

    Attributes:
        classes: c names.
        truth: (n,) class indices.
        probabilities: (n, c), 0 to 1.
    """

    classes: tuple[str, ...]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]


def read_scores(file: Path, classes: tuple[str, ...]) -> Scores:
    """Read the predictions.csv of a report.

    Args:
        file: the table.
        classes: of the metrics beside it, in the order of the network.

    Raises:
        DatasetError: it is missing, or not such a table.
    """
    damaged = f"{file.name} is not a table of predictions; score the part again."
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            rows = csv.reader(stream)
            if tuple(next(rows)) != (*_KEY_COLUMNS, *classes):
                raise DatasetError(damaged)
            truth, probabilities = [], []
            for row in rows:
                truth.append(classes.index(row[1]))
                probabilities.append([float(figure) for figure in row[len(_KEY_COLUMNS) :]])
    except OSError as error:
        raise DatasetError(f"{file.name} cannot be read: {error.strerror}.") from error
    except (ValueError, IndexError, StopIteration, csv.Error) as error:
        raise DatasetError(damaged) from error
    table = np.array(probabilities, dtype=np.float64)
    if not truth or table.shape != (len(truth), len(classes)) or not np.isfinite(table).all():
        raise DatasetError(damaged)
    return Scores(classes, np.array(truth, dtype=np.int64), table)

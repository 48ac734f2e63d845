"""A report: what a bundle scored on a part of a dataset, as files of a folder.

```
RUN/report-PART/metrics.json       figures with intervals, and what they rest on (`ScoredMetrics`)
RUN/report-PART/predictions.csv    a row a sample: sample_id, truth, predicted, the probability of each class, and the
                                   prior that these assume (older reports lack it); text is safe for spreadsheets
                                   (see `trainer.tables`)
RUN/report-PART/*.png              pictures
```

`evaluate --report` writes the same files into a folder of any name.
"""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trainer import RESEARCH_ONLY
from trainer.errors import TrainerError
from trainer.files import explained, read_regular, write_bytes, write_text
from trainer.metrics.classification import Metrics
from trainer.metrics.conformal import SetFigures
from trainer.metrics.flags import FlagFigures
from trainer.metrics.operating import PointOutcome
from trainer.metrics.subgroups import SubgroupFigures
from trainer.runs.external import External
from trainer.stored import read_stored
from trainer.tables import as_csv, spreadsheet_plain

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.predictions import Prior

METRICS_FILE = "metrics.json"
PREDICTIONS_FILE = "predictions.csv"

_FOLDER = "report"
_PARTS = ("train", "validation", "test", "all")
_LARGEST_TABLE = 512 << 20  # bytes; a million images with seven classes take 80 MiB
_KEY_COLUMNS = ("sample_id", "truth", "predicted")
_PRIOR_COLUMN = "prior"
_PRIOR: Prior = "natural"
"""That of the bundle's calibration, which metrics.json gives by class."""


class ScoredMetrics(Metrics, frozen=True, kw_only=True):
    """What a bundle scored: the document of `evaluate --json` and of a report's metrics.json.

    Attributes:
        split: the part that was scored: `train`, `validation`, `test` or `all`.
        bundle: twelve digits of the bundle's hash.
        dataset_fingerprint: of the dataset it was scored on.
        prior: probability by class that the predictions are calibrated to.
        decision_rule: how probabilities became predicted classes.
        test_scorings: how often the bundle had been scored on the dataset's test part by then; `None` where
            the test part was not looked at.
        operating_point: the point that was saved for the bundle, and what it led to; `None` where there was none.
        prediction_sets: how the bundle's prediction sets do on these images; `None` for a bundle without a reference.
        subgroups: figures by age group, sex and site, where the dataset knows them; empty in older reports.
        flags: the images that the bundle flags; `None` where it does not know its training images, and in older
            reports.
        external: what was left out; `None` for the network's own dataset and split, and in older reports.
        research_only: the statement that goes with every result.
    """

    split: str
    bundle: str
    dataset_fingerprint: str
    prior: dict[str, float]
    decision_rule: str
    test_scorings: int | None
    operating_point: PointOutcome | None = None
    prediction_sets: SetFigures | None = None
    subgroups: tuple[SubgroupFigures, ...] = ()
    flags: FlagFigures | None = None
    external: External | None = None
    research_only: str = RESEARCH_ONLY


_SCORED = msgspec.json.Decoder(ScoredMetrics)


@dataclass(frozen=True, eq=False)
class PredictionTable:
    """What a bundle predicted for the samples of a part.

    Attributes:
        classes: c names.
        sample_ids: n ids.
        truth, predicted: (n,) indices of classes.
        probabilities: (n, c), 0 to 1.
    """

    classes: tuple[str, ...]
    sample_ids: tuple[str, ...]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    def behind(self, truth: int, predicted: int) -> NDArray[np.int64]:
        """Return the rows of a class that were predicted as another (or the same), the surest first."""
        rows = np.flatnonzero((self.truth == truth) & (self.predicted == predicted))
        return rows[np.argsort(-self.probabilities[rows, predicted], kind="stable")]


def report_folder(run: Path, part: str) -> Path:
    """Return where a run keeps the report on a part of its dataset."""
    return run / f"{_FOLDER}-{part}"


def is_report_name(name: str) -> bool:
    """Whether a folder is named as reports are."""
    return name == _FOLDER or name in {f"{_FOLDER}-{part}" for part in _PARTS}


def report_folders(run: Path) -> list[Path]:
    """Return the folders of a run that may hold reports, by name; any that begins so, as a user may add to it."""
    try:
        return sorted(
            run / entry.name for entry in os.scandir(run) if entry.name.startswith(_FOLDER) and entry.is_dir()
        )
    except OSError:
        return []


def begin_report(folder: Path) -> None:
    """Make a folder for a report; an earlier report in it becomes invalid, since its files are about to change.

    Raises:
        StorageError: it cannot be written.
    """
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / METRICS_FILE).unlink(missing_ok=True)


def write_report(folder: Path, scored: ScoredMetrics, table: PredictionTable) -> None:
    """Write the predictions of a report, and last its figures: without these a folder is no report.

    Raises:
        StorageError: they cannot be written.
    """
    rows: list[list[str]] = []
    for sample_id, truth, predicted, probabilities in zip(
        table.sample_ids, table.truth, table.predicted, table.probabilities, strict=True
    ):
        figures = [f"{p:.6f}" for p in probabilities]
        rows.append([sample_id, table.classes[truth], table.classes[predicted], *figures, _PRIOR])
    write_text(folder / PREDICTIONS_FILE, as_csv([*_KEY_COLUMNS, *table.classes, _PRIOR_COLUMN], rows))
    write_scored(folder, scored)


def write_scored(folder: Path, scored: ScoredMetrics) -> None:
    """Write the figures of a report.

    Raises:
        StorageError: they cannot be written.
    """
    write_bytes(folder / METRICS_FILE, msgspec.json.format(msgspec.json.encode(scored), indent=2))


def read_scored(folder: Path) -> ScoredMetrics:
    """Read the figures of a report.

    Raises:
        FileNotFoundError: there are none.
        TrainerError: they cannot be read.
    """
    return read_stored(folder / METRICS_FILE, _SCORED.decode, "score the part again")


def read_predictions(folder: Path) -> PredictionTable:
    """Read the predictions of a report.

    Raises:
        TrainerError: they are missing or damaged.
    """
    file = folder / PREDICTIONS_FILE
    try:
        with io.StringIO(read_regular(file, _LARGEST_TABLE).decode(), newline="") as stream:
            header, *rows = [[spreadsheet_plain(cell) for cell in row] for row in csv.reader(stream)]
        if header[-1:] == [_PRIOR_COLUMN] and all(row[-1:] == [_PRIOR] for row in rows):
            # Otherwise it is a class of that name in a report that lacks the column.
            header, rows = header[:-1], [row[:-1] for row in rows]
        classes = tuple(header[len(_KEY_COLUMNS) :])
        table = PredictionTable(
            classes,
            tuple(row[0] for row in rows),
            np.array([classes.index(row[1]) for row in rows], dtype=np.int64),
            np.array([classes.index(row[2]) for row in rows], dtype=np.int64),
            np.array([row[len(_KEY_COLUMNS) :] for row in rows], dtype=np.float64),
        )
    except FileNotFoundError as error:
        raise TrainerError(f"{folder.name} holds no {PREDICTIONS_FILE}; score the part again.") from error
    except OSError as error:
        raise TrainerError(f"{folder.name}/{file.name} cannot be read: {error.strerror or error}.") from error
    except (ValueError, IndexError, csv.Error) as error:
        raise _no_table(file) from error
    if table.probabilities.shape != (len(rows), len(classes)) or not np.isfinite(table.probabilities).all():
        raise _no_table(file)
    return table


def _no_table(file: Path) -> TrainerError:
    return TrainerError(
        f"{file.parent.name}/{file.name} is not a table of predictions; score the part again."
    )

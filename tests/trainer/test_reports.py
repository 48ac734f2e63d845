"""Reports as files: what a scoring wrote is read again, and what is damaged is said."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import numpy as np
import pytest

from trainer.dataset.store import DatasetStore
from trainer.errors import StorageError, TrainerError
from trainer.metrics.classification import compute_metrics
from trainer.runs.reports import (
    PredictionTable,
    ScoredMetrics,
    begin_report,
    is_report_name,
    read_predictions,
    read_scored,
    report_folder,
    report_folders,
    write_report,
)
from trainer.runs.scorings import count_scoring, scorings_of

TABLE = PredictionTable(
    classes=("mel", "=nv, common"),
    sample_ids=("-a", "b, flipped", "'@größer"),
    truth=np.array([0, 1, 1]),
    predicted=np.array([0, 0, 1]),
    probabilities=np.array([[0.9, 0.1], [0.625, 0.375], [0.25, 0.75]]),
)


@pytest.fixture
def scored() -> ScoredMetrics:
    metrics = compute_metrics(
        TABLE.truth, TABLE.probabilities, TABLE.predicted, TABLE.classes, TABLE.sample_ids, bootstrap=20
    )
    return ScoredMetrics(
        **msgspec.structs.asdict(metrics),
        split="validation",
        bundle="0123456789ab",
        dataset_fingerprint="ab" * 32,
        prior={"mel": 0.25, "=nv, common": 0.75},
        decision_rule="argmax",
        test_scorings=None,
    )


def test_a_report_that_is_half_written_is_no_scoring(tmp_path: Path, scored: ScoredMetrics) -> None:
    folder = report_folder(tmp_path, "validation")
    begin_report(folder)
    write_report(folder, scored, TABLE)
    begin_report(folder)
    with pytest.raises(FileNotFoundError):
        read_scored(folder)
    (folder / "predictions.csv").unlink()
    (folder / "predictions.csv").mkdir()
    with pytest.raises(StorageError):
        write_report(folder, scored, TABLE)
    with pytest.raises(FileNotFoundError):
        read_scored(folder)


def test_a_report_comes_back_as_it_was_written(tmp_path: Path, scored: ScoredMetrics) -> None:
    folder = report_folder(tmp_path, "validation")
    folder.mkdir()
    write_report(folder, scored, TABLE)
    table = read_predictions(folder)
    assert read_scored(folder) == scored
    assert (table.classes, table.sample_ids) == (TABLE.classes, TABLE.sample_ids)
    for name in ("truth", "predicted", "probabilities"):
        np.testing.assert_array_equal(getattr(table, name), getattr(TABLE, name))
    assert table.behind(1, 0).tolist() == [1]


def test_the_table_names_the_prior_and_older_ones_that_lack_it_are_read(
    tmp_path: Path, scored: ScoredMetrics
) -> None:
    write_report(tmp_path, scored, TABLE)
    file = tmp_path / "predictions.csv"
    with file.open(encoding="utf-8", newline="") as stream:
        assert [row["prior"] for row in csv.DictReader(stream)] == ["natural"] * 3
    older = "sample_id,truth,predicted,mel,prior\nx,mel,prior,0.25,0.75\n"  # the second class has this name
    file.write_text(older, encoding="utf-8")
    table = read_predictions(tmp_path)
    assert table.classes == ("mel", "prior")
    assert table.probabilities.tolist() == [[0.25, 0.75]]


def test_folders_of_reports_are_told_by_their_names(tmp_path: Path) -> None:
    for name in ("report-test", "report", "report of mine", "reports.txt", "bundle"):
        (tmp_path / name).mkdir() if "." not in name else (tmp_path / name).touch()
    assert [folder.name for folder in report_folders(tmp_path)] == ["report", "report of mine", "report-test"]
    assert report_folders(tmp_path / "none") == []
    assert is_report_name(report_folder(tmp_path, "all").name)
    assert not is_report_name("report of mine")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\xff\xfe",
        b"sample_id,truth,predicted,a,b\n",
        b"sample_id,truth,predicted,a,b\nx,c,a,1,0\n",
        b"sample_id,truth,predicted,a,b\nx,a,c,1,0\n",
        b"sample_id,truth,predicted,a,b\nx,a,a,1\n",
        b"sample_id,truth,predicted,a,b\nx,a,a,1,0\ny,a,a,1\n",
        b"sample_id,truth,predicted,a,b\nx,a,a,nan,0\n",
    ],
)
def test_what_is_no_table_of_predictions_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "predictions.csv").write_bytes(content)
    with pytest.raises(TrainerError, match=r"predictions\.csv is not a table of predictions"):
        read_predictions(tmp_path)


def test_a_missing_table_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"holds no predictions\.csv; score the part again"):
        read_predictions(tmp_path)


def test_scorings_are_counted_by_bundle(dataset_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.db"
    file.write_bytes(dataset_file.read_bytes())
    with DatasetStore.open(file) as store:
        assert [count_scoring(store, "aa"), count_scoring(store, "aa"), count_scoring(store, "bb")] == [
            1,
            2,
            1,
        ]
        store.database.set_fact("test_scorings", "{")
        assert scorings_of(store, "aa") == 0
        assert count_scoring(store, "aa") == 1

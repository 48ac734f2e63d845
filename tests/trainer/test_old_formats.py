"""What an earlier version wrote is still read, and worked on."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.trainer.shell import Shell
from trainer.config import config_to_toml
from trainer.dataset.drawn import SPLIT_NOTE
from trainer.dataset.importing import import_dataset
from trainer.dataset.store import DatasetStore
from trainer.events import Finished, Stopped
from trainer.runs.archive import import_archive
from trainer.runs.bundle import bundle_hash, read_bundle
from trainer.runs.folder import RunFolder
from trainer.runs.reading import read_history, read_run
from trainer.runs.summary import RunStatus

SAME = 1e-5
"""Processors add in different orders; a probability may differ by that much."""


def version_of(dataset: Path) -> int:
    with closing(sqlite3.connect(dataset)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_dataset_opens_with_its_split_problems_and_edits(old_formats: Path) -> None:
    with DatasetStore.open(old_formats / "lesions.db") as store:
        frame = store.frame()
        assert len(frame) == 39
        assert store.passed_over == {}, "was not stored then"
        assert store.classes == ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
        assert store.malignant == ("akiec", "bcc", "mel")
        store.check_files(frame)
        certificate = store.certificate()
        assert certificate is not None
        assert certificate.notes[-1] == SPLIT_NOTE
        as_then = msgspec.structs.replace(certificate, notes=certificate.notes[:-1])
        assert as_then == read_bundle(old_formats / "runs" / "finished" / "bundle")[0].split
        assert len(store.problems()) == 5
        edited = frame.set_index("sample_id").loc["DRAWN_0000005"]
        assert (edited["site"], edited["age"]) == ("chest", 51.0)
        assert store.undo() is not None
        assert store.frame().set_index("sample_id").loc["DRAWN_0000005"]["site"] != "chest"
        assert store.undo() is None
        assert store.check_integrity() == []


def test_a_dataset_of_version_1_opens_and_goes_on_from_its_new_place(old_formats: Path) -> None:
    file = old_formats / "lesions-version-1.db"
    with DatasetStore.open(file, read_only=True) as store:
        before = store.frame()
        certificate = store.certificate()
        assert certificate is not None
        assert certificate.images == {"train": 25, "validation": 7, "test": 7}
    assert version_of(file) == 1
    import_dataset(old_formats / "images", file)
    with DatasetStore.open(file) as store:
        after = store.frame()
        assert store.root == old_formats / "images"
        assert store.check_integrity() == []
        store.check_files(after)
    assert version_of(file) > 1
    facts = ["sample_id", "class_name", "lesion_id", "split", "age", "sex", "site", "sha256"]
    assert after[facts].equals(before[facts])


def test_a_stopped_run_goes_on_to_its_end(shell: Shell, old_formats: Path, tmp_path: Path) -> None:
    run = RunFolder(old_formats / "runs" / "stopped")
    before = read_history(run.path)
    kept = [event for _, event in run.kept_events()]
    assert len(before) == 5
    assert isinstance(kept[-1], Stopped)
    assert read_run(run.path).state is RunStatus.STOPPED
    # Settings that have no effect on the result may be others now.
    settings = tmp_path / "settings.toml"
    settings.write_text(
        config_to_toml(msgspec.structs.replace(run.config(), keep_checkpoints=True, cache_mib=1))
    )
    words = ["train", old_formats / "lesions.db", "--out", run.path, "--resume", "--config", settings]
    assert "other settings (seed)" in shell.refused(*words, "--seed", "7")
    assert shell(*words).status == 0
    assert run.checkpoints_folder.exists(), "they are kept now"
    events = [event for _, event in run.kept_events()]
    history = read_history(run.path)
    assert events[: len(kept)] == kept
    assert isinstance(events[-1], Finished)
    assert history[: len(before)] == before
    assert [(epoch.stage, epoch.epoch) for epoch in history[len(before) :]] == [("fine-tune", 2)]
    ended = read_run(run.path)
    assert (ended.state, ended.problem, ended.has_bundle) == (RunStatus.DONE, "", True)


def test_a_bundle_predicts_the_same(shell: Shell, old_formats: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(old_formats)
    expected: list[dict[str, Any]] = json.loads(Path("predictions.json").read_text(encoding="utf-8"))
    images = [prediction["path"] for prediction in expected]
    found = json.loads(shell("predict", "runs/finished/bundle", *images, "--json").out)
    assert len(found) == len(expected) == 4
    for one, other in zip(found, expected, strict=True):
        assert one.pop("probabilities") == pytest.approx(other.pop("probabilities"), abs=SAME)
        assert one.pop("malignant_probability") == pytest.approx(other.pop("malignant_probability"), abs=SAME)
        assert one.pop("prior", "natural") == "natural"  # not said by that version
        assert one == other


def test_a_bundle_scores_the_same_and_its_scorings_are_counted_on(shell: Shell, old_formats: Path) -> None:
    run = old_formats / "runs" / "finished"
    expected = json.loads((run / "report-test" / "metrics.json").read_text(encoding="utf-8"))
    found = json.loads(shell("evaluate", run / "bundle", old_formats / "lesions.db", "--json").out)
    for name in (
        "operating_point",
        "prediction_sets",
        "flags",
        "external",
    ):  # which that version did not know
        assert found.pop(name) is None
    found.pop("subgroups")  # nor this
    assert list(found) == list(expected)
    assert (expected.pop("test_scorings"), found.pop("test_scorings")) == (1, 2)
    # Intervals are those of today, and so are the words; what they stand beside is what it was.
    for document in (expected, found):
        for name in ("intervals", "notes", "decision_rule", "bootstrap", "seed"):
            document.pop(name)
        for row in document["per_class"].values():
            for name in [name for name in row if name.endswith("_interval")]:
                row.pop(name)
    assert _numbers(found) == pytest.approx(_numbers(expected), abs=SAME)


def _numbers(document: Any, name: str = "") -> dict[str, Any]:
    """Return every value of a JSON document by its path."""
    if isinstance(document, dict):
        parts = [_numbers(value, f"{name}/{key}") for key, value in document.items()]
    elif isinstance(document, list):
        parts = [_numbers(value, f"{name}/{place}") for place, value in enumerate(document)]
    else:
        return {name: document}
    return {key: value for part in parts for key, value in part.items()}


def test_a_finished_run_is_read_with_its_name_and_report(old_formats: Path) -> None:
    run = read_run(old_formats / "runs" / "finished")
    assert (run.name, run.state, run.problem) == ("First try – größer", RunStatus.DONE, "")
    assert (run.backbone, run.stages, run.epochs) == ("tiny", ("head", "fine-tune"), 6)
    assert run.test is not None
    assert run.test.n == 8
    assert [(report.part, report.test_scorings) for report in run.reports] == [("test", 1)]


def test_an_archive_is_taken_in(old_formats: Path, tmp_path: Path) -> None:
    contents = import_archive(old_formats / "finished.skindesk", tmp_path / "imported")
    run = read_run(tmp_path / "imported", imported=True)
    assert contents.name == "First try – größer"
    assert run.bundle_hash == bundle_hash(old_formats / "runs" / "finished" / "bundle")
    assert run.problem == ""
    assert run.test is not None
    assert run.epochs == 6

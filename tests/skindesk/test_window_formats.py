"""What an earlier version wrote for the window is still read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from skindesk.models.diagnosis.framing import Box, Framing
from skindesk.models.diagnosis.kept_case import claim_place
from skindesk.models.diagnosis.patient import PatientFields
from skindesk.models.runs.changes import import_bundle
from skindesk.models.runs.listing import RunsModel
from skindesk.models.runs.record import read_record
from skindesk.models.runs.unfinished import find_unfinished
from skindesk.models.workspace import Workspace
from skindesk.paths import Paths
from skindesk.settings import Settings
from trainer.runs.reports import read_predictions


@pytest.mark.usefixtures("qapp")
def test_settings_are_taken_over(old_formats: Path, paths: Paths) -> None:
    shutil.copyfile(old_formats / "settings.json", paths.settings_file)
    settings = Settings(paths.settings_file)
    assert (settings.text("appearance"), settings.text("paper")) == ("dark", "Letter")
    assert settings.number("stop_grace_seconds") == 90
    assert settings.texts("recent_datasets") == ["/tmp/skindesk-0.1/lesions.db"]
    assert settings.sizes("dataset_columns") == [640, 320]


def test_an_unfinished_diagnosis_comes_back(old_formats: Path) -> None:
    place = claim_place(old_formats / "unfinished", "latest")
    assert place is not None
    place.release()
    case = place.case
    assert case is not None
    assert [image.path.name for image in case.images] == ["DRAWN_0000001.jpg", "DRAWN_0000002.jpg"]
    assert [image.framing for image in case.images] == [Framing(), Framing(90.0, Box(0.0, 0.0, 0.5, 1.0))]
    assert case.selected == case.images[1].number
    assert case.together
    assert case.patient == PatientFields(name="Ada Björk", age="51", site="back", notes="Seen twice.\nGrows.")


def test_runs_and_an_archive_are_listed_with_names_and_reports(
    qtbot: QtBot, old_formats: Path, paths: Paths, settings: Settings, workspace: Workspace
) -> None:
    for run in (old_formats / "runs").iterdir():
        shutil.copytree(run, paths.runs / run.name)
    import_bundle(old_formats / "finished.skindesk", paths.bundles)
    model = RunsModel(paths, settings, workspace)
    with qtbot.waitSignal(model.refreshed, timeout=20_000):
        model.refresh()
    listed = [(run.name, run.state.value, run.imported, run.problem) for run in model.runs]
    assert sorted(listed) == [
        ("First try – größer", "done", False, ""),
        ("First try – größer (2)", "done", True, ""),
        ("stopped", "stopped", False, ""),
    ]
    scored = [run for run in model.runs if run.test is not None]
    assert len(scored) == 2
    for run in scored:
        record, predicted = read_record(run), read_predictions(run.reports[0].folder)
        assert (len(record.history), record.malignant) == (6, ("akiec", "bcc", "mel"))
        assert len(predicted.sample_ids) == run.test.n == 8
        assert predicted.classes == record.classes


def test_a_stopped_run_is_offered_to_go_on(old_formats: Path) -> None:
    (run,) = find_unfinished([old_formats / "runs"])
    assert run.name == "stopped"
    assert run.dataset == old_formats / "lesions.db"
    assert (len(run.history), run.planned_epochs) == (5, 6)

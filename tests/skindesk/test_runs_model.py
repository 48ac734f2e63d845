"""The list of runs: what it says of sound ones, of damaged ones, and how it follows what happens on the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QSortFilterProxyModel, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from skindesk.models.runs.changes import import_bundle
from skindesk.models.runs.listing import COLUMNS, SORT_ROLE, RunsModel, RunStatus, RunSummary
from skindesk.models.workspace import Workspace
from skindesk.paths import Paths
from skindesk.settings import Settings
from tests.skindesk.made_runs import make_report, make_run
from trainer.events import Failed, Stopped
from trainer.runs.archive import export_archive, import_archive
from trainer.runs.bundle import bundle_hash
from trainer.runs.folder import RunFolder
from trainer.runs.naming import LONGEST_NAME, distinct_names, free_name, read_name, write_name


@pytest.fixture
def model(paths: Paths, settings: Settings, workspace: Workspace) -> RunsModel:
    return RunsModel(paths, settings, workspace)


def looked(qtbot: QtBot, model: RunsModel) -> tuple[RunSummary, ...]:
    with qtbot.waitSignal(model.refreshed, timeout=20_000):
        model.refresh()
    return model.runs


def cells(model: RunsModel, row: int = 0) -> dict[str, str]:
    return {name: str(model.data(model.index(row, column))) for column, name in enumerate(COLUMNS)}


def test_it_looks_by_itself(qtbot: QtBot, paths: Paths, model: RunsModel) -> None:
    make_run(paths.runs / "first")
    with qtbot.waitSignal(model.refreshed, timeout=20_000):
        pass
    assert [run.name for run in model.runs] == ["first"]


def test_a_trained_run_is_described(qtbot: QtBot, tiny_run: Path, model: RunsModel) -> None:
    (run,) = looked(qtbot, model)
    assert run.name == "tiny run"
    assert run.folder == tiny_run
    assert run.bundle == tiny_run / "bundle"
    assert run.bundle_hash == bundle_hash(tiny_run / "bundle")
    assert (run.backbone, run.input_size, run.stages) == ("tiny", 32, ("head", "fine-tune"))
    assert run.state is RunStatus.DONE
    assert run.problem == ""
    assert (run.epochs, run.planned_epochs) == (6, 6)
    assert 1 <= run.best_epoch <= 6
    assert 0 < run.best_macro_recall <= 1  # type: ignore[operator]
    assert run.classes == ("bkl", "mel", "nv")
    assert run.dataset_path is not None
    assert run.dataset_path.name == "small.db"
    assert run.dataset_name == "small"
    assert len(run.dataset_fingerprint) == 64
    assert run.test is None
    assert model.bundles == (run,)
    assert model.summary_of(tiny_run) == model.summary_of(tiny_run / "bundle") == run
    assert model.summary_of(tiny_run.parent) is None


def test_the_table_says_it_in_words(qtbot: QtBot, paths: Paths, model: RunsModel) -> None:
    folder = make_run(paths.runs / "first")
    make_report(folder, "test", [(f"s{n}", "nv", "nv" if n % 2 else "mel") for n in range(12)])
    looked(qtbot, model)
    texts = cells(model)
    assert texts["name"] == "first"
    assert texts["stages"] == "Head"
    assert texts["epochs"] == "3"
    assert (texts["macro_recall"], texts["accuracy"]) == ("60.0\u00a0%", "60.0\u00a0%")
    assert texts["test"].startswith("50.0\u00a0% (")
    assert texts["test"].endswith(", n\u00a0=\u00a012")
    assert texts["state"] == "Finished"
    assert model.runs[0].best_epoch == 2
    assert model.runs[0].test is not None
    assert model.runs[0].test.n == 12


@pytest.mark.parametrize(
    ("last", "bundle", "state", "words", "problem"),
    [
        (Stopped(message="Stopped."), False, RunStatus.STOPPED, "Stopped", ""),
        (
            Failed(message="The loss is no number."),
            False,
            RunStatus.FAILED,
            "Failed",
            "The loss is no number.",
        ),
        (None, False, RunStatus.INTERRUPTED, "Interrupted", ""),
    ],
)
def test_a_run_that_did_not_end_well(
    qtbot: QtBot,
    paths: Paths,
    model: RunsModel,
    last: Stopped | Failed | None,
    bundle: bool,
    state: RunStatus,
    words: str,
    problem: str,
) -> None:
    make_run(paths.runs / "first", last=last, bundle=bundle)
    (run,) = looked(qtbot, model)
    assert (run.state, run.problem, run.has_bundle) == (state, problem, False)
    assert run.state.resumable
    assert cells(model)["state"] == words
    assert cells(model)["epochs"] == "3 of 30"
    assert cells(model)["test"] == "–"
    assert model.bundles == ()


def test_a_run_is_training_while_a_process_holds_it(qtbot: QtBot, paths: Paths, model: RunsModel) -> None:
    folder = make_run(paths.runs / "first", last=Stopped(message="Stopped."), bundle=False)
    code = (
        "import sys\nfrom pathlib import Path\nfrom trainer.runs.folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).locked():\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert looked(qtbot, model)[0].state is RunStatus.RUNNING
        child.kill()
    assert looked(qtbot, model)[0].state is RunStatus.STOPPED


def test_runs_are_sorted_by_value_not_by_letter(qtbot: QtBot, paths: Paths, model: RunsModel) -> None:
    make_run(paths.runs / "nine", recalls=[0.09] * 9)
    make_run(paths.runs / "ten", recalls=[0.5] * 10)
    make_run(paths.runs / "none", recalls=[], last=None, bundle=False)
    looked(qtbot, model)
    proxy = QSortFilterProxyModel()
    proxy.setSourceModel(model)
    proxy.setSortRole(SORT_ROLE)
    names = {}
    for column in ("epochs", "macro_recall"):
        proxy.sort(COLUMNS.index(column), Qt.SortOrder.DescendingOrder)
        names[column] = [proxy.index(row, 0).data() for row in range(3)]
    assert names == {"epochs": ["ten", "nine", "none"], "macro_recall": ["ten", "nine", "none"]}


def test_the_latest_comes_first(qtbot: QtBot, paths: Paths, model: RunsModel) -> None:
    for days, name in ((1, "b"), (3, "a"), (2, "c")):
        folder = make_run(paths.runs / name)
        stamp = (datetime.now(UTC) - timedelta(days=days)).timestamp()
        os.utime(folder / "config.toml", (stamp, stamp))
    assert [run.name for run in looked(qtbot, model)] == ["b", "c", "a"]


def _write(name: str, content: bytes) -> object:
    return lambda folder: (folder / name).write_bytes(content)


DAMAGE = {
    "config is half": (_write("config.toml", b"version = 1\nbackb"), "config.toml is not TOML"),
    "config is newer": (_write("config.toml", b"version = 99"), "newer SkinDesk"),
    "config has unknown names": (_write("config.toml", b"surprise = 1"), "surprise"),
    "config is gone": (lambda folder: (folder / "config.toml").unlink(), ""),
    "config is a folder": (
        lambda folder: ((folder / "config.toml").unlink(), (folder / "config.toml").mkdir()),
        "config.toml cannot be read",
    ),
    "history is half": (_write("history.json", b'[{"event": "EpochEn'), "history.json cannot be read"),
    "history is of another kind": (_write("history.json", b'{"a": 1}'), "history.json cannot be read"),
    "history is gone": (lambda folder: (folder / "history.json").unlink(), ""),
    "events are torn": (_write("events.jsonl", b'{"event": "Finis'), ""),
    "events are no text": (_write("events.jsonl", b"\xff\xfe\x00"), ""),
    "events are gone": (lambda folder: (folder / "events.jsonl").unlink(), ""),
    "manifest is half": (_write("bundle/manifest.json", b'{"format_version": 1'), "not the manifest"),
    "manifest is newer": (_write("bundle/manifest.json", b'{"format_version": 99}'), "newer SkinDesk"),
    "bundle is empty": (
        lambda folder: [file.unlink() for file in (folder / "bundle").iterdir()],
        "no manifest",
    ),
    "bundle is gone": (lambda folder: shutil.rmtree(folder / "bundle"), "its bundle is missing"),
    "dataset is no note": (_write("dataset.json", b"{"), "the run's dataset is not known"),
    "name is no text": (_write("name.txt", b"\xff\xfe\xff"), ""),
    "report is half": (_write("report-test/metrics.json", b'{"n": 3'), "score the part again"),
    "report lacks what it needs": (_write("report-test/metrics.json", b"{}"), "score the part again"),
    "report is a folder": (
        lambda folder: (
            (folder / "report-test/metrics.json").unlink(),
            (folder / "report-test/metrics.json").mkdir(),
        ),
        "score the part again",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_run_is_listed_beside_the_others(
    qtbot: QtBot, paths: Paths, model: RunsModel, damage: str
) -> None:
    make_run(paths.runs / "sound")
    folder = make_run(paths.runs / "damaged")
    make_report(folder, "test", [("a", "mel", "mel"), ("b", "nv", "bkl")])
    break_it, sentence = DAMAGE[damage]
    break_it(folder)  # type: ignore[operator]
    runs = {run.name: run for run in looked(qtbot, model)}
    assert set(runs) == {"sound", "damaged"}
    assert runs["sound"].problem == ""
    assert sentence in runs["damaged"].problem
    assert bool(sentence) == bool(runs["damaged"].problem)
    for row in range(2):
        for column in range(len(COLUMNS)):
            for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, SORT_ROLE):
                model.data(model.index(row, column), role)


def test_a_folder_of_which_nothing_can_be_read_says_so(qtbot: QtBot, paths: Paths, model: RunsModel) -> None:
    folder = make_run(paths.runs / "lost", bundle=False, last=None)
    (folder / "config.toml").write_bytes(b"\x00\x01")
    (run,) = looked(qtbot, model)
    assert run.state is RunStatus.UNREADABLE
    assert cells(model)["state"] == "Cannot be read"
    assert "is not TOML" in run.problem


def test_other_folders_are_not_runs(qtbot: QtBot, paths: Paths, model: RunsModel) -> None:
    make_run(paths.runs / "run")
    (paths.runs / "notes").mkdir()
    (paths.runs / "file.txt").write_text("")
    make_run(paths.runs / ".run.abc.tmp")
    assert [run.name for run in looked(qtbot, model)] == ["run"]


def test_imported_bundles_are_listed_too(
    qtbot: QtBot, paths: Paths, model: RunsModel, tmp_path: Path
) -> None:
    made = datetime(2026, 2, 3, tzinfo=UTC)
    source = make_run(tmp_path / "elsewhere", created=made)
    export_archive(source, tmp_path / "a.skindesk", name="Given")
    import_archive(tmp_path / "a.skindesk", paths.bundles / "given")
    shutil.copytree(source / "bundle", paths.bundles / "bare")
    runs = {run.name: run for run in looked(qtbot, model)}
    assert set(runs) == {"given", "bare"}
    assert all(run.imported and run.created == made and run.state is RunStatus.DONE for run in runs.values())
    assert runs["bare"].bundle == paths.bundles / "bare"
    assert runs["given"].epochs == 3
    assert {run.name for run in model.bundles} == {"given", "bare"}
    assert cells(model)["state"] == "Imported"


def test_a_report_of_an_earlier_bundle_does_not_count(qtbot: QtBot, paths: Paths, model: RunsModel) -> None:
    folder = make_run(paths.runs / "run")
    make_report(folder, "test", [("a", "mel", "mel"), ("b", "nv", "bkl")], bundle="0" * 12)
    (run,) = looked(qtbot, model)
    assert run.test is None
    assert len(run.reports) == 1
    assert cells(model)["test"] == "Not scored"


def test_the_settings_folder_counts_and_may_be_away(
    qtbot: QtBot, paths: Paths, settings: Settings, model: RunsModel, tmp_path: Path
) -> None:
    make_run(paths.runs / "old")
    make_run(tmp_path / "disk" / "new")
    with qtbot.waitSignal(model.refreshed, timeout=20_000):
        settings.set_value("runs_folder", str(tmp_path / "disk"))
    assert {run.name for run in model.runs} == {"old", "new"}
    assert model.problem == ""
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    assert [run.name for run in looked(qtbot, model)] == ["old"]
    assert "is not available" in model.problem


def test_it_follows_the_workspace_and_the_disk(
    qtbot: QtBot, paths: Paths, workspace: Workspace, model: RunsModel
) -> None:
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert looked(qtbot, model) == ()
    folder = make_run(paths.runs / "run", recalls=[0.2], last=None, bundle=False)
    with qtbot.waitSignal(model.refreshed, timeout=20_000):
        workspace.runs_changed.emit()
    assert model.runs[0].epochs == 1
    RunFolder(folder).write_history([])
    with qtbot.waitSignals([model.dataChanged, model.refreshed], timeout=20_000):
        workspace.runs_changed.emit()
    assert model.runs[0].epochs == 0
    shutil.rmtree(folder)
    assert looked(qtbot, model) == ()
    assert model.rowCount() == 0


def test_many_wishes_are_one_look(qtbot: QtBot, paths: Paths, workspace: Workspace, model: RunsModel) -> None:
    make_run(paths.runs / "run")
    looked(qtbot, model)
    looks: list[int] = []
    model.refreshed.connect(lambda: looks.append(1))
    for _ in range(200):
        workspace.runs_changed.emit()
    qtbot.waitUntil(lambda: len(looks) >= 1, timeout=20_000)
    with qtbot.waitSignal(model.refreshed, timeout=20_000):
        workspace.runs_changed.emit()
    assert len(looks) <= 3


def test_the_bundle_for_diagnosis_is_known(
    qtbot: QtBot, paths: Paths, workspace: Workspace, model: RunsModel
) -> None:
    folder = make_run(paths.runs / "run")
    (run,) = looked(qtbot, model)
    assert not model.is_for_diagnosis(run)
    with qtbot.waitSignal(model.dataChanged):
        workspace.set_bundle(folder / "bundle")
    assert model.is_for_diagnosis(run)
    spoken = model.data(model.index(0, 0), Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "run, used for diagnosis"


def test_names_are_kept_as_one_line(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "20260301 run")
    assert read_name(folder) == "20260301 run"
    write_name(folder, "  Größe 224,\n zweiter\tVersuch \x07 ")
    assert read_name(folder) == "Größe 224, zweiter Versuch"
    write_name(folder, "x" * 500)
    assert len(read_name(folder)) == 100
    write_name(folder, "   ")
    assert read_name(folder) == "20260301 run"


def test_runs_of_one_name_get_numbers_and_keep_them(
    qtbot: QtBot, paths: Paths, settings: Settings, workspace: Workspace, model: RunsModel, tmp_path: Path
) -> None:
    title = "Xception, own settings"
    for day, folder in enumerate(("c", "b", "a"), start=1):
        run = make_run(paths.runs / folder, bundle=False, created=datetime(2026, 3, day, tzinfo=UTC))
        write_name(run, title)
        # A run without a bundle began when its first file was written.
        os.utime(RunFolder(run).config_file, (day * 100, day * 100))
    source = make_run(tmp_path / "elsewhere", created=datetime(2025, 1, 1, tzinfo=UTC))
    export_archive(source, tmp_path / "a.skindesk", name=title)
    import_archive(tmp_path / "a.skindesk", paths.bundles / "unpacked by hand")
    write_name(paths.bundles / "unpacked by hand", title.upper())

    names = {run.folder.name: run.name for run in looked(qtbot, model)}
    assert len({name.casefold() for name in names.values()}) == 4
    assert sorted(name.casefold() for name in names.values()) == [
        title.casefold(),
        *(f"{title} ({number})".casefold() for number in (2, 3, 4)),
    ]

    arrived = import_bundle(tmp_path / "a.skindesk", paths.bundles, [run.name for run in model.runs])
    assert arrived.name == f"{title} (5)"
    first = next(folder for folder, name in names.items() if name.casefold() == title.casefold())
    shutil.rmtree(next(run.folder for run in model.runs if run.folder.name == first))
    again = RunsModel(paths, settings, workspace)
    left = {run.folder.name: run.name for run in looked(qtbot, again)}
    assert {folder: left[folder] for folder in names if folder != first} == {
        folder: name for folder, name in names.items() if folder != first
    }
    assert left[arrived.folder.name] == arrived.name


def test_a_newcomer_takes_the_name_of_no_known_run(qtbot: QtBot, paths: Paths, model: RunsModel) -> None:
    make_run(paths.runs / "mine", created=datetime(2026, 3, 2, tzinfo=UTC))
    looked(qtbot, model)
    write_name(make_run(paths.bundles / "older", created=datetime(2025, 3, 2, tzinfo=UTC)), "mine")
    names = {run.folder.name: run.name for run in looked(qtbot, model)}
    assert names == {"mine": "mine", "older": "mine (2)"}


def test_a_name_typed_twice_gets_a_number(qtbot: QtBot, paths: Paths, model: RunsModel) -> None:
    make_run(paths.runs / "first", created=datetime(2026, 3, 1, tzinfo=UTC))
    make_run(paths.runs / "second", created=datetime(2026, 3, 2, tzinfo=UTC))
    looked(qtbot, model)
    with qtbot.waitSignal(model.renamed) as typed:
        model.setData(model.index(0, 0), " First ")
    assert typed.args[1] == "First (2)"
    assert cells(model)["name"] == "First (2)"


def test_numbers_fit_into_a_name() -> None:
    long = "x" * LONGEST_NAME
    assert free_name(long, [long]) == "x" * (LONGEST_NAME - 4) + " (2)"
    assert free_name("a (2)", ["A", "a (2)"]) == "a (3)"
    assert free_name("Gro\u0308\u00dfe", ["Gr\u00f6sse"]) == "Gro\u0308\u00dfe (2)"
    assert distinct_names(["a", "a", "a (2)", "b"]) == ["a", "a (3)", "a (2)", "b"]

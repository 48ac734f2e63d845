"""The results page: what it shows of runs, and what can be done with them."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QLineEdit, QToolButton
from pytestqt.qtbot import QtBot

from skindesk.models.runs.listing import COLUMNS, RunStatus
from skindesk.models.workspace import Workspace
from skindesk.pages.results import ResultsPage
from skindesk.paths import Paths
from skindesk.widgets.notice import Notice
from skindesk.widgets.plots.confusion_matrix import Cell
from tests.drops import drop
from tests.skindesk.made_runs import make_report, make_run
from tests.skindesk.results_page import ResultsWindow
from trainer.config import HeadStage, RunConfig
from trainer.dataset.store import DatasetStore
from trainer.events import Stopped
from trainer.metrics.flags import FlagFigures, FlaggedShare
from trainer.runs.archive import read_contents
from trainer.runs.external import External
from trainer.runs.folder import RunFolder
from trainer.runs.reports import read_scored, write_scored

PATIENCE = 20_000  # ms


@pytest.fixture
def page(results_window: ResultsWindow) -> ResultsPage:
    return results_window.page


def show(qtbot: QtBot, page: ResultsPage) -> None:
    """Show the page and wait until the first run is on it."""
    page.window().show()
    qtbot.waitUntil(lambda: page.detail.record is not None, timeout=PATIENCE)


def choose(qtbot: QtBot, page: ResultsPage, *folders: Path) -> None:
    page.table.choose(folders)
    if len(folders) == 1:
        qtbot.waitUntil(
            lambda: page.detail.record is not None and page.detail.record.summary.folder == folders[0],
            timeout=PATIENCE,
        )
    else:
        qtbot.waitUntil(
            lambda: (
                [record.summary.folder for record in page.compare.records]
                == [run.folder for run in page.table.chosen]
            ),
            timeout=PATIENCE,
        )


def tab(page: ResultsPage, key: str) -> None:
    page.detail.tabs.buttons[key].click()


def tiles(page: ResultsPage) -> dict[str, str]:
    return {tile.accessibleName(): tile.accessibleDescription() for tile in page.detail.metrics.tiles}


def put_away(notice: Notice) -> None:
    buttons = {button.toolTip(): button for button in notice.findChildren(QToolButton)}
    buttons["Dismiss"].click()


def facts_of(page: ResultsPage) -> dict[str, tuple[str, ...]]:
    return {fact.title: fact.cells for fact in page.detail.metrics.table.facts.facts.rows}


def dataset_samples(dataset: Path) -> list[tuple[str, str]]:
    with DatasetStore.open(dataset, read_only=True) as store:
        frame = store.frame("test")
    return list(zip(frame["sample_id"], frame["class_name"], strict=True))


def test_without_runs_it_says_what_to_do(qtbot: QtBot, page: ResultsPage, workspace: Workspace) -> None:
    page.window().show()
    qtbot.waitUntil(page.empty.isVisible, timeout=PATIENCE)
    with qtbot.waitSignal(workspace.go_to) as asked:
        qtbot.mouseClick(page.empty.buttons[0], Qt.MouseButton.LeftButton)
    assert asked.args == ["training"]


def test_the_latest_run_is_shown_with_its_figures(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    folder = make_run(paths.runs / "a run")
    make_report(folder, "test", [(f"s{n}", "mel", "mel" if n % 3 else "nv") for n in range(12)])
    show(qtbot, page)
    assert page.detail.name.full_text() == "a run"
    assert page.detail.parts.current == "test"
    shown = tiles(page)
    assert shown["Balanced accuracy"].startswith("66.7\u00a0% (")
    assert shown["Accuracy"].startswith("66.7\u00a0% (")
    images, recall, *_rest = facts_of(page)["▲ Melanoma"]
    assert images == "12"
    assert recall.startswith("66.7\u00a0% (")
    assert facts_of(page)["Benign keratosis"][1] == "–"
    assert "The test part had been scored once by that time." in page.detail.metrics.notes.text()
    more = next(b for b in page.detail.findChildren(QToolButton) if b.text() == "More")
    assert more.menu().layoutDirection() is Qt.LayoutDirection.LeftToRight


def test_before_scoring_the_best_epoch_is_shown(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    make_run(paths.runs / "a run", recalls=(0.3, 0.7, 0.6))
    show(qtbot, page)
    assert page.detail.parts.current == "validation"
    assert tiles(page)["Balanced accuracy"].startswith("70.0\u00a0%")
    assert tiles(page)["Best epoch"].startswith("2 of 3")
    assert facts_of(page)["▲ Melanoma"] == ("4", "70.0\u00a0%")
    assert "n\u00a0=\u00a017" in tiles(page)["Accuracy"]
    basis = page.detail.metrics.basis.full_text()
    assert basis == (
        "Validation images that chose the best epoch, n\u00a0=\u00a017, one view, before calibration"
    )
    page.detail.parts.buttons["test"].click()
    assert page.detail.metrics.unscored.score_button.isVisible()
    assert tiles(page) == {}


def test_figures_say_which_images_they_rest_on_and_how_these_were_seen(
    qtbot: QtBot, paths: Paths, page: ResultsPage
) -> None:
    folder = make_run(paths.runs / "a run")
    make_report(folder, "validation", [(f"s{n}", "mel", "mel" if n % 3 else "nv") for n in range(12)])
    show(qtbot, page)
    basis = page.detail.metrics.basis.full_text()
    assert basis.startswith("Whole validation part, n\u00a0=\u00a012, mean of 4 views, not calibrated;")
    assert "The best epoch was chosen on images of this part, so" in page.detail.metrics.notes.text()
    assert "calibration" not in page.detail.metrics.notes.text()


def test_a_scoring_on_another_dataset_says_what_was_left_out(
    qtbot: QtBot, paths: Paths, page: ResultsPage
) -> None:
    report = make_report(make_run(paths.runs / "one"), "test", [(f"s{n}", "mel", "mel") for n in range(12)])
    flagged = FlaggedShare(n=12, flagged=3, share=0.25)
    scored = msgspec.structs.replace(
        read_scored(report),
        external=External(images=19, other_classes={"scar": 7}),
        flags=FlagFigures(overall=flagged, per_class={"mel": flagged}),
    )
    write_scored(report, scored)
    show(qtbot, page)
    notes = page.detail.metrics.notes.text()
    assert "These are 19 images of another dataset or split than the network's." in notes
    assert "was not trained for their classes: scar (7)." in notes
    assert (
        "25.0\u00a0% of the 12 images are unlike the training images or too poor to rely on an answer."
        in notes
    )


def test_rows_are_sorted_by_their_headings(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    for name, recall in (("low", 0.2), ("high", 0.9), ("middle", 0.5)):
        make_run(paths.runs / name, recalls=[recall])
    show(qtbot, page)
    header = page.table.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(COLUMNS.index("macro_recall")) + 10, 10)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    rising = [page.table.model().index(row, 0).data() for row in range(3)]
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    falling = [page.table.model().index(row, 0).data() for row in range(3)]
    assert sorted([rising, falling]) == [["high", "middle", "low"], ["low", "middle", "high"]]


def test_a_cell_of_the_matrix_opens_its_images(
    qtbot: QtBot, paths: Paths, page: ResultsPage, workspace: Workspace, small_dataset: Path
) -> None:
    folder = make_run(paths.runs / "a run")
    samples = dataset_samples(small_dataset)
    melanomas = [name for name, true in samples if true == "mel"]
    make_report(
        folder,
        "test",
        [(name, true, "nv" if name in melanomas[:2] else true) for name, true in samples],
    )
    workspace.set_dataset(small_dataset)
    show(qtbot, page)
    tab(page, "confusion")
    view = page.detail.confusion
    cell = Cell(1, 2)
    assert view.matrix.count(cell) == 2
    qtbot.mouseClick(
        view.matrix.viewport(), Qt.MouseButton.LeftButton, pos=view.matrix.cell_rect(cell).center()
    )
    qtbot.waitUntil(lambda: len(view.images.grid) == 2, timeout=PATIENCE)
    assert view.cell_title.full_text() == "▲ Melanoma, predicted as Melanocytic nevus: 2 images"
    assert "Melanocytic nevus 80.0\N{NO-BREAK SPACE}%" in view.caption.text()
    view.images.selectAll()
    with qtbot.waitSignal(workspace.images_for_diagnosis) as sent:
        qtbot.mouseClick(view.send_button, Qt.MouseButton.LeftButton)
    assert {path.stem for path in sent.args[0]} == set(melanomas[:2])
    assert all(path.is_file() for path in sent.args[0])
    view.matrix.setFocus()
    qtbot.keyClick(view.matrix, Qt.Key.Key_Left)
    qtbot.keyClick(view.matrix, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(view.images.grid) == len(melanomas) - 2, timeout=PATIENCE)


def test_an_image_behind_a_cell_says_what_decided_against_the_most_probable_class(
    qtbot: QtBot, paths: Paths, page: ResultsPage, workspace: Workspace, small_dataset: Path
) -> None:
    folder = make_run(paths.runs / "a run")
    samples = [(name, true, "nv") for name, true in dataset_samples(small_dataset)]
    make_report(folder, "test", samples, probability=0.2, prior=(0.5, 0.4, 0.1))
    workspace.set_dataset(small_dataset)
    show(qtbot, page)
    tab(page, "confusion")
    view = page.detail.confusion
    view.matrix.opened.emit(Cell(1, 2))
    qtbot.waitUntil(lambda: bool(view.caption.text()), timeout=PATIENCE)
    assert (
        view.caption.text()
        .replace("\N{NO-BREAK SPACE}", " ")
        .endswith(
            "Melanocytic nevus 20.0 %, 2.0 times its share of the training images; benign keratosis 40.0 %, 0.8 times"
        )
    )


def test_without_the_dataset_the_matrix_says_why_there_are_no_images(
    qtbot: QtBot, paths: Paths, page: ResultsPage
) -> None:
    folder = make_run(paths.runs / "a run")
    make_report(folder, "test", [("a", "mel", "nv"), ("b", "nv", "nv")])
    show(qtbot, page)
    tab(page, "confusion")
    view = page.detail.confusion
    view.matrix.open_cell(Cell(1, 2))
    qtbot.waitUntil(lambda: "Open it on the dataset page" in view.sentence.text(), timeout=PATIENCE)
    assert not view.send_button.isEnabled()


@pytest.mark.parametrize(
    "content", [b"", b"sample_id,truth,predicted,bkl,mel,nv\na,mel,nope,0.1,0.8,0.1\n", b"\xff\xfe", None]
)
def test_damaged_predictions_are_a_sentence(
    qtbot: QtBot, paths: Paths, page: ResultsPage, content: bytes | None
) -> None:
    report = make_report(make_run(paths.runs / "a run"), "test", [("a", "mel", "nv"), ("b", "nv", "nv")])
    (report / "predictions.csv").unlink()
    if content is not None:
        (report / "predictions.csv").write_bytes(content)
    show(qtbot, page)
    tab(page, "confusion")
    view = page.detail.confusion
    qtbot.waitUntil(lambda: "core the part again" in view.sentence.text(), timeout=PATIENCE)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_each_view_of_a_part_without_a_scoring_offers_one(
    qtbot: QtBot, paths: Paths, page: ResultsPage, part: str
) -> None:
    make_run(paths.runs / "a run")
    show(qtbot, page)
    page.detail.show_part(part)
    page.detail.pictures.which.buttons["roc.png"].click()
    asked: list[str] = []
    for name, unscored in (
        ("metrics", page.detail.metrics.unscored),
        ("confusion", page.detail.unscored),
        ("curves", page.detail.pictures.unscored),
    ):
        tab(page, name)
        unscored.score_asked.disconnect()
        unscored.score_asked.connect(asked.append)
        assert unscored.score_button.isVisible()
        qtbot.mouseClick(unscored.score_button, Qt.MouseButton.LeftButton)
    assert asked == [part, part, part]


def test_a_missing_picture_is_a_sentence(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    make_report(make_run(paths.runs / "a run"), "test", [("a", "mel", "nv"), ("b", "nv", "nv")])
    show(qtbot, page)
    tab(page, "curves")
    assert page.detail.pictures.learning
    assert not page.detail.parts.isVisible()
    page.detail.pictures.which.buttons["roc.png"].click()
    assert not page.detail.pictures.curves.isVisible(), "while the picture is read"
    qtbot.waitUntil(lambda: "is missing or damaged" in page.detail.pictures.sentence, timeout=PATIENCE)
    assert page.detail.parts.isVisible()


def test_learning_curves_are_those_of_the_history(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    make_run(paths.runs / "a run", recalls=(0.2, 0.6, 0.4))
    show(qtbot, page)
    tab(page, "curves")
    curves = page.detail.pictures.curves
    x, y = curves.share_plot.points("0 validation")
    assert (list(x), list(y)) == ([1, 2, 3], [0.2, 0.6, 0.4])
    assert curves.share_plot.marks.best is not None
    assert curves.share_plot.marks.best.x == 2
    curves.metrics.buttons["loss"].click()
    assert list(curves.loss_plot.points("0 train")[1]) == pytest.approx([1.8, 1.4, 1.6])
    curves.metrics.buttons["recall"].click()
    assert curves.classes.currentData() == "mel"
    assert list(curves.share_plot.points("0 validation")[1]) == [0.2, 0.6, 0.4]
    curves.parts.buttons["train"].click()
    assert not len(curves.share_plot.points("0 validation")[0])


def test_settings_split_and_weights_are_told(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    config = RunConfig(backbone="xception", input_size=96, stages=("head",), head_stage=HeadStage(epochs=7))
    make_run(paths.runs / "a run", config=config)
    show(qtbot, page)
    tab(page, "settings")
    from PySide6.QtWidgets import QLabel

    words = [label.accessibleName() or label.text() for label in page.detail.settings.findChildren(QLabel)]
    assert "Epochs (head): 7" in words
    assert "Input size: 96 px" in words
    assert "Backbone: Xception" in words
    assert not [word for word in words if word.startswith("Epochs (fine-tune)")]
    assert "Random weights, made for a test." in words
    assert "No group, lesion, patient or file lies in two parts." in words


def test_several_runs_are_compared(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    plain = RunConfig(backbone="tiny", input_size=32, stages=("head",))
    more = msgspec.structs.replace(plain, head_stage=HeadStage(epochs=50, learning_rate=0.01))
    one = make_run(paths.runs / "one", config=plain)
    two = make_run(paths.runs / "two", recalls=(0.8,), config=more)
    make_report(two, "test", [(f"s{n}", "mel", "mel" if n % 2 else "nv") for n in range(12)])
    show(qtbot, page)
    choose(qtbot, page, one, two)
    assert page.compare.isVisible()
    table = page.compare.table.facts.facts
    assert set(table.columns[1:]) == {"one", "two"}
    first = table.columns.index("one") - 1
    rows = {fact.title: (fact.cells[first], fact.cells[1 - first]) for fact in table.rows if fact.cells}
    best_epoch, test_part = (
        (fact.cells[first], fact.cells[1 - first]) for fact in table.rows if fact.title == "Balanced accuracy"
    )
    assert best_epoch == ("60.0\u00a0%", "80.0\u00a0%")
    assert rows["Best epoch"] == ("2 of 3", "1 of 1")
    assert rows["Epochs (head)"] == ("30", "50")
    assert rows["Learning rate (head)"] == ("0.001", "0.01")
    assert "Backbone" not in rows
    assert test_part[0] == "–"
    assert test_part[1].startswith("50.0\u00a0% (")
    assert not page.compare.notice.isVisible()
    page.compare.which.buttons["curves"].click()
    assert page.compare.curves.isVisible()
    lengths = {len(page.compare.curves.share_plot.points(f"{place} validation")[0]) for place in (0, 1)}
    assert lengths == {3, 1}
    page.compare.which.buttons["table"].click()
    page.compare.table.setFocus()
    qtbot.keyClick(page.compare.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert "Balanced accuracy\t" in QGuiApplication.clipboard().text()


def test_more_runs_than_colours_are_not_all_compared(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    folders = [make_run(paths.runs / f"run {n}") for n in range(9)]
    show(qtbot, page)
    page.table.choose(tuple(folders))
    assert page.compare.title.full_text() == "The first 8 of 9 runs compared"


def test_a_low_window_leaves_room_for_what_is_selected(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    for n in range(8):
        make_run(paths.runs / f"run {n}")
    page.window().setFixedSize(840, 640)
    show(qtbot, page)
    tab(page, "curves")
    plot = page.detail.pictures.curves.share_plot
    qtbot.waitUntil(lambda: plot.height() >= 120 and plot.visibleRegion().boundingRect().height() >= 80)
    assert page.table.viewport().height() >= 3 * page.table.rowHeight(0)


def test_no_row_of_the_table_is_cut(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    for n in range(9):
        make_run(paths.runs / f"run {n}")
    show(qtbot, page)
    table = page.table
    qtbot.waitUntil(lambda: table.viewport().height() % table.rowHeight(0) <= 2)
    assert 3 <= table.viewport().height() // table.rowHeight(0) < 9


def test_the_columns_fit_a_window_of_1400_pixels(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    folder = make_run(paths.runs / "DenseNet121, thorough (2)", config=RunConfig(backbone="densenet121"))
    RunFolder(folder).write_dataset(paths.datasets / "A clinic's follow-up images of 2019 and later.db")
    make_report(folder, "test", [(f"s{n}", "mel", "mel" if n % 3 else "nv") for n in range(1200)])
    show(qtbot, page)  # without its side bar the window has 1,176 pixels
    assert page.table.horizontalScrollBar().maximum() == 0
    assert not any(map(page.table.isColumnHidden, range(len(COLUMNS))))
    assert not page.fold.isVisible(), "there is room for all"
    dataset = COLUMNS.index("dataset")
    assert page.table.columnWidth(dataset) < page.table.sizeHintForColumn(dataset), "it gives way"


def test_columns_are_left_out_of_a_narrow_table(
    qtbot: QtBot, paths: Paths, results_window: ResultsWindow
) -> None:
    page = results_window.page
    folder = make_run(paths.runs / "DenseNet121, thorough (2)", config=RunConfig(backbone="densenet121"))
    make_report(folder, "test", [(f"s{n}", "mel", "mel" if n % 3 else "nv") for n in range(1200)])
    results_window.setFixedSize(846, 800)
    show(qtbot, page)
    table = page.table
    assert table.horizontalScrollBar().maximum() == 0
    left_out = [name for at, name in enumerate(COLUMNS) if table.isColumnHidden(at)]
    assert "stages" in left_out
    assert not {"name", "test", "state", "created"} & set(left_out)
    first = COLUMNS.index("created")
    assert table.columnViewportPosition(first) + table.columnWidth(first) <= table.viewport().width()


def test_runs_on_different_splits_are_not_comparable(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    one = make_run(paths.runs / "one")
    two = make_run(paths.runs / "two", fingerprint="cd" * 32)
    show(qtbot, page)
    choose(qtbot, page, one, two)
    assert "cannot be compared" in page.compare.notice.text


def test_a_bundle_is_chosen_for_diagnosis(
    qtbot: QtBot, paths: Paths, page: ResultsPage, workspace: Workspace
) -> None:
    folder = make_run(paths.runs / "a run")
    show(qtbot, page)
    with qtbot.waitSignal(workspace.bundle_changed):
        qtbot.mouseClick(page.detail.use_button, Qt.MouseButton.LeftButton)
    assert workspace.bundle == folder / "bundle"
    assert page.detail.use_button.text() == "Used for diagnosis"
    assert not page.detail.use_button.isEnabled()


def test_f2_renames_a_run(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    folder = make_run(paths.runs / "20260301")
    show(qtbot, page)
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_F2)
    qtbot.waitUntil(lambda: page.table.findChild(QLineEdit) is not None)
    editor = page.table.findChild(QLineEdit)
    assert isinstance(editor, QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, "Erster Versuch")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.detail.name.full_text() == "Erster Versuch", timeout=PATIENCE)
    qtbot.waitUntil((folder / "name.txt").exists, timeout=PATIENCE)
    assert (folder / "name.txt").read_text(encoding="utf-8") == "Erster Versuch\n"
    assert folder.is_dir()


def test_delete_moves_to_the_trash_and_undo_brings_back(
    qtbot: QtBot,
    paths: Paths,
    page: ResultsPage,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data of the system"))
    folder = make_run(paths.runs / "a run")
    make_run(paths.runs / "another", created=datetime(2020, 1, 1, tzinfo=UTC))
    show(qtbot, page)
    workspace.set_bundle(folder / "bundle")
    choose(qtbot, page, folder)
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: "moved to the trash" in page.notice.text, timeout=PATIENCE)
    assert not folder.exists()
    assert workspace.bundle is None
    qtbot.waitUntil(lambda: page.table.model().rowCount() == 1, timeout=PATIENCE)
    assert len(list((tmp_path / "data of the system").rglob("config.toml"))) == 1
    page.notice.acted.emit()
    qtbot.waitUntil((folder / "config.toml").exists, timeout=PATIENCE)
    qtbot.waitUntil(lambda: [run.folder for run in page.table.chosen] == [folder], timeout=PATIENCE)
    assert workspace.bundle == folder / "bundle"
    assert not list((tmp_path / "data of the system").rglob("*.trashinfo"))


def test_a_run_that_is_being_trained_is_not_deleted(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    folder = make_run(paths.runs / "a run", last=Stopped(message="Stopped."), bundle=False)
    with RunFolder(folder).locked():
        show(qtbot, page)
        assert page.table.chosen[0].state is RunStatus.RUNNING
        page.run_actions.delete.trigger()
        qtbot.waitUntil(lambda: "stop it before" in page.failures.text, timeout=PATIENCE)
    assert folder.is_dir()


def test_a_run_that_began_since_the_last_look_is_not_deleted(
    qtbot: QtBot, paths: Paths, page: ResultsPage
) -> None:
    folder = make_run(paths.runs / "a run", last=Stopped(message="Stopped."), bundle=False)
    show(qtbot, page)
    with RunFolder(folder).locked():
        page.run_actions.delete.trigger()
        qtbot.waitUntil(lambda: "is being trained" in page.failures.text, timeout=PATIENCE)
    assert folder.is_dir()


def test_each_problem_stays_until_it_is_solved_or_put_away(
    qtbot: QtBot, paths: Paths, page: ResultsPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data of the system"))
    names = ("one", "two", "three")
    one, two, three = (make_run(paths.runs / n, last=Stopped(message=""), bundle=False) for n in names)
    bad = tmp_path / "bad.skindesk"
    bad.write_bytes(b"not a zip")
    show(qtbot, page)
    choose(qtbot, page, one, two, three)
    with RunFolder(one).locked(), RunFolder(two).locked():  # since the last look at the runs
        page.run_actions.delete.trigger()
        qtbot.waitUntil(lambda: not page.run_actions.errands.busy, timeout=PATIENCE)
    assert not three.exists()
    assert page.notice.text.startswith("Moved to the trash: 1 run"), "so that it can be undone"
    page.run_actions.import_files([bad])
    qtbot.waitUntil(lambda: "not a SkinDesk bundle file" in page.failures.text, timeout=PATIENCE)
    assert page.notice.text == "", "it is not being imported any more"
    assert "“one” is being trained" in page.failures.text
    assert "“two” is being trained" in page.failures.text
    # A look at the runs may have come while they were locked; the next one comes by itself.
    stopped = [RunStatus.STOPPED, RunStatus.STOPPED]
    qtbot.waitUntil(lambda: [run.state for run in page._runs.runs] == stopped, timeout=PATIENCE)
    choose(qtbot, page, one)
    page.run_actions.delete.trigger()
    qtbot.waitUntil(lambda: "“one”" not in page.failures.text, timeout=PATIENCE)
    assert page.notice.text.startswith("“one” was moved to the trash")
    choose(qtbot, page, two)
    with RunFolder(two).locked():
        page.run_actions.delete.trigger()
        qtbot.waitUntil(lambda: not page.run_actions.errands.busy, timeout=PATIENCE)
    page.notice.acted.emit()
    qtbot.waitUntil((one / "config.toml").exists, timeout=PATIENCE)
    assert "“two” is being trained" in page.failures.text
    put_away(page.failures)
    assert not page.failures.isVisible()
    page.run_actions.import_files([bad])
    qtbot.waitUntil(lambda: "not a SkinDesk bundle file" in page.failures.text, timeout=PATIENCE)
    assert "“two” is being trained" not in page.failures.text


def test_a_run_that_was_cut_off_leads_to_training(
    qtbot: QtBot, paths: Paths, page: ResultsPage, workspace: Workspace
) -> None:
    make_run(paths.runs / "a run", last=None, bundle=False)
    show(qtbot, page)
    assert "can be resumed" in page.detail.problem.text
    with qtbot.waitSignal(workspace.go_to) as asked:
        page.detail.problem.acted.emit()
    assert asked.args == ["training"]
    assert not page.run_actions.export.isEnabled()
    assert not page.run_actions.score_test.isEnabled()


def test_a_bundle_goes_out_as_one_file_and_comes_in_by_a_drop(
    qtbot: QtBot, paths: Paths, page: ResultsPage, tmp_path: Path
) -> None:
    folder = make_run(paths.runs / "a run")
    make_report(folder, "test", [("a", "mel", "mel"), ("b", "nv", "bkl")])
    show(qtbot, page)
    file = tmp_path / "größer.skindesk"
    page.run_actions.export_to(file, with_reports=True)
    qtbot.waitUntil(lambda: page.notice.text == f"Saved as {file}.", timeout=PATIENCE)
    assert drop(page, file)
    qtbot.waitUntil(
        lambda: page.detail.summary is not None and page.detail.summary.imported, timeout=PATIENCE
    )
    summary = page.detail.summary
    assert summary is not None
    assert summary.name == "a run (2)"
    assert summary.folder.parent == paths.bundles
    assert summary.test is not None
    assert not drop(page, tmp_path)


def test_a_file_that_is_no_bundle_is_refused_in_a_sentence(
    qtbot: QtBot, page: ResultsPage, paths: Paths, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.skindesk"
    bad.write_bytes(b"not a zip")
    page.window().show()
    assert page.open_path(bad)
    qtbot.waitUntil(lambda: "not a SkinDesk bundle file" in page.failures.text, timeout=PATIENCE)
    assert not list(paths.bundles.iterdir())
    assert not page.open_path(tmp_path / "pictures")


def test_a_run_is_saved_as_pdf(qtbot: QtBot, paths: Paths, page: ResultsPage, tmp_path: Path) -> None:
    make_run(paths.runs / "a run")
    show(qtbot, page)
    file = tmp_path / "report.pdf"
    page.run_actions.save_report_to(file)
    qtbot.waitUntil(lambda: page.notice.text == f"Saved as {file}.", timeout=60_000)
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    text = subprocess.run(["pdftotext", file, "-"], check=True, capture_output=True, text=True).stdout
    assert "a run" in text
    assert "60.0 %" in text


def test_scoring_without_a_dataset_says_what_to_do(qtbot: QtBot, paths: Paths, page: ResultsPage) -> None:
    make_run(paths.runs / "a run")
    show(qtbot, page)
    page.run_actions.score_test.trigger()
    assert "Open it on the dataset page first" in page.detail.scoring.notice.text
    assert not page.detail.scoring.jobs


def test_another_dataset_is_scored_only_after_a_question(
    qtbot: QtBot, paths: Paths, page: ResultsPage, workspace: Workspace, small_dataset: Path
) -> None:
    make_run(paths.runs / "a run")
    workspace.set_dataset(small_dataset)
    show(qtbot, page)
    page.run_actions.score_validation.trigger()
    qtbot.waitUntil(lambda: page.detail.scoring.asking, timeout=PATIENCE)
    qtbot.mouseClick(page.detail.scoring.cancel_button, Qt.MouseButton.LeftButton)
    assert not page.detail.scoring.asking
    assert not page.detail.scoring.jobs


def test_every_action_is_in_the_menu_and_has_words(page: ResultsPage) -> None:
    texts = {action.text(): action.shortcut().toString() for action in page.actions()}
    assert texts["Rename"] == "F2"
    assert texts["Move to the trash"] == "Del"
    for word in ("Export…", "Import a bundle…", "Score the test part…", "Use for diagnosis"):
        assert word in texts


@pytest.mark.qt_log_ignore("propagateSizeHints")  # the platform without a screen says it of every dialog
def test_what_is_exported_is_the_run_it_was_asked_for(
    qtbot: QtBot, paths: Paths, page: ResultsPage, tmp_path: Path
) -> None:
    first, second = make_run(paths.runs / "first"), make_run(paths.runs / "second")
    show(qtbot, page)
    choose(qtbot, page, first)
    page.run_actions.export.trigger()
    (dialog,) = page.findChildren(QFileDialog)
    choose(qtbot, page, second)  # while the dialog asks for a place
    file = tmp_path / "out.skindesk"
    dialog.fileSelected.emit(str(file))
    dialog.reject()
    qtbot.waitUntil(lambda: page.notice.text == f"Saved as {file}.", timeout=PATIENCE)
    assert read_contents(file).name == "first"


def test_runs_that_cannot_be_read_are_told_of_once(page: ResultsPage) -> None:
    runs = page._runs
    runs.problem = "The folder of runs cannot be read."
    runs.refreshed.emit()
    assert page.failures.text == runs.problem
    put_away(page.failures)
    runs.refreshed.emit()
    assert page.failures.text == "", "it was put away"
    runs.problem = "The folder of runs is not there."
    runs.refreshed.emit()
    assert page.failures.text == runs.problem
    runs.problem = ""
    runs.refreshed.emit()
    assert page.failures.text == ""


def test_keys_do_what_they_do_elsewhere(page: ResultsPage) -> None:
    actions = page.run_actions
    keys = {a.shortcut().toString() for a in (actions.save_report, actions.export, actions.take_in)}
    assert keys == {"Ctrl+S", "Ctrl+E", "Ctrl+O"}

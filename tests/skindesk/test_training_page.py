"""The training page without any training: what it offers, checks, keeps and says."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton, QWidget

from skindesk.engine import JobQueue
from skindesk.engine.handles import JobState
from skindesk.models.devices import DevicesModel
from skindesk.models.runs.live import LiveRun
from skindesk.models.runs.weights_state import WeightsState, find_weights_states
from skindesk.pages.training import TrainingPage
from skindesk.pages.training.run_panel import RunPanel
from skindesk.pages.training.words import weights_words
from skindesk.widgets.form.editors import NumberEditor
from tests.skindesk.made_events import MADE_CONFIG, STEPS, stage
from tests.skindesk.made_runs import make_epochs
from trainer.backbones import get_backbone
from trainer.config import RunConfig, config_from_toml
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore
from trainer.devices.choosing import Devices
from trainer.devices.hardware import Cpu, Gpu
from trainer.events import EpochEnded, Said, StageStarted, Warned, encode_event, silent
from trainer.presets import demo_config, preset_config
from trainer.protocol.lines import Beat
from trainer.protocol.training import TrainNetwork
from trainer.runs.folder import RunFolder
from trainer.runs.summary import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from skindesk.engine.engines import Engines
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from skindesk.settings import Settings

CPU = Devices(
    cpu=Cpu(name="A processor", threads=2, bfloat16=True),
    memory_bytes=8 << 30,
    memory_available_bytes=6 << 30,
    gpus=(),
    gpu_reason="no NVIDIA GPU was found",
)
SMALL_GPU = Devices(
    cpu=CPU.cpu,
    memory_bytes=8 << 30,
    memory_available_bytes=6 << 30,
    gpus=(Gpu(name="NVIDIA RTX 2060", memory_mib=6_144, usable=True),),
    gpu_reason="",
)


@pytest.fixture
def devices(engines: Engines) -> DevicesModel:
    """A machine without a GPU."""
    model = DevicesModel(engines.library)
    model.devices = CPU
    return model


@pytest.fixture
def make_page(
    qtbot: QtBot,
    engines: Engines,
    workspace: Workspace,
    devices: DevicesModel,
    settings: Settings,
    paths: Paths,
) -> Callable[[], TrainingPage]:
    """Make a page; no child process is started before something is asked of it."""

    def make() -> TrainingPage:
        page = TrainingPage(engines.training, engines.scoring, workspace, devices, settings, paths)
        page.setFixedSize(1180, 800)
        qtbot.addWidget(page)
        return page

    return make


@pytest.fixture
def page(
    make_page: Callable[[], TrainingPage], workspace: Workspace, small_dataset: Path, qtbot: QtBot
) -> TrainingPage:
    """The page with a dataset to train on, not shown."""
    workspace.set_dataset(small_dataset)
    page = make_page()
    qtbot.waitUntil(lambda: page.setup.can_start)
    return page


# --- what there is to train on -----------------------------------------------------------------------------


def test_without_a_dataset_it_says_what_to_do(
    make_page: Callable[[], TrainingPage], workspace: Workspace, qtbot: QtBot
) -> None:
    page = make_page()
    page.show()
    assert page.blocked.isVisible()
    assert page.blocked.heading.text() == "Open a dataset first"
    with qtbot.waitSignal(workspace.go_to) as asked:
        qtbot.mouseClick(page.blocked.button, Qt.MouseButton.LeftButton)
    assert asked.args == ["dataset"]


def test_a_dataset_without_a_split_is_not_trained_on(
    make_page: Callable[[], TrainingPage], workspace: Workspace, small_dataset: Path, qtbot: QtBot
) -> None:
    with sqlite3.connect(small_dataset) as connection:
        connection.execute("UPDATE samples SET split = NULL")
    connection.close()
    workspace.set_dataset(small_dataset)
    page = make_page()
    qtbot.waitUntil(lambda: page.blocked.heading.text() == "Split the dataset first")
    assert not page.setup.can_start
    with DatasetStore.open(small_dataset) as store:
        split_dataset(store, seed=1)
    workspace.dataset_edited.emit()
    qtbot.waitUntil(lambda: page.setup.can_start)


def test_one_class_is_not_enough(
    make_page: Callable[[], TrainingPage], workspace: Workspace, small_dataset: Path, qtbot: QtBot
) -> None:
    with sqlite3.connect(small_dataset) as connection:
        connection.execute("UPDATE samples SET class_name = 'nv'")
    connection.close()
    workspace.set_dataset(small_dataset)
    page = make_page()
    qtbot.waitUntil(lambda: page.blocked.heading.text() == "More than one class is needed")


def test_a_dataset_that_cannot_be_read_is_said_in_words(
    make_page: Callable[[], TrainingPage], workspace: Workspace, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "broken.db").write_bytes(b"no dataset" * 100)
    workspace.set_dataset(tmp_path / "broken.db")
    page = make_page()
    qtbot.waitUntil(lambda: "broken.db" in page.blocked.text.text())


# --- presets, backbones, settings --------------------------------------------------------------------------


def test_presets_fill_the_form_and_are_left_by_a_change(page: TrainingPage, qtbot: QtBot) -> None:
    setup = page.setup
    assert setup.config == preset_config("balanced", "xception")
    assert setup.presets.current == "balanced"
    assert setup.title == "Xception, balanced"
    qtbot.mouseClick(setup.presets.buttons["quick"], Qt.MouseButton.LeftButton)
    assert setup.config == preset_config("quick", "xception")
    assert setup.title == "Xception, quick look"
    seed = setup.form.editor("seed").focusProxy()
    seed.selectAll()  # type: ignore[attr-defined]
    qtbot.keyClicks(seed, "5")
    assert setup.presets.current == "quick", "a preset leaves the seed alone"
    batch = setup.form.editor("head_stage.batch_size").focusProxy()
    batch.selectAll()  # type: ignore[attr-defined]
    qtbot.keyClicks(batch, "48")
    assert setup.presets.current == ""
    assert setup.title == "Xception, own settings"
    qtbot.mouseClick(setup.presets.buttons["balanced"], Qt.MouseButton.LeftButton)
    assert setup.config is not None
    assert (setup.config.seed, setup.config.head_stage.batch_size) == (5, 128)


def test_presets_fit_the_device(page: TrainingPage, devices: DevicesModel) -> None:
    devices.devices = SMALL_GPU
    devices.changed.emit()
    config = page.setup.config
    assert config is not None
    assert (config.fine_tune_stage.batch_size, config.fine_tune_stage.accumulation) == (16, 2)
    assert page.setup._device.text() == "NVIDIA RTX 2060, 6 GB"


def test_the_device_line_says_why_there_is_no_gpu(page: TrainingPage) -> None:
    assert page.setup._device.text() == ("CPU, 2 threads. No GPU: no NVIDIA GPU was found")


def test_a_card_chooses_the_backbone(page: TrainingPage, qtbot: QtBot) -> None:
    page.setup.estimate.set_paused(paused=True)
    page.show()
    cards = page.setup.cards.cards
    assert list(cards) == ["inceptionv3", "xception", "resnet50v2", "densenet121"]
    qtbot.mouseClick(cards["densenet121"], Qt.MouseButton.LeftButton)
    assert page.setup.config == preset_config("balanced", "densenet121")
    page.activateWindow()
    cards["densenet121"].setFocus()
    qtbot.waitUntil(cards["densenet121"].hasFocus)
    qtbot.keyClick(cards["densenet121"], Qt.Key.Key_Left)
    assert page.setup.config == preset_config("balanced", "resnet50v2")
    assert page.setup.title == "ResNet50V2, balanced"


def test_a_bad_value_disables_start(page: TrainingPage, qtbot: QtBot, engines: Engines) -> None:
    field = page.setup.form.editor("head_stage.epochs").focusProxy()
    field.selectAll()  # type: ignore[attr-defined]
    qtbot.keyClicks(field, "0")
    assert not page.setup.start_button.isEnabled()
    page.start()
    assert engines.training.jobs == ()
    field.selectAll()  # type: ignore[attr-defined]
    qtbot.keyClicks(field, "4")
    assert page.setup.start_button.isEnabled()


def test_settings_are_saved_and_loaded(page: TrainingPage, tmp_path: Path, qtbot: QtBot) -> None:
    config = preset_config("thorough", "inceptionv3")
    page.setup.set_config(config)
    page.setup.save_settings(tmp_path / "thorough.toml")
    qtbot.waitUntil(lambda: page.setup.notice.text == "Settings saved as thorough.toml.")
    assert config_from_toml(tmp_path / "thorough.toml") == config
    page.setup.set_config(RunConfig())
    assert page.open_path(tmp_path / "thorough.toml")
    assert page.setup.config == config
    assert page.setup.presets.current == "thorough"
    assert not page.open_path(tmp_path / "image.jpg")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("epochs = ", "is not TOML"),
        ("unknown = 1", "unknown"),
        ('backbone = "tiny"', "a backbone that is not supported"),
    ],
)
def test_a_file_that_holds_no_settings_is_refused_in_words(
    page: TrainingPage, tmp_path: Path, content: str, words: str
) -> None:
    before = page.setup.config
    (tmp_path / "bad.toml").write_text(content, encoding="utf-8")
    assert page.open_path(tmp_path / "bad.toml"), "it is answered here"
    assert words in page.setup.notice.text
    assert page.setup.config == before


def test_the_word_of_a_failed_preview_goes_when_there_is_one(page: TrainingPage) -> None:
    page.setup.preview.failed.emit("The image is not there any more.")
    assert page.setup.notice.text == "The image is not there any more."
    page.setup.preview.shown.emit()
    assert page.setup.notice.text == ""


# --- weights -----------------------------------------------------------------------------------------------


def test_weights_at_hand_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("SKINDESK_WEIGHTS_DIR", raising=False)
    (tmp_path / "xception_imagenet_notop.weights.h5").write_bytes(b"weights")
    states = find_weights_states(tmp_path)
    assert states["xception"].path == tmp_path / "xception_imagenet_notop.weights.h5"
    assert states["densenet121"].path is None
    assert weights_words(states["xception"])[0] == "Weights available"


def test_weights_that_are_not_at_hand_are_told_apart() -> None:
    assert weights_words(WeightsState(None, True, 83_445_920))[0] == "80\u00a0MiB download"
    short, long = weights_words(WeightsState(None, False, 83_445_920))
    assert short == "Weights not available"
    assert "random weights" in long


def test_cards_say_where_weights_are(
    page: TrainingPage, settings: Settings, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "densenet121_imagenet_notop.weights.h5").write_bytes(b"weights")
    settings.set_value("weights_dir", str(tmp_path))
    card = page.setup.cards.cards["densenet121"]
    qtbot.waitUntil(lambda: card.accessibleDescription() == "Weights available")


# --- runs of earlier days ----------------------------------------------------------------------------------


def interrupted(folder: Path, dataset: Path, epochs: int = 4) -> RunFolder:
    """A run as a killed process leaves it."""
    run = RunFolder(folder)
    run.start(RunConfig())
    run.write_dataset(dataset)
    history = make_epochs([0.3 + number / 20 for number in range(epochs)])
    run.write_history(history)
    run.events_file.write_bytes(b"".join(encode_event(event) for event in history))
    return run


def test_an_interrupted_run_is_found_discarded_and_taken_back(
    make_page: Callable[[], TrainingPage],
    paths: Paths,
    small_dataset: Path,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trash = tmp_path / "share"
    monkeypatch.setenv("XDG_DATA_HOME", str(trash))
    run = interrupted(paths.runs / "Xception, balanced", small_dataset)
    page = make_page()
    qtbot.waitUntil(lambda: len(page.unfinished.runs) == 1)
    found = page.unfinished.runs[0]
    assert (found.name, found.status, found.dataset) == (
        "Xception, balanced",
        RunStatus.INTERRUPTED,
        small_dataset,
    )
    page.show()
    words = page.unfinished.findChildren(QPushButton)
    assert [button.text() for button in words] == ["Resume", "Discard"]
    qtbot.mouseClick(words[1], Qt.MouseButton.LeftButton)
    assert page.unfinished.runs == []
    assert page.notice.text == "", "the window does not wait for the disk"
    qtbot.waitUntil(lambda: page.notice.text == "“Xception, balanced” was moved to the trash.")
    assert not run.path.exists()
    assert (trash / "Trash" / "files" / run.path.name / "config.toml").exists()
    assert not page.unfinished.isVisible()
    (undo,) = (button for button in page.notice.findChildren(QPushButton) if button.text() == "Undo")
    qtbot.mouseClick(undo, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.unfinished.runs == [found])
    assert run.path.exists()
    assert page.notice.text == ""
    assert not list(trash.rglob("*.trashinfo"))


def test_a_run_that_is_trained_elsewhere_is_not_discarded(
    make_page: Callable[[], TrainingPage], paths: Paths, small_dataset: Path, qtbot: QtBot
) -> None:
    run = interrupted(paths.runs / "Busy", small_dataset)
    page = make_page()
    qtbot.waitUntil(lambda: len(page.unfinished.runs) == 1)
    with run.locked():
        page.discard(page.unfinished.runs[0])
        qtbot.waitUntil(lambda: page.notice.text == "“Busy” is being trained; stop it first.")
    assert run.path.exists()
    page.look_for_unfinished()
    qtbot.waitUntil(lambda: len(page.unfinished.runs) == 1)


def test_finished_and_running_runs_are_no_unfinished_ones(
    make_page: Callable[[], TrainingPage], paths: Paths, tiny_run: Path, small_dataset: Path, qtbot: QtBot
) -> None:
    going_on = interrupted(paths.runs / "going on", small_dataset)
    interrupted(paths.runs / "left alone", small_dataset)
    assert tiny_run.parent == paths.runs
    with going_on.locked():
        page = make_page()
        qtbot.waitUntil(lambda: bool(page.unfinished.runs))
        assert [run.name for run in page.unfinished.runs] == ["left alone"]


def test_more_unfinished_runs_than_there_is_room_for_can_all_be_reached(
    make_page: Callable[[], TrainingPage], paths: Paths, small_dataset: Path, qtbot: QtBot
) -> None:
    for number in range(4):
        interrupted(paths.runs / f"Run {number}", small_dataset)
    page = make_page()
    page.show()
    qtbot.waitUntil(lambda: len(page.unfinished.runs) == 4)

    def offered() -> set[str]:
        buttons = page.unfinished.findChildren(QPushButton)
        return {b.accessibleName() for b in buttons if b.isVisible() and b.text() == "Resume"}

    first = offered()
    assert len(first) == 3
    others = next(b for b in page.unfinished.findChildren(QPushButton) if b.text() == "Show others")
    qtbot.mouseClick(others, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: first | offered() == {f"Resume Run {number}" for number in range(4)})
    assert page.unfinished._turn_button.hasFocus()


# --- the queue ---------------------------------------------------------------------------------------------


def test_runs_wait_in_a_queue_that_can_be_changed(page: TrainingPage, engines: Engines, qtbot: QtBot) -> None:
    page.show()
    config = page.setup.config
    assert config is not None
    dataset = page._facts.path if page._facts is not None else None
    assert dataset is not None
    first = page.start_run(config, dataset, "Same")
    others = [page.start_run(config, dataset, name) for name in ("Same", "Third", "Fourth")]
    assert page.setup.start_button.text() == "Add to queue"
    jobs = [handle.job for handle in (first, *others)]
    folders = [job.folder for job in jobs if isinstance(job, TrainNetwork)]
    assert len(set(folders)) == 4, "two runs of one name have two folders"
    assert [handle.title for handle in page.queue.waiting] == ["Same (2)", "Third", "Fourth"]
    up = [
        button
        for button in page.queue._rows[2].children()
        if getattr(button, "toolTip", str)() == "Move Fourth up"
    ]
    qtbot.mouseClick(up[0], Qt.MouseButton.LeftButton)
    assert [handle.title for handle in page.queue.waiting] == ["Same (2)", "Fourth", "Third"]
    engines.training.remove(others[0])
    assert [handle.title for handle in page.queue.waiting] == ["Fourth", "Third"]
    assert others[0].state is JobState.CANCELLED
    assert page.notice.isHidden(), "a run that never began is not worth a word"
    for handle in page.queue.waiting:
        engines.training.remove(handle)
    assert page.queue.isHidden()
    first.stop()
    qtbot.waitUntil(lambda: first.state.ended, timeout=120_000)


# --- runs of a child that says nothing ------------------------------------------------------------------------


@pytest.fixture
def silent_page(
    silent_queue: JobQueue,
    engines: Engines,
    workspace: Workspace,
    devices: DevicesModel,
    settings: Settings,
    paths: Paths,
    qtbot: QtBot,
) -> TrainingPage:
    """The page with runs that go on for ever; no dataset is open."""
    page = TrainingPage(silent_queue, engines.scoring, workspace, devices, settings, paths)
    page.setFixedSize(1180, 800)
    qtbot.addWidget(page)
    return page


def test_a_run_knows_its_malignant_classes_before_its_dataset_is_open(
    silent_page: TrainingPage, small_dataset: Path
) -> None:
    silent_page.start_run(RunConfig(), small_dataset, "At once")
    assert silent_page.panel.charts._malignant == {"mel"}
    assert silent_page.panel.charts.bars._malignant == {"mel"}


def test_a_run_on_a_dataset_that_cannot_be_read_is_begun_all_the_same(
    silent_page: TrainingPage, tmp_path: Path
) -> None:
    (tmp_path / "no.db").write_bytes(b"no dataset")
    handle = silent_page.start_run(RunConfig(), tmp_path / "no.db", "It will say why")
    assert handle.state is JobState.RUNNING


def test_the_word_of_a_silent_run_goes_when_it_speaks_again(
    silent_page: TrainingPage, silent_queue: JobQueue, small_dataset: Path
) -> None:
    silent_page.start_run(RunConfig(), small_dataset, "Thinking")
    silent_queue.unresponsive.emit(True)
    assert "not reported for a while" in silent_page.notice.text
    silent_queue.unresponsive.emit(False)
    assert silent_page.notice.text == ""


def test_a_stopped_run_that_another_came_after_can_be_gone_on_with(
    silent_page: TrainingPage, silent_queue: JobQueue, small_dataset: Path, workspace: Workspace, qtbot: QtBot
) -> None:
    first = silent_page.start_run(RunConfig(), small_dataset, "First")
    assert isinstance(first.job, TrainNetwork)
    interrupted(Path(first.job.folder), small_dataset)
    silent_queue.kill()
    qtbot.waitUntil(lambda: first.state is JobState.FAILED)
    workspace.runs_changed.emit()
    assert silent_page.unfinished.runs == [], "it is shown, with a way to go on"
    second = silent_page.start_run(RunConfig(), small_dataset, "Second")
    qtbot.waitUntil(lambda: [run.name for run in silent_page.unfinished.runs] == ["First"])
    again = silent_page.resume_unfinished(silent_page.unfinished.runs[0])
    assert again is not None
    assert again.job == msgspec.structs.replace(first.job, resume=True)
    assert again.state is JobState.QUEUED
    assert silent_page.unfinished.runs == []
    silent_queue.remove(again)
    assert second.state is JobState.RUNNING


def test_nothing_moves_when_an_interrupted_run_is_found(
    silent_page: TrainingPage, paths: Paths, small_dataset: Path, qtbot: QtBot
) -> None:
    silent_page.start_run(RunConfig(), small_dataset, "First")
    silent_page.show()
    panel = silent_page.panel
    qtbot.waitUntil(lambda: panel.isVisible() and panel.charts.y() > 0)
    panel.layout().activate()
    qtbot.waitUntil(lambda: panel.height() >= panel.minimumSizeHint().height())
    parts = (panel.stage, panel.charts, panel.log)
    places = [part.mapTo(silent_page, QPoint(0, 0)) for part in parts]
    interrupted(paths.runs / "Earlier", small_dataset)
    silent_page.look_for_unfinished()
    qtbot.waitUntil(silent_page.unfinished.isVisible)
    qtbot.waitUntil(lambda: panel.height() >= panel.minimumSizeHint().height())
    assert [part.mapTo(silent_page, QPoint(0, 0)) for part in parts] == places


def test_a_run_of_an_earlier_day_brings_back_its_steps_and_its_log(
    silent_page: TrainingPage, small_dataset: Path, paths: Paths, qtbot: QtBot
) -> None:
    folder = RunFolder(paths.runs / "Earlier")
    folder.start(RunConfig())
    folder.write_dataset(small_dataset)
    told = [Warned("Only 3 MiB are free."), *stage("head", 2, best=1)]
    folder.write_history([event for event in told if isinstance(event, EpochEnded)])
    with folder.recorded(silent) as record:
        for event in told:
            record(event)
    silent_page.show()
    silent_page.look_for_unfinished()
    qtbot.waitUntil(lambda: len(silent_page.unfinished.runs) == 1)
    handle = silent_page.resume_unfinished(silent_page.unfinished.runs[0])
    assert handle is not None
    # It speaks before its past is read, and says it to its folder, too.
    with folder.recorded(handle.heard.emit) as record:
        record(Said("Going on."))
        record(StageStarted("head", 1, 30, STEPS, 1000, step=3))
    panel = silent_page.panel
    qtbot.waitUntil(lambda: len(panel.charts.loss.points("step")[0]) == STEPS + 3)
    assert panel.charts.loss.points("train")[0].tolist() == [1.0]
    qtbot.waitUntil(lambda: "resumes after epoch 1" in panel.log.toPlainText())
    words = [line.partition("  ")[2] for line in panel.log.toPlainText().splitlines()]
    assert words[0] == "Warning: Only 3 MiB are free."
    assert words[1].startswith("Stage head: ")
    assert words[-2] == "Going on."
    assert len(words) == 1 + 1 + 2 + 1 + 2, "nothing is said twice"


@pytest.mark.parametrize(("width", "columns"), [(1000, 6), (640, 3), (300, 2)])
def test_figures_fill_their_rows_and_say_what_the_engine_uses(
    width: int, columns: int, settings: Settings, qtbot: QtBot
) -> None:
    host = QWidget()
    qtbot.addWidget(host)
    panel = RunPanel(settings, host)
    panel.show_run(LiveRun("made", MADE_CONFIG), ())
    host.resize(1200, 900)
    host.show()
    panel.resize(width, 900)
    panel.hear_beat(Beat(memory_bytes=2 << 30, gpu_percent=83.0, gpu_memory_bytes=3 << 30))
    qtbot.waitUntil(lambda: panel.memory.accessibleDescription() == "2.0\u00a0GiB GPU 3.0\u00a0GiB")
    assert panel.speed.accessibleDescription().endswith("GPU 83\u00a0% busy")

    figures = (panel.stage, panel.epoch, panel.best, panel.speed, panel.time_left, panel.memory)
    assert len({figure.x() for figure in figures}) == columns
    assert len({figure.y() for figure in figures}) == len(figures) // columns


def test_why_a_run_cannot_be_started_stands_beside_the_button(page: TrainingPage) -> None:
    page.show()
    editor = page.setup.form._editors["head_stage.epochs"]
    assert isinstance(editor, NumberEditor)
    editor.line.setText("none")
    editor.line.textEdited.emit("none")
    assert not page.setup.start_button.isEnabled()
    assert page.setup.why.isVisible()
    assert page.setup.why.text() == "Fix first: Epochs."
    editor.line.setText("3")
    editor.line.textEdited.emit("3")
    assert page.setup.start_button.isEnabled()
    assert page.setup.why.isHidden()


def test_weights_that_cannot_be_fetched_are_told_once_with_two_ways_out(
    page: TrainingPage, qtbot: QtBot
) -> None:
    page.show()
    helped = page.setup.weights_help
    page.setup._show_weights({"xception": WeightsState(None, can_fetch=True, download_bytes=84 << 20)})
    assert helped.isHidden()
    page.setup.weights_failed("xception")
    assert helped.isVisible()
    assert "Xception (84\u00a0MiB)" in helped.text.text()
    qtbot.mouseClick(helped.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == get_backbone("xception").keras_url
    page.setup.set_config(msgspec.structs.replace(page.setup.form.config, weights="random"))
    assert helped.isHidden()


def test_the_demo_s_own_settings_stand_in_the_form(page: TrainingPage) -> None:
    page.show_config(demo_config(pretrained=False))
    assert page.setup.config == demo_config(pretrained=False)
    assert page.setup.title == "Demo on drawn lesions"
    assert page.setup.presets.current == ""

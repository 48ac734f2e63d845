"""An own home for every test, real engines, the dataset page, and a small run trained once for all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QEvent

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from skindesk.background import all_done
from skindesk.engine.client import ChildCommand
from skindesk.engine.engines import Engines
from skindesk.engine.jobs import JobQueue
from skindesk.models.workspace import Workspace
from skindesk.paths import Paths
from skindesk.settings import Settings
from skindesk.widgets.theme import apply_theme
from tests.skindesk.dataset_page import PageWindow, open_dataset
from tests.skindesk.results_page import ResultsWindow
from tests.small import TINY_RUN, draw_small_images, index_small_images
from trainer.config import config_to_toml
from trainer.dataset.store import DatasetStore
from trainer.devices.children import own_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from skindesk.pages.dataset import DatasetPage

CLOSING_SECONDS = 30.0
POOL_SECONDS = 30.0


@pytest.fixture(autouse=True)
def _widgets_are_gone() -> Iterator[None]:
    """Delete the widgets of a test for certain: the next one dresses all there are, which takes its time."""
    yield
    assert all_done(POOL_SECONDS)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """Folders of a user who has never started the program."""
    monkeypatch.setenv("SKINDESK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SKINDESK_CACHE_DIR", raising=False)
    return Paths.standard()


@pytest.fixture
def settings(qapp: object, paths: Paths) -> Iterator[Settings]:
    """Settings at their defaults, and the application dressed."""
    apply_theme(qapp, "light")  # type: ignore[arg-type]
    settings = Settings(paths.settings_file)
    yield settings
    settings.flush()


@pytest.fixture
def workspace(settings: Settings) -> Workspace:
    """Nothing is open."""
    return Workspace(settings)


@pytest.fixture
def engines(paths: Paths, settings: Settings) -> Iterator[Engines]:
    """Real engines, whose children are gone after the test."""
    engines = Engines(paths, settings)
    yield engines
    engines.close(CLOSING_SECONDS)


@pytest.fixture
def silent_queue(paths: Paths, settings: Settings) -> Iterator[JobQueue]:
    """A queue whose child takes jobs and never answers."""
    words = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    command = ChildCommand(words, own_environment(), paths.log_file("engine-silent.log"))
    queue = JobQueue("silent", lambda: command, grace=lambda: 30.0, parent=settings)
    yield queue
    queue.begin_close()
    assert queue.wait_closed(time.monotonic() + 30)
    queue.end_close()


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """84 drawn images of 48 x 40 pixels in three classes, in HAM10000's layout."""
    return draw_small_images(tmp_path_factory.mktemp("small images"))


@pytest.fixture(scope="session")
def first_small_dataset(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return index_small_images(small_folder, tmp_path_factory.mktemp("small dataset") / "small.db")


@pytest.fixture
def small_dataset(first_small_dataset: Path, tmp_path: Path) -> Path:
    """A split dataset of those images, for one test alone."""
    return shutil.copyfile(first_small_dataset, tmp_path / "small.db")


@pytest.fixture(scope="session")
def first_tiny_run(first_small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny run")
    config = folder / "tiny.toml"
    config.write_text(config_to_toml(TINY_RUN), encoding="utf-8")
    command = [sys.executable, "-m", "trainer", "train", first_small_dataset, "--config", config]
    environment = os.environ | {"SKINDESK_CACHE_DIR": str(folder / "cache")}
    subprocess.run([*command, "--out", folder / "run"], check=True, capture_output=True, env=environment)
    return folder / "run"


@pytest.fixture
def tiny_run(first_tiny_run: Path, paths: Paths) -> Path:
    """A finished run of the tiny backbone, in the folder of runs."""
    return shutil.copytree(first_tiny_run, paths.runs / "tiny run")


@pytest.fixture
def own_dataset(small_folder: Path, small_dataset: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A folder of images that a test may change, and the dataset of it."""
    folder = shutil.copytree(small_folder, tmp_path / "my images")
    with DatasetStore.open(small_dataset) as store:
        store.relocate(folder)
    return folder, small_dataset


@pytest.fixture
def dataset_window(
    qtbot: QtBot, engines: Engines, workspace: Workspace, settings: Settings, paths: Paths
) -> PageWindow:
    window = PageWindow(engines, workspace, settings, paths)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    return window


@pytest.fixture
def dataset_page(dataset_window: PageWindow) -> DatasetPage:
    """The dataset page, with nothing open."""
    return dataset_window.page


@pytest.fixture
def results_window(
    qtbot: QtBot, engines: Engines, workspace: Workspace, settings: Settings, paths: Paths
) -> ResultsWindow:
    """The results page in a window that has not been shown yet."""
    window = ResultsWindow(engines, workspace, settings, paths)
    qtbot.addWidget(window)
    return window


@pytest.fixture
def opened_page(qtbot: QtBot, dataset_page: DatasetPage, small_dataset: Path) -> DatasetPage:
    """The dataset page with the small dataset of 84 images in three classes."""
    open_dataset(qtbot, dataset_page, small_dataset)
    return dataset_page

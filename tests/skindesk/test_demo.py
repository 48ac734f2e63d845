"""The demo's story: what is said and asked, step by step, and where it ends. No engine works here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from PySide6.QtWidgets import QLabel, QWidget

from skindesk.demo import Demo
from skindesk.engine.handles import JobHandle, JobState, Outcome
from trainer.protocol.library import DemoDrawn, DrawDemo
from trainer.protocol.scoring import EvaluateBundle, Scored
from trainer.protocol.training import RunFinished, TrainNetwork

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from skindesk.engine.engines import Engines
    from skindesk.main_window import MainWindow
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from trainer.config import RunConfig
    from trainer.protocol.lines import AnyJob, AnyResult


class Pages(QWidget):
    """The window, its pages and the queues in one: notes what is asked of them."""

    def __init__(self) -> None:
        super().__init__()
        self.current = ""
        self.said: list[str] = []
        self.jobs: list[JobHandle] = []
        self.shown: list[Path] = []
        self.config: RunConfig | None = None

    def page(self, _key: str) -> Pages:
        return self

    def show_page(self, key: str) -> None:
        self.current = key

    def show_banner(self, banner: QWidget) -> None:
        banner.setParent(self)

    def queue_for(self, _kind: type) -> Pages:
        return self

    def submit(self, job: AnyJob, title: str) -> JobHandle:
        self.jobs.append(JobHandle(job, title, lambda _handle: None))
        return self.jobs[-1]

    def wait_for_drawings(self) -> None:
        self.said.append("waiting")

    def wait_no_more(self) -> None:
        self.said.append("no more")

    def show_config(self, config: RunConfig) -> None:
        self.config = config

    def start_run(self, config: RunConfig, dataset: Path, title: str) -> JobHandle:
        assert config == self.config, "the settings of the run stand in the form"
        return self.submit(
            TrainNetwork(dataset=str(dataset), folder="run", config=config, cache_folder=""), title
        )

    def show_apart(self, paths: list[Path]) -> None:
        self.shown = paths

    def end(self, result: AnyResult | None, state: JobState = JobState.DONE) -> None:
        self.jobs[-1].end(Outcome(state, result))


@pytest.fixture
def pages(qtbot: QtBot) -> Pages:
    pages = Pages()
    qtbot.addWidget(pages)
    return pages


@pytest.fixture
def demo(pages: Pages, workspace: Workspace, paths: Paths) -> Demo:
    demo = Demo(cast("Engines", pages), cast("MainWindow", pages), workspace, paths)
    pages.show()
    demo.start()
    return demo


def step(demo: Demo) -> str:
    (now,) = (label for label in demo.bar.steps if label.property("role") == "step-now")
    return now.text()


def test_the_demo_is_named_from_its_first_second_and_ends_on_a_diagnosis(
    demo: Demo, pages: Pages, workspace: Workspace, small_dataset: Path, tmp_path: Path
) -> None:
    assert "Demo" in {label.text() for label in demo.bar.findChildren(QLabel)}
    assert (pages.current, step(demo)) == ("dataset", "1 Draw")
    assert "not photographs" in demo.bar.sentence.text()
    assert pages.said == ["waiting"]
    assert isinstance(pages.jobs[-1].job, DrawDemo)

    pages.end(DemoDrawn(dataset=str(small_dataset), report=None))  # type: ignore[arg-type]
    assert (pages.current, step(demo)) == ("training", "2 Train")
    assert pages.jobs[-1].title == "Demo on drawn lesions"

    bundle = tmp_path / "run" / "bundle"
    pages.end(RunFinished(bundle=str(bundle)))
    scoring = pages.jobs[-1].job
    assert isinstance(scoring, EvaluateBundle)
    assert (step(demo), scoring.part, scoring.bundle) == ("3 Score", "test", str(bundle))

    pages.end(Scored(text="", report=""))
    assert step(demo) == "4 Diagnose"
    assert pages.current == "diagnosis"
    assert len(pages.shown) == 2
    assert workspace.bundle == bundle
    assert not demo.running


def test_whoever_has_gone_elsewhere_is_led_to_the_diagnosis_by_a_button(
    demo: Demo, pages: Pages, small_dataset: Path, tmp_path: Path
) -> None:
    pages.end(DemoDrawn(dataset=str(small_dataset), report=None))  # type: ignore[arg-type]
    pages.show_page("settings")
    pages.end(RunFinished(bundle=str(tmp_path / "run" / "bundle")))
    pages.end(Scored(text="", report=""))
    assert pages.current == "settings"
    assert demo.bar.button.isVisible()
    demo.bar.button.click()
    assert pages.current == "diagnosis"


def test_a_demo_that_is_stopped_says_so_and_gives_the_page_back(demo: Demo, pages: Pages) -> None:
    pages.end(None, JobState.CANCELLED)
    assert pages.said == ["waiting", "no more"]
    assert demo.bar.sentence.text() == "The demo was stopped."
    assert not demo.running
    demo.bar.close_button.click()
    assert demo.bar.isHidden()

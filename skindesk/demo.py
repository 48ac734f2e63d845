"""The demo in the window: a drawn dataset, a quick training in view, its score, and a first diagnosis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from PySide6.QtCore import QObject

from skindesk.engine.jobs import JobState
from skindesk.widgets.story_bar import StoryBar
from trainer.presets import DEMO_BACKBONE, demo_config
from trainer.protocol.library import DemoDrawn, DrawDemo
from trainer.protocol.scoring import EvaluateBundle, Scored
from trainer.protocol.training import RunFinished
from trainer.runs.reports import report_folder

if TYPE_CHECKING:
    from skindesk.engine.engines import Engines
    from skindesk.engine.jobs import JobHandle, Outcome
    from skindesk.main_window import MainWindow
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from trainer.config import RunConfig

_IMAGES = 3
_DRAW, _TRAIN, _SCORE, _DIAGNOSE = range(4)


class CanWait(Protocol):
    """A page that shows a dataset, or what will become one."""

    def wait_for_drawings(self) -> None:
        """Say that the demo's dataset is being drawn."""

    def wait_no_more(self) -> None:
        """Show what there is: the drawings have not come."""


class CanTrain(Protocol):
    """A page that trains."""

    def show_config(self, config: RunConfig) -> None:
        """Show settings in the form."""

    def start_run(self, config: RunConfig, dataset: Path, title: str) -> JobHandle:
        """Begin a run."""


class CanDiagnose(Protocol):
    """A page that diagnoses."""

    def add_images(self, paths: list[Path]) -> None:
        """Show images."""

    def show_apart(self, paths: list[Path]) -> None:
        """Show images that are no part of what is shown now."""


class Demo(QObject):
    """One go through the main job on drawings, told in a bar across the window.

    Attributes:
        running: whether it has not come to its end yet.
        bar: says which step is under way.
    """

    def __init__(
        self,
        engines: Engines,
        window: MainWindow,
        workspace: Workspace,
        paths: Paths,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engines, self._window = engines, window
        self._workspace, self._paths = workspace, paths
        self._dataset = self._bundle = Path()
        self._handle: JobHandle | None = None
        self.running = False
        self.bar = StoryBar(
            self.tr("Demo"), (self.tr("Draw"), self.tr("Train"), self.tr("Score"), self.tr("Diagnose"))
        )
        self.bar.stop_asked.connect(self._stop)
        self.bar.acted.connect(self._show_diagnosis)
        window.show_banner(self.bar)

    def start(self) -> None:
        """Draw the dataset; the rest follows."""
        self.running = True
        self._window.show_page("dataset")
        cast("CanWait", self._window.page("dataset")).wait_for_drawings()
        self.bar.show_step(_DRAW, self.tr("Drawing lesions. These are drawings, not photographs of skin."))
        self._handle = self._engines.queue_for(DrawDemo).submit(
            DrawDemo(folder=str(self._paths.demo)), self.tr("Drawing the demo's lesions")
        )
        self._handle.ended.connect(self._drawn)

    def _drawn(self, outcome: Outcome) -> None:
        if not isinstance(outcome.result, DemoDrawn):
            cast("CanWait", self._window.page("dataset")).wait_no_more()
            self._end_early(outcome)
            return
        self._dataset = Path(outcome.result.dataset)
        self._workspace.set_dataset(self._dataset)
        self._workspace.dataset_edited.emit()
        self._window.show_page("training")
        page = cast("CanTrain", self._window.page("training"))
        config = demo_config(pretrained=_pretrained())
        page.show_config(config)
        self.bar.show_step(
            _TRAIN, self.tr("Training a small network on the drawings: a few minutes on a CPU.")
        )
        self._handle = page.start_run(config, self._dataset, self.tr("Demo on drawn lesions"))
        self._handle.ended.connect(self._trained)

    def _trained(self, outcome: Outcome) -> None:
        if not isinstance(outcome.result, RunFinished):
            self._end_early(outcome)
            return
        self._bundle = Path(outcome.result.bundle)
        self.bar.show_step(_SCORE, self.tr("Scoring the network on drawings it has not seen."))
        job = EvaluateBundle(
            bundle=str(self._bundle),
            dataset=str(self._dataset),
            report=str(report_folder(self._bundle.parent, "test")),
        )
        self._handle = self._engines.queue_for(EvaluateBundle).submit(
            job, self.tr("Scoring the demo's network")
        )
        self._handle.ended.connect(self._scored)

    def _scored(self, outcome: Outcome) -> None:
        if not isinstance(outcome.result, Scored):
            self._end_early(outcome)
            return
        self._workspace.runs_changed.emit()
        self._workspace.set_bundle(self._bundle)
        page = cast("CanDiagnose", self._window.page("diagnosis"))
        page.show_apart(_some_test_images(self._dataset))
        self.running = False
        self.bar.show_step(_DIAGNOSE, "")
        self.bar.show_end(
            self.tr("The network is trained and scored. There are {n} drawings to diagnose.").format(
                n=_IMAGES
            ),
            self.tr("Go to Diagnosis"),
        )
        if self._window.current == "training":  # whoever has gone elsewhere is not called away
            self._show_diagnosis()

    def _show_diagnosis(self) -> None:
        self._window.show_page("diagnosis")
        self.bar.show_end(
            self.tr("These are the network's results for drawings it has not seen. Now open your own images.")
        )

    def _stop(self) -> None:
        if self._handle is not None:
            self._handle.stop()

    def _end_early(self, outcome: Outcome) -> None:
        self.running = False
        if outcome.state is JobState.FAILED:
            self.bar.show_end(self.tr("The demo failed. {why}").format(why=outcome.message))
        else:
            self.bar.show_end(self.tr("The demo was stopped."))


def _pretrained() -> bool:
    from trainer.backbones import get_backbone
    from trainer.devices.weights_at_hand import locate_weights

    return locate_weights(get_backbone(DEMO_BACKBONE)) is not None


def _some_test_images(dataset: Path) -> list[Path]:
    """Return images of different classes that the network was not trained on."""
    from trainer.dataset.store import DatasetStore

    with DatasetStore.open(dataset, read_only=True) as store:
        frame = store.frame("test")
    wanted = frame[frame["class_name"].isin(["mel", "bcc", "nv"])].groupby("class_name").head(1)
    return [Path(path) for path in wanted["path"].head(_IMAGES)]

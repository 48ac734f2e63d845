"""The demo in the window: a drawn dataset, a quick training in view, and an image ready to be diagnosed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from PySide6.QtCore import QObject

from skindesk.engine.jobs import JobState
from trainer.presets import DEMO_BACKBONE, demo_config
from trainer.protocol.library import DemoDrawn, DrawDemo
from trainer.protocol.training import RunFinished

if TYPE_CHECKING:
    from skindesk.engine.jobs import JobHandle, JobQueue, Outcome
    from skindesk.main_window import MainWindow
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from trainer.config import RunConfig

_IMAGES = 3


class CanTrain(Protocol):
    """A page that trains."""

    def start_run(self, config: RunConfig, dataset: Path, title: str) -> JobHandle:
        """Begin a run."""


class CanDiagnose(Protocol):
    """A page that diagnoses."""

    def add_images(self, paths: list[Path]) -> None:
        """Show images."""

    def show_apart(self, paths: list[Path]) -> None:
        """Show images that are no part of what is shown now."""


class Demo(QObject):
    """One go through the main job on drawings.

    Attributes:
        running: whether it has not come to its end yet.
    """

    def __init__(
        self,
        library: JobQueue,
        window: MainWindow,
        workspace: Workspace,
        paths: Paths,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._library, self._window = library, window
        self._workspace, self._paths = workspace, paths
        self._dataset = Path()
        self.running = False

    def start(self) -> None:
        """Draw the dataset; the rest follows."""
        self.running = True
        self._window.show_page("dataset")
        handle = self._library.submit(
            DrawDemo(folder=str(self._paths.demo)), self.tr("Drawing the demo's lesions")
        )
        handle.ended.connect(self._drawn)

    def _drawn(self, outcome: Outcome) -> None:
        if not isinstance(outcome.result, DemoDrawn):
            self.running = False
            if outcome.state == JobState.FAILED:
                self._workspace.notified.emit(outcome.message)
            return
        self._dataset = Path(outcome.result.dataset)
        self._workspace.set_dataset(self._dataset)
        self._workspace.dataset_edited.emit()
        self._window.show_page("training")
        page = cast("CanTrain", self._window.page("training"))
        handle = page.start_run(
            demo_config(pretrained=_pretrained()), self._dataset, self.tr("Demo on drawn lesions")
        )
        handle.ended.connect(self._trained)

    def _trained(self, outcome: Outcome) -> None:
        self.running = False
        if not isinstance(outcome.result, RunFinished):
            return
        self._workspace.set_bundle(Path(outcome.result.bundle))
        images = _some_test_images(self._dataset)
        cast("CanDiagnose", self._window.page("diagnosis")).show_apart(images)
        self._workspace.notified.emit(
            self.tr("The demo's network is trained. Diagnosis has {n} drawn images ready for it.").format(
                n=len(images)
            )
        )


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

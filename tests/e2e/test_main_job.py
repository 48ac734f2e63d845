"""The main job, driven through the real window and the real engine, from a dropped folder to a PDF read back."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from skindesk.app import SkinDesk
from skindesk.engine import JobState
from tests.drops import drop
from tests.small import TINY_RUN
from trainer.dataset.classes.names import full_name
from trainer.dataset.store import DatasetStore
from trainer.protocol.training import RunFinished

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

    from skindesk.pages.diagnosis import DiagnosisPage
    from skindesk.pages.training import TrainingPage
    from skindesk.paths import Paths

LONG_MS = 240_000
EPOCHS = 23
RUN = msgspec.structs.replace(
    TINY_RUN, fine_tune_stage=msgspec.structs.replace(TINY_RUN.fine_tune_stage, epochs=EPOCHS - 3)
)


@pytest.fixture
def program(paths: Paths, qtbot: QtBot) -> Iterator[SkinDesk]:
    """The whole program with its window, as it is started."""
    program = SkinDesk(paths)
    program.window.show()
    qtbot.addWidget(program.window)
    yield program
    program.engines.close(60)


def is_split(program: SkinDesk) -> bool:
    """Whether the open dataset is imported and split."""
    path = program.workspace.dataset
    if path is None or program.engines.library.jobs:
        return False
    with DatasetStore.open(path, read_only=True) as store:
        return store.certificate() is not None


def predicted_by_command(bundle: Path, image: Path) -> dict[str, float]:
    """Return the probabilities that the command line gives."""
    command = [sys.executable, "-m", "trainer", "predict", str(bundle), str(image), "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    probabilities: dict[str, float] = json.loads(ran.stdout)[0]["probabilities"]
    return probabilities


def import_by_dropping(program: SkinDesk, folder: Path, qtbot: QtBot) -> Path:
    """Drop a folder on the page; return the dataset once it is imported and split."""
    program.window.show_page("dataset")
    assert drop(program.window.page("dataset"), folder)
    qtbot.waitUntil(lambda: is_split(program), timeout=LONG_MS)
    return cast("Path", program.workspace.dataset)


def train_stop_and_resume(program: SkinDesk, dataset: Path, qtbot: QtBot) -> Path:
    """Train while points arrive in the plots, stop, go on to the end; return the bundle."""
    program.window.show_page("training")
    training = cast("TrainingPage", program.window.page("training"))
    training.setup.set_config(RUN)  # or between two runs the page would time the network that its form offers
    handle = training.start_run(RUN, dataset, "Whole job")
    charts = training.panel.charts

    def validated() -> int:
        return len(charts.loss.points("validation")[0])

    qtbot.waitUntil(lambda: validated() >= 4, timeout=LONG_MS)
    assert handle.state is JobState.RUNNING
    assert charts.loss.points("step")[0].size > 4
    x, accuracy = charts.accuracy.points("validation")
    assert x.tolist() == sorted(x.tolist())
    assert ((accuracy >= 0) & (accuracy <= 1)).all()
    training.stop()
    qtbot.waitUntil(lambda: handle.state.ended, timeout=LONG_MS)
    assert handle.state is JobState.CANCELLED
    assert validated() < EPOCHS
    training.resume()
    (resumed,) = program.engines.training.jobs
    qtbot.waitUntil(lambda: resumed.state.ended, timeout=LONG_MS)
    assert resumed.outcome is not None
    assert isinstance(resumed.outcome.result, RunFinished), resumed.outcome.message
    qtbot.waitUntil(lambda: validated() == EPOCHS, timeout=LONG_MS)
    return Path(resumed.outcome.result.bundle)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not installed")
def test_from_a_dropped_folder_to_a_pdf(
    program: SkinDesk, small_folder: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    dataset = import_by_dropping(program, small_folder, qtbot)
    bundle = train_stop_and_resume(program, dataset, qtbot)
    program.window.show_page("results")
    program.runs.refresh()
    qtbot.waitUntil(lambda: len(program.runs.bundles) == 1, timeout=LONG_MS)
    assert program.runs.bundles[0].name == "Whole job"

    program.workspace.set_bundle(bundle)
    program.window.show_page("diagnosis")
    diagnosis = cast("DiagnosisPage", program.window.page("diagnosis"))
    image = sorted((small_folder / "images").iterdir())[20]
    assert drop(diagnosis, image)
    qtbot.waitUntil(lambda: diagnosis.answered, timeout=LONG_MS)
    shown = diagnosis.model.images[0].prediction
    assert shown is not None
    expected = predicted_by_command(bundle, image)
    assert shown.probabilities == pytest.approx(expected, abs=1e-5)

    file = tmp_path / "report.pdf"
    assert diagnosis.save_pdf(file)
    qtbot.waitUntil(file.exists, timeout=LONG_MS)
    check_report(file, image, expected)


def check_report(file: Path, image: Path, expected: dict[str, float]) -> None:
    """Read the PDF back: the image's name, the statement, and every probability beside its class."""
    # A flagged image has its probabilities in a sentence, another one in a table.
    orders = ([], ["-layout"])
    text = " ".join(
        subprocess.run(
            ["pdftotext", *order, str(file), "-"], capture_output=True, text=True, check=True
        ).stdout
        for order in orders
    )
    text = " ".join(text.split())
    assert image.name in text
    assert "not a medical device" in text
    for name, probability in expected.items():
        found = re.findall(rf"{re.escape(full_name(name))} (\d+\.\d) ?%", text)
        assert any(float(number) == pytest.approx(100 * probability, abs=0.051) for number in found), name


def test_a_run_that_lost_its_window_is_offered_at_the_next_start(
    paths: Paths, small_dataset: Path, qtbot: QtBot
) -> None:
    first = SkinDesk(paths)
    qtbot.addWidget(first.window)
    first.window.show()
    first.workspace.set_dataset(small_dataset)
    first.window.show_page("training")
    training = cast("TrainingPage", first.window.page("training"))
    training.setup.set_config(RUN)
    training.start_run(RUN, small_dataset, "Interrupted")
    qtbot.waitUntil(lambda: len(training.panel.charts.loss.points("validation")[0]) >= 4, timeout=LONG_MS)
    first.engines.close(60)  # as the window does when it is closed

    second = SkinDesk(paths)
    qtbot.addWidget(second.window)
    second.window.show()
    second.workspace.set_dataset(small_dataset)
    second.window.show_page("training")
    again = cast("TrainingPage", second.window.page("training"))
    again.setup.set_config(RUN)
    qtbot.waitUntil(lambda: len(again.unfinished.runs) == 1, timeout=LONG_MS)
    assert again.unfinished.runs[0].name == "Interrupted"

    handle = again.resume_unfinished(again.unfinished.runs[0])

    assert handle is not None
    qtbot.waitUntil(lambda: handle.state.ended, timeout=LONG_MS)
    assert handle.state is JobState.DONE
    second.engines.close(60)

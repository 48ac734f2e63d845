"""Reports ordered by a window: another process writes them, and the window never waits for a lock of Qt's."""

from __future__ import annotations

import contextlib
import os
import signal as signals
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import psutil
import pytest
from PIL import Image

from skindesk.models import pictures
from skindesk.models.diagnosis.patient import PatientFields
from skindesk.models.pictures import read_picture
from skindesk.reports import orders
from skindesk.reports.orders import AskedImage, DiagnosisOrder, TrainingOrder, have_written
from skindesk.reports.prints import print_of, with_pictures
from tests.skindesk.made_runs import make_run
from tests.skindesk.reports_reading import ReadPdf, needs_poppler
from trainer.errors import TrainerError
from trainer.images.framing import ImageView, read_view
from trainer.predictions import Prediction

REPOSITORY = Path(__file__).resolve().parents[2]
ANSWER = {"bkl": 0.1, "mel": 0.7, "nv": 0.2}
BUSY_SECONDS = 300.0


@pytest.fixture
def order(tmp_path: Path) -> DiagnosisOrder:
    """One image, turned and cut, for a network that never was."""
    image = tmp_path / "left arm.png"
    Image.new("RGB", (48, 40), (180, 120, 90)).save(image)
    view = ImageView(path=str(image), rotation=90.0, crop=(0.0, 0.0, 0.5, 1.0))
    said = Prediction(path=str(image), probabilities=ANSWER, predicted="mel", malignant_probability=0.7)
    return DiagnosisOrder(
        bundle=str(make_run(tmp_path / "run") / "bundle"),
        images=(AskedImage(view, said),),
        patient=PatientFields(name="Jane <Doe>", notes="one\ntwo"),
        file=str(tmp_path / "report.pdf"),
        paper="Letter",
    )


@needs_poppler
def test_what_is_ordered_is_written(order: DiagnosisOrder) -> None:
    written = have_written(order)
    report = ReadPdf(Path(order.file))
    assert (written.place, written.pages, written.notes) == (order.file, (len(report.pages),), ())
    assert report.info["Page size"] == "612 x 792 pts (letter)"
    for sentence in ("Jane <Doe>", "left arm.png", "rotated by 90° clockwise", "20 × 48 pixels", "70.0 %"):
        assert sentence in report.flowing, sentence


@needs_poppler
def test_a_run_is_reported_too(tmp_path: Path) -> None:
    run = make_run(tmp_path / "Fine network")
    written = have_written(TrainingOrder(run=str(run), file=str(tmp_path / "run.pdf")))
    assert "Fine network" in ReadPdf(Path(written.place)).text


@needs_poppler
def test_an_image_that_has_gone_leaves_its_prediction(order: DiagnosisOrder) -> None:
    Path(order.images[0].view.path).unlink()
    text = ReadPdf(Path(have_written(order).place)).flowing
    assert "The picture could not be read again for this report." in text
    assert "70.0 %" in text


@needs_poppler
def test_a_picture_that_a_window_holds_is_printed_without_its_file(order: DiagnosisOrder) -> None:
    image = Path(order.images[0].view.path)
    Image.effect_noise((47, 40), 60).convert("RGB").save(image)  # rows of a width that Qt pads
    held = with_pictures(order, [read_picture(image)])
    assert held.images[0].picture == print_of(read_view(order.images[0].view))
    image.unlink()
    text = ReadPdf(Path(have_written(held).place)).flowing
    assert "20 × 47 pixels" in text
    assert "could not be read again" not in text


def test_a_picture_that_was_shrunk_for_the_screen_is_read_from_its_file(
    order: DiagnosisOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "LARGEST_SIDE", 24)
    shrunk = read_picture(Path(order.images[0].view.path))
    assert with_pictures(order, [shrunk]) == with_pictures(order, [None]) == order


def test_what_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    order = TrainingOrder(run=str(tmp_path / "nothing"), file=str(tmp_path / "run.pdf"))
    with pytest.raises(TrainerError, match=r"^.*nothing holds no run; choose the folder of one\.$"):
        have_written(order)


def test_a_defect_is_told_with_what_was_said_last(
    order: DiagnosisOrder,
) -> None:
    said = msgspec.structs.replace(order.images[0].prediction, predicted="a class that never was")
    asked = msgspec.structs.replace(order.images[0], prediction=said)
    with pytest.raises(RuntimeError, match=r"(?s)exit status 1.*KeyError: 'a class that never was'"):
        have_written(msgspec.structs.replace(order, images=(asked,)))


def test_a_report_that_takes_too_long_is_given_up(
    order: DiagnosisOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "LONGEST_SECONDS", 0.01)
    with pytest.raises(TrainerError, match=r"was not finished within 1\u00a0s and was given up"):
        have_written(order)
    assert not orders._writing
    assert not psutil.Process().children()
    assert not Path(order.file).exists()


def test_a_window_that_closes_ends_what_still_writes(tmp_path: Path) -> None:
    bundle = make_run(tmp_path / "run") / "bundle"
    order = order_with_long_notes([str(bundle), str(tmp_path / "report.pdf")])
    with ThreadPoolExecutor(1) as worker:
        writing = worker.submit(have_written, order)
        while not orders._writing:
            with contextlib.suppress(TimeoutError):
                writing.exception(0.05)
        orders.end_reports()
        with pytest.raises(RuntimeError, match="A report was not written"):
            writing.result(BUSY_SECONDS)
    assert not (tmp_path / "report.pdf").exists()


_ORDERING = """
import sys
from tests.skindesk.test_reports_orders import order_with_long_notes
from skindesk.reports import orders
from skindesk.reports.orders import have_written
have_written(order_with_long_notes(sys.argv[1:]))
"""


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM"])
def test_the_process_that_writes_a_report_ends_with_its_window(tmp_path: Path, signal: str) -> None:
    bundle, file = make_run(tmp_path / "run") / "bundle", tmp_path / "report.pdf"
    window = subprocess.Popen(
        [sys.executable, "-c", _ORDERING, bundle, file],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        cwd=REPOSITORY,
    )
    with window:
        deadline = time.monotonic() + BUSY_SECONDS
        writers: list[psutil.Process] = []
        while not any(writer.num_threads() > 1 for writer in writers):
            assert time.monotonic() < deadline
            assert window.poll() is None, "it was to be stopped while the report is written"
            with contextlib.suppress(subprocess.TimeoutExpired):
                window.wait(0.05)
            writers = psutil.Process(window.pid).children()
        window.send_signal(getattr(signals, signal))
    assert psutil.wait_procs(writers, timeout=10.0)[1] == []


_BUSY = """
import sys, threading
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QCheckBox, QLineEdit, QWidget
from tests.skindesk.test_reports_orders import order_with_long_notes
from skindesk.reports import orders
from skindesk.reports.orders import have_written
application = QApplication([])
worker = threading.Thread(target=lambda: have_written(order_with_long_notes(sys.argv[1:])))
sys.setswitchinterval(0.05)  # the longer a thread keeps Python's lock, the surer two meet
def make_and_delete():
    for _ in range(20):
        window = QWidget()
        for _ in range(8):
            box, line = QCheckBox("x", window), QLineEdit(window)
            for _ in range(8):
                box.toggled.connect(line.setEnabled)
            line.textChanged.connect(box.setText)
        window.deleteLater()
    if not worker.is_alive():
        application.exit()
timer = QTimer()
timer.timeout.connect(make_and_delete)
worker.start()
timer.start(0)
application.exec()
"""


def order_with_long_notes(words: list[str]) -> DiagnosisOrder:
    """Each line of notes is a document of its own; the more of them, the surer would a window wait for ever."""
    bundle, file = words
    notes = "\n".join(f"Line {number}." for number in range(3000))
    asked = AskedImage(ImageView(path="x.png"), Prediction(path="x.png", error="It is not there."))
    return DiagnosisOrder(bundle=bundle, images=(asked,), patient=PatientFields(notes=notes), file=file)


def test_a_window_that_makes_and_deletes_widgets_never_waits_for_a_report(tmp_path: Path) -> None:
    bundle, file = make_run(tmp_path / "run") / "bundle", tmp_path / "report.pdf"
    # A process of its own, since one that waits for a lock for ever could not even fail.
    subprocess.run(
        [sys.executable, "-c", _BUSY, bundle, file],
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
        cwd=REPOSITORY,
        check=True,
        timeout=BUSY_SECONDS,
    )
    assert file.read_bytes().startswith(b"%PDF")

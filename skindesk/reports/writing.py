"""Gathers and writes what was ordered: in a process of its own for a window, or in that of the command line."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import threading
from datetime import datetime
from pathlib import Path

import msgspec
import psutil
from PySide6.QtGui import QGuiApplication, QImage

from skindesk.reports.content import DiagnosisReport, ReportImage, report_model
from skindesk.reports.orders import LONGEST_SECONDS, AnyOrder, AskedImage, DiagnosisOrder
from skindesk.reports.pdf import write_diagnosis_pdf, write_training_pdf
from skindesk.reports.prints import as_image, print_of
from skindesk.reports.training import training_report
from trainer import __version__
from trainer.errors import EXIT_BAD_INPUT, EXIT_STOPPED, ImageError, TrainerError
from trainer.images.framing import read_view


def write(order: AnyOrder) -> int:
    """Write a report. Qt is started if it is not yet; on Linux without looking for a screen.

    Returns:
        The number of pages.

    Raises:
        TrainerError: it cannot be written, in words.
    """
    if QGuiApplication.instance() is None:
        if sys.platform == "linux":
            os.environ["QT_QPA_PLATFORM"] = "offscreen"
        QGuiApplication([sys.argv[0]])
    file = Path(order.file)
    if isinstance(order, DiagnosisOrder):
        return write_diagnosis_pdf(diagnosis_report(order), file, paper=order.paper)
    return write_training_pdf(training_report(Path(order.run)), file, paper=order.paper)


def diagnosis_report(order: DiagnosisOrder) -> DiagnosisReport:
    """Gather the report of images; pictures that the order lacks are read from their files.

    Raises:
        BundleError: the bundle is damaged, changed or too new.
    """
    return DiagnosisReport(
        patient=order.patient,
        images=tuple(_report_image(image) for image in order.images),
        together=order.together,
        model=report_model(Path(order.bundle), name=order.name),
        created=datetime.now().astimezone(),
        program_version=__version__,
    )


def _report_image(image: AskedImage) -> ReportImage:
    path = Path(image.view.path)
    view = None if image.view.whole else image.view
    if image.prediction.error:
        return ReportImage(path, QImage(), image.prediction, view)
    try:
        printed = image.picture or print_of(read_view(image.view))
    except ImageError:  # it could be read a moment ago; its prediction stands all the same
        return ReportImage(path, QImage(), image.prediction, view)
    return ReportImage(path, as_image(printed), image.prediction, view, printed.seen)


def serve(window: int) -> int:
    """Write the report that is ordered on stdin, and end with the window that ordered it.

    Args:
        window: id of the window's process.

    Returns:
        The exit status: 0 done; 2 it cannot be written, with a sentence on stderr.
    """
    threading.Thread(target=_end_with, args=(window,), daemon=True).start()
    # Whatever hangs, and whether or not it lets a thread of Python run.
    faulthandler.dump_traceback_later(LONGEST_SECONDS, exit=True)
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=AnyOrder)
    try:
        write(order)
    except TrainerError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_BAD_INPUT
    return 0


def _end_with(window: int) -> None:
    """End this process when that of its window is gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(window).wait()
    os._exit(EXIT_STOPPED)

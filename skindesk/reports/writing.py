"""Gathers and writes what was ordered: in a process of its own for a window, or in that of the command line."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil
from PySide6.QtGui import QGuiApplication, QImage

from skindesk.reports.content import DiagnosisReport, ReportImage, report_model
from skindesk.reports.letterhead import read_letterhead
from skindesk.reports.orders import (
    LONGEST_SECONDS,
    AnyOrder,
    AskedImage,
    CasesOrder,
    DiagnosisOrder,
    TrainingOrder,
    Written,
)
from skindesk.reports.pdf import write_cases_pdf, write_diagnosis_pdf, write_training_pdf
from skindesk.reports.prints import as_image, print_of
from skindesk.reports.training import training_report
from skindesk.reports.words import safe_name
from trainer import __version__
from trainer.errors import EXIT_BAD_INPUT, EXIT_STOPPED, ImageError, TrainerError
from trainer.images.framing import read_view

if TYPE_CHECKING:
    from collections.abc import Iterator


def write(order: AnyOrder) -> Written:
    """Write a report, or a folder of them. Qt is started if it is not yet; on Linux without looking for a screen.

    Raises:
        TrainerError: it cannot be written, in words.
    """
    if QGuiApplication.instance() is None:
        if sys.platform == "linux":
            os.environ["QT_QPA_PLATFORM"] = "offscreen"
        QGuiApplication([sys.argv[0]])
    letterhead = read_letterhead(order.letterhead)
    if isinstance(order, TrainingOrder):
        report = training_report(Path(order.run))
        pages = [write_training_pdf(report, Path(order.file), paper=order.paper, letterhead=letterhead)]
    elif isinstance(order, CasesOrder) and not order.separate:
        reports = [diagnosis_report(case) for case in order.cases]
        pages = [write_cases_pdf(reports, Path(order.file), paper=order.paper, letterhead=letterhead)]
    else:
        pages = [
            write_diagnosis_pdf(one, file, paper=order.paper, letterhead=letterhead)
            for file, one in _reports(order)
        ]
    notes = (letterhead.problem,) if letterhead.problem else ()
    return Written(place=order.file, pages=tuple(pages), notes=notes)


def _reports(order: DiagnosisOrder | CasesOrder) -> Iterator[tuple[Path, DiagnosisReport]]:
    """Yield the file and the report of all images, of each, or of each case."""
    if isinstance(order, CasesOrder):
        for case in order.cases:
            yield Path(order.file) / case.file, diagnosis_report(case)
        return
    report = diagnosis_report(order)
    if not order.separate:
        yield Path(order.file), report
        return
    digits = len(str(len(report.images)))
    for number, image in enumerate(report.images, start=1):
        name = f"{number:0{digits}d} {safe_name(image.path.stem)}".strip()
        yield Path(order.file) / f"{name}.pdf", replace(report, images=(image,), together=None)


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
        case=order.case,
    )


def _report_image(image: AskedImage) -> ReportImage:
    path = Path(image.name or image.view.path)
    view = None if image.view.whole else image.view
    if image.prediction.error:
        return ReportImage(path, QImage(), image.prediction, view)
    unseen = ReportImage(path, QImage(), image.prediction, view, similar=image.similar)
    try:
        printed = image.picture or print_of(read_view(image.view))
    except ImageError:  # it could be read a moment ago; its prediction stands all the same
        return unseen
    return replace(unseen, picture=as_image(printed), pixels=printed.seen, evidence=image.evidence)


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
        written = write(order)
    except TrainerError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_BAD_INPUT
    sys.stdout.buffer.write(msgspec.json.encode(written))
    sys.stdout.buffer.flush()
    return 0


def _end_with(window: int) -> None:
    """End this process when that of its window is gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(window).wait()
    os._exit(EXIT_STOPPED)

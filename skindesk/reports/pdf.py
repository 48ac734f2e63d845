"""Reports as PDF files: what they say, put into a template, typeset and written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skindesk.models.diagnosis.patient import NOBODY
from skindesk.reports.content import tidied
from skindesk.reports.images_view import images_context
from skindesk.reports.layout.canvas import HEADING, NOTICE, TITLE
from skindesk.reports.layout.insets import Bar, Insets
from skindesk.reports.layout.typeset import PAPERS, Sheet, render, text_width, typeset
from skindesk.reports.letterhead import LetterheadView
from skindesk.reports.words import MALIGNANT_MARK, date_words, one_line, tr
from trainer.errors import ConfigError
from trainer.files import write_bytes
from trainer.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skindesk.reports.content import DiagnosisReport
    from skindesk.reports.training import TrainingReport

_NONE = LetterheadView()
_STACKED_CLASSES = 10
"""With more classes than this, names and bars share a line beside a picture."""


def write_diagnosis_pdf(
    report: DiagnosisReport, file: Path, *, paper: str = "A4", letterhead: LetterheadView = _NONE
) -> int:
    """Write a report of images as a PDF, in the main thread of a program that has a QGuiApplication.

    Letters that no font of this machine has appear as their Unicode numbers; the report and the log say so.

    Args:
        report: what it says.
        file: to be written or replaced.
        paper: `A4` or `Letter`.
        letterhead: at the top.

    Returns:
        The number of pages.

    Raises:
        ConfigError: another paper.
        StorageError: the file cannot be written; an older one is as it was.
    """
    patient = tidied(report.patient)
    sheet = Sheet(
        title=tr("Skin lesion report"),
        subject="  ·  ".join(filter(None, (patient.name, patient.patient_id))),
        date=date_words(report.created),
        author=patient.examiner,
        paper=_checked(paper),
    )
    context = images_context(report, patient, text_width(paper))
    return _write("images.html", [context], sheet, letterhead, file, private=patient != NOBODY)


def write_cases_pdf(
    reports: Sequence[DiagnosisReport], file: Path, *, paper: str = "A4", letterhead: LetterheadView = _NONE
) -> int:
    """Write reports of cases as one PDF, each from a new page on; see `write_diagnosis_pdf`.

    What is to be said of a network follows the last of its cases that stand together.
    """
    sheet = Sheet(
        title=tr("Skin lesion report"),
        subject=counted(len(reports), tr("case"), tr("cases")),
        date=date_words(reports[0].created),
        author="",
        paper=_checked(paper),
    )
    networks = [report.model.bundle_hash for report in reports]
    patients = [tidied(report.patient) for report in reports]
    contexts = [
        images_context(report, patient, text_width(paper)) | {"about_network": network != following}
        for report, patient, network, following in zip(
            reports, patients, networks, [*networks[1:], ""], strict=True
        )
    ]
    return _write(
        "images.html", contexts, sheet, letterhead, file, private=any(p != NOBODY for p in patients)
    )


def write_training_pdf(
    report: TrainingReport, file: Path, *, paper: str = "A4", letterhead: LetterheadView = _NONE
) -> int:
    """Write a report of a run as a PDF, in the main thread of a program that has a QGuiApplication.

    Args:
        report: what it says.
        file: to be written or replaced.
        paper: `A4` or `Letter`.
        letterhead: at the top.

    Returns:
        The number of pages.

    Raises:
        ConfigError: another paper.
        StorageError: the file cannot be written; an older one is as it was.
    """
    from skindesk.reports.run_view import run_context

    sheet = Sheet(
        title=tr("Training report"),
        subject=one_line(report.run.name),
        date=date_words(report.created),
        author="",
        paper=_checked(paper),
    )
    context = run_context(report, text_width(paper))
    return _write("run.html", [context], sheet, letterhead, file, private=False)


def _checked(paper: str) -> str:
    if paper not in PAPERS:
        raise ConfigError(tr("Unknown paper size '{0}'; choose {1}.").format(paper, " or ".join(PAPERS)))
    return paper


def _write(
    template: str,
    contexts: Sequence[dict[str, object]],
    sheet: Sheet,
    letterhead: LetterheadView,
    file: Path,
    *,
    private: bool,
) -> int:
    """Fill in a template once for each context, one after the other, and write what comes of it."""
    insets = Insets()
    common: dict[str, object] = {
        "title": sheet.title,
        "letterhead": letterhead,
        "tr": tr,
        "mark": MALIGNANT_MARK,
        "bar": lambda row, width, height: Bar(row.share, row.colour, width, height),
        "text_width": text_width(sheet.paper),
        "stacked_classes": _STACKED_CLASSES,
        "heading": HEADING,
        "title_size": TITLE,
        "notice": NOTICE,
    }
    html = "".join(render(template, insets, common | context) for context in contexts)
    style = render("style.css", insets, common)
    content, pages = typeset(html, style, insets, sheet)
    write_bytes(file, content, private=private)
    return pages

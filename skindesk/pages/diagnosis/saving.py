"""Results handed on: the PDF report, the table, the text on the clipboard."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from skindesk.background import Question, Urgency
from skindesk.pages.diagnosis.export import as_csv
from skindesk.pages.diagnosis.words import tr
from skindesk.reports.orders import DiagnosisOrder, have_written
from skindesk.reports.prints import with_pictures
from skindesk.widgets.file_choice import FileChoice
from trainer.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtWidgets import QWidget

    from skindesk.models.diagnosis.case import CaseImage
    from skindesk.models.pictures import PictureLoader
    from skindesk.settings import Settings
    from trainer.predictions import Prediction

_LONGEST_NAME = 60  # characters of an image's name that go into a report's


class Saving(QObject):
    """Asks for a place and writes there, in a worker.

    Args:
        settings: paper and folder of reports.
        loader: holds pictures of the images, which are printed without being read again.
        parent: the page.

    Signals:
        saved(Path): a file is there.
        failed(str): why not.
        busy_changed(bool): a file is being written.
    """

    saved = Signal(object)
    failed = Signal(str)
    busy_changed = Signal(bool)

    def __init__(self, settings: Settings, loader: PictureLoader, parent: QWidget) -> None:
        super().__init__(parent)
        self._window, self._settings, self._loader = parent, settings, loader
        self._writing: Question[Path] = Question(self.saved.emit, self.failed.emit, self, Urgency.CHANGE)
        self._writing.busy_changed.connect(self.busy_changed)

    @property
    def busy(self) -> bool:
        """Whether a file is being written."""
        return self._writing.busy

    def save_report(self, order: DiagnosisOrder) -> None:
        """Ask for a place and write the PDF there."""
        name = report_name([Path(image.view.path) for image in order.images])
        self._ask_place(
            tr("Save the report"),
            name,
            tr("PDF files (*.pdf)"),
            lambda file: self.write_report(order, file),
        )

    def write_report(self, order: DiagnosisOrder, file: Path) -> None:
        """Write the PDF."""
        paper = self._settings.text("paper")
        order = msgspec.structs.replace(order, file=str(file), paper=paper)
        pictures = [self._loader.picture(Path(image.view.path)) for image in order.images]
        self._writing.ask(lambda: have_written(with_pictures(order, pictures)))

    def save_table(
        self, classes: tuple[str, ...], images: tuple[CaseImage, ...], together: Prediction | None
    ) -> None:
        """Ask for a place and write the table there."""
        name = Path(report_name([image.path for image in images])).with_suffix(".csv").name
        self._ask_place(
            tr("Export the table"),
            name,
            tr("CSV tables (*.csv)"),
            lambda file: self.write_table(classes, images, together, file),
        )

    def write_table(
        self,
        classes: tuple[str, ...],
        images: tuple[CaseImage, ...],
        together: Prediction | None,
        file: Path,
    ) -> None:
        """Write the table."""

        def write() -> Path:
            write_text(file, as_csv(classes, images, together))
            return file

        self._writing.ask(write)

    def open(self, file: Path) -> None:
        """Open a file in the program that the system has for it."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(file)))

    def _ask_place(self, title: str, name: str, kind: str, then: Callable[[Path], None]) -> None:
        FileChoice(self._window, self._settings, "report_folder").save_file(title, name, {kind: then})


def report_name(images: Sequence[Path]) -> str:
    """Return a sensible name for a report: no patient's name stands in a folder unless someone writes it there."""
    first = re.sub(r"[^\w\- ]+", " ", images[0].stem).strip()[:_LONGEST_NAME] if images else ""
    more = tr(" and {n} more").format(n=len(images) - 1) if len(images) > 1 else ""
    name = f"{tr('Skin lesion')} {first}{more} {datetime.now().astimezone():%Y-%m-%d}.pdf"
    return re.sub(r" +", " ", name)

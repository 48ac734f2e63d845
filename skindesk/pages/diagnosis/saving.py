"""Results handed on: the PDF report, the table, the text on the clipboard."""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from skindesk.background import Question, Urgency
from skindesk.pages.diagnosis.export import as_csv
from skindesk.pages.diagnosis.words import tr
from skindesk.reports.orders import DiagnosisOrder, Written, have_written, letterhead_of, with_evidence
from skindesk.reports.prints import with_pictures
from skindesk.reports.words import safe_name
from skindesk.widgets.file_choice import FileChoice, unused_folder
from trainer.files import write_text
from trainer.protocol.diagnosis import PredictImages, Predictions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PySide6.QtWidgets import QWidget

    from skindesk.engine.jobs import JobHandle, JobQueue, Outcome
    from skindesk.models.diagnosis.case import CaseImage
    from skindesk.models.pictures import PictureLoader
    from skindesk.settings import Settings
    from trainer.predictions import Prediction


class Saving(QObject):
    """Asks for a place and writes there, in a worker.

    Args:
        settings: paper and folder of reports.
        loader: holds pictures of the images, which are printed without being read again.
        queue: of the engine that says where the network looked.
        parent: the page.

    Signals:
        saved(Written): a file is there, or a folder of them.
        failed(str): why not.
        busy_changed(bool): a file is being written.
    """

    saved = Signal(object)
    failed = Signal(str)
    busy_changed = Signal(bool)

    def __init__(self, settings: Settings, loader: PictureLoader, queue: JobQueue, parent: QWidget) -> None:
        super().__init__(parent)
        self._queue = queue
        self._explaining: JobHandle | None = None
        self._window, self._settings, self._loader = parent, settings, loader
        self._writing: Question[Written] = Question(self.saved.emit, self.failed.emit, self, Urgency.CHANGE)
        self._writing.busy_changed.connect(self.busy_changed)

    @property
    def busy(self) -> bool:
        """Whether a file is being written."""
        return self._writing.busy or self._explaining is not None

    def save_report(self, order: DiagnosisOrder) -> None:
        """Ask for a place and write the PDF there."""
        name = report_name([Path(image.view.path) for image in order.images])
        kinds: dict[str, Callable[[Path], object]] = {
            tr("PDF files (*.pdf)"): lambda file: self.write_report(order, file)
        }
        if len(order.images) > 1:
            kinds[tr("One PDF for each image, in a folder (*.pdf)")] = lambda file: self.write_report(
                order, unused_folder(file.with_suffix("")), separate=True
            )
        self._ask_place(tr("Save the report"), name, kinds)

    def write_report(self, order: DiagnosisOrder, file: Path, *, separate: bool = False) -> None:
        """Write the PDF, or a folder with one for each image."""
        order = msgspec.structs.replace(
            order,
            file=str(file),
            paper=self._settings.text("paper"),
            letterhead=letterhead_of(self._settings),
            separate=separate,
        )
        # Of images whose file has gone there is no map.
        job = PredictImages(
            bundle=order.bundle, images=tuple(image.view for image in order.images), evidence=True
        )
        self._explaining = self._queue.submit(job, tr("Finding where the network looked"))
        self._explaining.ended.connect(partial(self._write, order))
        self.busy_changed.emit(True)

    def _write(self, order: DiagnosisOrder, outcome: Outcome) -> None:
        """Write the PDF with where the network looked, if that could be found."""
        self._explaining = None
        found = outcome.result
        if isinstance(found, Predictions) and found.bundle_hash == order.bundle_hash:
            order = msgspec.structs.replace(order, images=with_evidence(order.images, found.evidence))
        pictures = [self._loader.picture(Path(image.view.path)) for image in order.images]
        self._writing.ask(lambda: have_written(with_pictures(order, pictures)))

    def save_table(
        self, classes: tuple[str, ...], images: tuple[CaseImage, ...], together: Prediction | None
    ) -> None:
        """Ask for a place and write the table there."""
        name = Path(report_name([image.path for image in images])).with_suffix(".csv").name
        kind = tr("CSV tables (*.csv)")
        self._ask_place(
            tr("Export the table"),
            name,
            {kind: lambda file: self.write_table(classes, images, together, file)},
        )

    def write_table(
        self,
        classes: tuple[str, ...],
        images: tuple[CaseImage, ...],
        together: Prediction | None,
        file: Path,
    ) -> None:
        """Write the table."""

        def write() -> Written:
            write_text(file, as_csv(classes, images, together))
            return Written(place=str(file), pages=())

        self._writing.ask(write)

    def open(self, file: Path) -> None:
        """Open a file in the program that the system has for it."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(file)))

    def _ask_place(self, title: str, name: str, kinds: Mapping[str, Callable[[Path], object]]) -> None:
        FileChoice(self._window, self._settings, "report_folder").save_file(title, name, kinds)


def report_name(images: Sequence[Path]) -> str:
    """Return a sensible name for a report: no patient's name stands in a folder unless someone writes it there."""
    first = safe_name(images[0].stem) if images else ""
    more = tr(" and {n} more").format(n=len(images) - 1) if len(images) > 1 else ""
    name = f"{tr('Skin lesion')} {first}{more} {datetime.now().astimezone():%Y-%m-%d}.pdf"
    return re.sub(r" +", " ", name)

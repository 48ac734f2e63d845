"""Keeps the unfinished diagnosis of a window in its file, from change to change, off the GUI thread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from skindesk.background import Errands
from skindesk.models.diagnosis.case import Case
from skindesk.models.diagnosis.kept_case import claim_place, others_kept, text_of
from skindesk.writer import FileWriter
from trainer.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from skindesk.models.diagnosis.diagnosis import DiagnosisModel
    from skindesk.models.diagnosis.kept_case import KeptPlace, Wanted
    from skindesk.settings import Settings

_REST_MS = 300  # between changes that come one after the other; the writer waits as well


def _leave(place: KeptPlace, writer: FileWriter) -> None:
    writer.flush()
    place.release()


class CaseKeeper(QObject):
    """Follows a model, and brings back what an earlier window left.

    What is entered about the patient is kept only where the user has asked for that.

    Signals:
        set_down: the case before this one is written and can be brought back, here or by another window.
        failed(str): a sentence: the file cannot be written. It is not repeated until it could be.
    """

    set_down = Signal()
    failed = Signal(str)

    def __init__(
        self, model: DiagnosisModel, folder: Path, settings: Settings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._model, self._folder, self._settings = model, folder, settings
        self._place: KeptPlace | None = None
        self._writer: FileWriter | None = None
        self._content = self._problem = ""
        self._errands = Errands(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST_MS)
        self._timer.timeout.connect(self.keep)
        for changed in (model.images_changed, model.image_changed, model.selected_changed):
            changed.connect(self._changed)
        for changed in (model.together_changed, model.patient_changed):
            changed.connect(self._changed)
        settings.changed.connect(self._setting_changed)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)

    def begin(self) -> bool:
        """Bring back what was kept last; it is a small file, read at once, so that nothing can come before it.

        Returns:
            whether there was anything.
        """
        return self._go_to("latest")

    def set_aside(self) -> None:
        """Begin a new case; the present one waits until it is asked for, or the program starts again."""
        self._go_to("new")

    def bring_other(self) -> bool:
        """Set the present case aside and bring back the one that has waited for longest.

        Returns:
            whether there was one.
        """
        return self._go_to("other")

    def keep(self) -> None:
        """Have the case written as it is now."""
        self._timer.stop()
        content = self._text_of(self._model.case)
        if self._writer is not None and content != self._content:
            self._content = content
            self._writer.write(content)

    def keep_now(self) -> None:
        """Wait until the case is written as it is now."""
        self.keep()
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Wait until all is written, and leave the file to the next window."""
        self.keep()
        if self._place is not None and self._writer is not None:
            _leave(self._place, self._writer)
        self._place = self._writer = None

    def others(self) -> bool:
        """Whether there are cases that no window has."""
        return others_kept(self._folder)

    def _go_to(self, wanted: Wanted) -> bool:
        try:
            place = claim_place(self._folder, wanted)
        except StorageError as error:
            self.failed.emit(str(error))
            return False
        if place is None:
            return False
        if self._place is not None and self._writer is not None:
            self.keep()
            leave = partial(_leave, self._place, self._writer)
            self._errands.run(leave, lambda _done: self.set_down.emit(), self.failed.emit)
        case = place.case or Case(patient=self._model.case.next_patient())
        self._place = place
        self._content = text_of(case)  # what an earlier window left, with all that is in it
        self._writer = FileWriter(place.file, self._write_ended, place.store)
        self._model.take(case)
        self._changed()  # what is no longer to be kept goes
        return place.case is not None

    def _text_of(self, case: Case) -> str:
        return text_of(case, with_patient=self._settings.flag("keep_patient"))

    def _setting_changed(self, key: str) -> None:
        if key == "keep_patient":
            self._changed()

    def _changed(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _write_ended(self, sentence: str) -> None:
        before, self._problem = self._problem, sentence
        if sentence and sentence != before:
            self.failed.emit(sentence)

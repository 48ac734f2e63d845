"""What was not finished when the program was closed: it comes back, which is said quietly, and can be cleared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from skindesk.models.diagnosis.case_keeper import CaseKeeper
from skindesk.pages.diagnosis.actions import connect
from skindesk.widgets.notice import Notice
from skindesk.widgets.quantities import images_counted

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QWidget

    from skindesk.models.diagnosis.diagnosis import DiagnosisModel
    from skindesk.settings import Settings


class Unfinished(QObject):
    """Keeps the case, and says what has come back or was set aside.

    Attributes:
        keeper: of the case.
        notice: a strip for the page.

    Signals:
        clear_asked: what has come back is not wanted any more.
    """

    clear_asked = Signal()

    def __init__(
        self, model: DiagnosisModel, folder: Path, settings: Settings, other: QAction, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._model, self._other = model, other
        self._said_what_is_back = self._says_what_is_aside = False
        self.notice = Notice(parent)
        self.keeper = CaseKeeper(model, folder, settings, self)
        self.keeper.failed.connect(self._say_error)
        self.keeper.set_down.connect(self._set_down)
        self.notice.acted.connect(self._act)
        connect(other, self.bring_other)
        model.images_changed.connect(self._gone_on)
        model.patient_changed.connect(self._gone_on)

    def begin(self) -> None:
        """Bring back what was not finished."""
        if self.keeper.begin():
            self._say_what_is_back()

    def set_aside(self) -> None:
        """Begin anew; what there is waits to be brought back."""
        if self._model.case.empty:
            return
        self._says_what_is_aside = True
        self.keeper.set_aside()

    def _set_down(self) -> None:
        self.look()
        if self._says_what_is_aside:
            self._says_what_is_aside = False
            self.notice.show_note(
                self.tr("Your unfinished diagnosis was set aside."), action=self.tr("Bring it back")
            )

    def bring_other(self) -> None:
        """Bring back another case that was not finished, and set this one aside."""
        if self.keeper.bring_other():
            self._say_what_is_back()

    def look(self) -> None:
        """Offer other cases only where there are some: a window that was closed may have left one."""
        self._other.setVisible(self.keeper.others())

    def _say_what_is_back(self) -> None:
        self.look()
        said = self.tr("The patient details you entered are back.")
        images = len(self._model.images)
        if images:
            said = self.tr("Your unfinished diagnosis is back: {images}.").format(
                images=images_counted(images)
            )
        if self._other.isVisible():
            said += " " + self.tr("There is another one in the Diagnosis menu.")
        self.notice.show_note(said, action=self.tr("Clear"))
        self._said_what_is_back = True

    def _say_error(self, sentence: str) -> None:
        self._said_what_is_back = False
        self.notice.show_error(sentence)

    def _act(self) -> None:
        self.notice.clear()
        if self._said_what_is_back:
            self.clear_asked.emit()
        else:
            self.bring_other()

    def _gone_on(self) -> None:
        """Whoever goes on with what is back has seen it."""
        if self._said_what_is_back:
            self._said_what_is_back = False
            self.notice.clear()

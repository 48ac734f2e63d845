"""What can be done with the selected cases, as actions for menu, buttons and keys."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMessageBox

from skindesk.pages.cases.export_dialog import ExportDialog
from skindesk.pages.cases.exporting import Exporting
from skindesk.pages.cases.reporting import Reporting
from skindesk.pages.cases.words import cases_counted, tr
from skindesk.widgets.icons import icon

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtWidgets import QWidget

    from skindesk.models.cases.cases import CasesModel
    from skindesk.models.cases.record import CaseState, CaseSummary
    from skindesk.reports.orders import Written
    from skindesk.settings import Settings

_KEYS = QKeySequence.StandardKey


class CaseActions(QObject):
    """Does what is asked with the selected cases.

    Attributes:
        all: every action, in the order of the menu.

    Signals:
        done(str, str): a sentence, and words for a button that takes it back; empty for none.
        failed(str): a sentence.
        find_asked: the search is to get the keys.
    """

    done = Signal(str, str)
    failed = Signal(str)
    find_asked = Signal()

    def __init__(self, cases: CasesModel, settings: Settings, page: QWidget) -> None:
        super().__init__(page)
        self._cases, self._page = cases, page
        self._chosen: tuple[CaseSummary, ...] = ()
        self.exporting = Exporting(cases, settings, page)
        self.exporting.saved.connect(
            lambda file: self.done.emit(tr("Saved as {name}.").format(name=file.name), "")
        )
        self.exporting.begun.connect(lambda: self.done.emit(tr("Exporting…"), ""))
        self.exporting.failed.connect(self.failed)
        self.reporting = Reporting(cases, settings, page)
        self.reporting.saved.connect(self._reported)
        self.reporting.begun.connect(lambda: self.done.emit(tr("Writing the report…"), ""))
        self.reporting.failed.connect(self.failed)
        self.open = self._action("diagnosis", tr("Open in Diagnosis"), self._open, ["Return", "Enter"])
        self.open.setToolTip(tr("Show the images on the Diagnosis page and analyse them again"))
        self.join = self._action("compare", tr("Same lesion"), self._join, ["Ctrl+J"])
        self.join.setToolTip(tr("The selected cases show one lesion: compare their images over time"))
        self.part = self._action("", tr("Separate lesion"), self._part, [])
        self.export = self._action("export", tr("Export…"), self._ask_export, ["Ctrl+E"])
        self.report = self._action("pdf", tr("Report…"), self._ask_report, [_KEYS.Print])
        self.report.setToolTip(tr("Save the selected cases as one PDF, or as one for each"))
        self.remove = self._action("delete", tr("Remove"), self._remove, [_KEYS.Delete])
        self.put_back = self._action("reset", tr("Put back"), self._put_back, [])
        self.erase = self._action("", tr("Erase for good…"), self._ask_erase, ["Shift+Del"])
        self.undo = self._action("", tr("Undo"), cases.undo, [_KEYS.Undo])
        self.find = self._action("search", tr("Find"), self.find_asked.emit, [_KEYS.Find])
        for action in (self.open, self.remove, self.erase):
            # Only in the table: these keys mean other things where text is typed.
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.of_cases = (
            self.open, self.join, self.part, self.report, self.export, self.remove, self.put_back, self.erase,
        )  # fmt: skip
        self.all = (*self.of_cases, self.undo, self.find)
        cases.undo_changed.connect(self._offer)
        self._offer()

    def _action(
        self,
        name: str,
        text: str,
        slot: Callable[[], object],
        keys: Sequence[QKeySequence.StandardKey | str],
    ) -> QAction:
        action = QAction(icon(name), text, self) if name else QAction(text, self)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.triggered.connect(lambda _checked=False: slot())
        return action

    def show_cases(self, chosen: tuple[CaseSummary, ...]) -> None:
        """Offer what can be done with these cases."""
        self._chosen = chosen
        self._offer()

    def _offer(self) -> None:
        removed = [case for case in self._chosen if case.state.removed_at]
        there = len(self._chosen) - len(removed)
        lesions = {case.state.lesion for case in self._chosen}
        self.open.setEnabled(len(self._chosen) == 1 and there == 1)
        self.join.setEnabled(there > 1 and not removed and len(lesions) > 1)
        self.part.setEnabled(there > 0 and any(case.state.lesion != case.case_id for case in self._chosen))
        self.report.setEnabled(bool(self._chosen))
        self.export.setEnabled(bool(self._chosen))
        self.remove.setEnabled(there > 0)
        self.remove.setVisible(there > 0 or not removed)
        self.put_back.setEnabled(bool(removed))
        self.put_back.setVisible(bool(removed))
        self.erase.setEnabled(bool(self._chosen))
        self.undo.setEnabled(self._cases.can_undo)

    # --- doing -------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if len(self._chosen) == 1:
            self._cases.reopen(self._chosen[0].case_id)

    def _join(self) -> None:
        """Give all cases of these lesions the lesion of the oldest, and what is confirmed of any of them."""
        oldest = min(self._chosen, key=lambda case: case.number).state
        lesions = {case.state.lesion for case in self._chosen}
        joined = [case for case in self._cases.cases if case.state.lesion in lesions]
        known = {case.state.confirmed_class: case.state for case in joined if case.state.confirmed_class}
        if len(known) > 1:
            self.failed.emit(
                tr(
                    "These cases have different confirmed classes, so they are not one lesion; correct one of them first."
                )
            )
            return
        found = next(iter(known.values()), oldest)

        def change(case: CaseSummary) -> CaseState:
            own = case.state
            return replace(found, lesion=oldest.lesion, note=own.note, removed_at=own.removed_at)

        self._cases.change(joined, change)
        self._tell(tr("{cases} now show one lesion."), len(joined))

    def _part(self) -> None:
        self._cases.change(self._chosen, lambda case: replace(case.state, lesion=case.case_id))
        self._tell(tr("Separated {cases}."), len(self._chosen))

    def _remove(self) -> None:
        chosen = [case for case in self._chosen if not case.state.removed_at]
        if chosen:
            self._cases.remove(chosen)
            self._tell(tr("Removed {cases}; they stay under Removed until you erase them."), len(chosen))

    def _put_back(self) -> None:
        chosen = [case for case in self._chosen if case.state.removed_at]
        self._cases.put_back(chosen)
        self._tell(tr("{cases} put back."), len(chosen))

    def _tell(self, sentence: str, number: int) -> None:
        self.done.emit(sentence.format(cases=cases_counted(number)), tr("Undo"))

    def _reported(self, written: Written) -> None:
        said = [tr("Saved as {name}.").format(name=Path(written.place).name), *written.notes]
        self.done.emit(" ".join(said), "")

    # --- asking ------------------------------------------------------------------------------------------

    def _ask_report(self) -> None:
        if self._chosen:
            self.reporting.ask_place([case.case_id for case in self._chosen])

    def _ask_export(self) -> None:
        if self._chosen:
            dialog = ExportDialog(len(self._chosen), self._page)
            dialog.accepted.connect(partial(self._export, dialog, self._chosen))
            dialog.finished.connect(dialog.deleteLater)
            dialog.open()

    def _export(self, dialog: ExportDialog, chosen: Sequence[CaseSummary]) -> None:
        case_ids = [case.case_id for case in chosen]
        self.exporting.ask_place(case_ids, archive=dialog.archive, identifying=dialog.identifying)

    def _ask_erase(self) -> None:
        chosen = self._chosen
        if not chosen:
            return
        words = tr(
            "{cases} will be erased with all copies of images, results, patient details and notes. "
            "This cannot be undone. Images that were left in place stay where they are, and so do backups and exports."
        ).format(cases=cases_counted(len(chosen)))
        box = QMessageBox(
            QMessageBox.Icon.Warning,
            tr("Erase for good?"),
            words,
            QMessageBox.StandardButton.Cancel,
            self._page,
        )
        box.addButton(tr("Erase"), QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        box.accepted.connect(partial(self.erase_now, chosen))
        box.finished.connect(box.deleteLater)
        box.open()

    def erase_now(self, chosen: Sequence[CaseSummary]) -> None:
        """Erase cases without asking."""
        said = tr("Erased {cases}.").format(cases=cases_counted(len(chosen)))
        self._cases.erase(chosen, lambda: self.done.emit(said, ""))

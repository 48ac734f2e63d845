"""Cases written to a file that a person chooses, in a worker."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from skindesk.background import Errands
from skindesk.models.cases.export import export_archive, export_table
from skindesk.pages.cases.words import tr
from skindesk.widgets.file_choice import FileChoice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PySide6.QtWidgets import QWidget

    from skindesk.models.cases.cases import CasesModel
    from skindesk.settings import Settings


class Exporting(QObject):
    """Asks for a place and writes there.

    Signals:
        begun: a place was chosen.
        saved(Path): a file is there.
        failed(str): why not.
    """

    begun = Signal()
    saved = Signal(object)
    failed = Signal(str)

    def __init__(self, cases: CasesModel, settings: Settings, page: QWidget) -> None:
        super().__init__(page)
        self._cases = cases
        self._choice = FileChoice(page, settings, "export_folder")
        self._errands = Errands(self)

    def ask_place(self, case_ids: Sequence[str], *, archive: bool, identifying: bool) -> None:
        """Ask for a place and write cases there; see `skindesk.models.cases.export`."""
        suffix, kind = (".zip", tr("Archives (*.zip)")) if archive else (".csv", tr("CSV tables (*.csv)"))
        name = f"{tr('Cases')} {datetime.now().astimezone():%Y-%m-%d}{suffix}"
        write = partial(self.write, case_ids, archive=archive, identifying=identifying)
        self._choice.save_file(tr("Export cases"), name, {kind: write})

    def write(self, case_ids: Sequence[str], file: Path, *, archive: bool, identifying: bool) -> None:
        """Write cases to a file."""
        export = export_archive if archive else export_table
        work = partial(export, self._cases.folder, case_ids, file, identifying=identifying)
        self.begun.emit()
        self._errands.run(work, self.saved.emit, self.failed.emit)

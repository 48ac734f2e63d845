"""Reports of stored cases: one PDF, or one for each case."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, Signal

from skindesk.background import Errands
from skindesk.models.cases.moments import Moment
from skindesk.models.cases.reading import cases_named
from skindesk.models.cases.table import day_of
from skindesk.pages.cases.words import cases_counted, confirmed_by, tr
from skindesk.reports.orders import AskedImage, CasesOrder, DiagnosisOrder, have_written, letterhead_of
from skindesk.widgets.file_choice import FileChoice, unused_folder
from trainer.dataset.classes.names import full_name
from trainer.errors import BundleError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from PySide6.QtWidgets import QWidget

    from skindesk.models.cases.cases import CasesModel
    from skindesk.models.cases.reading import OpenedCase
    from skindesk.reports.orders import Written
    from skindesk.settings import Settings


class Reporting(QObject):
    """Asks for a place and writes there.

    Signals:
        begun: a place was chosen.
        saved(Written): a file is there, or a folder of them.
        failed(str): why not.
    """

    begun = Signal()
    saved = Signal(object)
    failed = Signal(str)

    def __init__(self, cases: CasesModel, settings: Settings, page: QWidget) -> None:
        super().__init__(page)
        self._cases, self._settings = cases, settings
        self._choice = FileChoice(page, settings, "report_folder")
        self._errands = Errands(self)

    def ask_place(self, case_ids: Sequence[str]) -> None:
        """Ask for a place and write a report of cases there."""
        kinds: dict[str, Callable[[Path], None]] = {tr("PDF files (*.pdf)"): partial(self.write, case_ids)}
        if len(case_ids) > 1:
            each = tr("One PDF for each case, in a folder (*.pdf)")
            kinds[each] = lambda file: self.write(
                case_ids, unused_folder(file.with_suffix("")), separate=True
            )
        name = f"{cases_counted(len(case_ids))} {datetime.now().astimezone():%Y-%m-%d}.pdf"
        self._choice.save_file(tr("Save a report"), name, kinds)

    def write(self, case_ids: Sequence[str], place: Path, *, separate: bool = False) -> None:
        """Write a report of cases to a file, or a folder of reports."""
        folder, settings = self._cases.folder, self._settings
        bundles = [*self._cases.bundle_folders(settings), Path(settings.text("last_bundle"))]
        order = CasesOrder(
            cases=(),
            file=str(place),
            paper=settings.text("paper"),
            letterhead=letterhead_of(settings),
            separate=separate,
        )
        self.begun.emit()
        self._errands.run(
            partial(_written, order, folder, case_ids, bundles), self.saved.emit, self.failed.emit
        )


def _written(order: CasesOrder, folder: Path, case_ids: Sequence[str], places: Sequence[Path]) -> Written:
    """Have cases reported; in a worker.

    Raises:
        TrainerError: a case cannot be reported, or the report cannot be written.
    """
    bundles = _by_hash(places)
    cases = tuple(_case_order(case, bundles) for case in cases_named(folder, case_ids))
    if not cases:
        raise ConfigError(tr("These cases are gone."))
    return have_written(msgspec.structs.replace(order, cases=cases))


def _by_hash(places: Iterable[Path]) -> dict[str, Path]:
    """Return the bundles on this machine by the digits that name them."""
    from trainer.runs.bundle import MANIFEST, bundle_hash
    from trainer.runs.reading import run_folders

    *parents, last = places
    found: dict[str, Path] = {}
    for folder in [*run_folders(parents), last]:
        bundle = folder if (folder / MANIFEST).is_file() else folder / "bundle"
        try:
            found[bundle_hash(bundle)] = bundle
        except BundleError:  # a run that has none yet
            continue
    return found


def _case_order(case: OpenedCase, bundles: dict[str, Path]) -> DiagnosisOrder:
    """Return what is to be reported of a case.

    Raises:
        ConfigError: it holds no prediction, or its network is not on this machine.
    """
    number, network = case.summary.number, case.diagnosis.network
    answered = [
        AskedImage(Moment(case, place, "").view(), image.prediction, name=image.name)
        for place, image in enumerate(case.diagnosis.images)
        if image.prediction is not None
    ]
    if network is None or not answered:
        raise ConfigError(
            tr("Case {n} holds no prediction; open it in Diagnosis and save it again.").format(n=number)
        )
    bundle = bundles.get(network.bundle_hash)
    if bundle is None:
        raise ConfigError(
            tr(
                "The network of case {n}, {name} (bundle {digits}), is not on this machine; import it, or open the case in "
                "Diagnosis and save it with another network."
            ).format(n=number, name=network.name, digits=network.bundle_hash)
        )
    return DiagnosisOrder(
        bundle=str(bundle),
        bundle_hash=network.bundle_hash,
        name=network.name,
        images=tuple(answered),
        together=case.diagnosis.together,
        patient=case.summary.patient,
        file=tr("case {n:05}").format(n=number) + ".pdf",
        case=_case_line(case),
    )


def _case_line(case: OpenedCase) -> str:
    state = case.summary.state
    said = [tr("Case {n}, saved {day}").format(n=case.summary.number, day=day_of(case.summary.saved_at))]
    if state.confirmed_class:
        facts = (confirmed_by(state.confirmed_by) if state.confirmed_by else "", state.confirmed_on)
        how = ", ".join(filter(None, facts))
        confirmed = tr("confirmed: {name}").format(name=full_name(state.confirmed_class))
        said.append(f"{confirmed} ({how})" if how else confirmed)
    if state.note:
        said.append(state.note)
    return "; ".join(said)

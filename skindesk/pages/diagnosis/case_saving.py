"""What is under diagnosis is stored as a case, and stored cases come back under diagnosis."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from skindesk.models.cases.reopening import case_from, network_of, new_cases
from skindesk.models.diagnosis.case import Case

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from skindesk.models.cases.cases import CasesModel
    from skindesk.models.cases.reading import OpenedCase
    from skindesk.models.cases.saving import Saved
    from skindesk.models.diagnosis.diagnosis import DiagnosisModel
    from skindesk.models.runs.listing import RunsModel
    from skindesk.models.workspace import Workspace
    from skindesk.pages.diagnosis.findings import Findings
    from skindesk.pages.diagnosis.network import Network
    from skindesk.pages.diagnosis.unfinished import Unfinished
    from skindesk.settings import Settings


class CaseSaving(QObject):
    """Stands between the page and the stored cases.

    Signals:
        saved(str): a sentence: what was stored.
        noted(str): a sentence about a case that has come back.
        failed(str): a sentence: nothing was stored, and why.
        busy_changed: something is being stored, or no longer.
    """

    saved = Signal(str)
    noted = Signal(str)
    failed = Signal(str)
    busy_changed = Signal()

    def __init__(
        self,
        model: DiagnosisModel,
        network: Network,
        findings: Findings,
        unfinished: Unfinished,
        cases: CasesModel,
        runs: RunsModel,
        workspace: Workspace,
        settings: Settings,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._model, self._network, self._findings = model, network, findings
        self._unfinished, self._cases, self._runs = unfinished, cases, runs
        self._workspace, self._settings = workspace, settings
        self._busy = False
        cases.about_to_erase.connect(self._let_go)
        cases.reopened.connect(self.open_case)

    @property
    def possible(self) -> bool:
        """Whether there is something to be stored that nothing is awaited of."""
        asked = self._network.facts is not None and self._model.failure is None
        awaited = self._network.awaited or (asked and not self._findings.settled)
        return bool(self._model.images) and not awaited and not self._busy

    def save(self) -> None:
        """Store each lesion that is under diagnosis as a case."""
        if not self.possible:
            return
        facts, answer = self._network.facts, self._model.answer
        groups = new_cases(
            self._model.case,
            network_of(facts, answer) if facts is not None and answer is not None else None,
            self._findings.together,
            keep_patient=self._settings.flag("keep_patient"),
            copies=self._settings.text("case_images") == "copy",
        )
        numbers = [numbers for numbers, _ in groups]
        self._be_busy(busy=True)
        self._cases.save([new for _, new in groups], partial(self._stored, numbers), self._not_stored)

    def open_case(self, opened: OpenedCase) -> None:
        """Diagnose a stored case again; what is under diagnosis is set aside."""
        self._unfinished.set_aside()
        self._model.take(case_from(opened))
        network = opened.diagnosis.network
        if network is None or (
            self._network.facts is not None and self._network.facts.hash == network.bundle_hash
        ):
            return
        known = next((run for run in self._runs.bundles if run.bundle_hash == network.bundle_hash), None)
        if known is not None:
            self._workspace.set_bundle(known.bundle)
        else:
            self.noted.emit(
                self.tr(
                    "This case was saved with the network “{name}”, which is not here. The result shown is another "
                    "network’s; the saved one is on the Cases page."
                ).format(name=network.name)
            )

    def _stored(self, numbers: Sequence[tuple[int, ...]], saved: Sequence[Saved]) -> None:
        self._be_busy(busy=False)
        for of_case, case in zip(numbers, saved, strict=True):
            self._model.link(of_case, case.link)
        sentences = [self._what_was_stored(saved)]
        reasons = {
            "changed elsewhere": self.tr(
                "The earlier case was changed or removed meanwhile, and was left alone."
            ),
            "another network": self.tr("The earlier case keeps the result of the other network."),
        }
        sentences += [reasons[apart] for apart in dict.fromkeys(case.apart for case in saved) if apart]
        missed = [name for case in saved for name in case.uncopied]
        if missed:
            sentences.append(
                self.tr("Not copied, as it cannot be read: {names}.").format(names=", ".join(missed))
            )
        self.saved.emit(" ".join(sentences))

    def _what_was_stored(self, saved: Sequence[Saved]) -> str:
        if len(saved) == 1:
            return self.tr("Saved as case {number}.").format(number=saved[0].number)
        return self.tr("Saved as {n} cases, one for each image.").format(n=len(saved))

    def _not_stored(self, sentence: str) -> None:
        self._be_busy(busy=False)
        self.failed.emit(sentence)

    def _be_busy(self, *, busy: bool) -> None:
        self._busy = busy
        self.busy_changed.emit()

    def _let_go(self, case_ids: Collection[str]) -> None:
        """Forget a case that is to be erased, here and in the file of the unfinished diagnosis."""
        links = [image.link for image in self._model.images]
        if any(link is not None and link.case_id in case_ids for link in links):
            self._model.take(Case(patient=self._model.case.next_patient()))
            self._unfinished.keeper.keep_now()

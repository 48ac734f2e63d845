"""The network in use: which bundle it is, what is known of it, and whether its engine is ready."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from skindesk.background import Question
from skindesk.models.diagnosis.bundle import BundleFacts, read_bundle_facts

if TYPE_CHECKING:
    from skindesk.engine.jobs import JobQueue
    from skindesk.models.diagnosis.diagnosis import DiagnosisModel
    from skindesk.models.runs.listing import RunsModel
    from skindesk.models.workspace import Workspace
    from skindesk.pages.diagnosis.bundle_card import BundleCard
    from trainer.protocol.lines import Beat


class Network(QObject):
    """Follows the workspace's bundle: reads it, shows it on its card, hands it to the model, warms the engine.

    Attributes:
        facts: of the bundle; `None` while there is none that can be read.

    Signals:
        changed: other facts.
    """

    changed = Signal()

    def __init__(
        self,
        queue: JobQueue,
        runs: RunsModel,
        workspace: Workspace,
        model: DiagnosisModel,
        card: BundleCard,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._queue, self._runs, self._workspace = queue, runs, workspace
        self._model, self._card = model, card
        self._wanted = self._loading = self._silent = False
        self.facts: BundleFacts | None = None
        self._reading: Question[BundleFacts] = Question(self._read, self._unreadable, self)
        card.chosen.connect(workspace.set_bundle)
        card.train_asked.connect(lambda: workspace.go_to.emit("training"))
        card.import_asked.connect(lambda: workspace.go_to.emit("results"))
        workspace.bundle_changed.connect(self._bundle_changed)
        runs.refreshed.connect(self._runs_looked_at)
        queue.changed.connect(self._show_engine)
        queue.beat.connect(self._beat)
        queue.unresponsive.connect(self._hear_silence)
        self._bundle_changed()
        self._show_engine()

    def begin(self) -> None:
        """Have the engine ready by the time an image comes; called when the page is first shown."""
        if not self._wanted:
            self._wanted = True
            self._choose()
            self._warm_up()

    def _bundle_changed(self) -> None:
        bundle = self._workspace.bundle
        self._show(None)
        if bundle is None:
            self._reading.forget()
            self._model.set_bundle(None)
        else:
            self._reading.ask(partial(read_bundle_facts, bundle))

    def _read(self, facts: BundleFacts) -> None:
        before = self.facts
        self._show(facts)
        if before is None or before.hash != facts.hash:
            self._model.set_bundle(facts.folder, anew=True)  # the same folder may hold another network by now
            self._warm_up()

    def _unreadable(self, sentence: str) -> None:
        self._show(None)
        self._model.set_bundle(None)
        self._card.problem.show_error(sentence)

    def _runs_looked_at(self) -> None:
        """Follow runs that were trained, scored, renamed or deleted."""
        self._offer()
        self._choose()
        bundle = self._workspace.bundle
        if bundle is None or self._reading.busy:
            return
        summary = self._runs.summary_of(bundle)
        if self.facts is None or (summary is not None and summary != self.facts.summary):
            self._reading.ask(partial(read_bundle_facts, bundle))

    def _choose(self) -> None:
        """Take the latest bundle where none has been chosen, so that a first image is answered at once."""
        if self._wanted and self._workspace.bundle is None and self._runs.bundles:
            self._workspace.set_bundle(self._runs.bundles[0].bundle)

    def _offer(self) -> None:
        name = self.facts.summary.name if self.facts is not None else ""
        self._card.show_bundles(self._runs.bundles, self._workspace.bundle, name)

    def _show(self, facts: BundleFacts | None) -> None:
        self.facts = facts
        self._offer()
        self._card.show_facts(facts)
        self.changed.emit()

    def _warm_up(self) -> None:
        if self._wanted:
            self._queue.warm_up(str(self.facts.folder) if self.facts is not None else "")
            self._show_engine()

    def _beat(self, beat: Beat) -> None:
        if beat.loading != self._loading:
            self._loading = beat.loading
            self._show_engine()

    def _hear_silence(self, silent: bool) -> None:
        self._silent = silent
        self._show_engine()

    def _show_engine(self) -> None:
        if not self._wanted or (self._queue.child_pid is None and not self._queue.jobs):
            status = ""
        elif self._silent:
            status = self.tr("Engine does not respond")
        elif not self._queue.ready or self._loading:
            status = self.tr("Engine starting…")
        else:
            status = self.tr("Engine ready")
        self._card.status.setText(status)

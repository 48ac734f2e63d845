"""The network in use: which bundle it is, what is known of it, and whether its engine is ready."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from skindesk.background import Question
from skindesk.models.diagnosis.bundle import BundleFacts, mark_bundle, read_bundle_facts
from skindesk.pages.diagnosis.words import network_name
from trainer.dataset.drawn import is_drawing

if TYPE_CHECKING:
    from pathlib import Path

    from skindesk.engine.jobs import JobQueue
    from skindesk.models.diagnosis.diagnosis import DiagnosisModel
    from skindesk.models.runs.listing import RunsModel
    from skindesk.models.workspace import Workspace
    from skindesk.pages.diagnosis.bundle_card import BundleCard
    from trainer.dataset.classes.malignancy import Marks
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
        self._wanted = self._loading = self._silent = self._put_aside = False
        self._insisted: Path | None = None
        self.facts: BundleFacts | None = None
        self._reading: Question[BundleFacts] = Question(self._read, self._unreadable, self)
        self._marking: Question[BundleFacts] = Question(self._read, card.problem.show_error, self)
        card.marks_chosen.connect(self._mark)
        card.chosen.connect(self._choose_by_hand)
        card.lacking.completed.connect(self._completed)
        model.images_changed.connect(self._leave_demo)
        card.train_asked.connect(lambda: workspace.go_to.emit("training"))
        card.import_asked.connect(lambda: workspace.go_to.emit("results"))
        workspace.bundle_changed.connect(self._bundle_changed)
        workspace.bundle_edited.connect(self._bundle_edited)
        runs.refreshed.connect(self._runs_looked_at)
        queue.changed.connect(self._show_engine)
        queue.beat.connect(self._beat)
        queue.unresponsive.connect(self._hear_silence)
        self._bundle_changed()
        self._show_engine()

    @property
    def awaited(self) -> bool:
        """Whether a bundle is being read that will answer."""
        return self._reading.busy and self.facts is None

    def begin(self) -> None:
        """Have the engine ready by the time an image comes; called when the page is first shown."""
        if not self._wanted:
            self._wanted = True
            self._choose()
            self._warm_up()

    def _bundle_changed(self) -> None:
        bundle = self._workspace.bundle
        self._show(None)
        self._marking.forget()
        if bundle is None:
            self._reading.forget()
            self._model.set_bundle(None)
        else:
            self._reading.ask(partial(read_bundle_facts, bundle))

    def _bundle_edited(self, bundle: Path) -> None:
        if bundle == self._workspace.bundle:
            self._reading.ask(partial(read_bundle_facts, bundle))

    def _read(self, facts: BundleFacts) -> None:
        before = self.facts
        self._show(facts)
        if before is None or _answers_by(before) != _answers_by(facts):
            self._model.set_bundle(facts.folder, anew=True)  # the same folder may hold another network by now
            self._warm_up()
        self._leave_demo()

    def _mark(self, marks: Marks | None) -> None:
        facts = self.facts
        if facts is None:
            return
        folder = facts.folder

        def mark() -> BundleFacts:
            mark_bundle(folder, marks)
            return read_bundle_facts(folder)

        self._marking.ask(mark)

    def _completed(self) -> None:
        if self.facts is not None:
            self._reading.ask(partial(read_bundle_facts, self.facts.folder))

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
        drawings = bool(self._model.images) and self._only_drawings()
        latest = next((run.bundle for run in self._runs.bundles if drawings or not run.drawn), None)
        if self._wanted and self._workspace.bundle is None and latest is not None:
            self._workspace.set_bundle(latest)

    def _choose_by_hand(self, bundle: Path) -> None:
        self._insisted = bundle
        self._workspace.set_bundle(bundle)

    def _leave_demo(self) -> None:
        """Put the demo's network aside when images come that are not the demo's, unless a person insists on it."""
        if self._only_drawings():
            self._insisted = None
            if self._put_aside and self._model.images:
                self._put_aside = False
                self._card.problem.clear()
                self._choose()
        elif self.facts is not None and self.facts.summary.drawn and self.facts.folder != self._insisted:
            self._workspace.set_bundle(None)
            self._choose()
            if self._workspace.bundle is None:
                self._put_aside = True
                self._card.problem.show_note(
                    self.tr("The demo's network was trained on drawings, so it is not used for these images.")
                )

    def _only_drawings(self) -> bool:
        return all(is_drawing(image.path) for image in self._model.images)

    def _offer(self) -> None:
        name = network_name(self.facts.summary) if self.facts is not None else ""
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


def _answers_by(facts: BundleFacts) -> tuple[object, ...]:
    """Return what an answer depends on besides the image."""
    return facts.hash, facts.manifest.marks, facts.complete, facts.point

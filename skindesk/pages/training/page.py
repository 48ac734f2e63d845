"""The training page: how is it learning?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from skindesk.background import Errands, Question
from skindesk.engine.handles import JobState
from skindesk.models.dataset.facts import DatasetFacts, read_dataset_facts, read_malignant
from skindesk.models.runs.changes import restore_run, trash_run
from skindesk.models.runs.unfinished import UnfinishedRun, find_unfinished
from skindesk.pages.training.blocked import Blocked
from skindesk.pages.training.queue_list import QueueList, UnfinishedList
from skindesk.pages.training.run_keeper import RunKeeper
from skindesk.pages.training.run_panel import RunPanel
from skindesk.pages.training.setup_panel import WIDTH, SetupPanel
from skindesk.pages.training.words import done_words
from skindesk.widgets.basics import EmptyState, scrolling
from skindesk.widgets.notice import Notice, NoticeLayer
from skindesk.widgets.theme import SPACE
from trainer.backbones import get_backbone
from trainer.protocol.training import RunFinished

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from skindesk.engine.handles import JobHandle, Outcome
    from skindesk.engine.jobs import JobQueue
    from skindesk.models.devices import DevicesModel
    from skindesk.models.runs.changes import Trashed
    from skindesk.models.workspace import Workspace
    from skindesk.pages.training.run_keeper import TrackedRun
    from skindesk.paths import Paths
    from skindesk.settings import Settings
    from trainer.config import RunConfig

_FEWEST_CLASSES = 2
_EMPTY, _RUN = range(2)
_CHOOSE, _MISSING = range(2)


class TrainingPage(QWidget):
    """Settings on the left; on the right the run that trains, or the last one.

    Args:
        training: the queue in which runs are trained.
        scoring: where estimates and previews are asked for.
        workspace: which dataset is open.
        devices: what can be trained on.
        settings: of the user.
        paths: the user's folders.

    Attributes:
        setup: the settings.
        blocked: stands there while there is nothing to train on.
        panel: the run in figures, curves and words.
        unfinished: runs of earlier days that can go on.
        queue: the runs that wait.
        notice: what is to be said of the last run.

    Signals:
        notified(str): a run has ended; the sentence says how.
    """

    notified = Signal(str)

    def __init__(
        self,
        training: JobQueue,
        scoring: JobQueue,
        workspace: Workspace,
        devices: DevicesModel,
        settings: Settings,
        paths: Paths,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._training, self._workspace = training, workspace
        self._keeper = RunKeeper(training, settings, paths, self)
        self._facts: DatasetFacts | None = None
        self._on_notice: Callable[[], object] | None = None
        self._errands = Errands(self)
        self.setup = SetupPanel(scoring, devices, settings, paths)
        self.blocked = Blocked()
        self.notice = Notice()
        self.unfinished = UnfinishedList()
        self.panel = RunPanel(settings)
        self.queue = QueueList(training)
        self._lay_out()
        self._start_action, self._stop_action, self._resume_action = self._make_actions()
        self._reading: Question[DatasetFacts] = Question(self._show_facts, self._show_no_facts, self)
        self._looking: Question[list[UnfinishedRun]] = Question(
            self.unfinished.show_runs, lambda _sentence: None, self
        )
        self._connect()
        self._read_dataset()
        self.look_for_unfinished()
        self._show_queue()

    # --- making it ----------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        layout.setSpacing(2 * SPACE)
        self._left = QStackedWidget()
        self._left.setFixedWidth(WIDTH)
        self._left.addWidget(self.setup)
        self._left.addWidget(self.blocked)
        layout.addWidget(self._left)
        self.panel.queue_place.addWidget(self.queue, 1)
        text = self.tr(
            "A training run is shown here: figures, curves, log. Nothing is saved until you press Start."
        )
        self._right = QStackedWidget()
        nothing = QWidget()
        above = QVBoxLayout(nothing)
        above.setContentsMargins(0, 0, 0, 0)
        above.addWidget(self.unfinished)
        above.addWidget(EmptyState("training", self.tr("Nothing is training yet"), text), 1)
        self._right.addWidget(nothing)
        self._right.addWidget(scrolling(self.panel))
        layout.addWidget(self._right, 1)
        NoticeLayer(self, self._right, [self.notice])

    def _make_actions(self) -> tuple[QAction, QAction, QAction]:
        """Make what the window's menu shows; the shortcuts work while this page is shown."""
        chief = (
            self._action(self.tr("Start run"), "Ctrl+Return", self.start),
            self._action(self.tr("Stop run"), "Ctrl+.", self.stop),
            self._action(self.tr("Resume run"), "Ctrl+Shift+Return", self.resume),
        )
        self._action(self.tr("Load settings…"), "Ctrl+L", self.setup.ask_for_settings)
        self._action(self.tr("Save settings…"), "Ctrl+S", self.setup.ask_where_to_save)
        self._action(self.tr("Copy log"), "Ctrl+Shift+C", self.panel.log.copy_all)
        return chief

    def _action(self, text: str, shortcut: str, slot: Callable[[], object]) -> QAction:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(shortcut))
        action.triggered.connect(lambda _checked=False: slot())
        self.addAction(action)
        return action

    def _connect(self) -> None:
        self.setup.start_asked.connect(self.start)
        self.setup.stop_asked.connect(self.stop)
        self.setup.changed.connect(self._show_queue)
        self.blocked.acted.connect(lambda: self._workspace.go_to.emit("dataset"))
        self.notice.acted.connect(self._do_what_notice_says)
        self.unfinished.resume_asked.connect(self.resume_unfinished)
        self.unfinished.discard_asked.connect(self.discard)
        self.panel.resume_asked.connect(self.resume)
        self.panel.charts.failed.connect(self._say_error)
        self.panel.charts.saved.connect(self._workspace.notified)
        self._keeper.heard.connect(self._wake)
        self._keeper.ended.connect(self._on_ended)
        self._training.changed.connect(self._show_queue)
        self._training.beat.connect(self.panel.hear_beat)
        self._training.unresponsive.connect(self._on_silence)
        self._workspace.dataset_changed.connect(self._read_dataset)
        self._workspace.dataset_edited.connect(self._read_dataset)
        self._workspace.runs_changed.connect(self.look_for_unfinished)
        self.notified.connect(self._workspace.notified)

    # --- what the window asks -----------------------------------------------------------------------------

    def open_path(self, path: Path) -> bool:
        """Take a file with settings; return whether it looks like one, for what is wrong with it is said here."""
        if path.suffix.lower() != ".toml":
            return False
        self.setup.load_settings(path)
        return True

    # --- starting, stopping, going on ---------------------------------------------------------------------

    def start(self) -> None:
        """Start a run with the settings of the form, or put it into the queue."""
        config, facts = self.setup.config, self._facts
        if config is None or facts is None:
            return
        self.start_run(config, facts.path, self.setup.title)
        self.setup.begin_anew()

    def start_run(self, config: RunConfig, dataset: Path, title: str) -> JobHandle:
        """Start a run, or put it into the queue behind the one that trains.

        Args:
            config: its settings.
            dataset: file with a split.
            title: what it is called.
        """
        self.setup.estimate.stop()
        self.notice.clear()
        return self._keeper.start(config, dataset, title, self._malignant_of(dataset))

    def show_config(self, config: RunConfig) -> None:
        """Show settings in the form."""
        self.setup.set_config(config)

    def stop(self) -> None:
        """Stop the run that trains; what it has done is saved."""
        current = self._keeper.current
        if current is not None:
            current.handle.stop()

    def resume(self) -> None:
        """Go on with the run that is shown, if it was stopped or has failed."""
        shown = self._keeper.of(self.panel.run)
        if shown is not None:
            self._resume_run(shown)

    def _resume_run(self, run: TrackedRun) -> JobHandle | None:
        if not run.can_resume:
            return None
        self.setup.estimate.stop()
        self.notice.clear()
        return self._keeper.resume(run)

    def resume_unfinished(self, run: UnfinishedRun) -> JobHandle | None:
        """Go on with a run that is not shown; return nothing where its dataset is not there."""
        known = self._keeper.at(run.folder)
        if known is not None:
            self.unfinished.leave_out(run)
            return self._resume_run(known)
        own = run.dataset if run.dataset is not None and run.dataset.exists() else None
        dataset = own or self._workspace.dataset
        if dataset is None:
            self._say_error(self.tr("Open the dataset of {run} first.").format(run=run.name))
            return None
        self.setup.estimate.stop()
        self.unfinished.leave_out(run)
        return self._keeper.resume_unfinished(run, dataset, self._malignant_of(dataset))

    def discard(self, run: UnfinishedRun) -> None:
        """Move the folder of a run that is not shown to the trash, from which it can be taken back."""
        self.unfinished.leave_out(run)
        self._errands.run(partial(trash_run, run), self._on_trashed, self._on_not_trashed)

    def _on_trashed(self, trashed: Trashed) -> None:
        self._on_notice = partial(self._take_back, trashed)
        words = self.tr("“{run}” was moved to the trash.").format(run=trashed.name)
        self.notice.show_note(words, action=self.tr("Undo") if trashed.place else "")
        self._workspace.runs_changed.emit()

    def _on_not_trashed(self, sentence: str) -> None:
        self._say_error(sentence)
        self.look_for_unfinished()

    def _take_back(self, trashed: Trashed) -> None:
        again = self._workspace.runs_changed.emit
        self._errands.run(partial(restore_run, trashed), lambda _folder: again(), self._say_error)

    def look_for_unfinished(self) -> None:
        """Look for runs that can go on and are not shown: of earlier days, and those that others came after."""
        parents = self._keeper.runs_folders
        known = self._keeper.folders_but_left(self.panel.run)
        self._looking.ask(lambda: find_unfinished(parents, known))

    # --- what comes back ----------------------------------------------------------------------------------

    def _wake(self, run: TrackedRun) -> None:
        if run.live is self.panel.run:
            self.panel.wake()

    def _show_queue(self) -> None:
        """Show the run that trains, and what can be done."""
        current = self._keeper.current
        stopping = current is not None and current.handle.state is JobState.STOPPING
        self.setup.set_running(running=current is not None, stopping=stopping)
        if current is not None and self.panel.run is not current.live:
            current.live.begin_now()
            self.panel.show_run(current.live, current.malignant)
            self._right.setCurrentIndex(_RUN)
            self.panel.later.addWidget(
                self.unfinished
            )  # below all that is read and pressed, so that nothing moves
            self.look_for_unfinished()
        shown = self._keeper.of(self.panel.run)
        self._start_action.setEnabled(self.setup.can_start)
        self._stop_action.setEnabled(current is not None and not stopping)
        resumable = shown is not None and shown.can_resume
        self._resume_action.setEnabled(resumable)
        self.panel.offer_resume(resumable)

    def _on_ended(self, run: TrackedRun, outcome: Outcome) -> None:
        """Say how a run has ended, and offer what comes next."""
        title = run.live.title
        self._wake(run)
        self._show_queue()
        self._workspace.runs_changed.emit()
        if isinstance(outcome.result, RunFinished):
            sentence = done_words(run.live)
            self._on_notice = lambda: self._workspace.go_to.emit("results")
            self.notice.show_success(sentence, action=self.tr("See results"))
        elif outcome.state is JobState.FAILED and _could_not_fetch(run.live.config, outcome):
            sentence = self.tr("{run} could not start: its initial weights cannot be downloaded.").format(
                run=title
            )
            self.setup.weights_failed(run.live.config.backbone)  # says what to do
        elif outcome.state is JobState.FAILED:
            sentence = self.tr("{run} failed. {why}").format(run=title, why=outcome.message)
            self._on_notice = lambda: self._resume_run(run)
            self.notice.show_error(sentence, outcome.log, self.tr("Resume"))
        else:
            # With a log it was ended by force, and the message says what that cost.
            how = outcome.message if outcome.log else self.tr("Its progress is saved.")
            sentence = self.tr("{run} was stopped. {how}").format(run=title, how=how)
            self._on_notice = lambda: self._resume_run(run)
            self.notice.show_note(sentence, outcome.log, self.tr("Resume"))
        self.notified.emit(sentence)

    def _on_silence(self, silent: bool) -> None:
        words = self.tr("The run has not reported for a while. It may be busy; press Stop to end it.")
        if silent and self._keeper.current is not None:
            self._on_notice = None
            self.notice.show_note(words)
        elif not silent and self.notice.text == words:
            self.notice.clear()

    def _do_what_notice_says(self) -> None:
        act, self._on_notice = self._on_notice, None
        self.notice.clear()
        if act is not None:
            act()

    def _say_error(self, sentence: str) -> None:
        self._on_notice = None
        self.notice.show_error(sentence)

    # --- the dataset --------------------------------------------------------------------------------------

    def _malignant_of(self, dataset: Path) -> tuple[str, ...]:
        """Return the malignant classes of a dataset, which may be another than the one that is open."""
        if self._facts is not None and self._facts.path == dataset:
            return self._facts.malignant
        return read_malignant(dataset)

    def _read_dataset(self) -> None:
        dataset = self._workspace.dataset
        if dataset is None:
            self._reading.forget()
            self._show_facts(None)
            return
        self._reading.ask(lambda: read_dataset_facts(dataset))

    def _show_no_facts(self, sentence: str) -> None:
        self._show_facts(None)
        self.blocked.say(self.tr("The dataset cannot be read"), sentence, self.tr("Go to the dataset"))

    def _show_facts(self, facts: DatasetFacts | None) -> None:
        """Take over a dataset, or say what is missing."""
        if facts is None:
            self.blocked.say(
                self.tr("Open a dataset first"),
                self.tr("Open a folder of images on the dataset page to train on."),
                self.tr("Open a dataset"),
            )
        elif len(facts.classes) < _FEWEST_CLASSES:
            self.blocked.say(
                self.tr("More than one class is needed"),
                self.tr("All images in this dataset belong to one class; training needs at least two."),
                self.tr("Go to the dataset"),
            )
        elif not facts.split:
            self.blocked.say(
                self.tr("Split the dataset first"),
                self.tr(
                    "Training needs a training, a validation and a test part. Split the images on the "
                    "Dataset page; those of one lesion stay together."
                ),
                self.tr("Split the dataset"),
            )
        usable = facts is not None and facts.split and len(facts.classes) >= _FEWEST_CLASSES
        self._facts = facts if usable else None
        self.setup.set_facts(self._facts)
        self._left.setCurrentIndex(_CHOOSE if usable else _MISSING)
        self._show_queue()


def _could_not_fetch(config: RunConfig, outcome: Outcome) -> bool:
    """Whether a run failed for want of weights: then the message names the address they lie at."""
    address = get_backbone(config.backbone).keras_url
    return config.weights == "imagenet" and bool(address) and address in outcome.message

"""The results page: all runs in a table, and below it the one that is selected, or several side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from skindesk.models.runs.listing import RunsModel, RunStatus
from skindesk.pages.results.compare_view import CompareView
from skindesk.pages.results.detail import RunDetail
from skindesk.pages.results.failures import Failures
from skindesk.pages.results.run_actions import RunActions, Told
from skindesk.pages.results.run_table import RunTable
from skindesk.widgets.basics import Card, EmptyState, muted, scrolling, title
from skindesk.widgets.drop_area import accept_paths
from skindesk.widgets.fold import FoldButton
from skindesk.widgets.icons import icon
from skindesk.widgets.notice import Notice, NoticeLayer
from skindesk.widgets.quantities import runs_counted
from skindesk.widgets.splitter import Splitter
from skindesk.widgets.theme import SPACE
from trainer import RESEARCH_ONLY
from trainer.runs.archive import ARCHIVE_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent

    from skindesk.engine.jobs import JobQueue
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from skindesk.settings import Settings

_LOOK_MS = 3_000  # between two looks at runs that are going on
_TABLE_ROOM = 288  # pixels that the table takes at most by itself
_DETAIL_ROOM = 384  # pixels that the run below is left with, as long as some rows of the table fit above it
_LEAST_DETAIL = 320  # pixels of the run below; where there is less room, both are scrolled together
_FEW_ROWS = 3  # that the table has at least


class ResultsPage(QWidget):
    """How good is it: every run, its figures, and what can be done with it.

    Args:
        scoring: queue for `EvaluateBundle`.
        runs: all runs.
        workspace: dataset and bundle.
        settings: of the window.
        paths: of the user.
        parent: as usual.
    """

    def __init__(
        self,
        scoring: JobQueue,
        runs: RunsModel,
        workspace: Workspace,
        settings: Settings,
        paths: Paths,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._runs, self._workspace, self._settings = runs, workspace, settings
        self._awaited: Path | None = None
        self._problem = ""
        self.run_actions = RunActions(runs, workspace, settings, paths, self)
        self.table = RunTable(runs, settings)
        self.detail = RunDetail(scoring, runs, workspace, settings, self.run_actions)
        self._compare: CompareView | None = None
        self.failures, self.notice = Failures(), Notice()
        self._noted: Told | None = None  # in the notice
        self._stack = QStackedWidget()
        self._listed = self._filled()
        self._stack.addWidget(self._listed)
        self.empty = EmptyState(
            "results",
            self.tr("No runs yet"),
            self.tr("Train a network, or import one that was exported elsewhere, to see how good it is."),
            [
                (self.tr("Train a network"), lambda: workspace.go_to.emit("training"), True),
                (self.tr("Import a bundle…"), self.run_actions.ask_import, False),
            ],
        )
        self._stack.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, SPACE)
        layout.setSpacing(3 * SPACE // 2)
        layout.addLayout(self._header())
        layout.addWidget(self._stack, 1)
        layout.addWidget(muted(RESEARCH_ONLY))
        NoticeLayer(self, self._stack, [self.failures, self.notice])
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look_again)
        self._connect()
        self._refreshed()

    def _header(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        row.addWidget(title(self.tr("Results")))
        self._count = muted()
        row.addWidget(self._count)
        self.fold = FoldButton("", self.tr("Show or hide the list of runs"))
        self.fold.setChecked(True)
        self.fold.toggled.connect(lambda _unfolded: self._fit_table())
        row.addWidget(self.fold)
        row.addStretch(1)
        take_in = QPushButton(icon("import"), self.tr("Import a bundle…"))
        take_in.setToolTip(
            self.tr("Import a network that was exported as one file; you can also drop it here")
        )
        take_in.clicked.connect(lambda _checked=False: self.run_actions.take_in.trigger())
        row.addWidget(take_in)
        return row

    def _filled(self) -> QWidget:
        self._card = card = Card()
        card.body.addWidget(self.table)
        self._below = QStackedWidget()
        self._nothing = QWidget()
        hint = QVBoxLayout(self._nothing)
        hint.setContentsMargins(0, 0, 0, 0)
        hint.addWidget(muted(self.tr("Select a run to see its figures, or several to compare them.")))
        hint.addStretch(1)
        for widget in (self._nothing, self.detail):
            self._below.addWidget(widget)
        self._splitter = Splitter(
            Qt.Orientation.Vertical, ((card, 0), (self._below, 1)), self._settings, "results_rows"
        )
        return scrolling(self._splitter)

    def _connect(self) -> None:
        runs, actions = self._runs, self.run_actions
        for action in actions.all:
            self.addAction(action)
            self.table.addAction(action)
        runs.refreshed.connect(self._refreshed)
        self.table.chosen_changed.connect(self._show_chosen)
        self.table.rename_asked.connect(actions.keep_name)
        actions.edit_asked.connect(self.table.edit_name)
        actions.told.connect(self._tell)
        actions.arrived.connect(self._await)
        self.notice.acted.connect(self._act)
        self._workspace.bundle_changed.connect(self._show_chosen)
        self.detail.scoring.scored.connect(self._scored)
        self.detail.scoring.jobs_changed.connect(self._offer)
        accept_paths(self, self.run_actions.import_files, _all_archives)

    @property
    def compare(self) -> CompareView:
        """Several runs side by side; made when it is first wanted."""
        if self._compare is None:
            self._compare = CompareView()
            self._below.addWidget(self._compare)
        return self._compare

    # --- what the window asks ----------------------------------------------------------------------------

    def open_path(self, path: Path) -> bool:
        """Import a bundle that is one file, or show a run that is listed."""
        if path.suffix == ARCHIVE_SUFFIX and path.is_file():
            self.run_actions.import_files([path])
            return True
        summary = self._runs.summary_of(path.absolute())
        if summary is None:
            return False
        self.table.choose((summary.folder,))
        return True

    # --- selection ---------------------------------------------------------------------------------------

    def _show_chosen(self) -> None:
        chosen = self.table.chosen
        self._offer()
        if len(chosen) == 1:
            self.detail.show_run(chosen[0])
            self._below.setCurrentWidget(self.detail)
        elif chosen:
            self.compare.show_runs(chosen)
            self._below.setCurrentWidget(self.compare)
        else:
            self.detail.show_run(None)
            self._below.setCurrentWidget(self._nothing)

    def _offer(self) -> None:
        """Offer what can be done with the selected runs now."""
        self.run_actions.show_runs(self.table.chosen, self.detail.scoring.jobs)

    def _scored(self, _folder: Path) -> None:
        self._workspace.runs_changed.emit()

    # --- the list ----------------------------------------------------------------------------------------

    def _refreshed(self) -> None:
        runs = self._runs.runs
        self._stack.setCurrentWidget(self.empty if not runs and self._runs.looked else self._listed)
        for words in (self._count, self.fold):
            words.setText(runs_counted(len(runs)) if runs else "")
        self._fit_table()
        self._tell_problem()
        if self._awaited is not None and self._runs.row_of(self._awaited) is not None:
            self.table.choose((self._awaited,))
            self._awaited = None
        elif runs and not self.table.chosen:
            self.table.choose_first()
        going = any(run.state is RunStatus.RUNNING for run in runs)
        if going and self.isVisible():
            self._timer.start()
        else:
            self._timer.stop()

    def _tell_problem(self) -> None:
        """Say once why the runs cannot be read, until they can be again."""
        before, self._problem = self._problem, self._runs.problem
        if self._problem and self._problem != before:
            self.failures.add("runs", self._problem)
        elif not self._problem:
            self.failures.solve("runs")

    def _fit_table(self) -> None:
        """Give the table the room its rows need, until a person has given it another."""
        around = self._card.sizeHint().height() - self.table.sizeHint().height()
        few = self.table.wanted_height(_FEW_ROWS) + around
        least = few + self._splitter.handleWidth() + _LEAST_DETAIL
        low = self._listed.height() < least
        self.fold.setVisible(low)
        self._count.setVisible(not low)
        folded = low and not self.fold.isChecked()
        self._card.setHidden(folded)
        self._splitter.setMinimumHeight(0 if folded else least)
        height = max(self._listed.height(), least)
        rows = self.table.rows_within(min(_TABLE_ROOM, height - _DETAIL_ROOM) - around)
        high = self.table.wanted_height(max(_FEW_ROWS, rows)) + around
        self._splitter.suggest([high, max(1, height - high)])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the room anew between the table and what is below."""
        super().resizeEvent(event)
        self._fit_table()

    def _await(self, folder: Path) -> None:
        self._awaited = folder
        self._runs.refresh()

    def _look_again(self) -> None:
        self._runs.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Look at the runs again."""
        super().showEvent(event)
        self._runs.refresh()
        self._fit_table()
        self.table.setFocus()

    def hideEvent(self, event: QHideEvent) -> None:
        """Look no more."""
        super().hideEvent(event)
        self._timer.stop()

    # --- telling -----------------------------------------------------------------------------------------

    def _tell(self, told: Told) -> None:
        if told.error:
            self.failures.add(told.about, told.text)
            if self._noted is not None and self._noted.about == told.about:  # that it was begun
                self.notice.clear()
        else:
            self.failures.solve(told.about)
            if told.text:
                self.notice.show_success(told.text, action=told.action)
                self._noted = told

    def _act(self) -> None:
        self.notice.clear()
        if self._noted is not None and self._noted.act is not None:
            self._noted.act()


def _all_archives(paths: Sequence[Path]) -> bool:
    return all(path.suffix == ARCHIVE_SUFFIX for path in paths)

"""One run: its figures, confusion matrix, curves and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from skindesk.background import Question
from skindesk.models.runs.listing import RunStatus
from skindesk.models.runs.record import RunRecord, read_record
from skindesk.pages.results.confusion_view import ConfusionView
from skindesk.pages.results.metrics_view import MetricsView
from skindesk.pages.results.operating_view import OperatingView
from skindesk.pages.results.pictures_view import PicturesView
from skindesk.pages.results.scoring_panel import Part, ScoringPanel
from skindesk.pages.results.settings_view import SettingsView
from skindesk.pages.results.unscored import Unscored
from skindesk.widgets.basics import ElidedLabel, SegmentedRow, muted, scrolling
from skindesk.widgets.icons import icon
from skindesk.widgets.notice import Notice
from skindesk.widgets.theme import SPACE, set_role

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QAction, QResizeEvent

    from skindesk.engine.jobs import JobQueue
    from skindesk.models.runs.listing import RunsModel, RunSummary
    from skindesk.models.workspace import Workspace
    from skindesk.pages.results.run_actions import RunActions
    from skindesk.settings import Settings

_SMALLEST_VIEW = 104  # pixels
_MATRIX_HEIGHT, _CURVES_HEIGHT = 256, 280  # pixels, below which they are scrolled rather than squeezed
_CHEVRON = 12  # pixels
_METRICS, _CONFUSION, _CURVES, _SETTINGS = "metrics", "confusion", "curves", "settings"
_OPERATING = "operating"


class RunDetail(QWidget):
    """Shows one run. What is stored of it is read when it is shown, in a worker.

    Signals:
        shown: the record of the run has been read and is on show.
    """

    shown = Signal()

    def __init__(
        self,
        scoring: JobQueue,
        runs: RunsModel,
        workspace: Workspace,
        settings: Settings,
        actions: RunActions,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._runs, self._workspace, self._actions = runs, workspace, actions
        self._summary: RunSummary | None = None
        self.record: RunRecord | None = None
        self._filled: set[str] = set()
        self._question: Question[RunRecord] = Question(self._receive, self._not_read, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3 * SPACE // 2)
        layout.addLayout(self._header(actions))
        self.problem = Notice()
        self.problem.acted.connect(lambda: workspace.go_to.emit("training"))
        layout.addWidget(self.problem)
        self.scoring = ScoringPanel(scoring)
        layout.addWidget(self.scoring)
        layout.addLayout(self._tabs())
        self.metrics = MetricsView()
        self.confusion = ConfusionView(settings)
        self.pictures = PicturesView()
        self.operating = OperatingView()
        self.operating.saved.connect(workspace.bundle_edited)
        self.settings = SettingsView()
        self.unscored = Unscored()
        self._stack = QStackedWidget()
        self._views = {
            _METRICS: self.metrics,
            _CONFUSION: _tall(self.confusion, _MATRIX_HEIGHT),
            _CURVES: _tall(self.pictures, _CURVES_HEIGHT),
            _OPERATING: self.operating,
            _SETTINGS: self.settings,
        }
        for view in (*self._views.values(), self.unscored):
            self._stack.addWidget(view)
        # A small window squeezes what is in it for as long as a question is asked above.
        self._stack.setMinimumHeight(_SMALLEST_VIEW)
        layout.addWidget(self._stack, 1)
        self.pictures.which.chosen.connect(lambda _key: self._fill())
        actions.score_asked.connect(self.begin_scoring)
        for unscored in (self.metrics.unscored, self.unscored, self.pictures.unscored):
            unscored.score_asked.connect(self.begin_scoring)
            actions.score_test.enabledChanged.connect(unscored.score_button.setEnabled)
        self.confusion.images_opened.connect(workspace.images_for_diagnosis)
        workspace.bundle_changed.connect(self._mark)
        workspace.dataset_changed.connect(self._datasets_changed)

    # --- parts -------------------------------------------------------------------------------------------

    def _header(self, actions: RunActions) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        words = QVBoxLayout()
        words.setSpacing(2)
        self.name = ElidedLabel()
        set_role(self.name, "title")
        self.subtitle = ElidedLabel()
        set_role(self.subtitle, "muted")
        words.addWidget(self.name)
        words.addWidget(self.subtitle)
        row.addLayout(words, 1)
        self.score_button = _button(actions.score_test)
        self.use_button = _button(actions.use)
        set_role(self.use_button, "primary")
        more = QToolButton()
        more.setText(self.tr("More"))
        more.setToolTip(self.tr("Rename, export, open folder, delete"))
        more.setAccessibleName(self.tr("More actions"))
        more.setIcon(icon("chevron-down"))
        more.setIconSize(QSize(_CHEVRON, _CHEVRON))
        more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        more.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        # The icon says it; the style's own arrow would stand in the corner.
        more.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(more)
        menu.setLayoutDirection(
            Qt.LayoutDirection.LeftToRight
        )  # the button's own puts its arrow on the right
        for action in (
            actions.score_validation,
            actions.save_report,
            actions.rename,
            actions.export,
            actions.open_folder,
            actions.delete,
        ):
            menu.addAction(action)
        more.setMenu(menu)
        for button in (self.score_button, self.use_button, more):
            row.addWidget(button)
        return row

    def _tabs(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(SPACE)
        grid.setColumnStretch(1, 1)
        self.tabs = SegmentedRow(
            [
                (_METRICS, self.tr("Figures")),
                (_CONFUSION, self.tr("Confusion matrix")),
                (_CURVES, self.tr("Curves")),
                (_OPERATING, self.tr("Operating point")),
                (_SETTINGS, self.tr("Settings")),
            ]
        )
        self.parts = SegmentedRow([("validation", self.tr("Validation")), ("test", self.tr("Test"))])
        self._part_words = muted(self.tr("Part"))
        self.tabs.chosen.connect(lambda _key: self._fill())
        self.parts.chosen.connect(self._part_chosen)
        self._of_part = QWidget()
        row = QHBoxLayout(self._of_part)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE)
        row.addWidget(self._part_words)
        row.addWidget(self.parts)
        grid.addWidget(self.tabs, 0, 0)
        grid.addWidget(self._of_part, 0, 2)
        self._tab_grid = grid
        return grid

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Place the choice of a part below the tabs where there is no room beside them."""
        super().resizeEvent(event)
        beside = self.tabs.sizeHint().width() + self._of_part.sizeHint().width() + 2 * SPACE <= self.width()
        self._tab_grid.addWidget(self._of_part, *((0, 2) if beside else (1, 0)))

    # --- a run -------------------------------------------------------------------------------------------

    @property
    def summary(self) -> RunSummary | None:
        """The run on show."""
        return self._summary

    def show_run(self, summary: RunSummary | None) -> None:
        """Show a run, or what was learned of the one on show."""
        if summary == self._summary:
            return
        before = self._summary
        same = before is not None and summary is not None and before.folder == summary.folder
        self._summary = summary
        self.scoring.show_run(summary)
        if summary is None:
            self.record = None
            self._question.forget()
            return
        if not same:
            self.record = None
            self.parts.choose("test" if summary.report("test") is not None else "validation")
        self._describe(summary)
        self._question.ask(lambda: read_record(summary))

    def begin_scoring(self, part: str) -> None:
        """Score the run on show; the test part after a question."""
        if self._summary is not None:
            self.parts.choose(part)
            self._part_chosen(part)
            self.scoring.begin(cast("Part", part), self._dataset())

    def show_part(self, part: str) -> None:
        """Show a part's figures."""
        self.parts.choose(part)
        self._part_chosen(part)

    def _describe(self, summary: RunSummary) -> None:
        self.name.setText(summary.name)
        words = [
            summary.backbone_title,
            self.tr("{side} px").format(side=summary.input_size) if summary.input_size else "",
            self._runs.stage_words(summary),
            self.tr("dataset {name}").format(name=summary.dataset_name) if summary.dataset_name else "",
            self._runs.state_words(summary),
            f"{summary.created:%Y-%m-%d %H:%M}",
        ]
        self.subtitle.setText(", ".join(word for word in words if word))
        self._tell_problem(summary)
        self._mark()

    def _tell_problem(self, summary: RunSummary) -> None:
        """Say what could not be read, or that training can go on."""
        resume = ""
        if summary.state is RunStatus.STOPPED:
            resume = self.tr("This run was stopped. It can be resumed on the training page.")
        elif summary.state is RunStatus.INTERRUPTED:
            resume = self.tr("This run was cut off. It can be resumed on the training page.")
        words = self.tr("Go to training") if summary.state.resumable else ""
        if summary.problem:
            self.problem.show_error(f"{summary.problem} {resume}".strip(), action=words)
        elif resume:
            self.problem.show_note(resume, action=words)
        else:
            self.problem.clear()

    def _mark(self) -> None:
        used = self._summary is not None and self._runs.is_for_diagnosis(self._summary)
        self.use_button.setText(self.tr("Used for diagnosis") if used else self._actions.use.text())
        self.use_button.setVisible(self._summary is not None and self._summary.has_bundle)
        self.score_button.setVisible(self._summary is not None and self._summary.has_bundle)

    def _receive(self, record: RunRecord) -> None:
        self.record = record
        self._filled = set()
        self._fill()
        self.shown.emit()

    def _not_read(self, sentence: str) -> None:
        self.problem.show_error(sentence)

    # --- views -------------------------------------------------------------------------------------------

    def _part_chosen(self, _part: str) -> None:
        self._filled -= {_METRICS, _CONFUSION, _CURVES}
        self._fill()

    def _fill(self) -> None:
        """Fill the view that is shown, if that has not been done."""
        tab, record = self.tabs.current, self.record
        of_a_part = tab in {_METRICS, _CONFUSION} or (tab == _CURVES and not self.pictures.learning)
        self._of_part.setVisible(of_a_part)
        if record is None:
            return
        part = self.parts.current
        report = record.summary.report(part)
        view = self.unscored if tab == _CONFUSION and report is None else self._views[tab]
        if tab not in self._filled:
            self._filled.add(tab)
            if tab == _METRICS:
                self.metrics.show_part(record, part)
            elif tab == _CONFUSION and report is not None:
                self.confusion.show_report(record, report, self._datasets())
            elif tab == _CONFUSION:
                self._show_unscored(record, part)
            elif tab == _CURVES:
                self.pictures.show_record(record, part)
            elif tab == _OPERATING:
                self.operating.show_record(record)
            elif tab == _SETTINGS:
                self.settings.show_record(record)
        self._stack.setCurrentWidget(view)

    def _show_unscored(self, record: RunRecord, part: str) -> None:
        sentence = (
            self.tr("Score this part to see its confusion matrix.")
            if record.summary.has_bundle
            else self.tr("This run has no network to score yet.")
        )
        self.unscored.show_part(part, sentence, can_score=record.summary.has_bundle)

    def _datasets(self) -> tuple[Path, ...]:
        """Return dataset files in which the samples of this run may be."""
        own = self._summary.dataset_path if self._summary is not None else None
        known = [own, self._workspace.dataset, *self._workspace.recent_datasets]
        return tuple(dict.fromkeys(path for path in known if path is not None))

    def _dataset(self) -> Path | None:
        """Return the dataset to score on: the run's own if it is there, else the one that is open."""
        own = self._summary.dataset_path if self._summary is not None else None
        return own if own is not None and own.is_file() else self._workspace.dataset

    def _datasets_changed(self) -> None:
        self._filled.discard(_CONFUSION)
        if self.tabs.current == _CONFUSION:
            self._fill()


def _tall(view: QWidget, least: int) -> QScrollArea:
    """Return an area in which a view is never lower than this, pixels."""
    view.setMinimumHeight(least)
    area = scrolling(view)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
    return area


def _button(action: QAction) -> QPushButton:
    """Return a button that does what an action does, and can be pressed when that can be done."""
    button = QPushButton(action.text())
    button.setToolTip(action.toolTip())
    button.setEnabled(action.isEnabled())
    button.clicked.connect(lambda _checked=False: action.trigger())
    action.enabledChanged.connect(button.setEnabled)
    return button

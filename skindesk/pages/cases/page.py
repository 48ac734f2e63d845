"""The page of cases: all saved diagnoses in a table, beside it the one that is selected."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QAction, QDesktopServices
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from skindesk.models.cases.table import Kind, is_of_kind
from skindesk.pages.cases.actions import CaseActions
from skindesk.pages.cases.case_table import CaseTable
from skindesk.pages.cases.detail import CaseDetail
from skindesk.pages.cases.own_results import OwnResultsView
from skindesk.pages.cases.words import cases_counted, tr
from skindesk.widgets.basics import Card, EmptyState, SearchField, SegmentedRow, muted, title
from skindesk.widgets.notice import Notice, NoticeLayer
from skindesk.widgets.splitter import Splitter
from skindesk.widgets.theme import SPACE
from trainer import RESEARCH_ONLY

if TYPE_CHECKING:
    from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent

    from skindesk.models.cases.cases import CasesModel
    from skindesk.models.workspace import Workspace
    from skindesk.settings import Settings

_DETAIL = 480  # pixels that the detail has at least where that leaves half of the room
_DETAIL_SHARE = 43  # percent of the room


class CasesPage(QWidget):
    """What have I seen, and what became of it.

    Args:
        cases: all cases.
        workspace: to go to other pages.
        settings: of the window.
        parent: as usual.
    """

    def __init__(
        self, cases: CasesModel, workspace: Workspace, settings: Settings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._cases = cases
        self.case_actions = CaseActions(cases, settings, self)
        self.table = CaseTable()
        self.detail = CaseDetail(cases, self.case_actions.open)
        self.results = OwnResultsView(cases, lambda: self._show_view("cases"))
        self.failure, self.notice = Notice(), Notice()
        self.view = SegmentedRow((("cases", tr("Cases")), ("results", tr("Confirmed results"))))
        self.empty = EmptyState(
            "cases",
            tr("No cases yet"),
            tr(
                "Save a diagnosis with “Save case” on the Diagnosis page, to find it again here, to compare images of "
                "a lesion over time, and to enter later what it was found to be."
            ),
            [(tr("Go to Diagnosis"), lambda: workspace.go_to.emit("diagnosis"), True)],
        )
        self.damaged = EmptyState(
            "warning",
            tr("The cases cannot be read"),
            "",
            [(tr("Try again"), cases.refresh, True), (tr("Open folder"), self._open_folder, False)],
        )
        self._stack = QStackedWidget()
        self._listed = self._filled(settings)
        for widget in (self._listed, self.empty, self.damaged, self.results):
            self._stack.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, SPACE)
        layout.setSpacing(3 * SPACE // 2)
        layout.addLayout(self._header())
        layout.addWidget(self._stack, 1)
        layout.addWidget(muted(RESEARCH_ONLY))
        NoticeLayer(self, self._stack, [self.failure, self.notice])
        self._connect()
        self._refreshed()

    # --- parts -------------------------------------------------------------------------------------------

    def _header(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        row.addWidget(title(tr("Cases")))
        self._count = muted()
        row.addWidget(self._count)
        row.addStretch(1)
        row.addWidget(self.view)
        return row

    def _filled(self, settings: Settings) -> QWidget:
        self.search = SearchField(tr("Search: a class, a name, a site, #12, a word of a note"))
        self.kind = SegmentedRow(
            (
                ("all", tr("All")),
                ("open", tr("To confirm")),
                ("confirmed", tr("Confirmed")),
                ("removed", tr("Removed")),
            )
        )
        self._none = QLabel(tr("No case matches."))
        self._none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        card = Card()
        card.body.addWidget(self.search)
        card.body.addWidget(self.kind)
        card.body.addWidget(self.table, 1)
        card.body.addWidget(self._none, 1)
        card.body.addLayout(self._buttons())
        self._several = QWidget()
        column = QVBoxLayout(self._several)
        column.setContentsMargins(0, 0, 0, 0)
        self._said = muted(wrap=True)
        column.addWidget(self._said)
        column.addStretch(1)
        self._beside = QStackedWidget()
        self._beside.addWidget(self._several)
        self._beside.addWidget(self.detail)
        self._splitter = Splitter(
            Qt.Orientation.Horizontal, ((card, 1), (self._beside, 1)), settings, "case_columns"
        )
        return self._splitter

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        for action in (self.case_actions.join, self.case_actions.export):
            row.addWidget(_button(action))
        row.addStretch(1)
        for action in (self.case_actions.put_back, self.case_actions.remove):
            row.addWidget(_button(action))
        return row

    def _connect(self) -> None:
        cases, actions = self._cases, self.case_actions
        self.search.typed.connect(self._look_for)
        self.kind.chosen.connect(lambda _kind: self._look_for())
        self.view.chosen.connect(self._show_view)
        self.table.chosen_changed.connect(self._show_chosen)
        self.table.open_asked.connect(actions.open.trigger)
        self.addActions(list(actions.all))
        self.table.addActions(list(actions.of_cases))
        actions.done.connect(self._tell)
        actions.failed.connect(self.failure.show_error)
        actions.find_asked.connect(self._find)
        cases.changed.connect(self._refreshed)
        cases.failed.connect(self.failure.show_error)
        cases.told.connect(self.notice.show_note)
        self.notice.acted.connect(self._undo)

    # --- for the window ----------------------------------------------------------------------------------

    def actions(self) -> list[QAction]:
        """Return what the menu of this page holds."""
        return list(self.case_actions.all)

    def showEvent(self, event: QShowEvent) -> None:
        """Follow what is saved here and in other windows."""
        super().showEvent(event)
        self._cases.watch(watched=True)
        self.table.setFocus()

    def hideEvent(self, event: QHideEvent) -> None:
        """Follow it no more; what was typed is stored."""
        super().hideEvent(event)
        self.detail.note.settle()
        self._cases.watch(watched=False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the room between table and detail."""
        super().resizeEvent(event)
        room = self.width() - 6 * SPACE  # without the margins and the handle
        detail = min(max(_DETAIL, room * _DETAIL_SHARE // 100), room // 2)
        self._splitter.suggest([room - detail, detail])

    # --- showing -----------------------------------------------------------------------------------------

    def _show_view(self, view: str) -> None:
        self.view.choose(view)
        self._refreshed()

    def _refreshed(self) -> None:
        cases = self._cases
        self.table.cases.show_cases(cases.cases)
        if cases.problem:
            self.damaged.explanation.setText(cases.problem)
            self._stack.setCurrentWidget(self.damaged)
        elif not cases.cases and cases.looked:
            self._stack.setCurrentWidget(self.empty)
        elif self.view.current == "results":
            self.results.refresh()
            self._stack.setCurrentWidget(self.results)
        else:
            self._stack.setCurrentWidget(self._listed)
        self.view.setVisible(bool(cases.cases) and not cases.problem)
        self._show_found()
        if not self.table.chosen:
            self.table.choose_first()

    def _look_for(self) -> None:
        self.search.settle()
        self.table.cases.look_for(self.search.text(), cast("Kind", self.kind.current))
        self._show_found()
        if not self.table.chosen:
            self.table.choose_first()

    def _show_found(self) -> None:
        found = bool(self.table.cases.rows)
        self.table.setVisible(found)
        self._none.setVisible(not found and self._cases.looked)
        kind = cast("Kind", self.kind.current)
        of_kind = sum(is_of_kind(case, kind) for case in self._cases.cases)
        number, shown = cases_counted(of_kind), len(self.table.cases.rows)
        part = tr("{n} of {cases}").format(n=f"{shown:,}", cases=number)
        self._count.setText(number if shown == of_kind else part)
        self._count.setVisible(bool(self._cases.cases))

    def _show_chosen(self) -> None:
        chosen = self.table.chosen
        self.case_actions.show_cases(chosen)
        self.detail.show_case(chosen[0] if len(chosen) == 1 else None)
        self._beside.setCurrentWidget(self.detail if len(chosen) == 1 else self._several)
        self._said.setText(
            tr(
                "{cases} selected. If they show one lesion, choose “Same lesion” to compare their images over time."
            ).format(cases=cases_counted(len(chosen)))
            if chosen
            else tr("Select a case to see it, or several to join them as one lesion.")
        )

    def _find(self) -> None:
        self._show_view("cases")
        self.search.setFocus()
        self.search.selectAll()

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._cases.folder)))

    def _tell(self, sentence: str, action: str) -> None:
        self.notice.show_success(sentence, action=action)

    def _undo(self) -> None:
        self.notice.clear()
        self._cases.undo()


def _button(action: QAction) -> QPushButton:
    """Return a button that is there and can be pressed as its action can be chosen."""
    button = QPushButton(action.icon(), action.text())
    button.clicked.connect(action.trigger)

    def follow() -> None:
        button.setEnabled(action.isEnabled())
        button.setVisible(action.isVisible())
        button.setToolTip(action.toolTip())

    action.changed.connect(follow)
    button.setEnabled(action.isEnabled())
    if not action.isVisible():
        button.hide()
    button.setToolTip(action.toolTip())
    return button

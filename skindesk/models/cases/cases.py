"""All cases as a window knows them: listed, saved, changed, erased off the GUI thread, and kept up with other windows."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from skindesk.background import Errands, Question
from skindesk.models.cases.editing import DayEdit, Edit, StateEdit, apply_edits
from skindesk.models.cases.erasing import erase_cases, finish_erasing
from skindesk.models.cases.reading import Listing, OpenedCase, list_cases, open_case, stamp_of
from skindesk.models.cases.saving import NewCase, Saved, now, save_case

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from skindesk.models.cases.record import CaseState, CaseSummary
    from skindesk.paths import Paths
    from skindesk.settings import Settings

_LOOK_MS = 3_000  # between two looks at what other windows have done
_UNDO_DEPTH = 50


class _InOrder:
    """Changes of the stored cases, done one after the other, by whichever threads: each expects what was before it."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._waiting: deque[tuple[int, Callable[[], int]]] = deque()

    def add(self, number: int, work: Callable[[], int]) -> None:
        """Take a change; `do_next` is called once for each."""
        self._waiting.append((number, work))

    def do_next(self) -> tuple[int, int]:
        """Make the change that has waited for longest; return its number and what it returned."""
        with self._one_at_a_time:
            number, work = self._waiting.popleft()
            return number, work()


class CasesModel(QObject):
    """The cases of a user.

    Attributes:
        folder: where they lie.
        cases: all, the latest first, removed ones included; as of the last look.
        problem: a sentence: why they cannot be read; empty where they can.

    Signals:
        changed: other cases, or something about them, or another problem.
        failed(str): a sentence: what was asked for was not done.
        told(str): a sentence: it was done otherwise than asked.
        days_changed: images were taken on other days than was known.
        undo_changed: there is a change to take back, or no longer.
        about_to_erase(frozenset[str]): ids of cases that are to be erased: whoever has one at hand lets go of it now.
        reopened(OpenedCase): a case is to be diagnosed again.
    """

    changed = Signal()
    failed = Signal(str)
    told = Signal(str)
    days_changed = Signal()
    undo_changed = Signal()
    about_to_erase = Signal(object)
    reopened = Signal(object)

    def __init__(self, paths: Paths, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._paths = paths
        self.folder: Path = paths.cases
        self.cases: tuple[CaseSummary, ...] = ()
        self.problem = ""
        self._stamp: str | None = None
        self._undo: list[tuple[Edit, ...]] = []
        self._listing: Question[Listing] = Question(self._listed, self._not_listed, self)
        self._look: Question[str] = Question(self._looked, self._not_listed, self)
        self._opening: Question[OpenedCase] = Question(self.reopened.emit, self.failed.emit, self)
        self._errands = Errands(self)
        self._in_order = _InOrder()
        self._ends: dict[int, Callable[[int], None]] = {}
        self._numbers = itertools.count()
        self._under_way = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)

    @property
    def looked(self) -> bool:
        """Whether the cases have been read."""
        return self._stamp is not None or bool(self.problem)

    def bundle_folders(self, settings: Settings) -> tuple[Path, ...]:
        """Return the folders in which runs and imported bundles lie."""
        named = settings.text("runs_folder")
        return (*([Path(named)] if named else []), self._paths.runs, self._paths.bundles)

    # --- keeping up --------------------------------------------------------------------------------------

    def watch(self, *, watched: bool) -> None:
        """Follow what other windows do, as long as somebody looks."""
        if watched and not self._timer.isActive():
            self._timer.start()
            # What an erasing that was killed has left goes first.
            self._errands.run(partial(finish_erasing, self._paths), lambda _done: None, lambda _why: None)
            self.refresh()
        elif not watched:
            self._timer.stop()

    def refresh(self) -> None:
        """Read the cases anew."""
        self._listing.ask(partial(list_cases, self.folder))

    def look(self) -> None:
        """Read the cases anew if something has changed."""
        if not self._look.busy and not self._listing.busy:
            self._look.ask(partial(stamp_of, self.folder))

    def _looked(self, stamp: str) -> None:
        if stamp != self._stamp or self.problem:
            self.refresh()

    def _listed(self, listing: Listing) -> None:
        if self._under_way:  # it may be older than what is shown; it is read anew after them
            return
        self.cases, self._stamp, self.problem = listing.cases, listing.stamp, ""
        self.changed.emit()

    def _not_listed(self, sentence: str) -> None:
        if sentence != self.problem:
            self.problem = sentence
            self.changed.emit()

    # --- saving and opening ------------------------------------------------------------------------------

    def save(
        self, new: Sequence[NewCase], done: Callable[[list[Saved]], None], failed: Callable[[str], None]
    ) -> None:
        """Store diagnoses; those before one that cannot be stored are stored.

        Args:
            new: what is to be stored.
            done: is handed what they are called now, in their order.
            failed: is handed a sentence instead.
        """

        def saved(cases: list[Saved]) -> None:
            self.refresh()
            done(cases)

        self._errands.run(lambda: [save_case(self.folder, case) for case in new], saved, failed)

    def reopen(self, case_id: str) -> None:
        """Have a case diagnosed again."""
        self._opening.ask(partial(open_case, self.folder, case_id))

    # --- changing ----------------------------------------------------------------------------------------

    def change(self, cases: Sequence[CaseSummary], change: Callable[[CaseSummary], CaseState]) -> None:
        """Change what is known of cases; can be taken back."""
        edits = (StateEdit(case.case_id, case.state, change(case)) for case in cases)
        self._do(tuple(edit for edit in edits if edit.before != edit.after))

    def change_day(self, case_id: str, place: int, before: str, after: str) -> None:
        """Say when an image of a case was taken; can be taken back. See `DayEdit`."""
        self._do((DayEdit(case_id, place, before, after),) if before != after else ())

    def _do(self, edits: tuple[Edit, ...]) -> None:
        if edits:
            self._undo.append(edits)
            del self._undo[:-_UNDO_DEPTH]
            self.undo_changed.emit()
            self._apply(edits)

    def remove(self, cases: Sequence[CaseSummary]) -> None:
        """Put cases away; they can be put back until they are erased."""
        self.change(cases, lambda case: replace(case.state, removed_at=now()))

    def put_back(self, cases: Sequence[CaseSummary]) -> None:
        """Take cases back from among the removed ones."""
        self.change(cases, lambda case: replace(case.state, removed_at=""))

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._undo)

    def undo(self) -> None:
        """Take back the last change."""
        if self._undo:
            edits = self._undo.pop()
            self.undo_changed.emit()
            self._apply(tuple(edit.undone() for edit in edits))

    def _apply(self, edits: tuple[Edit, ...]) -> None:
        after = {edit.case_id: edit.after for edit in edits if isinstance(edit, StateEdit)}
        self.cases = tuple(
            replace(case, state=after[case.case_id]) if case.case_id in after else case for case in self.cases
        )
        self.changed.emit()
        days = any(isinstance(edit, DayEdit) for edit in edits)
        self._make(partial(apply_edits, self.folder, edits), partial(self._applied, days))

    def _applied(self, days: bool, left: int) -> None:
        if left:
            self.told.emit(self.tr("Another window has changed the same; its change was kept."))
        if days:
            self.days_changed.emit()

    def _make(self, work: Callable[[], int], done: Callable[[int], None]) -> None:
        """Make a change after all that were asked for before."""
        number = next(self._numbers)
        self._ends[number] = done
        self._under_way += 1
        self._in_order.add(number, work)
        self._errands.run(self._in_order.do_next, self._made, self._not_made)

    def _made(self, answer: tuple[int, int]) -> None:
        number, value = answer
        self._ends.pop(number)(value)
        self._ended()

    def _not_made(self, sentence: str) -> None:
        self.failed.emit(sentence)
        self._ended()

    def _ended(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._ends.clear()
            self.refresh()

    # --- erasing -----------------------------------------------------------------------------------------

    def erase(self, cases: Sequence[CaseSummary], done: Callable[[], None]) -> None:
        """Erase cases for good, with their copies; what was done to them before cannot be taken back any more."""
        gone = frozenset(case.case_id for case in cases)
        self._undo = [edits for edits in self._undo if not gone & {edit.case_id for edit in edits}]
        self.undo_changed.emit()
        self.about_to_erase.emit(gone)
        self.cases = tuple(case for case in self.cases if case.case_id not in gone)
        self.changed.emit()

        self._make(partial(erase_cases, self._paths, gone), lambda _number: done())

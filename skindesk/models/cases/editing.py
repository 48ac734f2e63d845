"""Changes of what is known of cases. Everything here runs in a worker.

A change names what it expects to find: what another window has changed meanwhile is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from skindesk.models.cases.database import opened, transaction
from skindesk.models.cases.reading import STATE_COLUMNS
from skindesk.models.cases.record import diagnosis_of, text_of_diagnosis
from trainer.stored import UnreadableError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

    from skindesk.models.cases.record import CaseState


@dataclass(frozen=True)
class StateEdit:
    """Another state of a case; only what differs is expected and changed."""

    case_id: str
    before: CaseState
    after: CaseState

    def undone(self) -> StateEdit:
        """Return the change that takes this one back."""
        return StateEdit(self.case_id, self.after, self.before)

    def apply(self, connection: sqlite3.Connection) -> bool:
        """Make the change; return whether the case was as expected."""
        changed = [name for name in STATE_COLUMNS if getattr(self.before, name) != getattr(self.after, name)]
        if not changed:
            return True
        sets = ", ".join(f"{name} = ?" for name in changed)
        tests = " AND ".join(f"{name} = ?" for name in changed)
        values = [getattr(state, name) for state in (self.after, self.before) for name in changed]
        command = f"UPDATE cases SET {sets} WHERE {tests} AND case_id = ?"  # noqa: S608 - names are those of `CaseState`
        return connection.execute(command, (*values, self.case_id)).rowcount == 1


@dataclass(frozen=True)
class DayEdit:
    """Another day on which an image was taken, ISO; empty for not known."""

    case_id: str
    place: int
    before: str
    after: str

    def undone(self) -> DayEdit:
        """Return the change that takes this one back."""
        return DayEdit(self.case_id, self.place, self.after, self.before)

    def apply(self, connection: sqlite3.Connection) -> bool:
        """Make the change; return whether the image was as expected."""
        key = (self.case_id,)
        found = connection.execute("SELECT content FROM diagnoses WHERE case_id = ?", key).fetchone()
        try:
            diagnosis = diagnosis_of(found[0] if found is not None else "")
        except UnreadableError:
            return False
        images = list(diagnosis.images)
        if self.place >= len(images) or images[self.place].taken != self.before:
            return False
        images[self.place] = msgspec.structs.replace(images[self.place], taken=self.after)
        content = text_of_diagnosis(msgspec.structs.replace(diagnosis, images=tuple(images)))
        connection.execute("UPDATE diagnoses SET content = ? WHERE case_id = ?", (content, self.case_id))
        return True


Edit: TypeAlias = StateEdit | DayEdit


def apply_edits(folder: Path, edits: Iterable[Edit]) -> int:
    """Change what is known of cases, where it still is as each change expects; all in one go.

    Returns:
        How many changes were not made, since another window has changed the same or erased the case.

    Raises:
        CaseError: the file of cases is damaged or in use.
        StorageError: it cannot be written.
    """
    with opened(folder) as connection, transaction(connection):
        return sum(not edit.apply(connection) for edit in edits)

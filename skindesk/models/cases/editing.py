"""Changes of what is known of cases. Everything here runs in a worker.

A change names what it expects to find: what another window has changed meanwhile is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skindesk.models.cases.database import opened, transaction
from skindesk.models.cases.reading import STATE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from skindesk.models.cases.record import CaseState


@dataclass(frozen=True)
class Edit:
    """A change of what is known of a case; see `apply_edits`."""

    case_id: str
    before: CaseState
    after: CaseState

    def undone(self) -> Edit:
        """Return the change that takes this one back."""
        return Edit(self.case_id, self.after, self.before)


def apply_edits(folder: Path, edits: Iterable[Edit]) -> int:
    """Change what is known of cases, where it still is as each change expects; all in one go.

    Returns:
        How many cases were left as they are, since another window has changed the same of them or erased them.

    Raises:
        CaseError: the file of cases is damaged or in use.
        StorageError: it cannot be written.
    """
    left = 0
    with opened(folder) as connection, transaction(connection):
        for edit in edits:
            changed = [
                name for name in STATE_COLUMNS if getattr(edit.before, name) != getattr(edit.after, name)
            ]
            sets = ", ".join(f"{name} = ?" for name in changed)
            tests = " AND ".join(f"{name} = ?" for name in changed)
            if changed:
                values = [getattr(state, name) for state in (edit.after, edit.before) for name in changed]
                command = f"UPDATE cases SET {sets} WHERE {tests} AND case_id = ?"  # noqa: S608 - names are those of `CaseState`
                left += not connection.execute(command, (*values, edit.case_id)).rowcount
    return left

"""The cases that are looked for, as rows: filtered by words and kind, sorted by any column."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from skindesk.models.sorting import missing_last
from trainer.dataset.classes.names import full_name
from trainer.wording import NOTHING, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from skindesk.models.cases.record import CaseSummary

Index: TypeAlias = QModelIndex | QPersistentModelIndex
Kind: TypeAlias = Literal["all", "open", "confirmed", "removed"]
"""Which cases: those that are not removed, of these the ones to be confirmed or confirmed, or those that are removed."""

COLUMNS = ("number", "saved", "predicted", "malignant", "confirmed", "patient", "images", "network")
CASE_ROLE = Qt.ItemDataRole.UserRole
_NO_INDEX = QModelIndex()
_NUMBERS = frozenset({"number", "malignant", "images"})


def is_of_kind(case: CaseSummary, kind: Kind) -> bool:
    """Return whether a case is of a kind."""
    removed, confirmed = bool(case.state.removed_at), bool(case.state.confirmed_class)
    if kind == "removed" or removed:
        return removed and kind == "removed"
    return kind == "all" or confirmed == (kind == "confirmed")


def found(cases: Sequence[CaseSummary], words: str, kind: Kind) -> list[CaseSummary]:
    """Return the cases of a kind that hold every word of a search somewhere."""
    wanted = words.casefold().split()
    return [case for case in cases if is_of_kind(case, kind) and all(word in case.text for word in wanted)]


def patient_line(case: CaseSummary) -> str:
    """Return what a patient is called in a list: the name, else the number; and where the lesion is."""
    patient = case.patient
    return ", ".join(filter(None, (patient.name or patient.patient_id, patient.site)))


def day_of(moment: str) -> str:
    """Return the day of a UTC moment where the user is, ISO."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d}"


class CaseTableModel(QAbstractTableModel):
    """Rows of the cases that are looked for."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cases: Sequence[CaseSummary] = ()
        self._rows: list[CaseSummary] = []
        self._words = ""
        self._kind: Kind = "all"
        self._column, self._falling = 0, True
        self._texts: dict[str, Callable[[CaseSummary], str]] = {
            "number": lambda case: str(case.number),
            "saved": lambda case: day_of(case.saved_at),
            "predicted": self._predicted,
            "malignant": self._malignant,
            "confirmed": lambda case: full_name(case.state.confirmed_class),
            "patient": patient_line,
            "images": lambda case: str(case.images),
            "network": lambda case: case.bundle_name or NOTHING,
        }

    def _predicted(self, case: CaseSummary) -> str:
        if case.unreliable:
            return self.tr("Unreliable")
        return full_name(case.predicted) if case.predicted else NOTHING

    def _malignant(self, case: CaseSummary) -> str:
        if case.unreliable:
            return NOTHING
        share = percent(case.malignant)
        return self.tr("{share}, flagged").format(share=share) if case.above_threshold else share

    @property
    def rows(self) -> Sequence[CaseSummary]:
        """The cases shown, in the order shown."""
        return self._rows

    def show_cases(self, cases: Sequence[CaseSummary]) -> None:
        """Take other cases."""
        self._cases = cases
        self._fill()

    def look_for(self, words: str, kind: Kind) -> None:
        """Show the cases that hold these words and are of a kind."""
        if (words, kind) != (self._words, self._kind):
            self._words, self._kind = words, kind
            self._fill()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; what is missing comes last either way."""
        self._column, self._falling = column, order == Qt.SortOrder.DescendingOrder
        self._fill()

    def _fill(self) -> None:
        self.beginResetModel()
        rows = found(self._cases, self._words, self._kind)
        self._rows = missing_last(rows, _SORT_VALUES[COLUMNS[self._column]], falling=self._falling)
        self.endResetModel()

    # --- for the view ------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        """Return the number of cases shown."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NO_INDEX) -> int:
        """Return the number of facts shown of each."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the headings and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        words, hint = self._heading(COLUMNS[section])
        if role == Qt.ItemDataRole.DisplayRole:
            return words
        if role == Qt.ItemDataRole.ToolTipRole:
            return hint
        if role == Qt.ItemDataRole.TextAlignmentRole:  # on the right stands the arrow of the sorted column
            return int((Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter).value)
        return None

    def _heading(self, column: str) -> tuple[str, str]:
        return {
            "number": (self.tr("Case"), self.tr("Number of the case")),
            "saved": (self.tr("Saved"), self.tr("When the case was first saved")),
            "predicted": (self.tr("Predicted"), self.tr("Class that the network predicted")),
            "malignant": (
                self.tr("Malignant"),
                self.tr(
                    "Probability of the malignant classes together, and whether the network's operating point "
                    "flagged the case"
                ),
            ),
            "confirmed": (self.tr("Confirmed"), self.tr("Class that the lesion was found to be")),
            "patient": (self.tr("Patient"), self.tr("Name or number, and site, where these are kept")),
            "images": (self.tr("Images"), self.tr("Number of images")),
            "network": (self.tr("Network"), self.tr("Network that the case was saved with")),
        }[column]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return what is shown of a case."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        case, column = self._rows[index.row()], COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._texts[column](case)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._texts[column](case) or None
        if role == CASE_ROLE:
            return case
        return _alignment(column) if role == Qt.ItemDataRole.TextAlignmentRole else None


def _alignment(column: str) -> int:
    side = Qt.AlignmentFlag.AlignRight if column in _NUMBERS else Qt.AlignmentFlag.AlignLeft
    return int((side | Qt.AlignmentFlag.AlignVCenter).value)


_SORT_VALUES: dict[str, Callable[[CaseSummary], str | float | None]] = {
    "number": lambda case: case.number,
    "saved": lambda case: case.saved_at,
    "predicted": lambda case: case.predicted or None,
    "malignant": lambda case: None if case.unreliable else case.malignant,
    "confirmed": lambda case: case.state.confirmed_class or None,
    "patient": lambda case: patient_line(case).casefold() or None,
    "images": lambda case: case.images,
    "network": lambda case: case.bundle_name.casefold() or None,
}

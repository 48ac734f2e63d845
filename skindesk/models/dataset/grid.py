"""The samples folded into rows and columns, so that a table view shows them as a grid.

A table view computes where a cell lies from its row alone; a list view in icon mode lays out every sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionRange,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from trainer.dataset.classes.names import full_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skindesk.models.dataset.samples import Rows, SampleTable

Index: TypeAlias = QModelIndex | QPersistentModelIndex

_ROOT = QModelIndex()


class SampleGrid(QAbstractTableModel):
    """The shown samples of a table, in their order, some in each row.

    A sample is named by its row in the table of samples; where it stands in the grid, counted from the upper
    left, is its place.

    Attributes:
        table: the samples, `None` where nothing is open.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.table: SampleTable | None = None
        self._shown: Rows = np.zeros(0, dtype=np.int64)
        self._places: Rows | None = None
        self._columns = 1

    @property
    def shown(self) -> Rows:
        """The samples that are shown, in their order."""
        return self._shown

    @property
    def columns(self) -> int:
        """How many samples stand in a row."""
        return self._columns

    def __len__(self) -> int:
        """Return how many samples are shown."""
        return len(self._shown)

    def show_samples(self, table: SampleTable | None, shown: Rows) -> None:
        """Show samples.

        Args:
            table: they are of.
            shown: rows of the table, in the order wanted.
        """
        self.beginResetModel()
        self.table, self._shown, self._places = table, shown, None
        self.endResetModel()

    def set_columns(self, columns: int) -> None:
        """Fold the samples anew."""
        if columns != self._columns:
            self.beginResetModel()
            self._columns = columns
            self.endResetModel()

    # What a view asks

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Return the number of rows."""
        return 0 if parent.isValid() else -(-len(self._shown) // self._columns)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else self._columns

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Return that a sample can be chosen, and an empty place at the end cannot."""
        if self.place_of(index) < 0:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return what a screen reader says of a sample."""
        sample = self.sample_at(index)
        if sample is None or role not in {
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.AccessibleTextRole,
        }:
            return None
        return self.describe(sample)

    # Samples and places

    def place_of(self, index: Index) -> int:
        """Return the place of an index; -1 for an empty place at the end, and for none."""
        if not index.isValid():
            return -1
        place = index.row() * self._columns + index.column()
        return place if place < len(self._shown) else -1

    def index_at(self, place: int) -> QModelIndex:
        """Return the index of a place; an invalid one if there is no such place."""
        if not 0 <= place < len(self._shown):
            return QModelIndex()
        return self.index(place // self._columns, place % self._columns)

    def sample_at(self, index: Index) -> int | None:
        """Return the sample an index stands for."""
        place = self.place_of(index)
        return None if place < 0 else int(self._shown[place])

    def index_of(self, sample: int) -> QModelIndex:
        """Return the index of a sample; an invalid one if it is not shown."""
        if self.table is None or not 0 <= sample < len(self.table):
            return QModelIndex()
        if self._places is None:
            places = np.full(len(self.table), -1, dtype=np.int64)
            places[self._shown] = np.arange(len(self._shown))
            self._places = places
        return self.index_at(int(self._places[sample]))

    def places_in(self, selection: QItemSelection) -> Rows:
        """Return the places that are selected, in rising order."""
        ranges = [selection.at(number) for number in range(selection.count())]
        places = [
            (
                np.arange(chosen.top(), chosen.bottom() + 1)[:, None] * self._columns
                + np.arange(chosen.left(), chosen.right() + 1)
            ).ravel()
            for chosen in ranges
        ]
        found = np.unique(np.concatenate(places)) if places else np.zeros(0, dtype=np.int64)
        return found[found < len(self._shown)]

    def selection_of(self, places: Rows) -> QItemSelection:
        """Return places, given in rising order, as a selection: of few rectangles, however many they are."""
        selection = QItemSelection()
        if len(places):
            for run in np.split(places, np.flatnonzero(np.diff(places) != 1) + 1):
                for first, last in _rectangles(int(run[0]), int(run[-1]), self._columns):
                    selection.append(QItemSelectionRange(self.index_at(first), self.index_at(last)))
        return selection

    def describe(self, sample: int) -> str:
        """Return a sample in words: its id, its class, and whether that is malignant."""
        assert self.table is not None
        name = self.table.class_name.at(sample) or ""
        words = full_name(name)
        if name in self.table.malignant:
            words = self.tr("{class_name} (malignant)").format(class_name=words)
        return f"{self.table.id.texts[sample]}, {words}"


def _rectangles(first: int, last: int, columns: int) -> Iterator[tuple[int, int]]:
    """Return the corners of the up to three rectangles that a run of places makes in the grid."""
    top, bottom = first // columns, last // columns
    if top == bottom:
        yield first, last
        return
    if first % columns:
        yield first, (top + 1) * columns - 1
        top += 1
    full = bottom if (last + 1) % columns == 0 else bottom - 1
    if full >= top:
        yield top * columns, (full + 1) * columns - 1
    if full < bottom:
        yield bottom * columns, last

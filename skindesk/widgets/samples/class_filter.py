"""A column of kinds with their numbers; what is clicked is what is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from skindesk.widgets.basics import heading
from skindesk.widgets.samples.filter_row import FilterRow
from skindesk.widgets.theme import SPACE, class_label, set_role
from trainer.palette import class_colour

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from PySide6.QtCore import QObject

_ARROWS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}


class Filter(QWidget):
    """Kinds of which any number can be chosen; none chosen means that all are shown.

    Signals:
        changed: other kinds are chosen.
        menu_asked(str, QPoint): a menu of this kind is wanted, at this place of the screen.
    """

    changed = Signal()
    menu_asked = Signal(str, QPoint)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        top = QHBoxLayout()
        top.setContentsMargins(SPACE, 0, 0, 0)  # in line with the rows' names
        top.addWidget(heading(title))
        top.addStretch(1)
        self.all_button = QPushButton(self.tr("All"))
        set_role(self.all_button, "quiet")
        self.all_button.setToolTip(self.tr("Show all again"))
        self.all_button.setAccessibleName(self.tr("{title}: show all again").format(title=title))
        self.all_button.clicked.connect(lambda _checked=False: self.choose(()))
        kept = self.all_button.sizePolicy()
        kept.setRetainSizeWhenHidden(True)
        self.all_button.setSizePolicy(kept)
        top.addWidget(self.all_button)
        layout.addLayout(top)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(0)
        layout.addLayout(self._rows)
        self.rows: dict[str, FilterRow] = {}
        self.all_button.hide()

    @property
    def chosen(self) -> frozenset[str]:
        """The kinds that are chosen; none for all."""
        return frozenset(key for key, row in self.rows.items() if row.isChecked())

    def choose(self, keys: Collection[str]) -> None:
        """Choose kinds; unknown ones are ignored."""
        before = self.chosen
        for key, row in self.rows.items():
            row.blockSignals(True)
            row.setChecked(key in keys)
            row.blockSignals(False)
        if self.chosen != before:
            self._say()

    def set_rows(self, rows: Sequence[FilterRow]) -> None:
        """Show other kinds; those chosen stay chosen if they are still there."""
        chosen = self.chosen
        for old in self.rows.values():
            self._rows.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.rows = {row.key: row for row in rows}
        before: QWidget = self.all_button
        for row in rows:
            row.setChecked(row.key in chosen)
            row.toggled.connect(self._say)
            row.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            row.customContextMenuRequested.connect(
                lambda place, row=row: self.menu_asked.emit(row.key, row.mapToGlobal(place))
            )
            row.installEventFilter(self)
            self._rows.addWidget(row)
            self.setTabOrder(before, row)  # not after all that was there before
            before = row
        if self.chosen != chosen:
            self._say()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Go from row to row with the arrow keys."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = _ARROWS.get(Qt.Key(event.key()))
            rows = list(self.rows.values())
            if step is not None and watched in rows:
                place = rows.index(watched) + step
                if 0 <= place < len(rows):
                    rows[place].setFocus(Qt.FocusReason.TabFocusReason)
                return True
        return super().eventFilter(watched, event)

    def _say(self) -> None:
        self.all_button.setVisible(bool(self.chosen))
        self.changed.emit()


def class_rows(
    counts: Mapping[str, int], malignant: Collection[str], classes: Sequence[str] = ()
) -> list[FilterRow]:
    """Return a row for each class, malignant ones marked.

    Args:
        counts: number of samples by class name, in the order wanted.
        malignant: names of the malignant classes.
        classes: all classes of the dataset, which decide the colours; by default those counted.
    """
    total = sum(counts.values())
    rows = []
    for name, count in counts.items():
        row = FilterRow(
            name, class_label(name, malignant), QColor(class_colour(name, classes or list(counts)))
        )
        row.set_count(count, total)
        rows.append(row)
    return rows

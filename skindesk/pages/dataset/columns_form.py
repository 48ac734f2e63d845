"""The form that says which column of a table names what, with the table's first rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from skindesk.widgets.basics import Card, muted, primary_button
from skindesk.widgets.theme import SPACE
from skindesk.widgets.wheel import wheel_needs_focus
from trainer.dataset.reading.source.columns import FOLDER_NAME, TABLE_NAME, Columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.dataset.reading.source.previews import TablePreview

_WIDEST = 320  # pixels of a column in the preview
_NARROWEST = 200  # pixels of a choice
_LOWEST = 112  # pixels of the preview; two rows


class _FirstRows(QTableWidget):
    """The first rows of a table; over each column stands what it is taken for."""

    def __init__(self) -> None:
        super().__init__()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setMinimumHeight(_LOWEST)
        self.verticalHeader().hide()
        self.setAccessibleName(self.tr("First rows of the table"))
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)

    def show_rows(self, preview: TablePreview) -> None:
        """Show the rows of another table."""
        self.clear()
        self.setRowCount(len(preview.rows))
        self.setColumnCount(len(preview.columns))
        for row, cells in enumerate(preview.rows):
            for column, cell in enumerate(cells):
                self.setItem(row, column, QTableWidgetItem(cell))

    def show_uses(self, columns: Sequence[str], uses: Mapping[str, Sequence[str]]) -> None:
        """Write over each column what it is taken for."""
        for at, column in enumerate(columns):
            item = QTableWidgetItem(f"{column}\n{', '.join(uses.get(column, ['–']))}")
            self.setHorizontalHeaderItem(at, item)

    def fit(self) -> None:
        """Make the columns as wide as what is in them, within bounds."""
        self.resizeColumnsToContents()
        for at in range(self.columnCount()):
            self.setColumnWidth(at, min(self.columnWidth(at) + 2 * SPACE, _WIDEST))
        rows = self.horizontalHeader().sizeHint().height() + self.verticalHeader().length()
        self.setMaximumHeight(max(_LOWEST, rows + self.horizontalScrollBar().sizeHint().height()))


class ColumnsForm(Card):
    """Asks for the columns of a table.

    Signals:
        chosen(Columns): import with these.
        cancelled: the form is not wanted any more.
    """

    chosen = Signal(object)
    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.heading.setText(self.tr("Choose the columns"))
        self.heading.show()
        self._choices: list[tuple[TablePreview, str | None]] = []
        self._titles = {
            "image": self.tr("Image"),
            "class_name": self.tr("Class"),
            "lesion_id": self.tr("Lesion"),
            "patient_id": self.tr("Patient"),
            "split": self.tr("Split"),
        }
        self.table = wheel_needs_focus(QComboBox())
        self.boxes = {name: wheel_needs_focus(QComboBox()) for name in self._titles}
        self.leaks = QCheckBox(self.tr("Accept the split even if it divides lesions or patients"))
        self.leaks.setToolTip(
            self.tr("The certificate will report the leak; figures on the test part will be too good.")
        )
        self.preview = _FirstRows()
        self.import_button = primary_button(self.tr("Import"), self._choose)
        self.reason = muted()
        explanation = self.tr(
            "Choose the columns that hold the image file and the class. Lesion and patient ids keep images "
            "that belong together in one part of the split. The next import of this folder uses the same columns."
        )
        self.body.addWidget(muted(explanation, wrap=True))
        self.body.addLayout(self._grid())
        self.body.addWidget(self.preview, 100)
        self.body.addLayout(self._buttons())
        self.body.addStretch(1)
        self.table.currentIndexChanged.connect(self._show_table)
        for box in self.boxes.values():
            box.currentIndexChanged.connect(self._follow)

    def _grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(SPACE)
        grid.setVerticalSpacing(SPACE)
        rows = [
            (self.tr("Table"), self.table),
            *((title, self.boxes[name]) for name, title in self._titles.items()),
        ]
        for position, (title, box) in enumerate(rows):
            label = QLabel(title)
            label.setBuddy(box)
            box.setAccessibleName(title)
            box.setMinimumWidth(_NARROWEST)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            # The table has a row of its own; then come image and class, lesion and patient, split.
            row, column = divmod(position + 1, 2) if position else (0, 0)
            grid.addWidget(label, row, 2 * column)
            grid.addWidget(box, row, 2 * column + 1, 1, 1 if position else 3)
        grid.addWidget(self.leaks, grid.rowCount() - 1, 2, 1, 2)  # beside the split
        for column in (1, 3):
            grid.setColumnStretch(column, 1)
        return grid

    def _buttons(self) -> QHBoxLayout:
        cancel = QPushButton(self.tr("Cancel"))
        cancel.clicked.connect(self.cancelled)
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        row.addWidget(self.import_button)
        row.addWidget(cancel)
        row.addWidget(self.reason, 1)
        return row

    def show_tables(self, previews: Sequence[TablePreview], columns: Columns | None = None) -> None:
        """Show tables to choose from.

        Args:
            previews: one or more.
            columns: that were chosen before.
        """
        self.table.blockSignals(True)
        self.table.clear()
        self._choices = []
        for preview in previews:
            alike = [other for other in previews if other.columns == preview.columns]
            if len(alike) > 1 and alike[0] is preview:
                self._add(preview, None, self.tr("All {n} tables with the columns of {name}"), len(alike))
            self._add(preview, preview.name, "{name}", 1)
        named = columns.table if columns is not None else None
        at = next((index for index, (_preview, name) in enumerate(self._choices) if name == named), 0)
        self.table.setCurrentIndex(at)
        self.table.blockSignals(False)
        self._show_table(at)
        if columns is not None:
            for name, box in self.boxes.items():
                value = getattr(columns, name)
                if value is not None and (index := box.findData(value)) >= 0:
                    box.setCurrentIndex(index)
            self.leaks.setChecked(columns.accept_leaks)

    def _add(self, preview: TablePreview, table: str | None, words: str, n: int) -> None:
        self.table.addItem(words.format(n=n, name=preview.name))
        self._choices.append((preview, table))

    @property
    def columns(self) -> Columns:
        """What is chosen."""
        named = {name: str(box.currentData() or "") for name, box in self.boxes.items()}
        return Columns(
            image=named["image"],
            class_name=named["class_name"],
            lesion_id=named["lesion_id"],
            patient_id=named["patient_id"],
            split=named["split"] or None,
            accept_leaks=bool(named["split"]) and self.leaks.isChecked(),
            table=self._choices[self.table.currentIndex()][1],
        )

    def _show_table(self, index: int) -> None:
        """Offer the columns of a table, those that are recognised first."""
        if index < 0:
            return
        preview, _table = self._choices[index]
        for name, box in self.boxes.items():
            box.blockSignals(True)
            box.clear()
            needed = name in {"image", "class_name"}
            box.addItem(self.tr("Choose…") if needed else self.tr("Not in this table"), "")
            for column in preview.columns:
                box.addItem(column or self.tr("(no name)"), column)
            if name == "split":
                box.addItem(self.tr("The name of the table"), TABLE_NAME)
                box.addItem(self.tr("The names of the images' folders"), FOLDER_NAME)
            recognised = getattr(preview.recognised, name)
            box.setCurrentIndex(max(0, box.findData(recognised)) if recognised else 0)
            box.blockSignals(False)
        self.preview.show_rows(preview)
        self._follow()
        self.preview.fit()

    def _follow(self) -> None:
        """Write over each column what it is taken for, and allow the import if it can begin."""
        preview, _table = self._choices[self.table.currentIndex()]
        uses: dict[str, list[str]] = {}
        for name, box in self.boxes.items():
            if box.currentData():
                uses.setdefault(str(box.currentData()), []).append(self._titles[name])
        self.preview.show_uses(preview.columns, uses)
        columns = self.columns
        self.leaks.setEnabled(columns.split is not None)
        if not (columns.image and columns.class_name):
            self.reason.setText(self.tr("Choose a column for the image and one for the class."))
        elif columns.image == columns.class_name:
            self.reason.setText(self.tr("Image and class cannot be the same column."))
        else:
            self.reason.clear()
        self.import_button.setEnabled(not self.reason.text())

    def _choose(self) -> None:
        self.chosen.emit(self.columns)

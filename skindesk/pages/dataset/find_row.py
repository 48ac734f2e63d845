"""The row above the grid: search, order, size of the thumbnails, how many samples are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSlider, QToolButton, QVBoxLayout, QWidget

from skindesk.models.dataset.query import Query, QueryError, field_names, parse_query
from skindesk.models.dataset.samples import SortKey
from skindesk.widgets.basics import SearchField, muted
from skindesk.widgets.icons import icon
from skindesk.widgets.quantities import images_counted, part_of_images
from skindesk.widgets.samples.thumbnail_view import LARGEST, SMALLEST
from skindesk.widgets.theme import SPACE, tokens_for
from skindesk.widgets.wheel import wheel_needs_focus

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

_SLIDER_WIDTH = 120
_STEP = 16


class FindRow(QWidget):
    """What decides, besides the filters, which samples are shown and how.

    Signals:
        changed: another query or order is wanted.
        size_changed(int): thumbnails of another width are wanted, pixels.
        left: the search field was left with Escape or Enter.
    """

    changed = Signal()
    size_changed = Signal(int)
    left = Signal()

    def __init__(self, thumbnail_width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.query: Query | None = None
        self._parsed = ""
        self.search = self._search_field()
        self.count = muted()
        self.sort = self._sort_box()
        self.descending = QToolButton()
        self.descending.setCheckable(True)
        self.slider = self._size_slider(thumbnail_width)
        self.why = muted(wrap=True)
        self.why.hide()
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        row.addWidget(self.search, 1)
        row.addWidget(self.count)
        row.addSpacing(SPACE)
        row.addWidget(self.sort)
        row.addWidget(self.descending)
        row.addSpacing(SPACE)
        row.addWidget(self.slider)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        layout.addLayout(row)
        layout.addWidget(self.why)
        self.search.typed.connect(self._parse)
        self.sort.currentIndexChanged.connect(lambda _place: self.changed.emit())
        self.descending.toggled.connect(self._turn)
        self.slider.valueChanged.connect(self.size_changed)
        self._say_order()

    def _search_field(self) -> SearchField:
        field = SearchField(self.tr("Search: an id, a word, or age > 60 and site = back"))
        field.setToolTip(
            self.tr(
                "Words are searched for in the ids, the class, the split and all other text "
                "fields.\nComparisons: field = value, also != < <= > >= and ~ (contains), joined by and, or, "
                "not.\nFields: {fields}. kb is the file size; unknown is also a value.\nExamples: age > 60 "
                "and site = back · class = malignant and split = test · lesion ~ 0024"
            ).format(fields=field_names())
        )
        field.installEventFilter(self)
        return field

    def _sort_box(self) -> QComboBox:
        box = wheel_needs_focus(QComboBox())
        box.setAccessibleName(self.tr("Sort by"))
        box.setToolTip(self.tr("Sort the images"))
        for key, words in (
            (SortKey.ID, self.tr("Id")),
            (SortKey.CLASS, self.tr("Class")),
            (SortKey.AGE, self.tr("Age")),
            (SortKey.LESION, self.tr("Lesion")),
            (SortKey.SPLIT, self.tr("Split")),
            (SortKey.SIZE, self.tr("File size")),
        ):
            box.addItem(words, key)
        return box

    def _size_slider(self, width: int) -> QSlider:
        slider = wheel_needs_focus(QSlider(Qt.Orientation.Horizontal))
        slider.setRange(SMALLEST, LARGEST)
        slider.setSingleStep(_STEP)
        slider.setPageStep(2 * _STEP)
        slider.setValue(width)
        slider.setFixedWidth(_SLIDER_WIDTH)
        slider.setAccessibleName(self.tr("Size of the thumbnails"))
        slider.setToolTip(self.tr("Size of the thumbnails (Ctrl and mouse wheel)"))
        return slider

    @property
    def key(self) -> SortKey:
        """What samples are sorted by."""
        return SortKey(self.sort.currentData())

    def show_count(self, shown: int, total: int) -> None:
        """Say how many of the samples are shown."""
        self.count.setText(images_counted(total) if shown == total else part_of_images(shown, total))

    def set_thumbnail_width(self, pixels: int) -> None:
        """Move the slider."""
        self.slider.setValue(pixels)

    def clear_search(self) -> None:
        """Search for nothing, at once."""
        self.search.clear()
        self.search.settle()
        self._parse()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Search at once on Enter; Escape clears the search, then leaves it."""
        if watched is self.search and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down}:
                self.search.settle()
                self._parse()
                self.left.emit()
                return True
            if event.key() == Qt.Key.Key_Escape:
                if self.search.text():
                    self.clear_search()
                else:
                    self.left.emit()
                return True
        return super().eventFilter(watched, event)

    def _parse(self) -> None:
        """Understand what was typed, or say why it cannot be; the last good query holds on."""
        text = self.search.text().strip()
        if text == self._parsed and self.why.isHidden():
            return
        try:
            query = parse_query(text)
        except QueryError as error:
            self._say_why(str(error))
            return
        self._say_why("")
        self._parsed = text
        self.query = query
        self.changed.emit()

    def _say_why(self, sentence: str) -> None:
        self.why.setText(sentence)
        self.why.setVisible(bool(sentence))
        self._colour_why()
        self.search.setProperty("invalid", bool(sentence))
        self.search.style().unpolish(self.search)
        self.search.style().polish(self.search)

    def _colour_why(self) -> None:
        self.why.setStyleSheet(f"color: {tokens_for(self.palette()).danger.name()}")

    def changeEvent(self, event: QEvent) -> None:
        """Follow another scheme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self.why.isVisibleTo(self):
            self._colour_why()

    def _turn(self) -> None:
        self._say_order()
        self.changed.emit()

    def _say_order(self) -> None:
        down = self.descending.isChecked()
        words = self.tr("Descending: the largest first") if down else self.tr("Ascending: the smallest first")
        self.descending.setIcon(icon("down" if down else "up"))
        self.descending.setToolTip(words)
        self.descending.setAccessibleName(words)

"""The left side: which classes and parts are shown, and the split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from skindesk.pages.dataset.split_form import CertificateLine, SplitForm
from skindesk.pages.dataset.words import part_name
from skindesk.widgets.basics import scrolling
from skindesk.widgets.mark_menu import add_heading, add_marks, malignancy_name
from skindesk.widgets.samples.class_filter import Filter, class_rows
from skindesk.widgets.samples.filter_row import FilterRow
from skindesk.widgets.theme import SPACE, class_label, set_role
from trainer.dataset.classes.malignancy import Marks, malignancy_by_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skindesk.models.dataset.files import OpenDataset

_WIDTH = 236  # pixels; the longest name of HAM10000's classes is cut, the others fit


class FilterSide(QFrame):
    """Filters by class and part, the certificate, the form of the split.

    Signals:
        changed: other classes or parts are to be shown.
        split_asked(int, tuple[float, float, float]): see `SplitForm`.
        stop_asked: stop the split that is being made.
        mark_asked(str, str): mark the class of this name (see `Malignancy`).
    """

    changed = Signal()
    split_asked = Signal(int, object)
    mark_asked = Signal(str, str)
    stop_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self.setMinimumWidth(_WIDTH - 4 * SPACE)
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(SPACE, SPACE, SPACE, 2 * SPACE)
        layout.setSpacing(SPACE)
        self._marks = Marks()
        self._splitting = False
        self.classes = Filter(self.tr("Class"))
        self.parts = Filter(self.tr("Split"))
        self.certificate = CertificateLine()
        self.split_button = QPushButton(self.tr("Split again…"))
        self.split_button.setToolTip(self.tr("Divide the images into training, validation and test again"))
        self.form = SplitForm()
        self.form.hide()
        layout.addWidget(self.classes)
        layout.addSpacing(SPACE)
        layout.addWidget(self.parts)
        layout.addWidget(self.certificate)
        row = QHBoxLayout()
        row.setContentsMargins(SPACE, 0, SPACE, 0)
        row.addWidget(self.split_button)
        row.addStretch(1)
        layout.addLayout(row)
        layout.addWidget(self.form)
        layout.addStretch(1)
        self._area = scrolling(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(SPACE // 2, SPACE // 2, SPACE // 2, SPACE // 2)
        outer.addWidget(self._area)
        self.classes.changed.connect(self.changed)
        self.classes.menu_asked.connect(lambda name, place: self.class_menu(name).popup(place))
        self.parts.changed.connect(self.changed)
        self.split_button.clicked.connect(self._split_or_stop)
        self.form.asked.connect(self.split_asked)

    def class_menu(self, name: str) -> QMenu:
        """Return the menu that marks a class; it goes when it is closed."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        add_heading(menu, class_label(name, self._marks.malignant))
        add_marks(
            menu, ("malignant", "benign"), self._marks.of(name), lambda kind: self.mark_asked.emit(name, kind)
        )
        menu.addSeparator()
        by_name = menu.addAction(
            self.tr("From its name: {kind}").format(kind=malignancy_name(malignancy_by_name(name)).lower())
        )
        by_name.triggered.connect(lambda _checked=False: self.mark_asked.emit(name, "not stated"))
        return menu

    def _split_or_stop(self) -> None:
        if self._splitting:
            self.stop_asked.emit()
        else:
            self.open_form()

    def open_form(self) -> None:
        """Show the form of the split."""
        self.form.show()
        self.form.train.setFocus(Qt.FocusReason.OtherFocusReason)
        # It has its place in the area only once the layouts have been asked.
        QTimer.singleShot(0, self, self._go_to_form)

    def _go_to_form(self) -> None:
        for part in (self.form.split_button, self.form.train):  # the upper edge, where not all of it fits
            self._area.ensureWidgetVisible(part)

    def set_splitting(self, busy: bool) -> None:
        """Say that a split is being made, and offer to stop it, or that it is over."""
        self._splitting = busy
        self.form.split_button.setEnabled(not busy)
        again = self.tr("Split again…") if self.parts.isVisibleTo(self) else self.tr("Split…")
        self.split_button.setText(self.tr("Stop splitting") if busy else again)

    def show_dataset(self, dataset: OpenDataset) -> None:
        """Show the numbers of a dataset."""
        table = dataset.table
        self._marks = table.marks
        self.classes.set_rows(class_rows(table.class_name.counts(), table.malignant))
        split = dataset.certificate is not None
        self.parts.set_rows(self._part_rows(table.split.counts(), len(table)) if split else [])
        self.parts.setVisible(split)
        self.certificate.show_certificate(dataset.certificate)
        self.form.show_certificate(dataset.certificate)
        self.set_splitting(False)

    def show_counts(self, classes: Mapping[str, int], parts: Mapping[str, int]) -> None:
        """Show how many images of each class and part fit the search and the other filter."""
        for rows, counts in ((self.classes.rows, classes), (self.parts.rows, parts)):
            total = sum(counts.values())
            for key, row in rows.items():
                row.set_count(counts.get(key, 0), total)

    @staticmethod
    def _part_rows(counts: dict[str, int], total: int) -> list[FilterRow]:
        rows = []
        for part, count in counts.items():
            row = FilterRow(part, part_name(part))
            row.set_count(count, total)
            rows.append(row)
        return rows

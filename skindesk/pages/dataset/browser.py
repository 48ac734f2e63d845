"""An open dataset: filters on the left, grid, overview or problems in the middle, details on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QStackedWidget, QVBoxLayout, QWidget

from skindesk.pages.dataset.find_row import FindRow
from skindesk.pages.dataset.overview import OverviewView
from skindesk.pages.dataset.problems import ProblemsView
from skindesk.pages.dataset.side import FilterSide
from skindesk.widgets.basics import EmptyState
from skindesk.widgets.samples.details import SampleDetails
from skindesk.widgets.samples.thumbnail_view import ThumbnailView
from skindesk.widgets.splitter import Splitter
from skindesk.widgets.theme import SPACE, set_role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skindesk.models.dataset.files import OpenDataset
    from skindesk.settings import Settings

View = Literal["grid", "overview", "problems"]

_NARROWEST_GRID = 320  # pixels; in a narrow window the sides give way before the grid does
_SIDES = (248, 700, 280)  # widths to begin with, pixels


class Browser(QWidget):
    """Shows a dataset and lets one look for, filter, sort and select its samples.

    Signals:
        split_asked(int, tuple[float, float, float]): see `SplitForm`.
        mark_asked(str, str): see `FilterSide`.
        diagnose_asked(list[str]): paths of images.
        folder_asked(str): path of an image whose folder is to be opened.
        failed(str): a sentence.
    """

    split_asked = Signal(int, object)
    mark_asked = Signal(str, str)
    diagnose_asked = Signal(object)
    folder_asked = Signal(str)
    failed = Signal(str)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.dataset: OpenDataset | None = None
        width = settings.number("thumbnail_size")
        self.side, self.details = FilterSide(), SampleDetails()
        self.finder, self.view = FindRow(width), ThumbnailView()
        self.view.set_thumbnail_width(width)
        self.overview, self.problems = OverviewView(), ProblemsView(settings)
        self._nothing_found = EmptyState(
            "search",
            self.tr("No matching images"),
            self.tr("No image in the dataset matches the filters and the search."),
            ((self.tr("Show all images"), self.show_all, False),),
        )
        self._build()
        self._connect()

    def _build(self) -> None:
        self._grid_area = QStackedWidget()
        self._grid_area.addWidget(self.view)
        self._grid_area.addWidget(self._nothing_found)
        card = QFrame()
        set_role(card, "card")
        card.setMinimumWidth(_NARROWEST_GRID)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(SPACE, SPACE, SPACE // 2, SPACE)
        inside.addWidget(self._grid_area)
        columns = Splitter(
            Qt.Orientation.Horizontal,
            ((self.side, 0), (card, 1), (self.details, 0)),
            self._settings,
            "dataset_columns",
        )
        columns.suggest(_SIDES)
        grid_page = QWidget()
        layout = QVBoxLayout(grid_page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3 * SPACE // 2)
        layout.addWidget(self.finder)
        layout.addWidget(columns, 1)
        self._views: dict[View, QWidget] = {
            "grid": grid_page,
            "overview": self.overview,
            "problems": self.problems,
        }
        self._stack = QStackedWidget()
        for widget in self._views.values():
            self._stack.addWidget(widget)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)

    def _connect(self) -> None:
        for signal in (self.side.changed, self.finder.changed):
            signal.connect(self._show_samples)
        self.side.split_asked.connect(self.split_asked)
        self.side.mark_asked.connect(self.mark_asked)
        self.finder.size_changed.connect(self._set_width)
        self.finder.left.connect(self.view.setFocus)
        self.view.size_asked.connect(self.finder.set_thumbnail_width)
        self.view.chosen_changed.connect(self._show_details)
        self.view.opened.connect(lambda sample: self._diagnose([sample]))
        self.details.sample_asked.connect(self._go_to_sample)
        self.details.diagnose_asked.connect(self.diagnose_chosen)
        self.details.show_in_folder_asked.connect(self.show_in_folder)
        self.problems.failed.connect(self.failed)

    # What is shown

    def show_dataset(self, dataset: OpenDataset) -> None:
        """Show a dataset; of the one that is shown already, filters, search and current sample are kept."""
        before = self.dataset
        same = before is not None and before.path == dataset.path
        kept = ""
        if same and before is not None and self.view.current >= 0:
            kept = before.table.id.texts[self.view.current]
        self.dataset = dataset
        if before is None or before.root != dataset.root or before.moved != dataset.moved or not same:
            self.view.thumbnails.clear()
        # Each of these would show the samples by itself; once is enough.
        for part in (self.side, self.finder):
            part.blockSignals(True)
        if not same:
            self.side.classes.choose(())
            self.side.parts.choose(())
            self.finder.clear_search()
        self.side.show_dataset(dataset)
        for part in (self.side, self.finder):
            part.blockSignals(False)
        self.overview.show_dataset(dataset)
        self.problems.show_dataset(dataset)
        self._show_samples()
        if kept in dataset.table.id.texts:
            self.view.select_sample(dataset.table.id.texts.index(kept))

    def show_view(self, view: View) -> None:
        """Show grid, overview or problems."""
        self._stack.setCurrentWidget(self._views[view])

    def show_all(self) -> None:
        """Drop filters and search."""
        self.side.classes.choose(())
        self.side.parts.choose(())
        self.finder.clear_search()

    def _show_samples(self) -> None:
        dataset = self.dataset
        if dataset is None:
            return
        table, query = dataset.table, self.finder.query
        classes, parts = self.side.classes.chosen, self.side.parts.chosen
        matching = None if query is None else query.matches(table)
        rows = table.rows(
            classes=classes,
            parts=parts,
            matching=matching,
            key=self.finder.key,
            descending=self.finder.descending.isChecked(),
        )
        self.view.show_samples(table, rows)
        self.finder.show_count(len(rows), len(table))
        self.side.show_counts(
            table.class_name.counts(table.rows(parts=parts, matching=matching)),
            table.split.counts(table.rows(classes=classes, matching=matching)),
        )
        self._grid_area.setCurrentWidget(self.view if len(rows) else self._nothing_found)

    def _show_details(self) -> None:
        dataset, chosen = self.dataset, self.view.chosen
        if dataset is None or len(chosen) == 0:
            self.details.show_nothing()
        elif len(chosen) == 1:
            sample = int(chosen[0])
            preview = self.view.thumbnails.pixmap(dataset.table.paths[sample])
            self.details.show_sample(dataset.table, sample, preview)
        else:
            self.details.show_several(dataset.table, chosen)

    def _set_width(self, pixels: int) -> None:
        self.view.set_thumbnail_width(pixels)
        self._settings.set_value("thumbnail_size", pixels)

    def _go_to_sample(self, sample: int) -> None:
        """Select a sample, dropping filters if they hide it."""
        if not self.view.grid.index_of(sample).isValid():
            self.show_all()
        self.view.select_sample(sample)
        self.view.setFocus()

    # What can be done with samples

    def copy_paths(self) -> None:
        """Copy the paths of the selected images, a line each."""
        if self.dataset is not None:
            paths = (self.dataset.table.paths[sample] for sample in self.view.chosen.tolist())
            QGuiApplication.clipboard().setText("\n".join(paths))

    def diagnose_chosen(self) -> None:
        """Ask for the selected images to be diagnosed."""
        self._diagnose(self.view.chosen.tolist())

    def show_in_folder(self) -> None:
        """Ask for the folder of the current image."""
        if self.dataset is not None and self.view.current >= 0:
            self.folder_asked.emit(self.dataset.table.paths[self.view.current])

    def _diagnose(self, samples: Sequence[int]) -> None:
        if self.dataset is not None and samples:
            self.diagnose_asked.emit([self.dataset.table.paths[sample] for sample in samples])

    @property
    def shown_ids(self) -> list[str]:
        """Ids of the samples that are shown, in their order."""
        if self.dataset is None:
            return []
        return list(np.asarray(self.dataset.table.id.texts, dtype=object)[self.view.grid.shown])

"""The confusion matrix, and beside it the images behind the cell that was opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from skindesk.background import Question
from skindesk.choice_words import deciding_figures
from skindesk.models.dataset.files import read_dataset
from skindesk.widgets.basics import Card, ElidedLabel, SegmentedRow, muted, shortened
from skindesk.widgets.plots.confusion_matrix import Cell, ConfusionMatrix
from skindesk.widgets.quantities import images_counted, part_of_images
from skindesk.widgets.samples.thumbnail_view import ThumbnailView
from skindesk.widgets.splitter import Splitter
from skindesk.widgets.theme import class_label, set_role
from trainer.dataset.store import DatasetStore
from trainer.errors import TrainerError
from trainer.predictions import choice_of
from trainer.runs.reports import read_predictions
from trainer.wording import n_of, percent

if TYPE_CHECKING:
    from skindesk.models.dataset.samples import SampleTable
    from skindesk.models.runs.record import RunRecord
    from skindesk.settings import Settings
    from trainer.runs.reports import PredictionTable
    from trainer.runs.summary import Report

_THUMBNAIL = 112  # pixels
_NAMED = 3  # classes in the caption of an image


@dataclass(frozen=True, eq=False)
class _Behind:
    """The predictions of a report, and the samples they are about.

    Attributes:
        predicted: by the network.
        table: of the dataset; `None` where it cannot be opened.
        places: (n,) row of the table for each prediction; -1 where the dataset has no such sample.
        problem: a sentence on why images cannot be shown; empty where they can.
    """

    predicted: PredictionTable
    table: SampleTable | None
    places: np.ndarray[tuple[int], np.dtype[np.int64]]
    problem: str


class ConfusionView(QWidget):
    """Counts or shares of a scored part; a cell opens its images, the surest prediction first.

    Signals:
        images_opened(list[Path]): images are to be looked at on the diagnosis page.
    """

    images_opened = Signal(object)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._report: Report | None = None
        self._malignant: tuple[str, ...] = ()
        self._behind: _Behind | None = None
        self._cell: Cell | None = None
        self._question: Question[_Behind] = Question(self._receive, self._not_read, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        parts = ((self._matrix_card(), 3), (self._images_card(), 2))
        layout.addWidget(Splitter(Qt.Orientation.Horizontal, parts, settings, "confusion_columns"))

    def _matrix_card(self) -> QWidget:
        card = Card(self.tr("Confusion matrix"))
        self._basis = muted()
        self.shares = SegmentedRow([("counts", self.tr("Images")), ("shares", self.tr("% of the class"))])
        self.matrix = ConfusionMatrix()
        self.matrix.opened.connect(self._open)
        self.shares.chosen.connect(lambda key: self.matrix.show_shares(key == "shares"))
        card.header.addWidget(self._basis)
        card.header.addWidget(self.shares)
        card.body.addWidget(self.matrix, 1)
        return card

    def _images_card(self) -> QWidget:
        card = Card()
        self.cell_title = ElidedLabel()
        set_role(self.cell_title, "heading")
        self.cell_title.setAccessibleName(self.tr("Images behind the cell"))
        card.body.addWidget(self.cell_title)
        self.sentence = muted("", wrap=True)
        card.body.addWidget(self.sentence)
        self.images = ThumbnailView()
        self.images.set_thumbnail_width(_THUMBNAIL)
        self.images.setAccessibleName(self.tr("Images behind the cell"))
        self.images.opened.connect(lambda _sample: self._send())
        self.images.current_changed.connect(self._describe)
        card.body.addWidget(self.images, 1)
        self.caption = muted("", wrap=True)
        self.caption.setMinimumHeight(2 * self.fontMetrics().lineSpacing())
        card.body.addWidget(self.caption)
        self.send_button = QPushButton(self.tr("Open in diagnosis"))
        self.send_button.setToolTip(self.tr("Show the selected images on the diagnosis page (Enter)"))
        self.send_button.clicked.connect(self._send)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.send_button)
        card.body.addLayout(row)
        return card

    # --- a report ----------------------------------------------------------------------------------------

    def show_report(self, record: RunRecord, report: Report, datasets: tuple[Path, ...]) -> None:
        """Show what a bundle scored.

        Args:
            record: of the run.
            report: of the part.
            datasets: files among which that of the report is looked for.
        """
        metrics = report.metrics
        self._report, self._malignant = report, record.malignant
        self._behind, self._cell = None, None
        self._basis.setText(n_of(metrics.n))
        self.matrix.show_matrix(metrics.classes, self._malignant, metrics.confusion_matrix)
        self._clear(self.tr("Choose a cell to see its images."))
        folder, fingerprint = report.folder, report.dataset_fingerprint
        self._question.ask(lambda: _read_behind(folder, datasets, fingerprint))

    def _receive(self, behind: _Behind) -> None:
        self._behind = behind
        if self._cell is not None:
            self._open(self._cell)

    def _not_read(self, sentence: str) -> None:
        self._clear(sentence)

    # --- a cell ------------------------------------------------------------------------------------------

    def _open(self, cell: Cell) -> None:
        """Show the images behind a cell, as soon as it is known which they are."""
        self._cell = cell
        classes = self._report.metrics.classes if self._report is not None else ()
        self.cell_title.setText(
            self.tr("{truth}, predicted as {predicted}: {images}").format(
                truth=class_label(classes[cell.truth], self._malignant),
                predicted=class_label(classes[cell.predicted], self._malignant),
                images=images_counted(self.matrix.count(cell)),
            )
        )
        if self._behind is None:
            if self._question.busy:
                self.sentence.setText(self.tr("Looking up the images…"))
                self.sentence.show()
            return
        self._show_images(self._behind, cell)

    def _show_images(self, behind: _Behind, cell: Cell) -> None:
        rows = behind.predicted.behind(cell.truth, cell.predicted)
        places = behind.places[rows]
        places = places[places >= 0]
        problem = behind.problem
        if not problem and len(places) < len(rows):
            problem = self.tr("No longer in the dataset: {images}.").format(
                images=part_of_images(len(rows) - len(places), len(rows))
            )
        self.sentence.setText(problem)
        self.sentence.setVisible(bool(problem))
        self.images.show_samples(behind.table, places)
        self.images.setVisible(behind.table is not None)
        self.send_button.setEnabled(len(places) > 0)
        self.caption.clear()
        if len(places):
            self.images.select_sample(int(places[0]))

    def _clear(self, sentence: str) -> None:
        self.cell_title.setText(self.tr("Images"))
        self.images.show_samples(None, np.zeros(0, dtype=np.int64))
        self.sentence.setText(sentence)
        self.sentence.show()
        self.caption.clear()
        self.send_button.setEnabled(False)

    def _describe(self, sample: int) -> None:
        """Say what the network gave the current image."""
        behind = self._behind
        if behind is None or behind.table is None or sample < 0:
            self.caption.clear()
            return
        found = np.flatnonzero(behind.places == sample)
        if not len(found):
            self.caption.clear()
            return
        row = int(found[0])
        name = shortened(behind.predicted.sample_ids[row])
        said = self._figures(behind.predicted, row)
        self.caption.setText(self.tr("{sample}: {said}").format(sample=name, said=said))

    def _figures(self, predictions: PredictionTable, row: int) -> str:
        """Return what decided against the most probable class; else the three most probable classes."""
        classes = predictions.classes
        shares = dict(zip(classes, predictions.probabilities[row].tolist(), strict=True))
        predicted = classes[predictions.predicted[row]]
        if self._report is not None and set(self._report.prior) == set(classes):
            figures = deciding_figures(choice_of(shares, predicted, self._report.prior))
            if figures:
                return f"{shortened(class_label(predicted, self._malignant))} {figures}"
        best = sorted(classes, key=lambda name: -shares[name])[:_NAMED]
        return ", ".join(
            f"{shortened(class_label(name, self._malignant))} {percent(shares[name])}" for name in best
        )

    def _send(self) -> None:
        behind = self._behind
        if behind is None or behind.table is None:
            return
        paths = [Path(behind.table.paths[int(row)]) for row in self.images.chosen]
        if paths:
            self.images_opened.emit(paths)


def _read_behind(report: Path, datasets: tuple[Path, ...], fingerprint: str) -> _Behind:
    """Read the predictions, and find their samples in the first dataset that has them; in a worker."""
    predicted = read_predictions(report)
    missing = np.full(len(predicted.sample_ids), -1, dtype=np.int64)
    problem = _no_dataset()
    fitting: list[Path] = []
    others: list[Path] = []
    for dataset in datasets:
        try:
            with DatasetStore.open(dataset, read_only=True) as store:
                (fitting if store.fingerprint() == fingerprint else others).append(dataset)
        except TrainerError as error:
            problem = str(error)
    for dataset in fitting + others:
        try:
            opened = read_dataset(dataset)
        except TrainerError as error:
            problem = str(error)
            continue
        rows = {name: row for row, name in enumerate(opened.table.id.texts)}
        places = np.array([rows.get(name, -1) for name in predicted.sample_ids], dtype=np.int64)
        if (places >= 0).any():
            return _Behind(predicted, opened.table, places, _moved(opened.root) if opened.moved else "")
    return _Behind(predicted, None, missing, problem)


def _no_dataset() -> str:
    return QCoreApplication.translate(
        "ConfusionView",
        "The dataset this was scored on is not known here. Open it on the dataset page to see the images.",
    )


def _moved(root: Path) -> str:
    return QCoreApplication.translate(
        "ConfusionView",
        "The images are no longer in {root}; choose their new folder on the dataset page.",
    ).format(root=root)

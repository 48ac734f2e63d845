"""The dataset in figures: how much there is, how the classes and parts are made up, whether the split is sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from skindesk.pages.dataset.words import layout_name, part_name
from skindesk.widgets.basics import Card, Figure, muted
from skindesk.widgets.plots.class_chart import ChartColumn, ClassChart
from skindesk.widgets.quantities import images_counted
from skindesk.widgets.theme import SPACE, set_role
from trainer.dataset.groups.certificate import PARTS
from trainer.wording import chosen_percent, n_of, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skindesk.models.dataset.files import OpenDataset
    from trainer.dataset.groups.certificate import SplitCertificate

_LISTED = 12  # names that fit into a sentence
_HEIGHTS = 1 << 24  # more than an image can be high, pixels


class OverviewView(QScrollArea):
    """Figures, the classes, the certificate."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setAccessibleName(self.tr("Overview"))
        inside = QWidget()
        set_role(inside, "plain")
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2 * SPACE)
        tiles = QHBoxLayout()
        tiles.setSpacing(2 * SPACE)
        self.images, self.lesions = Figure(self.tr("Images")), Figure(self.tr("Lesions"))
        self.malignant, self.ages = Figure(self.tr("Malignant")), Figure(self.tr("Age"))
        for tile in (self.images, self.lesions, self.malignant, self.ages):
            tiles.addWidget(tile, 1)
        layout.addLayout(tiles)
        classes = Card(self.tr("Images by class"))
        self.chart = ClassChart()
        classes.body.addWidget(self.chart)
        classes.body.addWidget(
            muted(
                self.tr(
                    "▲ malignant or precancerous. Percentages are shares of the column; all bars use the same scale."
                ),
                wrap=True,
            )
        )
        self.not_stated = muted(wrap=True)
        classes.body.addWidget(self.not_stated)
        layout.addWidget(classes)
        self._split = Card(self.tr("Split"))
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(3 * SPACE)
        self._facts.setVerticalSpacing(SPACE)
        self._split.body.addLayout(self._facts)
        layout.addWidget(self._split)
        self._where = muted(wrap=True)
        self._where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(self._where)
        layout.addStretch(1)
        self.setWidget(inside)

    def show_dataset(self, dataset: OpenDataset) -> None:
        """Show the figures of a dataset."""
        table = dataset.table
        counts = table.class_name.counts()
        n = len(table)
        self.images.set(f"{n:,}", self._sizes(dataset))
        without = int((table.lesion.codes < 0).sum())
        self.lesions.set(
            f"{dataset.lesions:,}" if dataset.lesions else self.tr("unknown"),
            self.tr("{images} without").format(images=images_counted(without))
            if without
            else self.tr("known for every image"),
        )
        malignant = sum(counts[name] for name in table.malignant)
        if table.malignant:
            self.malignant.set(percent(malignant / max(n, 1)), n_of(malignant))
        else:
            self.malignant.set(self.tr("not stated"), self.tr("no class is marked malignant"))
        self._show_not_stated(table.marks.not_stated(counts))
        known = table.age[~np.isnan(table.age)]
        if len(known):
            low, middle, high = np.percentile(known, [25, 50, 75])
            self.ages.set(
                self.tr("{n:.0f} years").format(n=middle),
                self.tr("half are {low:.0f} to {high:.0f}, {n}").format(
                    low=low, high=high, n=n_of(len(known))
                ),
            )
        else:
            self.ages.set(self.tr("unknown"))
        columns = [ChartColumn(self.tr("All"), counts)]
        if dataset.certificate is not None:
            columns += [
                ChartColumn(
                    part_name(part), table.class_name.counts(np.flatnonzero(table.split.among((part,))))
                )
                for part in PARTS
            ]
        self.chart.show_counts(table.classes, table.malignant, columns)
        self._show_certificate(dataset.certificate)
        self._where.setText(
            self.tr("Images: {root}\nDataset file: {path}\nLayout: {layout}").format(
                root=dataset.root, path=dataset.path, layout=layout_name(dataset.layout)
            )
        )

    def _show_not_stated(self, names: Sequence[str]) -> None:
        listed = ", ".join(names[:_LISTED]) + (" …" if len(names) > _LISTED else "")
        self.not_stated.setText(
            self.tr(
                "Not stated whether malignant or benign: {names}. Right-click a class in the image list to mark it."
            ).format(names=listed)
        )
        self.not_stated.setVisible(bool(names))

    def _sizes(self, dataset: OpenDataset) -> str:
        table = dataset.table
        if len(table) == 0:
            return ""
        # One number for each size: a hundred times faster than sorting pairs.
        sizes, numbers = np.unique(table.width * _HEIGHTS + table.height, return_counts=True)
        wide, high = divmod(int(sizes[numbers.argmax()]), _HEIGHTS)
        words = (
            self.tr("{wide} x {high} pixels") if len(sizes) == 1 else self.tr("mostly {wide} x {high} pixels")
        )
        return words.format(wide=wide, high=high)

    def _show_certificate(self, certificate: SplitCertificate | None) -> None:
        while (item := self._facts.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        self._split.setVisible(certificate is not None)
        if certificate is None:
            return
        rows = [
            ("", *(part_name(part) for part in PARTS), self.tr("In two parts")),
            (self.tr("Images"), *self._numbers(certificate.images), f"{certificate.files_in_two_parts:,}"),
            (self.tr("Groups"), *self._numbers(certificate.groups), f"{certificate.groups_in_two_parts:,}"),
            (
                self.tr("Lesions"),
                *self._numbers(certificate.lesions),
                f"{certificate.lesions_in_two_parts:,}",
            ),
        ]
        for row, cells in enumerate(rows):
            for column, text in enumerate(cells):
                label = QLabel(text)
                if row == 0 or column == 0:
                    set_role(label, "muted")
                if column:
                    label.setAlignment(Qt.AlignmentFlag.AlignRight)
                self._facts.addWidget(label, row, column)
        self._facts.setColumnStretch(len(rows[0]), 1)
        shares = " / ".join(chosen_percent(share) for share in certificate.fractions)
        sentences = [
            self.tr("Seed {seed}, requested shares: {shares}.").format(seed=certificate.seed, shares=shares),
            *certificate.known_pairs(),
            *certificate.notes,
        ]
        notes = muted(" ".join(sentences), wrap=True)
        self._facts.addWidget(notes, len(rows), 0, 1, len(rows[0]) + 1)

    @staticmethod
    def _numbers(by_part: dict[str, int]) -> list[str]:
        return [f"{by_part[part]:,}" for part in PARTS]

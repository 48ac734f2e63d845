"""The right side: the sample that is looked at, or what several selected ones are made up of."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from skindesk.background import Question
from skindesk.models.dataset.thumbnails import Box, Thumbnails
from skindesk.models.pictures import Picture, read_picture
from skindesk.widgets.basics import ElidedLabel, heading, muted, primary_button, scrolling
from skindesk.widgets.icons import icon
from skindesk.widgets.quantities import images_counted, lesions_counted
from skindesk.widgets.samples.class_filter import class_rows
from skindesk.widgets.samples.picture import SamplePicture, SampleTile
from skindesk.widgets.theme import SPACE, class_label, set_role
from trainer.dataset import fields
from trainer.palette import class_colour
from trainer.wording import file_size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import QPixmap

    from skindesk.models.dataset.samples import Rows, SampleTable
    from trainer.dataset.fields import Field

_WIDTH = 272  # pixels
_TILES = 3  # in a row
_MOST_TILES = 24  # of one lesion
_READ_AFTER_MS = 60  # so that running through the grid with a key held down reads no image on the way
_TILE_SIZE = (66, 49)  # of the image in a tile, pixels


class SampleDetails(QFrame):
    """Shows one sample with its image and the other images of its lesion, or counts several by class.

    Signals:
        diagnose_asked: the selected images are to be diagnosed.
        show_in_folder_asked: the image's folder is to be opened.
        sample_asked(int): another sample is to be looked at.
    """

    diagnose_asked = Signal()
    show_in_folder_asked = Signal()
    sample_asked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self.setMinimumWidth(_WIDTH - 6 * SPACE)
        self._table: SampleTable | None = None
        self._sample = -1
        self._thumbnails = Thumbnails(self)
        self._thumbnails.ready.connect(self._fill_tiles)
        self._question: Question[Picture] = Question(self._show_picture, self._show_reason, self)
        self._read = QTimer(self)
        self._read.setSingleShot(True)
        self._read.setInterval(_READ_AFTER_MS)
        self._read.timeout.connect(self._ask_picture)
        pages = QWidget()
        inside = QVBoxLayout(pages)
        inside.setContentsMargins(0, 0, 0, 0)
        self._nothing = muted(self.tr("Select an image to see its details."), wrap=True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._one, self._several = QWidget(), QWidget()
        for page in (self._nothing, self._one, self._several):
            inside.addWidget(page, 1)
        self._build_one()
        self._build_several()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(2 * SPACE, 2 * SPACE, SPACE, 2 * SPACE)
        outer.setSpacing(3 * SPACE // 2)
        outer.addWidget(scrolling(pages), 1)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, SPACE, 0)
        row.setSpacing(SPACE)
        self.diagnose_button = primary_button(self.tr("Diagnose"), self.diagnose_asked.emit)
        self.diagnose_button.setToolTip(self.tr("Show the selected images on the Diagnosis page (Ctrl+D)"))
        self._folder_button = QToolButton()
        self._folder_button.setIcon(icon("folder"))
        self._folder_button.setFixedSize(4 * SPACE, 4 * SPACE)  # as high as the button beside it
        self._folder_button.setToolTip(self.tr("Show the image file in its folder"))
        self._folder_button.setAccessibleName(self.tr("Show in folder"))
        self._folder_button.clicked.connect(lambda _checked=False: self.show_in_folder_asked.emit())
        row.addWidget(self.diagnose_button, 1)
        row.addWidget(self._folder_button)
        outer.addLayout(row)
        self.show_nothing()

    def _build_one(self) -> None:
        layout = QVBoxLayout(self._one)
        layout.setContentsMargins(0, 0, SPACE, 0)
        layout.setSpacing(SPACE)
        self.picture = SamplePicture()
        layout.addWidget(self.picture)
        self._id = ElidedLabel()
        set_role(self._id, "heading")
        layout.addWidget(self._id)
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(2 * SPACE)
        self._facts.setVerticalSpacing(SPACE)
        self._facts.setColumnStretch(1, 1)
        self._class = self._add_row(self.tr(fields.CLASS.title), _wrapped())
        self._facts_of: list[tuple[tuple[Field, ...], _Row]] = []
        for joined in _joined(fields.FACTS):
            title = ", ".join((joined[0].title, *(field.title.lower() for field in joined[1:])))
            value = ElidedLabel() if joined[0].identifier else _wrapped()
            self._facts_of.append((joined, self._add_row(self.tr(title), value)))
        self._split = self._add_row(self.tr("Split"), _wrapped())
        self._size = self._add_row(self.tr("Size"), _wrapped())
        self._file = self._add_row(self.tr("File"), ElidedLabel())
        layout.addLayout(self._facts)
        self._others_heading = heading("")
        layout.addWidget(self._others_heading)
        self._tiles_area = QGridLayout()
        self._tiles_area.setSpacing(SPACE // 2)
        self._tiles_area.setColumnStretch(_TILES, 1)
        layout.addLayout(self._tiles_area)
        layout.addStretch(1)
        self.tiles: list[SampleTile] = []

    def _add_row(self, title: str, value: QLabel) -> _Row:
        """Add a row of facts; names without spaces are cut, words go on in the next line."""
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = _Row(muted(title), value)
        place = self._facts.rowCount()
        self._facts.addWidget(row.title, place, 0, Qt.AlignmentFlag.AlignTop)
        self._facts.addWidget(value, place, 1)
        return row

    def _build_several(self) -> None:
        layout = QVBoxLayout(self._several)
        layout.setContentsMargins(0, 0, SPACE, 0)
        layout.setSpacing(SPACE)
        self._number = QLabel()
        set_role(self._number, "title")
        layout.addWidget(self._number)
        self._lesions = muted(wrap=True)
        layout.addWidget(self._lesions)
        self._counts = QVBoxLayout()
        self._counts.setSpacing(0)
        layout.addLayout(self._counts)
        layout.addStretch(1)

    # What is shown

    def _show_page(self, shown: QWidget) -> None:
        """Show one page; a stack would keep room for the largest, and scroll for nothing."""
        for page in (self._nothing, self._one, self._several):
            page.setVisible(page is shown)

    def show_nothing(self) -> None:
        """Show that nothing is selected."""
        self._table, self._sample = None, -1
        self._question.forget()
        self._read.stop()
        self._show_page(self._nothing)
        self.diagnose_button.setEnabled(False)
        self.diagnose_button.setText(self.tr("Diagnose"))
        self._folder_button.setEnabled(False)

    def show_sample(self, table: SampleTable, sample: int, preview: QPixmap | None) -> None:
        """Show a sample.

        Args:
            table: it is of.
            sample: its row.
            preview: a thumbnail to begin with.
        """
        if table is not self._table:
            self._thumbnails.clear()
        self._table, self._sample = table, sample
        self._show_page(self._one)
        self.diagnose_button.setEnabled(True)
        self.diagnose_button.setText(self.tr("Diagnose"))
        self._folder_button.setEnabled(True)
        self.picture.set_aspect(
            float(np.clip(table.height[sample] / max(int(table.width[sample]), 1), 0.5, 1.5))
        )
        self.picture.show_image(preview.toImage() if preview is not None else QImage(), self._described())
        self._id.setText(table.id.texts[sample])
        self._show_facts(table, sample)
        self._show_lesion(table, sample)
        self._read.start()

    def show_several(self, table: SampleTable, samples: Rows) -> None:
        """Show what several samples are made up of."""
        self._table, self._sample = table, -1
        self._question.forget()
        self._read.stop()
        self._show_page(self._several)
        n = len(samples)
        self.diagnose_button.setEnabled(True)
        self.diagnose_button.setText(self.tr("Diagnose {images}").format(images=images_counted(n)))
        self._folder_button.setEnabled(False)
        self._number.setText(self.tr("{images} selected").format(images=images_counted(n)))
        codes = np.unique(table.lesion.codes[samples])
        known = int((codes >= 0).sum())
        self._lesions.setText(self.tr("They show {lesions}.").format(lesions=lesions_counted(known)))
        self._lesions.setVisible(known > 0)
        while (item := self._counts.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        counts = {name: count for name, count in table.class_name.counts(samples).items() if count}
        for row in class_rows(counts, table.malignant, table.classes):
            row.be_static()
            self._counts.addWidget(row)

    def _described(self) -> str:
        assert self._table is not None
        name = self._table.class_name.at(self._sample) or ""
        return self.tr("Image {id}, {class_name}").format(
            id=self._table.id.texts[self._sample], class_name=class_label(name, self._table.malignant)
        )

    def _show_facts(self, table: SampleTable, sample: int) -> None:
        path = table.paths[sample]
        wide, high, size = int(table.width[sample]), int(table.height[sample]), int(table.bytes[sample])
        self._class.value.setText(class_label(table.class_name.at(sample) or "", table.malignant))
        for joined, row in self._facts_of:
            known = [text for field in joined if (text := self._fact(field, table, sample))]
            row.value.setText(", ".join(known) or self.tr("unknown"))
            row.show(any(field.shown == "always" or table.knows(field.name) for field in joined))
        self._split.value.setText((table.split.at(sample) or self.tr("in no part")).capitalize())
        self._size.value.setText(
            self.tr("{wide} x {high} pixels, {size}").format(wide=wide, high=high, size=file_size(size))
        )
        self._file.value.setText(Path(path).name)
        self._file.value.setToolTip(path)

    def _fact(self, field: Field, table: SampleTable, sample: int) -> str:
        """Return a fact in words; nothing where it is not known."""
        if field.kind == "number":
            number = float(table.number(field.name)[sample])
            unit = f" {self.tr(field.unit)}" if field.unit else ""
            return "" if np.isnan(number) else f"{number:.10g}{unit}"
        text = table.text(field.name).at(sample) or ""
        return self.tr(field.words[text]) if text in field.words else text

    # The other images of the lesion

    def _show_lesion(self, table: SampleTable, sample: int) -> None:
        for tile in self.tiles:
            tile.hide()
            tile.deleteLater()
        others = table.same_lesion(sample)
        self.tiles = []
        for place, other in enumerate(others[:_MOST_TILES].tolist()):
            name = table.class_name.at(other) or ""
            tile = SampleTile(
                other,
                f"{table.id.texts[other]}, {class_label(name, table.malignant)}",
                QColor(class_colour(name, table.classes)),
            )
            tile.clicked.connect(lambda _checked=False, row=other: self.sample_asked.emit(row))
            self._tiles_area.addWidget(tile, place // _TILES, place % _TILES)
            self.tiles.append(tile)
        for before, after in itertools.pairwise((*self.tiles, self.diagnose_button, self._folder_button)):
            self.setTabOrder(before, after)
        if len(others) == 0:
            words = self.tr("The only image of this lesion") if table.lesion.at(sample) else ""
        elif len(others) == 1:
            words = self.tr("Another image of this lesion")
        else:
            words = self.tr("{n} other images of this lesion").format(n=f"{len(others):,}")
        self._others_heading.setText(words)
        set_role(self._others_heading, "heading" if len(others) else "muted")
        self._others_heading.setVisible(bool(words))
        ratio = self.devicePixelRatioF()
        box = Box(round(_TILE_SIZE[0] * ratio), round(_TILE_SIZE[1] * ratio))
        self._thumbnails.want([table.paths[tile.sample] for tile in self.tiles], box)
        self._fill_tiles()

    def _fill_tiles(self) -> None:
        if self._table is None:
            return
        for tile in self.tiles:
            pixmap = self._thumbnails.pixmap(self._table.paths[tile.sample])
            if pixmap is not None:
                tile.show_pixmap(pixmap)

    # The image itself, read by the decoder that the network's images are read by

    def _ask_picture(self) -> None:
        if self._table is not None and self._sample >= 0:
            path = Path(self._table.paths[self._sample])
            self._question.ask(lambda: read_picture(path))

    def _show_picture(self, picture: Picture) -> None:
        wanted = self.picture.width() * self.devicePixelRatioF()
        fitting = [level for level in picture.levels if level.width() >= wanted]
        self.picture.set_aspect(float(np.clip(picture.height / max(picture.width, 1), 0.5, 1.5)))
        self.picture.show_image(fitting[-1] if fitting else picture.levels[0], self._described())

    def _show_reason(self, reason: str) -> None:
        if self._table is not None and self._sample >= 0:
            # The whole path is the tooltip of the file's name below.
            path = self._table.paths[self._sample]
            self.picture.show_reason(reason.replace(path, Path(path).name))


class _Row(NamedTuple):
    """A row of facts."""

    title: QLabel
    value: QLabel

    def show(self, shown: bool) -> None:
        self.title.setVisible(shown)
        self.value.setVisible(shown)


def _joined(declared: Iterable[Field]) -> list[tuple[Field, ...]]:
    """Return the facts to be shown, those that share a row together."""
    rows: list[tuple[Field, ...]] = []
    for field in declared:
        if field.shown != "never":
            rows[-1:] = [(*rows[-1], field)] if field.joins and rows else [*rows[-1:], (field,)]
    return rows


def _wrapped() -> QLabel:
    """Return a label whose text goes on in the next line, in whatever room there is."""
    label = QLabel()
    label.setWordWrap(True)
    policy = label.sizePolicy()
    policy.setHorizontalPolicy(QSizePolicy.Policy.Ignored)
    label.setSizePolicy(policy)
    return label

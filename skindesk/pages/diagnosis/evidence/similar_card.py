"""Training images that look like the image to the network, with their confirmed diagnoses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from skindesk.models.diagnosis.case import SIMILAR
from skindesk.pages.diagnosis.evidence.similar_dialog import SimilarDialog
from skindesk.pages.diagnosis.evidence.similar_words import described, short_label, votes_sentence
from skindesk.widgets.basics import Card, muted
from skindesk.widgets.samples.picture import SampleTile
from skindesk.widgets.theme import SPACE
from trainer.palette import class_colour

if TYPE_CHECKING:
    from pathlib import Path

    from skindesk.models.diagnosis.bundle import BundleFacts
    from skindesk.models.diagnosis.case import CaseImage
    from skindesk.models.diagnosis.similar import SimilarFiles
    from skindesk.models.pictures import PictureLoader
    from trainer.predictions import SimilarCase, SimilarCases

_COLUMNS = 4


class SimilarCard(Card):
    """The nearest training images, and the classes of the 16 nearest as a second opinion.

    Args:
        files: finds the images.
        loader: reads them; of its own, since the page's forgets all but the images of the case.
        parent: as usual.
    """

    def __init__(self, files: SimilarFiles, loader: PictureLoader, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Similar confirmed cases"), parent)
        self._files, self._loader = files, loader
        self._similar: SimilarCases | None = None
        self._facts: BundleFacts | None = None
        self._unreliable = False
        self._cells: list[QWidget] = []
        self.tiles: list[SampleTile] = []
        self.votes = QLabel()
        self.votes.setWordWrap(True)
        self.votes.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.votes.setAccessibleName(self.tr("Classes of the most similar cases"))
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(SPACE)
        self._grid.setVerticalSpacing(SPACE // 2)
        self._grid.setColumnStretch(_COLUMNS, 1)
        self.note = muted(wrap=True)
        self.body.addWidget(self.votes)
        self.body.addLayout(self._grid)
        self.body.addWidget(self.note)
        files.changed.connect(self._read)
        loader.read.connect(lambda _path: self._fill())
        self.hide()

    def show_similar(self, facts: BundleFacts | None, image: CaseImage | None) -> None:
        """Show what is like an image; `None` for none."""
        similar = image.similar if image is not None else None
        if (facts, similar) == (self._facts, self._similar):
            return
        self._facts, self._similar = facts, similar
        prediction = image.prediction if image is not None else None
        self._unreliable = prediction is not None and prediction.in_distribution is False
        nearest = similar.nearest if similar is not None and facts is not None else ()
        self.setVisible(bool(nearest))
        self._lay_out(nearest)
        if similar is not None and facts is not None:
            self.votes.setText(votes_sentence(similar, facts.manifest.malignant))
        self.votes.setHidden(self._unreliable)  # nor is a second opinion then
        self._files.want([case.hash for case in nearest])
        self._fill()

    def _lay_out(self, nearest: tuple[SimilarCase, ...]) -> None:
        for cell in self._cells:
            self._grid.removeWidget(cell)
            cell.hide()
            cell.deleteLater()
        self._cells, self.tiles = [], []
        if self._facts is None:
            return
        manifest = self._facts.manifest
        for place, case in enumerate(nearest[:SIMILAR]):
            tile = SampleTile(
                place,
                described(case, manifest.malignant),
                QColor(class_colour(case.class_name, manifest.classes)),
            )
            tile.clicked.connect(partial(self._open, place))
            cell = QWidget()
            column = QVBoxLayout(cell)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            column.addWidget(tile)
            label = muted(short_label(case, manifest.malignant))
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(label)
            self._grid.addWidget(cell, place // _COLUMNS, place % _COLUMNS)
            self._cells.append(cell)
            self.tiles.append(tile)

    def _read(self) -> None:
        paths = tuple(self._files.found.values())
        self._loader.keep_only(paths)
        for path in paths:
            self._loader.want(path)
        self._fill()

    def _fill(self) -> None:
        """Show what has been read, and say what cannot be shown."""
        if self._similar is None:
            return
        for tile, case in zip(self.tiles, self._similar.nearest, strict=False):
            thumbnail = self._loader.thumbnail(path) if (path := self._path(case)) is not None else None
            tile.show_pixmap(QPixmap() if thumbnail is None else QPixmap.fromImage(thumbnail))
        if self._unreliable:
            said = [self.tr("The nearest training images. The result for this image is not to be relied on.")]
        else:
            said = [self.tr("These look similar to the network. That is a second opinion, not proof.")]
        if self._similar.left_out == 1:
            said.append(self.tr("This image is one of the training images; it is left out here."))
        elif self._similar.left_out:
            words = self.tr(
                "This image is one of the training images; all {n} of its lesion are left out here."
            )
            said.append(words.format(n=self._similar.left_out))
        if not self._files.found and not self._files.busy:
            said.append(self.tr("To see the images, open the dataset this network was trained on."))
        self.note.setText(" ".join(said))

    def _path(self, case: SimilarCase) -> Path | None:
        return self._files.found.get(case.hash)

    def _open(self, place: int) -> None:
        if self._similar is None or self._facts is None:
            return
        dialog = SimilarDialog(
            self._similar.nearest,
            self._facts.manifest.malignant,
            self._files,
            self._loader,
            self.window(),
        )
        dialog.show_case(place)
        dialog.open()

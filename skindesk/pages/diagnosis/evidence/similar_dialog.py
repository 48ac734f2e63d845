"""A training image, large, and what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from skindesk.pages.diagnosis.evidence.similar_words import facts_of
from skindesk.widgets.basics import muted, title
from skindesk.widgets.samples.picture import SamplePicture
from skindesk.widgets.theme import SPACE, class_label

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from PySide6.QtGui import QKeyEvent

    from skindesk.models.diagnosis.similar import SimilarFiles
    from skindesk.models.pictures import PictureLoader
    from trainer.predictions import SimilarCase

_SIDE = 70 * SPACE  # of the picture, at most
_FACTS = 3  # lines
_OF_SCREEN = 0.55  # of its height, at most


class SimilarDialog(QDialog):
    """Shows one of the nearest training images; the arrow keys go on to the others.

    Args:
        cases: the nearest first.
        malignant: classes to be marked.
        files: finds the images.
        loader: reads them.
        parent: as usual.
    """

    def __init__(
        self,
        cases: tuple[SimilarCase, ...],
        malignant: Collection[str],
        files: SimilarFiles,
        loader: PictureLoader,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Similar confirmed case"))
        self._cases, self._malignant, self._files, self._loader = cases, malignant, files, loader
        self._place = 0
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        layout.setSpacing(SPACE)
        # The size stays as it is from case to case.
        layout.setSizeConstraint(QVBoxLayout.SizeConstraint.SetNoConstraint)
        self.heading = title("")
        self.picture = SamplePicture()
        side = min(_SIDE, round(_OF_SCREEN * self.screen().availableGeometry().height()))
        self.picture.setFixedSize(side, side)
        self.facts = muted(wrap=True)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.facts.setMinimumHeight(_FACTS * self.facts.fontMetrics().lineSpacing())
        for part in (self.heading, self.picture, self.facts):
            layout.addWidget(part)
        row = QHBoxLayout()
        self._before, self._after = QPushButton(self.tr("Nearer")), QPushButton(self.tr("Farther"))
        self._before.clicked.connect(lambda: self.step(-1))
        self._after.clicked.connect(lambda: self.step(1))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        row.addWidget(self._before)
        row.addWidget(self._after)
        row.addStretch(1)
        row.addWidget(buttons)
        layout.addLayout(row)
        self.resize(self.sizeHint())  # without this, two thirds of the screen's height are the most
        loader.read.connect(self._picture_read)
        files.changed.connect(self._show_picture)

    def show_case(self, place: int) -> None:
        """Show one of the cases."""
        self._place = place
        case = self._cases[place]
        self.heading.setText(class_label(case.class_name, self._malignant))
        self.facts.setText(facts_of(case))
        self._before.setEnabled(place > 0)
        self._after.setEnabled(place < len(self._cases) - 1)
        self._show_picture()

    def step(self, places: int) -> None:
        """Go on to another case, as far as there are any."""
        self.show_case(min(max(self._place + places, 0), len(self._cases) - 1))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the case before or after this one."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if (places := steps.get(Qt.Key(event.key()))) is not None:
            self.step(places)
        else:
            super().keyPressEvent(event)

    def _picture_read(self, _path: Path) -> None:
        self._show_picture()

    def _show_picture(self) -> None:
        path = self._files.found.get(self._cases[self._place].hash)
        if path is None:
            self.picture.show_reason(
                self.tr("The image is not available. Open the dataset this network was trained on to see it.")
            )
            return
        picture, sentence = self._loader.picture(path), self._loader.sentence(path)
        if picture is not None:
            self.picture.show_image(picture.levels[0], self.facts.text())
        elif sentence:
            self.picture.show_reason(sentence)
        else:
            self._loader.want(path, first=True)
            self.picture.show_image(QImage(), self.facts.text())

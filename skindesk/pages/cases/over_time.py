"""The images of one lesion side by side, the oldest first, with what the network said of each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QWidget

from skindesk.background import Errands, Urgency
from skindesk.models.cases.moments import moments_of, read_moment
from skindesk.pages.cases.tile import Tile
from skindesk.pages.cases.words import tr
from skindesk.widgets.basics import Card, muted
from skindesk.widgets.quantities import images_counted
from skindesk.widgets.theme import SPACE, set_role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QImage, QResizeEvent

    from skindesk.models.cases.reading import OpenedCase

_SMALLEST, _LARGEST = 176, 360  # pixels of an image's longer side
_MOST = 60  # images shown: the latest


class OverTime(Card):
    """All images of a lesion.

    Signals:
        day_entered(Moment, str): an image was taken on that day, ISO.
    """

    day_entered = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Images of this lesion"), parent)
        self._count = muted()
        self.header.addWidget(self._count)
        self._area = QScrollArea()
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setWidgetResizable(True)
        self._area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setAccessibleName(tr("Images of this lesion, the oldest first"))
        self.body.addWidget(self._area)
        self.note = muted(wrap=True)
        self.body.addWidget(self.note)
        self.tiles: list[Tile] = []
        self._errands = Errands(self, Urgency.PICTURE)
        self._shown = self._missing = 0
        self._notes: list[str] = []

    def show_lesion(self, cases: Sequence[OpenedCase], case_id: str) -> None:
        """Show the images of all cases of a lesion.

        Args:
            cases: of the lesion.
            case_id: of the one that is selected.
        """
        moments = moments_of(cases)[-_MOST:]
        self._shown += 1
        self._missing = 0
        inside = QWidget()
        set_role(inside, "plain")
        row = QHBoxLayout(inside)
        row.setContentsMargins(0, 0, 0, SPACE)
        row.setSpacing(2 * SPACE)
        self.tiles = [
            Tile(moment, of_this_case=len(cases) > 1 and moment.case.summary.case_id == case_id)
            for moment in moments
        ]
        for tile in self.tiles:
            row.addWidget(tile)
            tile.day.entered.connect(partial(self._day_entered, tile))
        row.addStretch(1)
        self._area.setWidget(inside)
        self._fit()
        self._count.setText(images_counted(len(moments)))
        self._say_what_can_be_compared(cases, len(moments))
        side = round(_LARGEST * self.devicePixelRatioF())
        for place, moment in enumerate(moments):
            self._errands.run(
                partial(read_moment, moment, side),
                partial(self._show_picture, self._shown, place),
                partial(self._say, self._shown, place),
            )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use the room that there is."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Make the images as large as two of them fit side by side, within bounds."""
        inside = self._area.widget()
        if inside is None or not self.tiles:
            return
        side = min(max((self.width() - 7 * SPACE) // 2, _SMALLEST), _LARGEST)
        height = max(tile.high(side) for tile in self.tiles)
        for tile in self.tiles:
            tile.set_size(side, height)
        bar = self._area.horizontalScrollBar().sizeHint().height()
        self._area.setFixedHeight(inside.sizeHint().height() + bar)

    def _say_what_can_be_compared(self, cases: Sequence[OpenedCase], images: int) -> None:
        said = self._notes = []
        if images > 1:
            said.append(
                tr("The images have no common scale: whether the lesion grew cannot be read from them.")
            )
        networks = {
            case.diagnosis.network.bundle_hash for case in cases if case.diagnosis.network is not None
        }
        if len(networks) > 1:
            said.append(tr("They were analysed by different networks, whose figures cannot be compared."))
        self._say_notes()

    def _say_notes(self) -> None:
        said = list(self._notes)
        if self._missing:
            said.append(
                tr("{images} moved or deleted since the case was saved: small copies are shown.").format(
                    images=images_counted(self._missing)
                )
            )
        self.note.setText(" ".join(said))
        self.note.setVisible(bool(said))

    def _day_entered(self, tile: Tile) -> None:
        self.day_entered.emit(tile.moment, tile.day.day)

    def _show_picture(self, shown: int, place: int, image: QImage) -> None:
        if shown == self._shown:
            self.tiles[place].show_picture(image)

    def _say(self, shown: int, place: int, sentence: str) -> None:
        if shown == self._shown:
            tile = self.tiles[place]
            gone = not tile.moment.image.file(tile.moment.case.folder).exists()
            tile.say(tr("The image file is gone.") if gone else sentence)
            if gone:
                self._missing += 1
                self._say_notes()

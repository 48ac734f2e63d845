"""The images of one lesion side by side, the oldest first, with what the network said of each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from skindesk.background import Errands, Urgency
from skindesk.choice_words import short_figures
from skindesk.models.cases.moments import Moment, moments_of, read_moment
from skindesk.pages.cases.day_field import DayField
from skindesk.pages.cases.words import tr
from skindesk.widgets.basics import Card, ElidedLabel, muted
from skindesk.widgets.quantities import images_counted
from skindesk.widgets.theme import SPACE, class_label, set_role
from trainer.predictions import UNLIKE, choice_of
from trainer.wording import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skindesk.models.cases.reading import OpenedCase

_SIDE = 200  # pixels of a picture
_MOST = 60  # images shown: the latest


class _Tile(QWidget):
    """One image with its day and its prediction."""

    def __init__(self, moment: Moment, *, of_this_case: bool) -> None:
        super().__init__()
        self.moment = moment
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self.picture = QLabel()
        self.picture.setFixedWidth(_SIDE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setWordWrap(True)
        layout.addWidget(self.picture)
        layout.addSpacing(SPACE // 2)
        layout.addLayout(self._head(of_this_case=of_this_case))
        self.result, self.malignant = ElidedLabel(self._result()), ElidedLabel(self._malignant())
        set_role(self.malignant, "muted")
        layout.addWidget(self.result)
        layout.addWidget(self.malignant)
        self.setFixedWidth(_SIDE)
        self.show_picture(moment.small_picture)

    def _head(self, *, of_this_case: bool) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        self.day = DayField(tr("Taken on"))
        self.day.show_day(self.moment.day)
        self.day.setToolTip(
            tr("When the image was taken")
            if self.moment.image.taken
            else tr("When the image was saved; enter the day it was taken, if you know it")
        )
        number = ElidedLabel(tr("case {number}").format(number=self.moment.case.summary.number))
        set_role(number, "heading" if of_this_case else "muted")
        row.addWidget(self.day)
        row.addWidget(number, 1)
        return row

    @property
    def high(self) -> int:
        """Height of the picture; as long as there is none, that of a square one."""
        picture = self.picture.pixmap()
        return _SIDE if picture.isNull() else round(picture.height() / picture.devicePixelRatio())

    def show_picture(self, image: QImage) -> None:
        """Show a picture; a null one is none."""
        if image.isNull():
            return
        ratio = self.devicePixelRatioF()
        side = round(_SIDE * ratio)
        scaled = image.scaled(
            QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        pixmap = QPixmap.fromImage(scaled)
        pixmap.setDevicePixelRatio(ratio)
        self.picture.setPixmap(pixmap)

    def say(self, sentence: str) -> None:
        """Say why there is only a small picture, or none."""
        self.setToolTip(sentence)
        if self.picture.pixmap().isNull():
            self.picture.setText(sentence)

    def _result(self) -> str:
        prediction, network = self.moment.image.prediction, self.moment.case.diagnosis.network
        if prediction is None or network is None:
            return tr("No result")
        if prediction.in_distribution is False:
            return UNLIKE
        label = class_label(prediction.predicted, network.marks.malignant)
        if set(prediction.probabilities) <= set(network.shares):
            choice = choice_of(prediction.probabilities, prediction.predicted, network.shares)
            return f"{label} {short_figures(choice)}"
        return label

    def _malignant(self) -> str:
        prediction = self.moment.image.prediction
        if (
            prediction is None
            or prediction.malignant_probability is None
            or prediction.in_distribution is False
        ):
            return ""
        return tr("malignant classes {share}").format(share=percent(prediction.malignant_probability))


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
        self.tiles: list[_Tile] = []
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
            _Tile(moment, of_this_case=len(cases) > 1 and moment.case.summary.case_id == case_id)
            for moment in moments
        ]
        for tile in self.tiles:
            row.addWidget(tile)
            tile.day.entered.connect(partial(self._day_entered, tile))
        row.addStretch(1)
        heights = [tile.high for tile in self.tiles]
        for tile in self.tiles:
            tile.picture.setFixedHeight(max(heights))
        self._area.setWidget(inside)
        bar = self._area.horizontalScrollBar().sizeHint().height()
        self._area.setFixedHeight(inside.sizeHint().height() + bar)
        self._count.setText(images_counted(len(moments)))
        self._say_what_can_be_compared(cases, len(moments))
        ratio = self.devicePixelRatioF()
        for place, moment in enumerate(moments):
            self._errands.run(
                partial(read_moment, moment, round(_SIDE * ratio)),
                partial(self._show_picture, self._shown, place),
                partial(self._say, self._shown, place),
            )

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

    def _day_entered(self, tile: _Tile) -> None:
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

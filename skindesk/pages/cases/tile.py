"""One image of a lesion with its day and its prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from skindesk.choice_words import short_figures
from skindesk.flag_words import flag_title
from skindesk.pages.cases.day_field import DayField
from skindesk.pages.cases.words import tr
from skindesk.widgets.basics import ElidedLabel
from skindesk.widgets.theme import SPACE, class_label, set_role
from trainer.predictions import choice_of
from trainer.wording import percent

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

    from skindesk.models.cases.moments import Moment


class Tile(QWidget):
    """One image with its day and its prediction."""

    def __init__(self, moment: Moment, *, of_this_case: bool) -> None:
        super().__init__()
        self.moment = moment
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setWordWrap(True)
        layout.addWidget(self.picture)
        layout.addSpacing(SPACE // 2)
        layout.addLayout(self._head(of_this_case=of_this_case))
        self.result, self.malignant = ElidedLabel(self._result()), ElidedLabel(self._malignant())
        set_role(self.malignant, "muted")
        layout.addWidget(self.result)
        layout.addWidget(self.malignant)
        self._image = moment.small_picture

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

    def show_picture(self, image: QImage) -> None:
        """Show a picture in place of the small one."""
        self._image = image
        self._paint()

    def high(self, side: int) -> int:
        """Return the height of the picture whose longer side is so many pixels; where there is none, of a square."""
        if self._image.isNull():
            return side
        return self._image.size().scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio).height()

    def set_size(self, side: int, height: int) -> None:
        """Be as wide as `side`, with a picture as high as `height`, pixels."""
        self.setFixedWidth(side)
        self.picture.setFixedSize(side, height)
        self._paint()

    def _paint(self) -> None:
        if self._image.isNull():
            return
        ratio = self.devicePixelRatioF()
        scaled = self._image.scaled(
            self.picture.size() * ratio,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        pixmap = QPixmap.fromImage(scaled)
        pixmap.setDevicePixelRatio(ratio)
        self.picture.setPixmap(pixmap)

    def say(self, sentence: str) -> None:
        """Say why there is only a small picture, or none."""
        self.setToolTip(sentence)
        if self._image.isNull():
            self.picture.setText(sentence)

    def _result(self) -> str:
        prediction, network = self.moment.image.prediction, self.moment.case.diagnosis.network
        if prediction is None or network is None:
            return tr("No result")
        if prediction.in_distribution is False:
            return flag_title(prediction)
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

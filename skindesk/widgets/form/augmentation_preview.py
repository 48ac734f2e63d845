"""A strip of augmented samples: what the network will see of one image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from skindesk.background import Question
from skindesk.engine.handles import JobState
from skindesk.widgets.theme import SPACE, tokens_for
from trainer.protocol.scoring import Pictures, PreviewAugmentation

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent, QShowEvent

    from skindesk.engine.handles import JobHandle, Outcome
    from skindesk.engine.jobs import JobQueue
    from trainer.config import Augmentation, Geometry

COUNT = 5
_SIDE = 96  # pixels of a picture; screens of twice the density show it sharp
_SHOWN = 56  # pixels of a picture on the screen
_WAIT_MS = 350
_RADIUS = 6.0


class AugmentationPreview(QWidget):
    """Augmented samples of one image, drawn by the engine; a newer wish replaces an older one.

    Args:
        scoring: where pictures are asked for.

    Attributes:
        pictures: those that are shown.

    Signals:
        shown: new pictures are there.
        failed(str): why there are none.
    """

    shown = Signal()
    failed = Signal(str)

    def __init__(self, scoring: JobQueue, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scoring = scoring
        self.pictures: list[QPixmap] = []
        self._wish: PreviewAugmentation | None = None
        self._answered: PreviewAugmentation | None = None
        self._handle: JobHandle | None = None
        self._decoding: Question[list[QImage]] = Question(self._show, self.failed.emit, self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT_MS)
        self._timer.timeout.connect(self._ask)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Augmented samples of one image"))
        self.setToolTip(self.tr("One image as the network may see it in five epochs"))

    def set_wish(self, image: str, geometry: Geometry, augmentation: Augmentation) -> None:
        """Say what is to be shown; it is asked for shortly after the last wish, and only while this is visible.

        Args:
            image: file; empty for none.
            geometry: as in `RunConfig`.
            augmentation: as in `RunConfig`.
        """
        wish = PreviewAugmentation(
            image=image, size=_SIDE, count=COUNT, geometry=geometry, augmentation=augmentation
        )
        self._wish = wish if image else None
        if self.isVisible():
            self._timer.start()

    def showEvent(self, event: QShowEvent) -> None:
        """Ask for what is not there yet."""
        super().showEvent(event)
        if self._wish is not None and self._wish != self._answered:
            self._timer.start()

    def sizeHint(self) -> QSize:
        """Return the size of the strip."""
        return QSize(COUNT * (_SHOWN + SPACE) - SPACE, _SHOWN)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the pictures, or empty places."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        tokens = tokens_for(self.palette())
        waiting = self._wish != self._answered
        for place in range(COUNT):
            area = QRect(place * (_SHOWN + SPACE), 0, _SHOWN, _SHOWN)
            path = QPainterPath()
            path.addRoundedRect(QRectF(area), _RADIUS, _RADIUS)
            painter.setClipPath(path)
            painter.fillRect(area, tokens.track)
            if place < len(self.pictures):
                painter.setOpacity(0.5 if waiting else 1.0)
                painter.drawPixmap(area, self.pictures[place])
                painter.setOpacity(1.0)
        painter.setClipping(False)
        if not self.pictures:
            painter.setPen(tokens.muted)
            text = self.tr("Drawing samples…") if self._wish is not None else self.tr("No image to show")
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)
        painter.end()

    def _ask(self) -> None:
        if self._wish is None or self._wish == self._answered:
            return
        if self._handle is not None and not self._handle.state.ended:
            # Disconnected first: what it still says cannot land here.
            self._handle.ended.disconnect(self._on_ended)
            self._handle.stop()
        self._handle = self._scoring.submit(self._wish, self.tr("Augmented samples"))
        self._handle.ended.connect(self._on_ended)
        self.update()

    def _on_ended(self, outcome: Outcome) -> None:
        job = self._handle.job if self._handle is not None else None
        self._handle = None
        if outcome.state is JobState.FAILED:
            self.failed.emit(outcome.message)
        if isinstance(outcome.result, Pictures) and isinstance(job, PreviewAugmentation):
            self._answered = job
            png = outcome.result.png
            self._decoding.ask(lambda: [QImage.fromData(content) for content in png])

    def _show(self, images: list[QImage]) -> None:
        self.pictures = [QPixmap.fromImage(image) for image in images if not image.isNull()]
        self.update()
        self.shown.emit()

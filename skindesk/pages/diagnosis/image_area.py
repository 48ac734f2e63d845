"""The left of the diagnosis page: the image that is looked at, and all images in a strip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from skindesk.choice_words import deciding_figures, short_figures
from skindesk.flag_words import flag_caption, flag_title
from skindesk.models.diagnosis.case import ImageState
from skindesk.pages.diagnosis import words
from skindesk.pages.diagnosis.canvas_tools import CanvasTools
from skindesk.pages.diagnosis.evidence.bar import EvidenceBar
from skindesk.widgets.basics import ElidedLabel, EmptyState, muted
from skindesk.widgets.canvas.image_canvas import ImageCanvas
from skindesk.widgets.canvas.image_strip import ImageStrip, StripTile
from skindesk.widgets.quantities import images_counted
from skindesk.widgets.theme import SPACE, class_label, set_role, tokens_for
from trainer.palette import class_colour

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from skindesk.models.diagnosis.bundle import BundleFacts
    from skindesk.models.diagnosis.case import CaseImage
    from skindesk.models.diagnosis.diagnosis import DiagnosisModel
    from skindesk.models.diagnosis.evidence import EvidenceModel
    from skindesk.models.diagnosis.framing import Framing
    from skindesk.models.pictures import PictureLoader
    from skindesk.pages.diagnosis.actions import Actions

_LOW = 440  # pixels below which the tiles of the strip are small, so that the large view keeps its room
_PENDING = {ImageState.WAITING, ImageState.ASKED}


class _Invitation(EmptyState):
    """Says what can be dropped, within dashes as every place to drop something has."""

    hovered = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the sentence the height that it takes at its width."""
        super().resizeEvent(event)
        sentence = self.explanation
        width = min(sentence.maximumWidth(), self.contentsRect().width() - 4 * SPACE)
        sentence.setMinimumHeight(sentence.heightForWidth(width))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the dashes."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = tokens_for(self.palette())
        pen = QPen(tokens.accent if self.hovered else tokens.border, 1.5)
        pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        if self.hovered:
            painter.setBrush(tokens.accent_soft)
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), SPACE, SPACE)
        painter.end()


class ImageArea(QWidget):
    """Shows the images of the model, and tells it what is done to them.

    Signals:
        open_asked, paste_asked: images are to be chosen, or taken from the clipboard.
        dropped(list[Path]): files or folders.
        picture_changed: another picture is shown, or none.
    """

    open_asked = Signal()
    paste_asked = Signal()
    dropped = Signal(object)
    picture_changed = Signal()

    def __init__(
        self,
        model: DiagnosisModel,
        evidence: EvidenceModel,
        loader: PictureLoader,
        actions: Actions,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._model, self._loader = model, loader
        self._facts: BundleFacts | None = None
        self.canvas = ImageCanvas()
        self.tools = CanvasTools(self.canvas, actions)
        self.evidence = EvidenceBar(evidence)
        self.evidence.painted_changed.connect(lambda: self.canvas.set_evidence(self.evidence.paint))
        self.strip = ImageStrip()
        self._stack = QStackedWidget()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        self._empty = _Invitation(
            "diagnosis",
            self.tr("Drop an image here"),
            self.tr(
                "One or more images of a lesion, or a folder of images. You can also open files, or paste an image."
            ),
            (
                (self.tr("Open images…"), self.open_asked.emit, True),
                (self.tr("Paste"), self.paste_asked.emit, False),
            ),
        )
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._view())
        layout.addWidget(self._stack, 1)
        self.canvas.framing_changed.connect(self._framed)
        self.canvas.step_asked.connect(model.step)
        self.strip.selected.connect(model.select)
        self.strip.open_asked.connect(self.open_asked)
        self.strip.dropped.connect(self.dropped)
        model.images_changed.connect(self._show_images)
        model.image_changed.connect(self._show_change)
        model.selected_changed.connect(self._show_selected)
        model.asking_changed.connect(self._show_progress)
        model.together_changed.connect(self._show_progress)
        loader.read.connect(self._picture_read)
        self._show_images()

    def _view(self) -> QWidget:
        view = QWidget()
        layout = self._rows = QVBoxLayout(view)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.tools)
        layout.addWidget(self.evidence)
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        self._count = ElidedLabel()
        set_role(self._count, "muted")
        self._progress = muted()
        self._stop = QPushButton(self.tr("Stop"))
        self._stop.setToolTip(self.tr("Leave out the images that have not been analysed yet"))
        self._stop.clicked.connect(self._model.stop)
        # The strip stays where it is when the button comes and goes.
        self._count.setMinimumHeight(self._stop.sizeHint().height())
        self.together = QCheckBox(self.tr("These images show one lesion"))
        self.together.setToolTip(self.tr("Also show one combined result for this lesion"))
        self.together.toggled.connect(self._model.set_together)
        row.addWidget(self._count, 1)
        row.addWidget(self._progress)
        row.addWidget(self._stop)
        row.addSpacing(SPACE)
        row.addWidget(self.together)
        layout.addLayout(row)
        layout.addWidget(self.strip)
        return view

    def show_facts(self, facts: BundleFacts | None) -> None:
        """Say which network is used; `None` for none."""
        self._facts = facts
        self.canvas.set_shape(facts.manifest.geometry.shape if facts is not None else None)
        self.evidence.show_facts(facts)
        self.tools.show_square(words.square_sentence(facts) if facts is not None else "")
        self._show_images()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the room to the large view where there is little."""
        super().resizeEvent(event)
        low = self.height() < _LOW
        self.strip.set_small(small=low)
        self._rows.setSpacing(SPACE // 2 if low else SPACE)

    def set_hovered(self, hovered: bool) -> None:
        """Show that what hovers over the page can be dropped."""
        self._empty.hovered = hovered
        self._empty.update()
        self.canvas.set_hovered(hovered)

    # --- the images --------------------------------------------------------------------------------------

    def _show_images(self) -> None:
        images = self._model.images
        self._stack.setCurrentIndex(1 if images else 0)
        self._loader.keep_only([image.path for image in images])
        for image in images:
            self._loader.want(image.path)
        selected = self._model.selected
        self.strip.show_tiles(
            [self._tile(image) for image in images], selected.number if selected is not None else None
        )
        self._show_progress()
        self._show_selected()

    def _show_change(self, number: int) -> None:
        image = self._model.image(number)
        if image is None:
            return
        self.strip.change_tile(self._tile(image))
        selected = self._model.selected
        if selected is not None and selected.number == number and self.canvas.framing != image.framing:
            self.canvas.set_framing(image.framing)
            self.tools.refresh()

    def _show_selected(self) -> None:
        image = self._model.selected
        if image is None:
            self.canvas.show_picture(None)
            self.tools.show_size(None)
            self.picture_changed.emit()
            return
        self.strip.set_current(image.number)
        picture = self._loader.picture(image.path)
        message = ""
        if picture is not None:
            self._model.set_size(image.number, (picture.width, picture.height))
        else:
            self._loader.want(image.path, first=True)
            message = self.tr("Reading {name}…").format(name=image.path.name)
            if self._sentence(image):
                message = f"{self._sentence(image)}\n\n{image.path.parent}"
        self.canvas.show_picture(picture, image.framing, message)
        self.canvas.setAccessibleName(self.tr("Image {name}").format(name=image.path.name))
        self.tools.show_size((picture.width, picture.height) if picture is not None else None)
        self.picture_changed.emit()

    def _picture_read(self, path: Path) -> None:
        picture = self._loader.picture(path)
        for image in self._model.images:
            if image.path != path:
                continue
            if picture is not None:
                self._model.set_size(image.number, (picture.width, picture.height))
            self._show_change(image.number)
            selected = self._model.selected
            if selected is not None and selected.number == image.number:
                self._show_selected()
            if picture is None:
                self._model.pass_over(image.number)
        if picture is None:
            self._show_progress()

    def _framed(self, framing: Framing) -> None:
        image = self._model.selected
        if image is not None:
            self._model.set_framing(image.number, framing)
        self.tools.refresh()

    def _sentence(self, image: CaseImage) -> str:
        error = image.prediction.error if image.prediction is not None else ""
        return words.about_file(error or self._loader.sentence(image.path), image.path)

    def _tile(self, image: CaseImage) -> StripTile:
        name, sentence, colour, hint = image.path.name, self._sentence(image), "", ""
        caption = {
            ImageState.WAITING: self.tr("Waiting"),
            ImageState.ASKED: self.tr("Analysing…"),
            ImageState.LEFT: self.tr("Not analysed"),
        }.get(image.state, name)
        pending = image.state in _PENDING and self._facts is not None
        if self._facts is None or sentence:
            caption = name
        elif image.prediction is not None and image.prediction.in_distribution is False:
            caption = flag_caption(image.prediction)
            hint = f"{name}: {flag_title(image.prediction)}"
        elif image.prediction is not None and image.state is ImageState.DONE:
            choice = self._facts.choice(image.prediction)
            predicted, figures = image.prediction.predicted, deciding_figures(choice)
            label = class_label(predicted, self._facts.manifest.malignant, full=False)
            caption = f"{label} {short_figures(choice)}"
            hint = f"{name}: {class_label(predicted, ())}: {figures}" if figures else ""
            colour = class_colour(predicted, self._facts.manifest.classes)
        return StripTile(
            number=image.number,
            caption=caption,
            hint=sentence or hint or (f"{name}: {caption}" if caption != name else name),
            picture=self._loader.thumbnail(image.path),
            framing=image.framing,
            colour=colour,
            sentence=sentence,
            busy=pending and not sentence,
        )

    def _answered(self, done: int, total: int) -> str:
        return self.tr("{done} of {total} analysed").format(done=f"{done:,}", total=f"{total:,}")

    def _show_progress(self) -> None:
        images = self._model.images
        broken = sum(bool(self._sentence(image)) for image in images)
        count = images_counted(len(images))
        if broken:
            count = self.tr("{images}, {n} cannot be read").format(images=count, n=broken)
        self._count.setText(count)
        pending, several = self._model.pending, len(images) > 1
        asking = pending > 0 and self._facts is not None and several and self._model.asking
        done = len(images) - pending
        self._progress.setText(self._answered(done, len(images)) if asking else "")
        self._progress.setVisible(asking)
        self._stop.setVisible(asking)
        self.together.setEnabled(len(self._model.readable()) > 1)
        if self.together.isChecked() != self._model.together:
            self.together.setChecked(self._model.together)

"""Where the network looked in the image that is shown: asked when it is wanted, and kept."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QObject, QPointF, Signal
from PySide6.QtGui import QImage, QPainterPath, QPolygonF

from skindesk.background import Question
from skindesk.engine.jobs import JobState
from skindesk.models.diagnosis.case import ImageState
from trainer.protocol.diagnosis import ExplainImage, ImageEvidence

if TYPE_CHECKING:
    from skindesk.engine.jobs import JobHandle, JobQueue, Outcome
    from skindesk.models.diagnosis.diagnosis import DiagnosisModel
    from trainer.images.evidence import EvidenceMap
    from trainer.images.framing import ImageView
    from trainer.predictions import Prediction

_KEPT = 256  # answers, some 20 kB each
_SIDE = 256  # pixels of a map that is drawn: its values are at most 20 to a side


@dataclass(frozen=True, eq=False)
class EvidenceLayer:
    """A map to be laid over the network's square.

    Attributes:
        colours: square, transparent where nothing speaks for the class.
        outlines: around where most does, in shares of the square.
    """

    colours: QImage
    outlines: QPainterPath


class _Question(NamedTuple):
    """What is asked; `number` tells an image from the same file as it was before."""

    number: int
    view: ImageView
    bundle: str
    bundle_hash: str
    class_name: str


class EvidenceModel(QObject):
    """The map of one class for the image that is looked at.

    Attributes:
        layer: to be shown; `None` where there is none, or not yet.
        class_name: that it is about, or will be; empty where no image is answered.
        busy: whether it is awaited.
        empty: whether nothing in the image speaks for the class.
        failure: why there is none, a sentence; empty where nothing is wrong.
        unreliable: whether no answer about the image is to be relied on: then only a class that was chosen has a map.

    Signals:
        changed: any of these.
    """

    changed = Signal()

    def __init__(self, queue: JobQueue, model: DiagnosisModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue, self._model = queue, model
        self._on = self._sharper = False
        self._chosen = self._predicted = ""
        self._asked: dict[_Question, JobHandle] = {}
        self._known: OrderedDict[_Question, ImageEvidence] = OrderedDict()
        self._current: tuple[_Question, bool] | None = None
        self._drawing: Question[EvidenceLayer] = Question(self._show, self._fail, self)
        self.layer: EvidenceLayer | None = None
        self.empty = self.unreliable = False
        self.failure = ""
        for signal in (model.images_changed, model.selected_changed, model.asking_changed):
            signal.connect(self._update)
        model.image_changed.connect(lambda _number: self._update())

    @property
    def class_name(self) -> str:
        """The class that was chosen, or else the predicted one."""
        return self._chosen or ("" if self.unreliable else self._predicted)

    @property
    def wanted(self) -> bool:
        """Whether a map of the image that is looked at is wanted, and can be had."""
        return self._current is not None

    @property
    def busy(self) -> bool:
        """Whether the map is awaited."""
        return self._current is not None and not (self.layer or self.empty or self.failure)

    def set_on(self, on: bool) -> None:
        """Say whether a map is wanted at all."""
        self._on = on
        self._update()

    def set_sharper(self, sharper: bool) -> None:
        """Say whether the sharper of both maps is wanted."""
        self._sharper = sharper
        self._update()

    def choose_class(self, class_name: str) -> None:
        """Say whose map is wanted; empty for that of the predicted class."""
        self._chosen = class_name
        self._update()

    def set_prediction(self, prediction: Prediction | None) -> None:
        """Say what is predicted; `None` for nothing."""
        predicted = prediction.predicted if prediction is not None else ""
        unreliable = prediction is not None and prediction.in_distribution is False
        if (predicted, unreliable) != (self._predicted, self.unreliable):
            self._predicted, self.unreliable = predicted, unreliable
            self._update()
            self.changed.emit()

    def _question(self) -> _Question | None:
        image, answer, bundle = self._model.selected, self._model.answer, self._model.bundle
        if not self._on or image is None or image.state is not ImageState.DONE:
            return None
        if answer is None or bundle is None or not self.class_name:
            return None
        return _Question(image.number, image.view(), str(bundle), answer.bundle_hash, self.class_name)

    def _update(self) -> None:
        """Show, or ask for, what is wanted now; questions that have not begun and are not wanted are dropped."""
        question = self._question()
        current = None if question is None else (question, self._sharper)
        if current == self._current:
            return
        self._current = current
        self._drawing.forget()
        self.layer, self.empty, self.failure = None, False, ""
        for other, handle in tuple(self._asked.items()):
            if other != question:
                self._queue.remove(handle)
        if question is not None:
            self._answer(question)
        self.changed.emit()

    def _answer(self, question: _Question) -> None:
        if question in self._known:
            self._known.move_to_end(question)
            self._draw(self._known[question])
        elif question not in self._asked:
            self._ask(question)

    def _ask(self, question: _Question) -> None:
        job = ExplainImage(
            bundle=question.bundle,
            bundle_hash=question.bundle_hash,
            image=question.view,
            class_name=question.class_name,
        )
        handle = self._queue.submit(job, self.tr("Finding where the network looked"))
        self._asked[question] = handle
        handle.ended.connect(partial(self._answered, question))

    def _answered(self, question: _Question, outcome: Outcome) -> None:
        self._asked.pop(question, None)
        wanted = self._current is not None and self._current[0] == question
        if isinstance(outcome.result, ImageEvidence):
            self._known[question] = outcome.result
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
            if wanted:
                self._draw(outcome.result)
        elif wanted and outcome.state is JobState.CANCELLED:
            self._current = None  # it was dropped and is wanted again, or will be when asked for anew
        elif wanted:
            self.failure = outcome.message
        if wanted:
            self.changed.emit()

    def _draw(self, evidence: ImageEvidence) -> None:
        map_ = evidence.hires_cam if self._sharper else evidence.grad_cam
        self.empty = map_.empty
        if not map_.empty:
            self._drawing.ask(partial(draw_layer, map_))

    def _show(self, layer: EvidenceLayer) -> None:
        self.layer = layer
        self.changed.emit()

    def _fail(self, sentence: str) -> None:
        self.failure = sentence
        self.changed.emit()


def draw_layer(evidence: EvidenceMap) -> EvidenceLayer:
    """Draw a map that is not empty; for a worker."""
    from trainer.images.evidence import fine_map, heat_colours, outlines

    colours = heat_colours(fine_map(evidence, _SIDE), 1.0)
    path = QPainterPath()
    for line in outlines(evidence, _SIDE):
        path.addPolygon(QPolygonF([QPointF(x, y) for x, y in line.tolist()]))
        path.closeSubpath()
    image = QImage(colours.tobytes(), _SIDE, _SIDE, 4 * _SIDE, QImage.Format.Format_RGBA8888)
    return EvidenceLayer(image.copy(), path)

"""The row below the image that chooses what map of evidence is laid over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QSlider, QWidget

from skindesk.widgets.basics import muted
from skindesk.widgets.canvas.painting import EvidencePaint
from skindesk.widgets.theme import SPACE, class_label
from skindesk.widgets.wheel import wheel_needs_focus
from trainer.wording import percent

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from skindesk.models.diagnosis.bundle import BundleFacts
    from skindesk.models.diagnosis.evidence import EvidenceModel

_OPACITY = 60  # percent, until another is chosen
_LEAST_OPACITY = 10  # percent; less cannot be seen
_SHORTEST_CLASS = 6  # letters of the class that the chooser always shows
_WIDEST_CLASS = 32 * SPACE  # pixels
_SLIDER_WIDTH, _LEAST_SLIDER = 12 * SPACE, 5 * SPACE


class EvidenceBar(QWidget):
    """Chooses whether and how a map is shown, and of which class.

    Attributes:
        mode: off, overlay or outline.
        classes: the predicted class, and all classes of the network.

    Signals:
        painted_changed: something else is to be painted; see `paint`.
    """

    painted_changed = Signal()

    def __init__(self, evidence: EvidenceModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._evidence = evidence
        self._networks = 0  # of an ensemble
        self._title = muted(self.tr("Where the network looked"))
        self.mode = wheel_needs_focus(QComboBox())
        for key, words in (
            ("off", self.tr("Not shown")),
            ("overlay", self.tr("Overlay")),
            ("outline", self.tr("Outline")),
        ):
            self.mode.addItem(words, key)
        self.mode.setAccessibleName(self.tr("Where the network looked"))
        self.mode.setToolTip(self.tr("Show where the network looked (Ctrl+M)"))
        self.mode.currentIndexChanged.connect(lambda _index: self._mode_chosen())
        self.classes = wheel_needs_focus(QComboBox())
        self.classes.setAccessibleName(self.tr("Class whose map is shown"))
        self.classes.setToolTip(self.tr("Show where the network looked for this class"))
        self.classes.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.classes.setMinimumContentsLength(_SHORTEST_CLASS)
        self.classes.setMaximumWidth(_WIDEST_CLASS)
        self.classes.activated.connect(self._class_chosen)
        self.sharper = QCheckBox(self.tr("Sharper"))
        self.sharper.setToolTip(
            self.tr(
                "HiResCAM on maps twice as fine, instead of Grad-CAM on the last ones: sharper, but less steady"
            )
        )
        self.sharper.toggled.connect(evidence.set_sharper)
        self.opacity = wheel_needs_focus(QSlider(Qt.Orientation.Horizontal))
        self.opacity.setRange(_LEAST_OPACITY, 100)
        self.opacity.setPageStep(10)
        self.opacity.setValue(_OPACITY)
        self.opacity.setMinimumWidth(_LEAST_SLIDER)
        self.opacity.setMaximumWidth(_SLIDER_WIDTH)
        self.opacity.setAccessibleName(self.tr("Opacity of the map"))
        self.opacity.valueChanged.connect(self._opacity_changed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE)
        row.addWidget(self._title)
        row.addWidget(self.mode)
        row.addWidget(self.classes, 3)
        row.addWidget(self.sharper)
        row.addWidget(self.opacity, 2)
        row.addStretch(0)
        self._opacity_changed()
        evidence.changed.connect(self._show)
        self._show()

    @property
    def paint(self) -> EvidencePaint | None:
        """What is to be painted over the image; `None` for nothing."""
        if not self._on or not (self._evidence.wanted or self._evidence.unreliable):
            return None
        outlined = self.mode.currentData() == "outline"
        captions = (self._words(full=True), self._words(full=False))
        return EvidencePaint(self._evidence.layer, self.opacity.value() / 100, outlined, *captions)

    def show_facts(self, facts: BundleFacts | None) -> None:
        """Offer the classes of a network; one that was chosen stays chosen where the network has it."""
        chosen = self.classes.currentData() or ""
        self.classes.clear()
        self.classes.addItem(self.tr("Predicted class"), "")
        if facts is not None:
            for name in facts.manifest.classes:
                self.classes.addItem(class_label(name, facts.manifest.malignant), name)
        self.classes.setCurrentIndex(max(0, self.classes.findData(chosen)))
        self._class_chosen()
        self._networks = 0 if facts is None else len(facts.manifest.members)
        self.setVisible(facts is not None)

    def step(self) -> None:
        """Change to the next of not shown, overlay and outline."""
        self.mode.setCurrentIndex((self.mode.currentIndex() + 1) % self.mode.count())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say what this is where there is room for it."""
        super().resizeEvent(event)
        self._show_title()

    @property
    def _on(self) -> bool:
        return self.mode.currentIndex() > 0

    def _mode_chosen(self) -> None:
        self._evidence.set_on(self._on)
        self._show()

    def _class_chosen(self) -> None:
        self._evidence.choose_class(self.classes.currentData() or "")

    def _opacity_changed(self) -> None:
        share = percent(self.opacity.value() / 100, 0)
        self.opacity.setToolTip(self.tr("Opacity of the map: {share}").format(share=share))
        self.painted_changed.emit()

    def _show(self) -> None:
        for part in (self.classes, self.sharper):
            part.setVisible(self._on)
        self.opacity.setVisible(self.mode.currentData() == "overlay")
        self._show_title()
        self.painted_changed.emit()

    def _show_title(self) -> None:
        parts = (self._title, self.mode, *((self.classes, self.sharper, self.opacity) if self._on else ()))
        self._title.setVisible(sum(part.sizeHint().width() + SPACE for part in parts) <= self.width())

    def _words(self, *, full: bool) -> str:
        evidence = self._evidence
        name = class_label(evidence.class_name, (), full=full)
        if not name:
            return self.tr("The result is not to be relied on: choose a class to see its map")
        if evidence.failure:
            return evidence.failure
        if evidence.busy:
            return self.tr("{name}: looking…").format(name=name)
        if evidence.empty:
            return self.tr("{name}: no part of the image raised the network's score").format(name=name)
        if self._networks:
            return self.tr(
                "{name}: shows where the first of {n} networks looked, not why; it proves nothing"
            ).format(name=name, n=self._networks)
        return self.tr("{name}: shows where the network looked, not why; it proves nothing").format(name=name)

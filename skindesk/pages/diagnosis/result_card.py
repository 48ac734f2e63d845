"""What the network says: predicted class, probabilities, malignant classes together, and what all that rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from skindesk.choice_words import deciding_figures
from skindesk.flag_words import flag_title, reasons
from skindesk.models.diagnosis.case import ImageState
from skindesk.pages.diagnosis import words
from skindesk.verdict_words import spread_line
from skindesk.widgets.basics import Card, SegmentedRow, muted
from skindesk.widgets.fold import FoldButton
from skindesk.widgets.notice import Notice
from skindesk.widgets.plots.probability_bars import ProbabilityBars, ProbabilityRow, ShareBar
from skindesk.widgets.theme import SPACE, class_label, emphasised, set_role
from skindesk.widgets.verdict import Headline, PredictionSet
from trainer.dataset.drawn import NETWORK_WARNING
from trainer.palette import class_colour
from trainer.wording import percent

if TYPE_CHECKING:
    from skindesk.models.diagnosis.bundle import BundleFacts
    from skindesk.models.diagnosis.diagnosis import DiagnosisModel
    from trainer.dataset.classes.malignancy import Malignancy
    from trainer.predictions import Prediction

_UNKNOWN = "–"


@dataclass(frozen=True)
class Shown:
    """What is to be shown.

    Attributes:
        facts: of the bundle; `None` while there is none.
        prediction: the answer; `None` while there is none.
        images: how many images it is about; 0 without any.
        choice: `together` or `image` where a person can choose between both; empty where not.
        note: why there is no answer (yet), a sentence.
        action: words on a button that changes that; empty for none.
    """

    facts: BundleFacts | None = None
    prediction: Prediction | None = None
    images: int = 0
    choice: str = ""
    note: str = ""
    action: str = ""


class ResultCard(Card):
    """The result of one image, or of several together.

    Signals:
        choice_changed(str): `together` or `image` is wanted.
        acted: the button beside the note was pressed.
    """

    choice_changed = Signal(str)
    acted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Probability of each class"), parent)
        self._shown = Shown()
        self._order_shown: tuple[str, ...] = ()
        self._sort = QPushButton(self.tr("Sorted"))
        self._sort.setCheckable(True)
        self._sort.setChecked(True)
        set_role(self._sort, "segment")
        self._sort.setProperty("place", "only")
        self._sort.setStyleSheet("QPushButton { padding: 1px 10px; min-height: 18px; }")
        # Room for the bold text of the style sheet, which the size hint does not know.
        bold = QFontMetrics(emphasised(self._sort.font()))
        self._sort.setMinimumWidth(bold.horizontalAdvance(self._sort.text()) + 4 * SPACE)
        self._sort.setToolTip(
            self.tr("Sorted: the most probable class first. Otherwise the order of the classes is fixed.")
        )
        self._sort.toggled.connect(self._show_rows)
        self.header.addWidget(self._sort)
        self.choice = SegmentedRow((("together", self.tr("Together")), ("image", self.tr("This image"))))
        self.choice.setToolTip(self.tr("The combined result of all images, or that of the selected one"))
        self.choice.chosen.connect(self.choice_changed)
        self.body.addWidget(self.choice)
        self.body.addWidget(self._flag())
        self.headline = Headline()
        self.body.addWidget(self.headline)
        self.body.addLayout(self._verdict())
        self.figures = QLabel()
        self.figures.setWordWrap(True)
        self.figures.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.figures.setAccessibleName(self.tr("Why this class is predicted"))
        self.body.addWidget(self.figures)
        self.bars = ProbabilityBars()
        self.body.addSpacing(SPACE // 2)
        self.body.addWidget(self.bars)
        self.spread = _readable()
        self.spread.setAccessibleName(self.tr("How far apart the networks are"))
        self.body.addWidget(self.spread)
        self.prediction_set = PredictionSet()
        self.body.addWidget(self.prediction_set)
        self.body.addLayout(self._note_row())
        self._malignant = self._malignant_part()
        self.body.addWidget(self._malignant)
        self._none_malignant = _readable()
        self._none_malignant.setText(self.tr("No class of this network is marked malignant."))
        self.body.addWidget(self._none_malignant)
        self._quality, self._basis = _readable(), _readable()
        self._warnings = Notice()
        for part in (self._warnings, self._quality, self._basis):
            self.body.addWidget(part)
        self._fold = FoldButton(self.tr("How to read this"), self.tr("What the figures mean"))
        self._explanation = _readable()
        self._fold.toggled.connect(self._explanation.setVisible)
        self.body.addWidget(self._fold, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self._explanation)
        self.show_result(Shown())

    def _verdict(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        self._predicted_title = muted(self.tr("Predicted"))
        self.predicted = QLabel()
        set_role(self.predicted, "figure")
        self.predicted.setWordWrap(True)
        self.predicted.setAccessibleName(self.tr("Predicted class"))
        self.demo = QLabel(self.tr("Demo"))
        self.demo.setToolTip(NETWORK_WARNING)
        set_role(self.demo, "alert")
        row.addWidget(self._predicted_title, 0, Qt.AlignmentFlag.AlignBaseline)
        row.addWidget(self.predicted, 1, Qt.AlignmentFlag.AlignBaseline)
        row.addWidget(self.demo, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _flag(self) -> QWidget:
        """Return what leads where the answer must not be relied on; the probabilities are folded away below it."""
        self.flag = QWidget()
        set_role(self.flag, "plain")
        layout = QVBoxLayout(self.flag)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        self.flag_title = QLabel()
        self.flag_title.setWordWrap(True)
        set_role(self.flag_title, "flag")
        self.flag_reasons = QLabel()
        self.flag_reasons.setWordWrap(True)
        self.flag_reasons.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.reveal = FoldButton(
            self.tr("Show the probabilities"), self.tr("They are not to be relied on for this image")
        )
        self.reveal.toggled.connect(lambda _unfolded: self.show_result(self._shown))
        layout.addWidget(self.flag_title)
        layout.addWidget(self.flag_reasons)
        layout.addWidget(self.reveal, 0, Qt.AlignmentFlag.AlignLeft)
        return self.flag

    def _note_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        self._note = muted(wrap=True)
        self._act = QPushButton()
        self._act.clicked.connect(self.acted)
        row.addWidget(self._note, 1)
        row.addWidget(self._act)
        return row

    def _malignant_part(self) -> QWidget:
        part = QWidget()
        set_role(part, "plain")
        layout = QVBoxLayout(part)
        layout.setContentsMargins(0, SPACE, 0, 0)
        layout.setSpacing(SPACE)
        row = QHBoxLayout()
        title = QLabel(self.tr("Malignant classes (▲) together"))
        set_role(title, "heading")
        self.malignant = QLabel()
        set_role(self.malignant, "heading")
        self.malignant.setAccessibleName(self.tr("Probability of all malignant classes together"))
        row.addWidget(title)
        row.addStretch(1)
        row.addWidget(self.malignant)
        layout.addLayout(row)
        self._malignant_bar = ShareBar()
        self._malignant_bar.setAccessibleName(self.tr("Malignant classes together"))
        layout.addWidget(self._malignant_bar)
        return part

    # --- showing -----------------------------------------------------------------------------------------

    @property
    def shown(self) -> Shown:
        """What is shown."""
        return self._shown

    def show_result(self, shown: Shown) -> None:
        """Show a result, or why there is none."""
        if shown.prediction is not self._shown.prediction:
            self.reveal.setChecked(False)
        self._shown = shown
        facts, prediction = shown.facts, shown.prediction
        flagged = prediction is not None and prediction.in_distribution is False
        answered = facts is not None and prediction is not None and bool(prediction.probabilities)
        # What an answer will fill stays where it is while it is awaited.
        awaited = facts is not None and (answered or shown.images > 0)
        self.flag.setVisible(flagged)
        told = awaited and (not flagged or self.reveal.isChecked())
        self.setVisible(facts is not None or bool(shown.note))
        self.choice.setVisible(bool(shown.choice))
        self.choice.choose(shown.choice)
        self._note.setText(shown.note)
        self._note.setVisible(bool(shown.note))
        self._act.setText(shown.action)
        self._act.setVisible(bool(shown.action))
        for part in (self.bars, self._sort, self._predicted_title, self.predicted, self._basis):
            part.setVisible(told)
        marked = facts is not None and bool(facts.manifest.malignant)
        self._malignant.setVisible(told and marked)
        self._none_malignant.setVisible(told and not marked)
        self.demo.setVisible(awaited and facts is not None and facts.summary.drawn)
        self._fold.setVisible(facts is not None)
        self._explanation.setVisible(facts is not None and self._fold.isChecked())
        if facts is not None:
            self._basis.setText(words.rests_on(facts, max(shown.images, 1)))
            self._explanation.setText(words.explanation(facts))
        self._show_rows()
        if facts is not None and prediction is not None and answered:
            self._show_answer(facts, prediction, told=told)
        else:
            self._show_no_answer()

    def _show_answer(self, facts: BundleFacts, prediction: Prediction, *, told: bool) -> None:
        self.headline.show_point(prediction.operating_point if told else None)
        self.prediction_set.show_set(None if prediction.in_distribution is False else prediction)
        self.spread.setText(spread_line(prediction, len(facts.manifest.members)))
        self.spread.setVisible(told and bool(self.spread.text()))
        label = class_label(prediction.predicted, facts.manifest.malignant)
        figures = deciding_figures(facts.choice(prediction))
        share = percent(prediction.probabilities[prediction.predicted])
        self.predicted.setText(label if figures else f"{label}  {share}")
        self.figures.setText(figures)
        self.figures.setVisible(told and bool(figures))
        if (malignant := prediction.malignant_probability) is not None:
            self.malignant.setText(percent(malignant))
            self._malignant_bar.set_value(malignant)
        warnings = "\n".join(reasons(prediction))
        if prediction.in_distribution is False:
            self.flag_title.setText(flag_title(prediction))
            self.flag_reasons.setText(warnings)
            self._warnings.clear()
        elif warnings:
            self._warnings.show_note(warnings)
        else:
            self._warnings.clear()
        self._quality.setText(words.test_sentences(facts, prediction.predicted))
        self._quality.setVisible(told)

    def _show_no_answer(self) -> None:
        self.headline.show_point(None)
        self.prediction_set.show_set(None)
        self.spread.hide()
        self.predicted.setText(_UNKNOWN)
        self.malignant.setText(_UNKNOWN)
        self._malignant_bar.set_value(0.0)
        self.figures.hide()
        self._warnings.clear()
        self._quality.hide()

    def _show_rows(self) -> None:
        facts, prediction = self._shown.facts, self._shown.prediction
        if facts is None:
            self.bars.set_rows(())
            return
        malignant = facts.manifest.malignant
        shares = prediction.probabilities if prediction is not None else {}
        self.bars.set_rows(
            [
                ProbabilityRow(
                    label=class_label(name, malignant),
                    value=shares.get(name),
                    colour=class_colour(name, facts.manifest.classes),
                    chosen=prediction is not None and name == prediction.predicted,
                    note=self._note_of(name, facts.manifest.marks.of(name), shares.get(name)),
                )
                for name in self._ordered(facts.manifest.classes, shares)
            ]
        )

    def _ordered(self, classes: tuple[str, ...], shares: dict[str, float]) -> tuple[str, ...]:
        """Return the classes in the order they are shown; while an answer is awaited they keep their places."""
        if not self._sort.isChecked():
            return classes
        if shares:
            self._order_shown = tuple(sorted(classes, key=lambda name: -shares[name]))
        elif set(self._order_shown) != set(classes):
            self._order_shown = classes
        return self._order_shown

    def _note_of(self, name: str, malignancy: Malignancy, share: float | None) -> str:
        kind = {
            "malignant": self.tr("malignant or precancerous"),
            "benign": self.tr("benign"),
            "not stated": self.tr("not stated whether malignant or benign"),
        }[malignancy]
        figure = percent(share) if share is not None else _UNKNOWN
        return f"{class_label(name, ())} ({name}), {kind}: {figure}"


def _readable() -> QLabel:
    label = muted(wrap=True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def shown_of(model: DiagnosisModel, facts: BundleFacts | None, choice: str) -> Shown:
    """Return what the card is to show.

    Args:
        model: with images and answers.
        facts: of the network in use.
        choice: as in `Shown`.
    """
    image = model.selected
    if facts is None or image is None:
        return Shown()
    if choice == "together":
        return _together(model, facts)
    tr = words.tr
    if image.state is ImageState.DONE:
        return Shown(facts, image.prediction, 1, choice)
    if image.state is ImageState.ERROR and image.prediction is not None:
        sentence = words.about_file(image.prediction.error, image.path)
        return Shown(facts, None, 0, choice, sentence, tr("Read it again"))
    if image.state is ImageState.LEFT:
        return Shown(facts, None, 1, choice, tr("This image was not analysed."), tr("Analyse"))
    return Shown(facts, None, 1, choice, tr("Analysing…"))


def _together(model: DiagnosisModel, facts: BundleFacts) -> Shown:
    prediction, count = model.together_prediction, len(model.readable())
    if prediction is None and model.failure is not None:
        note = words.tr("There is no combined result.")
        return Shown(facts, None, count, "together", note, words.tr("Analyse"))
    note = words.tr("Analysing…") if prediction is None else ""
    return Shown(facts, prediction, count, "together", note)

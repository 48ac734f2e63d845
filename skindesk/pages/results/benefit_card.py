"""What an operating point is worth at a prevalence that the user enters: predictive values and the decision curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDoubleSpinBox, QWidget

from skindesk.pages.results import operating_words as words
from skindesk.widgets.basics import Card, muted
from skindesk.widgets.plots.share_plot import ShareLine, SharePlot
from skindesk.widgets.theme import SPACE
from skindesk.widgets.wheel import wheel_needs_focus
from trainer.metrics.benefit import LARGEST_THRESHOLD, decision_curve, predictive_values
from trainer.wording import NO_BREAK

if TYPE_CHECKING:
    from skindesk.models.runs.operating import TargetBasis
    from trainer.metrics.benefit import PredictiveValues
    from trainer.metrics.operating import Consequences, OperatingPoint

_LOWEST, _HIGHEST = 0.1, 99.0  # percent
_PER = 1000.0  # lesions
_BELOW = 0.25  # of the height above 0: examining everything soon costs more than that
_NETWORK_COLOUR = "#C77C02"


class BenefitCard(Card):
    """The decision curve of a target, and the prevalence that it assumes.

    Signals:
        changed: another prevalence was entered.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.heading.setText(self.tr("Decision curve"))
        self.heading.show()
        self._target: TargetBasis | None = None
        self.header.addWidget(muted(self.tr("Prevalence")))
        self.prevalence = wheel_needs_focus(QDoubleSpinBox())
        self.prevalence.setRange(_LOWEST, _HIGHEST)
        self.prevalence.setDecimals(1)
        self.prevalence.setMinimumWidth(12 * SPACE)
        self.prevalence.setSuffix(f"{NO_BREAK}%")
        self.prevalence.setAccessibleName(self.tr("Prevalence where the network is used"))
        self.prevalence.valueChanged.connect(lambda _value: self.changed.emit())
        self.header.addWidget(self.prevalence)
        self.plot = SharePlot(
            self.tr("Decision curve"),
            self.tr("probability at which you would examine a lesion"),
            self.tr("net true positives per 1,000 lesions"),
            y_share=False,
        )
        self.plot.setToolTip(
            self.tr(
                "Net benefit (Vickers and Elkin 2006): lesions found, less a weight for each unnecessary examination. At "
                "10 %, nine unnecessary examinations weigh as much as one lesion found."
            )
        )
        self.body.addWidget(self.plot, 1)
        self.sentence = muted(wrap=True)
        self.body.addWidget(self.sentence)

    @property
    def share(self) -> float:
        """The prevalence, 0 to 1."""
        return self.prevalence.value() / 100.0

    def show_target(self, target: TargetBasis) -> None:
        """Take another target, and the prevalence among the training images."""
        self._target = target
        self.prevalence.blockSignals(True)
        self.prevalence.setValue(100.0 * target.assumed)
        self.prevalence.blockSignals(False)
        self.prevalence.setToolTip(words.about_prevalence(target.assumed))

    def show_point(self, point: OperatingPoint | None, found: Consequences | None) -> PredictiveValues | None:
        """Show what a point is worth; return what a flag of it says at the prevalence."""
        target = self._target
        if target is None:
            return None
        threshold = point.threshold if point is not None else 1.0
        curve = decision_curve(
            target.lesions, threshold, prevalence=self.share, assumed=target.assumed or self.share
        )
        values = predictive_values(found, self.share) if found is not None else None
        sentences = [words.at_prevalence(target.target.name, values)] if values is not None else []
        self.sentence.setText(" ".join([*sentences, words.about_prevalence(target.assumed)]))
        if curve is None:
            self.plot.show_lines([])
            return values
        x = curve.threshold
        lines = [
            ShareLine(self.tr("any threshold"), x, _PER * curve.network, _NETWORK_COLOUR),
            ShareLine(self.tr("examine every lesion"), x, _PER * curve.everything, "muted", "dashed"),
            ShareLine(self.tr("examine none"), x, 0.0 * x, "muted"),
        ]
        if point is not None:
            lines.insert(0, ShareLine(self.tr("this operating point"), x, _PER * curve.point))
        top = _PER * self.share
        self.plot.show_lines(lines, x_range=(0.0, LARGEST_THRESHOLD), y_range=(-_BELOW * top, top))
        return values

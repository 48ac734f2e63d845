"""How the prediction sets of a network do on a part that was scored, by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skindesk.widgets.basics import Card, muted
from skindesk.widgets.fact_table import Fact, Facts, FactTable
from skindesk.widgets.theme import class_label
from trainer.palette import class_colour
from trainer.wording import NOTHING, all_but_one_of, chosen_percent, ends, percent

if TYPE_CHECKING:
    from collections.abc import Collection

    from PySide6.QtWidgets import QWidget

    from trainer.metrics.conformal import SetFigures, SetsOfClass
    from trainer.metrics.counts import Count


class SetsCard(Card):
    """Coverage, size and share of informative sets."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Prediction sets"), parent)
        self._basis = muted()
        self.header.addWidget(self._basis)
        self.table = FactTable(self.tr("Prediction sets by class"))
        self.body.addWidget(self.table)
        self._note = muted(wrap=True)
        self.body.addWidget(self._note)

    def show_figures(
        self, figures: SetFigures, part: str, classes: tuple[str, ...], malignant: Collection[str]
    ) -> None:
        """Show how sets do.

        Args:
            figures: measured on a part.
            part: what it is called.
            classes: in the network's order.
            malignant: those that are marked.
        """
        self._basis.setText(self.tr("{part}; 95 % intervals in brackets").format(part=part))
        rows = [Fact(self.tr("All"), _cells(figures.overall), strong=True)]
        rows += [
            Fact(
                class_label(name, malignant),
                _cells(figures.per_class[name]),
                colour=class_colour(name, classes),
            )
            for name in classes
            if name in figures.per_class
        ]
        self.table.show_facts(
            Facts(
                (
                    self.tr("Class"),
                    self.tr("Images"),
                    self.tr("Class in the set"),
                    self.tr("Classes in a set"),
                    self.tr("Exactly one"),
                ),
                tuple(rows),
                hints=(
                    self.tr("▲ marks malignant classes"),
                    self.tr("Images of the class"),
                    self.tr("Share of the images whose set contains their class; {wanted} is wanted").format(
                        wanted=chosen_percent(figures.coverage)
                    ),
                    self.tr("Mean number of classes in a set"),
                    self.tr("Share of the sets with exactly one class beside those that are in every set"),
                ),
            )
        )
        self._note.setText(self._sentence(figures))

    def _sentence(self, figures: SetFigures) -> str:
        sentence = self.tr("Sets are to contain the true class in {times} images of each class.").format(
            times=all_but_one_of(figures.coverage)
        )
        if not figures.always:
            return sentence
        names = ", ".join(
            f"{class_label(name, ())} ({figures.calibration_lesions[name]:,})" for name in figures.always
        )
        always = self.tr("In every set, because of too few calibration lesions: {names}.").format(names=names)
        return f"{sentence} {always}"


def _cells(row: SetsOfClass) -> tuple[str, ...]:
    size = NOTHING if row.size is None else f"{row.size:.1f}"
    return f"{row.covered.of:,}", _share(row.covered), size, _share(row.informative)


def _share(count: Count) -> str:
    if count.interval is None:
        return percent(count.share)
    return f"{percent(count.share)} ({ends(count.interval.low, count.interval.high)})"

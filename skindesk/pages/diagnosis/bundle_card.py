"""Which network is used, and how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from skindesk.pages.diagnosis import words
from skindesk.widgets.basics import Card, muted, primary_button
from skindesk.widgets.notice import Notice
from skindesk.widgets.theme import SPACE, set_role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skindesk.models.diagnosis.bundle import BundleFacts
    from trainer.runs.summary import RunSummary

_SHORTEST_NAME = 12  # letters of a run's name that the chooser always shows


class BundleCard(Card):
    """Chooses the bundle.

    Signals:
        chosen(Path): a person has chosen another bundle.
        train_asked, import_asked: there is none, and one is to be had.
    """

    chosen = Signal(object)
    train_asked = Signal()
    import_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Network"), parent)
        self.status = muted()
        self.header.addWidget(self.status)
        self.combo = QComboBox()
        self.combo.setAccessibleName(self.tr("Network to use"))
        self.combo.setToolTip(self.tr("Choose the network to use"))
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(_SHORTEST_NAME)
        self.combo.activated.connect(self._activated)
        self.body.addWidget(self.combo)
        self._line = muted(wrap=True)
        self._score = muted(wrap=True)
        self.body.addWidget(self._line)
        self.body.addWidget(self._score)
        self.problem = Notice()
        self.body.addWidget(self.problem)
        self._nothing = muted(
            self.tr("There is no trained network yet. Train one, or import a bundle that someone gave you."),
            wrap=True,
        )
        self.body.addWidget(self._nothing)
        self._ways = QWidget()
        set_role(self._ways, "plain")
        row = QHBoxLayout(self._ways)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE)
        row.addWidget(primary_button(self.tr("Train a network"), self.train_asked.emit))
        bring = QPushButton(self.tr("Import a bundle"))
        bring.setToolTip(self.tr("The page Results imports bundles"))
        bring.clicked.connect(self.import_asked)
        row.addWidget(bring)
        row.addStretch(1)
        self.body.addWidget(self._ways)
        self.show_bundles((), None)
        self.show_facts(None)

    def show_bundles(self, bundles: Sequence[RunSummary], current: Path | None, name: str = "") -> None:
        """Offer bundles.

        Args:
            bundles: those known, each with a bundle.
            current: the one in use; it is offered even if it is not among them.
            name: of that one, if it is not among them.
        """
        self.combo.clear()
        for run in bundles:
            self.combo.addItem(run.name, str(run.bundle))
        if current is not None and self.combo.findData(str(current)) < 0:
            self.combo.addItem(name or current.name, str(current))
        self.combo.setCurrentIndex(self.combo.findData(str(current)) if current is not None else -1)
        self.combo.setPlaceholderText(self.tr("Choose a network"))
        there = self.combo.count() > 0
        self.combo.setVisible(there)
        self._nothing.setVisible(not there)
        self._ways.setVisible(not there)

    def show_facts(self, facts: BundleFacts | None) -> None:
        """Say what network it is; `None` while that is not known."""
        self._line.setText(words.bundle_line(facts) if facts is not None else "")
        self._score.setText(words.score_line(facts) if facts is not None else "")
        self._line.setVisible(facts is not None)
        self._score.setVisible(facts is not None)
        if facts is not None:
            self.problem.clear()

    def _activated(self, row: int) -> None:
        self.chosen.emit(Path(str(self.combo.itemData(row))))

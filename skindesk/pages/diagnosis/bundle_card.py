"""Which network is used, and how good it is."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QMenu, QPushButton, QWidget

from skindesk.pages.diagnosis import words
from skindesk.widgets.basics import Card, muted, primary_button
from skindesk.widgets.fold import FoldButton
from skindesk.widgets.mark_menu import add_marks
from skindesk.widgets.notice import Notice
from skindesk.widgets.theme import SPACE, class_label, set_role
from skindesk.widgets.wheel import wheel_needs_focus
from trainer.dataset.classes.malignancy import marks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skindesk.models.diagnosis.bundle import BundleFacts
    from skindesk.pages.diagnosis.completing import CompletePanel
    from trainer.dataset.classes.malignancy import Malignancy
    from trainer.runs.summary import RunSummary

_SHORTEST_NAME = 12  # letters of a run's name that the chooser always shows


class BundleCard(Card):
    """Chooses the bundle.

    Args:
        lacking: says what the bundle lacks, and adds it.
        parent: as usual.

    Signals:
        chosen(Path): a person has chosen another bundle.
        marks_chosen(Marks | None): classes are to be marked so; `None` for as they were in training.
        train_asked, import_asked: there is none, and one is to be had.
    """

    chosen = Signal(object)
    marks_chosen = Signal(object)
    train_asked = Signal()
    import_asked = Signal()

    def __init__(self, lacking: CompletePanel, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Network"), parent)
        self.status = muted()
        self.header.addWidget(self.status)
        self.header.addWidget(self._fold_button())
        self.combo = wheel_needs_focus(QComboBox())
        self.combo.setAccessibleName(self.tr("Network to use"))
        self.combo.setToolTip(self.tr("Choose the network to use"))
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(_SHORTEST_NAME)
        self.combo.activated.connect(self._activated)
        self.body.addWidget(self.combo)
        self._line = muted(wrap=True)
        self._score = muted(wrap=True)
        self.demo = QLabel(self.tr("Demo network: trained on drawn lesions, not on skin"))
        self.demo.setWordWrap(True)
        set_role(self.demo, "alert")
        self.body.addWidget(self.demo)
        self.body.addWidget(self._line)
        self.body.addWidget(self._score)
        self.marked = muted(
            self.tr("Its malignant and benign classes were marked by hand after training."), wrap=True
        )
        self.body.addWidget(self.marked)
        self.outdated = QLabel()
        self.outdated.setWordWrap(True)
        set_role(self.outdated, "alert")
        self.body.addWidget(self.outdated)
        self.lacking = lacking
        self.body.addWidget(lacking)
        self.marks_button = QPushButton(self.tr("Malignant classes…"))
        set_role(self.marks_button, "quiet")
        self.marks_button.setStyleSheet("padding-left: 0px;")  # in line with the text above it
        self.marks_button.setToolTip(self.tr("Choose which classes of this network are malignant or benign"))
        self.marks_button.clicked.connect(self._open_marks)
        self.body.addWidget(self.marks_button, 0, Qt.AlignmentFlag.AlignLeft)
        self._facts: BundleFacts | None = None
        self.problem = Notice()
        self.body.addWidget(self.problem)
        self._nothing = muted(
            self.tr("There is no trained network yet. Train one, or import a bundle that someone gave you."),
            wrap=True,
        )
        self.body.addWidget(self._nothing)
        self.body.addWidget(self._ways_to_one())
        self.show_bundles((), None)
        self.show_facts(None)

    def _ways_to_one(self) -> QWidget:
        self._ways = QWidget()
        set_role(self._ways, "plain")
        row = QHBoxLayout(self._ways)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE)
        row.addWidget(primary_button(self.tr("Train a network"), self.train_asked.emit))
        bring = QPushButton(self.tr("Import a bundle"))
        bring.setToolTip(self.tr("Bundles are imported on the Results page"))
        bring.clicked.connect(self.import_asked)
        row.addWidget(bring)
        row.addStretch(1)
        return self._ways

    def _fold_button(self) -> FoldButton:
        self._low = False
        self.fold = FoldButton(
            self.tr("More"), self.tr("What is known of this network, and its malignant classes")
        )
        self.fold.toggled.connect(lambda _unfolded: self._show_details())
        self.fold.hide()
        return self.fold

    def show_bundles(self, bundles: Sequence[RunSummary], current: Path | None, name: str = "") -> None:
        """Offer bundles.

        Args:
            bundles: those known, each with a bundle.
            current: the one in use; it is offered even if it is not among them.
            name: of that one, if it is not among them.
        """
        self.combo.clear()
        for run in bundles:
            self.combo.addItem(words.network_name(run), str(run.bundle))
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
        self._facts = facts
        self.lacking.show_facts(facts)
        self._show_outdated(facts.wrongly_marked if facts is not None else ())
        self._line.setText(words.bundle_line(facts) if facts is not None else "")
        self._score.setText(words.score_line(facts) if facts is not None else "")
        self.demo.setVisible(facts is not None and facts.summary.drawn)
        if facts is not None:
            self.problem.clear()
        self._show_details()

    def fold_where(self, *, low: bool) -> None:
        """Fold what is not needed all the time, behind a button, where the page is low."""
        if low != self._low:
            self._low = low
            self.fold.setChecked(False)
            self._show_details()

    def _show_details(self) -> None:
        facts = self._facts
        self.fold.setVisible(self._low and facts is not None)
        there = facts is not None and (not self._low or self.fold.isChecked())
        for part in (self._line, self._score, self.marks_button):
            part.setVisible(there)
        self.marked.setVisible(there and facts is not None and facts.manifest.marks != facts.trained_marks)

    def _show_outdated(self, classes: Sequence[str]) -> None:
        names = ", ".join(class_label(name, ()) for name in classes)
        self.outdated.setText(
            self.tr(
                "An older version did not count {classes} as malignant. Correct or confirm this under “Malignant "
                "classes…”."
            ).format(classes=names)
        )
        self.outdated.setVisible(bool(classes))

    def marks_menu(self, facts: BundleFacts) -> QMenu:
        """Return a menu with an entry for each class of a network; it goes when it is closed."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        marks = facts.manifest.marks
        for name in facts.manifest.classes:
            kinds: tuple[Malignancy, ...] = ("malignant", "benign", "not stated")
            submenu = menu.addMenu(class_label(name, marks.malignant))
            add_marks(submenu, kinds, marks.of(name), partial(self._mark, facts, name))
        menu.addSeparator()
        trained = menu.addAction(self.tr("As in training"))
        trained.setEnabled(marks != facts.trained_marks)
        trained.triggered.connect(lambda _checked=False: self.marks_chosen.emit(None))
        return menu

    def _mark(self, facts: BundleFacts, name: str, malignancy: Malignancy) -> None:
        marks = facts.manifest.marks
        kinds = {other: marks.of(other) for other in facts.manifest.classes}
        self.marks_chosen.emit(marks_of({**kinds, name: malignancy}))

    def _open_marks(self) -> None:
        if self._facts is not None:
            corner = self.marks_button.rect().bottomLeft()
            self.marks_menu(self._facts).popup(self.marks_button.mapToGlobal(corner))

    def _activated(self, row: int) -> None:
        self.chosen.emit(Path(str(self.combo.itemData(row))))

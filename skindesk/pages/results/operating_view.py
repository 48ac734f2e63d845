"""The operating point of a network: chosen for a sensitivity or on the ROC curve, with what it leads to, and saved."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from skindesk.background import Question, Urgency
from skindesk.models.runs.operating import (
    OperatingBasis,
    Proposal,
    SavedPoint,
    TargetBasis,
    propose,
    propose_missing,
    propose_saved,
    read_basis,
    save_point,
)
from skindesk.pages.results import facts
from skindesk.pages.results import operating_words as words
from skindesk.pages.results.benefit_card import BenefitCard
from skindesk.pages.results.sets_card import SetsCard
from skindesk.widgets.basics import Card, Figure, SegmentedRow, muted, primary_button
from skindesk.widgets.notice import Notice
from skindesk.widgets.plots.share_plot import ShareLine, SharePlot
from skindesk.widgets.theme import SPACE, set_role
from skindesk.widgets.wheel import wheel_needs_focus
from trainer.metrics.operating import SENSITIVITIES
from trainer.wording import NOTHING, chosen_percent, n_of, percent

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QResizeEvent

    from skindesk.models.runs.record import RunRecord
    from trainer.metrics.operating import OperatingPoint, PointOutcome
    from trainer.runs.summary import Report

_TILES_IN_A_ROW = 5
_NARROW = 800  # pixels below which the tiles stand in two rows, and the plots below each other
_CLOSE = 1e-9


class OperatingView(QScrollArea):
    """Chooses, shows and saves the operating point of a run's bundle.

    Signals:
        saved(Path): the operating point of this bundle was saved or removed.
    """

    saved = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setAccessibleName(self.tr("Operating point"))
        self._bundle: Path | None = None
        self.basis: OperatingBasis | None = None
        self.proposal: Proposal | None = None
        self._removed: OperatingPoint | None = None
        self._scored: Report | None = None
        self._reading: Question[OperatingBasis] = Question(self._show_basis, self._fail, self)
        self._saving: Question[SavedPoint] = Question(self._was_saved, self._fail, self, Urgency.CHANGE)
        inside = QWidget()
        set_role(inside, "plain")
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2 * SPACE)
        self.notice = Notice()
        self.notice.acted.connect(self._undo)
        layout.addWidget(self.notice)
        layout.addWidget(self._choosing())
        self._tiles = self._make_tiles()
        self._tile_grid = QGridLayout()
        self._tile_grid.setSpacing(2 * SPACE)
        layout.addLayout(self._tile_grid)
        self._plot_grid = QGridLayout()
        self._plot_grid.setSpacing(2 * SPACE)
        self._roc_card = self._make_roc()
        self.benefit = BenefitCard()
        self.benefit.changed.connect(self._show_values)
        layout.addLayout(self._plot_grid)
        self.sets = SetsCard()
        layout.addWidget(self.sets)
        layout.addStretch(1)
        self.setWidget(inside)
        self._arrange()
        self._show_nothing("")

    # --- parts -------------------------------------------------------------------------------------------

    def _choosing(self) -> QWidget:
        card = Card(self.tr("Operating point"))
        self._status = muted()
        card.header.addWidget(self._status)
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        self.target = wheel_needs_focus(QComboBox())
        self.target.setAccessibleName(self.tr("Class or classes to find"))
        self.target.setToolTip(self.tr("Class or classes to find"))
        self.target.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.target.setMinimumContentsLength(20)
        self.target.activated.connect(lambda _row: self._choose_target())
        self.sensitivity = SegmentedRow([(f"{s:g}", chosen_percent(s)) for s in SENSITIVITIES])
        self.sensitivity.setToolTip(self.tr("Sensitivity that is kept with 95 % confidence"))
        self.sensitivity.chosen.connect(lambda key: self._propose_for(float(key)))
        self.save_button = primary_button(self.tr("Save"), self._save)
        self.save_button.setToolTip(self.tr("Flag images by this operating point from now on"))
        self.remove_button = QPushButton(self.tr("Remove"))
        self.remove_button.setToolTip(self.tr("Stop flagging images"))
        self.remove_button.clicked.connect(lambda _checked=False: self._remove())
        self._of = muted(self.tr("Sensitivity"))
        for widget, stretch in ((self.target, 1), (self._of, 0), (self.sensitivity, 0)):
            row.addWidget(widget, stretch)
        row.addStretch(1)
        row.addWidget(self.remove_button)
        row.addWidget(self.save_button)
        card.body.addLayout(row)
        self.refusal = Notice()
        card.body.addWidget(self.refusal)
        self.explanation = muted(wrap=True)
        card.body.addWidget(self.explanation)
        self._controls = (self.target, self._of, self.sensitivity, self.save_button, self.remove_button)
        return card

    def _make_tiles(self) -> dict[str, Figure]:
        titles = {
            "threshold": self.tr("Flagged from"),
            "sensitivity": self.tr("Sensitivity"),
            "others": self.tr("Others flagged"),
            "positive": self.tr("PPV"),
            "negative": self.tr("NPV"),
        }
        hints = {
            "threshold": self.tr("A lesion is flagged if its probability of the target is at least this"),
            "sensitivity": self.tr("Share of the target's lesions that are flagged, of those set aside"),
            "others": self.tr("Share of the other lesions that are flagged, of those set aside"),
            "positive": self.tr(
                "Share of the flagged lesions that are of the target (positive predictive value)"
            ),
            "negative": self.tr(
                "Share of the lesions not flagged that are not of the target (negative predictive value)"
            ),
        }
        tiles = {key: Figure(words_) for key, words_ in titles.items()}
        for key, tile in tiles.items():
            tile.setToolTip(hints[key])
        return tiles

    def _make_roc(self) -> Card:
        card = Card(self.tr("ROC curve of the lesions set aside"))
        self.roc = SharePlot(self.tr("ROC curve"), self.tr("other lesions flagged"), self.tr("sensitivity"))
        self.roc.make_movable(self.tr("Drag the point, or move it with the arrow keys"))
        self.roc.picked.connect(self._pick)
        self.roc.stepped.connect(self._step)
        card.body.addWidget(self.roc, 1)
        return card

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Place tiles and plots anew."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        wide = self.viewport().width() >= _NARROW
        columns = _TILES_IN_A_ROW if wide else 3
        for place, tile in enumerate(self._tiles.values()):
            self._tile_grid.addWidget(tile, place // columns, place % columns)
        for place, card in enumerate((self._roc_card, self.benefit)):
            self._plot_grid.addWidget(card, *((0, place) if wide else (place, 0)))

    # --- a bundle ----------------------------------------------------------------------------------------

    def show_record(self, record: RunRecord) -> None:
        """Show the operating point of a run's bundle, and what the latest scorings say of it."""
        self._scored = record.summary.report("test") or record.summary.report("validation")
        self._show_sets(record)
        bundle = record.summary.bundle
        if bundle != self._bundle:
            self.notice.clear()
            self._removed = None
        self._bundle = bundle
        if bundle is None:
            self._reading.forget()
            self._show_nothing(self.tr("This run has no network yet."))
        else:
            self._reading.ask(partial(read_basis, bundle))

    def _show_sets(self, record: RunRecord) -> None:
        report = self._scored
        figures = report.metrics.prediction_sets if report is not None else None
        self.sets.setVisible(figures is not None)
        if figures is not None and report is not None:
            self.sets.show_figures(figures, facts.basis_of(record, report), record.classes, record.malignant)

    def _show_nothing(self, sentence: str) -> None:
        self.basis, self.proposal = None, None
        self.explanation.setText(sentence)
        self.explanation.setVisible(bool(sentence))
        self.refusal.clear()
        self._status.setText("")
        for widget in (*self._controls, *self._tiles.values(), self._roc_card, self.benefit):
            widget.hide()

    def _fail(self, sentence: str) -> None:
        self.notice.show_error(sentence)

    def _show_basis(self, basis: OperatingBasis) -> None:
        if not basis.targets:
            self._show_nothing(
                self.tr(
                    "This network was saved without its validation figures, from which an operating point is chosen. "
                    "Complete it from its dataset on the Diagnosis page first."
                )
            )
            return
        before = self.target.currentData() if self.basis is not None else None
        self.basis = basis
        for widget in (*self._controls, *self._tiles.values(), self._roc_card, self.benefit):
            widget.show()
        self.target.clear()
        for name in basis.targets:
            self.target.addItem(words.target_title(name), name)
        saved = basis.saved if not basis.outdated else None
        wanted = before or (saved.target.name if saved is not None else next(iter(basis.targets)))
        self.target.setCurrentIndex(max(0, self.target.findData(wanted)))
        if basis.outdated:
            self.notice.show_note(basis.outdated)
        self._choose_target()

    @property
    def _target(self) -> TargetBasis | None:
        return self.basis.targets.get(str(self.target.currentData())) if self.basis is not None else None

    def _choose_target(self) -> None:
        target = self._target
        if target is None or self.basis is None:
            return
        self.benefit.show_target(target)
        saved = self.basis.saved
        if saved is not None and saved.target == target.target and not self.basis.outdated:
            self._show(propose_saved(target, saved))
        else:
            self._show(propose(target, SENSITIVITIES[1]))

    # --- choosing ----------------------------------------------------------------------------------------

    def _propose_for(self, sensitivity: float) -> None:
        if (target := self._target) is not None:
            self._show(propose(target, sensitivity))

    def _pick(self, x: float, y: float) -> None:
        """Take the corner of the curve that is nearest to the mouse."""
        target = self._target
        if target is None or not target.found:
            return
        corners = target.corners
        nearest = ((corners.flagged - x) ** 2 + (corners.sensitivity - y) ** 2).argmin()
        self._show(propose_missing(target, int(nearest)))

    def _step(self, way: int) -> None:
        target, point = self._target, self.proposal.point if self.proposal is not None else None
        if target is None or not target.found:
            return
        missed = point.missed - way if point is not None else 0
        self._show(propose_missing(target, missed))

    def _show(self, proposal: Proposal) -> None:
        target = self._target
        if target is None:
            return
        self.proposal = proposal
        wanted = proposal.wanted
        key = next((f"{s:g}" for s in SENSITIVITIES if wanted is not None and abs(s - wanted) < _CLOSE), "")
        self.sensitivity.choose(key)
        if proposal.refusal is not None:
            self.refusal.show_note(words.refusal(target.target.name, proposal.refusal))
        else:
            self.refusal.clear()
        self.explanation.setText(words.explanation(target, proposal, self._tested()))
        self.explanation.setVisible(proposal.point is not None)
        self._show_curve(target, proposal.point)
        self._show_values()
        self._show_saved()

    def _tested(self) -> PointOutcome | None:
        """Return what the saved point led to on the test part, if it was scored with it and is what is shown."""
        outcome = self._scored.metrics.operating_point if self._scored is not None else None
        shown = self.proposal.point if self.proposal is not None else None
        is_test = self._scored is not None and self._scored.part == "test"
        return outcome if is_test and outcome is not None and outcome.point == shown else None

    def _show_curve(self, target: TargetBasis, point: OperatingPoint | None) -> None:
        self.roc.show_lines([ShareLine(self.tr("ROC curve"), *target.curve())] if target.found else [])
        found = self.proposal.found if self.proposal is not None else None
        if point is None or found is None or found.missed.share is None:
            self.roc.show_dot(None)
        else:
            self.roc.show_dot((found.flagged.share or 0.0, 1.0 - found.missed.share))

    def _show_values(self) -> None:
        """Show the figures of the choice, which also depend on the prevalence."""
        target, proposal = self._target, self.proposal
        if target is None or proposal is None:
            return
        point, found = proposal.point, proposal.found
        values = self.benefit.show_point(point, found)
        prevalence = percent(self.benefit.share)
        self._tiles["positive"].set_title(self.tr("PPV at {prevalence}").format(prevalence=prevalence))
        self._tiles["negative"].set_title(self.tr("NPV at {prevalence}").format(prevalence=prevalence))
        if point is None or found is None:
            for tile in self._tiles.values():
                tile.set(NOTHING)
            return
        tiles = self._tiles
        tiles["threshold"].set(percent(point.threshold), self.tr("probability"))
        missed, flagged = found.missed, found.flagged
        hit = None if missed.share is None else 1.0 - missed.share
        value, note = words.with_ends(hit, missed.interval and words.complement(missed.interval))
        tiles["sensitivity"].set(value, f"{note} {n_of(missed.of)}".strip())
        value, note = words.with_ends(flagged.share, flagged.interval)
        tiles["others"].set(value, f"{note} {n_of(flagged.of)}".strip())
        if values is None:
            tiles["positive"].set(NOTHING)
            tiles["negative"].set(NOTHING)
        else:
            tiles["positive"].set(*words.with_ends(values.positive, values.positive_interval))
            tiles["negative"].set(*words.with_ends(values.negative, values.negative_interval))

    # --- saving ------------------------------------------------------------------------------------------

    def _show_saved(self) -> None:
        basis, proposal = self.basis, self.proposal
        saved = basis.saved if basis is not None else None
        self._status.setText(words.saved_line(saved) if saved is not None else self.tr("None saved"))
        self.remove_button.setEnabled(saved is not None)
        point = proposal.point if proposal is not None else None
        self.save_button.setEnabled(point is not None and point != saved)

    def _save(self) -> None:
        if self._bundle is not None and self.proposal is not None and self.proposal.point is not None:
            self._removed = None
            self._saving.ask(partial(save_point, self._bundle, self.proposal.point))

    def _remove(self) -> None:
        if self._bundle is not None and self.basis is not None:
            self._removed = self.basis.saved
            self._saving.ask(partial(save_point, self._bundle, None))

    def _undo(self) -> None:
        self.notice.clear()
        if self._bundle is not None and self._removed is not None:
            self._saving.ask(partial(save_point, self._bundle, self._removed))

    def _was_saved(self, saved: SavedPoint) -> None:
        self.saved.emit(saved.bundle)
        if saved.bundle != self._bundle:  # another run is shown by now
            return
        if saved.point is None:
            self.notice.show_note(self.tr("The operating point was removed."), action=self.tr("Undo"))
        else:
            self.notice.clear()
        self._reading.ask(partial(read_basis, saved.bundle))

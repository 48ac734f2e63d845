"""How good a run is on a part: figures over all classes as tiles, those of each class as a table, and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QGridLayout, QScrollArea, QVBoxLayout, QWidget

from skindesk.metric_words import hint_of, title_of
from skindesk.pages.results import facts
from skindesk.pages.results.unscored import Unscored
from skindesk.widgets.basics import Card, ElidedLabel, Figure, muted
from skindesk.widgets.fact_table import FactTable
from skindesk.widgets.theme import SPACE, set_role
from trainer.metrics.catalogue import ACCURACY, BALANCED_ACCURACY, LEADING
from trainer.wording import NOTHING, n_of, percent

if TYPE_CHECKING:
    from skindesk.models.runs.record import RunRecord
    from trainer.metrics.classification import Metrics
    from trainer.runs.summary import Report

_TILES_IN_A_ROW = 6
_NARROW = 900  # pixels below which the tiles stand in two rows


class MetricsView(QScrollArea):
    """The figures of a part; where it has not been scored, what is known and a button to score it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setAccessibleName(self.tr("Figures"))
        inside = QWidget()
        set_role(inside, "plain")
        self._layout = QVBoxLayout(inside)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2 * SPACE)
        self._tiles = QGridLayout()
        self._tiles.setSpacing(2 * SPACE)
        self._layout.addLayout(self._tiles)
        self.tiles: list[Figure] = []
        self.unscored = Unscored()
        self._layout.addWidget(self.unscored)
        self._card = Card(self.tr("Each class"))
        self.basis = ElidedLabel()
        set_role(self.basis, "muted")
        self._card.header.addWidget(self.basis, 100)
        self.table = FactTable(self.tr("Figures of each class"))
        self._card.body.addWidget(self.table)
        self._layout.addWidget(self._card)
        self.notes = muted("", wrap=True)
        self._layout.addWidget(self.notes)
        self._layout.addStretch(1)
        self.setWidget(inside)

    def show_part(self, record: RunRecord, part: str) -> None:
        """Show what is known of a part, `test` or `validation`."""
        report = record.summary.report(part)
        if report is not None:
            self._show_report(record, report)
        else:
            self._show_unscored(record, part)

    # --- scored ------------------------------------------------------------------------------------------

    def _show_report(self, record: RunRecord, report: Report) -> None:
        metrics = report.metrics
        self.unscored.hide()
        self._set_tiles(
            [
                (
                    title_of(metric),
                    hint_of(metric),
                    metric.figure(metric.value_in(metrics)),
                    f"({metric.ends(interval)})" if (interval := metrics.intervals.get(metric.key)) else "",
                )
                for metric in LEADING
            ]
        )
        self.basis.setText(
            self.tr("{basis}; 95 % intervals in brackets").format(basis=facts.basis_of(record, report))
        )
        self.table.show_facts(facts.class_facts(metrics, record.malignant))
        self._card.show()
        self.notes.setText("\n".join(self._notes(record, report, metrics)))
        self.notes.show()

    def _notes(self, record: RunRecord, report: Report, metrics: Metrics) -> list[str]:
        notes = list(metrics.notes)
        if report.part == "validation":
            manifest = record.manifest
            chosen = (
                self.tr("The best epoch was chosen and the calibration fitted on images of this part")
                if manifest is not None and (manifest.calibration.fitted or manifest.members)
                else self.tr("The best epoch was chosen on images of this part")
            )
            notes.append(self.tr("{chosen}, so these figures are optimistic.").format(chosen=chosen))
        external, flags = report.metrics.external, report.metrics.flags
        if external is not None:
            notes += external.describe()
        elif report.dataset_fingerprint and report.dataset_fingerprint != record.summary.dataset_fingerprint:
            notes.append(
                self.tr(
                    "Scored on a dataset or split other than the one the network was trained on; these "
                    "images may include training images."
                )
            )
        if flags is not None:
            overall = flags.overall
            notes.append(
                self.tr(
                    "{share} of the {n} images are unlike the training images or too poor to rely on an answer."
                ).format(share=percent(overall.share), n=f"{overall.n:,}")
            )
        if report.test_scorings:
            times = (
                self.tr("once")
                if report.test_scorings == 1
                else self.tr("{n} times").format(n=report.test_scorings)
            )
            notes.append(self.tr("The test part had been scored {times} by that time.").format(times=times))
        notes.append(self.tr("Scored on {date}.").format(date=f"{report.scored:%Y-%m-%d %H:%M}"))
        return notes

    # --- not scored --------------------------------------------------------------------------------------

    def _show_unscored(self, record: RunRecord, part: str) -> None:
        summary = record.summary
        if part == "test":
            self._set_tiles([])
            self._card.hide()
            sentence = (
                self.tr(
                    "This network has not been scored on the test part yet. The test part shows how good it "
                    "is on lesions that were not used for training or selection, and most reliably the first time."
                )
                if summary.has_bundle
                else self.tr("This run has no network to score on the test part yet.")
            )
        else:
            self._show_epoch(record)
            sentence = (
                self.tr(
                    "These are the figures of the best epoch: one view of each image, before calibration, "
                    "without intervals. Scoring the validation part gives all figures with intervals, the confusion "
                    "matrix and its images; it may be scored as often as you like."
                )
                if summary.has_bundle
                else self.tr("This run has no network to score yet.")
            )
        self.unscored.show_part(part, sentence, can_score=summary.has_bundle)
        self.unscored.show()
        self.notes.hide()

    def _show_epoch(self, record: RunRecord) -> None:
        summary = record.summary
        if summary.best_macro_recall is None:
            self._set_tiles([])
            self._card.hide()
            return
        basis = n_of(summary.best_n) if summary.best_n is not None else ""
        epoch = (
            self.tr("{best} of {done}").format(best=summary.best_epoch, done=summary.epochs)
            if summary.best_epoch
            else NOTHING
        )
        stage = self.tr("stage {stage}").format(stage=summary.best_stage) if summary.best_stage else ""
        self._set_tiles(
            [
                (
                    title_of(BALANCED_ACCURACY),
                    hint_of(BALANCED_ACCURACY),
                    percent(summary.best_macro_recall),
                    basis,
                ),
                (title_of(ACCURACY), hint_of(ACCURACY), percent(summary.best_accuracy), basis),
                (self.tr("Best epoch"), "", epoch, stage),
            ]
        )
        table = facts.epoch_facts(record, record.malignant)
        words = self.tr("Validation images that chose the best epoch, {n}one view, before calibration")
        self.basis.setText(words.format(n=f"{basis}, " if basis else ""))
        self.table.show_facts(table)
        self._card.setVisible(bool(table.rows))

    # --- tiles -------------------------------------------------------------------------------------------

    def _set_tiles(self, tiles: list[tuple[str, str, str, str]]) -> None:
        for tile in self.tiles:
            self._tiles.removeWidget(tile)
            tile.deleteLater()
        self.tiles = []
        columns = _TILES_IN_A_ROW if self.viewport().width() >= _NARROW else _TILES_IN_A_ROW // 2
        for place, (title, hint, value, note) in enumerate(tiles):
            tile = Figure(title)
            tile.setToolTip(hint)
            tile.set(value, note)
            self._tiles.addWidget(tile, place // columns, place % columns)
            self.tiles.append(tile)

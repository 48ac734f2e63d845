"""What a run was made with: settings, the split's certificate, where its weights came from, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from skindesk.pages.results import facts
from skindesk.pages.results.settings_words import settings_sections
from skindesk.widgets.basics import Card, heading, muted
from skindesk.widgets.fact_table import Fact, Facts, FactTable
from skindesk.widgets.theme import SPACE, set_role
from trainer.wording import chosen_percent

if TYPE_CHECKING:
    from skindesk.models.runs.record import RunRecord
    from trainer.runs.bundle import Manifest

_TITLE_WIDTH = 176  # pixels
_FINGERPRINT_DIGITS = 12  # of 64; enough to tell datasets apart by eye


class SettingsView(QScrollArea):
    """Two columns of cards: settings on the left; network, split and provenance on the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setAccessibleName(self.tr("Settings"))
        inside = QWidget()
        set_role(inside, "plain")
        columns = QHBoxLayout(inside)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(2 * SPACE)
        self._left, self._right = QVBoxLayout(), QVBoxLayout()
        for column in (self._left, self._right):
            column.setSpacing(2 * SPACE)
            columns.addLayout(column, 1)
        self.setWidget(inside)

    def show_record(self, record: RunRecord) -> None:
        """Show what a run was made with."""
        for column in (self._left, self._right):
            while (item := column.takeAt(0)) is not None:
                if (widget := item.widget()) is not None:
                    widget.deleteLater()
        self._left.addWidget(self._settings(record))
        self._right.addWidget(self._network(record))
        if record.manifest is not None:
            self._right.addWidget(self._split(record.manifest))
        for column in (self._left, self._right):
            column.addStretch(1)

    def _settings(self, record: RunRecord) -> QWidget:
        first = record.manifest is not None and record.manifest.members
        card = Card(self.tr("Settings of the first network") if first else self.tr("Settings"))
        if record.config is None:
            card.body.addWidget(_sentence(self.tr("The settings of this run cannot be read.")))
            return card
        for title, rows in settings_sections(record.config):
            card.body.addWidget(heading(title))
            card.body.addLayout(_rows(rows))
        return card

    def _network(self, record: RunRecord) -> QWidget:
        summary, manifest = record.summary, record.manifest
        card = Card(self.tr("Network"))
        rows = [
            (self.tr("Input"), self.tr("{side} × {side} px").format(side=summary.input_size)),
            (self.tr("Dataset"), str(summary.dataset_path) if summary.dataset_path else self.tr("Not known")),
            (self.tr("Dataset fingerprint"), summary.dataset_fingerprint[:_FINGERPRINT_DIGITS] or "–"),
            (self.tr("Folder"), str(summary.folder)),
        ]
        if manifest is not None:
            rows += [
                (self.tr("Bundle"), summary.bundle_hash),
                (self.tr("Made"), f"{manifest.created.astimezone():%Y-%m-%d %H:%M}"),
                (self.tr("Program"), self.tr("SkinDesk {version}").format(version=manifest.program_version)),
                (
                    self.tr("Packages"),
                    ", ".join(f"{name} {version}" for name, version in manifest.versions.items()),
                ),
            ]
        card.body.addLayout(_rows([Fact(title, (text,)) for title, text in rows]))
        if manifest is not None:
            for title, text in (
                (self.tr("Initial weights"), manifest.weights_origin),
                (self.tr("Probabilities and decision"), manifest.calibration.describe()),
            ):
                card.body.addWidget(heading(title))
                card.body.addWidget(_sentence(text))
        return card

    def _split(self, manifest: Manifest) -> QWidget:
        certificate = manifest.split
        card = Card(self.tr("Split certificate"))
        card.body.addWidget(
            _table(self.tr("Split"), facts.certificate_facts(certificate, manifest.malignant))
        )
        card.body.addWidget(_sentence(facts.leaks(certificate)))
        wished = " / ".join(chosen_percent(fraction) for fraction in certificate.fractions)
        card.body.addWidget(
            _sentence(
                self.tr("Requested: {shares}; seed {seed}.").format(shares=wished, seed=certificate.seed)
            )
        )
        for note in certificate.notes:
            card.body.addWidget(_sentence(note))
        return card


def _table(name: str, table: Facts) -> FactTable:
    shown = FactTable(name)
    shown.show_facts(table)
    return shown


def _rows(rows: list[Fact]) -> QGridLayout:
    """Return facts as two columns of text that wraps and can be selected."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(2 * SPACE)
    grid.setVerticalSpacing(SPACE // 2)
    grid.setColumnMinimumWidth(0, _TITLE_WIDTH)
    grid.setColumnStretch(1, 1)
    for row, fact in enumerate(rows):
        title = muted(fact.title, wrap=True)
        title.setToolTip(fact.hint)
        title.setFixedWidth(_TITLE_WIDTH)
        value = QLabel(_breakable(fact.cells[0]))
        value.setWordWrap(True)
        value.setTextFormat(Qt.TextFormat.PlainText)
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        value.setAccessibleName(f"{fact.title}: {fact.cells[0]}")
        grid.addWidget(title, row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(value, row, 1)
    return grid


def _breakable(text: str) -> str:
    """Return a text whose paths may be broken after a slash, as a label breaks only between words."""
    return text.replace("/", "/\N{ZERO WIDTH SPACE}").replace("\\", "\\\N{ZERO WIDTH SPACE}")


def _sentence(text: str) -> QLabel:
    label = muted(_breakable(text), wrap=True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label

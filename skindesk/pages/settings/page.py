"""Settings: one row for each that is declared with a title, in cards by section."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from skindesk.settings import SETTINGS, Setting, Settings
from skindesk.widgets.basics import Card, ElidedLabel, muted, title
from skindesk.widgets.file_choice import FileChoice
from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE, set_role
from skindesk.widgets.wheel import wheel_needs_focus
from trainer import RESEARCH_ONLY

if TYPE_CHECKING:
    from pathlib import Path

    from skindesk.paths import Paths

_COLUMN = 720  # pixels; wider lines are hard to follow
_FIELD = 280  # pixels
_BUTTON = 48  # pixels


class SettingsPage(QWidget):
    """Every setting with what it means; a change holds at once."""

    def __init__(self, settings: Settings, paths: Paths, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings, self._paths = settings, paths
        self.fields: dict[str, QWidget] = {}
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        area = QScrollArea()
        area.setWidgetResizable(True)
        outer.addWidget(area)
        inside = QWidget()
        set_role(inside, "plain")
        area.setWidget(inside)
        column = QVBoxLayout(inside)
        column.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        column.setSpacing(2 * SPACE)
        column.addWidget(title(self.tr("Settings")))
        for section in dict.fromkeys(setting.section for setting in SETTINGS if setting.section):
            column.addWidget(self._card(section))
        column.addWidget(self._places())
        column.addWidget(muted(RESEARCH_ONLY, wrap=True))
        column.addStretch(1)
        # Of the whole column: the area would reckon with lines as long as itself, and squeeze what is broken.
        inside.setMaximumWidth(_COLUMN + 4 * SPACE)

    def _card(self, section: str) -> Card:
        card = Card(_translated(section))
        grid = QGridLayout()
        grid.setHorizontalSpacing(SPACE)
        grid.setVerticalSpacing(SPACE // 2)
        grid.setColumnStretch(0, 1)
        row = 0
        for setting in SETTINGS:
            if setting.section != section:
                continue
            name = QLabel(_translated(setting.title))
            field = self._field(setting)
            field.setToolTip(_translated(setting.help))
            field.setAccessibleName(_translated(setting.title))
            self.fields[setting.key] = field
            name.setBuddy(field)
            grid.addWidget(name, row, 0)
            if isinstance(field, QLineEdit) and setting.kind:
                field.setFixedWidth(_FIELD - _BUTTON - SPACE)
                grid.addWidget(field, row, 1)
                button = self._folder_button if setting.kind == "folder" else self._file_button
                grid.addWidget(button(setting, field), row, 2)
            else:
                if not isinstance(field, QCheckBox):
                    field.setFixedWidth(_FIELD)
                grid.addWidget(field, row, 1, 1, 2)
            grid.addWidget(muted(_translated(setting.help), wrap=True), row + 1, 0, 1, 3)
            grid.setRowMinimumHeight(row + 2, SPACE)
            row += 3
        card.body.addLayout(grid)
        return card

    def _field(self, setting: Setting) -> QWidget:
        value = self._settings.value(setting.key)
        field: QWidget
        if setting.choices:
            combo = wheel_needs_focus(QComboBox())
            for name, words in setting.choices:
                combo.addItem(_translated(words), name)
            combo.setCurrentIndex(max(0, combo.findData(value)))
            combo.currentIndexChanged.connect(
                lambda _index, key=setting.key, box=combo: self._settings.set_value(key, box.currentData())
            )
            field = combo
        elif isinstance(value, bool):
            field = self._check_box(setting)
        elif isinstance(value, int):
            spin = wheel_needs_focus(QSpinBox())
            spin.setRange(setting.minimum, setting.maximum)
            spin.setSuffix(f" {setting.unit}" if setting.unit else "")
            spin.setValue(value)
            spin.lineEdit().setTextMargins(SPACE, 0, 0, 0)  # a style sheet has no say in it
            spin.valueChanged.connect(partial(self._settings.set_value, setting.key))
            field = spin
        else:
            line = QLineEdit(self._settings.text(setting.key))
            line.setPlaceholderText(self.tr("Not set"))
            line.setClearButtonEnabled(True)
            line.editingFinished.connect(
                lambda key=setting.key: self._settings.set_value(key, line.text().strip())
            )
            field = line
        return field

    def _check_box(self, setting: Setting) -> QCheckBox:
        box = QCheckBox()
        box.setChecked(self._settings.flag(setting.key))
        box.toggled.connect(partial(self._settings.set_value, setting.key))
        # It can be chosen on the page that it is about, too.
        self._settings.changed.connect(
            lambda key: box.setChecked(self._settings.flag(key)) if key == setting.key else None
        )
        return box

    def _file_button(self, setting: Setting, line: QLineEdit) -> QPushButton:
        button = _choosing(self.tr("Choose a file"))
        choice = FileChoice(self, self._settings, "images_folder")

        def take(file: Path) -> None:
            line.setText(str(file))
            self._settings.set_value(setting.key, str(file))

        kinds = [self.tr("Images (*.png *.jpg *.jpeg *.svg)")]
        button.clicked.connect(
            lambda _checked=False: choice.open_file(_translated(setting.title), kinds, take)
        )
        return button

    def _folder_button(self, setting: Setting, line: QLineEdit) -> QPushButton:
        button = _choosing(self.tr("Choose a folder"))
        choice = FileChoice(self, self._settings, setting.key)  # what is remembered is the setting itself
        button.clicked.connect(
            lambda _checked=False: choice.open_folder(
                _translated(setting.title), lambda folder: line.setText(str(folder))
            )
        )
        return button

    def _places(self) -> Card:
        card = Card(self.tr("File locations"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(3 * SPACE)
        grid.setColumnStretch(1, 1)
        places = (
            (self.tr("Datasets"), self._paths.data_root / "datasets"),
            (self.tr("Runs and bundles"), self._paths.data_root),
            (self.tr("Unfinished diagnoses"), self._paths.unfinished),
            (self.tr("Saved cases"), self._paths.cases),
            (self.tr("Pasted pictures"), self._paths.pasted),
            (self.tr("Cached features"), self._paths.cache_root),
            (self.tr("Logs"), self._paths.log_root),
        )
        for row, (words, place) in enumerate(places):
            grid.setRowMinimumHeight(row, 3 * SPACE)  # the area squeezes lines until descenders are cut
            grid.addWidget(QLabel(words), row, 0)
            label = ElidedLabel(str(place))
            set_role(label, "muted")
            grid.addWidget(label, row, 1)
        card.body.addLayout(grid)
        return card


def _choosing(words: str) -> QPushButton:
    """Return a button that asks for a place."""
    button = QPushButton()
    button.setIcon(icon("folder"))
    button.setFixedWidth(_BUTTON)
    button.setToolTip(words)
    button.setAccessibleName(words)
    return button


def _translated(text: str) -> str:
    return QCoreApplication.translate("Settings", text)

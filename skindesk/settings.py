"""Settings of the window: declared once as data, from which the dialog is made; kept as one JSON file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from PySide6.QtCore import QObject, Signal

from skindesk.writer import FileWriter
from trainer.stored import UnreadableError, read_json

if TYPE_CHECKING:
    from pathlib import Path

Value: TypeAlias = "str | int | float | bool | list[str] | list[int]"

SETTINGS_VERSION = 1


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        key: its name in the file.
        default: its value until the user says otherwise; its type is the setting's type.
        section: heading in the dialog; empty for what the window remembers by itself.
        title: a few words.
        help: a sentence.
        choices: value and words for each, where only some values make sense.
        minimum, maximum: of a number.
        unit: shown behind a number.
        kind: `folder` for the path of a folder, `sizes` for a list of pixels; otherwise empty.
    """

    key: str
    default: Value
    section: str = ""
    title: str = ""
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    minimum: int = 0
    maximum: int = 1_000_000
    unit: str = ""
    kind: str = ""

    def accepts(self, value: object) -> bool:
        """Whether a value read from a file can be this setting's."""
        if type(value) is not type(self.default):
            return False
        if isinstance(value, list):
            if self.kind == "sizes":
                return all(self._in_range(entry) for entry in value)
            return all(isinstance(entry, str) for entry in value)
        if isinstance(value, int) and not isinstance(value, bool):
            return self._in_range(value)
        return not self.choices or value in {name for name, _ in self.choices}

    def _in_range(self, value: object) -> bool:
        return type(value) is int and self.minimum <= value <= self.maximum


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "appearance",
        "system",
        "General",
        "Appearance",
        "Light, dark, or as the system is set; it follows a change at once.",
        choices=(("system", "As the system"), ("light", "Light"), ("dark", "Dark")),
    ),
    Setting(
        "paper",
        "A4",
        "General",
        "Paper of reports",
        "The paper size of PDF reports.",
        choices=(("A4", "A4"), ("Letter", "Letter")),
    ),
    Setting(
        "runs_folder",
        "",
        "Folders",
        "Runs",
        "Where new runs are kept. Empty: in your user folder. Runs can take some gigabytes.",
        kind="folder",
    ),
    Setting(
        "weights_dir",
        "",
        "Folders",
        "ImageNet weights",
        "Looked in before anything is fetched. Without internet, put the weights files here.",
        kind="folder",
    ),
    Setting(
        "stop_grace_seconds",
        60,
        "Engine",
        "Patience when stopping",
        "How long a stopped run may take to save a checkpoint before it is ended by force.",
        minimum=5,
        maximum=600,
        unit="s",
    ),
    Setting("thumbnail_size", 128, minimum=64, maximum=400),
    Setting("recent_datasets", []),
    Setting("last_dataset", ""),
    Setting("last_bundle", ""),
    Setting("page", "dataset"),
    Setting("window_geometry", ""),
    Setting("dataset_columns", [], kind="sizes"),
    Setting("results_rows", [], kind="sizes"),
    Setting("confusion_columns", [], kind="sizes"),
    Setting("run_table_order", "-created"),
    Setting("run_table_widths", [], kind="sizes"),
    # Where each kind of file or folder was chosen last.
    Setting("report_folder", ""),
    Setting("images_folder", ""),
    Setting("source_folder", ""),
    Setting("dataset_folder", ""),
    Setting("bundle_folder", ""),
    Setting("run_settings_folder", ""),
    Setting("weights_folder", ""),
)


@dataclass
class _State:
    values: dict[str, Value] = field(default_factory=dict)
    unknown: dict[str, object] = field(default_factory=dict)


class Settings(QObject):
    """The settings of one user. A value holds as soon as it is set; the file follows, off the GUI thread.

    A file that is damaged or half understood costs only what is not understood: those settings take their
    defaults, and the file is kept as `settings.json.damaged`.

    Signals:
        changed(str): the setting of that name has another value.
        failed(str): a sentence: the file cannot be written. It is not repeated until it could be.
    """

    changed = Signal(str)
    failed = Signal(str)

    def __init__(self, file: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._file = file
        self._problem = ""
        self._writer = FileWriter(file, self._write_ended)
        self._declared = {setting.key: setting for setting in SETTINGS}
        self._state = self._read()

    def value(self, key: str) -> Value:
        """Return a setting's value.

        Raises:
            KeyError: there is no such setting, which is a mistake of ours.
        """
        return self._state.values.get(key, self._declared[key].default)

    def text(self, key: str) -> str:
        """Return a setting that is text."""
        return str(self.value(key))

    def number(self, key: str) -> int:
        """Return a setting that is a whole number."""
        value = self.value(key)
        return int(value) if isinstance(value, int | float) else 0

    def texts(self, key: str) -> list[str]:
        """Return a setting that is a list of texts."""
        value = self.value(key)
        return [str(entry) for entry in value] if isinstance(value, list) else []

    def sizes(self, key: str) -> list[int]:
        """Return a setting that is a list of pixels."""
        value = self.value(key)
        return [int(entry) for entry in value] if isinstance(value, list) else []

    def set_value(self, key: str, value: Value) -> None:
        """Change a setting and have it stored; a value it cannot have is ignored.

        A disk that cannot be written costs the memory of the setting, not the program.
        """
        setting = self._declared[key]
        if not setting.accepts(value) or value == self.value(key):
            return
        self._state.values[key] = value
        content = {"version": SETTINGS_VERSION} | self._state.unknown | self._state.values
        # Escaped: names of files need not be Unicode, and then only so can they be stored and read back.
        self._writer.write(json.dumps(content, indent=1) + "\n")
        self.changed.emit(key)

    def flush(self) -> None:
        """Wait until all that was set is stored, or has failed to be."""
        self._writer.flush()

    def _write_ended(self, sentence: str) -> None:
        before, self._problem = self._problem, sentence
        if sentence and sentence != before:
            self.failed.emit(sentence)

    def _read(self) -> _State:
        state = _State()
        try:
            stored: object = read_json(self._file, json.loads)
        except FileNotFoundError:
            return state
        except UnreadableError:
            stored = None
        if not isinstance(stored, dict):
            self._keep_damaged()
            return state
        for key, value in stored.items():
            if key in self._declared:
                if self._declared[key].accepts(value):
                    state.values[key] = value
            elif key != "version":
                state.unknown[key] = value
        return state

    def _keep_damaged(self) -> None:
        try:
            self._file.replace(self._file.with_name(self._file.name + ".damaged"))
        except OSError:
            return

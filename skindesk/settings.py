"""Settings of the window: declared once as data, from which the dialog is made; kept as one JSON file."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from PySide6.QtCore import QObject, Signal

from skindesk.writer import FileWriter
from trainer.files import waited_for, write_text
from trainer.stored import UnreadableError, read_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Value: TypeAlias = "str | int | float | bool | list[str] | list[int]"

SETTINGS_VERSION = 1
MOST_RECENT = 8
"""How long a list of recent things gets."""

_PATIENCE_SECONDS = 5.0  # for another window that writes


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
        kind: `folder` for the path of a folder, `file` for that of a file, `sizes` for a list of pixels, `recent` for what was used last, the
            latest first, of which windows share one list; otherwise empty.
        variable: environment variable through which child processes get it; empty where they need not know.
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
    variable: str = ""

    def accepts(self, value: object) -> TypeGuard[Value]:
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
        "Light, dark, or the same as the system.",
        choices=(("system", "Same as system"), ("light", "Light"), ("dark", "Dark")),
    ),
    Setting(
        "paper",
        "A4",
        "Reports",
        "Paper size",
        "The paper size of PDF reports.",
        choices=(("A4", "A4"), ("Letter", "Letter")),
    ),
    Setting(
        "report_heading",
        "",
        "Reports",
        "Heading",
        "A line at the top of every report, for example the name of a clinic.",
    ),
    Setting(
        "report_logo",
        "",
        "Reports",
        "Logo",
        "A PNG, JPEG or SVG file, shown at the top of every report.",
        kind="file",
    ),
    Setting(
        "runs_folder",
        "",
        "Folders",
        "Runs",
        "Where new runs are kept. Empty: in your user folder. Runs can take several gigabytes.",
        kind="folder",
    ),
    Setting(
        "weights_dir",
        "",
        "Folders",
        "ImageNet weights",
        "Searched before anything is downloaded. Without internet, put the weights files here.",
        kind="folder",
        variable="SKINDESK_WEIGHTS_DIR",
    ),
    Setting(
        "keep_patient",
        False,
        "Cases",
        "Keep patient details",
        "Store what is entered about the patient with the unfinished diagnosis and with saved cases, on this "
        "machine only. Otherwise it is gone when SkinDesk is closed.",
    ),
    Setting(
        "case_images",
        "copy",
        "Cases",
        "Images of saved cases",
        "Copies hold the pixels alone, without EXIF or other metadata, and outlive the original files.",
        choices=(("copy", "Copy"), ("reference", "Leave in place")),
    ),
    Setting(
        "stop_grace_seconds",
        60,
        "Engine",
        "Time to stop",
        "How long a stopped run may take to save a checkpoint before it is ended by force.",
        minimum=5,
        maximum=600,
        unit="s",
    ),
    Setting(
        "feature_cache_gib",
        20,
        "Engine",
        "Cached features",
        "Disk space for features that later runs can use again. Beyond it, those used least recently are removed.",
        maximum=10_000,
        unit="GiB",
        variable="SKINDESK_CACHE_GIB",
    ),
    Setting(
        "feature_memory_gib",
        1,
        "Engine",
        "Features in memory",
        "Memory for the features of one run. A larger table is kept in a temporary file, which is slower.",
        maximum=1_000,
        unit="GiB",
        variable="SKINDESK_TABLE_GIB",
    ),
    Setting("thumbnail_size", 128, minimum=64, maximum=400),
    Setting("recent_datasets", [], kind="recent"),
    Setting("last_dataset", ""),
    Setting("last_bundle", ""),
    Setting("page", "dataset"),
    Setting("window_geometry", ""),
    Setting("dataset_columns", [], kind="sizes"),
    Setting("results_rows", [], kind="sizes"),
    Setting("case_columns", [], kind="sizes"),
    Setting("confusion_columns", [], kind="sizes"),
    Setting("run_table_order", "-created"),
    Setting("run_table_widths", [], kind="sizes"),
    # Where each kind of file or folder was chosen last.
    Setting("report_folder", ""),
    Setting("export_folder", ""),
    Setting("images_folder", ""),
    Setting("source_folder", ""),
    Setting("dataset_folder", ""),
    Setting("bundle_folder", ""),
    Setting("run_settings_folder", ""),
    Setting("weights_folder", ""),
)


class Settings(QObject):
    """The settings of one user. A value holds as soon as it is set; the file follows, off the GUI thread.

    Only what was set here is changed in the file: another window of the same user may have changed the rest. Lists of
    recent things take in what other windows have used since.

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
        self._guard = threading.Lock()
        self._unsaved: dict[str, Value] = {}
        self._merged: dict[str, list[str]] = {}
        self._writer = FileWriter(file, self._write_ended, self._store)
        self._declared = {setting.key: setting for setting in SETTINGS}
        self._values: dict[str, Value] = {
            key: value
            for key, value in _stored(file).items()
            if key in self._declared and self._declared[key].accepts(value)
        }
        # What the lists of recent things were when this window last agreed with the file.
        self._agreed = {
            key: self.texts(key) for key, setting in self._declared.items() if setting.kind == "recent"
        }

    def value(self, key: str) -> Value:
        """Return a setting's value.

        Raises:
            KeyError: there is no such setting, which is a mistake of ours.
        """
        return self._values.get(key, self._declared[key].default)

    def text(self, key: str) -> str:
        """Return a setting that is text."""
        return str(self.value(key))

    def number(self, key: str) -> int:
        """Return a setting that is a whole number."""
        value = self.value(key)
        return int(value) if isinstance(value, int | float) else 0

    def flag(self, key: str) -> bool:
        """Return a setting that is yes or no."""
        return self.value(key) is True

    def texts(self, key: str) -> list[str]:
        """Return a setting that is a list of texts."""
        return _texts(self.value(key))

    def sizes(self, key: str) -> list[int]:
        """Return a setting that is a list of pixels."""
        value = self.value(key)
        return [int(entry) for entry in value] if isinstance(value, list) else []

    def environment(self) -> dict[str, str]:
        """Return the environment variables that tell child processes what the user has set.

        What was never set is left out, so that variables of the window's own environment hold.
        """
        chosen = [setting for setting in SETTINGS if setting.variable and setting.key in self._values]
        return {setting.variable: text for setting in chosen if (text := self.text(setting.key))}

    def set_value(self, key: str, value: Value) -> None:
        """Change a setting and have it stored; a value it cannot have is ignored.

        A disk that cannot be written costs the memory of the setting, not the program.
        """
        setting = self._declared[key]
        if not setting.accepts(value) or value == self.value(key):
            return
        self._values[key] = value
        with self._guard:
            self._unsaved[key] = value
        self._writer.write(key)
        self.changed.emit(key)

    def flush(self) -> None:
        """Wait until all that was set is stored, or has failed to be."""
        self._writer.flush()

    def _write_ended(self, sentence: str) -> None:
        with self._guard:
            agreed = {key: merged for key, merged in self._merged.items() if key not in self._unsaved}
            self._merged.clear()
        self._agreed |= agreed
        self._values |= agreed
        before, self._problem = self._problem, sentence
        if sentence and sentence != before:
            self.failed.emit(sentence)

    def _store(self, file: Path, _key: str) -> None:
        """Put into the file what was set since it was last written; runs in the writer's thread."""
        with self._guard:
            unsaved = dict(self._unsaved)
        with waited_for(file, _PATIENCE_SECONDS):
            stored = _stored(file)
            merged = {
                key: _merged_recent(base, _texts(unsaved[key]), _texts(stored.get(key)))[:MOST_RECENT]
                for key, base in self._agreed.items()
                if key in unsaved
            }
            content = {"version": SETTINGS_VERSION} | stored | unsaved | merged
            # Escaped: names of files need not be Unicode, and then only so can they be stored and read back.
            write_text(file, json.dumps(content, indent=1) + "\n")
        with self._guard:
            self._merged |= merged
            for key, value in unsaved.items():
                if self._unsaved[key] is value:
                    del self._unsaved[key]


def _merged_recent(base: Sequence[str], mine: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """Return a list of recent things after two windows have changed it, the latest first.

    Args:
        base: before both.
        mine: of this window: what it used since stands in front, what it left out is missing.
        theirs: of the other.
    """
    used = len(mine)
    before = iter(reversed(base))
    # What follows is in the order of `base`, so nobody has used it since.
    while used and mine[used - 1] in before:
        used -= 1
    gone = set(base) - set(mine)
    return [*mine[:used], *(entry for entry in theirs if entry not in mine[:used] and entry not in gone)]


def _texts(value: object) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, list) else []


def _stored(file: Path) -> dict[str, object]:
    """Return what a file holds, names of a newer program included; a damaged one is put aside."""
    try:
        stored: object = read_json(file, json.loads)
    except FileNotFoundError:
        return {}
    except UnreadableError:
        stored = None
    if isinstance(stored, dict):
        return stored
    with contextlib.suppress(OSError):
        file.replace(file.with_name(file.name + ".damaged"))
    return {}

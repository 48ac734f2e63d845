"""Settings are kept, and a file that is half understood costs only what is not understood."""

from __future__ import annotations

import errno
import json
import os
import threading
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QComboBox, QLineEdit, QSpinBox

from skindesk.models.workspace import Workspace
from skindesk.pages.settings import SettingsPage
from skindesk.settings import SETTINGS, Settings
from trainer.pipeline.budgets import cache_bytes, table_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from skindesk.paths import Paths


def test_a_value_survives_a_restart(settings: Settings, paths: Paths) -> None:
    settings.set_value("appearance", "dark")
    settings.set_value("recent_datasets", ["/a/b.db"])
    settings.flush()

    again = Settings(paths.settings_file)

    assert again.value("appearance") == "dark"
    assert again.texts("recent_datasets") == ["/a/b.db"]


def test_values_that_cannot_be_and_names_that_are_unknown(paths: Paths) -> None:
    stored = {
        "appearance": "purple",
        "stop_grace_seconds": "soon",
        "paper": "Letter",
        "of_a_newer_version": [1],
    }
    paths.settings_file.write_text(json.dumps(stored))

    settings = Settings(paths.settings_file)
    settings.set_value("thumbnail_size", 200)
    settings.flush()

    assert settings.value("appearance") == "system"
    assert settings.value("stop_grace_seconds") == 60
    assert settings.value("paper") == "Letter"
    kept = json.loads(paths.settings_file.read_text())
    assert kept["of_a_newer_version"] == [1], "a newer program's setting is not lost"
    assert kept["thumbnail_size"] == 200


def test_a_damaged_file_is_kept_aside(paths: Paths) -> None:
    paths.settings_file.write_text("{ half a")

    settings = Settings(paths.settings_file)

    assert settings.value("paper") == "A4"
    assert paths.settings_file.with_name("settings.json.damaged").read_text() == "{ half a"


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 200_000,
        b'{"x": ' * 900 + b"1" + b"}" * 900,
        b'{"paper": "\xff"}',
        b'{"page": ' + b"1" * 5_000 + b"}",
    ],
)
def test_no_content_of_the_file_keeps_the_window_from_starting(paths: Paths, content: bytes) -> None:
    paths.settings_file.write_bytes(content)

    settings = Settings(paths.settings_file)
    settings.set_value("paper", "Letter")
    settings.flush()

    assert Settings(paths.settings_file).value("paper") == "Letter"
    assert paths.settings_file.with_name("settings.json.damaged").read_bytes() == content


def test_windows_that_are_open_together_keep_each_others_changes(
    qapp: object,  # noqa: ARG001 - signals need it
    paths: Paths,
) -> None:
    one, other = Settings(paths.settings_file), Settings(paths.settings_file)
    one.set_value("appearance", "dark")
    one.set_value("thumbnail_size", 100)
    one.flush()
    other.set_value("paper", "Letter")
    other.set_value("thumbnail_size", 300)
    other.flush()
    one.set_value("page", "results")
    one.flush()

    now = Settings(paths.settings_file)
    assert (now.text("appearance"), now.text("paper"), now.text("page")) == ("dark", "Letter", "results")
    assert now.number("thumbnail_size") == 300, "what was set last, by whichever window"


def test_a_wrong_value_is_not_taken(settings: Settings) -> None:
    settings.set_value("stop_grace_seconds", 1)

    assert settings.value("stop_grace_seconds") == 60


def test_the_page_has_a_field_for_every_setting_with_a_title(
    settings: Settings, paths: Paths, qtbot: QtBot
) -> None:
    page = SettingsPage(settings, paths)
    qtbot.addWidget(page)

    assert set(page.fields) == {setting.key for setting in SETTINGS if setting.section}
    for field in page.fields.values():
        assert field.accessibleName()
        assert field.toolTip()


def test_a_change_on_the_page_holds_at_once(settings: Settings, paths: Paths, qtbot: QtBot) -> None:
    page = SettingsPage(settings, paths)
    qtbot.addWidget(page)
    appearance, patience, weights = (
        page.fields[key] for key in ("appearance", "stop_grace_seconds", "weights_dir")
    )
    assert isinstance(appearance, QComboBox)
    assert isinstance(patience, QSpinBox)
    assert isinstance(weights, QLineEdit)

    appearance.setCurrentIndex(appearance.findData("dark"))
    patience.setValue(90)
    weights.setText("/some/folder")
    weights.editingFinished.emit()

    assert settings.value("appearance") == "dark"
    assert settings.value("stop_grace_seconds") == 90
    assert settings.value("weights_dir") == "/some/folder"


def test_budgets_reach_the_child_processes_once_they_are_set(
    settings: Settings, paths: Paths, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = SettingsPage(settings, paths)
    qtbot.addWidget(page)
    assert settings.environment() == {}, "variables of the user's own environment hold"

    for key, gib in (("feature_cache_gib", 3), ("feature_memory_gib", 2)):
        field = page.fields[key]
        assert isinstance(field, QSpinBox)
        field.setValue(gib)
    for variable, value in settings.environment().items():
        monkeypatch.setenv(variable, value)

    assert cache_bytes() == 3 * 2**30
    assert table_bytes() == 2 * 2**30
    settings.set_value("weights_dir", "/some/folder")
    assert settings.environment()["SKINDESK_WEIGHTS_DIR"] == "/some/folder"


def test_windows_that_are_open_together_share_one_list_of_recent_datasets(
    settings: Settings, paths: Paths, tmp_path: Path
) -> None:
    files = {name: tmp_path / f"{name}.db" for name in "abcxy"}

    def opens(window: Workspace, kept: Settings, *names: str) -> None:
        for name in names:
            window.set_dataset(files[name])
        kept.flush()
        QCoreApplication.sendPostedEvents()

    def stored() -> str:
        return "".join(path.stem for path in Workspace(Settings(paths.settings_file)).recent_datasets)

    mine = Workspace(settings)
    opens(mine, settings, "c", "b", "a")
    other_settings = Settings(paths.settings_file)
    other = Workspace(other_settings)
    opens(mine, settings, "x")
    opens(other, other_settings, "y")
    assert stored() == "yxabc"
    assert "".join(path.stem for path in other.recent_datasets) == "yxabc"
    other.forget_recent(files["b"])
    opens(mine, settings, "c")
    opens(other, other_settings, "a")
    assert stored() == "acyx"
    for number in range(10):
        mine.set_dataset(tmp_path / f"{number}.db")
    settings.flush()
    assert stored() == "98765432"


def test_the_latest_dataset_comes_first_and_none_twice(
    workspace: Workspace, paths: Paths, qtbot: QtBot
) -> None:
    first, second = paths.data / "a.db", paths.data / "b.db"
    with qtbot.waitSignal(workspace.dataset_changed):
        workspace.set_dataset(first)
    workspace.set_dataset(second)
    workspace.set_dataset(first)

    assert workspace.recent_datasets == [first, second]


class SlowDisk:
    """Makes every file system sync wait until it is let; counts them by file."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.let = threading.Event(), threading.Event()
        self.threads: list[threading.Thread] = []
        self._sync = os.fsync
        monkeypatch.setattr("os.fsync", self._wait)

    def _wait(self, handle: int) -> None:
        self.threads.append(threading.current_thread())
        self.reached.set()
        assert self.let.wait(20)
        self._sync(handle)


def test_nobody_waits_for_the_disk_and_the_latest_values_are_written(
    settings: Settings, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SlowDisk(monkeypatch)
    settings.set_value("paper", "Letter")
    assert disk.reached.wait(20)

    settings.set_value("appearance", "light")
    for pixels in (100, 300, 200):
        settings.set_value("thumbnail_size", pixels)

    assert settings.value("appearance") == "light"
    assert settings.value("thumbnail_size") == 200
    assert not paths.settings_file.exists(), "the first write has not ended"
    disk.let.set()
    settings.flush()
    kept = json.loads(paths.settings_file.read_text())
    assert (kept["paper"], kept["appearance"], kept["thumbnail_size"]) == ("Letter", "light", 200)
    assert len(disk.threads) == 4, "two writes, each of which syncs the file and its folder"
    assert threading.main_thread() not in disk.threads


def test_a_name_that_is_no_text_is_kept(settings: Settings, paths: Paths) -> None:
    odd = os.fsdecode(b"/images/caf\xe9.db")
    settings.set_value("last_dataset", odd)
    settings.flush()

    assert Settings(paths.settings_file).text("last_dataset") == odd


def test_a_full_disk_costs_the_memory_of_a_setting_and_a_sentence(
    settings: Settings, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def keep(pixels: int) -> None:
        settings.set_value("thumbnail_size", pixels)
        settings.flush()
        QCoreApplication.sendPostedEvents()

    told: list[str] = []
    settings.failed.connect(told.append)
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        keep(100)
        keep(101)
    (sentence,) = told  # the same is said once
    assert "settings.json: the disk is full; free some space" in sentence
    assert settings.value("thumbnail_size") == 101

    keep(102)

    assert Settings(paths.settings_file).value("thumbnail_size") == 102
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        keep(103)
    assert told == [sentence, sentence], "it is full again"


def test_a_place_that_cannot_be_written_is_a_sentence(
    qapp: object,  # noqa: ARG001 - signals need it
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    (tmp_path / "config").write_text("a file where a folder should be")
    settings = Settings(tmp_path / "config" / "settings.json")

    with qtbot.waitSignal(settings.failed) as failed:
        settings.set_value("paper", "Letter")
        settings.flush()

    assert failed.args[0].startswith(f"Cannot write {tmp_path / 'config' / 'settings.json'}: ")
    assert settings.value("paper") == "Letter"

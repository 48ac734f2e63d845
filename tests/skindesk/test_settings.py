"""Settings are kept, and a file that is half understood costs only what is not understood."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox, QLineEdit, QSpinBox

from skindesk.models.workspace import Workspace
from skindesk.pages.settings import SettingsPage
from skindesk.settings import SETTINGS, Settings

if TYPE_CHECKING:
    import pytest
    from pytestqt.qtbot import QtBot

    from skindesk.paths import Paths


def test_a_value_survives_a_restart(settings: Settings, paths: Paths) -> None:
    settings.set_value("appearance", "dark")
    settings.set_value("recent_datasets", ["/a/b.db"])

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


def test_the_latest_dataset_comes_first_and_none_twice(
    workspace: Workspace, paths: Paths, qtbot: QtBot
) -> None:
    first, second = paths.data / "a.db", paths.data / "b.db"
    with qtbot.waitSignal(workspace.dataset_changed):
        workspace.set_dataset(first)
    workspace.set_dataset(second)
    workspace.set_dataset(first)

    assert workspace.recent_datasets == [first, second]


def test_a_full_disk_costs_the_memory_of_a_setting_and_no_more(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skindesk.settings.write_text", full)

    settings.set_value("paper", "Letter")

    assert settings.value("paper") == "Letter"

"""What is under diagnosis is kept as a case with one button, and comes back; here without an engine."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox

from skindesk.models.cases.reading import list_cases, open_case
from skindesk.models.diagnosis.framing import Box, Framing
from skindesk.models.diagnosis.patient import PatientFields
from skindesk.pages.settings import SettingsPage
from tests.skindesk.diagnosis_page import PageWindow
from tests.skindesk.saved_cases import save

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from skindesk.engine.engines import Engines
    from skindesk.models.cases.record import CaseSummary
    from skindesk.models.workspace import Workspace
    from skindesk.pages.diagnosis import DiagnosisPage
    from skindesk.paths import Paths
    from skindesk.settings import Settings

PATIENCE_MS = 30_000
NAME = "Zebulon Quexley"


@pytest.fixture
def opened(
    qtbot: QtBot, engines: Engines, workspace: Workspace, settings: Settings, paths: Paths
) -> Callable[[], PageWindow]:
    """Opens one more window on the page; its engine takes no jobs, so that none is started."""
    engines.diagnosis.begin_close()
    windows = []

    def open_window() -> PageWindow:
        windows.append(PageWindow(engines.diagnosis, workspace, settings, paths, qtbot))
        return windows[-1]

    return open_window


@pytest.fixture
def images(small_folder: Path, tmp_path: Path) -> list[Path]:
    """Three images that a test may move."""
    folder = tmp_path / "images"
    folder.mkdir()
    sources = sorted((small_folder / "images").glob("*.png"))[:3]
    return [Path(shutil.copyfile(source, folder / source.name)) for source in sources]


def take(qtbot: QtBot, page: DiagnosisPage, images: list[Path]) -> None:
    page.add_images(images)
    qtbot.waitUntil(
        lambda: (
            {image.path for image in page.model.images} >= set(images)
            and all(image.size is not None for image in page.model.images)
        ),
        timeout=PATIENCE_MS,
    )


def saved(qtbot: QtBot, page: DiagnosisPage, paths: Paths, cases: int) -> tuple[CaseSummary, ...]:
    """Press the button; return the cases once they are told of."""
    page.notice.clear()
    assert page.commands.keep.isEnabled()
    page.commands.keep.trigger()
    qtbot.waitUntil(lambda: bool(page.notice.text), timeout=PATIENCE_MS)
    found = list_cases(paths.cases).cases
    assert len(found) == cases
    return found


def test_the_button_keeps_framing_and_the_case_comes_back(
    qtbot: QtBot, opened: Callable[[], PageWindow], images: list[Path], paths: Paths
) -> None:
    window = opened()
    page = window.page
    assert not page.commands.keep.isEnabled()
    take(qtbot, page, images[:2])
    page.model.set_together(together=True)
    page.model.set_framing(page.model.images[1].number, Framing(90.0, Box(0.0, 0.0, 0.5, 1.0)))
    (case,) = saved(qtbot, page, paths, 1)
    assert page.notice.text == "Saved as case 1."
    page.commands.clear.trigger()
    window.cases.reopen(case.case_id)
    qtbot.waitUntil(lambda: len(page.model.images) == 2, timeout=PATIENCE_MS)
    assert [image.framing for image in page.model.images] == [
        Framing(),
        Framing(90.0, Box(0.0, 0.0, 0.5, 1.0)),
    ]
    assert page.model.together
    assert all(image.path.is_relative_to(paths.cases) for image in page.model.images)
    saved(qtbot, page, paths, 1)  # it is the same case


def test_images_of_several_lesions_become_a_case_each(
    qtbot: QtBot, opened: Callable[[], PageWindow], images: list[Path], paths: Paths
) -> None:
    page = opened().page
    take(qtbot, page, images)
    saved(qtbot, page, paths, 3)
    assert page.notice.text == "Saved as 3 cases, one for each image."
    page.model.set_framing(page.model.images[0].number, Framing(90.0))
    page.model.undo()  # what is taken back is still the same cases
    saved(qtbot, page, paths, 3)


def test_a_new_image_of_a_lesion_joins_its_case(
    qtbot: QtBot, opened: Callable[[], PageWindow], images: list[Path], paths: Paths
) -> None:
    window = opened()
    page = window.page
    case = save(paths.cases, images[:1])
    window.cases.reopen(case.link.case_id)
    qtbot.waitUntil(lambda: len(page.model.images) == 1, timeout=PATIENCE_MS)
    take(qtbot, page, images[1:2])
    assert page.images.together.isChecked()
    cases = saved(qtbot, page, paths, 2)  # that of the other network stays as it is
    assert [listed.images for listed in cases] == [2, 1]
    assert len({listed.state.lesion for listed in cases}) == 1


def test_the_key_saves_and_the_notice_leads_to_the_cases(
    qtbot: QtBot, opened: Callable[[], PageWindow], images: list[Path], paths: Paths, workspace: Workspace
) -> None:
    page = opened().page
    take(qtbot, page, images[:1])
    page.activateWindow()
    qtbot.keyClick(
        page, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    qtbot.waitUntil(lambda: page.notice.text == "Saved as case 1.", timeout=PATIENCE_MS)
    assert list_cases(paths.cases).cases
    with qtbot.waitSignal(workspace.go_to) as went:
        page.notice.acted.emit()
    assert went.args == ["cases"]


@pytest.mark.parametrize("kept", [False, True])
def test_patient_details_are_kept_only_where_that_is_asked(
    qtbot: QtBot, opened: Callable[[], PageWindow], images: list[Path], paths: Paths, *, kept: bool
) -> None:
    page = opened().page
    take(qtbot, page, images[:1])
    page.patient.unfold()
    page.patient.editors["name"].setText(NAME)
    page.patient.editors["notes"].setPlainText(f"{NAME} itches")
    page.patient.keep.setChecked(kept)
    (case,) = saved(qtbot, page, paths, 1)
    page.unfinished.keeper.close()
    assert (case.patient.name == NAME) == kept
    written = b"".join(file.read_bytes() for file in paths.data_root.rglob("*") if file.is_file())
    assert (NAME.encode() in written) == kept
    if kept:  # not any more
        page.patient.keep.setChecked(False)
        (case,) = saved(qtbot, page, paths, 1)
        assert case.patient == PatientFields()


def test_the_settings_page_and_the_card_agree(
    qtbot: QtBot, opened: Callable[[], PageWindow], settings: Settings, paths: Paths
) -> None:
    page, settings_page = opened().page, SettingsPage(settings, paths)
    qtbot.addWidget(settings_page)
    box = settings_page.fields["keep_patient"]
    assert isinstance(box, QCheckBox)
    box.setChecked(True)
    assert page.patient.keep.isChecked()
    assert "Stored with the unfinished diagnosis" in page.patient.kept.text()
    page.patient.keep.setChecked(False)
    assert not box.isChecked()
    assert not settings.flag("keep_patient")


def test_unticking_takes_the_details_out_of_the_unfinished_diagnosis(
    qtbot: QtBot, opened: Callable[[], PageWindow], paths: Paths
) -> None:
    page = opened().page
    page.patient.keep.setChecked(True)
    page.patient.editors["name"].setText(NAME)
    qtbot.waitUntil(
        lambda: any(NAME in file.read_text() for file in paths.unfinished.glob("*.json")), timeout=PATIENCE_MS
    )
    page.patient.keep.setChecked(False)
    qtbot.waitUntil(lambda: not list(paths.unfinished.glob("*.json")), timeout=PATIENCE_MS)
    assert page.patient.editors["name"].text() == NAME


def test_referenced_images_are_not_copied_and_one_that_is_gone_is_said(
    qtbot: QtBot, opened: Callable[[], PageWindow], images: list[Path], paths: Paths, settings: Settings
) -> None:
    settings.set_value("case_images", "reference")
    window = opened()
    page = window.page
    take(qtbot, page, images[:1])
    (case,) = saved(qtbot, page, paths, 1)
    assert not (paths.cases / "images").exists()
    page.commands.clear.trigger()
    images[0].unlink()
    window.cases.reopen(case.case_id)
    qtbot.waitUntil(
        lambda: any("no longer exists" in tile.sentence for tile in page.images.strip.tiles),
        timeout=PATIENCE_MS,
    )


def test_a_full_disk_is_said_and_the_diagnosis_stays(
    qtbot: QtBot,
    opened: Callable[[], PageWindow],
    images: list[Path],
    paths: Paths,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = opened().page
    take(qtbot, page, images[:1])

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    page.commands.keep.trigger()
    qtbot.waitUntil(lambda: "the disk is full" in page.notice.text, timeout=PATIENCE_MS)
    monkeypatch.undo()
    assert len(page.model.images) == 1
    assert not list_cases(paths.cases).cases
    saved(qtbot, page, paths, 1)


def test_what_could_not_be_answered_can_still_be_saved(
    qtbot: QtBot, opened: Callable[[], PageWindow], images: list[Path], paths: Paths, tiny_run: Path
) -> None:
    page = opened().page  # its engine takes no questions
    qtbot.waitUntil(lambda: page.network.facts is not None, timeout=PATIENCE_MS)
    assert page.network.facts.folder.is_relative_to(tiny_run)
    take(qtbot, page, images[:2])
    page.model.set_together(together=True)
    qtbot.waitUntil(lambda: page.model.failure is not None, timeout=PATIENCE_MS)
    (case,) = saved(qtbot, page, paths, 1)
    assert (case.images, case.predicted) == (2, "")


def test_an_erased_case_goes_from_the_page_and_from_what_is_kept_unfinished(
    qtbot: QtBot, opened: Callable[[], PageWindow], images: list[Path], paths: Paths
) -> None:
    window = opened()
    page = window.page
    page.patient.keep.setChecked(True)
    take(qtbot, page, images[:1])
    page.patient.editors["name"].setText(NAME)
    (case,) = saved(qtbot, page, paths, 1)
    page.unfinished.set_aside()
    window.cases.reopen(case.case_id)  # now it is kept twice
    qtbot.waitUntil(lambda: len(page.model.images) == 1, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: len(list(paths.unfinished.glob("*.json"))) == 2, timeout=PATIENCE_MS)
    window.cases.refresh()
    qtbot.waitUntil(lambda: len(window.cases.cases) == 1, timeout=PATIENCE_MS)
    done: list[bool] = []
    window.cases.erase(window.cases.cases, lambda: done.append(True))
    qtbot.waitUntil(lambda: bool(done), timeout=PATIENCE_MS)
    assert page.model.case.empty
    assert page.patient.editors["name"].text() == ""
    assert not list(paths.unfinished.glob("*.json"))
    assert not list_cases(paths.cases).cases
    written = b"".join(file.read_bytes() for file in paths.data_root.rglob("*") if file.is_file())
    assert NAME.encode() not in written


def test_a_case_that_is_erased_elsewhere_is_saved_anew(
    qtbot: QtBot, opened: Callable[[], PageWindow], images: list[Path], paths: Paths
) -> None:
    page = opened().page
    take(qtbot, page, images[:1])
    (first,) = saved(qtbot, page, paths, 1)
    with sqlite3.connect(paths.cases / "cases.db") as connection:
        connection.execute("DELETE FROM cases")
    connection.close()
    (again,) = saved(qtbot, page, paths, 1)
    assert again.number > first.number
    assert "was changed or removed meanwhile" in page.notice.text
    assert open_case(paths.cases, again.case_id).diagnosis.images[0].copy


def test_a_case_of_a_network_that_is_not_here_says_so(
    opened: Callable[[], PageWindow], images: list[Path], paths: Paths
) -> None:
    page = opened().page
    case = save(paths.cases, images[:1])
    page.open_case(open_case(paths.cases, case.link.case_id))
    assert len(page.model.images) == 1
    assert "saved with the network “First network”, which is not here" in page.notice.text

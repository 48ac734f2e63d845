"""The page of cases: found, compared over time, confirmed, judged, exported, removed, erased."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QDate, Qt
from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QWidget

from skindesk.background import all_done
from skindesk.models.cases.cases import CasesModel
from skindesk.models.cases.export import export_archive, export_table
from skindesk.models.cases.reading import list_cases
from skindesk.models.cases.saving import save_case
from skindesk.models.diagnosis.patient import PatientFields
from skindesk.pages.cases import CasesPage
from tests.skindesk.saved_cases import new_case, prediction, save
from trainer.predictions import UNLIKE, AppliedPoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from skindesk.models.cases.saving import Saved
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from skindesk.settings import Settings

PATIENCE_MS = 20_000
NAME = "Zebulon Quexley"


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    files = []
    for number in range(4):
        files.append(tmp_path / f"{NAME} {number}.png")
        Image.fromarray(np.full((30, 40, 3), 60 * number, np.uint8)).save(files[-1])
    return files


@pytest.fixture
def three(paths: Paths, images: list[Path]) -> list[Saved]:
    """Three saved cases."""
    return [
        save(paths.cases, images[:1], "mel", patient=PatientFields(name=NAME, site="left forearm")),
        save(paths.cases, images[1:2], "nv", patient=PatientFields(name="Ada", site="back")),
        save(paths.cases, images[2:4], "bcc"),
    ]


@pytest.fixture
def opened(qtbot: QtBot, paths: Paths, workspace: Workspace, settings: Settings) -> Callable[[], CasesPage]:
    """Opens a window on the cases as they are then."""

    windows = []

    def open_page() -> CasesPage:
        window = QWidget()  # leaves the page as large as it is
        page = CasesPage(CasesModel(paths, window), workspace, settings, window)
        qtbot.addWidget(window)
        windows.append(window)
        for widget in (window, page):
            widget.resize(1200, 800)
        window.show()
        qtbot.waitUntil(lambda: page._cases.looked, timeout=PATIENCE_MS)
        return page

    return open_page


@pytest.fixture
def page(qtbot: QtBot, three: list[Saved], opened: Callable[[], CasesPage]) -> CasesPage:  # noqa: ARG001 - the cases are there first
    """The page with three cases, the last of which is shown."""
    page = opened()
    qtbot.waitUntil(lambda: bool(page.detail.over_time.tiles), timeout=PATIENCE_MS)
    return page


def numbers(page: CasesPage) -> list[int]:
    return [case.number for case in page.table.cases.rows]


def choose(qtbot: QtBot, page: CasesPage, *wanted: int) -> None:
    """Select cases by number; where it is one, wait until it is shown."""
    page.table.choose([case.case_id for case in page.table.cases.rows if case.number in wanted])
    if len(wanted) == 1:
        shown = page.detail.over_time
        qtbot.waitUntil(
            lambda: (
                shown.isVisible()
                and any(tile.moment.case.summary.number == wanted[0] for tile in shown.tiles)
            ),
            timeout=PATIENCE_MS,
        )


def confirm(qtbot: QtBot, page: CasesPage, number: int, class_name: str, how: str = "histo") -> None:
    choose(qtbot, page, number)
    card = page.detail.confirmed
    qtbot.waitUntil(lambda: card.class_name.isVisible() and page.detail.name.full_text() == f"Case {number}")
    place = card.class_name.findData(class_name)
    if place >= 0:
        card.class_name.setCurrentIndex(place)
        card.class_name.activated.emit(place)
    else:
        card.class_name.lineEdit().setText(class_name)
        card.class_name.lineEdit().editingFinished.emit()
    card.day.setDate(QDate(2026, 5, 6))
    card.how.setCurrentIndex(card.how.findData(how))
    card.how.activated.emit(card.how.currentIndex())


def stored(paths: Paths, number: int) -> str:
    return next(case for case in list_cases(paths.cases).cases if case.number == number).state.confirmed_class


def test_a_page_without_cases_says_how_to_get_one(qtbot: QtBot, opened: Callable[[], CasesPage]) -> None:
    page = opened()
    qtbot.waitUntil(page.empty.isVisible)
    assert not page.view.isVisible()


def test_cases_are_found_by_every_word_that_is_typed(qtbot: QtBot, page: CasesPage) -> None:
    for typed, found in (
        ("forearm quexley", [1]),
        ("melanocytic", [2]),
        ("nv", [2]),
        ("#3", [3]),
        ("first network", [3, 2, 1]),
        ("nobody", []),
        ("", [3, 2, 1]),
    ):
        page.search.setText(typed)
        qtbot.waitUntil(lambda found=found: numbers(page) == found, timeout=PATIENCE_MS)


def test_columns_sort_and_what_is_missing_comes_last(page: CasesPage) -> None:
    patient = 5
    page.table.sortByColumn(patient, Qt.SortOrder.AscendingOrder)
    assert numbers(page) == [2, 1, 3]
    page.table.sortByColumn(patient, Qt.SortOrder.DescendingOrder)
    assert numbers(page) == [1, 2, 3]


def test_a_case_shows_its_images_result_and_patient(qtbot: QtBot, page: CasesPage) -> None:
    choose(qtbot, page, 1)
    (tile,) = page.detail.over_time.tiles
    qtbot.waitUntil(lambda: not tile.picture.pixmap().isNull())
    assert tile.result.full_text() == "▲ Melanoma 60.0\xa0%"
    assert page.detail.result.predicted.text() == "▲ Melanoma  60.0\xa0%"
    assert "Malignant classes (▲) together: 80.0\xa0%" in page.detail.result.malignant.text()
    assert page.detail.patient.isVisible()
    choose(qtbot, page, 3)
    assert len(page.detail.over_time.tiles) == 2
    assert "no common scale" in page.detail.over_time.note.text()
    assert not page.detail.patient.isVisible()


def test_an_image_that_is_gone_leaves_its_small_copy_and_a_sentence(
    qtbot: QtBot, page: CasesPage, paths: Paths, three: list[Saved]
) -> None:
    (copy,) = (paths.cases / "images" / three[0].link.case_id).iterdir()
    copy.unlink()
    choose(qtbot, page, 1)
    (tile,) = page.detail.over_time.tiles
    note = page.detail.over_time.note
    qtbot.waitUntil(lambda: "1 image moved or deleted" in note.text(), timeout=PATIENCE_MS)
    assert tile.toolTip() == "The image file is gone."
    assert not tile.picture.pixmap().isNull()


def test_a_flagged_result_is_said_and_folded_away_everywhere(
    qtbot: QtBot, paths: Paths, images: list[Path], opened: Callable[[], CasesPage], tmp_path: Path
) -> None:
    new = new_case(images[:1])
    flagged = msgspec.structs.replace(
        prediction(), in_distribution=False, warnings=(f"{UNLIKE}: it is odd.",)
    )
    image = msgspec.structs.replace(new.diagnosis.images[0], prediction=flagged)
    diagnosis = msgspec.structs.replace(new.diagnosis, images=(image,))
    saved = save_case(paths.cases, replace(new, diagnosis=diagnosis))
    page = opened()
    qtbot.waitUntil(lambda: bool(page.detail.over_time.tiles), timeout=PATIENCE_MS)
    assert page.table.cases.index(0, 2).data() == "Unreliable"
    assert page.table.cases.index(0, 3).data() == "–"
    assert page.detail.over_time.tiles[0].result.full_text() == UNLIKE
    result = page.detail.result
    assert result.flag.text() == UNLIKE
    assert result.flag.isVisible()
    assert not result.bars.isVisible()
    result.fold.click()
    assert result.bars.isVisible()
    table = export_table(paths.cases, [saved.link.case_id], tmp_path / "a.csv", identifying=False)
    (row,) = csv.DictReader(io.StringIO(table.read_text()))
    assert row["in_distribution"] == "false"


def test_the_operating_point_leads_and_is_judged(
    qtbot: QtBot, paths: Paths, images: list[Path], opened: Callable[[], CasesPage], tmp_path: Path
) -> None:
    new = new_case(images[:1], "nv")
    point = AppliedPoint(target="malignant", probability=0.4, threshold=0.08, sensitivity=0.95)
    told = msgspec.structs.replace(
        prediction("nv"), above_threshold=True, operating_point=point, prediction_set=("nv", "mel")
    )
    image = msgspec.structs.replace(new.diagnosis.images[0], prediction=told)
    diagnosis = msgspec.structs.replace(new.diagnosis, images=(image,))
    saved = save_case(paths.cases, replace(new, diagnosis=diagnosis))
    page = opened()
    confirm(qtbot, page, 1, "mel")
    qtbot.waitUntil(lambda: stored(paths, 1) == "mel", timeout=PATIENCE_MS)
    assert page.table.cases.index(0, 3).data() == "40.0\xa0%, flagged"
    assert page.detail.result.headline.text().startswith("Flagged: malignant 40")
    page.view.chosen.emit("results")
    results = page.results
    qtbot.waitUntil(lambda: results.table.facts.rowCount() > 0, timeout=PATIENCE_MS)
    rows = {fact.title: fact.cells for fact in results.table.facts.facts.rows}
    assert "Operating point: malignant above 8.0\xa0%, chosen for 95\xa0% sensitivity" in rows
    assert rows["Malignant, flagged by it"][:4] == ("1", "1", "1", "100.0\xa0%")
    assert rows["Malignant, predicted malignant"][:4] == ("1", "1", "0", "0.0\xa0%")
    table = export_table(paths.cases, [saved.link.case_id], tmp_path / "a.csv", identifying=False)
    (row,) = csv.DictReader(io.StringIO(table.read_text()))
    assert row["above_threshold"] == "true"
    assert row["operating_point"] == "malignant >= 0.080000 for 0.95"
    assert row["prediction_set"] == "nv; mel"


def test_cases_joined_as_one_lesion_are_compared_and_confirmed_together(
    qtbot: QtBot, page: CasesPage, paths: Paths
) -> None:
    confirm(qtbot, page, 1, "mel")
    qtbot.waitUntil(lambda: stored(paths, 1) == "mel", timeout=PATIENCE_MS)
    choose(qtbot, page, 1, 2)
    page.case_actions.join.trigger()
    qtbot.waitUntil(lambda: stored(paths, 2) == "mel", timeout=PATIENCE_MS)
    choose(qtbot, page, 2)
    qtbot.waitUntil(lambda: len(page.detail.over_time.tiles) == 2, timeout=PATIENCE_MS)
    assert [tile.moment.case.summary.number for tile in page.detail.over_time.tiles] == [1, 2]
    confirm(qtbot, page, 2, "nv")
    qtbot.waitUntil(lambda: stored(paths, 1) == "nv", timeout=PATIENCE_MS)
    page.case_actions.undo.trigger()  # how
    page.case_actions.undo.trigger()  # the class
    page.case_actions.undo.trigger()  # that they show one lesion
    qtbot.waitUntil(lambda: stored(paths, 2) == "", timeout=PATIENCE_MS)
    assert len({case.state.lesion for case in list_cases(paths.cases).cases}) == 3


def test_images_are_ordered_by_the_day_that_is_entered(qtbot: QtBot, page: CasesPage) -> None:
    choose(qtbot, page, 3)
    tiles = page.detail.over_time.tiles
    assert [tile.moment.place for tile in tiles] == [0, 1]
    tiles[1].day.setDate(QDate(2019, 8, 7))

    def order() -> list[int]:
        return [tile.moment.place for tile in page.detail.over_time.tiles]

    qtbot.waitUntil(lambda: order() == [1, 0], timeout=PATIENCE_MS)
    assert page.detail.over_time.tiles[0].day.day == "2019-08-07"
    page.case_actions.undo.trigger()
    qtbot.waitUntil(lambda: order() == [0, 1], timeout=PATIENCE_MS)


def test_cases_confirmed_differently_are_no_lesion(qtbot: QtBot, page: CasesPage, paths: Paths) -> None:
    confirm(qtbot, page, 1, "mel")
    confirm(qtbot, page, 2, "nv")
    choose(qtbot, page, 1, 2)
    page.case_actions.join.trigger()
    assert "different confirmed classes" in page.failure.text
    assert len({case.state.lesion for case in list_cases(paths.cases).cases}) == 3


def test_what_is_confirmed_is_judged_with_counts_intervals_and_a_warning(
    qtbot: QtBot, page: CasesPage, paths: Paths
) -> None:
    confirm(qtbot, page, 1, "mel")
    confirm(qtbot, page, 2, "mel", "consensus")
    confirm(qtbot, page, 3, "wart")
    qtbot.waitUntil(lambda: stored(paths, 3) == "wart", timeout=PATIENCE_MS)
    page.view.chosen.emit("results")
    results = page.results
    qtbot.waitUntil(lambda: "2 cases of 2 lesions" in results.basis.text(), timeout=PATIENCE_MS)
    assert results.warning.isVisible()
    assert "selection" in results.warning.text()
    assert "Histopathology 1" in results.basis.text()
    assert "wart (1)" in results.basis.text()
    rows = {fact.title: fact.cells for fact in results.table.facts.facts.rows}
    assert rows["Malignant, predicted malignant"][:4] == ("2", "2", "1", "50.0\xa0%")
    assert rows["Benign, predicted benign"] == ("0", "0", "0", "–", "–")
    assert rows["▲ Melanoma"][:3] == ("2", "2", "1")
    assert "▲ Basal cell carcinoma" not in rows


def test_a_note_is_stored_and_undone(qtbot: QtBot, page: CasesPage, paths: Paths) -> None:
    choose(qtbot, page, 2)
    page.detail.note.field.setPlainText("itches since May")
    choose(qtbot, page, 1)  # going on stores it at once
    qtbot.waitUntil(
        lambda: {case.state.note for case in list_cases(paths.cases).cases} == {"", "itches since May"},
        timeout=PATIENCE_MS,
    )
    page.search.setText("itches")
    qtbot.waitUntil(lambda: numbers(page) == [2], timeout=PATIENCE_MS)
    page.case_actions.undo.trigger()
    qtbot.waitUntil(lambda: numbers(page) == [], timeout=PATIENCE_MS)


def test_removed_cases_can_be_put_back_until_they_are_erased(
    qtbot: QtBot, page: CasesPage, paths: Paths
) -> None:
    choose(qtbot, page, 1, 2)
    page.case_actions.remove.trigger()
    assert numbers(page) == [3]
    page.notice.acted.emit()  # Undo
    assert numbers(page) == [3, 2, 1]
    choose(qtbot, page, 1, 2)
    page.case_actions.remove.trigger()
    page.kind.buttons["removed"].click()
    assert numbers(page) == [2, 1]
    choose(qtbot, page, 2)
    page.case_actions.put_back.trigger()
    assert numbers(page) == [1]
    choose(qtbot, page, 1)
    page.case_actions.erase_now(page.table.chosen)
    qtbot.waitUntil(lambda: len(list_cases(paths.cases).cases) == 2, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: page.notice.text == "Erased 1 case.", timeout=PATIENCE_MS)
    assert not any(b"left forearm" in file.read_bytes() for file in paths.cases.rglob("*") if file.is_file())
    while page.case_actions.undo.isEnabled():  # nothing of it can come back
        page.case_actions.undo.trigger()
    assert len(page._cases.cases) == 2


def test_two_windows_see_what_the_other_does(
    qtbot: QtBot, page: CasesPage, opened: Callable[[], CasesPage]
) -> None:
    other = opened()
    choose(qtbot, other, 3)
    other.case_actions.remove.trigger()
    qtbot.waitUntil(lambda: numbers(page) == [2, 1], timeout=PATIENCE_MS)


def test_a_damaged_file_is_said_in_place_of_the_list(
    qtbot: QtBot, three: list[Saved], paths: Paths, opened: Callable[[], CasesPage]
) -> None:
    assert three
    file = paths.cases / "cases.db"
    backup = file.read_bytes()
    page = opened()
    file.write_bytes(b"no database" * 1000)
    qtbot.waitUntil(page.damaged.isVisible, timeout=PATIENCE_MS)
    assert "is damaged" in page.damaged.explanation.text()
    file.write_bytes(backup)
    qtbot.waitUntil(page.table.isVisible, timeout=PATIENCE_MS)


@pytest.mark.parametrize("identifying", [False, True])
def test_exports_name_someone_only_where_that_is_ticked(
    qtbot: QtBot, page: CasesPage, paths: Paths, tmp_path: Path, identifying: bool
) -> None:
    choose(qtbot, page, 1)
    page.detail.note.field.setPlainText(f"told by {NAME}")
    page.detail.note.settle()
    qtbot.waitUntil(lambda: any(case.state.note for case in list_cases(paths.cases).cases))
    everyone = [case.case_id for case in list_cases(paths.cases).cases]
    table = export_table(paths.cases, everyone, tmp_path / "a.csv", identifying=identifying)
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [(row["case"], row["predicted"], row["mel"]) for row in rows] == [
        ("3", "bcc", "0.200000"),
        ("2", "nv", "0.200000"),
        ("1", "mel", "0.600000"),
    ]
    archive = export_archive(paths.cases, everyone, tmp_path / "a.zip", identifying=identifying)
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
        content = b"".join(packed.read(name) for name in names)
        cases = json.loads(packed.read("cases.json"))["cases"]
        with Image.open(packed.open("images/case-00003-2.png")) as image:
            assert image.size == (40, 30)
    assert cases[0]["files"] == ["images/case-00003-1.png", "images/case-00003-2.png"]
    assert (NAME.encode() in table.read_bytes()) == identifying
    assert (NAME.encode() in content) == identifying
    assert not any(NAME in name for name in names)


def test_keys_work_where_the_table_has_them(qtbot: QtBot, page: CasesPage) -> None:
    choose(qtbot, page, 2)
    page.window().activateWindow()
    page.table.setFocus()
    with qtbot.waitSignal(page._cases.reopened, timeout=PATIENCE_MS) as reopened:
        qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert reopened.args[0].summary.number == 2
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    assert numbers(page) == [3, 1]
    qtbot.keyClick(page.table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert numbers(page) == [3, 2, 1]
    qtbot.keyClick(page.table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert page.search.hasFocus()


def test_a_note_typed_a_moment_before_the_window_closed_is_stored(
    qtbot: QtBot, page: CasesPage, paths: Paths
) -> None:
    choose(qtbot, page, 1)
    page.detail.note.field.setPlainText("itches since May")
    page.window().close()
    assert all_done(10.0)
    assert "itches since May" in {case.state.note for case in list_cases(paths.cases).cases}


def test_everything_that_takes_the_focus_has_a_name(qtbot: QtBot, page: CasesPage) -> None:
    choose(qtbot, page, 1)
    widget = page.nextInFocusChain()
    named = 0
    while widget is not page:
        takes_keys = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        if takes_keys and widget.isVisible() and page.isAncestorOf(widget):
            parent = widget.parentWidget()
            inside = isinstance(
                parent, QComboBox | QAbstractSpinBox
            )  # the field of a box is named by the box
            assert inside or widget.accessibleName() or getattr(widget, "text", str)(), widget
            named += 1
        widget = widget.nextInFocusChain()
    assert named > 10

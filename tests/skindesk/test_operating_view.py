"""The operating point on the results page: chosen by button, mouse and key, saved, removed, taken back, and used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from skindesk.models.runs.operating import propose, read_basis, save_point
from skindesk.models.workspace import Workspace
from skindesk.pages.results.operating_view import OperatingView
from skindesk.pages.results.operating_words import target_title
from skindesk.paths import Paths
from tests.made_reference import give_reference, overlapping
from tests.skindesk.made_runs import make_report, make_run
from tests.skindesk.results_page import ResultsWindow
from trainer.dataset.classes.malignancy import Marks
from trainer.reference.reference import read_reference
from trainer.reference.rules import rules_of
from trainer.runs.bundle import POINT, read_manifest
from trainer.runs.marks import write_marks
from trainer.runs.operating_point import read_operating_point
from trainer.runs.reports import read_scored, write_scored

PATIENCE = 20_000  # ms


@pytest.fixture
def bundle(paths: Paths) -> Path:
    """A network of bkl, mel and nv with 60 melanomas set aside."""
    bundle = make_run(paths.runs / "run") / "bundle"
    give_reference(bundle, overlapping((20, 60, 150)))
    return bundle


@pytest.fixture
def view(qtbot: QtBot, results_window: ResultsWindow, bundle: Path) -> OperatingView:
    results_window.show()
    detail = results_window.page.detail
    qtbot.waitUntil(lambda: detail.record is not None, timeout=PATIENCE)
    qtbot.mouseClick(detail.tabs.buttons["operating"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: detail.operating.basis is not None, timeout=PATIENCE)
    assert detail.operating.isVisible()
    assert not detail.parts.isVisible()
    assert bundle == detail.summary.bundle if detail.summary is not None else False
    return detail.operating


def press(qtbot: QtBot, view: OperatingView, key: str) -> None:
    qtbot.mouseClick(view.sensitivity.buttons[key], Qt.MouseButton.LeftButton)


def said(view: OperatingView) -> str:
    return view.explanation.text().replace("\N{NO-BREAK SPACE}", " ")


def test_what_a_sensitivity_leads_to_is_said_in_counts_with_intervals(
    qtbot: QtBot, view: OperatingView
) -> None:
    assert view.sensitivity.current == "0.95"
    assert "0 (0.0 %, 0.0–6.0) of 60 malignant lesions would be missed" in said(view)
    assert "of 170 other lesions flagged." in said(view)
    assert (
        "With 95 % confidence the sensitivity for new lesions from the same source is at least 95 %"
        in said(view)
    )
    assert view.roc.dot is not None
    assert view.roc.dot[1] == 1.0
    press(qtbot, view, "0.9")
    assert view.proposal is not None
    assert view.proposal.point is not None
    assert view.proposal.point.missed == 1
    assert view.roc.dot[1] == pytest.approx(59 / 60)


def test_a_sensitivity_that_cannot_be_asserted_is_not_determinable(qtbot: QtBot, view: OperatingView) -> None:
    press(qtbot, view, "0.98")
    words = view.refusal.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "98 % is not determinable with 60 malignant lesions" in words
    assert "takes 149" in words
    assert not view.explanation.isVisible()
    assert not view.save_button.isEnabled()
    assert view.roc.dot is None


def test_the_point_is_moved_along_the_curve_by_mouse_and_keys(qtbot: QtBot, view: OperatingView) -> None:
    viewport = view.roc._view.viewport()
    view.ensureWidgetVisible(viewport)
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=viewport.rect().center())
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=viewport.rect().center())
    assert view.proposal is not None
    point = view.proposal.point
    assert point is not None
    assert point.missed > 2
    assert view.sensitivity.current == ""
    # What is asserted is less than what was seen on these lesions.
    assert point.sensitivity < 1 - point.missed / 60
    qtbot.keyClick(view.roc._view, Qt.Key.Key_Right)
    assert view.proposal.point is not None
    assert view.proposal.point.missed == point.missed - 1
    assert view.roc.place_at(QPointF(viewport.rect().center()))[0] > 0


def test_another_target_and_another_prevalence_change_the_figures(view: OperatingView) -> None:
    titles = [view.target.itemText(k) for k in range(view.target.count())]
    assert titles == ["All malignant classes together", "Benign keratosis", "Melanoma", "Melanocytic nevus"]
    view.target.setCurrentIndex(titles.index("Melanocytic nevus"))
    view.target.activated.emit(view.target.currentIndex())
    assert "of 150 lesions of melanocytic nevus would be missed" in said(view)
    before = view.benefit.sentence.text()
    assert "not the prevalence of a clinic" in before
    view.benefit.prevalence.setValue(2.0)
    assert view.benefit.sentence.text() != before
    assert [line.text for line in view.benefit.plot.lines] == [
        "this operating point",
        "any threshold",
        "examine every lesion",
        "examine none",
    ]


def test_a_point_is_saved_removed_and_taken_back(
    qtbot: QtBot, view: OperatingView, bundle: Path, workspace: Workspace
) -> None:
    with qtbot.waitSignal(workspace.bundle_edited, timeout=PATIENCE) as edited:
        qtbot.mouseClick(view.save_button, Qt.MouseButton.LeftButton)
    assert edited.args == [bundle]
    saved = read_operating_point(bundle)
    assert saved is not None
    assert saved.sensitivity == 0.95
    qtbot.waitUntil(lambda: not view.save_button.isEnabled(), timeout=PATIENCE)
    assert "Saved: malignant, 95 % sensitivity" in view._status.text().replace("\N{NO-BREAK SPACE}", " ")
    qtbot.mouseClick(view.remove_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not (bundle / POINT).exists(), timeout=PATIENCE)
    qtbot.waitUntil(lambda: "removed" in view.notice.text, timeout=PATIENCE)
    view.notice.acted.emit()
    qtbot.waitUntil(lambda: read_operating_point(bundle) == saved, timeout=PATIENCE)


def test_a_point_is_told_of_its_own_bundle_when_another_run_is_shown_by_then(
    qtbot: QtBot, view: OperatingView, results_window: ResultsWindow, bundle: Path
) -> None:
    record = results_window.page.detail.record
    assert record is not None
    without = replace(record, summary=replace(record.summary, bundle=None))
    with qtbot.waitSignal(view.saved, timeout=PATIENCE) as told:
        qtbot.mouseClick(view.save_button, Qt.MouseButton.LeftButton)
        view.show_record(without)
    assert told.args == [bundle]
    assert view.basis is None


def test_what_a_saved_point_and_the_sets_led_to_on_the_test_part_is_said(
    qtbot: QtBot, results_window: ResultsWindow, bundle: Path
) -> None:
    target = read_basis(bundle).targets["malignant"]
    proposal = propose(target, 0.9)
    assert proposal.point is not None
    save_point(bundle, proposal.point)
    folder = make_report(bundle.parent, "test", [("a", "mel", "mel"), ("b", "nv", "nv"), ("c", "nv", "mel")])
    truth, shares = np.array([1, 2, 2]), np.array([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.1, 0.6, 0.3]])
    reference = read_reference(bundle, read_manifest(bundle))
    assert reference is not None
    rules = rules_of(read_manifest(bundle), reference.validation)
    measured = rules.with_saved_point(bundle, read_manifest(bundle)).measured(
        np.log(shares), shares, truth, ("a", "b", "c"), read_manifest(bundle).calibration
    )
    scored = read_scored(folder)
    write_scored(
        folder,
        msgspec.structs.replace(scored, operating_point=measured.point, prediction_sets=measured.sets),
    )
    results_window.show()
    detail = results_window.page.detail
    qtbot.waitUntil(lambda: detail.record is not None, timeout=PATIENCE)
    detail.tabs.buttons["operating"].click()
    view = detail.operating
    qtbot.waitUntil(lambda: "On the test part, 0 of 1 malignant lesion" in said(view), timeout=PATIENCE)
    assert "1 (50.0 %" in said(view)
    assert view.sets.isVisibleTo(view)
    rows = view.sets.table.facts.facts.rows
    assert [row.title for row in rows] == ["All", "Benign keratosis", "▲ Melanoma", "Melanocytic nevus"]
    assert [row.cells[0] for row in rows] == ["3", "0", "1", "2"]
    # Another point was not what was scored.
    press(qtbot, view, "0.95")
    assert "On the test part" not in said(view)


def test_a_bundle_without_its_validation_figures_says_so(
    qtbot: QtBot, results_window: ResultsWindow, paths: Paths
) -> None:
    make_run(paths.runs / "bare")
    results_window.show()
    detail = results_window.page.detail
    qtbot.waitUntil(lambda: detail.record is not None, timeout=PATIENCE)
    detail.tabs.buttons["operating"].click()
    qtbot.waitUntil(
        lambda: "Complete it from its dataset" in detail.operating.explanation.text(), timeout=PATIENCE
    )
    assert not detail.operating.save_button.isVisible()


def test_a_point_for_other_malignant_classes_is_not_shown_as_chosen(bundle: Path) -> None:
    first = read_basis(bundle)
    chosen = propose(first.targets["malignant"], 0.9).point
    save_point(bundle, chosen)
    assert read_basis(bundle).saved == chosen
    assert read_basis(bundle).outdated == ""
    write_marks(bundle, Marks(malignant=("bkl", "mel"), benign=("nv",)))
    basis = read_basis(bundle)
    assert basis.targets["malignant"].target.classes == ("bkl", "mel")
    assert "Choose it again" in basis.outdated


def test_a_class_is_called_as_its_dataset_writes_it() -> None:
    assert target_title("malignant") == "All malignant classes together"
    assert target_title("mel") == "Melanoma"
    assert target_title("BCC nodular") == "BCC nodular"

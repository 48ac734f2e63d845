"""Tables of facts and curves of runs whose names are long, in a window that is not wide."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from skindesk.widgets.basics import shortened
from skindesk.widgets.fact_table import Fact, Facts, FactTable
from skindesk.widgets.plots.curve_compare import CurveCompare, RunCurves
from tests.skindesk.made_runs import make_epochs

LONG = "the third run, with other augmentation and a lower learning rate, of Tuesday afternoon"

pytestmark = pytest.mark.usefixtures("settings")


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    """Holds what is tested without a layout: what it asks for is no wish to the window system."""
    window = QWidget()
    window.resize(800, 400)
    qtbot.addWidget(window)
    window.show()
    return window


@pytest.fixture
def table(window: QWidget) -> FactTable:
    table = FactTable("A table", window)
    table.resize(600, 200)
    table.show()
    return table


def test_a_long_heading_leaves_room_for_the_others(table: FactTable) -> None:
    table.show_facts(Facts(("Figure", LONG, "two"), (Fact("Recall", ("1 %", "2 %")),), numbers=False))
    header = table.horizontalHeader()
    assert header.sectionSize(1) < 400
    assert table.facts.headerData(1, header.orientation(), 3) == LONG  # its tooltip
    assert LONG in table.facts.as_text()


def test_titles_are_not_squeezed_by_figures(table: FactTable) -> None:
    figures = ("100.0 % (100.0 to 100.0)",) * 6
    columns = ("Class", "Images", "Recall", "Precision", "F1", "AUC", "More")
    table.show_facts(Facts(columns, (Fact("Actinic keratosis or intraepithelial carcinoma", figures),)))
    assert table.columnWidth(0) == 200
    table.show_facts(Facts(("Class", "Recall"), (Fact("nv", ("1 %",)),)))
    assert table.columnWidth(0) + table.columnWidth(1) == table.viewport().width()


def test_curves_of_classes_with_long_names_fit_a_narrow_window(window: QWidget) -> None:
    curves = CurveCompare(window)
    curves.show_runs([RunCurves(LONG, tuple(make_epochs([0.5])))], [LONG])
    curves.show()
    curves.metrics.buttons["recall"].click()
    assert curves.classes.isVisible()
    assert curves.minimumSizeHint().width() <= 784


def test_a_shortened_text_keeps_its_ends() -> None:
    assert shortened("a run") == "a run"
    assert shortened(LONG, 21) == "the third…afternoon"
    assert len(shortened("x" * 100)) <= 32

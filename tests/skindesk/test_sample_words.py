"""Names of classes and samples in little room: cut with dots, and only where they do not fit."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QFontMetricsF
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from skindesk.widgets.lettering import breaking
from skindesk.widgets.plots.class_chart import ChartColumn, ClassChart
from skindesk.widgets.plots.recall_bars import RecallBars
from skindesk.widgets.samples.filter_row import FilterRow
from skindesk.widgets.samples.painter import caption_of
from trainer.events import PartMetrics

LONG = "Superficial spreading melanoma with regression structures"


@pytest.mark.usefixtures("settings")
def test_a_caption_gives_up_the_id_before_the_class(qtbot: QtBot) -> None:
    chart = ClassChart()
    qtbot.addWidget(chart)
    metrics = QFontMetrics(chart.font())
    assert caption_of("nv", "24311", 200, metrics) == ("nv", "24311")
    assert caption_of("nv", "a folder/a name of a file.png", 120, metrics)[1].startswith("…")
    label, sample_id = caption_of(LONG, "24311", 120, metrics)
    assert "…" in label
    assert metrics.horizontalAdvance(label) <= 120
    assert sample_id == ""


@pytest.mark.usefixtures("settings")
def test_names_that_fit_are_whole_in_the_chart(qtbot: QtBot) -> None:
    for name in ("Melanocytic nevus", "Basal cell carcinoma", "kind 7", "Dermatofibroma", "wwwwiiiijjjj"):
        chart = ClassChart()
        qtbot.addWidget(chart)
        chart.resize(800, 100)
        chart.show_counts((name,), (), [ChartColumn("All", {name: 1})])
        assert chart.shown_names() == [name]
    chart.show_counts((LONG * 3,), (), [ChartColumn("All", {LONG * 3: 1})])
    assert chart.shown_names()[0].endswith("…")


@pytest.mark.usefixtures("settings")
def test_recalls_of_long_classes_are_broken_and_not_cut(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    bars = RecallBars(window)
    bars.resize(300, 100)
    window.show()
    bars.set_metrics(
        PartMetrics(loss=1.0, accuracy=1.0, macro_recall=1.0, recall={"nv": 1.0, LONG: 0.5}, support={})
    )
    one_line = bars.minimumHeight()
    bars.resize(900, 100)
    assert bars.minimumHeight() < one_line, "a wide one needs no second line"
    assert bars.minimumHeight() == 2 * 24


@pytest.mark.usefixtures("settings")
def test_long_classes_are_broken_between_words_in_the_filter(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    row = FilterRow("other", LONG, parent=window)
    row.set_count(12, 40)
    row.resize(800, 40)
    window.show()
    one_line = row.height()
    row.resize(170, 40)
    assert row.height() >= one_line + 2 * row.fontMetrics().height()
    metrics = QFontMetricsF(row.font())
    assert breaking(LONG, metrics, 150.0) == int(Qt.TextFlag.TextWordWrap)
    assert breaking("wwwwiiiijjjj" * 4, metrics, 150.0) == int(Qt.TextFlag.TextWrapAnywhere)

"""Plots that follow a run: what is drawn, how often, read and saved."""

from __future__ import annotations

import csv
import io
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from skindesk.models.runs.live import LiveRun
from skindesk.pages.training.run_charts import RunCharts
from skindesk.pages.training.run_panel import TICK_MS, RunPanel
from skindesk.widgets.plots.live_plot import Curve, LivePlot
from skindesk.widgets.plots.marks import Mark
from skindesk.widgets.theme import DARK, LIGHT, apply_theme
from tests.skindesk.made_events import HEAD_EPOCHS, MADE_CONFIG, TUNE_EPOCHS, both_stages
from trainer.events import StageStarted, StepDone

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from skindesk.settings import Settings

pytestmark = pytest.mark.usefixtures("settings")

SECONDS = 3.0
PER_SECOND = 1_000


@pytest.fixture
def plot(qtbot: QtBot) -> LivePlot:
    """A plot of two curves of three points, shown."""
    plot = LivePlot("Loss by epoch")
    qtbot.addWidget(plot)
    plot.set_curves([Curve("train", "train"), Curve("validation", "validation", style="dashed")])
    epochs = np.array([1.0, 2.0, 3.0])
    plot.set_data("train", epochs, np.array([0.9, 0.5, 0.25]))
    plot.set_data("validation", epochs[:2], np.array([1.0, 0.625]))
    plot.setFixedSize(480, 300)
    plot.show()
    qtbot.waitExposed(plot)
    plot.finish_update(4.0)
    return plot


@pytest.fixture
def panel(qtbot: QtBot, settings: Settings) -> RunPanel:
    """The right side of the training page, shown."""
    panel = RunPanel(settings)
    qtbot.addWidget(panel)
    panel.setFixedSize(900, 800)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


@pytest.fixture
def charts(qtbot: QtBot, settings: Settings) -> RunCharts:
    """What saves plots."""
    charts = RunCharts(settings)
    qtbot.addWidget(charts)
    return charts


def view_of(plot: LivePlot) -> QWidget:
    return plot._view


def test_a_whole_run_is_drawn_with_its_marks(qtbot: QtBot, panel: RunPanel) -> None:
    run = LiveRun("made", MADE_CONFIG)
    panel.show_run(run, ("mel",))
    for event in both_stages(best=2):
        run.hear(event)
    panel.wake()
    charts = panel.charts
    qtbot.waitUntil(lambda: len(charts.bars.rows()) == 3)
    qtbot.waitUntil(lambda: all(len(plot.marks.stages) == 1 for plot in charts.plots))
    for plot in charts.plots:
        assert plot.marks.best == Mark(5.0, "best, epoch 5")
        assert plot.marks.stages == [Mark(3.0, "Fine-tune")]
    x, y = charts.loss.points("validation")
    assert x.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert y[0] == 1.2
    assert len(charts.loss.points("step")[0]) == 70
    assert charts.recall.points("recall_mel/validation")[1][-1] == pytest.approx(0.44)
    assert charts.bars.rows()[1] == ("▲ Melanoma", "44.0\u00a0%", "n\u00a0=\u00a012")
    assert panel.best._value.text() == "52.0\u00a0%"
    assert panel.best._note.text() == "epoch 5, n\u00a0=\u00a0102"


def test_any_class_can_be_drawn(qtbot: QtBot, panel: RunPanel) -> None:
    run = LiveRun("made", MADE_CONFIG)
    panel.show_run(run, ("mel",))
    for event in both_stages():
        run.hear(event)
    panel.wake()
    qtbot.waitUntil(lambda: len(panel.charts.classes.actions()) > 3)
    actions = {action.text(): action for action in panel.charts.classes.actions()}
    assert actions["▲ Melanoma"].isChecked()
    actions["Melanocytic nevus"].trigger()
    assert panel.charts.recall.points("recall_nv/validation")[1][0] == pytest.approx(0.61)
    actions["▲ Melanoma"].trigger()
    assert "▲ Melanoma, validation" not in panel.charts.recall.columns()
    actions["On the training part too"].trigger()
    assert "Melanocytic nevus, train" in panel.charts.recall.columns()


def test_repaints_are_few_however_fast_events_come(qtbot: QtBot, panel: RunPanel) -> None:
    run = LiveRun("made", MADE_CONFIG)
    panel.show_run(run, ())
    run.hear(StageStarted("head", 0, 3, 1_000_000, 1000))
    begun = time.monotonic()
    said = 0

    def say_what_is_due() -> bool:
        nonlocal said
        while said < PER_SECOND * min(time.monotonic() - begun, SECONDS):
            said += 1
            run.hear(StepDone("head", 1, said, 1_000_000, 1.0, 0.5, 1e-3, 900.0, 60.0))
            panel.wake()
        return said >= PER_SECOND * SECONDS

    qtbot.waitUntil(say_what_is_due, timeout=30_000)
    took = time.monotonic() - begun
    for plot in panel.charts.plots:
        # Five parts take turns at the ticks.
        assert 1 <= plot.repaints <= took * 1000 / (5 * TICK_MS) + 2
        assert plot.repaints < 10 * took
    qtbot.waitUntil(lambda: len(panel.charts.loss.points("step")[0]) == said)
    qtbot.waitUntil(lambda: not panel._timer.isActive())


def test_a_hidden_panel_draws_nothing_and_catches_up(qtbot: QtBot, panel: RunPanel) -> None:
    run = LiveRun("made", MADE_CONFIG)
    panel.hide()
    panel.show_run(run, ())
    for event in both_stages():
        run.hear(event)
        panel.wake()
    assert panel.charts.loss.repaints == 0
    panel.show()
    qtbot.waitUntil(lambda: len(panel.charts.loss.points("train")[0]) == HEAD_EPOCHS + TUNE_EPOCHS)


def test_the_crosshair_reads_the_nearest_point(plot: LivePlot) -> None:
    plot.point_at(2.2)
    assert plot.readout == "epoch 2\ntrain 0.500\nvalidation 0.625"
    plot.point_at(2.8)
    assert plot.readout == "epoch 3\ntrain 0.250"
    plot.point_at(None)
    assert plot.readout == ""


def test_the_mouse_moves_the_crosshair(qtbot: QtBot, plot: LivePlot) -> None:
    said: list[float | None] = []
    plot.pointed.connect(said.append)
    viewport = plot._view.viewport()
    qtbot.mouseMove(viewport, QPoint(viewport.width() // 2, viewport.height() // 2))
    qtbot.waitUntil(lambda: plot.readout != "")
    assert said[-1] is not None


def test_keys_read_zoom_and_show_everything(qtbot: QtBot, plot: LivePlot) -> None:
    view = view_of(plot)
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert plot.readout.startswith("epoch 3")
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert plot.readout.startswith("epoch 2")
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert plot.readout == ""
    whole = plot.shown_range
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    left, right = plot.shown_range
    assert right - left == pytest.approx((whole[1] - whole[0]) / 1.3)
    qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert plot.shown_range[0] > left
    plot.finish_update(9.0)
    assert plot.shown_range[1] < 9, "who has zoomed is left where they are"
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert plot.shown_range[1] > 9


def test_linked_plots_show_the_same_part(qtbot: QtBot, plot: LivePlot) -> None:
    other = LivePlot("Accuracy", "share")
    qtbot.addWidget(other)
    other.set_curves([Curve("train", "train")])
    other.set_data("train", np.array([1.0, 2.0]), np.array([0.5, 0.75]))
    other.link_to(plot)
    qtbot.keyClick(view_of(plot), Qt.Key.Key_Left)
    assert other.readout == "epoch 2\ntrain 75.0\u00a0%"
    plot.zoom(0.5)
    assert other.shown_range == pytest.approx(plot.shown_range, abs=0.1)


def test_the_table_has_a_row_for_each_x(
    qtbot: QtBot, charts: RunCharts, plot: LivePlot, tmp_path: Path
) -> None:
    with qtbot.waitSignal(charts.saved):
        charts.save(plot, tmp_path / "loss.csv")
        plot.points("train")[1][0] = 7.0  # what comes after the moment of saving
    rows = list(csv.reader(io.StringIO((tmp_path / "loss.csv").read_text(encoding="utf-8"))))
    assert rows == [
        ["epoch", "train", "validation"],
        ["1", "0.9", "1.0"],
        ["2", "0.5", "0.625"],
        ["3", "0.25", ""],
    ]


def test_pictures_hold_the_curves(qtbot: QtBot, charts: RunCharts, plot: LivePlot, tmp_path: Path) -> None:
    with qtbot.waitSignal(charts.saved) as saved:
        charts.save(plot, tmp_path / "loss.png")
        plot.set_curves([])
    assert saved.args == ["Saved as loss.png."]
    image = QImage(str(tmp_path / "loss.png"))
    assert image.width() == 2 * plot.picture_size().width()
    wanted = LIGHT.accent
    found = sum(
        image.pixelColor(x, y) == wanted
        for x in range(0, image.width(), 2)
        for y in range(0, image.height(), 2)
    )
    assert found > 50


def test_a_picture_of_lines_holds_the_curves(
    qtbot: QtBot, charts: RunCharts, plot: LivePlot, tmp_path: Path
) -> None:
    with qtbot.waitSignal(charts.saved):
        charts.save(plot, tmp_path / "loss.svg")
    text = (tmp_path / "loss.svg").read_text(encoding="utf-8")
    assert "Loss by epoch" in text
    assert LIGHT.accent.name() in text


@pytest.mark.parametrize("kind", ["png", "svg", "csv"])
def test_what_cannot_be_written_is_said_in_words(
    qtbot: QtBot, charts: RunCharts, plot: LivePlot, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "file").write_text("")
    said: list[str] = []
    charts.failed.connect(said.append)
    charts.save(plot, tmp_path / "file" / f"loss.{kind}")
    assert said == [], "the window does not wait for the disk"
    qtbot.waitUntil(lambda: bool(said))
    assert "Cannot write" in said[0]


def test_another_scheme_is_followed_at_once(qtbot: QtBot, plot: LivePlot, qapp: QApplication) -> None:
    def ground() -> QColor:
        return QColor(plot._view.backgroundBrush().color())

    def below_words() -> set[str]:
        return {line.label.fill.color().name() for line in (plot.marks._best, *plot.marks._stages)}

    plot.marks.set_stages([Mark(1.0, "Fine-tune")])
    assert ground() == LIGHT.surface
    assert below_words() == {LIGHT.surface.name()}, "a curve would cross the words"
    apply_theme(qapp, "dark")
    try:
        qtbot.waitUntil(lambda: ground() == DARK.surface)
        assert below_words() == {DARK.surface.name()}
    finally:
        apply_theme(qapp, "light")


def words_of(plot: LivePlot) -> list[tuple[float, float, float]]:
    """Left, right and middle height of the words of the best point and of each stage, in pixels of the plot."""
    box = plot._view.getPlotItem().getViewBox()
    found = []
    for line in (plot.marks._best, *plot.marks._stages):
        x = box.mapFromView(QPointF(line.value(), 0)).x()
        width = line.label.boundingRect().width()
        left = x - width * line.label.anchors[0][0]
        found.append((left, left + width, (1 - line.label.orthoPos) * box.height()))
    return found


@pytest.mark.parametrize("scale", ["number", "share"])
@pytest.mark.parametrize(("stage", "best"), [(30.0, 33.0), (30.0, 30.0), (2.0, 1.0), (38.0, 40.0)])
def test_words_of_marks_stand_in_the_plot_and_not_on_each_other(
    qtbot: QtBot, scale: Literal["number", "share"], stage: float, best: float
) -> None:
    plot = LivePlot("Recall by epoch", scale)
    qtbot.addWidget(plot)
    plot.setFixedSize(330, 190)
    plot.show()
    qtbot.waitExposed(plot)
    plot.marks.set_best(Mark(best, f"best, epoch {best:g}"))
    plot.marks.set_stages([Mark(stage, "Fine-tune")])
    plot.finish_update(40.0)
    words = words_of(plot)
    width = plot._view.getPlotItem().getViewBox().width()
    assert all(left >= 0 and right <= width for left, right, _ in words)
    beside = words[0][1] <= words[1][0] or words[1][1] <= words[0][0]
    assert beside or abs(words[0][2] - words[1][2]) >= plot.fontMetrics().height()
    line = plot._view.getPlotItem().getViewBox().mapFromView(QPointF(best, 0)).x()
    assert not words[1][0] < line - 1 < words[1][1] or stage == best


def test_shares_are_counted_to_all_and_no_further(qtbot: QtBot) -> None:
    plot = LivePlot("Accuracy by epoch", "share")
    qtbot.addWidget(plot)
    plot.finish_update(10.0)
    axis = plot._view.getPlotItem().getAxis("left")
    for pixels in (100, 300, 900):
        ticks = [value for _, values in axis.tickValues(*axis.range, pixels) for value in values]
        assert max(ticks) == pytest.approx(1.0)
        assert "100\u00a0%" in axis.tickStrings(ticks, 1.0, 0.1)


def labels_of(plot: LivePlot, name: str) -> list[tuple[QRectF, str]]:
    """Return the labels that an axis of a plot paints, and where, in pixels of the plot."""
    axis = plot._view.getPlotItem().getAxis(name)
    axis.picture = None
    painter = QPainter(image := QImage(8, 8, QImage.Format.Format_RGB32))
    painter.setFont(axis.style["tickFont"])
    _line, _ticks, labels = axis.generateDrawSpecs(painter)
    painter.end()
    assert not image.isNull()
    return [(axis.mapRectToScene(place), text) for place, _flags, text in labels]


@pytest.mark.parametrize("height", [170, 200, 300, 500])
def test_0_and_100_percent_are_labelled_however_low_a_plot_is(qtbot: QtBot, height: int) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    plot = LivePlot("Accuracy by epoch", "share", parent=window)
    plot.setFixedSize(330, height)
    window.show()
    qtbot.waitExposed(window)
    plot.finish_update(18.0)
    ends = {"0\u00a0%", "100\u00a0%"}
    qtbot.waitUntil(lambda: ends <= {text for _, text in labels_of(plot, "left")})  # once it is wide enough
    labels = labels_of(plot, "left")
    assert all(place.top() >= 0 for place, _ in labels), "they are whole"
    tops = sorted(place.top() for place, _ in labels)
    assert all(lower - upper >= labels[0][0].height() - 1 for upper, lower in pairwise(tops))


@pytest.mark.parametrize("epochs", [4.0, 18.0, 40.0, 1200.0])
def test_epochs_on_a_narrow_axis_keep_apart(qtbot: QtBot, epochs: float) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    plot = LivePlot("Loss by epoch", parent=window)
    plot.setFixedSize(280, 200)
    window.show()
    qtbot.waitExposed(window)
    plot.finish_update(epochs)
    places = [place for place, _ in labels_of(plot, "bottom")]
    assert len(places) >= 3
    assert all(one.right() < other.left() for one, other in pairwise(places))


@pytest.mark.parametrize("epochs", [2.0, 3.0, 40.0])
def test_epochs_are_labelled_by_whole_numbers(qtbot: QtBot, epochs: float) -> None:
    plot = LivePlot("Loss by epoch")
    qtbot.addWidget(plot)
    plot.finish_update(epochs)
    axis = plot._view.getPlotItem().getAxis("bottom")
    for pixels in (200, 800, 1600):
        ticks = [value for _, values in axis.tickValues(*axis.range, pixels) for value in values]
        assert ticks
        assert all(value == round(value) for value in ticks)


def test_the_wheel_scrolls_the_page_until_the_plot_is_clicked(qtbot: QtBot, plot: LivePlot) -> None:
    other = QWidget()
    qtbot.addWidget(other)
    other.show()
    view_of(plot).clearFocus()
    whole = plot.shown_range
    viewport = plot._view.viewport()
    wheel(viewport)
    assert plot.shown_range == whole
    view_of(plot).setFocus()
    wheel(viewport)
    assert plot.shown_range != whole


def wheel(widget: QWidget) -> None:
    middle = QPointF(widget.width() / 2, widget.height() / 2)
    event = QWheelEvent(
        middle,
        widget.mapToGlobal(middle),
        QPoint(0, 0),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


@pytest.mark.parametrize("scale", ["number", "share"])
@pytest.mark.parametrize("best", [2.0, 20.0, 39.0])
def test_words_of_marks_stand_above_all_curves(
    qtbot: QtBot, scale: Literal["number", "share"], best: float
) -> None:
    plot = LivePlot("Recall by epoch", scale)
    qtbot.addWidget(plot)
    plot.setFixedSize(330, 240)
    plot.show()
    qtbot.waitExposed(plot)
    plot.set_curves([Curve("train", "train")])
    plot.set_data("train", np.arange(1.0, 41.0), np.ones(40))
    plot.marks.set_best(Mark(best, f"best, epoch {best:g}"))
    plot.marks.set_stages([Mark(10.0, "Fine-tune")])
    plot.finish_update(40.0)
    highest = plot._view.getPlotItem().getViewBox().mapFromView(QPointF(0, 1.0)).y()
    half = plot.fontMetrics().height() / 2
    assert all(middle + half <= highest for _, _, middle in words_of(plot))


def test_showing_everything_is_offered_only_where_a_part_is_shown(plot: LivePlot) -> None:
    told: list[bool] = []
    plot.zoomed.connect(told.append)
    plot.show_range((1.0, 2.0))
    plot.show_range((1.0, 1.5))
    plot.show_all()
    assert told == [True, False]

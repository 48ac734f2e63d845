"""A plot whose point is moved by mouse and keys; what it lands on is for others to say."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from skindesk.widgets.plots.share_plot import ShareLine, SharePlot


@pytest.fixture
def window(qtbot: QtBot) -> QWidget:
    """A window whose size the plot does not ask for."""
    window = QWidget()
    window.resize(400, 320)
    qtbot.addWidget(window)
    return window


@pytest.fixture
def plot(window: QWidget) -> SharePlot:
    plot = SharePlot("ROC curve", "other lesions flagged", "sensitivity", parent=window)
    plot.make_movable("Drag the point")
    plot.resize(400, 320)
    plot.show_lines([ShareLine("ROC curve", np.array([0.0, 0.2, 1.0]), np.array([0.0, 0.9, 1.0]))])
    window.show()
    return plot


def test_the_mouse_says_where_it_was_pressed_in_units_of_the_axes(qtbot: QtBot, plot: SharePlot) -> None:
    viewport = plot._view.viewport()
    corner, middle = QPoint(1, 1), viewport.rect().center()
    with qtbot.waitSignal(plot.picked) as pressed:
        qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=middle)
    assert pressed.args == pytest.approx(list(plot.place_at(QPointF(middle))))
    assert 0.3 < pressed.args[0] < 0.7
    assert 0.3 < pressed.args[1] < 0.7
    with qtbot.waitSignal(plot.picked) as dragged:
        qtbot.mouseMove(viewport, corner)
    x, y = dragged.args
    assert x < 0.0
    assert y > 1.0


@pytest.mark.parametrize(
    ("key", "way"),
    [(Qt.Key.Key_Right, 1), (Qt.Key.Key_Up, 1), (Qt.Key.Key_Left, -1), (Qt.Key.Key_Down, -1)],
)
def test_arrow_keys_ask_for_the_next_point(qtbot: QtBot, plot: SharePlot, key: Qt.Key, way: int) -> None:
    with qtbot.waitSignal(plot.stepped) as stepped:
        qtbot.keyClick(plot._view, key)
    assert stepped.args == [way]


def test_the_point_is_put_somewhere_and_away(plot: SharePlot) -> None:
    assert plot.dot is None
    plot.show_dot((0.2, 0.9))
    assert plot.dot == (0.2, 0.9)
    plot.show_dot(None)
    assert plot.dot is None

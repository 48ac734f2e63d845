"""The mouse wheel changes no control that does not have the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QScrollArea,
    QScrollBar,
    QSlider,
    QSpinBox,
    QTabBar,
    QWidget,
)

from skindesk.app import SkinDesk
from skindesk.background import all_done
from skindesk.widgets.basics import scrolling
from skindesk.widgets.wheel import wheel_needs_focus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from skindesk.paths import Paths

_PAGES = ("dataset", "training", "results", "diagnosis", "batch", "cases", "settings")
_KINDS = (QComboBox, QAbstractSpinBox, QSlider, QTabBar)


@pytest.fixture
def program(paths: Paths, qtbot: QtBot) -> Iterator[SkinDesk]:
    program = SkinDesk(paths)
    qtbot.addWidget(program.window)
    yield program
    program.close()


def turn_wheel(widget: QWidget) -> None:
    """Turn the wheel by a notch over a widget, as the window system says it."""
    window = widget.window()
    place = QPointF(widget.mapTo(window, widget.rect().center()))
    QTest.wheelEvent(window.windowHandle(), place, QPoint(0, -120))


def value_of(control: QWidget) -> object:
    if isinstance(control, QComboBox | QTabBar):
        return control.currentIndex()
    return control.text() if isinstance(control, QAbstractSpinBox) else control.value()  # type: ignore[attr-defined]


def controls_of(page: QWidget) -> list[QWidget]:
    return [control for kind in _KINDS for control in page.findChildren(kind)]


def test_no_control_of_any_page_follows_the_wheel_without_focus(
    program: SkinDesk, small_dataset: Path, qtbot: QtBot
) -> None:
    window = program.window
    program.workspace.set_dataset(small_dataset)
    window.show()
    visible = hidden = 0
    for name in _PAGES:
        window.show_page(name)
        qtbot.waitUntil(lambda: all_done(0.0))
        for control in controls_of(window.page(name)):
            where = f"{name}: {type(control).__name__} {control.accessibleName()}"
            control.clearFocus()
            before = value_of(control)
            if bring_into_view(control):
                turn_wheel(control)
                visible += 1
            else:
                send_wheel(control)
                hidden += 1
            assert value_of(control) == before, where
            assert not control.hasFocus(), where
            assert control.focusPolicy() is not Qt.FocusPolicy.WheelFocus, where
    assert visible > 7
    assert hidden > 9


def bring_into_view(control: QWidget) -> bool:
    """Scroll a control into the middle of what is seen of its page, if it is shown at all."""
    area = control.parentWidget()
    while area is not None and not isinstance(area, QScrollArea):
        area = area.parentWidget()
    if area is not None:
        area.ensureWidgetVisible(control)
    return not control.visibleRegion().isEmpty()


def send_wheel(control: QWidget) -> None:
    centre = QPointF(control.rect().center())
    event = QWheelEvent(
        centre,
        control.mapToGlobal(centre),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(control, event)


class Column(NamedTuple):
    """A long page in a window: a combo box and a spin box near its top."""

    area: QScrollArea
    combo: QComboBox
    spin: QSpinBox
    bar: QScrollBar


@pytest.fixture
def column(qtbot: QtBot) -> Column:
    content = QWidget()
    content.setFixedSize(200, 2_000)
    combo, spin = wheel_needs_focus(QComboBox(content)), wheel_needs_focus(QSpinBox(content))
    combo.addItems(["one", "two", "three"])
    spin.move(0, 50)
    spin.setValue(9)
    area = scrolling(content)
    qtbot.addWidget(area)
    area.resize(220, 200)
    with qtbot.waitExposed(area):
        area.show()
    return Column(area, combo, spin, area.verticalScrollBar())


def test_the_wheel_over_a_control_scrolls_what_it_stands_in(
    column: Column,
) -> None:
    _area, combo, spin, bar = column
    combo.clearFocus()
    for control in (combo, spin):
        bar.setValue(0)
        control.clearFocus()
        before = value_of(control)
        turn_wheel(control)
        assert bar.value() > 0
        assert value_of(control) == before
        assert not control.hasFocus()


def test_the_wheel_changes_a_control_that_was_clicked(
    column: Column,
) -> None:
    _area, _combo, spin, bar = column
    spin.setFocus()

    turn_wheel(spin)

    assert spin.value() == 8
    assert bar.value() == 0

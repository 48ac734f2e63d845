"""The confusion matrix: its cells are reached with mouse and keyboard, and say what they mean."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QColor
from PySide6.QtWidgets import QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from skindesk.pages.results.confusion_view import ConfusionView
from skindesk.settings import Settings
from skindesk.widgets.plots.confusion_matrix import Cell, ConfusionMatrix, _mixed, _strongest
from skindesk.widgets.theme import DARK, LIGHT, Tokens, contrast, tokens_for

COUNTS = [[10, 2, 0], [5, 5, 0], [0, 0, 0]]


@pytest.fixture
def matrix(qtbot: QtBot, settings: Settings) -> ConfusionMatrix:  # noqa: ARG001 - dresses the application
    matrix = ConfusionMatrix()
    matrix.show_matrix(("bkl", "mel", "nv"), ("mel",), COUNTS)
    window = QMainWindow()
    window.setCentralWidget(matrix)
    window.setFixedSize(480, 320)
    qtbot.addWidget(window)
    window.show()
    matrix.setFocus()
    matrix._window = window  # type: ignore[attr-defined]  # kept as long as the matrix
    return matrix


def test_a_click_opens_the_cell_below_the_mouse(qtbot: QtBot, matrix: ConfusionMatrix) -> None:
    with qtbot.waitSignal(matrix.opened) as opened:
        qtbot.mouseClick(
            matrix.viewport(), Qt.MouseButton.LeftButton, pos=matrix.cell_rect(Cell(0, 1)).center()
        )
    assert opened.args == [Cell(0, 1)]
    assert matrix.count(Cell(0, 1)) == 2


def test_a_click_beside_the_cells_opens_nothing(qtbot: QtBot, matrix: ConfusionMatrix) -> None:
    with qtbot.assertNotEmitted(matrix.opened):
        for beside in (matrix.horizontalHeader(), matrix.verticalHeader()):
            qtbot.mouseClick(beside.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
        corner = matrix.viewport().rect().bottomRight()
        assert not matrix.cell_rect(Cell(2, 2)).contains(corner)
        qtbot.mouseClick(matrix.viewport(), Qt.MouseButton.LeftButton, pos=corner)


def test_the_arrows_move_within_the_matrix_and_enter_opens(qtbot: QtBot, matrix: ConfusionMatrix) -> None:
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Up):
        qtbot.keyClick(matrix, key)
    assert matrix.current == Cell(0, 0)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right):
        qtbot.keyClick(matrix, key)
    assert matrix.current == Cell(1, 2)
    qtbot.keyClick(matrix, Qt.Key.Key_Left)
    with qtbot.waitSignal(matrix.opened) as opened:
        qtbot.keyClick(matrix, Qt.Key.Key_Return)
    assert opened.args == [Cell(1, 1)]
    with qtbot.waitSignal(matrix.opened):
        qtbot.keyClick(matrix, Qt.Key.Key_Space)


def test_with_many_classes_the_heads_stay_and_the_keyboard_is_followed(
    qtbot: QtBot, settings: Settings
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    view = ConfusionView(settings, window)
    names = [f"class number {n:02d}" for n in range(30)]
    view.resize(700, 300)
    window.resize(view.size())
    window.show()
    matrix = view.matrix
    matrix.show_matrix(names, (), [[1] * 30 for _ in names])
    matrix.setFocus()
    for _ in range(20):
        qtbot.keyClick(matrix, Qt.Key.Key_Right)
        qtbot.keyClick(matrix, Qt.Key.Key_Down)
    cell = matrix.cell_rect(Cell(20, 20))
    assert matrix.viewport().rect().contains(cell)
    assert matrix.horizontalScrollBar().value() > 0
    assert matrix.horizontalHeader().isVisible()
    matrix.opened.disconnect()  # there are no images behind these cells
    with qtbot.waitSignal(matrix.opened):
        qtbot.mouseClick(matrix.viewport(), Qt.MouseButton.LeftButton, pos=cell.center())


def test_a_cell_says_what_it_means(qtbot: QtBot, matrix: ConfusionMatrix) -> None:
    assert (
        matrix.describe(Cell(0, 1))
        == "Benign keratosis, predicted as ▲ Melanoma: 2 of 12 images, 16.7\u00a0%"
    )
    assert matrix.describe(Cell(2, 2)) == "Melanocytic nevus, predicted as Melanocytic nevus: 0 of 0 images"
    qtbot.keyClick(matrix, Qt.Key.Key_Down)
    cell = matrix.model().index(matrix.current.truth, matrix.current.predicted)
    for role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
        assert cell.data(role).startswith("▲ Melanoma, predicted as Benign keratosis: 5 of 10")


def test_a_screen_reader_finds_each_cell(matrix: ConfusionMatrix) -> None:
    table = QAccessible.queryAccessibleInterface(matrix)
    cells = [table.child(place) for place in range(table.childCount())]
    words = [cell.text(QAccessible.Text.Name) for cell in cells if cell.role() == QAccessible.Role.Cell]
    assert len(words) == 9
    assert matrix.describe(Cell(1, 2)) in words


def test_shares_are_written_in_place_of_counts(matrix: ConfusionMatrix) -> None:
    matrix.show_shares(shares=True)
    assert [matrix.model().index(*cell).data() for cell in ((0, 0), (1, 1), (2, 2))] == ["83.3", "50.0", "–"]


def test_every_number_can_be_read_on_its_ground(matrix: ConfusionMatrix) -> None:
    """The text of each cell differs from its ground by a contrast of 4.5:1 or more."""
    picture = matrix.viewport().grab().toImage()
    for cell in (Cell(0, 0), Cell(1, 0), Cell(1, 1), Cell(0, 1)):
        inside = matrix.cell_rect(cell).adjusted(6, 6, -6, -6)
        colours = [
            picture.pixelColor(x, y)
            for x in range(inside.left(), inside.right())
            for y in range(inside.top(), inside.bottom())
        ]
        ground = picture.pixelColor(inside.topLeft())
        assert max(_contrast(colour, ground) for colour in colours) >= 4.5


def test_the_wrong_and_the_right_differ_by_more_than_their_numbers(matrix: ConfusionMatrix) -> None:
    picture = matrix.viewport().grab().toImage()
    grounds = [
        picture.pixelColor(matrix.cell_rect(cell).topLeft() + QPoint(8, 8))
        for cell in (Cell(1, 0), Cell(1, 1))
    ]
    assert grounds[0] != grounds[1]
    assert tokens_for(matrix.palette()).surface not in grounds


def test_no_classes_paint_nothing(qtbot: QtBot, matrix: ConfusionMatrix) -> None:
    matrix.show_matrix((), (), [])
    matrix.grab()
    with qtbot.assertNotEmitted(matrix.opened):
        qtbot.keyClick(matrix, Qt.Key.Key_Return)
        matrix.open_cell(Cell(0, 0))


def _contrast(one: QColor, other: QColor) -> float:
    def luminance(colour: QColor) -> float:
        parts = [
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
            for part in (colour.redF(), colour.greenF(), colour.blueF())
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("tokens", [LIGHT, DARK])
def test_all_numbers_are_in_one_ink_that_can_be_read(tokens: Tokens) -> None:
    for colour in (tokens.accent, tokens.danger):
        strongest = _strongest(tokens, colour)
        assert strongest > 0.3
        for share in (0.0, 0.5, 1.0):
            ground = _mixed(tokens.surface, colour, strongest * share)
            assert contrast(tokens.text, ground) >= 4.5

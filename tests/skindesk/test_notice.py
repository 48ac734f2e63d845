"""Notices: they float, so that nothing moves under the mouse, and what went well is not dressed as a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtWidgets import QVBoxLayout, QWidget

from skindesk.widgets.notice import Notice, NoticeLayer

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from skindesk.settings import Settings

# The platform without a screen says it of every window whose least size changes.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


class Page(QWidget):
    """Some content with two notices over it."""

    def __init__(self, *, top: bool) -> None:
        super().__init__()
        self.resize(600, 400)
        self.content, self.first, self.second = QWidget(), Notice(), Notice()
        QVBoxLayout(self).addWidget(self.content)
        self.layer = NoticeLayer(self, self.content, [self.first, self.second], top=top)


@pytest.fixture(params=[False, True], ids=["bottom", "top"])
def page(request: pytest.FixtureRequest, qtbot: QtBot, settings: Settings) -> Page:
    del settings  # dresses the application
    page = Page(top=request.param)
    qtbot.addWidget(page)
    with qtbot.waitExposed(page):
        page.show()
    return page


def test_a_notice_moves_nothing_and_stays_within_its_part_of_the_page(page: Page, qtbot: QtBot) -> None:
    before = page.content.geometry()
    assert page.layer.isHidden()

    page.first.show_error("A sentence. " * 30, "details\n" * 40, "Try again")
    page.second.show_note("Another.")

    qtbot.waitUntil(lambda: page.layer.geometry().height() > page.first.sizeHint().height())
    assert page.content.geometry() == before
    assert before.contains(page.layer.geometry())
    assert not page.first.geometry().intersects(page.second.geometry())
    page.resize(400, 300)
    qtbot.waitUntil(lambda: page.content.geometry().contains(page.layer.geometry()))

    page.first.clear()
    page.second.clear()

    assert page.layer.isHidden()


def test_success_is_green_and_warnings_are_not(page: Page) -> None:
    colours = set()
    for show in (page.first.show_success, page.first.show_note, page.first.show_error):
        show("A sentence.")
        colours.add(page.first.property("role"))
        colours.add(page.first._text.palette().windowText().color().name())
    assert len(colours) == 6

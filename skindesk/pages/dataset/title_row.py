"""The top of the page: the dataset's name and size, which view is shown, and how to open another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from skindesk.pages.dataset.open_menu import OpenMenu
from skindesk.pages.dataset.words import problems
from skindesk.widgets.basics import ElidedLabel, SegmentedRow
from skindesk.widgets.quantities import images_counted, lesions_counted
from skindesk.widgets.theme import SPACE, set_role

if TYPE_CHECKING:
    from skindesk.models.dataset.files import OpenDataset
    from skindesk.pages.dataset.browser import View


class TitleRow(QWidget):
    """What is open.

    Signals:
        view_chosen(str): `grid`, `overview` or `problems`.
        open_asked: a folder is to be opened.

    Attributes:
        menu: behind the button's arrow.
    """

    view_chosen = Signal(str)
    open_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name, self.figures = ElidedLabel(), ElidedLabel()
        set_role(self.name, "title")
        set_role(self.figures, "muted")
        # The name takes what it needs and gives way where that is too much, before the figures do.
        self.name.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.views = SegmentedRow(
            (("grid", self.tr("Grid")), ("overview", self.tr("Overview")), ("problems", self.tr("Problems")))
        )
        self.views.chosen.connect(self.view_chosen)
        self.open_button = QToolButton()
        self.open_button.setText(self.tr("Open…"))
        self.open_button.setToolTip(self.tr("Open a folder of images (Ctrl+O); more behind the arrow"))
        self.open_button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.open_button.clicked.connect(lambda _checked=False: self.open_asked.emit())
        self.menu = OpenMenu(self)
        self.open_button.setMenu(self.menu)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        layout.addWidget(self.name)
        layout.addWidget(self.figures, 1)
        layout.addWidget(self.views)
        layout.addSpacing(SPACE)
        layout.addWidget(self.open_button)

    def choose_view(self, view: View) -> None:
        """Mark a view."""
        self.views.choose(view)

    def show_dataset(self, dataset: OpenDataset) -> None:
        """Show a dataset's name and numbers."""
        self.name.setText(dataset.name)
        self.name.setToolTip(str(dataset.path))
        words = [images_counted(len(dataset.table))]
        if dataset.lesions:
            words.append(lesions_counted(dataset.lesions))
        words.append(problems(len(dataset.problems)))
        self.figures.setText(", ".join(words))
        self.figures.setMinimumWidth(self.figures.sizeHint().width())
        n = len(dataset.problems)
        button = self.views.buttons["problems"]
        button.setText(self.tr("Problems ({n})").format(n=f"{n:,}") if n else self.tr("Problems"))
        # Room for the bold text, so that choosing moves nothing.
        button.setMinimumWidth(button.fontMetrics().horizontalAdvance(button.text()) + 5 * SPACE)

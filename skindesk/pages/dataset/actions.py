"""What can be done on the dataset page: for the window's menu, the context menu and the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtGui import QAction, QKeySequence

from skindesk.widgets.icons import icon

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from skindesk.pages.dataset.browser import Browser


class Doer(Protocol):
    """The page, as far as its actions are concerned."""

    def ask_folder(self) -> None: ...  # noqa: D102 - the page says what it does
    def ask_file(self) -> None: ...  # noqa: D102 - see above
    def import_again(self) -> None: ...  # noqa: D102 - see above
    def go_to_search(self) -> None: ...  # noqa: D102 - see above
    def open_split_form(self) -> None: ...  # noqa: D102 - see above
    def close_dataset(self) -> None: ...  # noqa: D102 - see above


class PageActions:
    """The actions of the page, added to it so that their shortcuts work while it is shown."""

    def __init__(self, page: QWidget, doer: Doer, browser: Browser) -> None:
        self._page = page
        tr = page.tr
        self.open_folder = self._add("open", tr("Open folder…"), doer.ask_folder)
        self.open_folder.setShortcut(QKeySequence.StandardKey.Open)
        self.open_file = self._add("dataset", tr("Open dataset file…"), doer.ask_file, "Ctrl+Shift+O")
        self.import_again = self._add("refresh", tr("Import again"), doer.import_again)
        self.import_again.setToolTip(tr("Check the folder again for new and changed images"))
        self.find = self._add("search", tr("Find"), doer.go_to_search)
        self.find.setShortcut(QKeySequence.StandardKey.Find)
        self.split_again = self._add("dataset", tr("Split again…"), doer.open_split_form)
        self.diagnose = self._add("diagnosis", tr("Diagnose"), browser.diagnose_chosen, "Ctrl+D")
        self.show_in_folder = self._add("folder", tr("Show in folder"), browser.show_in_folder)
        self.copy_path = self._add("copy", tr("Copy path"), browser.copy_paths, "Ctrl+Shift+C")
        self.close = self._add("close", tr("Close dataset"), doer.close_dataset)

    @property
    def of_images(self) -> list[QAction]:
        """What can be done with the selected images."""
        return [self.diagnose, self.show_in_folder, self.copy_path]

    def allow(self, *, opened: bool, importing: bool, chosen: bool) -> None:
        """Offer what makes sense.

        Args:
            opened: a dataset is shown.
            importing: an import is under way.
            chosen: images are selected.
        """
        self.import_again.setEnabled(opened and not importing)
        for action in (self.find, self.split_again, self.close):
            action.setEnabled(opened)
        for action in self.of_images:
            action.setEnabled(opened and chosen)

    def _add(self, sign: str, words: str, slot: Callable[[], None], shortcut: str = "") -> QAction:
        action = QAction(icon(sign), words, self._page)
        action.triggered.connect(lambda _checked=False: slot())
        if shortcut:
            action.setShortcut(QKeySequence(shortcut))
        self._page.addAction(action)
        return action

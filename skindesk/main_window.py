"""The window: pages, menus, shortcuts, the status strip, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from skindesk.widgets.basics import ElidedLabel, muted
from skindesk.widgets.drop_area import accept_paths
from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE, set_role
from trainer import RESEARCH_ONLY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PySide6.QtGui import QCloseEvent, QResizeEvent

    from skindesk.settings import Settings
    from skindesk.widgets.job_strip import JobStrip

_SIDE_WIDTH, _NARROW_SIDE = 184, 64  # pixels
_NARROW = 1_000  # pixels of the window below which the side bar has icons alone
_FIRST_SIZE = QSize(1360, 860)
_SMALLEST = QSize(780, 440)  # the room of a laptop at 150 %, without its task bar and the title
_STRIP_HEIGHT = 36  # pixels
_NOTICE_MS = 12_000


class PageEntry(NamedTuple):
    """A page of the window.

    Attributes:
        key: as in `Workspace.go_to`.
        title: in the side bar.
        make: builds the page when it is first shown.
    """

    key: str
    title: str
    make: Callable[[], QWidget]


class MainWindow(QMainWindow):
    """The one window.

    Pages are built when they are first shown. A page may have `actions() -> list[QAction]` for the menu of its
    name, `open_path(Path) -> bool` for what is dropped on the window, and `open_more(list[Path])` for what was dropped
    together with it.

    Signals:
        closing: a person wants to close the window; whoever listens calls `leave` if that is fine.
        painted: the window has been painted for the first time.
    """

    closing = Signal()
    painted = Signal()

    def __init__(self, pages: list[PageEntry], settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("SkinDesk")
        self.setMinimumSize(_SMALLEST)
        self._settings = settings
        self._entries = {entry.key: entry for entry in pages}
        self._pages: dict[str, QWidget] = {}
        self._leaving = False
        self._was_painted = False
        centre = QWidget()
        outer = QVBoxLayout(centre)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        row = QHBoxLayout()
        row.setSpacing(0)
        self._navigation: dict[str, QPushButton] = {}
        row.addWidget(self._side_bar(pages))
        self.stack = QStackedWidget()
        self.stack.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._banner: QWidget | None = None
        self._column = QVBoxLayout()
        self._column.setSpacing(0)
        self._column.addWidget(self.stack, 1)
        row.addLayout(self._column, 1)
        outer.addLayout(row, 1)
        self._strip: JobStrip | None = None
        self._strip_place = QVBoxLayout()
        self._strip_place.setContentsMargins(0, 0, 0, 0)
        ground = QFrame()
        ground.setFixedHeight(_STRIP_HEIGHT)
        set_role(ground, "strip")
        ground.setLayout(self._strip_place)
        outer.addWidget(ground)
        self.setCentralWidget(centre)
        self._menus(pages)
        accept_paths(self, self._dropped)
        self._restore_geometry()
        self.stack.setFocus()  # else Qt gives it to the first button, with a ring that nobody asked for

    @property
    def strip(self) -> JobStrip:
        """The status strip; what it needs of the engine is loaded when it is first asked for."""
        if self._strip is None:
            from skindesk.widgets.job_strip import JobStrip

            self._strip = JobStrip()
            self._strip_place.addWidget(self._strip)
        return self._strip

    def show_banner(self, banner: QWidget) -> None:
        """Put a bar above all pages, in place of the one that is there."""
        if self._banner is not None:
            self._banner.hide()
            self._banner.deleteLater()
        self._banner = banner
        self._column.insertWidget(0, banner)

    # --- parts -------------------------------------------------------------------------------------------

    def _side_bar(self, pages: list[PageEntry]) -> QWidget:
        side = QFrame()
        set_role(side, "side")
        side.setFixedWidth(_SIDE_WIDTH)
        self._side = side
        layout = QVBoxLayout(side)
        layout.setContentsMargins(SPACE, 2 * SPACE, SPACE, 2 * SPACE)
        layout.setSpacing(SPACE // 2)
        self._name = name = QLabel("SkinDesk")
        set_role(name, "title")
        name.setContentsMargins(SPACE, 0, 0, SPACE)
        layout.addWidget(name)
        group = QButtonGroup(self)
        for entry in pages:
            button = QPushButton(icon(entry.key), entry.title)
            button.setCheckable(True)
            button.setAccessibleName(entry.title)
            button.setIconSize(QSize(18, 18))
            set_role(button, "nav")
            button.clicked.connect(lambda _checked=False, key=entry.key: self.show_page(key))
            group.addButton(button)
            layout.addWidget(button)
            self._navigation[entry.key] = button
        layout.addStretch(1)
        self._device = ElidedLabel()
        set_role(self._device, "heading")
        self._device_note = muted("", wrap=True)
        research = muted(self.tr("Research use only"))
        research.setToolTip(RESEARCH_ONLY)
        self._box = box = QFrame()
        set_role(box, "card")
        inside = QVBoxLayout(box)
        inside.setContentsMargins(3 * SPACE // 2, SPACE, 3 * SPACE // 2, SPACE)
        inside.setSpacing(2)
        for label in (self._device, self._device_note, research):
            inside.addWidget(label)
        layout.addWidget(box)
        return side

    def _menus(self, pages: list[PageEntry]) -> None:
        bar = self.menuBar()
        self.file_menu = bar.addMenu(self.tr("&File"))
        self.page_menus = {}
        for entry in pages:
            if entry.key != "settings":
                menu = bar.addMenu(entry.title)
                menu.menuAction().setVisible(False)
                self.page_menus[entry.key] = menu
        self.view_menu = bar.addMenu(self.tr("&View"))
        self.help_menu = bar.addMenu(self.tr("&Help"))
        group = QActionGroup(self)
        for number, entry in enumerate(pages, start=1):
            action = QAction(icon(entry.key), entry.title, self)
            preferences = entry.key == "settings"
            action.setShortcut(QKeySequence("Ctrl+,") if preferences else QKeySequence(f"Ctrl+{number}"))
            action.setCheckable(True)
            action.triggered.connect(lambda _checked=False, key=entry.key: self.show_page(key))
            group.addAction(action)
            self.view_menu.addAction(action)
            self._navigation[entry.key].setToolTip(
                f"{entry.title} ({action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)})"
            )
        self.page_actions = {action.text(): action for action in group.actions()}
        quit_action = QAction(self.tr("Quit"), self)
        quit_action.setShortcut(QKeySequence.StandardKey.Quit)
        quit_action.setMenuRole(QAction.MenuRole.QuitRole)
        quit_action.triggered.connect(self.close)
        self.file_menu.addAction(quit_action)
        self._quit = quit_action

    def add_file_action(self, action: QAction) -> None:
        """Put an action into the menu File, above Quit."""
        self.file_menu.insertAction(self._quit, action)

    # --- pages -------------------------------------------------------------------------------------------

    def page(self, key: str) -> QWidget:
        """Return a page, building it if it has not been shown yet."""
        if key not in self._pages:
            entry = self._entries[key]
            page = entry.make()
            self._pages[key] = page
            self.stack.addWidget(page)
            actions = getattr(page, "actions", None)
            if key in self.page_menus and actions is not None:
                menu = self.page_menus[key]
                for action in actions():
                    menu.addAction(action)
        return self._pages[key]

    @property
    def built_pages(self) -> frozenset[str]:
        """Keys of the pages that have been built."""
        return frozenset(self._pages)

    @property
    def current(self) -> str:
        """The key of the page that is shown."""
        shown = self.stack.currentWidget()
        return next((key for key, page in self._pages.items() if page is shown), "")

    def show_page(self, key: str) -> None:
        """Show a page."""
        if key not in self._entries:
            return
        self.stack.setCurrentWidget(self.page(key))
        self._navigation[key].setChecked(True)
        self.page_actions[self._entries[key].title].setChecked(True)
        for name, menu in self.page_menus.items():
            # A menu that is not shown takes the shortcuts of its actions with it.
            menu.menuAction().setVisible(name == key and bool(menu.actions()))
        self._settings.set_value("page", key)

    def _dropped(self, paths: list[Path]) -> None:
        first, *others = paths
        open_more = getattr(self.page(self.current), "open_more", None) if self.open_path(first) else None
        if others and open_more is not None:
            open_more(others)

    def open_path(self, path: Path) -> bool:
        """Open a file or folder on the page that can take it, the shown one first."""
        keys = [self.current, *(key for key in self._entries if key != self.current)]
        for key in keys:
            if not key or key == "settings":
                continue
            opened = getattr(self.page(key), "open_path", None)
            if opened is not None and opened(path):
                self.show_page(key)
                return True
        self.strip.say(self.tr("{name} cannot be opened here.").format(name=path.name), _NOTICE_MS)
        return False

    def show_device(self, line: str, reason: str) -> None:
        """Say below the side bar what will be trained on.

        Args:
            line: a few words.
            reason: why there is no GPU; shown in the tooltip.
        """
        self._device.setText(line)
        self._device.setToolTip(reason or line)
        self._device_note.setText(self.tr("No GPU used") if reason else "")
        self._device_note.setToolTip(reason)
        self._device_note.setVisible(bool(reason))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the room to the pages where there is little."""
        super().resizeEvent(event)
        narrow = self.width() < _NARROW
        self._side.setFixedWidth(_NARROW_SIDE if narrow else _SIDE_WIDTH)
        for widget in (self._name, self._box):
            widget.setVisible(not narrow)
        for key, button in self._navigation.items():
            button.setText("" if narrow else self._entries[key].title)

    # --- the window itself -------------------------------------------------------------------------------

    def _restore_geometry(self) -> None:
        stored = self._settings.text("window_geometry")
        if not stored or not self.restoreGeometry(QByteArray.fromBase64(stored.encode())):
            available = self.screen().availableGeometry()
            self.resize(_FIRST_SIZE.boundedTo(available.size()))

    def leave(self) -> None:
        """Close the window without asking again."""
        self._leaving = True
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Let whoever made the window decide; remember where it was."""
        geometry = bytes(self.saveGeometry().toBase64().data()).decode()
        self._settings.set_value("window_geometry", geometry)
        if self._leaving:
            self._settings.flush()
            event.accept()
        else:
            event.ignore()
            # After this event: while it is handled, Qt takes no second wish to close.
            QTimer.singleShot(0, self.closing.emit)

    def event(self, event: QEvent) -> bool:
        """Notice the first painting."""
        handled = super().event(event)
        if event.type() in {QEvent.Type.UpdateRequest, QEvent.Type.Paint} and not self._was_painted:
            self._was_painted = True
            self.painted.emit()
        return handled

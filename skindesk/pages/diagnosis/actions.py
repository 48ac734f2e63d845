"""What can be done on the diagnosis page, for menus, buttons and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QKeySequence

from skindesk.widgets.icons import icon

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QObject

_KEYS = QKeySequence.StandardKey


class Actions:
    """The actions of the page; each is connected by whoever can do it.

    Attributes:
        all: in the order of the menu; `None` is a separator.
    """

    def __init__(self, parent: QObject) -> None:
        def tr(text: str) -> str:
            return QCoreApplication.translate("diagnosis", text)

        def made(
            text: str, name: str, keys: list[QKeySequence | QKeySequence.StandardKey], hint: str
        ) -> QAction:
            action = QAction(icon(name), text, parent) if name else QAction(text, parent)
            action.setShortcuts([QKeySequence(key) for key in keys])
            shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            action.setToolTip(f"{hint} ({shown})" if shown else hint)
            return action

        self.open = made(tr("Open images…"), "open", [_KEYS.Open], tr("Choose images to analyse"))
        self.open_folder = made(tr("Open folder…"), "folder", [], tr("Analyse all images of a folder"))
        self.batch = made(
            tr("Analyse a folder as a table…"),
            "batch",
            [],
            tr("Go to the Batch page, for thousands of images of many lesions"),
        )
        self.paste = made(
            tr("Paste"), "paste", [_KEYS.Paste], tr("Paste an image or files from the clipboard")
        )
        self.rotate_left = made(
            tr("Rotate left"), "rotate-left", [QKeySequence("Ctrl+Shift+R")], tr("Turn by 90° to the left")
        )
        self.rotate_right = made(
            tr("Rotate right"), "rotate-right", [QKeySequence("Ctrl+R")], tr("Turn by 90° to the right")
        )
        self.crop = made(tr("Crop"), "crop", [QKeySequence("Ctrl+K")], tr("Analyse a part of the image"))
        self.crop.setCheckable(True)
        self.reset = made(
            tr("Reset"), "reset", [QKeySequence("Ctrl+Backspace")], tr("Analyse the image as it is")
        )
        self.zoom_in = made(
            tr("Zoom in"), "add", [QKeySequence("Ctrl++"), QKeySequence("Ctrl+=")], tr("Zoom in")
        )
        self.zoom_out = made(tr("Zoom out"), "remove", [QKeySequence("Ctrl+-")], tr("Zoom out"))
        self.fit = made(tr("Fit"), "fit", [QKeySequence("Ctrl+0")], tr("Show all of what is analysed"))
        self.evidence = made(
            tr("Where the network looked"),
            "",
            [QKeySequence("Ctrl+M")],
            tr("Show it as an overlay, then as an outline, then not"),
        )
        self.remove = made(
            tr("Remove image"), "delete", [_KEYS.Delete], tr("Remove the selected images from this page")
        )
        self.clear = made(
            tr("New lesion"),
            "add",
            [_KEYS.New],
            tr("Remove all images, and what was entered about the patient"),
        )
        self.other = made(
            tr("Other unfinished diagnosis"),
            "",
            [],
            tr("Set this diagnosis aside and open another unfinished one"),
        )
        self.undo = made(tr("Undo"), "", [_KEYS.Undo], tr("Undo the last change to the images"))
        self.copy = made(tr("Copy result"), "copy", [_KEYS.Copy], tr("Copy the result as text"))
        self.export = made(
            tr("Export table…"),
            "export",
            [QKeySequence("Ctrl+E")],
            tr("Save the results of all images as CSV"),
        )
        self.keep = made(
            tr("Save case"),
            "save",
            [QKeySequence("Ctrl+Shift+S")],
            tr("Keep images, results and notes on this machine, to be found on the Cases page"),
        )
        self.save = made(
            tr("Save PDF…"), "pdf", [_KEYS.Save, _KEYS.Print], tr("Save a report of images and results")
        )
        self.open.setIconText(tr("Open"))
        self.copy.setIconText(tr("Copy"))
        self.export.setIconText(tr("Export"))
        self.all: tuple[QAction | None, ...] = (
            self.open,
            self.open_folder,
            self.batch,
            self.paste,
            None,
            self.undo,
            self.rotate_left,
            self.rotate_right,
            self.crop,
            self.reset,
            self.remove,
            self.clear,
            self.other,
            None,
            self.zoom_in,
            self.zoom_out,
            self.fit,
            self.evidence,
            None,
            self.copy,
            self.keep,
            self.export,
            self.save,
        )

    def menu(self, parent: QObject) -> list[QAction]:
        """Return the actions for a menu, separators included."""
        listed = []
        for action in self.all:
            separator = QAction(parent)
            separator.setSeparator(True)
            listed.append(separator if action is None else action)
        return listed


def connect(action: QAction, slot: Callable[[], object]) -> None:
    """Have an action do something that takes no argument."""
    action.triggered.connect(lambda _checked=False: slot())

"""Asking for files and folders: by the system's own dialog, while the window goes on."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QFileInfo, QStandardPaths
from PySide6.QtWidgets import QFileDialog, QMessageBox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PySide6.QtWidgets import QWidget

    from skindesk.settings import Settings

_IN_NO_NAME = re.compile(r'[\\/:*?"<>|\s]+')  # what some system takes in no file's name


def unused_folder(folder: Path) -> Path:
    """Return a folder of this name, or with a number behind it, that is not there yet: nothing in it is replaced."""
    numbered = (folder.with_name(f"{folder.name} ({number})") for number in itertools.count(2))
    return next(place for place in itertools.chain([folder], numbered) if not place.exists())


@dataclass(frozen=True)
class FileChoice:
    """One kind of choice. It begins in the folder where it ended last time.

    Attributes:
        parent: where it is asked.
        settings: remember the folder.
        memory: the setting that does.
        fallback: the folder to begin in when none is remembered or it is gone; otherwise the user's documents.
    """

    parent: QWidget
    settings: Settings
    memory: str
    fallback: str = ""

    def open_file(self, title: str, kinds: Sequence[str], take: Callable[[Path], object]) -> None:
        """Ask for a file that is there.

        Args:
            title: of the dialog.
            kinds: of files, such as "Tables (*.csv)".
            take: is handed the file.
        """
        self.open_files(title, kinds, lambda files: take(files[0]), QFileDialog.FileMode.ExistingFile)

    def open_files(
        self,
        title: str,
        kinds: Sequence[str],
        take: Callable[[list[Path]], object],
        mode: QFileDialog.FileMode = QFileDialog.FileMode.ExistingFiles,
    ) -> None:
        """Ask for files that are there; see `open_file`."""

        def selected(names: list[str]) -> None:
            self._remember(Path(names[0]).parent)
            take([Path(name) for name in names])

        dialog = self._dialog(title, kinds=kinds)
        dialog.setFileMode(mode)
        dialog.filesSelected.connect(selected)
        dialog.open()

    def open_folder(self, title: str, take: Callable[[Path], object]) -> None:
        """Ask for a folder that is there."""

        def selected(name: str) -> None:
            self._remember(Path(name))
            take(Path(name))

        dialog = self._dialog(title)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(selected)
        dialog.open()

    def save_file(self, title: str, name: str, kinds: Mapping[str, Callable[[Path], object]]) -> None:
        """Ask where a file is to be saved, and before another one is replaced.

        Args:
            title: of the dialog.
            name: suggested; its ending is added to a name that is typed without.
            kinds: of files, such as "Tables (*.csv)", each with what is handed the file if that kind is chosen.
        """
        ending = Path(name).suffix

        def selected(typed: str) -> None:
            kind = dialog.selectedNameFilter()
            write = kinds[kind] if kind in kinds else next(iter(kinds.values()))
            file = Path(typed if typed.lower().endswith(ending) else typed + ending)

            def take() -> None:
                self._remember(file.parent)
                write(file)

            # The dialog has asked about the name that was typed, not about the one that has become of it. Were it
            # told the ending, some systems' dialogs would still ask about what was typed, and add it afterwards.
            if str(file) != typed and QFileInfo.exists(str(file)):
                self._ask_to_replace(title, file, take)
            else:
                take()

        dialog = self._dialog(title, _IN_NO_NAME.sub(" ", name), tuple(kinds))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.fileSelected.connect(selected)
        dialog.open()

    def _dialog(self, title: str, name: str = "", kinds: Sequence[str] = ()) -> QFileDialog:
        dialog = QFileDialog(self.parent, title, str(self._beginning() / name))
        dialog.setNameFilters(kinds)
        dialog.finished.connect(dialog.deleteLater)
        return dialog

    def _beginning(self) -> Path:
        documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        for folder in (self.settings.text(self.memory), self.fallback, documents):
            if folder and QFileInfo(folder).isDir():
                return Path(folder)
        return Path.home()

    def _remember(self, folder: Path) -> None:
        self.settings.set_value(self.memory, str(folder))

    def _ask_to_replace(self, title: str, file: Path, take: Callable[[], None]) -> None:
        words = QCoreApplication.translate("FileChoice", "“{name}” already exists. Replace it?")
        box = QMessageBox(
            QMessageBox.Icon.Warning,
            title,
            words.format(name=file.name),
            QMessageBox.StandardButton.Cancel,
            self.parent,
        )
        replace = QCoreApplication.translate("FileChoice", "Replace")
        box.addButton(replace, QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        box.accepted.connect(take)
        box.finished.connect(box.deleteLater)
        box.open()

"""How images come in: dropped, chosen, pasted; folders are looked through and pictures kept in a worker."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QMimeData, QObject, QStandardPaths, Signal
from PySide6.QtGui import QImage

from skindesk.background import Errands, Urgency
from skindesk.models.diagnosis.collecting import Collected, collect, keep_pasted
from skindesk.pages.diagnosis.words import tr
from skindesk.widgets.drop_area import paths_in
from skindesk.widgets.file_choice import FileChoice
from trainer.images.suffixes import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from PySide6.QtWidgets import QWidget

    from skindesk.paths import Paths
    from skindesk.settings import Settings


class Hover(QObject):
    """Watches a widget for something that hovers over it to be dropped; takes nothing.

    Signals:
        changed(bool): something hovers, or no longer.
    """

    changed = Signal(bool)

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice and pass on."""
        kind = event.type()
        if kind in {QEvent.Type.DragEnter, QEvent.Type.DragLeave, QEvent.Type.Drop}:
            self.changed.emit(kind == QEvent.Type.DragEnter)
        return super().eventFilter(watched, event)


class Intake(QObject):
    """Turns whatever is handed in into a list of image files.

    Signals:
        found(Collected): image files.
        failed(str): why there are none.
    """

    found = Signal(object)
    failed = Signal(str)

    def __init__(self, paths: Paths, settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self._paths = paths
        pictures = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        self._choice = FileChoice(parent, settings, "images_folder", pictures)
        self._errands = Errands(self, Urgency.READING)

    def take(self, paths: Sequence[Path]) -> None:
        """Take files, and the images in folders."""
        if paths:
            self._in_worker(partial(collect, tuple(paths)))

    def take_picture(self, picture: QImage) -> None:
        """Take a picture that has no file, by making one."""
        folder = self._paths.pasted

        def keep() -> Collected:
            file = keep_pasted(picture, folder)
            return Collected((file,), 1)

        self._in_worker(keep)

    def take_data(self, data: QMimeData) -> bool:
        """Take what was copied or dropped.

        Returns:
            whether there was anything to take.
        """
        paths = paths_in(data)
        if paths:
            self.take(paths)
            return True
        picture = data.imageData() if data.hasImage() else None
        if isinstance(picture, QImage) and not picture.isNull():
            self.take_picture(picture)
            return True
        return False

    def choose_files(self) -> None:
        """Have a person choose images."""
        endings = " ".join(f"*{suffix}" for suffix in sorted(SUFFIXES))
        kinds = (tr("Images ({endings})").format(endings=endings), tr("All files (*)"))
        self._choice.open_files(tr("Open images"), kinds, self.take)

    def choose_folder(self) -> None:
        """Have a person choose a folder of images."""
        self._choice.open_folder(tr("Open all images of a folder"), lambda folder: self.take([folder]))

    def _in_worker(self, work: Callable[[], Collected]) -> None:
        # An errand of its own each time: what is dropped while a folder is looked through is not lost.
        self._errands.run(work, self.found.emit, self.failed.emit)

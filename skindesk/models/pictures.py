"""Pictures for the screen, read by the decoder that the network's images are read by, outside the GUI thread."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage

from skindesk.background import Errands, Urgency

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from trainer.images.pixels import Pixels

LARGEST_SIDE = 3072
"""Longest side of a picture for the screen, pixels: 28 MB in memory, sharp on a 4K screen."""

_SMALLEST_LEVEL = 512  # pixels; halves below are not worth their memory
_THUMBNAIL_SIDE = 256  # pixels; twice the size in the strip, for screens of high density
_KEPT_BYTES = 256 << 20  # of pictures beside the one shown
_READERS = 2  # threads: images are read one after the other anyway when there are many


@dataclass(frozen=True)
class Picture:
    """An image for the screen.

    Attributes:
        width, height: of the image file, upright, pixels.
        fill: colour of the corners where it is turned, the same that the network gets.
        levels: the picture, then halves of it in turn: shrinking from the nearest one leaves no jagged lines.
    """

    width: int
    height: int
    fill: QColor
    levels: tuple[QImage, ...]

    @property
    def bytes(self) -> int:
        """Memory it takes."""
        return sum(level.sizeInBytes() for level in self.levels)

    @property
    def unshrunk(self) -> QImage | None:
        """All pixels of the image file, three bytes each; `None` where it was shrunk for the screen."""
        largest = self.levels[0]
        return largest if (largest.width(), largest.height()) == (self.width, self.height) else None

    def thumbnail(self) -> QImage:
        """Return a small copy, in the format that is painted without being converted first."""
        return shrunk(self.levels[-1], _THUMBNAIL_SIDE).convertToFormat(QImage.Format.Format_RGB32)


def as_qimage(pixels: Pixels) -> QImage:
    """Return pixels, uint8 of shape (height, width, 3), as an image with memory of its own."""
    height, width = pixels.shape[:2]
    dense = pixels if pixels.flags.c_contiguous else pixels.copy(order="C")
    return QImage(dense.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def shrunk(image: QImage, side: int) -> QImage:
    """Return an image whose longer side is at most `side` pixels; the same one if it is."""
    if max(image.width(), image.height()) <= side:
        return image
    return image.scaled(
        QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )


def read_picture(path: Path) -> Picture:
    """Read an image file for the screen.

    A large one is shrunk before Qt gets it, which would make a copy of four bytes per pixel first.

    Raises:
        ImageError: it cannot be read.
    """
    from trainer.images.decoding import reading
    from trainer.images.squares import reduced
    from trainer.images.turning import border_colour

    with reading(path) as (pixels, (width, height)):
        fill = border_colour(pixels)
        levels = [as_qimage(reduced(pixels, LARGEST_SIDE))]
    while max(levels[-1].width(), levels[-1].height()) >= 2 * _SMALLEST_LEVEL:
        longest = max(levels[-1].width(), levels[-1].height())
        levels.append(shrunk(levels[-1], longest // 2))
    return Picture(width, height, QColor(*fill), tuple(levels))


class PictureLoader(QObject):
    """Reads pictures in the background, those asked for last first, and keeps some of them.

    Signals:
        read(Path): the picture can now be had, or the sentence why there is none.
    """

    read = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._errands = Errands(self, Urgency.PICTURE)
        self._wanted: list[Path] = []
        self._reading: set[Path] = set()
        self._kept: OrderedDict[Path, Picture] = OrderedDict()
        self._thumbnails: dict[Path, QImage] = {}
        self._sentences: dict[Path, str] = {}

    def picture(self, path: Path) -> Picture | None:
        """Return a picture if it has been read and is still kept."""
        if path in self._kept:
            self._kept.move_to_end(path)
        return self._kept.get(path)

    def thumbnail(self, path: Path) -> QImage | None:
        """Return a small picture if it has been read."""
        return self._thumbnails.get(path)

    def sentence(self, path: Path) -> str:
        """Return why an image cannot be shown; empty where it can or is not read yet."""
        return self._sentences.get(path, "")

    def want(self, path: Path, *, first: bool = False) -> None:
        """Have a picture read, unless it is kept or known to be unreadable.

        Args:
            path: of the image.
            first: before all others that wait.
        """
        if path in self._reading or path in self._sentences:
            return
        if path in self._kept or (path in self._thumbnails and not first):
            return
        if path in self._wanted:
            if not first:
                return
            self._wanted.remove(path)
        self._wanted.insert(0 if first else len(self._wanted), path)
        self._start()

    def keep_only(self, paths: Collection[Path]) -> None:
        """Let go of all that is known of other images, so that memory does not grow from case to case."""
        for path in {*self._kept, *self._thumbnails, *self._sentences, *self._wanted} - set(paths):
            self.forget(path)

    def forget(self, path: Path) -> None:
        """Read an image anew when it is wanted next: its file may have changed."""
        for known in (self._kept, self._thumbnails, self._sentences):
            known.pop(path, None)
        if path in self._wanted:
            self._wanted.remove(path)

    def _start(self) -> None:
        while self._wanted and len(self._reading) < _READERS:
            path = self._wanted.pop(0)
            self._reading.add(path)
            self._errands.run(
                partial(read_picture, path), partial(self._keep, path), partial(self._explain, path)
            )

    def _keep(self, path: Path, picture: Picture) -> None:
        self._kept[path] = picture
        self._thumbnails[path] = picture.thumbnail()
        while len(self._kept) > 1 and sum(kept.bytes for kept in self._kept.values()) > _KEPT_BYTES:
            self._kept.popitem(last=False)
        self._end(path)

    def _explain(self, path: Path, sentence: str) -> None:
        self._sentences[path] = sentence
        self._end(path)

    def _end(self, path: Path) -> None:
        self._reading.discard(path)
        self._start()
        self.read.emit(path)

"""Thumbnails: decoded in threads of their own, what is visible first, kept within a number of bytes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QImageIOHandler, QImageReader, QPainter, QPixmap

from skindesk.background import THUMBNAIL_THREADS, Urgency, address_of, attempt, start, tell
from skindesk.models.pictures import as_qimage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skindesk.background import Address

KEPT_BYTES = 256 << 20
"""Memory for thumbnails; some 2,200 of 200 x 150 pixels."""

_OFF = 2  # pixels; layouts round
_REDUCED = 2  # times the box: what the trainer's decoder has read is made so small before Qt gets it

_SLICE_SECONDS = 0.004  # of the GUI thread in one go, for taking thumbnails in
_BYTES_PER_PIXEL = 4
_SIGNS = ((b"\xff\xd8\xff", b"jpeg"), (b"\x89PNG\r\n\x1a\n", b"png"), (b"BM", b"bmp"))
"""First bytes of files that Qt decodes without anything but the plugin of that format."""
_LONGEST_SIGN = 8


class Box(NamedTuple):
    """What thumbnails are fitted into: width and height, device pixels."""

    width: int
    height: int


def read_thumbnail(path: str, box: Box) -> QImage:
    """Read an image file as a small picture, upright, on white where it is transparent.

    It comes opaque and in exactly the size it is shown in, so that painting it is a plain copy. Whatever is
    scaled or blended while painting, Qt spreads over threads as soon as it is 96 lines high, and waits for them:
    on a busy machine a page of the grid then took 70 ms, 7 of them work.

    Qt scales while it decodes. What Qt cannot read goes through the decoder that training uses.

    Args:
        path: of the file.
        box: the picture fills it, or one of its sides if it has another shape.

    Raises:
        ImageError: it cannot be read.
    """
    image = _read_by_qt(path, box)
    if image.isNull():
        from trainer.images.decoding import reading
        from trainer.images.squares import reduced

        with reading(Path(path)) as (pixels, _):
            image = as_qimage(reduced(pixels, _REDUCED * max(box.width, box.height)))
    fitted = _fitted(image.size(), box)
    if image.size() != fitted:
        smooth = Qt.TransformationMode.SmoothTransformation
        image = image.scaled(fitted, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
    if image.hasAlphaChannel():
        page = QImage(image.size(), QImage.Format.Format_RGB32)
        page.fill(QColor("white"))
        painter = QPainter(page)
        painter.drawImage(0, 0, image)
        painter.end()
        image = page
    return image.convertToFormat(QImage.Format.Format_RGB32)


def _read_by_qt(path: str, box: Box) -> QImage:
    """Return the picture as Qt decodes it, scaled, or none.

    Qt is told the format. Left to find it out, it asks its SVG plugin too, which connects signals; in a thread that
    holds Python's lock this waits for ever if the GUI thread is deleting an object just then.
    """
    try:
        with Path(path).open("rb") as stream:
            head = stream.read(_LONGEST_SIGN)
    except OSError:
        return QImage()
    known = next((name for sign, name in _SIGNS if head.startswith(sign)), None)
    if known is None:
        return QImage()
    reader = QImageReader(path, known)
    reader.setAutoDetectImageFormat(False)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid():
        turned = bool(reader.transformation() & QImageIOHandler.Transformation.TransformationRotate90)
        fitted = _fitted(size.transposed() if turned else size, box)
        reader.setScaledSize(fitted.transposed() if turned else fitted)
    return reader.read()


def _fitted(size: QSize, box: Box) -> QSize:
    """Return the size of a picture in its box; one that is a little off its shape fills it all the same."""
    room = QSize(box.width, box.height)
    fitted = size.scaled(room, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1))
    off = room - fitted
    return room if max(off.width(), off.height()) <= _OFF else fitted


class _Wish(NamedTuple):
    path: str
    box: Box
    age: int  # of what was on show when it was wished for; see Thumbnails.clear


class _Read(NamedTuple):
    wish: _Wish
    image: QImage | None
    reason: str


class _Kept(NamedTuple):
    pixmap: QPixmap
    box: Box
    bytes: int


class _Queue:
    """What the decoders and the GUI thread share."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._wishes: deque[_Wish] = deque()
        self._in_hand: set[_Wish] = set()
        self._read: deque[_Read] = deque()
        self._decoders = 0
        self._announced = False

    def __len__(self) -> int:
        with self._lock:
            return len(self._wishes) + len(self._in_hand) + len(self._read)

    def want(self, wishes: Iterable[_Wish]) -> None:
        """Let wishes take the place of the earlier ones."""
        with self._lock:
            coming = self._in_hand | {read.wish for read in self._read}
            self._wishes = deque(wish for wish in wishes if wish not in coming)
            more = max(min(THUMBNAIL_THREADS, len(self._wishes)) - self._decoders, 0)
            self._decoders += more
        for _ in range(more):
            start(self._decode, Urgency.THUMBNAIL)

    def clear(self) -> None:
        """Drop wishes, and what has been read and was not taken."""
        with self._lock:
            self._wishes.clear()
            self._read.clear()

    def take(self) -> _Read | None:
        """Return what has been read next; `None` lets the next one be announced."""
        with self._lock:
            if self._read:
                return self._read.popleft()
            self._announced = False
            return None

    def _decode(self) -> None:
        """Decode until there is nothing more to do; runs in a thread."""
        while True:
            with self._lock:
                if not self._wishes:
                    self._decoders -= 1
                    return
                wish = self._wishes.popleft()
                self._in_hand.add(wish)
            image, reason = attempt(partial(read_thumbnail, wish.path, wish.box))
            read = _Read(wish, image, reason or "")
            with self._lock:
                self._in_hand.discard(wish)
                self._read.append(read)
                announce, self._announced = not self._announced, True
            if announce:
                tell(self._address, None)


class Thumbnails(QObject):
    """The thumbnails of a view.

    A view asks with `pixmap` for what it paints and says with `want` what it would like to have; a new wish
    takes the place of the old one, so that what has been scrolled past is not decoded.

    Signals:
        ready(list[str]): thumbnails of these files have come, or the reasons why there are none.
    """

    ready = Signal(object)

    def __init__(self, parent: QObject | None = None, kept_bytes: int = KEPT_BYTES) -> None:
        super().__init__(parent)
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._reasons: dict[str, str] = {}
        self._age = 0
        self._queue = _Queue(address_of(self._on_read))
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._take)
        # A decoder that is at work ends with the image it has in hand.
        self.destroyed.connect(self._queue.clear)

    @property
    def bytes(self) -> int:
        """Memory the kept thumbnails take."""
        return self._bytes

    @property
    def waiting(self) -> int:
        """How many thumbnails are wished for and have not come."""
        return len(self._queue)

    def pixmap(self, path: str) -> QPixmap | None:
        """Return a thumbnail if it is there, of the size wished for or of another one."""
        kept = self._kept.get(path)
        if kept is None:
            return None
        self._kept.move_to_end(path)
        return kept.pixmap

    def reason(self, path: str) -> str:
        """Return why a file has no thumbnail; empty where it has one or has not been tried."""
        return self._reasons.get(path, "")

    def want(self, paths: Iterable[str], box: Box) -> None:
        """Say which thumbnails are wanted now.

        Args:
            paths: of the files, the most urgent first; all earlier wishes are dropped.
            box: that all of them are fitted into.
        """
        self._queue.want(
            _Wish(path, box, self._age)
            for path in paths
            if path not in self._reasons and ((kept := self._kept.get(path)) is None or kept.box != box)
        )

    def clear(self) -> None:
        """Forget all thumbnails and reasons: other images are on show, or the same at another place."""
        self._age += 1
        self._queue.clear()
        self._kept.clear()
        self._reasons.clear()
        self._bytes = 0

    def _on_read(self, _announced: None) -> None:
        self._take()

    def _take(self) -> None:
        """Turn what has come into pixmaps, a few milliseconds at a time."""
        deadline = time.perf_counter() + _SLICE_SECONDS
        come: list[str] = []
        while time.perf_counter() < deadline:
            read = self._queue.take()
            if read is None:
                break
            if read.wish.age == self._age:
                self._keep(read)
                come.append(read.wish.path)
        else:
            self._rest.start(0)
        if come:
            self.ready.emit(come)

    def _keep(self, read: _Read) -> None:
        path = read.wish.path
        old = self._kept.pop(path, None)
        if old is not None:
            self._bytes -= old.bytes
        if read.image is None:
            self._reasons[path] = read.reason
            return
        size = read.image.width() * read.image.height() * _BYTES_PER_PIXEL
        self._kept[path] = _Kept(QPixmap.fromImage(read.image), read.wish.box, size)
        self._bytes += size
        while self._bytes > self._kept_bytes and len(self._kept) > 1:
            _path, gone = self._kept.popitem(last=False)
            self._bytes -= gone.bytes

"""What is drawn inside the text of a report: bars, pictures and plots, as vectors wherever they are drawings.

A template writes an inset as an `img` of the name that `Insets.add` returned. When the text is a document, it
is made an object that Qt asks to draw itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from markupsafe import Markup
from PySide6.QtCore import QRect, QRectF, QSizeF, Qt
from PySide6.QtGui import (
    QColor,
    QImage,
    QPainter,
    QPyTextObject,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
)

from skindesk.reports.layout.canvas import POINTS_PER_INCH, TRACK, Canvas

if TYPE_CHECKING:
    from collections.abc import Iterator

OBJECT_TYPE = QTextFormat.ObjectTypes.UserObject.value + 1
_INDEX = QTextFormat.Property.UserProperty.value + 1
_PREFIX = "inset:"

LEAST_DPI = 200.0
MOST_DPI = 300.0
"""Pixels an inch of paper: fewer are seen, more only make the file larger."""


class Inset(Protocol):
    """A drawing of a known size.

    Attributes:
        width, height: points.
    """

    @property
    def width(self) -> float: ...  # noqa: D102 - see the class

    @property
    def height(self) -> float: ...  # noqa: D102 - see the class

    def draw(self, canvas: Canvas) -> None:
        """Draw it from the canvas' origin to the right and down."""


@dataclass(frozen=True)
class Bar:
    """A share of a whole.

    Attributes:
        share: 0 to 1.
        colour: of the filled part, `#RRGGBB`.
        width, height: points.
    """

    share: float
    colour: str
    width: float
    height: float = 5.0

    def draw(self, canvas: Canvas) -> None:
        """Draw the track and, over it, the share; what is not nothing shows as a sliver at least."""
        radius = min(self.height / 2, 1.5)
        canvas.box(0.0, 0.0, self.width, self.height, TRACK, radius=radius)
        filled = self.width * min(max(self.share, 0.0), 1.0)
        if filled > 0.0:
            filled = max(filled, 1.0)
            canvas.box(0.0, 0.0, filled, self.height, self.colour, radius=min(radius, filled / 2))


@dataclass(frozen=True)
class Line:
    """A sample of the line that a class or a part has in a figure."""

    colour: str
    bold: bool
    width: float = 18.0
    height: float = 6.0

    def draw(self, canvas: Canvas) -> None:
        """Draw a short line at half its height."""
        y = self.height / 2
        canvas.line([(0.0, y), (self.width, y)], self.colour, 1.6 if self.bold else 1.0, dashed=not self.bold)


@dataclass(frozen=True)
class Picture:
    """An image in its own proportions.

    Attributes:
        image: pixels.
        width, height: points.
    """

    image: QImage
    width: float
    height: float

    def draw(self, canvas: Canvas) -> None:
        """Draw it with as many pixels as are printed."""
        canvas.image(0.0, 0.0, self.width, self.height, for_print(self.image, self.width, self.height))


def fitted(image: QImage, width: float, height: float) -> Picture:
    """Return a picture as large as fits into width and height, points."""
    scale = min(width / max(image.width(), 1), height / max(image.height(), 1))
    return Picture(image, max(image.width() * scale, 1.0), max(image.height() * scale, 1.0))


def for_print(image: QImage, width: float, height: float) -> QImage:
    """Return an image with 200 to 300 pixels an inch when drawn at a size in points, without transparency.

    An opaque image of three channels is what Qt stores as a JPEG.
    """
    opaque = image
    if image.hasAlphaChannel():
        opaque = QImage(image.size(), QImage.Format.Format_RGB888)
        opaque.fill(QColor("white"))
        painter = QPainter(opaque)
        painter.drawImage(0, 0, image)
        painter.end()
    dpi = min(
        image.width() / (width / POINTS_PER_INCH),
        image.height() / (height / POINTS_PER_INCH),
    )
    factor = min(max(dpi, LEAST_DPI), MOST_DPI) / dpi
    if factor != 1.0:
        opaque = opaque.scaled(
            max(1, round(image.width() * factor)),
            max(1, round(image.height() * factor)),
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    return opaque.convertToFormat(QImage.Format.Format_RGB888)


class Insets:
    """The insets of one report, by number."""

    def __init__(self) -> None:
        self._insets: list[Inset] = []

    def add(self, inset: Inset) -> Markup:
        """Keep an inset and return the HTML that stands for it."""
        self._insets.append(inset)
        return Markup('<img src="{}{}">').format(_PREFIX, len(self._insets) - 1)

    def number(self, index: int) -> Inset:
        """Return an inset by the number it was added under."""
        return self._insets[index]


class InsetHandler(QPyTextObject):
    """What Qt asks for the size of an inset and to draw it.

    Args:
        insets: of the report.
        scale: the device's units in a point.
    """

    def __init__(self, insets: Insets, scale: float) -> None:
        super().__init__()
        self._insets = insets
        self._scale = scale

    def intrinsicSize(self, _document: QTextDocument, _position: int, form: QTextFormat) -> QSizeF:
        """Return the size in the device's units."""
        inset = self._inset(form)
        return QSizeF(inset.width * self._scale, inset.height * self._scale)

    def drawObject(
        self,
        painter: QPainter,
        rectangle: QRectF | QRect,
        _document: QTextDocument,
        _position: int,
        form: QTextFormat,
    ) -> None:
        """Draw the inset."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        canvas = Canvas(painter, rectangle.x(), rectangle.y(), self._scale)
        self._inset(form).draw(canvas)
        painter.restore()

    def _inset(self, form: QTextFormat) -> Inset:
        return self._insets.number(form.intProperty(_INDEX))


def make_objects(document: QTextDocument) -> None:
    """Turn the `img`s of insets in a document into objects that draw themselves."""
    found = [
        (position, length, name) for position, length, name in _images(document) if name.startswith(_PREFIX)
    ]
    cursor = QTextCursor(document)
    for position, length, name in found:
        form = QTextCharFormat()
        form.setObjectType(OBJECT_TYPE)
        form.setProperty(_INDEX, int(name.removeprefix(_PREFIX)))
        cursor.setPosition(position)
        cursor.setPosition(position + length, QTextCursor.MoveMode.KeepAnchor)
        cursor.setCharFormat(form)


def _images(document: QTextDocument) -> Iterator[tuple[int, int, str]]:
    block = document.begin()
    while block.isValid():
        iterator = block.begin()
        while not iterator.atEnd():
            fragment = iterator.fragment()
            form = fragment.charFormat()
            if form.isImageFormat():
                yield fragment.position(), fragment.length(), form.toImageFormat().name()
            iterator += 1
        block = block.next()

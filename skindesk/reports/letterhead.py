"""The user's heading and logo at the top of every report."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageOps
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QXmlStreamReader
from PySide6.QtGui import QImage
from PySide6.QtSvg import QSvgRenderer

from skindesk.reports.layout.insets import fitted
from skindesk.reports.words import one_line, tr
from trainer.files import read_regular

if TYPE_CHECKING:
    from skindesk.reports.layout.canvas import Canvas
    from skindesk.reports.layout.insets import Inset
    from skindesk.reports.orders import Letterhead

_WIDTH, _HEIGHT = 170.0, 44.0
"""Largest size of a logo, points: 60 mm by 15 mm."""

_MOST_BYTES = 20 << 20
_MOST_PIXELS = 50_000_000


@dataclass(frozen=True)
class LetterheadView:
    """What stands at the top.

    Attributes:
        heading: one line; may be empty.
        logo: `None` where there is none, or none that can be used.
        problem: why the logo cannot be used, a sentence; else empty.
    """

    heading: str = ""
    logo: Inset | None = None
    problem: str = ""


@dataclass(frozen=True)
class Drawing:
    """An SVG drawing in its own proportions, painted as lines.

    Attributes:
        renderer: that paints it.
        width, height: points.
    """

    renderer: QSvgRenderer
    width: float
    height: float

    def draw(self, canvas: Canvas) -> None:
        """Draw it."""
        canvas.svg(0.0, 0.0, self.width, self.height, self.renderer)


def read_letterhead(asked: Letterhead) -> LetterheadView:
    """Read the logo; a file that cannot be used costs the logo alone."""
    heading = one_line(asked.heading)
    if not asked.logo:
        return LetterheadView(heading)
    file = Path(asked.logo)
    try:
        content = read_regular(file, _MOST_BYTES)
        return LetterheadView(
            heading, _drawing(content) if file.suffix.lower() == ".svg" else _picture(content)
        )
    except OSError as error:
        reason = error.strerror or tr("it is not a PNG, JPEG or SVG image")
    except (ValueError, SyntaxError):
        reason = tr("it is damaged, too large, or not a PNG, JPEG or SVG image")
    sentence = tr(
        "The logo {name} cannot be used ({reason}), so this report has none. Choose another file in the settings."
    )
    return LetterheadView(heading, problem=sentence.format(name=one_line(file.name), reason=reason))


def _drawing(content: bytes) -> Inset:
    """Return an SVG drawing.

    Raises:
        ValueError: it is none.
    """
    renderer = QSvgRenderer()
    # Of a file that is no drawing the renderer would complain aloud.
    if not _is_svg(content) or not renderer.load(QByteArray(content)) or renderer.defaultSize().isEmpty():
        raise ValueError("no drawing")
    size = renderer.defaultSize()
    scale = min(_WIDTH / size.width(), _HEIGHT / size.height())
    return Drawing(renderer, size.width() * scale, size.height() * scale)


def _is_svg(content: bytes) -> bool:
    buffer = QBuffer()
    buffer.setData(content)
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QXmlStreamReader(buffer)
    is_svg = reader.readNextStartElement() and reader.name() == "svg"
    while not reader.atEnd():
        reader.readNext()
    return is_svg and not reader.hasError()


def _picture(content: bytes) -> Inset:
    """Return a PNG or JPEG, upright.

    Raises:
        OSError, ValueError, SyntaxError: it is none, damaged or too large.
    """
    with Image.open(io.BytesIO(content), formats=["PNG", "JPEG"]) as opened:
        if opened.width * opened.height > _MOST_PIXELS:
            raise ValueError("too large")
        upright = ImageOps.exif_transpose(opened).convert("RGBA")
    width, height = upright.size
    image = QImage(upright.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
    return fitted(image, _WIDTH, _HEIGHT)

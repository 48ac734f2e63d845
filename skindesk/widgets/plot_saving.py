"""A plot as a file: a picture (PNG, SVG) or a table (CSV)."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QBuffer, QIODevice, QPoint, QRect, QSize
from PySide6.QtGui import QImage, QPainter

from trainer.files import write_bytes, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Points = tuple[NDArray[np.float64], NDArray[np.float64]]

_PIXELS = 2.0  # of a PNG to one of the screen, along each side


class Painted(Protocol):
    """What can be painted into a picture."""

    title: str

    def picture_size(self) -> QSize:
        """Return the size of the picture, in units of which the screen shows one a pixel."""

    def paint_on(self, painter: QPainter) -> None:
        """Paint it with its upper left corner at the origin."""


def save_picture(plot: Painted, file: Path) -> None:
    """Save a plot as a picture; a name that ends in .svg makes it one of lines, any other one of pixels (PNG).

    Raises:
        StorageError: the file cannot be written.
    """
    write_bytes(file, _svg(plot) if file.suffix.lower() == ".svg" else _png(plot))


def save_table(text: str, file: Path) -> None:
    """Save a table.

    Raises:
        StorageError: the file cannot be written.
    """
    write_text(file, text)


def column_table(first: str, columns: Mapping[str, Points]) -> str:
    """Return columns of points as CSV: a row for each x, empty cells where a column has no point there.

    Args:
        first: heading of the column of x.
        columns: heading to x and y, (n,) each.
    """
    rows: dict[float, dict[str, float]] = {}
    for name, (xs, ys) in columns.items():
        for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
            rows.setdefault(round(x, 6), {})[name] = y
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow([first, *columns])
    for x in sorted(rows):
        writer.writerow([f"{x:g}", *(repr(rows[x][name]) if name in rows[x] else "" for name in columns)])
    return stream.getvalue()


def _png(plot: Painted) -> bytes:
    image = QImage(plot.picture_size() * _PIXELS, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(_PIXELS)
    painter = QPainter(image)
    plot.paint_on(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stub asks for bytes, the call for a str
    return bytes(buffer.data().data())


def _svg(plot: Painted) -> bytes:
    from PySide6.QtSvg import QSvgGenerator  # noqa: PLC0415 - only for a file that few ask for

    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(plot.picture_size())
    generator.setViewBox(QRect(QPoint(0, 0), plot.picture_size()))
    generator.setTitle(plot.title)
    painter = QPainter(generator)
    plot.paint_on(painter)
    painter.end()
    return bytes(buffer.data().data())

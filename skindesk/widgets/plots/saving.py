"""A plot as a file: a picture (PNG, SVG) or a table (CSV)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QBuffer, QIODevice, QPoint, QRect, QSize
from PySide6.QtGui import QImage, QPainter

from trainer.files import write_bytes, write_text
from trainer.tables import as_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Points = tuple[NDArray[np.float64], NDArray[np.float64]]

_PIXELS = 2.0  # of a PNG to one of the screen, along each side


class Painted(Protocol):
    """What can be painted into a picture or written as a table."""

    title: str
    x_title: str

    def columns(self) -> Mapping[str, Points]:
        """Return a name for each curve, and its points."""

    def picture_size(self) -> QSize:
        """Return the size of the picture, in units of which the screen shows one a pixel."""

    def paint_on(self, painter: QPainter) -> None:
        """Paint it with its upper left corner at the origin."""


def prepare_file(plot: Painted, file: Path) -> Callable[[], None]:
    """Take from a plot what a file is to hold.

    Args:
        plot: painted on the calling thread, which is the GUI's.
        file: its ending says as what: .csv is a table, .svg a picture of lines, any other one of pixels (PNG).

    Returns:
        What encodes and writes it, in any thread; raises `StorageError` where the file cannot be written.
    """
    kind = file.suffix.lower()
    if kind == ".csv":
        return partial(_write_table, file, plot.x_title, plot.columns())
    if kind == ".svg":
        return partial(write_bytes, file, _svg(plot))
    return partial(_write_png, file, _image(plot))


def _write_table(file: Path, x_title: str, columns: Mapping[str, Points]) -> None:
    """Write columns of points as CSV: a row for each x, empty cells where a column has no point there."""
    rows: dict[float, dict[str, float]] = {}
    for name, (xs, ys) in columns.items():
        for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
            rows.setdefault(round(x, 6), {})[name] = y
    cells = (
        [f"{x:g}", *(repr(rows[x][name]) if name in rows[x] else "" for name in columns)]
        for x in sorted(rows)
    )
    write_text(file, as_csv([x_title, *columns], cells))


def _image(plot: Painted) -> QImage:
    image = QImage(plot.picture_size() * _PIXELS, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(_PIXELS)
    painter = QPainter(image)
    plot.paint_on(painter)
    painter.end()
    return image


def _write_png(file: Path, image: QImage) -> None:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stub asks for bytes, the call for a str
    write_bytes(file, bytes(buffer.data().data()))


def _svg(plot: Painted) -> bytes:
    from PySide6.QtSvg import QSvgGenerator

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

"""Pictures at the size they are printed: of those a window holds, so that no file is read again, or of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from PySide6.QtGui import QImage

from skindesk.models.pictures import as_qimage
from skindesk.reports.orders import DiagnosisOrder, Print
from trainer.images.framing import framed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skindesk.models.pictures import Picture
    from trainer.images.pixels import Pixels

MOST_PIXELS = 1200
"""Pixels of a picture's longer side that are ever printed: 300 an inch, with some to spare."""


def print_of(pixels: Pixels) -> Print:
    """Return pixels, uint8 of shape (height, width, 3), at the size they are printed."""
    from trainer.images.squares import reduced

    height, width = pixels.shape[:2]
    small = reduced(pixels, MOST_PIXELS)  # a scan of 200 million pixels is not kept
    return Print(small.tobytes(), (small.shape[1], small.shape[0]), (width, height))


def as_image(printed: Print) -> QImage:
    """Return a print as an image with memory of its own."""
    width, height = printed.size
    return as_qimage(np.frombuffer(printed.rgb, np.uint8).reshape(height, width, 3))


def with_pictures(order: DiagnosisOrder, pictures: Sequence[Picture | None]) -> DiagnosisOrder:
    """Return an order with the pictures that a window holds, turned and cut as was asked: for a worker.

    Args:
        order: without pictures.
        pictures: one for each image. Files of those that are missing, or were shrunk for the screen, are read for the
            report: a small part of a large image would lose pixels.
    """
    images = tuple(
        image
        if picture is None or picture.unshrunk is None or image.prediction.error
        else msgspec.structs.replace(
            image, picture=print_of(framed(_pixels_of(picture.unshrunk), image.view))
        )
        for image, picture in zip(order.images, pictures, strict=True)
    )
    return msgspec.structs.replace(order, images=images)


def _pixels_of(image: QImage) -> Pixels:
    """Return the pixels of an image, uint8 of shape (height, width, 3), in memory of their own."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    # A view of Qt's memory would not keep the image alive.
    return lines[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()

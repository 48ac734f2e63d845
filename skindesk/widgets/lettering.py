"""How a name is broken where it has less room than it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt

if TYPE_CHECKING:
    from PySide6.QtGui import QFontMetricsF


def breaking(text: str, metrics: QFontMetricsF, room: float) -> int:
    """Return Qt's flags that break a text between its words, or anywhere if one of them alone is too wide.

    Args:
        text: to be painted.
        metrics: of the font.
        room: width, pixels.
    """
    too_wide = any(metrics.horizontalAdvance(word) > room for word in text.split())
    return int(Qt.TextFlag.TextWrapAnywhere if too_wide else Qt.TextFlag.TextWordWrap)


def broken_height(text: str, metrics: QFontMetricsF, room: float) -> float:
    """Return the height of a text that is broken so, pixels."""
    place = QRectF(0.0, 0.0, max(room, 1.0), 10_000.0)
    return metrics.boundingRect(place, breaking(text, metrics, room), text).height()

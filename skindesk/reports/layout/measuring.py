"""How wide the columns of a table must be, which depends on the fonts of the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QFontMetricsF, QGuiApplication

from skindesk.reports.layout.canvas import BODY, POINTS_PER_INCH, SMALL
from skindesk.reports.layout.fonts import font_for

if TYPE_CHECKING:
    from collections.abc import Iterable

_GAP = 11.0
"""Between a column and the one before, points."""

_LARGE = 100.0
"""Size of type at which texts are measured, so that no rounding matters."""


def column_width(heading: str, texts: Iterable[str] = (), least: float = 0.0, *, bold: bool = False) -> float:
    """Return the width of a column in which neither its heading nor any text is broken, points.

    Args:
        heading: in small type.
        texts: of its cells.
        least: how wide it is at least.
        bold: whether cells may be set in bold.
    """
    widths = [_width(heading, SMALL), *(_width(text, BODY, bold=bold) for text in texts)]
    return max(least, max(widths) + _GAP)


def _width(text: str, size: float, *, bold: bool = False) -> float:
    advance = QFontMetricsF(font_for(text, _LARGE, bold=bold)).horizontalAdvance(text)
    dots = QGuiApplication.primaryScreen().logicalDotsPerInchY() / POINTS_PER_INCH
    return advance / dots * size / _LARGE

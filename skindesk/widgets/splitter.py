"""Parts beside or above each other, whose sizes a person chooses once and for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QSplitter

from skindesk.widgets.theme import SPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QWidget

    from skindesk.settings import Settings


class Splitter(QSplitter):
    """A splitter that remembers how it was drawn.

    Args:
        orientation: of the row or column.
        parts: in their order, each with its share of the room that a larger window gives.
        settings: keep the sizes.
        key: the setting, of kind `sizes`.
        parent: as usual.
    """

    def __init__(
        self,
        orientation: Qt.Orientation,
        parts: Sequence[tuple[QWidget, int]],
        settings: Settings,
        key: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(orientation, parent)
        self._settings, self._key = settings, key
        self.setChildrenCollapsible(False)
        self.setHandleWidth(2 * SPACE)
        for place, (part, share) in enumerate(parts):
            self.addWidget(part)
            self.setStretchFactor(place, share)
        sizes = settings.sizes(key)
        self._drawn = len(sizes) == len(parts)
        if self._drawn:
            self.setSizes(sizes)
        self.splitterMoved.connect(self._keep)

    def suggest(self, sizes: Sequence[int]) -> None:
        """Use these sizes, pixels, as long as nobody has chosen others."""
        if not self._drawn:
            self.setSizes(sizes)

    def _keep(self) -> None:
        self._drawn = True
        self._settings.set_value(self._key, self.sizes())

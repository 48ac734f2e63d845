"""Backbones to choose from, a card each: name, size, parameters, and whether its weights are at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QGridLayout, QSizePolicy, QWidget

from skindesk.widgets.theme import SPACE, emphasised, tokens_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtGui import QPaintEvent

    from trainer.backbones import Backbone

_COLUMNS = 2
_RADIUS = 6.0
_MILLION = 1_000_000


class BackboneCard(QAbstractButton):
    """One backbone.

    Args:
        backbone: what is known of it.

    Attributes:
        backbone: see above.
    """

    def __init__(self, backbone: Backbone, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.backbone = backbone
        self._weights = ""
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_weights("")

    @property
    def facts(self) -> str:
        """Size and millions of parameters in words."""
        return self.tr("{side} px, {millions} M").format(
            side=self.backbone.default_size, millions=f"{self.backbone.parameters / _MILLION:.1f}"
        )

    def set_weights(self, words: str, tip: str = "") -> None:
        """Say where its weights are.

        Args:
            words: a few.
            tip: a sentence or two.
        """
        self._weights = words
        self.setAccessibleName(f"{self.backbone.title}, {self.facts}".rstrip(", "))
        self.setAccessibleDescription(words)
        self.setToolTip(
            self.tr("{title}: trained on squares of {side} px, {parameters} parameters. {weights}")
            .format(
                title=self.backbone.title,
                side=self.backbone.default_size,
                parameters=f"{self.backbone.parameters:,}",
                weights=tip or words,
            )
            .strip()
        )
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size for three lines."""
        return QSize(140, 3 * self.fontMetrics().height() + 2 * SPACE)

    def minimumSizeHint(self) -> QSize:
        """Return the least size; what does not fit is in the tooltip."""
        return QSize(100, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint frame and lines."""
        tokens = tokens_for(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = self.isChecked()
        width = 2.0 if self.hasFocus() or chosen else 1.0
        painter.setPen(QPen(tokens.accent if chosen or self.hasFocus() else tokens.border, width))
        painter.setBrush(tokens.accent_soft if chosen else tokens.surface)
        inset = width / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), _RADIUS, _RADIUS)
        if self.hasFocus() and chosen:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(tokens.accent, 1.0, Qt.PenStyle.DotLine))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(4, 4, -4, -4), _RADIUS / 2, _RADIUS / 2)
        line = self.fontMetrics().height()
        space = self.width() - 2 * SPACE
        for number, (text, colour) in enumerate(
            (
                (self.backbone.title, tokens.text),
                (self.facts, tokens.muted),
                (self._weights, tokens.muted),
            )
        ):
            painter.setFont(emphasised(self.font()) if number == 0 else self.font())
            painter.setPen(colour if self.isEnabled() else tokens.muted)
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, space)
            painter.drawText(SPACE, SPACE + number * line + self.fontMetrics().ascent(), shown)
        painter.end()


class BackboneCards(QWidget):
    """The cards of all backbones on offer. Arrow keys go from one to the next.

    Signals:
        chosen(str): a person has chosen this backbone.
    """

    chosen = Signal(str)

    def __init__(self, backbones: Sequence[Backbone], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        self._group = QButtonGroup(self)
        self.cards: dict[str, BackboneCard] = {}
        for place, backbone in enumerate(backbones):
            card = BackboneCard(backbone)
            self._group.addButton(card)
            layout.addWidget(card, place // _COLUMNS, place % _COLUMNS)
            self.cards[backbone.name] = card
        # Arrow keys toggle without a click: both count as choosing.
        self._group.buttonToggled.connect(self._on_toggled)
        self._silent = False

    @property
    def current(self) -> str:
        """The name of the backbone chosen; empty for none."""
        return next((name for name, card in self.cards.items() if card.isChecked()), "")

    def choose(self, name: str) -> None:
        """Choose a backbone without saying so; one that is not on offer leaves none chosen."""
        self._silent = True
        self._group.setExclusive(name in self.cards)
        for key, card in self.cards.items():
            card.setChecked(key == name)
        self._group.setExclusive(True)
        self._silent = False

    def set_weights(self, words: Mapping[str, tuple[str, str]]) -> None:
        """Say where the weights of the backbones are: name to a few words and a sentence."""
        for name, (short, tip) in words.items():
            self.cards[name].set_weights(short, tip)

    def _on_toggled(self, button: QAbstractButton, checked: bool) -> None:
        if checked and not self._silent and isinstance(button, BackboneCard):
            self.chosen.emit(button.backbone.name)

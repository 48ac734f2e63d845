"""Colours, distances and the style sheet: one accent, two font sizes, an 8-pixel grid, light and dark.

Colours follow the application's palette, so that a change of the system's scheme is followed at once:
a widget that paints itself takes them from `tokens_for(self.palette())` each time it paints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette

if TYPE_CHECKING:
    from collections.abc import Collection

    from PySide6.QtWidgets import QApplication, QWidget

SPACE = 8
"""Every distance is this many pixels, or a multiple, or half."""

MALIGNANT_MARK = "▲"
"""Stands before the name of a malignant class, so that colour alone never says it."""

Role: TypeAlias = Literal[
    "card",
    "title",
    "heading",
    "muted",
    "figure",
    "primary",
    "quiet",
    "danger",
    "segment",
    "notice",
    "notice-error",
    "chip",
    "alert",
    "flag",
    "banner",
    "step",
    "step-now",
    "notice-ok",
    "side",
    "nav",
    "strip",
    "plain",
]

_DARK_BELOW = 128  # lightness of the window colour, 0 to 255
_SEEN_FROM = 3.0  # contrast of graphics to their ground
_LINEAR_BELOW = 0.04045  # of sRGB's transfer function


@dataclass(frozen=True)
class Tokens:
    """The colours of a scheme, by use. Text on its ground has a contrast of 4.5:1 or more.

    Attributes:
        window: behind everything.
        side: of the side bar and the status strip.
        surface: of cards and fields.
        border: around them.
        text, muted: for reading, and for what is said aside.
        accent, accent_soft, on_accent: the one colour, its pale ground, and text on it.
        track: the empty part of a bar.
        grid_line: of plots.
        warning, warning_soft, danger, danger_soft, ok, ok_soft: of sentences and their grounds.
    """

    window: QColor
    side: QColor
    surface: QColor
    border: QColor
    text: QColor
    muted: QColor
    accent: QColor
    accent_soft: QColor
    on_accent: QColor
    track: QColor
    grid_line: QColor
    warning: QColor
    warning_soft: QColor
    danger: QColor
    danger_soft: QColor
    ok: QColor
    ok_soft: QColor

    def seen(self, colour: QColor) -> QColor:
        """Return a class's colour, light enough that lines and bars in it are seen on cards.

        Graphics want a contrast of 3:1 (WCAG 2.2, 1.4.11). The classes' colours have it on white; on a dark card
        the darker ones keep their hue and become lighter.
        """
        found, lightness = QColor(colour), colour.lightnessF()
        while contrast(found, self.surface) < _SEEN_FROM and lightness < 1.0:
            lightness = min(1.0, lightness + 0.01)
            found.setHslF(colour.hslHueF(), colour.hslSaturationF(), lightness, colour.alphaF())
        return found


def _tokens(*colours: str) -> Tokens:
    return Tokens(*(QColor(colour) for colour in colours))


# fmt: off
LIGHT = _tokens(
    "#F5F6F8", "#FFFFFF", "#FFFFFF", "#E1E4EA", "#1B1F27", "#5C6370", "#2560CC", "#E8F0FD", "#FFFFFF",
    "#E3E5EB", "#E9EBEF", "#7A4B00", "#FFF3DC", "#B3261E", "#FCE9E7", "#1F7A45", "#E8F5EC",
)
DARK = _tokens(
    "#15181D", "#1D2127", "#1D2127", "#343941", "#E9EBEF", "#9BA2AE", "#6B9DFA", "#22324F", "#0D1421",
    "#343943", "#2A2F37", "#F2C36B", "#3A2E17", "#FF8A80", "#43201E", "#6FCF97", "#17351F",
)
# fmt: on


def contrast(one: QColor, other: QColor) -> float:
    """Return the contrast ratio of two colours, from 1 to 21, as WCAG 2.2 defines it."""
    darker, lighter = sorted(_luminance(colour) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: QColor) -> float:
    channels = (colour.redF(), colour.greenF(), colour.blueF())
    linear = [c / 12.92 if c <= _LINEAR_BELOW else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def tokens_for(palette: QPalette) -> Tokens:
    """Return the colours that go with a widget's palette."""
    return DARK if palette.color(QPalette.ColorRole.Window).lightness() < _DARK_BELOW else LIGHT


def set_role(widget: QWidget, role: Role) -> None:
    """Say what a widget is, so that the style sheet dresses it."""
    widget.setProperty("role", role)
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)


def class_label(name: str, malignant: Collection[str], *, full: bool = True) -> str:
    """Return how a class is named in the window: in full, with a mark before it where it is malignant."""
    from trainer.dataset.classes.names import full_name

    words = full_name(name) if full else name
    return f"{MALIGNANT_MARK} {words}" if name in malignant else words


def emphasised(font: QFont) -> QFont:
    """Return a font in the one weight used for emphasis."""
    bold = QFont(font)
    bold.setWeight(QFont.Weight.DemiBold)
    return bold


def apply_theme(application: QApplication, appearance: str) -> None:
    """Dress the application, and follow the system's scheme if it is to.

    Args:
        application: with the style Fusion.
        appearance: `system`, `light` or `dark`.
    """
    from PySide6.QtCore import Qt

    schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
    wished = schemes.get(appearance, Qt.ColorScheme.Unknown)
    hints = QGuiApplication.styleHints()
    hints.setColorScheme(wished)
    # Not every platform takes a wish, so what was wished for comes before what it says.
    scheme = wished if appearance in schemes else hints.colorScheme()
    tokens = DARK if scheme == Qt.ColorScheme.Dark else LIGHT
    application.setPalette(_palette(tokens))
    application.setStyleSheet(style_sheet(tokens))


def _palette(tokens: Tokens) -> QPalette:
    roles = QPalette.ColorRole
    palette = QPalette()
    for role, colour in (
        (roles.Window, tokens.window),
        (roles.WindowText, tokens.text),
        (roles.Base, tokens.surface),
        (roles.AlternateBase, tokens.window),
        (roles.Text, tokens.text),
        (roles.Button, tokens.surface),
        (roles.ButtonText, tokens.text),
        (roles.Highlight, tokens.accent),
        (roles.HighlightedText, tokens.on_accent),
        (roles.Accent, tokens.accent),
        (roles.ToolTipBase, tokens.surface),
        (roles.ToolTipText, tokens.text),
        (roles.PlaceholderText, tokens.muted),
        (roles.Link, tokens.accent),
        (roles.LinkVisited, tokens.accent),
        (roles.Mid, tokens.border),
        (roles.Midlight, tokens.border),
        (roles.Light, tokens.surface),
        (roles.Dark, tokens.border),
        (roles.Shadow, tokens.border),
    ):
        palette.setColor(role, colour)
    disabled = QPalette.ColorGroup.Disabled
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        faded = QColor(tokens.muted)
        faded.setAlpha(150)
        palette.setColor(disabled, role, faded)
    palette.setColor(disabled, roles.Highlight, tokens.track)
    return palette


def style_sheet(tokens: Tokens) -> str:
    """Return the application's style sheet for a scheme."""
    from skindesk.paths import resource

    text = resource("style.qss").read_text(encoding="utf-8")
    for name in Tokens.__dataclass_fields__:
        text = text.replace(f"@{name}@", getattr(tokens, name).name())
    return text.replace("@icons@", resource("icons").as_posix()).replace(
        "@shade@", "dark" if tokens is DARK else "light"
    )

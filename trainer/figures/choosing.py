"""Which classes a figure shows: all that can be told apart, or the most frequent of very many."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from trainer.figures.fonts import legible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_CLASSES = 30
"""Up to this many, a figure shows all of them."""

SHOWN_CLASSES = 16
"""How many are shown of more: then the cells of a printed confusion matrix still have room for their numbers."""

LONGEST_NAME = 40
"""Letters of a name in a figure; wide ones count twice."""


def shown_classes(classes: Sequence[str], images: Mapping[str, int]) -> tuple[str, ...]:
    """Return the classes that a figure shows, in their order.

    Args:
        classes: all of them.
        images: how many there are of each; of equally frequent ones the first are taken.
    """
    if len(classes) <= MOST_CLASSES:
        return tuple(classes)
    frequent = set(sorted(classes, key=lambda name: -images.get(name, 0))[:SHOWN_CLASSES])
    return tuple(name for name in classes if name in frequent)


def drawn_name(name: str) -> str:
    """Return the name of a class as a picture shows it: in letters that can be drawn, and not too long."""
    return shortened(legible(name), LONGEST_NAME)


def shortened(text: str, letters: float) -> str:
    """Return a text cut with an ellipsis so that it is at most so many letters wide."""
    if letters_of(text) <= letters:
        return text
    while text and letters_of(text) > letters - 1:
        text = text[:-1]
    return f"{text.rstrip()}…"


def letters_of(text: str) -> int:
    """Return how wide a text is, in letters: those of Chinese, Japanese and Korean take the room of two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)

"""How names of classes are written in a figure."""

from __future__ import annotations

import unicodedata

from trainer.figures.fonts import legible

LONGEST_NAME = 40
"""Letters of a name in a figure; wide ones count twice."""


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

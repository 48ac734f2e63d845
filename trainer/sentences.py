"""Sentences with names from anywhere in them: nothing that steers a terminal, and not too long."""

from __future__ import annotations

import re

LONGEST = 500
"""Characters of a sentence at most."""

_LEAST = 60  # characters that are left of a long name
_STEERING = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_IN_TEXT = re.compile(f"[{_STEERING}]")
_IN_LINE = re.compile(rf"[\t\n{_STEERING}]")


def visible(text: str, *, lines: bool = False) -> str:
    r"""Return a text with control characters, and marks that force a direction, as escapes: `\u001b`.

    Args:
        text: any.
        lines: whether line breaks and tabs are meant and stay.
    """
    pattern = _IN_TEXT if lines else _IN_LINE
    return pattern.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def shortened(sentence: str) -> str:
    """Return a sentence of at most `LONGEST` characters: its longest words, usually names, lose their middle."""
    while (over := len(sentence) - LONGEST) > 0:
        longest = max(re.finditer(r"\S+", sentence), key=lambda match: len(match.group()))
        word = longest.group()
        if len(word) <= _LEAST:
            return _without_middle(sentence, LONGEST)
        kept = _without_middle(word, max(_LEAST, len(word) - over))
        sentence = sentence[: longest.start()] + kept + sentence[longest.end() :]
    return sentence


def _without_middle(text: str, most: int) -> str:
    head = (most - 1) // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"

"""Which classes are shown: all that can be told apart, or the most frequent of very many."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_CLASSES = 30
"""Up to this many, figures and sentences show all of them."""

SHOWN_CLASSES = 16
"""How many are shown of more: then the cells of a printed confusion matrix still have room for their numbers."""


def shown_classes(classes: Sequence[str], frequency: Mapping[str, float]) -> tuple[str, ...]:
    """Return the classes that are shown, in their order.

    Args:
        classes: all of them.
        frequency: of each, images or shares; of equally frequent ones the first are taken.
    """
    if len(classes) <= MOST_CLASSES:
        return tuple(classes)
    frequent = set(sorted(classes, key=lambda name: -frequency.get(name, 0))[:SHOWN_CLASSES])
    return tuple(name for name in classes if name in frequent)

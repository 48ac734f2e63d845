"""Joins spellings of one class, and reports what was joined."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import msgspec

from trainer.dataset.classes.names import FULL_NAMES, class_identity, short_class

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from trainer.dataset.reading.source.listing import Found


def join_classes(
    samples: Sequence[Found], *, short_names: bool, stored: Collection[str]
) -> tuple[list[Found], list[str]]:
    """Give all samples of a class the same name for it.

    That is the name the dataset has for it already; else the short name of a known class, where it occurs or the
    layout wants it; else the most frequent spelling.

    Args:
        samples: with their classes as written.
        short_names: whether the layout has short names, so that known classes in full get theirs.
        stored: names of classes that the dataset has.

    Returns:
        The samples, and a sentence about each class whose spellings were joined or replaced.
    """
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for written, n in Counter(sample.class_name for sample in samples).items():
        spellings[class_identity(written)][_shown(written)] += n
    known: defaultdict[str, list[str]] = defaultdict(list)
    for name in stored:
        known[class_identity(name)].append(name)
    names: dict[str, str] = {}
    notes: list[str] = []
    for identity, counts in spellings.items():
        names[identity] = name = _name_of(identity, counts, short_names=short_names, stored=known[identity])
        # The capitals of a short name are not worth a sentence.
        if len(counts) > 1 or not any(spelling.casefold() == name.casefold() for spelling in counts):
            notes.append(_note(name, counts))
    joined = [
        sample
        if (name := names[class_identity(sample.class_name)]) == sample.class_name
        else msgspec.structs.replace(sample, class_name=name)
        for sample in samples
    ]
    return joined, notes


def _shown(class_name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", class_name).split())


def _name_of(identity: str, counts: Counter[str], *, short_names: bool, stored: Sequence[str]) -> str:
    if len(stored) == 1:
        return stored[0]
    short = identity in FULL_NAMES and (short_names or any(short_class(spelling) for spelling in counts))
    return identity if short else counts.most_common(1)[0][0]


def _note(name: str, counts: Counter[str]) -> str:
    listed = [f"{spelling!r} ({n:,})" for spelling, n in counts.most_common()]
    if len(listed) == 1:
        return f"{listed[0]} is the class {name}."
    return f"{', '.join(listed[:-1])} and {listed[-1]} are one class: {name}."

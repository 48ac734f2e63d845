"""Groups: samples that must stay in one split because they show one lesion, one patient or one picture.

A group is a connected component of the graph whose edges join samples with the same lesion id, the same
patient id, the same file (SHA-256), or nearly the same picture (see `trainer.dataset.likeness.looks`), and the two
sides of a pair that is known to show one lesion (see `trainer.dataset.groups.known_pairs`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def group_ids(
    sample_ids: Sequence[str], keys: Iterable[Sequence[str | None]], pairs: Iterable[tuple[int, int]]
) -> list[str]:
    """Return the group id of each sample: the smallest sample id of its connected component.

    Args:
        sample_ids: of the n samples.
        keys: columns of n values; samples with equal values (that are not `None`) belong together.
        pairs: positions of samples that belong together.
    """
    parents = list(range(len(sample_ids)))

    def root(position: int) -> int:
        while parents[position] != position:
            parents[position] = parents[parents[position]]
            position = parents[position]
        return position

    def join(first: int, second: int) -> None:
        a, b = root(first), root(second)
        if sample_ids[b] < sample_ids[a]:
            a, b = b, a
        parents[b] = a

    for column in keys:
        seen: dict[str, int] = {}
        for position, value in enumerate(column):
            if value is not None:
                join(seen.setdefault(value, position), position)
    for first, second in pairs:
        join(first, second)
    return [sample_ids[root(position)] for position in range(len(sample_ids))]

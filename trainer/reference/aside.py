"""Which validation samples are set aside: they choose no epoch, so calibration, thresholds and sets rest on them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def set_aside(
    groups: Sequence[str], truth: NDArray[np.int64], validation: NDArray[np.int64], seed: int, share: float
) -> NDArray[np.bool_]:
    """Return which validation samples are set aside: a share of each class's groups, drawn by a seed.

    Args:
        groups: of all n samples.
        truth: class indices of all, (n,).
        validation: indices of the validation samples, (m,).
        seed: of the run.
        share: of the groups of each class, 0 to 1.

    Returns:
        bool (m,).
    """
    by_class: dict[int, list[str]] = {}
    seen: set[str] = set()
    for index in validation:
        if groups[index] not in seen:
            seen.add(groups[index])
            by_class.setdefault(int(truth[index]), []).append(groups[index])

    def drawn(group: str) -> bytes:
        return hashlib.sha256(f"{seed}/{group}".encode()).digest()

    chosen: set[str] = set()
    for members in by_class.values():
        chosen.update(sorted(members, key=drawn)[: int(len(members) * share)])
    return np.array([groups[index] in chosen for index in validation], dtype=bool)

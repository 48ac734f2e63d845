"""How many images a network flags as unlike those it learned from, over all and by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trainer.metrics.intervals import Interval
from trainer.metrics.rates import by_group, rate_estimates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class FlaggedShare(msgspec.Struct, frozen=True, kw_only=True):
    """The flagged images among some.

    Attributes:
        n: images.
        flagged: those of them that are flagged.
        share: of them, 0 to 1.
        interval: 95 %, by group (see `trainer.metrics.rates`); `None` with fewer than two groups.
    """

    n: int
    flagged: int
    share: float
    interval: Interval | None = None


class FlagFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The flagged images of a part.

    Attributes:
        overall: among all images.
        per_class: among those of each class that has images.
    """

    overall: FlaggedShare
    per_class: dict[str, FlaggedShare]


def flag_figures(
    flagged: NDArray[np.bool_], truth: NDArray[np.int64], classes: Sequence[str], groups: Sequence[str]
) -> FlagFigures:
    """Count flagged images, with 95 % intervals.

    Args:
        flagged: (n,), n at least 1.
        truth: class indices, (n,).
        classes: names.
        groups: the group of each image, n of them.
    """
    _, group_index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    everything = np.full_like(truth, len(classes))
    trials, hits = (
        by_group(np.concatenate([truth, everything]), np.tile(group_index, 2), len(classes) + 1, weights)
        for weights in (None, np.tile(flagged, 2).astype(np.float64))
    )
    estimates = rate_estimates(hits, trials)
    shares = [
        FlaggedShare(
            n=int(trials[:, place].sum()),
            flagged=int(hits[:, place].sum()),
            share=float(estimates.value[place]),
            interval=estimates.interval(place),
        )
        for place in range(len(classes) + 1)
    ]
    by_class = {name: share for name, share in zip(classes, shares, strict=False) if share.n}
    return FlagFigures(overall=shares[-1], per_class=by_class)

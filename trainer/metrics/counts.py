"""A count out of a number, with the interval of its share: what an operating point or a prediction set leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trainer.metrics.intervals import Interval
from trainer.metrics.rates import rate_estimates
from trainer.wording import ends, percent

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from trainer.metrics.intervals import IntArray


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many of some lesions or images something holds for.

    Attributes:
        count: for which it holds.
        of: all of them.
        interval: 95 % interval of the share; `None` where it rests on fewer than 2 groups.
    """

    count: int
    of: int
    interval: Interval | None = None

    @property
    def share(self) -> float | None:
        """The share for which it holds, 0 to 1; `None` where there is nothing to take one of."""
        return self.count / self.of if self.of else None

    @property
    def words(self) -> str:
        """The count, its share and interval: "1 of 40 (2.5 %, 0.1–12.9)"; a count of nothing is "0 of 0"."""
        plain = f"{self.count:,} of {self.of:,}"
        if self.share is None:
            return plain
        interval = "" if self.interval is None else f", {ends(self.interval.low, self.interval.high)}"
        return f"{plain} ({percent(self.share)}{interval})"


def count_of(holds: ArrayLike, group_index: IntArray) -> Count:
    """Count where something holds, with an interval that counts groups (see `trainer.metrics.rates`).

    Args:
        holds: bool (n,).
        group_index: (n,) the group of each, any numbers that tell groups apart.
    """
    hits = np.asarray(holds, dtype=np.float64)
    _names, index = np.unique(group_index, return_inverse=True)
    if not hits.size:
        return Count(count=0, of=0)
    held = np.bincount(index, weights=hits).astype(np.float64)
    trials = np.bincount(index).astype(np.float64)
    estimates = rate_estimates(held[:, np.newaxis], trials[:, np.newaxis])
    return Count(count=int(hits.sum()), of=len(hits), interval=estimates.interval(0))

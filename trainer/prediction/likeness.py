"""Whether an image is one that a network can be asked about: its quality, and how like the training images it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.predictions import UNLIKE, Unusual
from trainer.reference.novelty import how_unusual
from trainer.reference.quality import Limits, complaints, limits_of, measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainer.reference.reference import Reference

_MUCH_LONGER = 4
NO_REFERENCE = (
    "This bundle does not know the images its network learned from, so nothing tells images of another kind; complete "
    "it from its dataset with `trainer complete BUNDLE DATASET.db`."
)


class Likeness(NamedTuple):
    """What is said of an image beside its probabilities.

    Attributes:
        in_distribution, unusual: as in `Prediction`.
        warnings: sentences.
    """

    in_distribution: bool | None
    unusual: Unusual | None
    warnings: tuple[str, ...]


class Checker:
    """Checks images before a network's answer is believed.

    Args:
        reference: of the bundle; `None` where it has none: then quality alone is checked, without the limits that
            validation images set.
        side: of the network's square, pixels.
    """

    def __init__(self, reference: Reference | None, side: int) -> None:
        self._reference = reference
        self._side = side
        self._limits = Limits(0.0, 0.0, 0) if reference is None else limits_of(reference.validation.gate)
        self._ranked = None if reference is None else np.sort(reference.validation.unusual)

    def quality(self, image: NDArray[np.uint8], square: NDArray[np.uint8]) -> tuple[str, ...]:
        """Return what is wrong with an image, in sentences: nothing can be said of one that fails.

        Args:
            image: upright, uint8 (h, w, 3).
            square: as the network sees it, uint8 (s, s, 3).
        """
        height, width = image.shape[:2]
        return complaints(measure(square), self._limits, (width, height), self._side)

    def hints(self, image: NDArray[np.uint8]) -> tuple[str, ...]:
        """Return sentences about an image that is good enough, but not what it might be."""
        height, width = image.shape[:2]
        said = []
        if min(height, width) < self._side // 2:
            said.append(
                f"The image has only {width} x {height} pixels and is enlarged to {self._side} x {self._side}; "
                "details the network looks for may be missing."
            )
        if max(height, width) > _MUCH_LONGER * min(height, width):
            said.append(
                "The image is much longer than wide; most of it may lie outside the network's square."
            )
        return tuple(said)

    def likeness(
        self, features: Sequence[NDArray[np.float32]], poor: tuple[str, ...], hints: tuple[str, ...]
    ) -> Likeness:
        """Return what is said of an image.

        Args:
            features: (f,) at each depth.
            poor: of `quality`.
            hints: of `hints`.
        """
        warnings = poor or hints
        unusual = self._unusual(features)
        if unusual is None:
            return Likeness(False if poor else None, None, warnings)
        if not unusual.flagged:
            return Likeness(not poor, unusual, warnings)
        return Likeness(False, unusual, (f"{UNLIKE}: it is {how_unusual(unusual)}.", *warnings))

    def _unusual(self, features: Sequence[NDArray[np.float32]]) -> Unusual | None:
        if self._reference is None or self._ranked is None:
            return None
        novelty = self._reference.novelty
        score = float(novelty.scores([row[np.newaxis] for row in features])[0])
        return Unusual(
            score=score,
            threshold=novelty.threshold if np.isfinite(novelty.threshold) else None,
            above=int(np.searchsorted(self._ranked, np.float32(score))),
            n=len(self._ranked),
        )

    def flagged(
        self,
        squares: NDArray[np.uint8],
        sizes: Sequence[tuple[int, int]],
        features: Sequence[NDArray[np.float32]],
    ) -> NDArray[np.bool_]:
        """Return which images are flagged, as `likeness` has it, bool (n,).

        Args:
            squares: as the network sees them, uint8 (n, s, s, 3).
            sizes: width and height of the images, pixels.
            features: (n, f) at each depth.
        """
        rows = zip(squares, sizes, zip(*features, strict=True), strict=True)
        return np.array(
            [
                self.likeness(
                    depths, complaints(measure(square), self._limits, size, self._side), ()
                ).in_distribution
                is False
                for square, size, depths in rows
            ]
        )

"""Tells images of another kind from those a network learned from, by the features of the network itself.

At each depth of the backbone, the features of training images lie near a subspace. How far an image lies outside the
first principal components of it (the residual of ViM, Wang et al. 2022, arXiv:2203.10807, without its logits) is what
text, drawings, photographs and torn images have in common. The subspace is fitted on training images as they are and
as a poorer camera would show them (see `trainer.pipeline.degrading`): a coarser, darker or recompressed image of a
lesion then is no image of another kind. An image's score is the mean over the depths, each scaled by validation
images. Measured in `tests/benchmarks/bench_novelty.py`, beside the scores that were not chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.errors import TrainerError
from trainer.wording import percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from trainer.arrays import Array
    from trainer.predictions import Unusual

FLAGGED_SHARE = 0.05
"""Of set-aside validation images, by gate and score together."""
COMPONENTS = 64
"""Fewer where there are fewer images or channels: never more than half of either."""
FEWEST = 19
"""Images that are needed for a threshold that flags 5 %; with n fewer it flags 1 in n + 1."""
_TINY = 1e-12


def how_unusual(unusual: Unusual) -> str:
    """Say in a clause how unusual an image is."""
    if unusual.above == unusual.n:
        return f"more unusual than all of the {unusual.n:,} validation images"
    return f"more unusual than {percent(unusual.above / unusual.n)} of the {unusual.n:,} validation images"


class Subspace(NamedTuple):
    """Where the features of training images lie at one depth.

    Attributes:
        depth: its name.
        mean: float32 (f,).
        components: float32 (k, f), of length 1 and at right angles.
        middle, spread: of the logarithm of the distances of validation images from it: median, and 95th percentile
            less the median.
    """

    depth: str
    mean: NDArray[np.float32]
    components: NDArray[np.float32]
    middle: float
    spread: float

    def distances(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the logarithm of the distance of features (n, f) from the subspace, (n,)."""
        offsets = features.astype(np.float64) - self.mean
        inside = offsets @ self.components.T.astype(np.float64)
        outside = np.maximum((offsets**2).sum(axis=1) - (inside**2).sum(axis=1), _TINY)
        distances: NDArray[np.float64] = 0.5 * np.log(outside)
        return distances

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the scores of features (n, f): 0 is the median of validation images, 1 their 95th percentile."""
        scores: NDArray[np.float64] = (self.distances(features) - self.middle) / self.spread
        return scores


class Novelty(NamedTuple):
    """Tells images of another kind.

    Attributes:
        subspaces: at each depth; of an ensemble, at those of all members.
        threshold: a score above it is flagged; infinite where there were no images to set it.
        n: number of images that it was set on.
    """

    subspaces: tuple[Subspace, ...]
    threshold: float
    n: int

    def scores(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the score of each image, float32 (n,): the mean over the depths.

        Args:
            features: (n, f) at each depth, in the order of `subspaces`.
        """
        at_depths = [subspace.scores(found) for subspace, found in zip(self.subspaces, features, strict=True)]
        return np.asarray(np.mean(at_depths, axis=0), dtype=np.float32)

    def as_arrays(self) -> dict[str, Array]:
        """Return arrays that hold all of it."""
        arrays: dict[str, Array] = {"threshold": np.array([self.threshold]), "n": np.array([self.n])}
        for place, subspace in enumerate(self.subspaces):
            name = f"{place}.{subspace.depth}"
            arrays[f"{name}.mean"] = subspace.mean
            arrays[f"{name}.components"] = subspace.components
            arrays[f"{name}.scale"] = np.array([subspace.middle, subspace.spread])
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Novelty:
        """Return what `as_arrays` was made from.

        Raises:
            KeyError: an array is missing.
            ValueError: an array is not of the shape it should be, or holds numbers that are not finite.
        """
        subspaces = []
        names = [name.removesuffix(".mean") for name in arrays if name.endswith(".mean")]
        for name in sorted(names, key=lambda name: int(name.partition(".")[0])):
            mean, components = arrays[f"{name}.mean"], arrays[f"{name}.components"]
            middle, spread = (float(value) for value in arrays[f"{name}.scale"])
            if components.ndim != 2 or components.shape[1:] != mean.shape or not spread > 0:  # noqa: PLR2004 - a matrix
                raise ValueError("its subspaces do not have the right shape")
            if not all(np.isfinite(value).all() for value in (mean, components, middle, spread)):
                raise ValueError("its subspaces contain numbers that are not finite")
            subspaces.append(Subspace(name.partition(".")[2], mean, components, middle, spread))
        threshold = float(arrays["threshold"][0])
        if np.isnan(threshold) or not subspaces:
            raise ValueError("it has no threshold or no subspace")
        return cls(tuple(subspaces), threshold, int(arrays["n"][0]))


def fit_subspace(
    depth: str,
    training: NDArray[np.float32],
    degraded: NDArray[np.float32],
    validation: NDArray[np.float32],
) -> Subspace:
    """Fit the subspace of one depth.

    Args:
        depth: its name.
        training: features of training images, (n, f), n at least 2.
        degraded: features of some of them as a poorer camera would show them, (d, f).
        validation: features of validation images, (m, f), m at least 1.

    Raises:
        TrainerError: a feature is not finite.
    """
    seen = np.concatenate([training, degraded]).astype(np.float64)
    if not (np.isfinite(seen).all() and np.isfinite(validation).all()):
        raise TrainerError(
            "The network's features are not finite: its weights are damaged, or its training diverged; train again "
            "with a lower learning rate."
        )
    mean = seen.mean(axis=0)
    offsets = seen - mean
    kept = max(1, min(COMPONENTS, len(seen) // 2, seen.shape[1] // 2))
    _, vectors = np.linalg.eigh(offsets.T @ offsets / len(offsets))
    subspace = Subspace(
        depth, mean.astype(np.float32), vectors[:, ::-1][:, :kept].T.astype(np.float32), 0.0, 1.0
    )
    distances = subspace.distances(validation)
    middle, high = np.percentile(distances, [50, 95])
    return subspace._replace(middle=float(middle), spread=max(float(high - middle), 1e-3))


def with_threshold(
    novelty: Novelty, scores: NDArray[np.float32], passes_gate: NDArray[np.bool_], aside: NDArray[np.bool_]
) -> Novelty:
    """Return the same with a threshold set on validation images.

    Args:
        novelty: without a threshold.
        scores: of the validation images, (m,).
        passes_gate: which of them the quality gate lets through, (m,).
        aside: which of them were set aside, (m,).
    """
    # Images that chose the epoch are better than too few that did not.
    on = aside if aside.sum() >= FEWEST else np.ones(len(aside), dtype=bool)
    return novelty._replace(threshold=fit_threshold(scores[on], passes_gate[on]), n=int(on.sum()))


def fit_threshold(scores: NDArray[np.float32], passes_gate: NDArray[np.bool_]) -> float:
    """Return the threshold with which gate and score together flag `FLAGGED_SHARE` of new images of the same source.

    As in split conformal prediction, the share holds on average over new images from the source of these. With fewer
    than `FEWEST` images the threshold is the largest of their scores.

    Args:
        scores: of set-aside images, (n,).
        passes_gate: which of them the quality gate lets through, (n,).

    Returns:
        Infinity where no image passes the gate.
    """
    allowed = int(FLAGGED_SHARE * (len(scores) + 1)) - int((~passes_gate).sum())
    ranked = np.sort(scores[passes_gate])[::-1]
    if not len(ranked):
        return float("inf")
    return float(ranked[min(max(allowed - 1, 0), len(ranked) - 1)])

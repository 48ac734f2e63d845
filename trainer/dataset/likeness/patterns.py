"""What pictures look like at a glance, in 64 numbers that mirroring, turning and cropping change in known ways.

A **pattern** is the 8x8 lowest cosine waves of a picture's 16x16 grey miniature without its mean, of length 1: the
product of two says how alike two pictures are, 1 for the same one. Mirroring changes the signs of half of the waves,
turning by 90 degrees swaps them in pairs besides: so how alike two pictures are in each of the eight **poses** follows
from one pattern of each, and so does a bound for all eight. The miniature of a cropped picture, and so its pattern, is
a matrix away from that of the whole one.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

SIDE = 16
"""Of the miniatures that patterns are made from, cells."""
SAME_PATTERN = 0.9
"""Smallest likeness of two pictures that lie the same way, before it is known what may be cropped."""
SAME_TURNED_PATTERN = 0.96
"""The same for another pose: there are seven of them, so chance has more of a say."""
SAME_CROPPED_PATTERN = 0.96
"""Smallest likeness of two pictures when one is cropped as fits best; copies have 0.97 and more."""

_WAVES = 8
_STEEPNESS = 1.5  # weights grow with frequency as the waves of dermatoscopic images fall, and a little more
_MIDDLE_CROP = 0.04  # a copy cropped by 2 to 6 % is still alike
_CUTS = (0.0, 0.03, 0.06)  # what may be missing on a side, as a share of the width or height
_SHARPNESS = 200.0  # of the mean over crops: one that is less alike by 0.01 counts a seventh
_CELLS = 1 << 21  # products held at a time
_PAIRS = 256  # pairs fitted at a time, 20 kB each

Pictures: TypeAlias = npt.NDArray[np.float32]
Patterns: TypeAlias = npt.NDArray[np.float32]
Positions: TypeAlias = npt.NDArray[np.int64]


class Candidates(NamedTuple):
    """Pairs that look alike at a glance.

    Attributes:
        first, second: positions, (k,).
        pose: of the second, see `posed`, int64 (k,).
        cuts: what to cut off the first and the second (as posed) so that both show the same, float32 (k, 2, 4).
    """

    first: Positions
    second: Positions
    pose: npt.NDArray[np.int64]
    cuts: npt.NDArray[np.float32]


def _resampling(side: int, cuts: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return matrices (k, side, side) from cells to those of what is left when shares (k, 2) of both ends are cut off."""
    start, end = cuts[:, 0, None], cuts[:, 1, None]
    places = side * start + (1 - start - end) * (np.arange(side) + 0.5) - 0.5
    distance = np.abs(places.clip(0, side - 1)[..., None] - np.arange(side))
    matrices: npt.NDArray[np.float32] = np.maximum(0, 1 - distance).astype(np.float32)
    return matrices


def cropped(pictures: Pictures, cuts: npt.NDArray[np.float32]) -> Pictures:
    """Return square pictures (k, side, side) without shares (k, 4) of top, bottom, left and right, in the same size."""
    side = pictures.shape[1]
    down, across = _resampling(side, cuts[:, :2]), _resampling(side, cuts[:, 2:])
    return (down @ pictures @ across.swapaxes(1, 2)).astype(np.float32, copy=False)


def posed(pictures: Pictures, pose: npt.NDArray[np.int64]) -> Pictures:
    """Return square pictures (k, side, side), each in one of eight poses (k,).

    Bit 2 of a pose swaps rows and columns, then bit 0 mirrors left and right, bit 1 top and bottom: 0 is the picture as
    it is, 1, 2, 4 and 7 are mirrored, 3, 5 and 6 turned.
    """
    moved = pictures.copy()
    swapped, across, down = ((pose & bit) > 0 for bit in (4, 1, 2))
    moved[swapped] = moved[swapped].swapaxes(1, 2)
    moved[across] = moved[across, :, ::-1]
    moved[down] = moved[down, ::-1]
    return moved


# Rows are waves (the cosine transform of type II), columns cells, (8, 16).
_waves = np.cos(np.pi / SIDE * np.outer(np.arange(_WAVES), np.arange(SIDE) + 0.5))
_waves[0] *= np.sqrt(0.5)
_WEIGHTS = (np.hypot(*np.indices((_WAVES, _WAVES))) ** _STEEPNESS).astype(np.float32)

# Of the 64 waves: which one each is when rows and columns are swapped; one of each two that are; the signs (64, 4)
# that mirroring gives them: not at all, left and right, top and bottom, both.
_SWAPPED = np.arange(_WAVES**2).reshape(_WAVES, _WAVES).T.ravel()
_UPPER = np.tri(_WAVES, dtype=bool).ravel()
_rows, _columns = np.indices((_WAVES, _WAVES)).reshape(2, -1)
_SIGNS = np.stack(
    [(-1.0) ** power for power in (0 * _rows, _columns, _rows, _rows + _columns)], axis=1
).astype(np.float32)

_LEAST = np.array([SAME_PATTERN, *[SAME_TURNED_PATTERN] * 7], dtype=np.float32)

# What may be missing at the two ends of a row or a column, and all 81 crops that come of it.
_ends = np.array([(start, end) for start in _CUTS for end in _CUTS], dtype=np.float32)
_END_WAVES = np.concatenate(list(_waves @ _resampling(SIDE, _ends))).astype(np.float32)  # (9 x 8, 16)
_CROPS = np.array([(*down, *right) for down in _ends for right in _ends], dtype=np.float32)  # (81, 4)


@functools.cache
def _wave_matrix(crop: float) -> npt.NDArray[np.float32]:
    waves = _waves @ _resampling(SIDE, np.full((1, 2), crop, dtype=np.float32))[0]
    matrix: npt.NDArray[np.float64] = np.einsum("ui,vj,uv->ijuv", waves, waves, _WEIGHTS)
    return matrix.reshape(SIDE**2, _WAVES**2).astype(np.float32)


def patterns(pictures: Pictures, crop: float = 0.0) -> Patterns:
    """Return the patterns of pictures after cutting off `crop` on each side.

    Args:
        pictures: (n, 16, 16), grey miniatures of the whole pictures.
        crop: share of the width and of the height.

    Returns:
        float32 (n, 64), of length 1 (0 for an even picture).
    """
    found: Patterns = pictures.reshape(-1, SIDE**2) @ _wave_matrix(crop)
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6)
    return found


def likeness(first: Patterns, second: Patterns) -> npt.NDArray[np.float32]:
    """Return how alike pairs of patterns (k, 64) are in each pose of the second, float32 (k, 8)."""
    return np.concatenate([(first * second) @ _SIGNS, (first * second[:, _SWAPPED]) @ _SIGNS], axis=1)


def bound(found: Patterns) -> Patterns:
    """Return numbers (n, 64) whose product is at least the likeness of two pictures in any pose.

    Without signs no term is negative, and of the two ways to multiply two numbers with two others, large with large
    and small with small gives the larger sum.
    """
    sizes = np.abs(found)
    swapped = sizes[:, _SWAPPED]
    return np.where(_UPPER, np.maximum(sizes, swapped), np.minimum(sizes, swapped))


class Glance:
    """Looks for pairs that may be the same picture.

    Args:
        thumbnails: uint8 (n, 256), grey miniatures.
    """

    def __init__(self, thumbnails: npt.NDArray[np.uint8]) -> None:
        self._thumbnails = thumbnails.reshape(-1, SIDE, SIDE)
        self._whole = patterns(thumbnails.astype(np.float32))
        self._cropped = patterns(thumbnails.astype(np.float32), _MIDDLE_CROP)
        self._bounds = bound(self._whole), bound(self._cropped)
        self.step = max(1, _CELLS // max(1, len(thumbnails)))
        """How many rows to ask `candidates` for at a time, so that it takes some 20 MB."""

    def candidates(self, start: int, stop: int) -> Iterator[Candidates]:
        """Yield the pairs of the pictures from `start` to before `stop` with later ones, some at a time."""
        whole, cut = (self._whole, self._bounds[0]), (self._cropped, self._bounds[1])
        near = np.zeros((stop - start, len(self._thumbnails) - start), dtype=bool)
        for one, other in ((whole, whole), (cut, whole), (whole, cut)):
            for numbers, others, least in zip(one, other, (SAME_PATTERN, SAME_TURNED_PATTERN), strict=True):
                near |= numbers[start:stop] @ others[start:].T >= least
        first, second = np.divmod(np.flatnonzero(near), near.shape[1])
        first, second = first[second > first] + start, second[second > first] + start
        for low in range(0, len(first), _PAIRS):
            yield self._fitted(first[low : low + _PAIRS], second[low : low + _PAIRS])

    def _fitted(self, first: Positions, second: Positions) -> Candidates:
        """Return the pairs that are alike when one is posed and cropped as fits best."""
        whole, cut = self._whole, self._cropped
        alike = np.maximum(likeness(whole[first], whole[second]), likeness(cut[first], whole[second]))
        alike = np.maximum(alike, likeness(whole[first], cut[second]))
        # Measured by what is left to 1: in its own pose a picture is soon more alike than it must be.
        margin = (alike - _LEAST) / (1 - _LEAST)
        kept = margin.max(axis=1) >= 0
        first, second, pose = first[kept], second[kept], margin[kept].argmax(axis=1)
        ours = self._thumbnails[first].astype(np.float32)
        theirs = posed(self._thumbnails[second].astype(np.float32), pose)
        fits = np.stack([_fit(ours, patterns(theirs)), _fit(theirs, patterns(ours))], axis=1)  # (k, 2, 81)
        best = fits.max(axis=(1, 2), keepdims=True, initial=0.0)
        kept = best.ravel() >= SAME_CROPPED_PATTERN
        # A mean over crops lies between those that were tried, and says little where many fit alike.
        shares = np.exp(_SHARPNESS * (fits - best)[kept])
        cuts = shares @ _CROPS / shares.sum(axis=(1, 2))[:, None, None]
        return Candidates(first[kept], second[kept], pose[kept], cuts)


def _fit(pictures: Pictures, wanted: Patterns) -> npt.NDArray[np.float32]:
    """Return how alike each crop of pictures (k, 16, 16) is to one other picture each, (k, 81)."""
    ends = len(_ends)
    waves = (_END_WAVES @ pictures @ _END_WAVES.T).reshape(-1, ends, _WAVES, ends, _WAVES)
    waves *= _WEIGHTS[:, None, :]
    products = np.einsum("kaubv,kuv->kab", waves, wanted.reshape(-1, _WAVES, _WAVES))
    lengths = np.sqrt(np.einsum("kaubv,kaubv->kab", waves, waves))
    fits: npt.NDArray[np.float32] = products / np.maximum(lengths, 1e-6)
    return fits.reshape(len(pictures), len(_CROPS))

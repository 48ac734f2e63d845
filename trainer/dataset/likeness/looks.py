"""Finds images that are nearly the same picture: saved again, resized, recoloured, shifted, mirrored, turned or cropped.

Two steps, the second on few pairs. (1) The patterns of the 16x16 grey miniatures are alike: as they are, mirrored,
turned, or cropped by up to 6 % on each side (see `trainer.dataset.likeness.patterns`). Dermatoscopic images look alike (a spot
in the middle, dark corners): this lets some 2,600 pairs of HAM10000 through. (2) So the 64x64 grey miniatures,
high-pass filtered, brought into the pose and the crop of step 1, are aligned by phase correlation (Kuglin and Hines
1975) and compared: peak and correlation of the overlap must both be high, or the correlation very high (smooth
pictures have low peaks).

Measured on HAM10000 (10,015 images): 4 pairs of different lesion ids pass, all four the same picture when looked at.
Of the pairs that do not, the nearest have (peak, correlation) of (0.37, 0.50), two photographs of what seems one
lesion, then (0.28, 0.45) and (0.13, 0.61); mirrored or turned (0.20, 0.58). Of copies of 200 images, saved as JPEG, all
that were mirrored or turned are found, and of those cropped on each side by 3, 4, 5, 6 and 8 %: 100, 100, 100, 98 and
56 %; cropped by 0 to 6 %, on each side by another share: 98 %. Of the pairs of images of one lesion some 200 pass:
other photographs of a lesion are not meant to be found, its id tells them.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from trainer.dataset.likeness.patterns import SIDE, Glance, cropped, posed
from trainer.images.squares import grey_miniature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAME_PHASE = 0.3
"""Smallest peak of the phase correlation; 1 for identical pictures, about 0.05 for unrelated ones."""
SAME_DETAIL = 0.55
"""Smallest correlation of the aligned 64x64 miniatures."""
FAINT_PHASE = 0.12
"""Smallest peak by which two pictures are aligned at all."""
SURELY_SAME_DETAIL = 0.75
"""Smallest correlation that needs no higher peak than `FAINT_PHASE`."""

_DETAIL_SIDE = 64
_BLUR = 2.0
_CLIP = 6.0
_LEAST_OVERLAP = 0.5
_FLAT = 2.0
_CACHED = 1 << 14  # filtered miniatures held, 4 kB each

_window = np.hanning(_DETAIL_SIDE).astype(np.float32)
_WINDOW = _window[:, None] * _window[None, :]

Pairs: TypeAlias = list[tuple[int, int]]
Miniatures: TypeAlias = npt.NDArray[np.float32]


def thumbnail_of(image: npt.NDArray[np.uint8]) -> bytes:
    """Return the 16x16 grey miniature of a uint8 RGB image (h, w, 3) as 256 bytes."""
    return grey_miniature(image, SIDE).tobytes()


class BrokenMiniatureError(ValueError):
    """A stored miniature is damaged."""


def detail_of(image: npt.NDArray[np.uint8]) -> bytes:
    """Return the 64x64 grey miniature of a uint8 RGB image (h, w, 3) as a PNG file of about 2 kB."""
    file = io.BytesIO()
    grey_miniature(image, _DETAIL_SIDE).save(file, "PNG")
    return file.getvalue()


def near_duplicates(
    thumbnails: npt.NDArray[np.uint8], detail: Callable[[int], bytes], new: npt.NDArray[np.bool_]
) -> Iterator[tuple[list[int], Pairs]]:
    """Find pairs that are nearly the same picture.

    Time grows with (new samples) x (all samples): a few seconds for 10,000 x 10,000.

    Args:
        thumbnails: uint8 (n, 256), see `thumbnail_of`.
        detail: position to what `detail_of` returned.
        new: bool (n,); only pairs with at least one new sample are looked for.

    Raises:
        BrokenMiniatureError: `detail` gives something else.

    Yields:
        Positions of some new samples that have now been compared with all samples, and the pairs found in
        doing so, as positions, the smaller first. Pairs that would join what is joined already are left out, so
        that many copies of one picture give as many pairs, not its square.
    """
    # A picture of one even colour looks like every other one: it takes no part.
    textured = thumbnails.std(axis=1, dtype=np.float32) >= _FLAT
    searched = np.flatnonzero(new & textured)
    # New samples first: each pair is then met once, with one of them as the earlier one.
    order = np.concatenate([searched, np.flatnonzero(~new & textured)])
    glance = Glance(thumbnails[order])
    joined = np.arange(len(thumbnails))
    filtered: dict[int, npt.NDArray[np.int8]] = {}
    for start in range(0, len(searched), glance.step):
        block = searched[start : start + glance.step]
        found: Pairs = []
        for candidates in glance.candidates(start, start + len(block)):
            first, second = order[candidates.first], order[candidates.second]
            apart = joined[first] != joined[second]
            first, second = first[apart], second[apart]
            if len(filtered) > _CACHED:
                filtered.clear()
            for position in {*first.tolist(), *second.tolist()} - filtered.keys():
                filtered[position] = _high_pass(detail(position))
            cuts = candidates.cuts[apart]
            same = _same_picture(
                cropped(_stacked(filtered, first), cuts[:, 0]),
                cropped(posed(_stacked(filtered, second), candidates.pose[apart]), cuts[:, 1]),
            )
            for one, other in zip(first[same].tolist(), second[same].tolist(), strict=True):
                if joined[one] != joined[other]:
                    joined[joined == joined[other]] = joined[one]
                    found.append((min(one, other), max(one, other)))
        yield block.tolist(), found
    # What has no texture has nothing to be compared by.
    yield np.flatnonzero(new & ~textured).tolist(), []


def _high_pass(detail: bytes) -> npt.NDArray[np.int8]:
    try:
        with Image.open(io.BytesIO(detail), formats=("PNG",)) as image:
            if (image.size, image.mode) != ((_DETAIL_SIDE, _DETAIL_SIDE), "L"):
                raise BrokenMiniatureError("it has another size or other colours")
            grey = np.asarray(image, dtype=np.int16)
            blurred = np.asarray(image.filter(ImageFilter.GaussianBlur(_BLUR)), dtype=np.int16)
    except (OSError, SyntaxError) as error:
        raise BrokenMiniatureError(str(error)) from error
    filtered: npt.NDArray[np.int8] = np.clip(grey - blurred, -127, 127).astype(np.int8)
    return filtered


def _stacked(filtered: dict[int, npt.NDArray[np.int8]], positions: npt.NDArray[np.intp]) -> Miniatures:
    stacked = np.empty((len(positions), _DETAIL_SIDE, _DETAIL_SIDE), dtype=np.float32)
    for row, position in enumerate(positions.tolist()):
        stacked[row] = filtered[position]
    return stacked


def _same_picture(first: Miniatures, second: Miniatures) -> npt.NDArray[np.bool_]:
    """Say for each pair of high-passed miniatures (k, 64, 64) whether they are the same picture, bool (k,)."""
    spectrum = np.fft.rfft2(first * _WINDOW, axes=(1, 2)) * np.fft.rfft2(second * _WINDOW, axes=(1, 2)).conj()
    spectrum /= np.abs(spectrum) + 1e-3
    surface = np.fft.irfft2(spectrum, s=(_DETAIL_SIDE, _DETAIL_SIDE), axes=(1, 2))
    surface = surface.reshape(len(first), _DETAIL_SIDE**2)
    peaks = surface.max(axis=1, initial=0.0)
    same: npt.NDArray[np.bool_] = peaks >= FAINT_PHASE
    for row in np.flatnonzero(same):
        down, right = divmod(int(surface[row].argmax()), _DETAIL_SIDE)
        wanted = SAME_DETAIL if peaks[row] >= SAME_PHASE else SURELY_SAME_DETAIL
        same[row] = _overlap_correlation(first[row], second[row], down, right) >= wanted
    return same


def _overlap_correlation(first: Miniatures, second: Miniatures, down: int, right: int) -> float:
    """Return how well two pictures (64, 64) agree where the second, moved down and right, covers the first."""
    down, right = (move - _DETAIL_SIDE if move > _DETAIL_SIDE // 2 else move for move in (down, right))
    height, width = _DETAIL_SIDE - abs(down), _DETAIL_SIDE - abs(right)
    if height * width < _LEAST_OVERLAP * _DETAIL_SIDE**2:
        return 0.0
    top, left = max(down, 0), max(right, 0)
    # Clipped, so that one strong edge (the rim of the lens) does not decide.
    a = np.clip(first[top : top + height, left : left + width], -_CLIP, _CLIP)
    top, left = max(-down, 0), max(-right, 0)
    b = np.clip(second[top : top + height, left : left + width], -_CLIP, _CLIP)
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale else 0.0

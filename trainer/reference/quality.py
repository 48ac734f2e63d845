"""Measures of image quality, and the gate that they form: what no network could judge well is said before it does.

All measures of contrast are relative to the mean brightness, so that darker skin is no worse than lighter skin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEASURES = ("sharpness", "structure", "highlight", "clipped")
"""Columns of what `measure` returns."""

_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_CELLS = 16
_TINY = 1e-4
"""A tenth of the contrast that rounding to whole numbers of brightness makes."""
_CLIPPED = 250  # of 255, in all three channels
_DARKEST_HIGHLIGHT = 0.2
"""Brightness, of 1, that 5 % of the pixels must reach. On 838 validation images of HAM10000 the lowest was 0.43; with
the luminance of the skin at a tenth it is 0.3."""
_MOST_CLIPPED = 0.35
"""Share of pixels that may be white; on the same images the highest was 0.02."""
_SMALLEST_SHARE = 0.25
"""Of the network's side: a shorter side than that is enlarged more than four times."""


class Limits(NamedTuple):
    """The lowest values seen in the validation images.

    Attributes:
        sharpness, structure: see `measure`.
        n: number of images they come from.
    """

    sharpness: float
    structure: float
    n: int


def measure(square: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the measures of a square uint8 (s, s, 3), s at least 32, float32 (4,).

    Returns:
        sharpness: contrast of details of 2 to 4 pixels over that of 8 to 16; structure: standard deviation of averages
        over a sixteenth of the side, over the mean brightness; highlight: the brightness, 0 to 1, that 5 % of the pixels reach; clipped: share of white pixels.
    """
    side = len(square) // _CELLS * _CELLS
    # A border of fewer than 16 pixels is left out, so that all averages have the same number of pixels.
    kept = square[:side, :side]
    brightness = (kept.astype(np.float32) @ _LUMINANCE) / np.float32(255.0)
    mean = float(brightness.mean()) + 1 / 255
    sharpness = _contrast(brightness, 2) / (_contrast(brightness, 8) + _TINY)
    structure = float(_averages(brightness, side // _CELLS).std()) / mean
    highlight = float(np.percentile(brightness, 95))
    clipped = float((kept.min(axis=-1) >= _CLIPPED).mean())
    return np.array([sharpness, structure, highlight, clipped], dtype=np.float32)


def limits_of(measures: NDArray[np.float32]) -> Limits:
    """Return the limits that the measures (n, 4) of validation images set; n may be 0."""
    if not len(measures):
        return Limits(0.0, 0.0, 0)
    return Limits(float(measures[:, 0].min()), float(measures[:, 1].min()), len(measures))


def passes(measures: NDArray[np.float32], limits: Limits) -> NDArray[np.bool_]:
    """Return which rows of measures (n, 4) have nothing that `complaints` would name, but for the number of pixels."""
    sharpness, structure, highlight, clipped = measures.T
    found: NDArray[np.bool_] = (
        (sharpness >= limits.sharpness)
        & (structure >= limits.structure)
        & (highlight >= _DARKEST_HIGHLIGHT)
        & (clipped <= _MOST_CLIPPED)
    )
    return found


def complaints(
    measures: NDArray[np.float32], limits: Limits, pixels: tuple[int, int], side: int
) -> tuple[str, ...]:
    """Return what is wrong with an image, in sentences.

    Args:
        measures: of its square, (4,).
        limits: of the bundle.
        pixels: width and height of the image.
        side: of the network's square, pixels.
    """
    sharpness, structure, highlight, clipped = (float(value) for value in measures)
    found = []
    if min(pixels) < side * _SMALLEST_SHARE:
        found.append(
            f"The image is too small: {pixels[0]} x {pixels[1]} pixels, where the network looks at {side} x {side}."
        )
    if highlight < _DARKEST_HIGHLIGHT:
        found.append("The image is too dark.")
    if clipped > _MOST_CLIPPED:
        found.append(f"The image is overexposed: {clipped:.0%} of it is white.")
    compared = f"any of the {limits.n:,} validation images"
    if structure < limits.structure:
        found.append(f"The image shows no structure like a lesion's: it is more even than {compared}.")
    elif sharpness < limits.sharpness:
        found.append(f"The image is blurred: it is less sharp than {compared}.")
    return tuple(found)


def _contrast(brightness: NDArray[np.float32], block: int) -> float:
    """Return the standard deviation of what averages over blocks show beyond averages over twice as large ones."""
    coarse = _averages(brightness, 2 * block).repeat(2, 0).repeat(2, 1)
    return float((_averages(brightness, block) - coarse).std())


def _averages(values: NDArray[np.float32], block: int) -> NDArray[np.float32]:
    """Return the averages over blocks of a square (s, s): (s / block, s / block)."""
    cells = len(values) // block
    averages: NDArray[np.float32] = values.reshape(cells, block, cells, block).mean(axis=(1, 3))
    return averages

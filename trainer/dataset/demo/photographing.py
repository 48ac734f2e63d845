"""Photographs of a drawn patch of skin: another angle, distance and light each time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainer.dataset.demo.textures import Canvas, ramp

if TYPE_CHECKING:
    from trainer.dataset.demo.drawing import Patch

_FARTHEST, _NEAREST = 0.9, 1.2
_OFF_CENTRE = 0.06


def extent_for(size: tuple[int, int]) -> float:
    """Return how large a patch must be, in shorter sides, for every photograph of the given size."""
    return math.hypot(*size) / min(size) / _FARTHEST + 2 * _OFF_CENTRE + 0.02


def photograph(patch: Patch, generator: np.random.Generator, size: tuple[int, int]) -> Patch:
    """Return a photograph of a patch.

    Args:
        patch: uint8 of shape (side, side, 3), of `extent_for(size)`.
        generator: decides angle, distance, light, gel and scale.
        size: width and height, pixels.

    Returns:
        uint8 of shape (height, width, 3).
    """
    width, height = size
    unit = min(size)
    view = Canvas(generator, extent=max(size) / unit, pixels_per_unit=unit)
    pixels = np.asarray(_framed(patch, view, size), dtype=np.float32)
    top, left = (view.side - height) // 2, (view.side - width) // 2
    window = (slice(top, top + height), slice(left, left + width))
    pixels = pixels * _light(view)[window]
    for cover, colour in _covers(view):
        pixels += cover[window][..., None] * (colour - pixels)
    pixels += view.between(1, 4) * generator.standard_normal(pixels.shape, dtype=np.float32)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _framed(patch: Patch, view: Canvas, size: tuple[int, int]) -> Image.Image:
    """Cut the photograph's frame out of the patch, turned, mirrored, shifted and zoomed."""
    unit = min(size)
    zoom = view.between(_FARTHEST, _NEAREST)
    angle = view.between(0, 2 * math.pi)
    mirror = -1 if view.chance(0.5) else 1
    cosine, sine = math.cos(angle) / zoom, math.sin(angle) / zoom
    middle = patch.shape[0] / 2
    x0 = middle + unit * view.between(-_OFF_CENTRE, _OFF_CENTRE)
    y0 = middle + unit * view.between(-_OFF_CENTRE, _OFF_CENTRE)
    half_width, half_height = size[0] / 2, size[1] / 2
    affine = (
        cosine * mirror,
        -sine,
        x0 - cosine * mirror * half_width + sine * half_height,
        sine * mirror,
        cosine,
        y0 - sine * mirror * half_width - cosine * half_height,
    )
    return Image.fromarray(patch).transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC)


def _light(view: Canvas) -> npt.NDArray[np.float32]:
    """Return the factor of each colour at each pixel: exposure, white balance, one side brighter."""
    tints = [(1.02, 0.97, 0.98), (0.98, 0.97, 1.04), (1.03, 1.0, 0.94), (1.0, 1.0, 1.0), (1.02, 0.94, 0.95)]
    tint = np.array(tints[int(view.generator.integers(len(tints)))]) * view.between(0.9, 1.06)
    tint *= view.generator.normal(1, 0.015, 3)
    direction = view.between(0, 2 * math.pi)
    slope = view.between(0, 0.1)
    side = 1 + slope * (view.x * math.cos(direction) + view.y * math.sin(direction))
    return np.asarray(side[..., None] * tint.astype(np.float32), dtype=np.float32)


def _covers(view: Canvas) -> list[tuple[npt.NDArray[np.float32], float]]:
    """Return what lies over the picture: glints, gel bubbles, the ruler, the dark rim of the lens."""
    covers: list[tuple[npt.NDArray[np.float32], float]] = []
    if view.chance(0.3):
        spots = view.points_in(view.x, int(view.generator.integers(3, 20)), above=-9)
        glints = [(x, y, view.between(0.003, 0.008), view.between(0.3, 0.9)) for x, y in spots]
        covers.append((view.discs(glints), 250.0))
    if view.chance(0.12):
        for x, y in view.points_in(view.x, int(view.generator.integers(1, 5)), above=-9):
            radius = view.between(0.02, 0.08)
            away = np.hypot(view.x - x, view.y - y)
            rim = ramp(away, radius - 0.012, radius) * (1 - ramp(away, radius, radius + 0.008))
            covers.append((rim * ramp(view.x - x + view.y - y, -radius, radius) * 0.45, 245.0))
            covers.append((0.06 * (1 - ramp(away, radius - 0.01, radius)), 60.0))
    if view.chance(0.08):
        covers.append((_ruler(view), 30.0))
    if view.chance(0.25):
        reach = view.between(0.72, 0.88)
        away = np.hypot(view.x - view.between(-0.05, 0.05), view.y - view.between(-0.05, 0.05))
        covers.append((0.97 * ramp(away, reach - 0.04, reach + 0.05), 12.0))
    return covers


def _ruler(view: Canvas) -> npt.NDArray[np.float32]:
    edge = (-1 if view.chance(0.5) else 1) * 0.47
    step = view.between(0.045, 0.07)
    ticks = []
    for tick in range(-int(0.6 / step), int(0.6 / step) + 1):
        length = 0.06 if tick % 5 == 0 else 0.03
        ticks.append(([(tick * step, edge), (tick * step, edge - math.copysign(length, edge))], 0.006, 0.8))
    return view.strokes(ticks)

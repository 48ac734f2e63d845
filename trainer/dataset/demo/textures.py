"""Fields to draw with: noise, cells, blobs, strokes and discs on a square canvas.

Every length is in units of the shorter side of the photograph to come, so that a drawing looks alike at every
resolution. Every field is float32 of shape (side, side).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Field: TypeAlias = npt.NDArray[np.float32]
Point: TypeAlias = tuple[float, float]

_FINE_FEATURES = 10.0  # pixels: smaller features need every pixel, larger ones every second
_FINE = 2  # strokes and discs are drawn at twice the resolution, for smooth edges


class Canvas:
    """A square with the origin in its centre, and the generator that everything on it is drawn with.

    Attributes:
        generator: of everything random.
        extent: side of the square, units.
        side: side of the square, pixels.
        x, y: coordinates of every pixel, units, from -extent/2 to extent/2.
    """

    def __init__(self, generator: np.random.Generator, *, extent: float, pixels_per_unit: float) -> None:
        self.generator = generator
        self.extent = extent
        self.side = math.ceil(extent * pixels_per_unit)
        axis = np.linspace(-extent / 2, extent / 2, self.side, dtype=np.float32)
        self.x, self.y = np.meshgrid(axis, axis)
        coarse = np.linspace(-extent / 2, extent / 2, math.ceil(self.side / 2), dtype=np.float32)
        self._coarse_x, self._coarse_y = np.meshgrid(coarse, coarse)
        self._grains: dict[int, Field] = {}

    def between(self, low: float, high: float) -> float:
        """Return a random number."""
        return float(self.generator.uniform(low, high))

    def chance(self, probability: float) -> bool:
        """Return true with this probability."""
        return bool(self.generator.random() < probability)

    def noise(self, scale: float, octaves: int = 1) -> Field:
        """Return smooth noise of mean 0 and standard deviation about 1.

        Args:
            scale: size of the largest features, units.
            octaves: layers, each half as large and half as strong as the one before.
        """
        return self._noise(self.side, scale, octaves)

    def _noise(self, side: int, scale: float, octaves: int) -> Field:
        half = math.ceil(self.side / 2)
        fine, coarse = np.zeros((side, side), np.float32), np.zeros((half, half), np.float32)
        power = 0.0
        for octave in range(octaves):
            size = scale * 0.5**octave * self.side / self.extent  # pixels
            if size > _FINE_FEATURES:
                coarse += self._smooth(half, size / 2) * 0.5**octave
            else:
                fine += self._grain(size)[:side, :side] * 0.5**octave
            power += 0.25**octave
        total = coarse if side == half else self._grown(coarse)
        return (total + fine) * (1.5 / math.sqrt(power))  # interpolation takes a third of the deviation

    def _smooth(self, side: int, size: float) -> Field:
        """Return interpolated random numbers of shape (side, side), one every `size` pixels."""
        points = math.ceil(side / size) + 3
        grid = self.generator.standard_normal((points, points), dtype=np.float32)
        box = (1, 1, points - 1, points - 1)
        return np.asarray(Image.fromarray(grid).resize((side, side), Image.Resampling.BICUBIC, box=box))

    def _grain(self, size: float) -> Field:
        """Return fine noise; of each size (rounded to a power of 2) one piece is made, and shifted and turned."""
        level = max(0, round(math.log2(size)))
        if level not in self._grains:
            self._grains[level] = self._smooth(self.side, 2.0**level)
        across, down = self.generator.integers(self.side, size=2).tolist()
        shifted = np.roll(self._grains[level], (across, down), (0, 1))
        return shifted.T if self.chance(0.5) else shifted[::-1]

    def _grown(self, field: Field) -> Field:
        if field.shape[0] == self.side:
            return field
        return np.array(Image.fromarray(field).resize((self.side, self.side), Image.Resampling.BICUBIC))

    def cells(self, period: float, *, jitter: float = 0.8, warp: float = 0.0) -> tuple[Field, Field]:
        """Return distances to the nearest and to the second nearest of irregularly placed points.

        Their difference is 0 on the walls between cells (S. Worley, A Cellular Texture Basis Function,
        SIGGRAPH 1996).

        Args:
            period: mean distance between points, units; distances are in this unit.
            jitter: 0 for a regular grid, 1 for points anywhere in their square.
            warp: how far walls are bent, in periods.
        """
        fine = period * self.side / self.extent < _FINE_FEATURES
        x, y = (self.x, self.y) if fine else (self._coarse_x, self._coarse_y)
        u, v = x / period, y / period
        if warp > 0:
            u = u + warp * self._noise(u.shape[0], period * 2.5, 1)
            v = v + warp * self._noise(u.shape[0], period * 2.5, 1)
        reach = math.ceil(max(float(np.abs(u).max()), float(np.abs(v).max()))) + 2
        places = self.generator.uniform(0.5 - jitter / 2, 0.5 + jitter / 2, (2, (2 * reach) ** 2))
        across, down = places.astype(np.float32)
        column, row = np.floor(u), np.floor(v)
        u, v = u - column, v - row
        index = ((row + reach) * (2 * reach) + column + reach).astype(np.intp)
        nearest = np.full(u.shape, 9.0, np.float32)
        second = nearest.copy()
        for up in (-1, 0, 1):
            for right in (-1, 0, 1):
                place = index + (up * 2 * reach + right)
                distance = (across.take(place) + (right - u)) ** 2
                distance += (down.take(place) + (up - v)) ** 2
                np.minimum(second, np.maximum(nearest, distance), out=second)
                np.minimum(nearest, distance, out=nearest)
        return self._grown(np.sqrt(nearest)), self._grown(np.sqrt(second))

    def blob(
        self,
        radius: float,
        *,
        centre: Point = (0.0, 0.0),
        elongation: float = 1.0,
        waviness: float = 0.05,
        lobes: int = 5,
    ) -> Field:
        """Return a field that is 1 at the centre of a rounded shape, 0 on its border, and negative outside.

        Args:
            radius: mean radius, units.
            centre: of the shape, units.
            elongation: length over width.
            waviness: how much each harmonic changes the radius, share.
            lobes: highest harmonic.
        """
        angle = self.between(0, math.pi)
        cosine, sine = math.cos(angle), math.sin(angle)
        x, y = self._coarse_x - centre[0], self._coarse_y - centre[1]
        stretch = math.sqrt(elongation)
        along, across = (x * cosine + y * sine) / stretch, (y * cosine - x * sine) * stretch
        direction = np.arctan2(across, along)
        edge: Field = np.ones_like(direction)
        for order in range(2, lobes + 1):
            size = self.generator.normal(0, waviness) / math.sqrt(order - 1)
            edge += size * np.cos(order * direction + self.between(0, 2 * math.pi))
        edge = np.clip(edge, 0.3, None)
        return self._grown(1 - np.hypot(along, across) / (radius * edge))

    def strokes(self, lines: Iterable[tuple[Sequence[Point], float, float]]) -> Field:
        """Return the coverage (0 to 1) of lines, each given by its points, its width and its strength (0 to 1)."""
        image = Image.new("L", (self.side * _FINE, self.side * _FINE))
        draw = ImageDraw.Draw(image)
        for points, width, strength in lines:
            pixels = max(1, round(self._pixels(width)))
            draw.line([self._place(point) for point in points], round(255 * strength), pixels, joint="curve")
        return _reduced(image)

    def discs(self, places: Iterable[tuple[float, float, float, float]]) -> Field:
        """Return the coverage (0 to 1) of discs, each given by x, y, radius (units) and strength (0 to 1)."""
        image = Image.new("L", (self.side * _FINE, self.side * _FINE))
        draw = ImageDraw.Draw(image)
        for x, y, radius, strength in places:
            column, row = self._place((x, y))
            size = self._pixels(radius)
            draw.ellipse((column - size, row - size, column + size, row + size), fill=round(255 * strength))
        return _reduced(image)

    def points_in(self, field: Field, number: int, *, above: float = 0.0) -> list[Point]:
        """Return `number` random places where a field is larger than `above`; none if it never is."""
        inside = np.flatnonzero(field > above)
        if inside.size == 0:
            return []
        chosen = self.generator.choice(inside, number)
        return [(float(self.x.flat[index]), float(self.y.flat[index])) for index in chosen]

    def wander(self, start: Point, direction: float, length: float, *, bend: float) -> list[Point]:
        """Return points of a curved line from `start`; `bend` is the spread of its curvature, radians a step."""
        steps = 14
        turns = self.generator.normal(0, bend, steps) + self.generator.normal(0, bend)
        directions = direction + np.cumsum(turns)
        x = start[0] + np.cumsum(np.cos(directions)) * length / steps
        y = start[1] + np.cumsum(np.sin(directions)) * length / steps
        return [start, *zip(x.tolist(), y.tolist(), strict=True)]

    def _pixels(self, length: float) -> float:
        return length / self.extent * self.side * _FINE

    def _place(self, point: Point) -> Point:
        return (
            (point[0] / self.extent + 0.5) * self.side * _FINE,
            (point[1] / self.extent + 0.5) * self.side * _FINE,
        )


def _reduced(image: Image.Image) -> Field:
    return np.asarray(image.reduce(_FINE), dtype=np.float32) * np.float32(1 / 255)


def ramp(field: Field, low: float | Field, high: float | Field) -> Field:
    """Return 0 where a field is below `low`, 1 where it is above `high`, and a smooth step between."""
    share: Field = np.clip((field - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def blurred(field: Field, factor: int = 2) -> Field:
    """Return a field without what is finer than `factor` pixels."""
    small = Image.fromarray(field).reduce(factor)
    return np.asarray(small.resize((field.shape[1], field.shape[0]), Image.Resampling.BICUBIC))

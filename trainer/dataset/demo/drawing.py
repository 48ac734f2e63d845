"""Drawings of skin lesions as a dermatoscope shows them, one recipe for each class.

Skin is drawn as light comes back from it: pigments absorb (melanin brown, blood red, venous blood purple), then
what lies deep or on top is blended over (keratin, blue-grey veil, white scar and scale). The structures of each
class follow the terms of the third consensus on dermatoscopy (Kittler et al., J Am Acad Dermatol 74, 2016).
These are drawings: a network trained on them is good for nothing but trying this program.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from trainer.dataset.demo.textures import Canvas, Field, Point, blurred, ramp

if TYPE_CHECKING:
    from collections.abc import Callable

Patch: TypeAlias = npt.NDArray[np.uint8]

_MELANIN = (0.40, 0.80, 1.12)
_BLOOD = (0.10, 0.62, 0.46)
_VENOUS = (0.36, 0.95, 0.40)
"""Absorbance of one unit of each pigment for red, green and blue light."""
_BARE = (248, 226, 214)
_KERATIN = (224, 188, 132)
_VEIL = (108, 112, 138)
_WHITE = (246, 232, 234)
_HAIR = (44, 30, 28)


@dataclass
class Layers:
    """What the skin holds at every pixel: amounts of pigments (0 and more), shares of covers (0 to 1)."""

    melanin: Field
    blood: Field
    venous: Field
    keratin: Field
    veil: Field
    white: Field

    @classmethod
    def empty(cls, canvas: Canvas) -> Layers:
        """Return layers that hold nothing."""
        return cls(*(np.zeros_like(canvas.x) for _ in range(6)))


def draw_patch(
    class_name: str, generator: np.random.Generator, extent: float, pixels_per_unit: float
) -> Patch:
    """Draw a lesion in the middle of a square of skin, larger than a photograph of it.

    Args:
        class_name: one of `RECIPES`.
        generator: decides everything random.
        extent: side of the square, in shorter sides of a photograph.
        pixels_per_unit: shorter side of a photograph, pixels.

    Returns:
        uint8 of shape (side, side, 3).
    """
    canvas = Canvas(generator, extent=extent, pixels_per_unit=pixels_per_unit)
    skin, furrows = _skin(canvas)
    lesion = Layers.empty(canvas)
    RECIPES[class_name](canvas, lesion)
    # The skin's relief and grain go on within the lesion.
    relief = (1 - 0.22 * furrows) * (1 + 0.14 * canvas.noise(0.05, 3))
    skin.melanin += lesion.melanin * relief
    skin.blood += lesion.blood * relief
    skin.venous += lesion.venous * relief
    covers = [
        (np.clip(share, 0, 1) * relief, colour)
        for share, colour in ((lesion.keratin, _KERATIN), (lesion.veil, _VEIL), (lesion.white, _WHITE))
        if share.any()
    ]
    covers += [(hairs, _HAIR) for hairs in _hairs(canvas)]
    patch = np.empty((*canvas.x.shape, 3), np.uint8)
    for channel in range(3):  # one at a time: numpy is slow along an axis of 3
        absorbed = (
            _MELANIN[channel] * skin.melanin + _BLOOD[channel] * skin.blood + _VENOUS[channel] * skin.venous
        )
        light = _BARE[channel] * np.exp(-absorbed)
        for share, colour in covers:
            light += share * (colour[channel] - light)
        patch[..., channel] = np.clip(light, 0, 255)
    return patch


def _skin(canvas: Canvas) -> tuple[Layers, Field]:
    """Draw skin of some type and redness with furrows, blotches, sun spots, follicles; return it and its furrows."""
    skin = Layers.empty(canvas)
    tone = 0.03 + 0.5 * float(canvas.generator.beta(1.1, 6))
    redness = canvas.between(0.1, 0.4)
    nearest, second = canvas.cells(canvas.between(0.04, 0.07), jitter=0.9, warp=0.5)
    furrows = (1 - ramp(second - nearest, 0, 0.45)) * ramp(canvas.noise(0.25, 2), -1.5, 1)
    skin.melanin += tone * (1 + 0.15 * canvas.noise(0.4, 3)) + canvas.between(0.01, 0.06) * furrows
    skin.melanin += 0.035 * canvas.noise(0.014)
    skin.blood += redness * (1 + 0.14 * canvas.noise(0.12, 4))
    if canvas.chance(0.3):
        pores = (1 - ramp(nearest, 0.1, 0.35)) * ramp(canvas.noise(0.1), 0.2, 1.2)
        skin.melanin += canvas.between(0.1, 0.35) * pores
    if canvas.chance(0.35):
        skin.melanin += canvas.between(0.08, 0.3) * ramp(canvas.noise(0.14, 4), 0.3, 2.2)
    if canvas.chance(0.35):
        lines = [
            (canvas.wander(start, canvas.between(0, 6.28), canvas.between(0.1, 0.4), bend=0.25), 0.006, 0.8)
            for start in canvas.points_in(canvas.x, int(canvas.generator.integers(3, 12)), above=-9)
        ]
        skin.blood += canvas.between(0.2, 0.6) * blurred(canvas.strokes(lines))
    return skin, furrows


def _hairs(canvas: Canvas) -> list[Field]:
    number = int(canvas.generator.choice([0, 0, 0, 2, 3, 5, 10]))
    if number == 0:
        return []
    long = canvas.chance(0.6)
    main = canvas.between(0, 2 * math.pi)
    thickness = canvas.between(0.006, 0.012)
    lines = []
    for start in canvas.points_in(canvas.x, number * (1 if long else 3), above=-9):
        direction = main + float(canvas.generator.normal(0, 0.7 if long else 0.35))
        length = canvas.between(0.5, 1.3) if long else canvas.between(0.06, 0.14)
        lines.append(
            (
                canvas.wander(start, direction, length, bend=0.05),
                thickness * canvas.between(0.7, 1.3),
                canvas.between(0.4, 0.9),
            )
        )
    return [canvas.strokes(lines)]


def _nevus(canvas: Canvas, lesion: Layers) -> None:
    """Regular brown, symmetric, with an even network or globules, fading out at the border."""
    depth = canvas.blob(canvas.between(0.2, 0.37), elongation=canvas.between(1, 1.5), waviness=0.05, lobes=4)
    depth += 0.09 * canvas.noise(0.16, 4)
    softness = canvas.between(0.12, 0.32)
    body = ramp(depth, -softness, softness)
    pigment = canvas.between(0.55, 1.7) * body
    pigment *= 1 + canvas.between(-0.2, 0.5) * ramp(depth, 0, 0.9) + 0.12 * canvas.noise(0.2, 3)
    pattern = canvas.generator.choice(["network", "globules", "plain"], p=[0.5, 0.25, 0.25])
    presence = canvas.between(0.25, 0.75) * ramp(canvas.noise(0.25, 2), -1.2, 0.6)
    if pattern == "network":
        nearest, second = canvas.cells(canvas.between(0.038, 0.055), jitter=0.7, warp=0.3)
        pigment *= 1 + presence * (1 - 1.8 * ramp(second - nearest, 0.05, 0.5))
    elif pattern == "globules":
        nearest, _ = canvas.cells(canvas.between(0.04, 0.065), jitter=0.9, warp=0.3)
        pigment *= 1 + presence * (1.1 * (1 - ramp(nearest, 0.15, 0.5)) - 0.3)
    lesion.melanin += pigment
    lesion.blood += canvas.between(0.05, 0.7) * body


def _melanoma(canvas: Canvas, lesion: Layers) -> None:
    """Asymmetric with an irregular border and several colours, veil, dots, streaks, white regression."""
    radius = canvas.between(0.24, 0.33)
    depth = canvas.blob(radius, elongation=canvas.between(1.1, 1.7), waviness=0.14, lobes=6)
    for _ in range(int(canvas.generator.integers(1, 4))):
        angle, far = canvas.between(0, 2 * math.pi), radius * canvas.between(0.5, 0.9)
        centre = (far * math.cos(angle), far * math.sin(angle))
        part = canvas.blob(radius * canvas.between(0.4, 0.8), centre=centre, waviness=0.12, lobes=5)
        depth = np.maximum(depth, part)
    depth += 0.2 * canvas.noise(0.22, 4)
    softness = 0.08 + 0.3 * ramp(canvas.noise(0.5), -0.5, 1)
    body = ramp(depth, -softness, softness)
    patches = canvas.noise(0.28, 4)
    pigment = canvas.between(0.5, 1.0) + 1.0 * ramp(patches, -0.6, 0.6) + 1.6 * ramp(patches, 0.3, 1.4)
    nearest, second = canvas.cells(canvas.between(0.06, 0.085), jitter=1.0, warp=0.6)
    network = (1 - ramp(second - nearest, 0.05, 0.55)) * ramp(canvas.noise(0.3), -0.5, 0.5)
    lesion.melanin += body * pigment * (0.85 + 0.5 * blurred(network))
    lesion.blood += canvas.between(0.2, 0.9) * body * ramp(canvas.noise(0.3, 3), -0.3, 1.2)
    start = next(iter(canvas.points_in(depth, 1, above=0.35)), (0.0, 0.0))
    veil = canvas.blob(radius * canvas.between(0.5, 1.0), centre=start, waviness=0.15) + 0.35 * canvas.noise(
        0.12, 4
    )
    lesion.veil += canvas.between(0.35, 0.75) * ramp(veil, -0.1, 0.7) * ramp(depth, 0, 0.35)
    if canvas.chance(0.5):
        lesion.white += canvas.between(0.3, 0.6) * ramp(canvas.noise(0.16, 4), 0.7, 1.9) * body
    dots = canvas.points_in(depth, int(canvas.generator.integers(6, 30)), above=-0.05)
    lesion.melanin += 1.8 * blurred(canvas.discs([(*dot, canvas.between(0.006, 0.02), 1.0) for dot in dots]))
    if canvas.chance(0.5):
        _streaks(canvas, lesion, depth)


def _streaks(canvas: Canvas, lesion: Layers, depth: Field) -> None:
    """Add radial streaks to one side of the border."""
    side = canvas.between(-math.pi, math.pi)
    border = ramp(np.abs(depth), 0.1, 0.06) * ramp(np.cos(np.arctan2(canvas.y, canvas.x) - side), 0.3, 0.5)
    lines = []
    for start in canvas.points_in(border, 16, above=0.5):
        outwards = math.atan2(start[1], start[0]) + float(canvas.generator.normal(0, 0.15))
        inner = (start[0] - 0.05 * math.cos(outwards), start[1] - 0.05 * math.sin(outwards))
        length = canvas.between(0.07, 0.13)
        width = canvas.between(0.01, 0.02)
        lines.append((canvas.wander(inner, outwards, length, bend=0.04), width, canvas.between(0.5, 1)))
    lesion.melanin += 1.2 * blurred(canvas.strokes(lines))


def _benign_keratosis(canvas: Canvas, lesion: Layers) -> None:
    """Waxy, stuck on, sharply bordered; with cysts and plugs, with ridges, or flat like a fingerprint."""
    depth = canvas.blob(canvas.between(0.24, 0.38), elongation=canvas.between(1, 1.5), waviness=0.08, lobes=9)
    depth += 0.11 * canvas.noise(0.1, 4)
    body = ramp(depth, -0.06, 0.08)
    pattern = canvas.generator.choice(["cysts", "ridges", "flat"], p=[0.5, 0.3, 0.2])
    strength = canvas.between(0.4, 1.3)
    if pattern == "cysts":
        nearest, second = canvas.cells(canvas.between(0.08, 0.12), jitter=1.0, warp=0.5)
        relief = 0.75 + 0.6 * blurred(1 - ramp(second - nearest, 0.02, 0.45))
    elif pattern == "ridges":
        folds = np.sin(canvas.between(3.0, 4.5) * canvas.noise(0.13, 2) + 0.6 * canvas.noise(0.05, 2))
        relief = 0.65 + 0.7 * blurred(ramp(folds, -1.0, 1.0))
    else:
        angle = canvas.between(0, math.pi)
        across = (canvas.x * math.cos(angle) + canvas.y * math.sin(angle)) * (2 * math.pi / 0.05)
        lines = np.sin(across + 3 * canvas.noise(0.2, 2))
        relief = 0.8 + 0.45 * ramp(lines, -0.7, 0.9) * ramp(canvas.noise(0.2, 2), -0.6, 0.6)
        strength *= 0.55
    relief *= 1 + 0.2 * canvas.noise(0.16, 4)
    lesion.melanin += strength * body * relief
    lesion.keratin += canvas.between(0.2, 0.5) * body * np.clip(1.5 - 0.8 * relief, 0, 1)
    lesion.blood += canvas.between(0, 0.3) * body
    if pattern != "flat":
        cysts = canvas.points_in(depth, int(canvas.generator.integers(8, 26)), above=0.1)
        spots = [(*spot, canvas.between(0.007, 0.018), canvas.between(0.5, 1)) for spot in cysts]
        lesion.white += 0.8 * blurred(canvas.discs(spots))
        plugs = canvas.points_in(depth, int(canvas.generator.integers(5, 16)), above=0.1)
        spots = [(*spot, canvas.between(0.008, 0.026), canvas.between(0.5, 1)) for spot in plugs]
        lesion.melanin += 1.8 * blurred(canvas.discs(spots))


def _basal_cell(canvas: Canvas, lesion: Layers) -> None:
    """Pearly pink with branching vessels, blue-grey nests and sometimes an ulcer."""
    radius = canvas.between(0.25, 0.37)
    depth = canvas.blob(radius, elongation=canvas.between(1, 1.5), waviness=0.1, lobes=5)
    depth += 0.16 * canvas.noise(0.18, 4)
    body = ramp(depth, -0.3, 0.3)
    lesion.blood += canvas.between(0.25, 0.6) * body * (1 + 0.25 * canvas.noise(0.12, 3))
    lesion.white += canvas.between(0.15, 0.35) * body * ramp(canvas.noise(0.12, 3), -1.2, 1.2)
    ragged = 1 + 0.35 * canvas.noise(0.05, 3)
    nests = [
        (*spot, canvas.between(0.02, 0.06), canvas.between(0.7, 1))
        for spot in canvas.points_in(depth, int(canvas.generator.integers(3, 11)), above=0.05)
    ]
    ovals = ramp(blurred(canvas.discs(nests), 4) * ragged, 0.2, 0.9)
    lesion.veil += canvas.between(0.5, 0.8) * ovals
    lesion.melanin += canvas.between(0.2, 0.7) * ovals
    if canvas.chance(0.45):
        spot = next(iter(canvas.points_in(depth, 1, above=0.3)), (0.0, 0.0))
        raw = canvas.blob(canvas.between(0.05, 0.11), centre=spot, waviness=0.15) + 0.3 * canvas.noise(
            0.06, 3
        )
        raw = ramp(raw, 0, 0.5)
        lesion.blood += 1.8 * raw
        lesion.melanin += 0.9 * raw * ramp(canvas.noise(0.05, 2), -0.5, 1)
    vessels: list[tuple[list[Point], float, float]] = []
    for start in canvas.points_in(depth, int(canvas.generator.integers(3, 7)), above=-0.1):
        inwards = math.atan2(-start[1], -start[0]) + float(canvas.generator.normal(0, 0.7))
        _branch(
            canvas, vessels, start, inwards, radius * canvas.between(0.7, 1.3), canvas.between(0.01, 0.016)
        )
    lesion.blood += canvas.between(1.2, 2.2) * canvas.strokes(vessels)


def _branch(
    canvas: Canvas,
    vessels: list[tuple[list[Point], float, float]],
    start: Point,
    direction: float,
    length: float,
    width: float,
) -> None:
    """Add a vessel and what branches from it, thinner every time."""
    points = canvas.wander(start, direction, length, bend=0.14)
    vessels.append((points, width, min(1.0, 0.35 + width * 40)))
    if width < 0.006:  # noqa: PLR2004 - a pixel at 150 pixels a unit
        return
    for _ in range(2):
        fork = points[int(canvas.generator.integers(3, len(points)))]
        turn = float(canvas.generator.choice([-1, 1])) * canvas.between(0.3, 0.9)
        _branch(canvas, vessels, fork, direction + turn, length * 0.6, width * 0.6)


def _actinic(canvas: Canvas, lesion: Layers) -> None:
    """Red network around pale follicles (strawberry), scales and crusts, no clear border."""
    depth = canvas.blob(canvas.between(0.28, 0.4), elongation=canvas.between(1, 1.6), waviness=0.12, lobes=6)
    depth += 0.28 * canvas.noise(0.25, 4)
    body = ramp(depth, -0.45, 0.4)
    lesion.blood += canvas.between(0.3, 0.8) * body * (1 + 0.3 * canvas.noise(0.12, 3))
    nearest, second = canvas.cells(canvas.between(0.06, 0.095), jitter=0.8, warp=0.3)
    presence = ramp(canvas.noise(0.25, 2), -0.9, 0.6)
    lesion.blood += canvas.between(0.3, 0.8) * body * presence * (1 - ramp(second - nearest, 0.05, 0.6))
    follicles = (1 - ramp(nearest, 0.1, 0.4)) * presence
    lesion.keratin += canvas.between(0.35, 0.65) * body * follicles
    scale = ramp(canvas.noise(0.06, 4) + 0.7 * canvas.noise(0.3), 0.9, 1.9)
    lesion.white += canvas.between(0.4, 0.75) * scale * body
    if canvas.chance(0.6):
        crust = ramp(canvas.noise(0.14, 4), 0.7, 1.5) * body
        lesion.keratin += 0.45 * crust
        lesion.melanin += canvas.between(0.2, 0.7) * crust
    if canvas.chance(0.4):
        lesion.melanin += canvas.between(0.3, 0.8) * body * ramp(canvas.noise(0.18, 4), -0.3, 1.2)


def _dermatofibroma(canvas: Canvas, lesion: Layers) -> None:
    """A white scar-like centre within a delicate brown network that fades out."""
    depth = canvas.blob(canvas.between(0.24, 0.35), elongation=canvas.between(1, 1.3), waviness=0.04, lobes=4)
    depth += 0.08 * canvas.noise(0.12, 4)
    inner = canvas.between(0.35, 0.6)
    body = ramp(depth, -0.4, 0.3)
    centre = ramp(depth + 0.12 * canvas.noise(0.07, 3), inner - 0.35, inner + 0.35)
    nearest, second = canvas.cells(canvas.between(0.035, 0.05), jitter=0.8, warp=0.3)
    network = 0.8 + 0.45 * (1 - ramp(second - nearest, 0.05, 0.5)) * ramp(canvas.noise(0.25), -1, 0.6)
    lesion.melanin += canvas.between(0.3, 0.9) * body * (1 - 0.85 * centre) * network
    lesion.blood += canvas.between(0.1, 0.6) * body
    lesion.white += canvas.between(0.3, 0.75) * centre
    streaks = []
    for start in canvas.points_in(centre, 16, above=0.3):
        outwards = math.atan2(start[1], start[0]) + float(canvas.generator.normal(0, 0.6))
        line = canvas.wander(start, outwards, canvas.between(0.05, 0.13), bend=0.1)
        streaks.append((line, canvas.between(0.006, 0.012), canvas.between(0.3, 0.7)))
    lesion.white += 0.7 * blurred(canvas.strokes(streaks))


def _vascular(canvas: Canvas, lesion: Layers) -> None:
    """Red, purple or blue-black lacunae, sharply bordered, with pale walls."""
    depth = canvas.blob(canvas.between(0.18, 0.34), elongation=canvas.between(1, 1.4), waviness=0.06, lobes=6)
    depth += 0.06 * canvas.noise(0.1, 4)
    body = ramp(depth, -0.08, 0.12)
    nearest, second = canvas.cells(canvas.between(0.08, 0.14), jitter=1.0, warp=0.25)
    lacunae = blurred(ramp(second - nearest, 0.0, 0.45) * ramp(canvas.noise(0.1, 3), -3, -0.3), 3)
    contrast = canvas.between(0.15, 0.6)
    amount = body * (1 - contrast * (1 - lacunae)) * (1 + 0.15 * canvas.noise(0.15, 3))
    colour = canvas.generator.choice(["red", "purple", "dark"], p=[0.45, 0.4, 0.15])
    if colour == "red":
        lesion.blood += canvas.between(1.5, 2.6) * amount
        lesion.venous += canvas.between(0.1, 0.6) * amount
    elif colour == "purple":
        lesion.blood += canvas.between(0.5, 1.2) * amount
        lesion.venous += canvas.between(0.8, 1.5) * amount
    else:
        lesion.venous += canvas.between(1.3, 2.2) * amount
        lesion.veil += 0.5 * body * lacunae
    lesion.white += canvas.between(0.0, 0.35) * body * (1 - lacunae)


RECIPES: dict[str, Callable[[Canvas, Layers], None]] = {
    "akiec": _actinic,
    "bcc": _basal_cell,
    "bkl": _benign_keratosis,
    "df": _dermatofibroma,
    "mel": _melanoma,
    "nv": _nevus,
    "vasc": _vascular,
}
"""By class: what draws its lesions."""

"""Images as a poorer camera, a darker room or a messenger would hand them on: coarser, recompressed, recoloured."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GAMMA = 2.2
_DARK_SKIN = np.array([1.0, 0.85, 0.72])
"""How much of red, green and blue is left where the light is halved by melanin: blue is absorbed most."""


def degraded(square: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return a square uint8 (s, s, 3) with a random mixture of what devices and rooms do to a photograph.

    Resolution down to 35 %, JPEG quality from 20, light from a third to 1.3 times, warmer where it is darker, a shift
    of colour by some 6 %, and noise.
    """
    side = len(square)
    image = Image.fromarray(square)
    if generator.random() < 0.7:  # noqa: PLR2004 - a share of the images
        coarse = max(8, round(side * generator.uniform(0.35, 1.0)))
        image = image.resize((coarse, coarse), Image.Resampling.BILINEAR)
        way = Image.Resampling.BILINEAR if generator.random() < 0.5 else Image.Resampling.BICUBIC  # noqa: PLR2004
        image = image.resize((side, side), way)
    if generator.random() < 0.5:  # noqa: PLR2004
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(generator.integers(20, 96)))
        image = Image.open(buffer).convert("RGB")
    light = (np.asarray(image) / 255.0) ** _GAMMA
    stops = generator.uniform(-1.6, 0.35)
    light = light * 2.0**stops * np.exp(generator.normal(0.0, 0.06, 3))
    light = light * _DARK_SKIN ** (max(0.0, -stops) * generator.random())
    values = np.clip(light, 0.0, 1.0) ** (1 / _GAMMA) * 255.0
    values = values + generator.normal(0.0, generator.uniform(0.0, 4.0), values.shape)
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)

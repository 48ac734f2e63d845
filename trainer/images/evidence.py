"""A map of what speaks for a class, as it is sent, stored and shown. numpy loads when a map is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from trainer.palette import HEAT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EvidenceMethod: TypeAlias = Literal["grad-cam", "hires-cam"]
"""Grad-CAM on the last maps, or HiResCAM on maps twice as fine; see `trainer.network.evidence`."""

CAUTION = "The map shows where the network looked. It does not show why, and it proves nothing."
"""Stands wherever a map is shown."""

OUTLINED = 0.5
"""The outline of a map goes around where it has at least this share of its largest value."""

_OPAQUE_FROM = (
    0.6  # the least value that is painted at full opacity; below, the image shows through more and more
)


class EvidenceMap(msgspec.Struct, frozen=True, kw_only=True):
    """Where a network found what speaks for a class.

    Attributes:
        method: how it was computed.
        grid: rows of values, evenly spread over the network's square (`trainer.images.framing.network_square`): 1 where
            most speaks for the class, 0 where nothing does. All are 0 where nothing in the image does.
    """

    method: EvidenceMethod
    grid: tuple[tuple[float, ...], ...]

    @property
    def empty(self) -> bool:
        """Whether nothing in the image speaks for the class."""
        return not any(map(any, self.grid))


def empty_sentence(class_name: str) -> str:
    """Say of an empty map why nothing is to be seen."""
    return f"No part of the image raised the network's score for {class_name}."


def whose_map(networks: int) -> str:
    """Say whose map it is where the bundle is an ensemble; empty for a network by itself.

    Args:
        networks: in the ensemble; 0 for a network by itself.
    """
    return f"The map is that of the first of the ensemble's {networks} networks." if networks else ""


def fine_map(evidence: EvidenceMap, size: int) -> NDArray[np.float32]:
    """Return a map as float32 (size, size), 0 to 1, with smooth steps between the values of its grid."""
    import numpy as np
    from PIL import Image

    grid = Image.fromarray(np.array(evidence.grid, dtype=np.float32))
    return np.asarray(grid.resize((size, size), Image.Resampling.BICUBIC)).clip(0.0, 1.0)


def outlines(evidence: EvidenceMap, size: int) -> tuple[NDArray[np.float64], ...]:
    """Return closed lines around where a map has at least `OUTLINED` of its largest value.

    Args:
        evidence: the map.
        size: of the fine map that they are found on; 256 is smooth to the eye.

    Returns:
        For each line the points (n, 2), x and y in shares of the square (0 to 1).
    """
    import numpy as np
    from contourpy import contour_generator

    edged = np.pad(fine_map(evidence, size), 1)  # so that lines close at the edge of the square
    lines = contour_generator(z=edged, line_type="Separate").lines(OUTLINED)
    return tuple(((np.asarray(line) - 0.5) / size).clip(0.0, 1.0) for line in lines)


def heat_colours(values: NDArray[np.float32], opacity: float) -> NDArray[np.uint8]:
    """Return values of a map in colour, uint8 RGBA (h, w, 4), transparent where nothing speaks for the class.

    Args:
        values: float32 (h, w), 0 to 1.
        opacity: of large values, 0 to 1.
    """
    import numpy as np

    stops = np.linspace(0.0, 1.0, len(HEAT))
    anchors = np.array([[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in HEAT])
    colours = [np.interp(values, stops, anchors[:, channel]) for channel in range(3)]
    cover = 255.0 * opacity * np.minimum(values / _OPAQUE_FROM, 1.0)
    return np.stack([*colours, cover], axis=-1).round().astype(np.uint8)

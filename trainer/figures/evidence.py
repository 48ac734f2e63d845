"""A picture of where a network looked: the image, and the map of one class laid over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.dataset.classes.names import full_name
from trainer.figures.naming import LONGEST_NAME, shortened
from trainer.figures.page import INK, MARGIN, NARROWEST_PAGE, QUIET, own_style, page, place_axes, write
from trainer.images.evidence import CAUTION, OUTLINED, empty_sentence, fine_map, heat_colours, outlines
from trainer.images.framing import network_square
from trainer.predictions import UNLIKE
from trainer.sentences import visible
from trainer.wording import percent

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from trainer.config import Shape
    from trainer.images.evidence import EvidenceMap, EvidenceMethod

METHOD_TITLES: dict[EvidenceMethod, str] = {"grad-cam": "Grad-CAM", "hires-cam": "HiResCAM, sharper"}
_OPACITY = 0.6
_PIXELS = 448  # side of the map: finer than it is drawn
_PICTURE = 4.2  # inches: the longer side of each picture
_GAP, _BAR, _LINE = 0.3, 0.14, 0.18  # inches: between pictures, height of the legend and of a line of text


class Explained(NamedTuple):
    """A class, and what in an image speaks for it.

    Attributes:
        name: of the image.
        class_name: whose map it is.
        probability: of that class, 0 to 1.
        predicted: the predicted class.
        evidence: the map.
        shape: how the image became the network's square.
        unlike: whether the image is unlike the training images.
        network: see `trainer.images.evidence.whose_map`.
    """

    name: str
    class_name: str
    probability: float
    predicted: str
    evidence: EvidenceMap
    shape: Shape
    unlike: bool
    network: str = ""


def draw_evidence(image: NDArray[np.uint8], explained: Explained, path: Path) -> Path:
    """Draw an image beside the same image with the map laid over it, with legend and class.

    Args:
        image: uint8 (height, width, 3).
        explained: what is to be shown.
        path: of the PNG.

    Raises:
        StorageError: the file cannot be written.
    """
    letters = explained.name + full_name(explained.class_name) + explained.predicted
    with own_style(letters=letters):
        return write(_evidence_page(image, explained), path)


def _evidence_page(image: NDArray[np.uint8], explained: Explained) -> Figure:
    height, width = image.shape[:2]
    scale = _PICTURE / max(width, height)
    wide, high = width * scale, height * scale
    lines = _lines(explained)
    figure = page(
        max(2 * wide + _GAP + 2 * MARGIN, NARROWEST_PAGE),
        high + 1.85 + _LINE * len(lines),
        f"Where the network looked for {_short(full_name(explained.class_name))}",
        "\n".join(lines),
    )
    plain = place_axes(figure, MARGIN, 1.0, wide, high)
    covered = place_axes(figure, MARGIN + wide + _GAP, 1.0, wide, high)
    for axes in (plain, covered):
        axes.imshow(image, extent=(0, width, height, 0), interpolation="antialiased")
        axes.set_axis_off()
    if not explained.evidence.empty:
        _lay_over(covered, explained, width, height)
    for axes in (plain, covered):
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
    _legend(figure, MARGIN, 0.7, min(wide, 3.2))
    return figure


def _lines(explained: Explained) -> list[str]:
    """Return what is said below the title."""
    shown, name = _short(explained.class_name), _short(explained.name)
    chances = f"Class {shown}, {percent(explained.probability)}; predicted: {_short(explained.predicted)}."
    return [
        f"{name}. {chances} {METHOD_TITLES[explained.evidence.method]}.",
        *([explained.network] if explained.network else []),
        *([f"{UNLIKE}."] if explained.unlike else []),
        *([empty_sentence(shown)] if explained.evidence.empty else []),
        CAUTION,
    ]


def _short(name: str) -> str:
    return shortened(visible(name), LONGEST_NAME)


def _lay_over(axes: Axes, explained: Explained, width: int, height: int) -> None:
    """Paint the map where the network's square lies on the image, and its outline."""
    values = fine_map(explained.evidence, _PIXELS)
    x, y, wide, high = network_square(width, height, explained.shape)
    axes.imshow(heat_colours(values, _OPACITY), extent=(x, x + wide, y + high, y))
    for line in outlines(explained.evidence, _PIXELS):
        across, down = x + wide * line[:, 0], y + high * line[:, 1]
        axes.plot(across, down, color="black", linewidth=2.4)
        axes.plot(across, down, color="white", linewidth=1.2)


def _legend(figure: Figure, left: float, bottom: float, width: float) -> None:
    axes = place_axes(figure, left, bottom, width, _BAR)
    ramp = np.broadcast_to(np.linspace(0.0, 1.0, 256, dtype=np.float32), (8, 256))
    axes.set_facecolor("#D9B9A8")  # about skin, so that what is transparent looks as it does on an image
    axes.imshow(heat_colours(ramp, _OPACITY), aspect="auto", extent=(0, 1, 0, 1))
    axes.axvline(OUTLINED, color=INK, linewidth=1.0)
    axes.set_xticks([0.0, OUTLINED, 1.0], ["nothing", "half (outline)", "most"])
    axes.set_yticks([])
    axes.tick_params(axis="x", colors=QUIET)
    first, _, last = axes.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")

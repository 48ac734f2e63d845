"""What speaks for a class in an image, and where: evidence of a bundle's network."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.errors import ConfigError, ImageError
from trainer.images.evidence import EvidenceMap
from trainer.images.squares import to_square

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainer.images.evidence import EvidenceMethod
    from trainer.prediction.inference import Predictor


class Evidence(NamedTuple):
    """What speaks for a class in an image, coarsely and sharply.

    Attributes:
        grad_cam: reliable and coarse.
        hires_cam: twice as fine.
    """

    grad_cam: EvidenceMap
    hires_cam: EvidenceMap


def explain(predictor: Predictor, image: NDArray[np.uint8], class_name: str) -> Evidence:
    """Return the evidence for a class, in float32, for the logit that predictions rest on.

    Args:
        predictor: whose network is asked.
        image: uint8 (height, width, 3).
        class_name: one of the network's.

    Raises:
        ConfigError: the network has no such class.
        ImageError: the network's output is not finite.
    """
    manifest = predictor.manifest
    if class_name not in manifest.classes:
        raise ConfigError(
            f"This network has no class '{class_name}'; choose one of {', '.join(manifest.classes)}."
        )
    square = to_square(image, manifest.input_size, manifest.geometry)
    maps = predictor.evidence_graph(square[np.newaxis], np.int32(manifest.classes.index(class_name)))
    grad_cam, hires_cam = (map_[0].numpy() for map_ in maps)
    return Evidence(_evidence_map("grad-cam", grad_cam), _evidence_map("hires-cam", hires_cam))


def _evidence_map(method: EvidenceMethod, values: NDArray[np.float32]) -> EvidenceMap:
    """Return values (h, w), none negative, as shares of the largest; three digits are more than can be seen."""
    largest = values.max()
    if not np.isfinite(largest):
        raise ImageError("There is no map: the network's output is not finite.")
    shares = values / largest if largest else values
    return EvidenceMap(
        method=method, grid=tuple(tuple(row) for row in shares.astype(np.float64).round(3).tolist())
    )

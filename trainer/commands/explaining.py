"""The command `explain`: where a network looked, as a picture and as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trainer import RESEARCH_ONLY
from trainer.errors import ImageError
from trainer.figures.evidence import Explained, draw_evidence
from trainer.files import printable
from trainer.images.decoding import read_image
from trainer.images.evidence import CAUTION, EvidenceMethod, empty_sentence, whose_map
from trainer.images.framing import network_square
from trainer.prediction import evidence
from trainer.prediction.inference import Predictor, Wanted
from trainer.predictions import UNLIKE
from trainer.sentences import visible
from trainer.wording import percent, plain

if TYPE_CHECKING:
    from pathlib import Path


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What `explain --json` prints.

    Attributes:
        path: of the image.
        predicted: the predicted class.
        in_distribution: whether the image is like those the network learned from; `None` where that is not known.
        class_name: whose map it is.
        probability: of that class, calibrated, 0 to 1.
        method: how the map was computed.
        grid: its values, as in `trainer.images.evidence.EvidenceMap`.
        area: x, y, width and height of what the grid covers, in shares of the image's width and height; it reaches
            beyond the image where the network pads.
        picture: the file that was written.
        network: of an ensemble, whose map it is, a sentence; empty for a network by itself.
    """

    path: str
    predicted: str
    in_distribution: bool | None
    class_name: str
    probability: float
    method: EvidenceMethod
    grid: tuple[tuple[float, ...], ...]
    area: tuple[float, float, float, float]
    picture: str
    network: str = ""

    def describe(self) -> str:
        """Return it in words, for a terminal."""
        looked = f"class {self.class_name} ({percent(self.probability)}; predicted: {self.predicted})"
        found = "" if any(map(any, self.grid)) else f"{empty_sentence(self.class_name)} "
        said = [
            f"{UNLIKE}." if self.in_distribution is False else "",
            f"{self.picture}: where the network looked for {looked}.",
            self.network,
            f"{found}{CAUTION}",
        ]
        return "\n".join(plain(visible(line)) for line in (*filter(None, said), RESEARCH_ONLY))


def explain(
    bundle: Path, image: Path, class_name: str | None, method: EvidenceMethod, out: Path
) -> Explanation:
    """Draw where a bundle's network looked in an image.

    Args:
        bundle: folder.
        image: file.
        class_name: whose evidence; `None` for the predicted class.
        method: how.
        out: the PNG to write.

    Raises:
        ConfigError: the network has no such class.
        ImageError: the image cannot be read, or the network's output is not finite.
        StorageError: the picture cannot be written.
    """
    predictor = Predictor(bundle)
    manifest = predictor.manifest
    pixels = read_image(image)
    prediction = predictor.predict_each([Wanted(printable(image), lambda: pixels)])[0].prediction
    if prediction.error:
        raise ImageError(prediction.error)
    wanted = class_name if class_name is not None else prediction.predicted
    found = evidence.explain(predictor, pixels, wanted)
    map_ = found.grad_cam if method == "grad-cam" else found.hires_cam
    shape, probability = manifest.geometry.shape, prediction.probabilities[wanted]
    network = whose_map(len(manifest.members))
    explained = Explained(
        name=printable(image.name),
        class_name=wanted,
        probability=probability,
        predicted=prediction.predicted,
        evidence=map_,
        shape=shape,
        unlike=prediction.in_distribution is False,
        network=network,
    )
    draw_evidence(pixels, explained, out)
    height, width = pixels.shape[:2]
    x, y, wide, high = network_square(width, height, shape)
    return Explanation(
        path=prediction.path,
        predicted=prediction.predicted,
        in_distribution=prediction.in_distribution,
        class_name=wanted,
        probability=probability,
        method=method,
        grid=map_.grid,
        area=(x / width, y / height, wide / width, high / height),
        picture=printable(out),
        network=network,
    )

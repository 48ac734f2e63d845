"""From a bundle and image files to probabilities, always in float32, always by the bundle's own geometry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trainer.bundle import read_bundle
from trainer.decision import calibrated_probabilities, decide
from trainer.errors import ImageError
from trainer.events import Progress, silent
from trainer.images import read_image, to_square
from trainer.network import Network

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.bundle import Manifest
    from trainer.events import Listener, StopRequest

_BATCH = 16


class Prediction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a network says of one image, or why it says nothing.

    Attributes:
        path: of the image, as given.
        probabilities: by class, calibrated to the prior the manifest names, summing to 1.
        predicted: the class that the manifest's decision rule takes.
        malignant_probability: sum of the malignant classes' probabilities, 0 to 1.
        warnings: sentences about the image.
        metadata: what the caller knows of the image, by column.
        error: why there is no prediction; the other fields are then missing.
    """

    path: str
    probabilities: dict[str, float] | None = None
    predicted: str | None = None
    malignant_probability: float | None = None
    warnings: list[str] | None = None
    metadata: dict[str, str] | None = None
    error: str | None = None


class Predictor:
    """A bundle ready for use.

    Attributes:
        manifest: of the bundle.
        network: in float32, with the bundle's weights.
    """

    def __init__(self, bundle: Path) -> None:
        self.manifest, arrays = read_bundle(bundle)
        self.network = network_of(self.manifest, arrays)
        self.logits_graph = self.network.averaged_logits(self.manifest.config.test_views)

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the logits float32 (n, c) of squares uint8 (n, s, s, 3)."""
        logits: NDArray[np.float32] = self.logits_graph(images).numpy()
        return logits

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return calibrated probabilities float64 (n, c)."""
        return calibrated_probabilities(logits, self.manifest.calibration)

    def predict(
        self, paths: Sequence[Path], *, listener: Listener = silent, stop: StopRequest | None = None
    ) -> list[Prediction]:
        """Return a prediction for each file, in order; a file that cannot be read does not stop the others.

        Raises:
            StoppedError: on request.
        """
        predictions: list[Prediction] = []
        for begin in range(0, len(paths), _BATCH):
            if stop is not None:
                stop.raise_if_asked()
            predictions.extend(self._predict_batch(paths[begin : begin + _BATCH]))
            listener(Progress(task="Predicting", done=len(predictions), total=len(paths), unit="images"))
        return predictions

    def _predict_batch(self, paths: Sequence[Path]) -> Iterable[Prediction]:
        squares: list[NDArray[np.uint8]] = []
        readable: dict[int, list[str]] = {}
        errors: dict[int, str] = {}
        for k, path in enumerate(paths):
            try:
                image = read_image(path)
            except ImageError as error:
                errors[k] = str(error)
                continue
            readable[k] = self._warnings(image)
            squares.append(to_square(image, self.manifest.input_size, self.manifest.geometry))
        by_position: dict[int, Prediction] = {
            k: Prediction(path=str(paths[k]), error=sentence) for k, sentence in errors.items()
        }
        if squares:
            probabilities = self.probabilities(self.logits(np.stack(squares)))
            chosen = decide(probabilities, self.manifest.calibration)
            for (k, warnings), row, winner in zip(readable.items(), probabilities, chosen, strict=True):
                by_position[k] = self._prediction(str(paths[k]), row, int(winner), warnings)
        return [by_position[k] for k in range(len(paths))]

    def _warnings(self, image: NDArray[np.uint8]) -> list[str]:
        height, width = image.shape[:2]
        size = self.manifest.input_size
        warnings = []
        if min(height, width) < size // 2:
            warnings.append(
                f"The image has only {width} x {height} pixels and is enlarged to {size} x {size}; "
                "details the network looks for may be missing."
            )
        if max(height, width) > 4 * min(height, width):
            warnings.append(
                "The image is much longer than wide; most of it may lie outside the network's square."
            )
        if int(image.max()) - int(image.min()) < 16:  # noqa: PLR2004 - of 255: no structure to see
            warnings.append("The image is almost of one colour; the prediction means nothing.")
        return warnings

    def _prediction(
        self, path: str, row: NDArray[np.float64], winner: int, warnings: list[str]
    ) -> Prediction:
        manifest = self.manifest
        probabilities = {name: float(p) for name, p in zip(manifest.classes, row, strict=True)}
        return Prediction(
            path=path,
            probabilities=probabilities,
            predicted=manifest.classes[winner],
            malignant_probability=min(1.0, sum(probabilities[name] for name in manifest.malignant)),
            warnings=warnings,
        )


def network_of(manifest: Manifest, arrays: dict[str, NDArray[np.float32]]) -> Network:
    """Rebuild a bundle's network in float32.

    Raises:
        WeightsError: the arrays are not those of the network the manifest describes.
    """
    network = Network(
        manifest.backbone,
        len(manifest.classes),
        manifest.head,
        input_size=manifest.input_size,
        precision="float32",
    )
    network.assign(arrays)
    return network

"""From a bundle and image files to probabilities, always in float32, always by the bundle's own geometry."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trainer.dataset.drawn import NETWORK_WARNING
from trainer.errors import ImageError
from trainer.events import Progress, silent
from trainer.files import printable
from trainer.images.decoding import read_image, to_square
from trainer.metrics.decision import balanced_probabilities, calibrated_probabilities, decide
from trainer.network.evidence import evidence_graph
from trainer.network.network import Network
from trainer.predictions import Prediction
from trainer.runs.bundle import read_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.events import Listener, StopRequest
    from trainer.predictions import Prior
    from trainer.runs.bundle import Manifest

_BATCH = 16


class Wanted(NamedTuple):
    """An image to be predicted.

    Attributes:
        path: what the prediction will be called.
        read: returns its pixels, uint8 (height, width, 3), or raises `ImageError`.
    """

    path: str
    read: Callable[[], NDArray[np.uint8]]


class Predicted(NamedTuple):
    """A prediction and what it follows from.

    Attributes:
        prediction: for users.
        logits: float32 (c,); `None` where there is no prediction.
    """

    prediction: Prediction
    logits: NDArray[np.float32] | None


class Predictor:
    """A bundle ready for use.

    Attributes:
        manifest: of the bundle.
        prior: that the probabilities of predictions assume.
        network: in float32, with the bundle's weights.
    """

    def __init__(self, bundle: Path, *, prior: Prior = "natural") -> None:
        self.prior: Prior = prior
        self.manifest, arrays = read_bundle(bundle)
        self.network = network_of(self.manifest, arrays)
        self.logits_graph = self.network.averaged_logits(self.manifest.config.test_views)

    @functools.cached_property
    def evidence_graph(self) -> Any:  # noqa: ANN401 - a compiled function
        """What `trainer.network.evidence.evidence_graph` returns; tracing it takes seconds."""
        return evidence_graph(self.network, self.manifest.config.test_views)

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the logits float32 (n, c) of squares uint8 (n, s, s, 3)."""
        logits: NDArray[np.float32] = self.logits_graph(images).numpy()
        return logits

    def probabilities(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return calibrated probabilities float64 (n, c) for the natural prior."""
        return calibrated_probabilities(logits, self.manifest.calibration)

    def predict(
        self, paths: Sequence[Path], *, listener: Listener = silent, stop: StopRequest | None = None
    ) -> list[Prediction]:
        """Return a prediction for each file, in order; a file that cannot be read does not stop the others.

        Raises:
            StoppedError: on request.
        """
        wanted = [Wanted(printable(path), functools.partial(read_image, path)) for path in paths]
        return [shown.prediction for shown in self.predict_each(wanted, listener=listener, stop=stop)]

    def predict_each(
        self, wanted: Sequence[Wanted], *, listener: Listener = silent, stop: StopRequest | None = None
    ) -> list[Predicted]:
        """Predict images from any source; the only way from pixels to a prediction.

        Args:
            wanted: names, and functions that return the pixels or raise `ImageError`.
            listener: receives progress events.
            stop: checked between batches.

        Returns:
            In the order asked; one that cannot be read does not stop the others.

        Raises:
            StoppedError: on request.
        """
        predicted: list[Predicted] = []
        for begin in range(0, len(wanted), _BATCH):
            if stop is not None:
                stop.raise_if_asked()
            predicted.extend(self._predict_batch(wanted[begin : begin + _BATCH]))
            listener(Progress(task="Predicting", done=len(predicted), total=len(wanted), unit="images"))
        return predicted

    def predict_together(
        self, predicted: Sequence[Predicted], known: Sequence[Sequence[float]] = ()
    ) -> Prediction | None:
        """Return the combined prediction for images of one lesion: their mean logits, calibrated and decided as usual.

        Args:
            predicted: of `predict_each`; those that could not be read are left out.
            known: logits (k, c) of further images, predicted before.

        Returns:
            A prediction without a path; `None` where fewer than two images could be read.
        """
        rows = [shown.logits for shown in predicted if shown.logits is not None]
        missing = len(predicted) - len(rows)
        rows += [np.asarray(row, dtype=np.float32) for row in known]
        if len(rows) < 2:  # noqa: PLR2004 - one image says the same alone
            return None
        warnings = []
        if missing:
            words = "is left out because it" if missing == 1 else "are left out because they"
            warnings.append(f"{missing} of {missing + len(rows)} images {words} cannot be read.")
        mean = np.stack(rows).mean(axis=0, keepdims=True, dtype=np.float64)
        return next(iter(self._judged([""], mean, [warnings])))

    def _predict_batch(self, wanted: Sequence[Wanted]) -> Iterable[Predicted]:
        squares: list[NDArray[np.uint8]] = []
        readable: list[int] = []
        warnings: list[list[str]] = []
        predicted: dict[int, Predicted] = {}
        for k, image_wanted in enumerate(wanted):
            try:
                square, said = self._seen(image_wanted)
            except ImageError as error:
                predicted[k] = Predicted(Prediction(path=image_wanted.path, error=printable(error)), None)
                continue
            readable.append(k)
            warnings.append(said)
            squares.append(square)
        if squares:
            logits = self.logits(np.stack(squares))
            judged = self._judged([wanted[k].path for k in readable], logits, warnings)
            for k, prediction, row in zip(readable, judged, logits, strict=True):
                predicted[k] = Predicted(prediction, None if prediction.error else row)
        return [predicted[k] for k in range(len(wanted))]

    def _seen(self, wanted: Wanted) -> tuple[NDArray[np.uint8], list[str]]:
        """Return an image's square and its warnings; of large images there is room for one at a time."""
        image = wanted.read()
        return to_square(image, self.manifest.input_size, self.manifest.geometry), self._warnings(image)

    def _judged(
        self, paths: Sequence[str], logits: NDArray[np.floating], warnings: Sequence[list[str]]
    ) -> Iterable[Prediction]:
        """Yield the prediction for each row of logits (n, c); where these are not finite, an error."""
        finite = np.isfinite(logits).all(axis=1)
        probabilities = self.probabilities(np.where(finite[:, np.newaxis], logits, 0.0))
        chosen = decide(probabilities, self.manifest.calibration)
        if self.prior == "balanced":
            probabilities = balanced_probabilities(probabilities, self.manifest.calibration)
        for k, path in enumerate(paths):
            if finite[k]:
                yield self._prediction(path, probabilities[k], int(chosen[k]), warnings[k])
            else:
                yield Prediction(path=path, error=_overflow(path))

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
            warnings.append("The image is almost a single colour; the prediction is meaningless.")
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
            malignant_probability=min(1.0, sum(probabilities[name] for name in manifest.malignant))
            if manifest.malignant
            else None,
            prior=self.prior,
            warnings=(*([NETWORK_WARNING] if manifest.split.drawn else []), *warnings),
        )


def _overflow(path: str) -> str:
    return (
        f"The network's output is not finite for {path}: its weights are damaged, or its training diverged."
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

"""From a bundle and image files to probabilities, always in float32, always by the bundle's own geometry."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from trainer.dataset.drawn import NETWORK_WARNING
from trainer.errors import ImageError
from trainer.events import Progress, silent
from trainer.files import printable, sha256_of
from trainer.images.decoding import read_image, to_square
from trainer.metrics.conformal import COVERAGE
from trainer.metrics.decision import balanced_probabilities, calibrated_probabilities, decide
from trainer.network.evidence import evidence_graph
from trainer.prediction.likeness import Checker, Likeness
from trainer.prediction.networks import Networks
from trainer.predictions import UNLIKE, Prediction
from trainer.reference.reference import read_reference
from trainer.reference.rules import rules_of
from trainer.reference.similar import SeenFile, find_similar
from trainer.runs.bundle import read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.events import Listener, StopRequest
    from trainer.prediction.networks import Analysed
    from trainer.predictions import Prior, SimilarCases
    from trainer.reference.reference import Reference
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
        features: of the last maps, float32 (f,); `None` likewise.
    """

    prediction: Prediction
    logits: NDArray[np.float32] | None = None
    features: NDArray[np.float32] | None = None


class Seen(NamedTuple):
    """An image as the network sees it.

    Attributes:
        square: uint8 (s, s, 3).
        poor, hints: sentences, see `Checker`.
    """

    square: NDArray[np.uint8]
    poor: tuple[str, ...]
    hints: tuple[str, ...]


class Predictor:
    """A bundle ready for use.

    Attributes:
        manifest: of the bundle.
        prior: that the probabilities of predictions assume.
        network: in float32, with the bundle's weights; of an ensemble, its first member.
        reference: what the bundle knows of its training images; `None` where it does not.
        rules: the operating point and the prediction sets.
        checker: tells images that are not to be relied on.
        views: that the logits of `network` are averaged over.

    Args:
        bundle: its folder.
        prior: see above.
        coverage: of the prediction sets, 0 to 1.
    """

    def __init__(self, bundle: Path, *, prior: Prior = "natural", coverage: float = COVERAGE) -> None:
        self.prior: Prior = prior
        self._coverage = coverage
        self.refresh(bundle)
        self._networks = Networks(bundle, self.manifest)
        first = self._networks.ready[0]
        self.network, self.views = first.network, first.views

    @functools.cached_property
    def evidence_graph(self) -> Any:  # noqa: ANN401 - a compiled function
        """What `trainer.network.evidence.evidence_graph` returns; tracing it takes seconds."""
        return evidence_graph(self.network, self.views)

    def refresh(self, bundle: Path) -> None:
        """Read again what may be added to a bundle without changing its network.

        That is marks of classes, the reference, and the operating point.

        Raises:
            BundleError: a file of the bundle is damaged.
        """
        self.manifest: Manifest = read_manifest(bundle)
        self.reference: Reference | None = read_reference(bundle, self.manifest)
        self.checker = Checker(self.reference, self.manifest.input_size)
        validation = None if self.reference is None else self.reference.validation
        self.rules = rules_of(self.manifest, validation, self._coverage).with_saved_point(
            bundle, self.manifest
        )

    def analysed(self, images: NDArray[np.uint8]) -> Analysed:
        """Return what the network, or the ensemble, makes of squares uint8 (n, s, s, 3), n at least 1."""
        return self._networks.analysed(images)

    @property
    def at_once(self) -> int:
        """Number of images that are best computed together."""
        return self._networks.at_once

    def similar(self, predicted: Predicted, file: Path, count: int) -> SimilarCases | None:
        """Return the training images most like an image; `None` where the bundle knows none, or the image was not read.

        Args:
            predicted: of the image.
            file: it comes from.
            count: how many are wanted.
        """
        if self.reference is None or predicted.features is None:
            return None
        try:
            file_hash = sha256_of(file)
        except OSError:  # it has gone since it was read: no training image is known to be the same
            file_hash = ""
        seen = SeenFile(file_hash, file.stem)
        return find_similar(self.reference, self.manifest.classes, predicted.features, seen, count)

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
        read = [shown for shown in predicted if shown.logits is not None]
        rows = [shown.logits for shown in read if shown.logits is not None]
        missing = len(predicted) - len(read)
        rows += [np.asarray(row, dtype=np.float32) for row in known]
        if len(rows) < 2:  # noqa: PLR2004 - one image says the same alone
            return None
        warnings = []
        if missing:
            words = "is left out because it" if missing == 1 else "are left out because they"
            warnings.append(f"{missing} of {missing + len(rows)} images {words} cannot be read.")
        verdicts = [shown.prediction.in_distribution for shown in read]
        unlike = sum(_is_unlike(shown.prediction) for shown in read)
        poor = verdicts.count(False) - unlike
        if unlike:
            warnings.append(f"{UNLIKE}: {unlike} of these {len(rows)} images.")
        if poor:
            too = "is too poor" if poor == 1 else "are too poor"
            warnings.append(f"{poor} of these {len(rows)} images {too} to rely on an answer.")
        alike = False if unlike or poor else None if None in verdicts else True
        mean = np.stack(rows).mean(axis=0, dtype=np.float64)
        if not np.isfinite(mean).all():
            return Prediction(path="", error=_overflow("these images"))
        together = self._prediction("", mean, Likeness(alike, None, tuple(warnings)))
        # Sets were calibrated on single images.
        return msgspec.structs.replace(together, prediction_set=None, set_basis=None)

    def _predict_batch(self, wanted: Sequence[Wanted]) -> list[Predicted]:
        looked: list[Seen | ImageError] = []
        for image in wanted:
            try:
                # Nothing else holds the pixels: of large images there is room for one at a time.
                looked.append(self.seen(image.read()))
            except ImageError as error:
                looked.append(error)
        return self.predict_seen([image.path for image in wanted], looked)

    def seen(self, image: NDArray[np.uint8]) -> Seen:
        """Return what the network sees of an image, uint8 (height, width, 3)."""
        square = to_square(image, self.manifest.input_size, self.manifest.geometry)
        return Seen(square, self.checker.quality(image, square), self.checker.hints(image))

    def predict_seen(self, paths: Sequence[str], looked: Sequence[Seen | ImageError]) -> list[Predicted]:
        """Predict images that have been read; the only way from squares to predictions.

        Args:
            paths: what the predictions will be called, n of them.
            looked: what `seen` returned for each, or why it cannot be read.

        Returns:
            n predictions, in order.
        """
        seen = [one for one in looked if isinstance(one, Seen)]
        outputs = iter(self.analysed(np.stack([one.square for one in seen])).each() if seen else ())
        return [
            self._predicted(path, one, next(outputs))
            if isinstance(one, Seen)
            else Predicted(Prediction(path=path, error=printable(one)))
            for path, one in zip(paths, looked, strict=True)
        ]

    def _predicted(self, path: str, seen: Seen, found: Analysed) -> Predicted:
        """Return the prediction for what the networks make of one image."""
        if not np.isfinite(found.logits).all():
            return Predicted(Prediction(path=path, error=_overflow(path)))
        likeness = self.checker.likeness(found.features, seen.poor, seen.hints)
        prediction = self._prediction(path, found.logits, likeness)
        spread = self._spread(found.members)
        return Predicted(msgspec.structs.replace(prediction, spread=spread), found.logits, found.features[-1])

    def _spread(self, members: NDArray[np.float64]) -> dict[str, tuple[float, float]] | None:
        """Return the lowest and highest of the members' probabilities (k, c) by class; `None` without members."""
        if not len(members):
            return None
        if self.prior == "balanced":
            members = balanced_probabilities(members, self.manifest.calibration)
        lowest, highest = members.min(axis=0).tolist(), members.max(axis=0).tolist()
        return dict(zip(self.manifest.classes, zip(lowest, highest, strict=True), strict=True))

    def _prediction(self, path: str, logits: NDArray[np.floating], likeness: Likeness) -> Prediction:
        """Return the prediction for finite logits (c,)."""
        manifest = self.manifest
        rows = self.probabilities(logits[np.newaxis])
        natural = rows[0]
        point = self.rules.applied_point(natural)
        winner = int(decide(rows, manifest.calibration)[0])
        if self.prior == "balanced":
            rows = balanced_probabilities(rows, manifest.calibration)
        probabilities = {name: float(p) for name, p in zip(manifest.classes, rows[0], strict=True)}
        return Prediction(
            path=path,
            probabilities=probabilities,
            predicted=manifest.classes[winner],
            malignant_probability=min(1.0, sum(probabilities[name] for name in manifest.malignant))
            if manifest.malignant
            else None,
            prior=self.prior,
            in_distribution=likeness.in_distribution,
            unusual=likeness.unusual,
            above_threshold=None if point is None else point.above,
            operating_point=point,
            prediction_set=self.rules.applied_set(natural),
            set_basis=self.rules.set_basis,
            warnings=(
                *([NETWORK_WARNING] if manifest.split.drawn else []),
                *([self.rules.note] if self.rules.note else []),
                *likeness.warnings,
            ),
        )


def _is_unlike(prediction: Prediction) -> bool:
    return prediction.unusual is not None and prediction.unusual.flagged


def _overflow(path: str) -> str:
    return (
        f"The network's output is not finite for {path}: its weights are damaged, or its training diverged."
    )

"""Images predicted by bundles that are kept ready."""

from __future__ import annotations

import functools
import gc
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from trainer.engine.handling import handles
from trainer.errors import BundleError, ImageError
from trainer.events import Progress
from trainer.images.framing import read_view
from trainer.protocol.diagnosis import ExplainImage, ImageEvidence, PredictImages, Predictions, Warm, WarmUp
from trainer.runs.bundle import ADDITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainer.engine.handling import Context
    from trainer.images.evidence import EvidenceMap
    from trainer.images.framing import ImageView
    from trainer.prediction.inference import Predicted, Predictor

Additions: TypeAlias = tuple[tuple[int, int], ...]

_PREDICTORS = 2  # networks kept ready; the largest takes some 200 MB


@handles(PredictImages)
def predict_images(job: PredictImages, context: Context) -> Predictions:
    """Predict images, and the lesion they show together."""
    predictor, identity = _predictor(Path(job.bundle), context)
    context.stop.raise_if_asked()
    if job.known and job.known_of != identity:
        raise _replaced(job.bundle)
    from trainer.prediction.inference import Wanted

    wanted = [Wanted(view.path, functools.partial(read_view, view)) for view in job.images]
    predicted = predictor.predict_each(wanted, listener=context.listener, stop=context.stop)
    calibration = predictor.manifest.calibration
    return Predictions(
        images=tuple(shown.prediction for shown in predicted),
        logits=tuple(() if shown.logits is None else tuple(shown.logits.tolist()) for shown in predicted),
        similar=tuple(
            predictor.similar(shown, Path(view.path), job.similar) if job.similar else None
            for shown, view in zip(predicted, job.images, strict=True)
        ),
        together=predictor.predict_together(predicted, job.known) if job.together else None,
        evidence=tuple(_looked_at(predictor, predicted, job.images, context)) if job.evidence else (),
        bundle_hash=identity,
        decision_rule=calibration.describe_rule(),
        prior=calibration.describe_prior(),
    )


def _looked_at(
    predictor: Predictor, predicted: Sequence[Predicted], views: Sequence[ImageView], context: Context
) -> Iterator[EvidenceMap | None]:
    """Yield where the network looked for the predicted class of each image that can be relied on."""
    from trainer.prediction.evidence import explain

    for done, (shown, view) in enumerate(zip(predicted, views, strict=True)):
        context.stop.raise_if_asked()
        context.listener(Progress(task="Explaining", done=done, total=len(views), unit="images"))
        prediction = shown.prediction
        if prediction.error or prediction.in_distribution is False:
            yield None
            continue
        try:
            yield explain(predictor, read_view(view), prediction.predicted).grad_cam
        except ImageError:  # the prediction stands all the same
            yield None


@handles(ExplainImage)
def explain_image(job: ExplainImage, context: Context) -> ImageEvidence:
    """Find where the network looked for a class in an image."""
    predictor, identity = _predictor(Path(job.bundle), context)
    context.stop.raise_if_asked()
    if job.bundle_hash != identity:
        raise _replaced(job.bundle)
    from trainer.prediction.evidence import explain

    evidence = explain(predictor, read_view(job.image), job.class_name)
    return ImageEvidence(grad_cam=evidence.grad_cam, hires_cam=evidence.hires_cam)


def _replaced(bundle: str) -> BundleError:
    return BundleError(f"The network in {bundle} was replaced meanwhile; analyse the images again.")


@handles(WarmUp)
def warm_up(job: WarmUp, context: Context) -> Warm:
    """Load TensorFlow and, if one is named, a bundle."""
    if not job.bundle:
        with context.libraries.loaded():
            import trainer.prediction.inference  # noqa: F401 - so that the next job finds it loaded
    else:
        import numpy as np

        predictor, _ = _predictor(Path(job.bundle), context)
        size = predictor.manifest.input_size
        predictor.analysed(np.zeros((1, size, size, 3), np.uint8))
    return Warm()


class Ready(NamedTuple):
    """A predictor that is kept.

    Attributes:
        predictor: of a bundle.
        additions: size and time of change of the files that may be added to a bundle without changing its identity.
    """

    predictor: Predictor
    additions: Additions


class ReadyPredictors:
    """The bundles that were used last, by the hash that names each."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Ready] = OrderedDict()

    def get(self, identity: str) -> Ready | None:
        """Return what is kept of a bundle."""
        if identity in self._kept:
            self._kept.move_to_end(identity)
        return self._kept.get(identity)

    def make_room(self) -> None:
        """Let go of the one that was used longest ago if there is no room for another."""
        while len(self._kept) >= _PREDICTORS:
            self._kept.popitem(last=False)
            gc.collect()  # networks are cycles of objects

    def put(self, identity: str, ready: Ready) -> None:
        """Keep a predictor."""
        self._kept[identity] = ready


def _predictor(bundle: Path, context: Context) -> tuple[Predictor, str]:
    """Return a bundle's network, ready, and the hash that names the bundle; both are as they are on the disk."""
    from trainer.runs.bundle import bundle_hash

    identity = bundle_hash(bundle)
    additions = _additions(bundle)
    kept = context.kept.one(ReadyPredictors)
    ready = kept.get(identity)
    if ready is None:
        with context.libraries.loaded():
            from trainer.prediction.inference import Predictor
        context.libraries.show_proven_gpus()
        kept.make_room()
        ready = Ready(Predictor(bundle), additions)
    elif ready.additions != additions:
        ready.predictor.refresh(bundle)
        ready = Ready(ready.predictor, additions)
    kept.put(identity, ready)
    return ready.predictor, identity


def _additions(bundle: Path) -> Additions:
    found = []
    for name in ADDITIONS:
        try:
            stat = (bundle / name).stat()
        except OSError:
            found.append((0, 0))
        else:
            found.append((stat.st_size, stat.st_mtime_ns))
    return tuple(found)

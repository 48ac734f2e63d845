"""What a bundle is to know of the images its network learned from, computed from the images."""

from __future__ import annotations

import hashlib
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.events import Progress
from trainer.network.network import images_at_once
from trainer.pipeline.degrading import degraded
from trainer.pipeline.loading import ImageSource, image_outputs
from trainer.reference.neighbours import fit_projection
from trainer.reference.novelty import Novelty, fit_subspace, with_threshold
from trainer.reference.quality import limits_of, measure, passes
from trainer.reference.reference import Reference, TrainedOn, Validation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import tensorflow as tf
    from numpy.typing import NDArray

    from trainer.config import Geometry
    from trainer.events import Listener, StopRequest
    from trainer.network.network import Network

DEGRADED = 2000
"""Training images, at most, that are also looked at as a poorer camera would show them."""


class Part(NamedTuple):
    """Samples of a dataset, n of them.

    Attributes:
        sample_ids, groups, hashes, paths: of each.
        truth: class indices, int64 (n,).
        confirmed: how each diagnosis was confirmed; empty where not known.
    """

    sample_ids: Sequence[str]
    groups: Sequence[str]
    hashes: Sequence[str]
    paths: Sequence[str]
    truth: NDArray[np.int64]
    confirmed: Sequence[str]


class _Seen(NamedTuple):
    logits: NDArray[np.float32]
    features: list[NDArray[np.float32]]
    gate: NDArray[np.float32]


def make_reference(
    network: Network,
    geometry: Geometry,
    views: int,
    training: Part,
    validation: Part,
    aside: NDArray[np.bool_],
    fingerprint: str,
    *,
    listener: Listener,
    stop: StopRequest | None,
) -> Reference:
    """Look at all training and validation images with a trained network, in float32.

    Args:
        network: with the bundle's weights.
        geometry: how an image becomes a square.
        views: that logits are averaged over.
        training: the samples of the training part.
        validation: those of the validation part, m of them.
        aside: bool (m,), which validation samples were set aside for calibration.
        fingerprint: of the dataset and split.
        listener: hears progress.
        stop: asked between batches.

    Raises:
        ImageError: a file has gone or changed.
        StoppedError: on request.
        TrainerError: a feature is not finite.
    """
    chosen = _spread(training.hashes, DEGRADED)
    total = len(training.paths) + len(chosen) + len(validation.paths)
    done = 0

    def each(now: int) -> None:
        if stop is not None:
            stop.raise_if_asked()
        listener(Progress(task="Reference images", done=done + now, total=total, unit="images"))

    single = network.analysis(1)
    with closing(ImageSource(training.paths, network.input_size, geometry, 0)) as source:
        learned = _look(single, source, np.arange(len(source)), images_at_once(1), each)
        done += len(training.paths)

        poorer = _look(
            lambda images: single(_all_degraded(images.numpy())), source, chosen, images_at_once(1), each
        )
        done += len(chosen)
    several = network.analysis(views)
    with closing(ImageSource(validation.paths, network.input_size, geometry, 0)) as source:
        checked = _look(several, source, np.arange(len(source)), images_at_once(views), each)
    subspaces = tuple(
        fit_subspace(name, learned.features[place], poorer.features[place], checked.features[place])
        for place, name in enumerate(network.depths)
    )
    novelty = Novelty(subspaces, float("inf"), 0)
    unusual = novelty.scores(checked.features)
    passing = passes(checked.gate, limits_of(checked.gate))
    projection = fit_projection(learned.features[-1])
    return Reference(
        created=datetime.now(UTC),
        dataset_fingerprint=fingerprint,
        training=TrainedOn(
            tuple(training.sample_ids),
            tuple(training.groups),
            tuple(training.hashes),
            training.truth,
            tuple(training.confirmed),
            projection.of(learned.features[-1]),
        ),
        validation=Validation(
            tuple(validation.sample_ids),
            tuple(validation.groups),
            validation.truth,
            aside,
            checked.logits,
            unusual,
            checked.gate,
        ),
        novelty=with_threshold(novelty, unusual, passing, aside),
        projection=projection,
    )


def _look(
    run: Callable[[tf.Tensor], Sequence[tf.Tensor]],
    source: ImageSource,
    rows: NDArray[np.int64],
    batch_size: int,
    each: Callable[[int], None],
) -> _Seen:
    gates, outputs = [], []
    for images, found in image_outputs(run, source, rows, batch_size, each):
        gates.append(np.stack([measure(image) for image in images]))
        outputs.append(found)
    columns: list[NDArray[np.float32]] = [np.concatenate(column) for column in zip(*outputs, strict=True)]
    return _Seen(columns[0], columns[1:], np.concatenate(gates))


def _all_degraded(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images, each degraded in a way that its own pixels draw: the same in every batch and on every machine."""
    return np.stack(
        [
            degraded(image, np.random.default_rng(list(hashlib.sha256(image.tobytes()).digest())))
            for image in images
        ]
    )


def _spread(hashes: Sequence[str], most: int) -> NDArray[np.int64]:
    """Return at most `most` rows, the same for the same files."""
    order = np.argsort(np.array(hashes, dtype=object), kind="stable")
    return np.sort(order[:most])

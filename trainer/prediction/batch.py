"""Many images predicted: decoded in threads ahead of the network, and kept as they come."""

from __future__ import annotations

import os
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.batches.folder import list_folder
from trainer.batches.kept import KeptPredictions, identity_of
from trainer.batches.table import Row, count, network_facts, write_tables
from trainer.errors import ConfigError, ImageError
from trainer.events import Progress, Warned, silent
from trainer.files import printable
from trainer.images.decoding import reading
from trainer.prediction.inference import Predictor
from trainer.prediction.likeness import NO_REFERENCE
from trainer.predictions import Prediction
from trainer.runs.bundle_classes import wrongly_marked_sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from trainer.batches.folder import FolderImage, ImageFolder
    from trainer.batches.table import Counts
    from trainer.events import Listener, StopRequest
    from trainer.prediction.inference import Seen

_DECODERS = max(2, min(8, os.cpu_count() or 2))
_AHEAD = 4  # batches that are decoded while one is computed
_SYNC_SECONDS = 5.0


def predict_folder(
    bundle: Path, folder: Path, out: Path, *, listener: Listener = silent, stop: StopRequest | None = None
) -> Counts:
    """Predict the images of a folder and write their tables.

    What was predicted before is taken from `out`, whatever ended that (see `trainer.batches.kept`). Images go through
    the same steps as in `Predictor.predict`; one that cannot be read is a row with its error.

    Args:
        bundle: folder.
        folder: of the images, searched with its subfolders.
        out: folder for the tables, and for what is kept; not inside `folder`.
        listener: hears progress.
        stop: asked between batches; what was predicted is kept.

    Raises:
        BundleError: the bundle is damaged, or `out` holds the predictions of another one.
        ConfigError: `out` lies inside `folder`.
        DatasetError: there is no image in the folder.
        StoppedError: on request.
        StorageError: `out` cannot be written.
    """
    _check_apart(folder, out)
    network = network_facts(bundle)
    held = list_folder(folder, network.classes, stop)
    for note in held.notes:
        listener(Warned(message=note))
    with KeptPredictions(out, identity_of(bundle)) as kept:
        missing = [image for image in held.images if not image.error and kept.of(image) is None]
        if missing:
            done = len(held.images) - len(missing)
            predict_images(_ready(bundle, listener), missing, kept, done, listener, stop)
        rows = list(_rows(held, kept))
    write_tables(out, network, rows)
    return count(rows, network.classes)


def _check_apart(folder: Path, out: Path) -> None:
    """Refuse a folder for tables among the images: what is written there would be read with them the next time."""
    if out.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"{out} lies inside the folder of the images; choose a folder elsewhere.")


def _ready(bundle: Path, listener: Listener) -> Predictor:
    predictor = Predictor(bundle)
    if sentence := wrongly_marked_sentence(bundle, predictor.manifest):
        listener(Warned(message=sentence))
    if predictor.reference is None:
        listener(Warned(message=NO_REFERENCE))
    return predictor


def predict_images(
    predictor: Predictor,
    images: Sequence[FolderImage],
    kept: KeptPredictions,
    done: int = 0,
    listener: Listener = silent,
    stop: StopRequest | None = None,
) -> None:
    """Predict images and keep their predictions.

    Args:
        predictor: the bundle, ready.
        images: none of which is kept.
        kept: takes the predictions.
        done: number of images of the folder that need not be predicted.
        listener: hears progress.
        stop: asked between batches.

    Raises:
        StoppedError: on request.
        StorageError: a prediction cannot be kept.
    """
    total = done + len(images)
    synced = time.monotonic()
    for batch, looked in _decoded_ahead(predictor, images):
        if stop is not None:
            stop.raise_if_asked()
        predicted = predictor.predict_seen([printable(image.path) for image in batch], looked)
        kept.add(batch, [shown.prediction for shown in predicted])
        done += len(batch)
        listener(Progress(task="Predicting", done=done, total=total, unit="images"))
        if time.monotonic() - synced > _SYNC_SECONDS:
            kept.sync()
            synced = time.monotonic()
    kept.sync()


def _decoded_ahead(
    predictor: Predictor, images: Sequence[FolderImage]
) -> Iterator[tuple[Sequence[FolderImage], list[Seen | ImageError]]]:
    """Yield batches of images with what the network sees of each, or why it cannot be read."""
    size = predictor.at_once
    batches = [images[begin : begin + size] for begin in range(0, len(images), size)]
    pool = ThreadPoolExecutor(_DECODERS, thread_name_prefix="decode")
    waiting: deque[list[Future[Seen | ImageError]]] = deque()
    try:
        for place, batch in enumerate(batches):
            for further in batches[place + len(waiting) : place + _AHEAD + 1]:
                waiting.append([pool.submit(_look, predictor, image.path) for image in further])
            yield batch, [future.result() for future in waiting.popleft()]
    finally:
        pool.shutdown(cancel_futures=True)


def _look(predictor: Predictor, path: str) -> Seen | ImageError:
    try:
        # The image's share of the memory is held until its square is made.
        with reading(Path(path)) as (pixels, _):
            return predictor.seen(pixels)
    except ImageError as error:
        return error


def _rows(held: ImageFolder, kept: KeptPredictions) -> Iterator[Row]:
    for image in held.images:
        prediction = Prediction(path=image.path, error=image.error) if image.error else kept.of(image)
        assert prediction is not None, "every image was predicted"
        yield Row(prediction, image.known_class)

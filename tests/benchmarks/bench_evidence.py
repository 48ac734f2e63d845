"""Warm time of one diagnosis, with evidence and similar cases, against the bare forward pass with as many views.

    python tests/benchmarks/bench_evidence.py BUNDLE IMAGE

All are measured in turns, so that other work on the machine slows them alike; medians of the ratios are printed.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trainer.compute.starting import load_tensorflow

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 15


def main() -> None:
    load_tensorflow()
    import tensorflow as tf

    from trainer.images.decoding import read_image, to_square
    from trainer.network.network import symmetric_views
    from trainer.prediction.evidence import explain
    from trainer.prediction.inference import Predictor, Wanted

    bundle, image = map(Path, sys.argv[1:])
    predictor = Predictor(bundle)
    manifest = predictor.manifest
    square = to_square(read_image(image), manifest.input_size, manifest.geometry)[np.newaxis]
    views = tf.concat(symmetric_views(tf.constant(square), predictor.views), 0)
    forward = tf.function(lambda images: predictor.network.model(images, training=False), autograph=False)
    wanted = Wanted(str(image), partial(read_image, image))

    def bare() -> None:
        forward(views).numpy()

    def diagnosis() -> None:
        predictor.predict_each([wanted])

    def everything() -> None:
        (predicted,) = predictor.predict_each([wanted])
        predictor.similar(predicted, image, 8)
        explain(predictor, read_image(image), predicted.prediction.predicted)

    timed: dict[str, Callable[[], None]] = {"bare": bare, "diagnosis": diagnosis, "everything": everything}
    for run in timed.values():
        run()  # traces
    seconds = np.array([[_seconds(run) for run in timed.values()] for _ in range(ROUNDS)])
    print(f"bare forward pass, {predictor.views} views: {np.median(seconds[:, 0]):.3f} s")
    print(f"diagnosis: {np.median(seconds[:, 1] / seconds[:, 0]):.2f} times")
    print(f"with evidence and similar cases: {np.median(seconds[:, 2] / seconds[:, 0]):.2f} times")


def _seconds(run: Callable[[], None]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()

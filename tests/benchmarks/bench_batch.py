"""Images of a folder predicted into tables, against the bare network on squares that lie in memory.

    python -m tests.benchmarks.bench_batch BUNDLE FOLDER OUT [IMAGES]

Both are timed in turns, fifty images each, so that other work on the machine slows both. Prints images a second and
their ratio after each turn. When it is killed and run again with the same OUT, it goes on where it was, as
`skindesk batch` does.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from trainer.batches.folder import list_folder
from trainer.batches.kept import KeptPredictions, identity_of
from trainer.images.decoding import read_square
from trainer.prediction.batch import predict_images
from trainer.prediction.inference import Predictor

_TURN = 50


def main(bundle: Path, folder: Path, out: Path, number: int) -> None:
    """Time both and print the ratio."""
    predictor = Predictor(bundle)
    manifest = predictor.manifest
    images = list_folder(folder, manifest.classes).images[:number]
    predictor.analysed(np.zeros((predictor.at_once, manifest.input_size, manifest.input_size, 3), np.uint8))
    bare = whole = 0.0
    done = 0
    with KeptPredictions(out, identity_of(bundle)) as kept:
        missing = [image for image in images if kept.of(image) is None]
        print(f"{len(images) - len(missing):,} of {len(images):,} images are there")
        for begin in range(0, len(missing), _TURN):
            turn = missing[begin : begin + _TURN]
            squares = np.stack(
                [read_square(Path(image.path), manifest.input_size, manifest.geometry) for image in turn]
            )
            started = time.perf_counter()
            predictor.analysed(squares)
            bare += time.perf_counter() - started
            started = time.perf_counter()
            predict_images(predictor, turn, kept)
            whole += time.perf_counter() - started
            done += len(turn)
            print(
                f"{done:5,} images: bare {done / bare:.2f}/s, folder {done / whole:.2f}/s, {bare / whole:.3f} of it",
                flush=True,
            )


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        Path(sys.argv[3]),
        int(sys.argv[4]) if len(sys.argv) > 4 else 1000,
    )

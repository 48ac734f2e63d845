"""Images of a folder predicted into tables, against the bare network on squares that lie in memory.

    python -m tests.benchmarks.bench_batch BUNDLE FOLDER [IMAGES]

Both are timed in turns, a hundred images each, so that other work on the machine slows both. Prints images a second and
their ratio; writing the tables is timed apart.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from trainer.batches.folder import list_folder
from trainer.batches.kept import KeptPredictions, identity_of
from trainer.batches.table import Row, network_facts, write_tables
from trainer.images.decoding import read_square
from trainer.prediction.batch import predict_images
from trainer.prediction.inference import Predictor

_TURN = 100


def main(bundle: Path, folder: Path, number: int) -> None:
    """Time both and print the ratio."""
    predictor = Predictor(bundle)
    manifest = predictor.manifest
    images = list_folder(folder, manifest.classes).images[:number]
    predictor.analysed(np.zeros((predictor.at_once, manifest.input_size, manifest.input_size, 3), np.uint8))
    bare = whole = 0.0
    with tempfile.TemporaryDirectory() as out, KeptPredictions(Path(out), identity_of(bundle)) as kept:
        for begin in range(0, len(images), _TURN):
            turn = images[begin : begin + _TURN]
            squares = np.stack(
                [read_square(Path(image.path), manifest.input_size, manifest.geometry) for image in turn]
            )
            started = time.perf_counter()
            predictor.analysed(squares)
            bare += time.perf_counter() - started
            started = time.perf_counter()
            predict_images(predictor, turn, kept)
            whole += time.perf_counter() - started
        started = time.perf_counter()
        rows = [Row(prediction) for image in images if (prediction := kept.of(image)) is not None]
        write_tables(Path(out), network_facts(bundle), rows)
        tables = time.perf_counter() - started
    print(f"bare network  {len(images) / bare:6.2f} images/s")
    print(f"folder        {len(images) / whole:6.2f} images/s, {bare / whole:.3f} of the bare network")
    print(f"tables        {tables:6.2f} s for {len(rows):,} images")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1000)

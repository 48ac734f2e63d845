"""How time and memory grow from 1,000 to 10,015 images: import, split, features, twenty epochs of the head.

Each size is a process of its own, so that its peak memory is its own.

usage: python tests/benchmarks/bench_scaling.py [--sizes 1000 3000 10015]
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import peak_mib, real_images

SOURCE = "ham10000_200x150"


def subset(folder: Path, images: int) -> Path:
    """Make a folder of links to the first images of the table."""
    source = real_images(SOURCE)
    with (source / "HAM10000_metadata.csv").open(newline="") as stream:
        head, *rows = csv.reader(stream)
    (folder / "images").mkdir(parents=True)
    files = {path.stem: path for path in source.rglob("*.jpg")}
    # Every k-th row, so that classes keep their shares.
    chosen = [rows[round(k * len(rows) / images)] for k in range(images)]
    for row in chosen:
        (folder / "images" / files[row[1]].name).symlink_to(files[row[1]])
    with (folder / "HAM10000_metadata.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([head, *chosen])
    return folder


def measure(images: int) -> None:
    """Run the phases on so many images and print a line of JSON."""
    from trainer.config import FineTuneStage, HeadSettings, HeadStage, RunConfig
    from trainer.dataset.importing import import_dataset
    from trainer.dataset.splitting import split_dataset
    from trainer.dataset.store import DatasetStore

    figures: dict[str, float] = {"images": images}
    with tempfile.TemporaryDirectory() as name:
        folder = subset(Path(name) / "images", images)
        begun = time.perf_counter()
        import_dataset(folder, Path(name) / "d.db")
        figures["import s"] = time.perf_counter() - begun
        begun = time.perf_counter()
        with DatasetStore.open(Path(name) / "d.db") as store:
            split_dataset(store)
            figures["split s"] = time.perf_counter() - begun
            figures["dataset peak MiB"] = peak_mib()
            from trainer.training.loop import train  # the memory before it is a figure of its own

            figures["tensorflow MiB"] = peak_mib()
            config = RunConfig(
                backbone="densenet121",
                input_size=64,
                weights="random",
                stages=("head",),
                head=HeadSettings(),
                head_stage=HeadStage(epochs=20, views=1),
                fine_tune_stage=FineTuneStage(),
            )
            begun = time.perf_counter()
            train(store, Path(name) / "run", config, cache_folder=Path(name) / "cache")
            figures["features and head s"] = time.perf_counter() - begun
            figures["training peak MiB"] = peak_mib()
    print(json.dumps(figures))


def main() -> None:
    """Run every size in a child process and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 3000, 10015])
    parser.add_argument("--measure", type=int)
    chosen = parser.parse_args()
    if chosen.measure:
        measure(chosen.measure)
        return
    rows = []
    for images in chosen.sizes:
        words = [sys.executable, __file__, "--measure", str(images)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(json.dumps(rows[-1]), flush=True)
    first, last = rows[0], rows[-1]
    print(f"{last['images'] / first['images']:.1f} times the images:")
    for name in first:
        if name != "images":
            print(f"  {name}: {first[name]:.1f} -> {last[name]:.1f}, {last[name] / first[name]:.1f} times")


if __name__ == "__main__":
    main()

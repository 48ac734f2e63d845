"""What the benchmarks share: where data and weights are, and how figures are shown."""

from __future__ import annotations

import os
import resource
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.devices.choosing import choose_device, resolve_precision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.devices.choosing import FinalPrecision

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def real_images(name: str) -> Path:
    """Return a folder of real images, or end with a sentence."""
    folder = SHARED / name
    if not folder.is_dir():
        raise SystemExit(f"This benchmark needs the images in {folder}.")
    return folder


def weights_dir() -> Path | None:
    """Return the folder with ImageNet weights, if one is named."""
    named = os.environ.get("SKINDESK_WEIGHTS_DIR")
    return Path(named) if named else None


def cpu_precision() -> FinalPrecision:
    """Return the precision that a run with `auto` computes in on this machine's CPU."""
    return resolve_precision("auto", choose_device("cpu"))


class Watch:
    """Seconds of a block, once it is over."""

    seconds = 0.0


@contextmanager
def timed(what: str) -> Iterator[Watch]:
    """Time a block and print it."""
    watch, begun = Watch(), time.perf_counter()
    yield watch
    watch.seconds = time.perf_counter() - begun
    print(f"  {what}: {watch.seconds:.1f} s", flush=True)


def peak_mib() -> float:
    """Return this process's largest memory so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

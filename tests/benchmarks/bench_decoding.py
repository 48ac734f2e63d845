"""Memory and time of decoding, as ratios to the bytes of the decoded picture and to those of an ordinary JPEG.

usage: python tests/benchmarks/bench_decoding.py [FILE...] [--megapixels 200]

Without files it makes large ones of each kind. Every file is decoded in a process of its own (Linux).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

MEASURE = r"""
import json, re, sys, time
from pathlib import Path
import PIL.ImageCms, tifffile
from trainer.errors import ImageError
from trainer.images.decoding import read_image

def peak_mib():  # `getrusage` would count the process that started this one
    return int(re.search("VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024

before, begun = peak_mib(), time.process_time()
try:
    pixels, outcome = read_image(Path(sys.argv[1])).size, ""
except ImageError as error:
    pixels, outcome = 0, str(error)
print(json.dumps([peak_mib() - before, time.process_time() - begun, pixels, outcome]))
"""


def picture(width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a slope of colours with some noise, uint8 (height, width, 3)."""
    noise = np.random.default_rng(0).integers(0, 12, (1, width, 3), dtype=np.uint8)
    down = np.linspace(0, 120, height).astype(np.uint8)[:, None, None]
    across = np.linspace(0, 100, width).astype(np.uint8)[None, :, None]
    return down + across + noise


def made(folder: Path, megapixels: float) -> list[Path]:
    """Write an image of each kind and return their paths."""
    width = round((megapixels * 1e6 * 1.25) ** 0.5)
    height = round(megapixels * 1e6 / width)
    pixels = picture(width, height)
    image = Image.fromarray(pixels)
    image.crop((0, 0, 600, 450)).save(folder / "ordinary.jpg", quality=90)
    image.save(folder / "baseline.jpg")
    image.save(folder / "progressive.jpg", progressive=True)
    image.save(folder / "progressive-4-4-4.jpg", progressive=True, subsampling=0)
    image.convert("L").save(folder / "progressive-grey.jpg", progressive=True)
    part = min(1.0, (80 / megapixels) ** 0.5)
    image.crop((0, 0, round(width * part), round(height * part))).save(folder / "largest.webp", method=0)
    image.save(folder / "rgb.png", compress_level=1)
    image.save(folder / "rgb.tif")
    image.save(folder / "lzw.tif", compression="tiff_lzw")
    image.convert("CMYK").save(folder / "cmyk.tif")
    tifffile.imwrite(folder / "16-bit.tif", pixels.astype(np.uint16) << 8, photometric="rgb")
    tifffile.imwrite(folder / "float.tif", pixels[..., 0].astype(np.float32))
    return sorted(folder.iterdir(), key=lambda path: path.stat().st_size)


def main() -> None:
    """Decode each file and print a row for it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--megapixels", type=float, default=200)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for path in chosen.files or made(Path(folder), chosen.megapixels):
            done = subprocess.run(
                [sys.executable, "-c", MEASURE, str(path.resolve())],
                capture_output=True,
                text=True,
                check=True,
                cwd=Path(__file__).parents[2],
            )
            mib, seconds, size, outcome = json.loads(done.stdout)
            row = f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {mib:.0f} MiB, {seconds:.2f} s"
            if size:
                row += f"; {mib * 2**20 / size:.2f} bytes and {seconds / size * 1e9:.1f} ns per byte of RGB"
            print(f"{row}{outcome and '; '}{outcome}", flush=True)


if __name__ == "__main__":
    main()

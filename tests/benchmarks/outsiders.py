"""Images that are no dermatoscopic photographs of lesions, by kind; some kinds choose a score, the others judge it.

Photographs, histology and retina are crops of pictures that ship with scikit-image, scikit-learn and matplotlib
(`pip install scikit-image`); the rest is drawn. Crops of one picture are not independent: `source` names the picture.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
import numpy as np
import sklearn
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

CHOOSING = ("text", "gradient", "noise")
_SIDE = 224
_WORDS = [
    "patient",
    "lesion",
    "skin",
    "biopsy",
    "margin",
    "of",
    "the",
    "and",
    "with",
    "result",
    "report",
    "page",
    "network",
    "left",
    "right",
    "arm",
    "back",
    "date",
    "size",
    "dermatoscopic",
    "melanoma",
    "nevus",
    "follow",
    "up",
    "benign",
    "control",
    "excision",
    "name",
    "street",
    "invoice",
    "total",
]
_PAPER = (
    ((255, 255, 255), (0, 0, 0)),
    ((250, 245, 230), (30, 30, 60)),
    ((20, 20, 20), (240, 240, 240)),
    ((230, 180, 150), (60, 30, 20)),
    ((255, 224, 196), (120, 60, 40)),
)


class Outsider(NamedTuple):
    """An image.

    Attributes:
        kind: what it is.
        source: the picture it was cut from; a number of its own where it was drawn.
        pixels: uint8 (h, w, 3).
    """

    kind: str
    source: str
    pixels: Pixels


def outsiders(lesions: list[Pixels], each: int = 150, seed: int = 1) -> Iterator[Outsider]:
    """Yield all outsiders.

    Args:
        lesions: squares of real lesions, whose patches are shuffled.
        each: number of drawn images of each kind.
        seed: of what is drawn.
    """
    generator = np.random.default_rng(seed)
    drawn: dict[str, Callable[[np.random.Generator], Pixels]] = {
        "text": _text,
        "gradient": _gradient,
        "noise": _noise,
        "drawing": _drawing,
        "chart": _chart,
    }
    for kind, draw in drawn.items():
        for number in range(each if kind != "chart" else each // 3):
            yield Outsider(kind, f"{kind} {number}", draw(generator))
    for grid in (2, 4, 8):
        for number, square in enumerate(lesions):
            yield Outsider(f"shuffled {grid} x {grid}", str(number), _shuffled(square, grid, generator))
    yield from _pictures(generator)


def degraded_lesions(lesions: list[Pixels]) -> Iterator[Outsider]:
    """Yield lesions as poorer cameras would show them, and on darker skin: what should not be flagged for its colour."""
    for number, square in enumerate(lesions):
        for kind, stops in (("skin half as light", 0.86), ("skin a third as light", 1.58)):
            light = (square / 255.0) ** 2.2 * 2.0**-stops * np.array([1.0, 0.85, 0.72]) ** stops
            yield Outsider(kind, str(number), (np.clip(light, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8))
        image = Image.fromarray(square)
        for radius in (1, 2, 4):
            blurred = image.filter(ImageFilter.GaussianBlur(radius))
            yield Outsider(f"blurred by {radius}", str(number), np.asarray(blurred))
        yield Outsider("a seventh of the light", str(number), (square * 0.15).astype(np.uint8))
        yield Outsider("overexposed", str(number), np.clip(square * 2.2 + 40, 0, 255).astype(np.uint8))


def _text(generator: np.random.Generator) -> Pixels:
    fonts = sorted((Path(mpl.get_data_path()) / "fonts/ttf").glob("DejaVu*.ttf"))
    width, height = (int(side) for side in generator.integers(300, 900, 2))
    paper, ink = _PAPER[int(generator.integers(len(_PAPER)))]
    image = Image.new("RGB", (width, height), paper)
    pen = ImageDraw.Draw(image)
    font = ImageFont.truetype(str(fonts[int(generator.integers(len(fonts)))]), int(generator.integers(9, 60)))
    line, y = int(font.size * generator.uniform(1.1, 2.0)), int(generator.integers(0, 40))
    while y < height:
        words = " ".join(generator.choice(_WORDS, 40))
        pen.text((int(generator.integers(0, 30)), y), words, fill=ink, font=font)
        y += line
    if generator.random() < 0.3:
        image = image.rotate(float(generator.uniform(-30, 30)), fillcolor=paper)
    if generator.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(float(generator.uniform(0.5, 2))))
    return np.asarray(image)


def _gradient(generator: np.random.Generator) -> Pixels:
    y, x = np.mgrid[0:_SIDE, 0:_SIDE] / _SIDE
    angle, (cx, cy) = generator.uniform(0, 2 * np.pi), generator.random(2)
    along = x * np.cos(angle) + y * np.sin(angle)
    shape = (
        along,
        np.hypot(x - cx, y - cy),
        np.arctan2(y - cy, x - cx),
        np.sin(6 * generator.uniform(0.5, 3) * along),
    )[int(generator.integers(4))]
    share = ((shape - shape.min()) / (np.ptp(shape) + 1e-9))[..., None]
    first, second = generator.uniform(0, 255, (2, 3))
    if generator.random() < 0.5:  # the colours of skin
        first = np.array([235, 190, 170]) + generator.normal(0, 15, 3)
        second = np.array([140, 90, 70]) + generator.normal(0, 25, 3)
    return np.clip(first + (second - first) * share, 0, 255).astype(np.uint8)


def _noise(generator: np.random.Generator) -> Pixels:
    kind = generator.integers(4)
    if kind == 0:
        values = generator.uniform(0, 255, (_SIDE, _SIDE, 3))
    elif kind == 1:
        values = np.repeat(generator.normal(128, 50, (_SIDE, _SIDE, 1)), 3, 2)
    elif kind == 2:
        coarse = int(generator.integers(4, 40))
        seeds = generator.integers(0, 256, (coarse, coarse, 3), dtype=np.uint8)
        values = np.asarray(
            Image.fromarray(seeds).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC), dtype=float
        )
    else:  # of the spectrum of natural images, in the colour of skin
        spectrum = np.fft.rfft2(generator.normal(size=(3, _SIDE, _SIDE)))
        radius = np.hypot(np.fft.fftfreq(_SIDE)[:, None], np.fft.rfftfreq(_SIDE)[None])
        radius[0, 0] = 1
        pink = np.fft.irfft2(spectrum / radius ** generator.uniform(0.7, 1.6), s=(_SIDE, _SIDE))
        pink = (pink - pink.mean()) / pink.std()
        values = np.array([220, 170, 150]) + generator.uniform(15, 50) * np.moveaxis(pink, 0, 2)
    return np.clip(values, 0, 255).astype(np.uint8)


def _drawing(generator: np.random.Generator) -> Pixels:
    side = int(generator.integers(_SIDE, 600))
    skin = np.array([230, 185, 160]) + generator.normal(0, 10, 3)
    paper = generator.uniform(180, 256, 3) if generator.random() < 0.6 else skin
    image = Image.new("RGB", (side, side), tuple(int(v) for v in paper))
    pen = ImageDraw.Draw(image)
    kind = generator.integers(4)
    for _ in range(int(generator.integers(1, 12))):
        colour = tuple(int(v) for v in generator.uniform(0, 255, 3))
        corner, size = generator.uniform(0, 0.8 * side, 2), generator.uniform(0.05 * side, 0.6 * side, 2)
        box = (*corner, *(corner + size))
        filled = colour if generator.random() < 0.6 else None
        points = [tuple(point) for point in generator.uniform(0, side, (int(generator.integers(3, 8)), 2))]
        width = int(generator.integers(1, 9))
        if kind == 0:
            pen.ellipse(box, fill=filled, outline=colour, width=width)
        elif kind == 1:
            pen.rectangle(box, fill=filled, outline=colour, width=width)
        elif kind == 2:
            pen.line(points, fill=colour, width=width)
        else:
            pen.polygon(points, fill=colour)
    return np.asarray(image)


def _chart(generator: np.random.Generator) -> Pixels:
    figure = Figure(figsize=(4, 4), dpi=int(generator.integers(60, 130)))
    axes = figure.subplots()
    kind = generator.integers(4)
    if kind == 0:
        axes.plot(generator.normal(size=(30, 3)).cumsum(0))
    elif kind == 1:
        axes.bar(range(8), generator.random(8), color=generator.random((8, 3)))
    elif kind == 2:
        axes.pie(generator.random(5))
    else:
        axes.imshow(generator.random((8, 8)))
    buffer = io.BytesIO()
    figure.savefig(buffer)
    return np.asarray(Image.open(buffer).convert("RGB"))


def _shuffled(square: Pixels, grid: int, generator: np.random.Generator) -> Pixels:
    tile = len(square) // grid
    side = tile * grid
    tiles = square[:side, :side].reshape(grid, tile, grid, tile, 3).transpose(0, 2, 1, 3, 4)
    mixed = tiles.reshape(grid * grid, tile, tile, 3)[generator.permutation(grid * grid)]
    again: Pixels = mixed.reshape(grid, grid, tile, tile, 3).transpose(0, 2, 1, 3, 4).reshape(side, side, 3)
    return again


def _pictures(generator: np.random.Generator) -> Iterator[Outsider]:
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    of_sklearn = Path(sklearn.__file__).parent / "datasets/images"
    photographs = "astronaut.png brick.png camera.png chelsea.png coffee.png coins.png grass.png gravel.png"
    photographs += " motorcycle_left.png moon.png rocket.jpg hubble_deep_field.jpg"
    files = {
        "photograph": [
            *(folder / name for name in photographs.split()),
            *(of_sklearn / name for name in ("china.jpg", "flower.jpg")),
            Path(mpl.get_data_path()) / "sample_data/grace_hopper.jpg",
        ],
        "histology": [folder / "ihc.png", folder / "cell.png"],
        "retina": [folder / "retina.jpg", folder / "microaneurysms.png"],
        "scanned text": [folder / "page.png", folder / "text.png"],
    }
    for kind, paths in files.items():
        crops = 10 if kind == "photograph" else 20
        for path in paths:
            picture = np.asarray(Image.open(path).convert("RGB"))
            yield Outsider(kind, path.name, picture)
            for _ in range(crops - 1):
                side = int(min(picture.shape[:2]) * generator.uniform(0.35, 0.9))
                top, left = (int(generator.integers(0, length - side + 1)) for length in picture.shape[:2])
                yield Outsider(kind, path.name, picture[top : top + side, left : left + side])

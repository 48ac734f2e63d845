from __future__ import annotations

import itertools
import subprocess
import sys
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from trainer import RESEARCH_ONLY
from trainer.errors import StorageError, TrainerError
from trainer.events import EpochEnded, PartMetrics
from trainer.figures.curves import Scored, precision_recall_page, roc_page
from trainer.figures.evaluation import draw_evaluation
from trainer.figures.fonts import families_for, legible
from trainer.figures.history import draw_history
from trainer.figures.matrix import cells_of, confusion_page
from trainer.figures.page import own_style
from trainer.metrics.classification import Metrics, compute_metrics
from trainer.palette import CLASS_COLOURS, MORE_COLOURS, class_colour

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from trainer.config import StageName

CLASSES = tuple(sorted(CLASS_COLOURS))
MALIGNANT = ("akiec", "bcc", "mel")
PICTURES = ["confusion_matrix.png", "precision_recall.png", "reliability.png", "roc.png"]


def evaluation(classes: tuple[str, ...] = CLASSES, n: int = 300) -> tuple[np.ndarray, np.ndarray, Metrics]:
    """Return truth (n,), probabilities (n, c) and their metrics; the last class has no image."""
    generator = np.random.default_rng(0)
    truth = np.arange(n) % (len(classes) - 1)
    scores = generator.normal(size=(n, len(classes))) + 2 * np.eye(len(classes))[truth]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    groups = (np.arange(n) // 2).astype(str)
    metrics = compute_metrics(truth, probabilities, scores.argmax(axis=1), classes, groups, bootstrap=50)
    return truth, probabilities, metrics


def epoch(stage: StageName, number: int, value: float, *, best: bool = False) -> EpochEnded:
    part = PartMetrics(loss=1 - value, accuracy=value, macro_recall=value, recall={"mel": value})
    return EpochEnded(
        stage=stage, epoch=number, train=part, validation=part, learning_rate=1e-3, seconds=1.0, best=best
    )


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text)]


def colour_counts(path: Path) -> dict[str, int]:
    """Count the pixels of each colour `#RRGGBB` in a PNG."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        counts = image.convert("RGB").getcolors(maxcolors=1 << 24)
    assert counts is not None
    return {
        "#{:02X}{:02X}{:02X}".format(*colour): count for count, colour in counts if isinstance(colour, tuple)
    }


def luminance(colour: str) -> float:
    """Relative luminance of `#RRGGBB` (WCAG 2)."""
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of linear sRGB."""
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.072175],
        [0.0193339, 0.119192, 0.9503041],
    ]
    ratios = np.array(to_xyz) @ np.clip(rgb, 0, 1) / [0.95047, 1.0, 1.08883]
    root = np.where(ratios > 0.008856, np.cbrt(ratios), 7.787 * ratios + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


EYES = {  # Machado, Oliveira and Fernandes 2009, severity 1, on linear sRGB
    "normal": np.eye(3),
    "protanopic": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopic": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.01182, 0.04294, 0.968881],
    ],
    "tritanopic": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.3039],
    ],
}


@pytest.mark.parametrize("eyes", EYES)
def test_class_colours_differ_for_every_eye(eyes: str) -> None:
    def nearest(colours: list[str]) -> float:
        seen = [lab(np.array(EYES[eyes]) @ linear(colour)) for colour in colours]
        return min(float(np.linalg.norm(one - other)) for one, other in itertools.combinations(seen, 2))

    assert nearest(list(CLASS_COLOURS.values())) >= 25
    assert nearest([*CLASS_COLOURS.values(), *MORE_COLOURS]) >= 17.5


def test_class_colours_stand_out_from_white() -> None:
    for colour in (*CLASS_COLOURS.values(), *MORE_COLOURS):
        assert 1.05 / (luminance(colour) + 0.05) >= 3.0


def test_a_class_has_its_colour_in_every_list() -> None:
    assert class_colour("mel", CLASSES) == class_colour("MEL", ("nv", "MEL")) == CLASS_COLOURS["mel"]
    wider = (*CLASSES, "scc", "unk", "other", "scar")
    colours = {name: class_colour(name, wider) for name in wider}
    assert len(set(colours.values())) == 11
    assert {name: class_colour(name, wider[::-1]) for name in wider} == colours
    own = tuple(f"class {letter}" for letter in "abcdefghijklmno")
    assert len({class_colour(name, own) for name in own}) == 11


def test_evaluation_is_drawn_as_png_files_and_nothing_else(tmp_path: Path) -> None:
    truth, probabilities, metrics = evaluation()
    folder = tmp_path / "new" / "report"
    paths = draw_evaluation(folder, truth, probabilities, metrics, malignant=MALIGNANT)
    assert sorted(path.name for path in paths) == PICTURES
    assert sorted(path.name for path in folder.iterdir()) == PICTURES
    for path in paths:
        counts = colour_counts(path)
        assert counts["#FFFFFF"] > 0.3 * sum(counts.values())
        assert len(counts) > 50
        assert path.name == "reliability.png" or counts[CLASS_COLOURS["mel"]] > 100


def test_the_same_data_gives_the_same_file_whatever_style_is_set(tmp_path: Path) -> None:
    history = [epoch("head", number, 0.1 * number, best=True) for number in range(1, 5)]
    first = draw_history(tmp_path / "first.png", history)
    with mpl.rc_context({"axes.facecolor": "black", "font.size": 30}):
        second = draw_history(tmp_path / "second.png", history)
        assert mpl.rcParams["font.size"] == 30
    assert first.read_bytes() == second.read_bytes()


def test_drawing_leaves_pyplot_and_tensorflow_alone(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from trainer.figures.history import draw_history; from trainer.events import *;"
        "part = PartMetrics(loss=1.0, accuracy=0.5, macro_recall=0.5, recall={});"
        "event = EpochEnded(stage='head', epoch=1, train=part, validation=part, learning_rate=0.1, seconds=1.0,"
        " best=True);"
        "assert 'matplotlib' not in sys.modules;"
        f"draw_history(pathlib.Path({str(tmp_path / 'curves.png')!r}), [event]);"
        "assert not {'matplotlib.pyplot', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert (tmp_path / "curves.png").is_file()


@pytest.mark.parametrize("draw", [roc_page, precision_recall_page])
def test_curves_name_every_class_and_tell_malignant_ones_by_word_and_line(draw: object) -> None:
    truth, probabilities, metrics = evaluation()
    assert callable(draw)
    figure = draw(Scored(truth, probabilities, metrics, MALIGNANT))
    written = texts(figure)
    assert set(CLASSES[:-1]) <= set(written)
    assert {"Malignant classes", "Other classes", RESEARCH_ONLY} <= set(written)
    assert any("No curve, because there are too few images: vasc" in text for text in written)
    curves = [line for line in figure.axes[0].lines if np.size(line.get_xdata()) > 2]
    style = {line.get_color(): line.get_linestyle() for line in curves}
    assert {style[CLASS_COLOURS[name]] for name in MALIGNANT} == {"-"}
    assert {style[CLASS_COLOURS[name]] for name in ("bkl", "df", "nv")} == {"--"}


def test_precision_recall_curve_encloses_the_average_precision() -> None:
    truth, probabilities, metrics = evaluation()
    figure = precision_recall_page(Scored(truth, probabilities, metrics, MALIGNANT))
    lines = [line for line in figure.axes[0].lines if np.size(line.get_xdata()) > 2]
    line = next(line for line in lines if line.get_color() == CLASS_COLOURS["mel"])
    recall, precision = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert line.get_drawstyle() == "steps-pre"
    area = float((np.diff(recall) * precision[1:]).sum())
    assert f"{area:.3f}" in texts(figure)


@pytest.mark.parametrize(
    ("classes", "truth"),
    [
        (("nv", "mel"), [0, 0, 1]),
        (("nv", "mel"), [0, 0, 0]),
        (("a$b$ of a long name", "c_d", "黑色素瘤"), [0, 1, 2]),
    ],
)
def test_awkward_sets_are_drawn_without_a_warning(
    tmp_path: Path, classes: tuple[str, ...], truth: list[int]
) -> None:
    probabilities = np.full((3, len(classes)), 0.1)
    probabilities[:, 0] = 1.1 - 0.1 * len(classes)
    metrics = compute_metrics(truth, probabilities, [0, 0, 0], classes, ["x", "y", "z"], bootstrap=20)
    assert len(draw_evaluation(tmp_path, truth, probabilities, metrics, malignant=("mel",))) == 4


def test_of_very_many_classes_the_most_frequent_are_drawn_and_the_others_said(tmp_path: Path) -> None:
    classes = tuple(f"class {number:03d} of a long list of names" for number in range(114))
    truth, probabilities, metrics = evaluation(classes, n=1000)
    scored = Scored(truth, probabilities, metrics, classes[:2])
    for figure in (roc_page(scored), precision_recall_page(scored)):
        named = {text for text in texts(figure) if text.startswith("class ")}
        assert len(named) == 16
        assert any(
            "The 16 classes with most images; 98 others are not drawn." in text for text in texts(figure)
        )
        figure.draw_without_rendering()
        rows = [
            text.get_window_extent()
            for text in figure.findobj(Text)
            if isinstance(text, Text) and text.get_text() in named
        ]
        assert not any(one.overlaps(other) for one, other in itertools.combinations(rows, 2))
    for path in draw_evaluation(tmp_path, truth, probabilities, metrics):
        with Image.open(path) as image:
            assert max(image.size) < 3000, path.name


def test_the_matrix_of_very_many_classes_adds_the_others_up() -> None:
    classes = tuple(f"class {number:03d}" for number in range(114))
    _, _, metrics = evaluation(classes, n=1000)
    cells = cells_of(metrics)
    assert cells.counts.sum() == metrics.n
    assert cells.names[-1] == "98 others"
    assert cells.counts[0, 0] == metrics.confusion_matrix[0][0]
    assert cells.counts[0].sum() == metrics.per_class[classes[0]].support
    assert cells.note.startswith("The 16 classes with most images; the other 98 are added up,")
    _, _, few = evaluation()
    assert cells_of(few).names == CLASSES
    assert cells_of(few).note == ""


@pytest.mark.parametrize("name", ["黑色素瘤", "سرطان", "मेलेनोमा"])
def test_class_names_of_every_script_are_drawn_where_a_font_has_them(name: str) -> None:
    from matplotlib.font_manager import findfont, fontManager, get_font

    letters = {ord(letter) for letter in name}
    having = {font.name for font in fontManager.ttflist if letters <= set(get_font(font.fname).get_charmap())}
    if not having:
        pytest.skip(f"no font of this machine has the letters of {name}")
    families = families_for(f"nevus {name}")
    assert families[0] == "DejaVu Sans"  # what is written in Latin letters looks the same on every machine
    found = set().union(*(get_font(findfont(family)).get_charmap() for family in families))
    assert letters <= found
    assert families_for("nevus") == ["DejaVu Sans"]


def test_letters_that_no_font_has_are_drawn_as_numbers() -> None:
    odd = "nevus \ue0f7\U000f1234"
    assert legible(odd) == "nevus [U+E0F7 U+F1234]"
    truth, probabilities, metrics = evaluation(("mel", odd))
    scored = Scored(truth, probabilities, metrics, ("mel",))
    for figure in (roc_page(scored), precision_recall_page(scored), confusion_page(metrics, ("mel",))):
        shown = "".join(texts(figure))
        assert "nevus [U+E0F7 U+F1234]" in shown
        assert "\ue0f7" not in shown
    with own_style(letters=odd):
        assert "Last Resort High-Efficiency" not in mpl.rcParams["font.family"]
    assert legible("größe, naïve, \u202b") == "größe, naïve, \u202b"


@pytest.mark.parametrize("epochs", [1, 3, 60])
def test_history_is_drawn_for_any_number_of_epochs(tmp_path: Path, epochs: int) -> None:
    history = [epoch("head", number, 0.5, best=number == 1) for number in range(1, epochs + 1)]
    history += [epoch("fine-tune", number, 0.9, best=number == 1) for number in range(1, epochs)]
    path = draw_history(tmp_path / "runs" / "learning_curves.png", history)
    assert path == tmp_path / "runs" / "learning_curves.png"
    assert "#1F5FA8" in colour_counts(path)
    assert [file.name for file in path.parent.iterdir()] == ["learning_curves.png"]


def test_nothing_to_draw_and_nowhere_to_write_are_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="has not finished an epoch"):
        draw_history(tmp_path / "curves.png", [])
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="Cannot write"):
        draw_history(tmp_path / "file" / "curves.png", [epoch("head", 1, 0.5)])

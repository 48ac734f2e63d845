"""Maps of evidence are maps of the network and of the class (Adebayo et al. 2018), and `explain` draws them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy import ndimage

from trainer.config import HeadSettings
from trainer.images.evidence import EvidenceMap, fine_map, heat_colours, outlines
from trainer.images.framing import network_square
from trainer.network.evidence import evidence_graph
from trainer.network.network import Network

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from tests.trainer.shell import Shell

SIDE, PATCH = 32, 8
COLOURS = ((200, 40, 40), (40, 40, 200))
"""Of the patch of each class."""


def patches(count: int, *classes: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draw grey noise with a patch of each of some classes, each in a quarter of its own.

    Returns:
        uint8 (count, 32, 32, 3), and where the patches lie: bool (len(classes), count, 32, 32).
    """
    generator = np.random.default_rng(seed)
    images = generator.normal(128, 25, (count, SIDE, SIDE, 3)).clip(0, 255).astype(np.uint8)
    where = np.zeros((len(classes), count, SIDE, SIDE), np.bool_)
    for k in range(count):
        quarters = generator.permutation(4)[: len(classes)]
        for place, (class_index, quarter) in enumerate(zip(classes, quarters, strict=True)):
            y, x = generator.integers(0, SIDE // 2 - PATCH, 2) + SIDE // 2 * np.array(divmod(int(quarter), 2))
            where[place, k, y : y + PATCH, x : x + PATCH] = True
            images[k][where[place, k]] = COLOURS[class_index]
    return images, where


def new_network(seed: int) -> Network:
    network = Network("tiny", 2, HeadSettings(dense=()), seed=seed)
    network.estimate_statistics([patches(32, 0, seed=1)[0], patches(32, 1, seed=2)[0]])
    return network


@pytest.fixture(scope="module")
def learned() -> Network:
    """A network that tells red patches from blue ones."""
    network = new_network(seed=1)
    images = np.concatenate([patches(64, k, seed=10 + k)[0] for k in (0, 1)])
    truth = np.repeat([0, 1], 64)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.model.compile(keras.optimizers.Adam(0.02), loss)
    network.model.fit(images, truth, batch_size=32, epochs=12, verbose=0)
    assert (network.model(images).numpy().argmax(axis=1) == truth).mean() > 0.98
    return network


def maps_of(network: Network, images: NDArray[np.uint8], class_index: int, views: int = 4) -> list[Any]:
    return [each.numpy() for each in evidence_graph(network, views)(images, np.int32(class_index))]


def enlarged(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.kron(maps, np.ones((1, SIDE // maps.shape[1], SIDE // maps.shape[2])))


def test_the_map_of_each_class_lies_on_its_own_pattern(learned: Network) -> None:
    images, where = patches(24, 0, 1, seed=20)
    for class_index in (0, 1):
        around = ndimage.binary_dilation(
            where[class_index], np.ones((1, 7, 7))
        )  # what a unit sees is 7 pixels wide
        other = where[1 - class_index]
        for maps in maps_of(learned, images, class_index):
            values = enlarged(maps)
            whole = values.sum(axis=(1, 2))
            assert np.median((values * around).sum(axis=(1, 2)) / whole) > 0.6  # of 17 % of the area
            assert np.median((values * other).sum(axis=(1, 2)) / whole) < 0.02
            peaks = values.reshape(len(values), -1).argmax(axis=1)
            assert around.reshape(len(values), -1)[np.arange(len(values)), peaks].mean() > 0.95


def test_the_map_changes_when_weights_are_randomised(learned: Network) -> None:
    images, _ = patches(24, 0, 1, seed=30)
    graph, kept = evidence_graph(learned, 4), learned.arrays()
    trained = graph(images, np.int32(0))
    alike: list[list[float]] = []  # of both maps, for each random network
    for seed in range(2, 8):
        learned.assign(new_network(seed).arrays())
        alike.append([similarity(*pair) for pair in zip(trained, graph(images, np.int32(0)), strict=True)])
    learned.assign(kept)
    assert max(np.mean(alike, axis=0)) < 0.4
    again = graph(images, np.int32(0))
    assert min(similarity(*pair) for pair in zip(trained, again, strict=True)) > 0.999


def similarity(first: tf.Tensor, second: tf.Tensor) -> float:
    """Return the median correlation of the maps of each image; 0 where one of them is even."""
    pairs = zip(first.numpy(), second.numpy(), strict=True)
    return float(
        np.median([np.corrcoef(a.flat, b.flat)[0, 1] if a.std() and b.std() else 0.0 for a, b in pairs])
    )


def test_a_map_turns_with_its_image(learned: Network) -> None:
    images, _ = patches(3, 0, seed=40)
    turned = np.ascontiguousarray(np.rot90(images, axes=(1, 2)))
    for before, after in zip(*(maps_of(learned, each, 0, views=8) for each in (images, turned)), strict=True):
        np.testing.assert_allclose(np.rot90(before, axes=(1, 2)), after, atol=1e-4)


def test_another_class_is_not_traced_again(learned: Network) -> None:
    graph = evidence_graph(learned, 1)
    images, _ = patches(2, 0, seed=50)
    red, blue = (graph(images, np.int32(k))[0].numpy() for k in (0, 1))
    assert not np.allclose(red, blue)
    graph(images[:1], np.int32(0))
    assert graph.experimental_get_tracing_count() == 1


def test_a_map_is_shown_smoothly_and_clear_where_there_is_nothing() -> None:
    evidence = EvidenceMap(method="grad-cam", grid=((0.0, 0.0), (0.0, 1.0)))
    values = fine_map(evidence, 64)
    assert values.shape == (64, 64)
    assert (values.min(), values.max()) == (0.0, 1.0)
    assert values[:32, :32].max() < values[32:, 32:].mean()
    painted = heat_colours(values, 0.5)
    assert painted[0, 0, 3] < 8
    assert painted[-1, -1, 3] == 128
    (line,) = outlines(evidence, 64)
    assert 0.4 < line.min() < 0.6
    assert line.max() == 1.0
    np.testing.assert_array_equal(line[0], line[-1])
    assert not evidence.empty
    assert EvidenceMap(method="grad-cam", grid=((0.0,),)).empty


def test_the_command_draws_a_picture_that_carries_nothing_of_the_file(
    shell: Shell, trained: Path, image_folder: Path, tmp_path: Path
) -> None:
    photograph, picture = tmp_path / "photograph.jpg", tmp_path / "map.png"
    exif = Image.Exif()
    exif[0x010E] = "Jane Doe"  # description
    with Image.open(next((image_folder / "images").glob("*.png"))) as image:
        image.convert("RGB").save(photograph, exif=exif)
    said = shell("explain", trained / "bundle", photograph, "--out", picture)
    assert said.status == 0, said.err
    assert "does not show why" in said.out
    with Image.open(picture) as drawn:
        assert drawn.format == "PNG"
        assert not drawn.getexif()
        assert not {key for key in drawn.info if key != "dpi"}
    assert b"Jane Doe" not in picture.read_bytes()
    answer = json.loads(
        shell(
            *("explain", trained / "bundle", photograph, "--out", picture, "--json"),
            *("--class", "mel", "--method", "hires-cam"),
        ).out
    )
    assert answer["class_name"] == "mel"
    assert answer["area"] == pytest.approx(
        [x / d for x, d in zip(network_square(48, 40, "centre-square"), (48, 40) * 2, strict=True)]
    )
    grid = np.array(answer["grid"])
    assert grid.shape == (16, 16)
    assert grid.max() in {0.0, 1.0}
    prediction = json.loads(shell("predict", trained / "bundle", photograph, "--json").out)[0]
    assert answer["predicted"] == prediction["predicted"]
    assert answer["probability"] == pytest.approx(prediction["probabilities"]["mel"], abs=1e-6)


def test_an_image_of_another_kind_is_said_to_be_one(shell: Shell, trained: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((60, 60, 3), 255, np.uint8)).save(blank := tmp_path / "blank.png")
    words = ("explain", trained / "bundle", blank, "--out", tmp_path / "map.png", "--class", "nv")
    assert shell(*words).out.startswith("Unlike the images this network learned from.")
    assert json.loads(shell(*words, "--json").out)["in_distribution"] is False


def test_what_cannot_be_explained_is_refused(
    shell: Shell, trained: Path, image_folder: Path, tmp_path: Path
) -> None:
    bundle, image = trained / "bundle", next((image_folder / "images").glob("*.png"))
    out = tmp_path / "map.png"
    assert "no class 'melanoma'; choose one of bkl, mel, nv" in shell.refused(
        "explain", bundle, image, "--class", "melanoma", "--out", out
    )
    assert "ends in .png" in shell.refused("explain", bundle, image, "--out", tmp_path / "map.jpg")
    assert "is the image itself" in shell.refused("explain", bundle, image, "--out", image)
    (tmp_path / "text.png").write_text("not a picture")
    assert "text.png" in shell.refused("explain", bundle, tmp_path / "text.png", "--out", out)
    assert not out.exists()

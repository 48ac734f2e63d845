from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.config import Augmentation, Geometry
from trainer.errors import ImageError
from trainer.images.decoding import read_square
from trainer.pipeline.augmentation import sample_keys
from trainer.pipeline.loading import ImageSource, epoch_order, image_batches, in_batches, iterate

CLASSES = np.array([0] * 50 + [1] * 10 + [2] * 3)


@pytest.fixture
def paths(image_folder: Path) -> list[Path]:
    return sorted((image_folder / "images").glob("*.png"))[:20]


def test_an_epoch_shows_every_sample_once_in_an_order_of_its_own() -> None:
    first, second = epoch_order(CLASSES, 0, 0), epoch_order(CLASSES, 0, 1)
    assert sorted(first) == sorted(second) == list(range(63))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, epoch_order(CLASSES, 0, 0))
    assert not np.array_equal(first, epoch_order(CLASSES, 1, 0))


def test_balanced_sampling_draws_classes_equally_often_and_uses_all_samples() -> None:
    order = epoch_order(CLASSES, 0, 0, balanced=True)
    assert np.bincount(CLASSES[order]).tolist() == [21, 21, 21]
    drawn = np.bincount(order, minlength=63)
    assert drawn[60:].tolist() == [7, 7, 7]
    assert set(drawn[50:60]) == {2, 3}


def test_batches_have_one_shape_and_every_sample_counts_once() -> None:
    batches, weights = in_batches(np.arange(10), 4)
    assert batches.shape == weights.shape == (3, 4)
    assert sorted(batches[weights > 0]) == list(range(10))
    batches, weights = in_batches(np.arange(3), 8)
    assert batches.shape == (1, 8)
    assert weights.sum() == 3


def test_squares_are_what_the_decoder_gives_with_and_without_cache(paths: list[Path]) -> None:
    expected = np.stack([read_square(path, 32, Geometry()) for path in paths])
    rows = np.arange(len(paths))
    # 32 * 32 * 3 bytes each: one MiB holds all; none hold at 0.
    for cache_mib in (0, 1):
        source = ImageSource(paths, 32, Geometry(), cache_mib)
        for _ in range(2):
            np.testing.assert_array_equal(source.squares(rows[::-1]), expected[::-1])
        source.close()


def test_the_cache_spares_the_second_reading(tmp_path: Path) -> None:
    file = tmp_path / "image.png"
    Image.new("RGB", (40, 40), (9, 8, 7)).save(file)
    source = ImageSource([file], 32, Geometry(), 1)
    first = source.squares(np.array([0]))
    file.unlink()
    np.testing.assert_array_equal(source.squares(np.array([0])), first)


def test_an_epoch_can_be_entered_in_the_middle(paths: list[Path]) -> None:
    source = ImageSource(paths, 32, Geometry(), 1)
    batches, _ = in_batches(epoch_order(np.zeros(20, dtype=int), 0, 3), 4)
    keys = sample_keys([path.name for path in paths])

    def epoch(part: np.ndarray) -> list[np.ndarray]:
        dataset = image_batches(source, part, augmentation=Augmentation(), keys=keys, run_seed=0, epoch=3)
        return [images.numpy() for images in iterate(source, dataset)]

    whole, rest = epoch(batches), epoch(batches[2:])
    assert len(whole) == 5
    np.testing.assert_array_equal(np.stack(whole[2:]), np.stack(rest))


def test_an_image_that_has_gone_is_named(paths: list[Path], tmp_path: Path) -> None:
    source = ImageSource([*paths[:3], tmp_path / "gone.png"], 32, Geometry(), 0)
    dataset = image_batches(source, np.array([[0, 1], [2, 3]]))
    with pytest.raises(ImageError, match=r"gone\.png"):
        list(iterate(source, dataset))

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import tensorflow as tf

from trainer.config import Augmentation
from trainer.pipeline.augmentation import augment, is_active, sample_keys, seed_pairs

NOTHING = Augmentation(
    flip_horizontal=False,
    flip_vertical=False,
    rotation=0,
    shift=0,
    zoom=0,
    brightness=0,
    contrast=0,
    colour=0,
)


def only(**settings: float) -> Augmentation:
    return msgspec.structs.replace(NOTHING, **settings)


def pictures(count: int = 6, size: int = 32) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    one = np.stack([x * 7, y * 5, (x + y) * 2], axis=-1).clip(0, 255).astype(np.uint8)
    return np.repeat(one[None], count, axis=0)


def seeds(count: int = 6, run: int = 0, epoch: int = 0) -> np.ndarray:
    return seed_pairs(run, epoch, sample_keys([f"sample {k}" for k in range(count)]))


def test_nothing_turned_on_changes_nothing() -> None:
    assert not is_active(NOTHING)
    images = pictures()
    np.testing.assert_array_equal(augment(tf.constant(images), seeds(), NOTHING), images)


def test_an_image_changes_by_its_seed_alone() -> None:
    images, everything = tf.constant(pictures()), Augmentation()
    together = augment(images, seeds(), everything).numpy()
    alone = np.concatenate([augment(images[k : k + 1], seeds()[k : k + 1], everything) for k in range(6)])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together, augment(images, seeds(), everything))
    assert len({picture.tobytes() for picture in together}) == 6


def test_run_epoch_and_sample_each_make_a_difference() -> None:
    images, everything = tf.constant(pictures(1)), Augmentation()
    results = [
        augment(images, seed_pairs(run, epoch, sample_keys([name])), everything).numpy().tobytes()
        for run, epoch, name in ((0, 0, "a"), (1, 0, "a"), (0, 1, "a"), (0, 0, "b"))
    ]
    assert len(set(results)) == 4


def test_flips_are_flips() -> None:
    images = pictures(40)
    changed = augment(tf.constant(images), seeds(40), only(flip_horizontal=True)).numpy()
    plain = [np.array_equal(picture, images[0]) for picture in changed]
    mirrored = [np.array_equal(picture, images[0][:, ::-1]) for picture in changed]
    assert sum(plain) + sum(mirrored) == 40
    assert 8 < sum(plain) < 32
    changed = augment(tf.constant(images), seeds(40), only(flip_vertical=True)).numpy()
    upside_down = [np.array_equal(picture, images[0][::-1]) for picture in changed]
    assert 8 < sum(upside_down) < 32


def test_brightness_stays_within_its_range() -> None:
    images = np.full((30, 8, 8, 3), 128, dtype=np.uint8)
    changed = augment(tf.constant(images), seeds(30), only(brightness=0.1)).numpy().astype(int)
    assert np.abs(changed - 128).max() <= 26
    assert changed.std(axis=0).max() > 5
    assert (changed == changed[:, :1, :1, :1]).all()


def test_contrast_keeps_the_mean() -> None:
    images = pictures(20)
    changed = augment(tf.constant(images), seeds(20), only(contrast=0.2)).numpy().astype(float)
    assert abs(changed.mean(axis=(1, 2, 3)) - images.mean()).max() < 3
    spread = changed.std(axis=(1, 2, 3)) / images.std()
    assert spread.min() < 0.95
    assert spread.max() > 1.02
    assert spread.min() > 0.78


def test_colour_leaves_grey_alone() -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1), 3, axis=-1)
    changed = augment(tf.constant(grey), seeds(1), only(colour=0.5)).numpy().astype(int)
    assert np.abs(changed - grey).max() <= 1
    assert not np.array_equal(augment(tf.constant(pictures()), seeds(), only(colour=0.5)), pictures())


@pytest.mark.parametrize("settings", [only(rotation=180), only(shift=0.2), only(zoom=0.3)])
def test_geometry_moves_the_picture_and_leaves_no_black_corners(settings: Augmentation) -> None:
    y, x = np.mgrid[:32, :32]
    disc = np.where((y - 15.5) ** 2 + (x - 8) ** 2 < 25, 60, 200).astype(np.uint8)
    images = np.repeat(np.repeat(disc[None, :, :, None], 3, axis=-1), 10, axis=0)
    changed = augment(tf.constant(images), seeds(10), settings).numpy()
    assert changed.min() >= 59
    assert len({picture.tobytes() for picture in changed}) == 10


def test_rotation_is_about_the_centre() -> None:
    y, x = np.mgrid[:33, :33]
    disc = np.where((y - 16) ** 2 + (x - 16) ** 2 < 36, 50, 220).astype(np.uint8)
    images = np.repeat(np.repeat(disc[None, :, :, None], 3, axis=-1), 8, axis=0)
    changed = augment(tf.constant(images), seeds(8), only(rotation=180)).numpy().astype(int)
    inner = (y - 16) ** 2 + (x - 16) ** 2 < 16
    outer = (y - 16) ** 2 + (x - 16) ** 2 > 64
    assert np.abs(changed[:, inner] - 50).max() <= 1
    assert np.abs(changed[:, outer] - 220).max() <= 1


def test_keys_are_stable_across_processes() -> None:
    assert sample_keys(["ISIC_0024306"]).tolist() == [2464237082217126045]

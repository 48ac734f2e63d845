from __future__ import annotations

import numpy as np
import pytest

from trainer.dataset.likeness.patterns import bound, cropped, likeness, patterns, posed

POSES = np.arange(8)


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(3).normal(128, 40, (200, 16, 16)).astype(np.float32)


@pytest.mark.parametrize("pose", POSES)
def test_a_picture_is_found_in_its_pose(pictures: np.ndarray, pose: int) -> None:
    first = posed(pictures, np.full(len(pictures), pose))
    alike = likeness(patterns(first), patterns(pictures))
    np.testing.assert_allclose(alike[:, pose], 1, atol=1e-5)
    assert (alike.argmax(axis=1) == pose).all()


def test_the_poses_are_the_turned_and_the_mirrored_pictures(pictures: np.ndarray) -> None:
    (picture, *_) = pictures
    turned = [np.rot90(picture, quarter) for quarter in range(4)]
    expected = {array.tobytes() for turn in turned for array in (turn, turn[:, ::-1])}
    assert {array.tobytes() for array in posed(np.stack([picture] * 8), POSES)} == expected
    for pose, quarter in ((0, 0), (3, 2), (5, 3), (6, 1)):
        np.testing.assert_array_equal(posed(pictures[:1], np.array([pose]))[0], turned[quarter])


def test_no_pose_is_more_alike_than_the_bound(pictures: np.ndarray) -> None:
    first, second = patterns(pictures[:100]), patterns(pictures[100:])
    limit = (bound(first) * bound(second)).sum(axis=1)
    assert (likeness(first, second).max(axis=1) <= limit + 1e-5).all()
    np.testing.assert_allclose((bound(first) ** 2).sum(axis=1), 1, atol=1e-5)


def test_a_crop_is_what_is_left_in_the_same_size() -> None:
    down, right = np.meshgrid(np.arange(64.0), np.arange(64.0), indexing="ij")
    picture = (3 * down + right).astype(np.float32)[None]
    left = cropped(picture, np.array([[0.25, 0.0, 0.125, 0.125]], dtype=np.float32))[0]
    # Rows 16 to 63 and columns 8 to 55 in 64 steps, each read at its middle.
    rows, columns = 15.5 + 0.75 * (np.arange(64) + 0.5), 7.5 + 0.75 * (np.arange(64) + 0.5)
    np.testing.assert_allclose(left, 3 * rows.clip(max=63)[:, None] + columns, rtol=1e-4)
    np.testing.assert_array_equal(cropped(picture, np.zeros((1, 4), dtype=np.float32)), picture)

"""Images turned and cut before they are asked about."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.images import memory
from trainer.images.pixels import Pixels
from trainer.images.turning import cropped, turned


def picture(height: int = 30, width: int = 40) -> Pixels:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_quarter_turns_go_clockwise_and_change_no_pixel() -> None:
    image = picture()
    assert turned(image, 0.0) is not None
    np.testing.assert_array_equal(turned(image, 0.0), image)
    right = turned(image, 90.0)
    assert right.shape == (40, 30, 3)
    # What was the upper left corner is the upper right one.
    np.testing.assert_array_equal(right[0, -1], image[0, 0])
    np.testing.assert_array_equal(turned(image, -90.0), turned(image, 270.0))
    np.testing.assert_array_equal(turned(turned(image, 90.0), -450.0), image)
    np.testing.assert_array_equal(turned(image, 180.0), image[::-1, ::-1])


def test_other_angles_show_all_of_the_image_on_the_colour_of_its_border() -> None:
    image = np.full((60, 60, 3), (200, 150, 120), dtype=np.uint8)
    image[5:15, 25:35] = (20, 10, 10)  # a spot at the top
    result = turned(image, 45.0)
    assert result.shape[0] == pytest.approx(60 * 2**0.5, abs=2)
    assert result.shape[1] == result.shape[0]
    np.testing.assert_array_equal(result[0, 0], (200, 150, 120))
    rows, columns = np.nonzero(result[..., 0] < 100)
    middle = result.shape[0] / 2
    # Turned clockwise by 45 degrees, what was above the centre is above and to the right of it.
    assert rows.mean() < middle - 5
    assert columns.mean() > middle + 5
    assert len(rows) == pytest.approx(100, rel=0.2)


def test_a_part_is_cut_by_shares_of_the_sides() -> None:
    image = picture()
    np.testing.assert_array_equal(cropped(image, (0.0, 0.0, 1.0, 1.0)), image)
    np.testing.assert_array_equal(cropped(image, (0.25, 0.1, 0.5, 0.2)), image[3:9, 10:30])


@pytest.mark.parametrize("crop", [(0.999, 0.999, 0.0, 0.0), (-1.0, 0.5, 9.0, 0.0), (2.0, 2.0, 1.0, 1.0)])
def test_a_part_is_at_least_a_pixel_and_never_outside(crop: tuple[float, float, float, float]) -> None:
    height, width = cropped(picture(), crop).shape[:2]
    assert 1 <= height <= 30
    assert 1 <= width <= 40


def test_a_large_image_is_turned_and_cut_without_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "WHOLE", 100)
    image = picture()
    assert np.shares_memory(turned(image, 90.0), image)
    assert np.shares_memory(cropped(image, (0.0, 0.0, 0.5, 1.0)), image)
    assert not np.shares_memory(cropped(image, (0.0, 0.0, 0.1, 0.1)), image), "it would keep all of the image"


@pytest.mark.parametrize(("height", "width"), [(300, 400), (3, 4000)])
def test_what_would_be_too_large_when_turned_is_shrunk_first(
    height: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.full((height, width, 3), (200, 150, 120), dtype=np.uint8)
    whole = turned(image, 30.0)
    monkeypatch.setattr(memory, "LIMIT", memory.BAND_BYTES + 2_000_000)
    small = turned(image, 30.0)
    assert 10 * small.shape[0] * small.shape[1] < 2_000_000
    assert small.shape[0] / small.shape[1] == pytest.approx(whole.shape[0] / whole.shape[1], rel=0.02)
    np.testing.assert_array_equal(small[0, 0], (200, 150, 120))

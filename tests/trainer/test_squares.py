"""Rectangles become the network's square in one of three ways."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from trainer.config import Geometry
from trainer.images.decoding import decode_image, read_image, read_square, to_square
from trainer.images.squares import reduced

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.images.pixels import Pixels


def picture(height: int, width: int) -> Pixels:
    """Return noise, uint8 (height, width, 3)."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_an_image_of_the_right_size_is_returned_as_it_is() -> None:
    image = picture(64, 64)
    for shape in ("centre-square", "pad", "squash"):
        assert to_square(image, 64, Geometry(shape=shape)) is image


@pytest.mark.parametrize("height_width", [(60, 80), (80, 60), (450, 600), (3, 500)])
@pytest.mark.parametrize("shape", ["centre-square", "pad", "squash"])
@pytest.mark.parametrize("resampling", ["bilinear", "bicubic", "lanczos"])
def test_squares_have_their_size(height_width: tuple[int, int], shape: Any, resampling: Any) -> None:
    square = to_square(picture(*height_width), 48, Geometry(shape=shape, resampling=resampling))
    assert square.shape == (48, 48, 3)
    assert square.dtype == np.uint8


def test_centre_square_cuts_both_ends_alike() -> None:
    image = np.zeros((4, 10, 3), np.uint8)
    image[:, 3:7] = 200
    assert (to_square(image, 4, Geometry()) == 200).all()
    assert (to_square(image, 8, Geometry()) == 200).all()
    assert (to_square(np.ascontiguousarray(image.transpose(1, 0, 2)), 4, Geometry()) == 200).all()


def test_large_images_are_squared_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    image = picture(90, 130)
    for shape in ("centre-square", "pad", "squash"):
        to_square(image, 40, Geometry(shape=shape))
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG")
    assert np.array_equal(decode_image(content.getvalue(), "a.png"), image)


def test_pad_adds_black_borders_and_keeps_the_shape() -> None:
    square = to_square(np.full((30, 60, 3), 200, np.uint8), 40, Geometry(shape="pad"))
    assert (square[:10] == 0).all()
    assert (square[10:30] == 200).all()
    assert (square[30:] == 0).all()


def test_shrinking_averages_over_all_pixels() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    small = to_square(stripes, 40, Geometry(resampling="bilinear"))
    assert np.abs(small[:, 2:-2].astype(int) - 128).max() <= 2


@pytest.mark.parametrize("shape", ["centre-square", "pad", "squash"])
def test_read_square_equals_reading_then_squaring(shape: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(picture(90, 130)).save(path)
    geometry = Geometry(shape=shape)
    assert np.array_equal(read_square(path, 50, geometry), to_square(read_image(path), 50, geometry))


def test_an_image_is_reduced_to_its_longer_side_and_never_enlarged() -> None:
    image = picture(90, 130)
    assert reduced(image, 65).shape == (45, 65, 3)
    assert reduced(image, 2).shape == (1, 2, 3)
    assert reduced(image, 130) is image

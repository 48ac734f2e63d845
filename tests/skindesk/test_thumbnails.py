"""Thumbnails come from threads, the wanted ones first, and take a bounded amount of memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from skindesk.models.dataset.thumbnails import Box, Thumbnails, read_thumbnail
from trainer.errors import ImageError

BOX = Box(64, 48)


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    """Thirty images of 64 x 48 pixels, each of another grey."""
    paths = []
    for number in range(30):
        path = tmp_path / f"{number:02d}.png"
        Image.new("RGB", (64, 48), (8 * number,) * 3).save(path)
        paths.append(str(path))
    return paths


def grey(image: QImage) -> int:
    return image.pixelColor(image.width() // 2, image.height() // 2).red()


def test_a_large_image_is_scaled_while_it_is_decoded_and_keeps_its_shape(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.new("RGB", (1200, 900), (10, 200, 30)).save(path)
    image = read_thumbnail(str(path), Box(128, 200))
    assert (image.width(), image.height()) == (128, 96)
    assert abs(grey(image) - 10) < 6


def test_a_small_image_is_enlarged_so_that_painting_it_is_a_copy(images: list[str]) -> None:
    image = read_thumbnail(images[3], Box(256, 192))
    assert (image.width(), image.height()) == (256, 192)
    assert image.format() == QImage.Format.Format_RGB32


def test_an_image_a_pixel_off_the_shape_fills_its_box(tmp_path: Path) -> None:
    path = tmp_path / "odd.png"
    Image.new("RGB", (601, 450)).save(path)
    image = read_thumbnail(str(path), Box(128, 96))
    assert (image.width(), image.height()) == (128, 96)


def test_the_orientation_in_the_file_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[:, :40] = 255  # the left half is white; turned clockwise it is the upper half
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(path, exif=exif)
    image = read_thumbnail(str(path), Box(40, 40))
    assert (image.width(), image.height()) == (30, 40)
    assert image.pixelColor(15, 5).red() > 200
    assert image.pixelColor(15, 35).red() < 50


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    path = tmp_path / "glass.png"
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(path)
    assert read_thumbnail(str(path), BOX).pixelColor(5, 5) == QColor("white")


def test_what_qt_cannot_read_goes_through_the_decoder(tmp_path: Path) -> None:
    path = tmp_path / "deep.tif"
    import tifffile

    tifffile.imwrite(path, np.full((40, 50), 0.5, np.float32))
    image = read_thumbnail(str(path), Box(50, 50))
    assert (image.width(), image.height()) == (50, 40)
    assert 100 < grey(image) < 200


def test_what_is_no_image_says_why(tmp_path: Path) -> None:
    path = tmp_path / "text.jpg"
    path.write_text("This is a text.")
    with pytest.raises(ImageError, match="not an image"):
        read_thumbnail(str(path), BOX)


def test_wanted_thumbnails_come_and_show_their_own_image(qtbot: QtBot, images: list[str]) -> None:
    thumbnails = Thumbnails()
    assert thumbnails.pixmap(images[5]) is None
    thumbnails.want(images, BOX)
    qtbot.waitUntil(lambda: all(thumbnails.pixmap(path) for path in images))
    for number, path in enumerate(images):
        pixmap = thumbnails.pixmap(path)
        assert pixmap is not None
        assert grey(pixmap.toImage()) == 8 * number
    assert thumbnails.waiting == 0


def test_ready_names_each_file_once(qtbot: QtBot, images: list[str]) -> None:
    thumbnails = Thumbnails()
    heard: list[str] = []
    thumbnails.ready.connect(heard.extend)
    thumbnails.want(images, BOX)
    qtbot.waitUntil(lambda: len(heard) >= len(images))
    assert sorted(heard) == images


def test_a_new_wish_drops_what_has_not_been_begun(qtbot: QtBot, images: list[str]) -> None:
    thumbnails = Thumbnails()
    thumbnails.want([], BOX)
    # Both wishes are made before the event loop runs: of the first at most what the threads took in hand comes.
    thumbnails.want(images[:15] * 40, BOX)
    thumbnails.want(images[20:], BOX)
    qtbot.waitUntil(lambda: thumbnails.waiting == 0)
    assert all(thumbnails.pixmap(path) for path in images[20:])
    assert not all(thumbnails.pixmap(path) for path in images[:15])


def test_memory_is_bounded_and_what_was_looked_at_last_stays(qtbot: QtBot, images: list[str]) -> None:
    one = 64 * 48 * 4
    thumbnails = Thumbnails(kept_bytes=10 * one)
    thumbnails.want(images[:10], BOX)
    qtbot.waitUntil(lambda: thumbnails.bytes == 10 * one)
    assert thumbnails.pixmap(images[0]) is not None  # looked at: now the youngest
    thumbnails.want(images[10:15], BOX)
    qtbot.waitUntil(lambda: thumbnails.waiting == 0)
    assert thumbnails.bytes == 10 * one
    assert thumbnails.pixmap(images[0]) is not None
    assert thumbnails.pixmap(images[1]) is None


def test_a_file_that_is_gone_has_a_reason_until_all_is_forgotten(
    qtbot: QtBot, images: list[str], tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing.png")
    thumbnails = Thumbnails()
    thumbnails.want([missing], BOX)
    qtbot.waitUntil(lambda: bool(thumbnails.reason(missing)))
    assert "There is no file" in thumbnails.reason(missing)
    assert thumbnails.pixmap(missing) is None
    Path(images[4]).rename(missing)
    thumbnails.clear()
    thumbnails.want([missing], BOX)
    qtbot.waitUntil(lambda: thumbnails.pixmap(missing) is not None)
    assert not thumbnails.reason(missing)


def test_what_was_read_before_a_clearing_never_lands(qtbot: QtBot, images: list[str]) -> None:
    thumbnails = Thumbnails()
    thumbnails.want(images, BOX)
    thumbnails.clear()
    qtbot.waitUntil(lambda: thumbnails.waiting == 0)
    assert thumbnails.bytes == 0


def test_another_size_stands_in_until_the_right_one_is_there(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("RGB", (400, 300), (90, 90, 90)).save(path)
    thumbnails = Thumbnails()
    thumbnails.want([str(path)], Box(96, 72))
    qtbot.waitUntil(lambda: thumbnails.pixmap(str(path)) is not None)
    thumbnails.want([str(path)], Box(256, 192))
    stand_in = thumbnails.pixmap(str(path))
    assert stand_in is not None
    assert stand_in.width() == 96
    qtbot.waitUntil(lambda: (now := thumbnails.pixmap(str(path))) is not None and now.width() == 256)


def test_going_away_in_the_middle_of_the_work_does_no_harm(qtbot: QtBot, images: list[str]) -> None:
    thumbnails = Thumbnails()
    gone: list[str] = []
    thumbnails.destroyed.connect(lambda: gone.append("gone"))
    thumbnails.want(images * 20, BOX)
    thumbnails.deleteLater()
    del thumbnails
    qtbot.waitUntil(lambda: gone == ["gone"])
    again = Thumbnails()
    again.want(images, BOX)
    qtbot.waitUntil(lambda: all(again.pixmap(path) for path in images))

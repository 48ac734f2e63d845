"""The large view of an image and the geometry behind it, by mouse, wheel and keyboard."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from skindesk.models.diagnosis.evidence import draw_layer
from skindesk.models.diagnosis.framing import (
    WHOLE,
    Box,
    Framing,
    box_between,
    frame_size,
    inscribed,
    normalised,
)
from skindesk.models.pictures import LARGEST_SIDE, PictureLoader, read_picture
from skindesk.widgets.canvas.image_canvas import ImageCanvas
from skindesk.widgets.canvas.painting import EvidencePaint
from trainer.images import memory
from trainer.images.decoding import read_image
from trainer.images.evidence import EvidenceMap
from trainer.images.framing import ImageView, network_square, read_view
from trainer.palette import HEAT

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A picture of 120 x 80 pixels: red on the left, green on the right."""
    pixels = np.zeros((80, 120, 3), np.uint8)
    pixels[:, :60, 0] = 250
    pixels[:, 60:, 1] = 250
    file = tmp_path / "two colours.png"
    Image.fromarray(pixels).save(file)
    return file


@pytest.fixture
def canvas(qtbot: QtBot, image: Path) -> ImageCanvas:
    canvas = ImageCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(602, 402)  # the picture fits five times enlarged, with a pixel around it
    canvas.show()
    canvas.show_picture(read_picture(image))
    return canvas


def place_of(canvas: ImageCanvas, x: float, y: float) -> QPoint:
    """Return where a point of the frame, in shares, is shown."""
    rect = canvas.mapping.rect_of(Box(0.0, 0.0, x, y))
    return rect.bottomRight().toPoint()


def drag(canvas: ImageCanvas, begin: QPoint, end: QPoint, modifiers: Qt.KeyboardModifier = NONE) -> None:
    middle = QPoint((begin.x() + end.x()) // 2, (begin.y() + end.y()) // 2)
    QTest.mousePress(canvas, LEFT, modifiers, begin)
    for place in (middle, end):
        QTest.mouseMove(canvas, place)
    QTest.mouseRelease(canvas, LEFT, modifiers, end)


def turn_wheel(canvas: ImageCanvas, position: QPointF, notches: int) -> None:
    event = QWheelEvent(
        position,
        canvas.mapToGlobal(position),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        NONE,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def colour_at(canvas: ImageCanvas, position: QPoint) -> QColor:
    return canvas.grab().toImage().pixelColor(position)


def test_a_picture_fits_and_is_shown_as_it_is(canvas: ImageCanvas) -> None:
    assert canvas.mapping.zoom == pytest.approx(5.0)
    assert colour_at(canvas, QPoint(150, 200)).red() > 200
    assert colour_at(canvas, QPoint(450, 200)).green() > 200


def test_the_wheel_zooms_about_the_mouse(canvas: ImageCanvas) -> None:
    mouse = QPointF(120.0, 90.0)
    before = canvas.mapping.to_frame(mouse)
    turn_wheel(canvas, mouse, 3)
    after = canvas.mapping.to_frame(mouse)
    assert canvas.mapping.zoom > 7.0
    assert after.x() == pytest.approx(before.x(), abs=0.01)
    assert after.y() == pytest.approx(before.y(), abs=0.01)


def test_a_drag_moves_what_is_shown_and_zero_fits_again(canvas: ImageCanvas) -> None:
    turn_wheel(canvas, QPointF(300.0, 200.0), 4)
    grabbed = canvas.mapping.to_frame(QPointF(300.0, 200.0))
    drag(canvas, QPoint(300, 200), QPoint(380, 150))
    moved = canvas.mapping.to_frame(QPointF(380.0, 150.0))
    assert (moved - grabbed).manhattanLength() < 0.01
    assert canvas.framing == Framing()
    QTest.keyClick(canvas, Qt.Key.Key_0)
    assert canvas.mapping.zoom == pytest.approx(5.0)


def test_keys_zoom_and_pan(canvas: ImageCanvas) -> None:
    QTest.keyClick(canvas, Qt.Key.Key_Plus)
    zoom = canvas.mapping.zoom
    assert zoom > 5.0
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.mapping.middle.x() > 0
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    assert canvas.mapping.middle.y() > 0
    QTest.keyClick(canvas, Qt.Key.Key_Minus)
    assert canvas.mapping.zoom < zoom
    QTest.keyClick(canvas, Qt.Key.Key_1)
    assert canvas.mapping.zoom * canvas.devicePixelRatioF() == pytest.approx(1.0, rel=0.3)


def test_page_keys_ask_for_the_next_image(canvas: ImageCanvas, qtbot: QtBot) -> None:
    with qtbot.waitSignal(canvas.step_asked) as stepped:
        QTest.keyClick(canvas, Qt.Key.Key_PageDown)
    assert stepped.args == [1]


def test_a_quarter_turn_turns_what_is_seen(canvas: ImageCanvas) -> None:
    said = []
    canvas.framing_changed.connect(said.append)
    canvas.turn(90.0)
    assert said == [Framing(90.0)]
    # Clockwise: what was on the left is at the top.
    assert colour_at(canvas, QPoint(301, 100)).red() > 200
    assert colour_at(canvas, QPoint(301, 300)).green() > 200


def test_a_drag_with_shift_turns_by_the_angle_dragged(canvas: ImageCanvas) -> None:
    middle = canvas.rect().center()
    drag(canvas, middle + QPoint(150, 0), middle + QPoint(106, 106), SHIFT)
    assert canvas.framing.rotation == pytest.approx(45.0, abs=1.0)
    assert canvas.framing.crop is None


def test_a_crop_is_drawn_moved_and_resized_with_the_mouse(canvas: ImageCanvas) -> None:
    canvas.set_crop_mode(True)
    drag(canvas, place_of(canvas, 0.2, 0.2), place_of(canvas, 0.6, 0.8))
    drawn = canvas.framing.crop
    assert drawn is not None
    assert drawn.shares() == pytest.approx((0.2, 0.2, 0.4, 0.6), abs=0.01)
    drag(canvas, place_of(canvas, 0.4, 0.5), place_of(canvas, 0.5, 0.5))
    moved = canvas.framing.crop
    assert moved is not None
    assert moved.shares() == pytest.approx((0.3, 0.2, 0.4, 0.6), abs=0.01)
    drag(canvas, place_of(canvas, 0.7, 0.8), place_of(canvas, 0.9, 0.9))
    resized = canvas.framing.crop
    assert resized is not None
    assert resized.shares() == pytest.approx((0.3, 0.2, 0.6, 0.7), abs=0.01)


def test_a_crop_is_adjusted_with_keys_and_return_is_done(canvas: ImageCanvas) -> None:
    canvas.set_framing(Framing(crop=Box(0.2, 0.2, 0.4, 0.4)))
    canvas.set_crop_mode(True)
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    QTest.keyClick(canvas, Qt.Key.Key_Up)
    QTest.keyClick(canvas, Qt.Key.Key_Left, SHIFT)
    QTest.keyClick(canvas, Qt.Key.Key_Down, SHIFT)
    assert canvas.framing.crop is not None
    assert canvas.framing.crop.shares() == pytest.approx((0.21, 0.19, 0.39, 0.41))
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert not canvas.cropping
    # What is asked about now fills the view.
    assert canvas.mapping.rect_of(canvas.framing.crop).height() == pytest.approx(400.0, abs=1.0)


def test_escape_takes_a_crop_back(canvas: ImageCanvas) -> None:
    said = []
    canvas.framing_changed.connect(said.append)
    canvas.set_crop_mode(True)
    drag(canvas, place_of(canvas, 0.1, 0.1), place_of(canvas, 0.5, 0.5))
    assert canvas.framing.crop is not None
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.framing == Framing()
    assert said[-1] == Framing()
    assert not canvas.cropping


def test_without_a_picture_nothing_can_be_done_to_it(qtbot: QtBot) -> None:
    canvas = ImageCanvas()
    qtbot.addWidget(canvas)
    canvas.show()
    canvas.show_picture(None, message="Reading x.png…")
    canvas.set_crop_mode(True)
    canvas.turn(90.0)
    QTest.keyClick(canvas, Qt.Key.Key_Plus)
    assert not canvas.cropping
    assert canvas.framing == Framing()
    assert canvas.accessibleDescription() == "Reading x.png…"


@pytest.mark.parametrize("degrees", [90.0, -90.0, 180.0, 270.0])
def test_a_crop_turns_with_quarter_turns_and_comes_back(degrees: float) -> None:
    framing = start = Framing(crop=Box(0.1, 0.2, 0.3, 0.4))
    for _ in range(4):
        framing = framing.turned(degrees, 120, 80)
    assert framing.rotation == 0.0
    assert framing.crop is not None
    assert start.crop is not None
    assert framing.crop.shares() == pytest.approx(start.crop.shares())
    once = start.turned(90.0, 120, 80)
    assert once.crop is not None
    # 0.1 from the left becomes 0.1 from the top; 0.2 from the top becomes 0.2 from the right.
    assert once.crop.shares() == pytest.approx((1.0 - 0.2 - 0.4, 0.1, 0.4, 0.3))


@pytest.mark.parametrize("size", [(600, 450), (450, 600), (300, 300), (1000, 50)])
@pytest.mark.parametrize("rotation", [0.5, 10.0, 45.0, 60.0, -30.0, 137.0])
def test_no_corner_of_what_an_angle_leaves_lies_outside_the_image(
    size: tuple[int, int], rotation: float
) -> None:
    width, height = size
    box = inscribed(width, height, rotation)
    wide, high = frame_size(width, height, rotation)
    angle = math.radians(-rotation)
    corners = []
    for x, y in ((box.x, box.y), (box.right, box.y), (box.x, box.bottom), (box.right, box.bottom)):
        across, down = (x - 0.5) * wide, (y - 0.5) * high
        corners.append(
            (
                across * math.cos(angle) - down * math.sin(angle),
                across * math.sin(angle) + down * math.cos(angle),
            )
        )
    assert all(abs(x) <= width / 2 + 1e-6 and abs(y) <= height / 2 + 1e-6 for x, y in corners)
    touching = sum(abs(abs(x) - width / 2) < 1e-6 or abs(abs(y) - height / 2) < 1e-6 for x, y in corners)
    assert touching >= 2, "it could be larger"


def test_boxes_stay_in_the_frame_and_never_vanish() -> None:
    assert box_between(0.9, 0.9, 1.4, 1.2).shares() == pytest.approx((0.9, 0.9, 0.1, 0.1))
    tiny = box_between(1.0, 0.5, 1.0, 0.5)
    assert tiny.right <= 1.0
    assert tiny.width > 0
    assert WHOLE.moved(0.3, -0.3) == WHOLE
    assert Box(0.5, 0.5, 0.2, 0.2).moved(0.9, 0.0).right == pytest.approx(1.0)
    inside_out = Box(0.5, 0.5, 0.2, 0.2).resized(right=-0.9)
    assert inside_out.x == 0.5
    assert inside_out.width > 0


def test_angles_have_one_name_each() -> None:
    assert [normalised(degrees) for degrees in (180, -180, 190, -350, 720)] == [180, 180, -170, 10, 0]


def test_the_square_the_network_sees() -> None:
    assert network_square(600, 450, "centre-square") == (75, 0, 450, 450)
    assert network_square(600, 450, "pad") == (0, -75, 600, 600)
    assert network_square(600, 450, "squash") == (0, 0, 600, 450)


def test_evidence_lies_where_the_network_looked(canvas: ImageCanvas) -> None:
    nothing, half = (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 1.0, 1.0)
    layer = draw_layer(EvidenceMap(method="grad-cam", grid=(nothing, nothing, half, half)))
    canvas.set_shape("centre-square")
    for framing in (Framing(), Framing(crop=Box(0.25, 0.25, 0.5, 0.5)), Framing(rotation=90.0)):
        canvas.set_evidence(None)
        canvas.set_framing(framing)
        clear = canvas.grab().toImage()
        canvas.set_evidence(EvidencePaint(layer, 1.0, outlined=False, caption=""))
        shown = canvas.grab().toImage()
        part = canvas.mapping.in_frame(framing.part(120, 80) or WHOLE)
        x, y, wide, high = network_square(part.width(), part.height(), "centre-square")
        square = canvas.mapping.shown(QRectF(part.x() + x, part.y() + y, wide, high))
        most = QPointF(square.x() + 0.8 * square.width(), square.y() + 0.8 * square.height()).toPoint()
        least = QPointF(square.x() + 0.2 * square.width(), square.y() + 0.2 * square.height()).toPoint()
        assert shown.pixelColor(most).name().upper() == HEAT[-1]
        assert shown.pixelColor(least) == clear.pixelColor(least)
        canvas.set_evidence(EvidencePaint(layer, 1.0, outlined=True, caption=""))
        outlined = canvas.grab().toImage()
        assert outlined.pixelColor(most) == clear.pixelColor(most)
        assert outlined != clear
    canvas.set_crop_mode(True)
    cropping = canvas.grab().toImage()
    canvas.set_evidence(None)
    assert (
        canvas.grab().toImage() == cropping
    )  # the map is about another part than the one that is being drawn


def test_a_picture_is_what_the_decoder_reads(image: Path) -> None:
    picture = read_picture(image)
    assert (picture.width, picture.height) == (120, 80)
    shown = picture.levels[0].convertToFormat(QImage.Format.Format_RGB888)
    pixels = np.frombuffer(bytes(shown.constBits()), np.uint8).reshape(80, -1)[:, : 3 * 120]
    assert np.array_equal(pixels.reshape(80, 120, 3), read_image(image))


def test_a_large_image_is_kept_small_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    Image.new("RGB", (6000, 90), (10, 200, 30)).save(file)
    picture = read_picture(file)
    assert (picture.width, picture.height) == (6000, 90)
    assert picture.levels[0].width() == LARGEST_SIDE
    assert [level.width() for level in picture.levels] == [3072, 1536, 768]


PEAK_OF_A_PICTURE = r"""
import re, sys
from pathlib import Path
import PIL.ImageCms, PIL.Image, numpy
from skindesk.models.pictures import read_picture
from trainer.images import decoding, squares, turning

def peak():
    return int(re.search("VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])

before = peak()
read_picture(Path(sys.argv[1]))
print((peak() - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_a_large_image_is_shown_within_little_more_memory_than_it_is_decoded_in(tmp_path: Path) -> None:
    file = tmp_path / "large.jpg"
    Image.new("RGB", (24_000, 1000), (10, 200, 30)).save(file)
    child = [sys.executable, "-c", PEAK_OF_A_PICTURE, str(file)]
    done = subprocess.run(child, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert float(done.stdout) < 170  # MiB, of which the decoder takes 92


def test_a_picture_of_a_jpeg_that_was_read_at_half_its_size_has_the_size_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "large.jpg"
    Image.new("RGB", (401, 300), (10, 200, 30)).save(file, progressive=True)
    monkeypatch.setattr(memory, "WHOLE", 100)
    monkeypatch.setattr(memory, "LIMIT", memory.BAND_BYTES + 600_000)
    picture = read_picture(file)
    assert (picture.width, picture.height) == (401, 300)
    assert picture.levels[0].width() == 201
    assert picture.unshrunk is None


def test_what_is_printed_is_what_was_asked_about(image: Path) -> None:
    right_half = read_view(ImageView(path=str(image), crop=(0.5, 0.0, 0.5, 1.0)))
    assert right_half.shape == (80, 60, 3)
    assert right_half[40, 5, 1] == 250
    turned = read_view(ImageView(path=str(image), rotation=90.0))
    assert turned.shape == (120, 80, 3)
    assert turned[5, 40, 0] == 250


def test_pictures_are_read_in_the_background_and_broken_ones_explained(
    qtbot: QtBot, image: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_text("no image")
    loader = PictureLoader()
    loader.want(image)
    loader.want(broken, first=True)
    qtbot.waitUntil(lambda: loader.picture(image) is not None and bool(loader.sentence(broken)))
    assert "not an image" in loader.sentence(broken)
    assert loader.picture(broken) is None
    thumbnail = loader.thumbnail(image)
    assert thumbnail is not None
    assert thumbnail.width() == 120
    image.unlink()
    loader.want(image)
    assert loader.picture(image) is not None, "it is kept, so that nothing is read again"
    loader.forget(image)
    loader.want(image)
    qtbot.waitUntil(lambda: bool(loader.sentence(image)))


def test_pictures_of_images_that_are_gone_are_let_go(qtbot: QtBot, image: Path, tmp_path: Path) -> None:
    other = Path(shutil.copy(image, tmp_path / "other.png"))
    loader = PictureLoader()
    for path in (image, other):
        loader.want(path)
    qtbot.waitUntil(lambda: loader.picture(image) is not None and loader.picture(other) is not None)
    loader.keep_only({other})
    assert loader.picture(image) is None
    assert loader.thumbnail(image) is None
    assert loader.thumbnail(other) is not None

"""Images are decoded within bounds of memory and time, and large ones give the same pixels as small ones."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from trainer.config import Geometry
from trainer.errors import ImageError
from trainer.images import decoding, jpeg, memory, squares, tiff, tiff_layout
from trainer.images.decoding import check_image, decode_image, read_square, reading, to_square
from trainer.images.memory import Budget
from trainer.images.squares import grey_miniature, reduced

MEASURE = r"""
import json, re, sys, time
from pathlib import Path
import PIL.ImageCms, tifffile
from trainer.errors import ImageError
from trainer.images.decoding import read_image

def peak():  # `getrusage` would count the process that started this one
    return int(re.search("VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])

before, begun = peak(), time.process_time()
try:
    outcome = list(read_image(Path(sys.argv[1])).shape)
except ImageError as error:
    outcome = error.kind
print(json.dumps([outcome, (peak() - before) / 1024, time.process_time() - begun]))
"""


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")


def measured(path: Path) -> tuple[Any, float, float]:
    """Decode a file in a process of its own; return its shape or what is wrong, MiB, and seconds of work."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    outcome, mib, seconds = json.loads(done.stdout)
    return outcome, mib, seconds


def picture(height: int, width: int, channels: int = 3) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format_, **options)
    return stream.getvalue()


def as_tiff(samples: np.ndarray[Any, Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, samples, **options)
    return stream.getvalue()


def oversized_jpeg(mode: str = "RGB", **options: Any) -> bytes:
    """Return a small JPEG whose header says 65,500 x 3,053 pixels."""
    content = bytearray(encoded(Image.new(mode, (16, 16)), "JPEG", **options))
    start = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
    content[start + 5 : start + 9] = struct.pack(">HH", 3053, 65500)
    return bytes(content)


def progressive_jpeg() -> bytes:
    """Return the head of a progressive JPEG of 180 million pixels and enough zeros for all its blocks."""
    content = oversized_jpeg(progressive=True, subsampling=0)
    return content[: content.index(b"\xff\xda") + 10] + bytes(2_000_000) + b"\xff\xd9"


def gaps_in_a_tiff() -> bytes:
    """Return a TIFF of 120 million pixels with one short strip."""
    content = bytearray(as_tiff(np.ones((72, 2000), np.uint32)))
    for position in range(struct.unpack_from("<I", content, 4)[0] + 2, len(content) - 12, 12):
        if struct.unpack_from("<H", content, position)[0] == tiff_layout.LENGTH:
            struct.pack_into("<HHII", content, position, tiff_layout.LENGTH, 4, 1, 60_000)
            break
    return bytes(content)


def inflating_tiff() -> bytes:
    """Return a TIFF of float16 whose only strip decompresses to 500 MB instead of 2 kB."""
    strip = zlib.compressobj(9)
    data = b"".join([strip.compress(bytes(1 << 20)) for _ in range(500)] + [strip.flush()])
    entries = [
        (256, 32),
        (257, 32),
        (258, 16),
        (259, 8),
        (262, 1),
        (273, 0),
        (277, 1),
        (278, 32),
        (279, len(data)),
        (339, 3),
    ]
    start = 8 + 2 + 12 * len(entries) + 4
    directory = b"".join(
        struct.pack("<HHII", tag, 4, 1, start if tag == 273 else value) for tag, value in entries
    )
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4) + data


def hungry_directory() -> bytes:
    """Return a TIFF that names 30 MB of its own for each of 100 tags."""
    entries = b"".join(struct.pack("<HHII", 60_000 + tag, 1, 30_000_000, 8) for tag in range(100))
    small = as_tiff(np.zeros((4, 4), np.uint8))
    return small[:4] + struct.pack("<IH", 8, 100) + entries + bytes(30_000_000)


HOSTILE = {
    "more pixels than bytes": oversized_jpeg(),
    "the same with four inks": oversized_jpeg("CMYK"),
    "coefficients of a progressive JPEG": progressive_jpeg(),
    "strips that are not there": gaps_in_a_tiff(),
    "a strip that inflates": inflating_tiff(),
    "a directory of large tags": hungry_directory(),
    "a BMP that skips rows": b"BM"
    + struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 1078, 40, 50_000_000, 1, 1, 8, 1, 0, 0, 0, 256, 0)
    + bytes(1024)
    + b"\0\2\0\xff" * 8,
}


@on_linux
@pytest.mark.parametrize("kind", HOSTILE)
def test_small_files_that_claim_much_are_refused_within_little_memory(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "spot"
    path.write_bytes(HOSTILE[kind])
    outcome, mib, seconds = measured(path)
    assert isinstance(outcome, str)
    assert mib < 120
    assert seconds < 5


@on_linux
@pytest.mark.parametrize(
    "head",
    [
        b"\x89PNG\r\n\x1a\n",
        encoded(Image.new("RGB", (9, 9)), "PNG")[:33],
        b"\xff\xd8\xff",
        encoded(Image.new("RGB", (9, 9)), "JPEG")[:40],
        encoded(Image.new("RGB", (9, 9)), "WebP")[:12],
        b"II*\0",
        b"BM",
    ],
)
def test_zeros_behind_a_signature_are_refused_at_once(head: bytes, tmp_path: Path) -> None:
    path = tmp_path / "zeros"
    with path.open("wb") as stream:
        stream.write(head)
        stream.truncate(400 << 20)  # sparse: takes no room
    outcome, mib, seconds = measured(path)
    assert isinstance(outcome, str)
    assert mib < 30
    assert seconds < 1


@on_linux
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "WebP", "BMP"])
def test_zeros_behind_a_whole_image_are_passed_over(format_: str, tmp_path: Path) -> None:
    path = tmp_path / "padded"
    content = encoded(Image.new("RGB", (90, 60), (200, 100, 50)), format_)
    path.write_bytes(content)
    expected = check_image(path)
    with path.open("r+b") as stream:
        stream.truncate(300 << 20)
    outcome, mib, _ = measured(path)
    assert outcome == [expected.height, expected.width, 3]
    assert mib < 30


@on_linux
def test_a_large_image_takes_little_more_than_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(encoded(Image.new("CMYK", (5000, 4000), (9, 8, 7, 6)), "TIFF"))
    outcome, mib, _ = measured(path)
    assert outcome == [4000, 5000, 3]
    assert mib < 58 + 30  # RGB takes 58 MiB


@pytest.fixture
def small_bands(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have images of more than 100 pixels converted in bands of 50."""
    for module in (decoding, memory, squares, tiff, tiff_layout):
        if hasattr(module, "WHOLE"):
            monkeypatch.setattr(module, "WHOLE", 100)
        if hasattr(module, "BAND"):
            monkeypatch.setattr(module, "BAND", 50)
    return monkeypatch


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[0x0112] = orientation
    return block


def samples_of_all_kinds() -> dict[str, bytes]:
    """Return files of 13 x 17 pixels."""
    colours, inks = Image.fromarray(picture(17, 13)), Image.fromarray(picture(17, 13, 4), "CMYK")
    clear = Image.fromarray(picture(17, 13, 4))
    wide = np.random.default_rng(1).integers(0, 65536, (17, 13, 3)).astype(np.uint16)
    rows = {"rowsperstrip": 2}
    files = {f"turned {turn}": encoded(colours, "PNG", exif=exif(turn)) for turn in range(1, 9)}
    files |= {f"turned TIFF {turn}": encoded(colours, "TIFF", exif=exif(turn)) for turn in range(1, 9)}
    files |= {f"{mode} PNG": encoded(clear.convert(mode), "PNG") for mode in ("1", "L", "P", "LA", "RGBA")}
    files |= {f"{mode} BMP": encoded(colours.convert(mode), "BMP") for mode in ("1", "L", "P", "RGB")}
    files |= {f"{mode} TIFF": encoded(clear.convert(mode), "TIFF") for mode in ("1", "L", "P", "LA", "RGBA")}
    files |= {
        "JPEG": encoded(colours, "JPEG"),
        "progressive JPEG": encoded(colours, "JPEG", progressive=True),
        "grey JPEG": encoded(colours.convert("L"), "JPEG"),
        "even grey JPEG": encoded(Image.new("RGB", (13, 17), (128, 128, 128)), "JPEG"),
        "CMYK JPEG": encoded(inks, "JPEG"),
        "WebP": encoded(clear, "WebP", lossless=True),
        "CMYK TIFF": encoded(inks, "TIFF", compression="tiff_lzw"),
        "LAB TIFF": encoded(Image.merge("LAB", colours.split()), "TIFF"),
        "JPEG in TIFF": encoded(
            colours, "TIFF", compression="jpeg", tiffinfo={tiff_layout.ROWS_PER_STRIP: 8}
        ),
        "fax": encoded(colours.convert("1"), "TIFF", compression="group4"),
        "predictor": encoded(colours, "TIFF", compression="tiff_lzw", tiffinfo={317: 2}),
        "tiles": as_tiff(picture(64, 48), tile=(16, 16), compression="zlib", photometric="rgb"),
        "BigTIFF": as_tiff(wide, bigtiff=True, photometric="rgb", **rows),
        "16-bit grey": as_tiff(wide[..., 0], byteorder=">", **rows),
        "16-bit planes": as_tiff(
            np.moveaxis(wide, -1, 0).copy(), photometric="rgb", planarconfig="separate", **rows
        ),
        "8-bit planes": as_tiff(
            np.moveaxis(picture(17, 13), -1, 0).copy(), photometric="rgb", planarconfig="separate", **rows
        ),
        "float16": as_tiff(wide[..., 0].astype(np.float16), compression="zlib", **rows),
        "float32": as_tiff((wide[..., 0] / 300).astype(np.float32), compression="zlib", **rows),
        "float64 RGB": as_tiff(wide - 4000.0, photometric="rgb", **rows),
        "int16": as_tiff((wide[..., 0] // 2).astype(np.int16), **rows),
        "uint32": as_tiff(wide[..., 0].astype(np.uint32) << 16, **rows),
    }
    return files


FILES = samples_of_all_kinds()


@pytest.mark.parametrize("kind", FILES)
def test_bands_give_the_same_pixels(kind: str, small_bands: pytest.MonkeyPatch) -> None:
    banded = decode_image(FILES[kind], "a")
    small_bands.undo()
    assert np.array_equal(banded, decode_image(FILES[kind], "a"))


@pytest.mark.parametrize("shape", ["centre-square", "pad", "squash"])
@pytest.mark.parametrize("height_width", [(47, 83), (83, 47), (10, 90), (90, 10)])
def test_bands_give_the_same_squares(
    shape: Any, height_width: tuple[int, int], small_bands: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "spot.jpg"
    image = picture(*height_width)
    path.write_bytes(encoded(Image.fromarray(image), "JPEG", exif=exif(6)))
    geometry = Geometry(shape=shape)

    def squared() -> list[Any]:
        return [
            read_square(path, 20, geometry),
            to_square(image, 20, geometry),
            np.asarray(grey_miniature(image, 16)),
            reduced(image, 30),
        ]

    banded = squared()
    small_bands.undo()
    for one, other in zip(banded, squared(), strict=True):
        assert np.array_equal(one, other)


def test_a_cut_off_large_jpeg_that_was_closed_again_is_refused(small_bands: pytest.MonkeyPatch) -> None:
    del small_bands
    content = encoded(Image.fromarray(picture(300, 400)), "JPEG")
    with pytest.raises(ImageError, match="cut off"):
        decode_image(content[: len(content) // 2] + b"\xff\xd9", "a.jpg")


def test_a_jpeg_of_countless_scans_is_refused() -> None:
    content = encoded(Image.fromarray(picture(30, 40)), "JPEG", progressive=True)
    start = content.index(b"\xff\xda")
    scan = content[start : content.index(b"\xff", start + 14)]
    with pytest.raises(ImageError, match="scans"):
        decode_image(content[:start] + scan * (jpeg._MOST_SCANS + 1) + content[start:], "a.jpg")


def test_a_jpeg_of_a_multi_picture_file_is_checked_to_its_own_end() -> None:
    grey = encoded(Image.new("RGB", (64, 48), (128, 128, 128)), "JPEG")
    other = encoded(Image.fromarray(picture(48, 64)), "JPEG")
    assert (decode_image(grey + other, "a.jpg") == 128).all()
    with pytest.raises(ImageError, match="cut off"):
        decode_image(other[: len(other) // 2] + b"\xff\xd9" + grey, "a.jpg")


def test_a_long_name_with_control_characters_makes_a_short_sentence() -> None:
    with pytest.raises(ImageError) as caught:
        decode_image(b"no picture", "a\x1b[31m\n" + "b" * 4000 + "\udcff.jpg")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 500


def test_threads_wait_until_there_is_memory_for_them() -> None:
    budget = Budget(100)
    entered = threading.Event()

    def enter() -> None:
        with budget.taken(60):
            entered.set()

    with budget.taken(60):
        thread = threading.Thread(target=enter)
        thread.start()
        with budget.taken(40):
            assert not entered.is_set()
    thread.join(10)
    assert entered.is_set()
    with budget.taken(1000):
        pass


@pytest.fixture
def little_memory(small_bands: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have an image take at most 600 kB beside the buffers."""
    small_bands.setattr(memory, "LIMIT", memory.BAND_BYTES + 600_000)
    return small_bands


def smooth_picture(height: int, width: int) -> Image.Image:
    return Image.fromarray(picture(height // 16, width // 16)).resize((width, height))


def test_a_progressive_jpeg_beyond_the_memory_is_read_at_half_its_size(
    little_memory: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "large.jpg"
    image = smooth_picture(300, 401)
    path.write_bytes(encoded(image, "JPEG", progressive=True, exif=exif(6), quality=90))
    facts = check_image(path)
    assert (facts.width, facts.height) == (300, 401)
    with reading(path) as (pixels, size):
        assert pixels.shape == (201, 150, 3)
        assert size == (300, 401)
    square = read_square(path, 64, Geometry()).astype(int)
    little_memory.undo()
    difference = np.abs(square - read_square(path, 64, Geometry()))
    assert difference.mean() < 1
    assert difference.max() <= 5


def test_what_does_not_fit_at_half_its_size_either_is_refused(little_memory: pytest.MonkeyPatch) -> None:
    del little_memory
    content = encoded(smooth_picture(300, 401), "JPEG", progressive=True, subsampling=0)
    with pytest.raises(ImageError, match="baseline JPEG or as PNG"):
        decode_image(content, "large.jpg")


def test_a_grey_progressive_jpeg_is_read_as_it_is_where_it_fits(little_memory: pytest.MonkeyPatch) -> None:
    content = encoded(smooth_picture(300, 401).convert("L"), "JPEG", progressive=True)
    halved = decode_image(content, "large.jpg")
    assert halved.shape == (300, 401, 3)
    little_memory.undo()
    assert np.array_equal(halved, decode_image(content, "large.jpg"))


def test_a_cut_off_jpeg_that_is_read_at_half_its_size_is_refused(little_memory: pytest.MonkeyPatch) -> None:
    del little_memory
    content = encoded(Image.fromarray(picture(300, 400)), "JPEG", progressive=True)
    first_scan_ends = content.index(b"\xff", content.index(b"\xff\xda") + 14)
    with pytest.raises(ImageError, match="cut off"):
        decode_image(content[: first_scan_ends // 2] + b"\xff\xd9", "a.jpg")


@on_linux
def test_a_webp_takes_no_memory_for_an_animation(tmp_path: Path) -> None:
    path = tmp_path / "large.webp"
    path.write_bytes(encoded(Image.new("RGB", (5000, 4000), (9, 80, 7)), "WebP", method=0))
    outcome, mib, _ = measured(path)
    assert outcome == [4000, 5000, 3]
    assert mib < 12 * 20e6 / 2**20 + 30

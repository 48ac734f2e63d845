"""What the decoder accepts, what it makes of it, and how it refuses the rest."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import resource
import socket
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image, PngImagePlugin

from trainer.errors import ImageError
from trainer.images.decoding import (
    check_image,
    decode_image,
    read_image,
)
from trainer.images.suffixes import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.images.pixels import Pixels

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WebP")


@pytest.fixture(autouse=True)
def nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def picture(height: int = 60, width: int = 80, seed: int = 0) -> Pixels:
    """Return a smooth picture without symmetry, fit for lossy formats."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    noise = np.random.default_rng(seed).normal(0, 2, (height, width, 3))
    colours = np.stack([60 + 150 * x, 40 + 160 * y, 200 - 120 * x * y], axis=-1)
    return np.clip(colours + noise, 0, 255).astype(np.uint8)


def encoded(image: Image.Image | npt.NDArray[Any], format_: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(stream, format_, **options)
    return stream.getvalue()


def as_tiff(samples: npt.NDArray[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, samples, **options)
    return stream.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def as_png(samples: npt.NDArray[Any], colour_type: int, extra: bytes = b"") -> bytes:
    """Write a PNG of 8 or 16 bits by hand: Pillow writes no 16-bit colour."""
    height, width = samples.shape[:2]
    bits = samples.dtype.itemsize * 8
    rows = b"".join(b"\0" + row.astype(f">u{bits // 8}").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def difference(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


def refusal(content: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode_image(content, "spot.jpg")
    message = str(caught.value)
    assert message.startswith("spot.jpg ")
    assert message.endswith(".")
    assert "\n" not in message
    return caught.value


# What is read


@pytest.mark.parametrize("format_", FORMATS)
def test_every_accepted_format_is_read_by_content_whatever_its_name(format_: str, tmp_path: Path) -> None:
    path = tmp_path / "spot.jpg"
    original = picture()
    path.write_bytes(encoded(original, format_, **({"quality": 95} if format_ in {"JPEG", "WebP"} else {})))
    image = read_image(path)
    assert image.dtype == np.uint8
    assert image.shape == (60, 80, 3)
    assert difference(image, original) < (4 if format_ in {"JPEG", "WebP"} else 1e-9)
    facts = check_image(path)
    assert (facts.width, facts.height, facts.format) == (80, 60, format_)
    assert facts.bytes == path.stat().st_size
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_suffixes_are_lower_case_with_their_dot() -> None:
    assert {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".webp"} <= SUFFIXES


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "WebP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(format_: str, orientation: int, tmp_path: Path) -> None:
    upright = picture()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"exif": exif}
    if format_ in {"JPEG", "WebP"}:
        options["quality"] = 95
    path = tmp_path / "spot"
    path.write_bytes(encoded(np.ascontiguousarray(stored), format_, **options))
    assert difference(read_image(path), upright) < 4
    assert (check_image(path).width, check_image(path).height) == (80, 60)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01"]
)
def test_a_damaged_exif_block_costs_nothing_but_the_orientation(exif: bytes) -> None:
    original = picture()
    assert difference(decode_image(encoded(original, "JPEG", exif=exif, quality=95), "a.jpg"), original) < 4


def test_an_exif_profile_kept_as_text_in_a_png_is_applied() -> None:
    block = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 3, 0) + b"\0\0\0\0"
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(block):8d}\n{block.hex()}\n")
    original = picture()
    content = encoded(np.ascontiguousarray(original[::-1, ::-1]), "PNG", pnginfo=text)
    assert np.array_equal(decode_image(content, "a.png"), original)


def test_cmyk_images_have_their_colours() -> None:
    original = picture()
    inks = Image.fromarray(original).convert("CMYK")
    inverted = encoded(inks, "JPEG", quality=98, subsampling=0)
    assert b"Adobe" in inverted
    assert difference(decode_image(inverted, "a.jpg"), original) < 4
    assert difference(decode_image(encoded(inks, "TIFF"), "a.tif"), original) < 2


def test_transparent_pixels_are_composited_on_white() -> None:
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[0, :, 3] = [0, 255, 128]
    image = decode_image(encoded(rgba, "PNG"), "a.png")
    assert image[0].tolist() == [[255, 255, 255], [200, 0, 0], [227, 127, 127]]
    for format_ in ("TIFF", "WebP"):
        options = {"lossless": True} if format_ == "WebP" else {}
        assert difference(decode_image(encoded(rgba, format_, **options), "a"), image) < 1
    grey = Image.merge("LA", [Image.fromarray(rgba[..., 0]), Image.fromarray(rgba[..., 3])])
    assert decode_image(encoded(grey, "PNG"), "a.png")[0].tolist() == [[255] * 3, [200] * 3, [227] * 3]


def test_palettes_are_resolved_with_their_transparency() -> None:
    indexed = Image.frombytes("P", (3, 1), b"\0\1\2")
    indexed.putpalette([10, 20, 30, 200, 100, 50, 0, 0, 255])
    for format_ in ("PNG", "BMP", "TIFF"):
        assert decode_image(encoded(indexed, format_), "a")[0].tolist() == [
            [10, 20, 30],
            [200, 100, 50],
            [0, 0, 255],
        ]
    clear = decode_image(encoded(indexed, "PNG", transparency=1), "a.png")
    assert clear[0].tolist() == [[10, 20, 30], [255, 255, 255], [0, 0, 255]]
    half = decode_image(encoded(indexed, "PNG", transparency=bytes([255, 0, 128])), "a.png")
    assert half[0].tolist() == [[10, 20, 30], [255, 255, 255], [127, 127, 255]]


def test_a_transparent_colour_is_white() -> None:
    grey = as_png(np.array([[7, 90]], np.uint8), 0, chunk(b"tRNS", struct.pack(">H", 7)))
    assert decode_image(grey, "a.png")[0].tolist() == [[255] * 3, [90] * 3]
    colour = as_png(
        np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), 2, chunk(b"tRNS", struct.pack(">3H", 1, 2, 3))
    )
    assert decode_image(colour, "a.png")[0].tolist() == [[255] * 3, [4, 5, 6]]
    wide = as_png(np.array([[0x1234, 0x1235]], np.uint16), 0, chunk(b"tRNS", struct.pack(">H", 0x1234)))
    assert decode_image(wide, "a.png")[0].tolist() == [[255] * 3, [0x12] * 3]


def test_one_bit_images_are_black_and_white() -> None:
    bits = Image.fromarray(np.array([[0, 255, 255, 0]], np.uint8)).convert("1")
    for format_ in ("PNG", "BMP", "TIFF"):
        assert decode_image(encoded(bits, format_), "a")[0, :, 0].tolist() == [0, 255, 255, 0]


@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_16_bit_pngs_keep_the_high_byte(colour_type: int, channels: int) -> None:
    samples = np.random.default_rng(0).integers(0, 65536, (5, 7, channels)).astype(np.uint16)
    if channels in {2, 4}:
        samples[..., -1] = 65535
    colours = samples[..., : 1 if channels < 3 else 3] >> 8
    expected = np.broadcast_to(colours, (5, 7, 3))
    assert np.array_equal(decode_image(as_png(samples, colour_type), "a.png"), expected)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_16_bit_tiffs_keep_the_high_byte(byteorder: str, compression: str | None) -> None:
    generator = np.random.default_rng(0)
    options: dict[str, Any] = {"byteorder": byteorder, "compression": compression}
    grey = generator.integers(0, 65536, (5, 7)).astype(np.uint16)
    expected = np.repeat((grey >> 8)[..., None], 3, axis=2)
    assert np.array_equal(decode_image(as_tiff(grey, **options), "a.tif"), expected)
    inverted = decode_image(as_tiff(65535 - grey, photometric="miniswhite", **options), "a.tif")
    assert np.array_equal(inverted, expected)
    colour = generator.integers(0, 65536, (5, 7, 3)).astype(np.uint16)
    assert np.array_equal(decode_image(as_tiff(colour, photometric="rgb", **options), "a.tif"), colour >> 8)
    planes = np.ascontiguousarray(np.moveaxis(colour, -1, 0))
    content = as_tiff(planes, photometric="rgb", planarconfig="separate", **options)
    assert np.array_equal(decode_image(content, "a.tif"), colour >> 8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
def test_floating_point_tiffs_are_scaled_by_the_first_white_that_fits(dtype: type, white: float) -> None:
    share = np.linspace(0.1, 0.9, 35).reshape(5, 7)
    image = decode_image(as_tiff((share * white).astype(dtype)), "a.tif")
    assert difference(image, np.repeat(share[..., None] * 255, 3, axis=2)) < 0.51
    colour = np.stack([share, share * 0.5, share * 0], axis=-1)
    image = decode_image(as_tiff((colour * white).astype(dtype), photometric="rgb"), "a.tif")
    assert difference(image, colour * 255) < 0.51


def test_samples_that_do_not_say_what_white_is_are_stretched() -> None:
    assert decode_image(as_tiff(np.array([[-2.0, 0.0, 2.0]], np.float32)), "a.tif")[0, :, 0].tolist() == [
        0,
        128,
        255,
    ]
    assert decode_image(as_tiff(np.array([[-100, 100]], np.int16)), "a.tif")[0, :, 0].tolist() == [0, 255]
    assert decode_image(as_tiff(np.array([[0, 2**32 - 1]], np.uint32)), "a.tif")[0, :, 0].tolist() == [0, 255]
    holes = np.array([[np.nan, np.inf, 1.0]], np.float32)
    assert decode_image(as_tiff(holes), "a.tif")[0, :, 0].tolist() == [0, 0, 255]


def test_of_several_pages_the_first_is_read() -> None:
    pages = [Image.fromarray(picture(seed=seed)) for seed in range(3)]
    content = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert np.array_equal(decode_image(content, "a.tif"), np.asarray(pages[0]))
    stack = np.random.default_rng(0).random((3, 5, 7)).astype(np.float64)
    assert (
        difference(decode_image(as_tiff(stack, photometric="minisblack"), "a.tif")[..., 0], stack[0] * 255)
        < 0.51
    )
    for format_ in ("PNG", "WebP"):
        content = encoded(pages[0], format_, save_all=True, append_images=pages[1:], lossless=True)
        assert np.array_equal(decode_image(content, "a"), np.asarray(pages[0]))


def swapped_profile() -> bytes:
    """Return an ICC profile of sRGB with red and blue exchanged (ICC.1:2001-04, matrix and curves)."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    def colour(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + fixed(*values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 8) + b"swapped\0" + b"\0" * 78 + b"\0\0"
    tags = {
        b"desc": text,
        b"wtpt": colour(0.9642, 1.0, 0.8249),
        b"rXYZ": colour(0.1431, 0.0606, 0.7141),
        b"gXYZ": colour(0.3851, 0.7169, 0.0971),
        b"bXYZ": colour(0.4361, 0.2225, 0.0139),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header += b"\0" * 12 + b"acsp" + b"\0" * 28 + fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "WebP"])
def test_an_embedded_colour_profile_is_converted_to_srgb(format_: str) -> None:
    original = picture()
    options: dict[str, Any] = {"quality": 98} if format_ in {"JPEG", "WebP"} else {}
    content = encoded(original, format_, icc_profile=swapped_profile(), **options)
    assert difference(decode_image(content, "a"), original[..., ::-1]) < 5
    damaged = encoded(original, format_, icc_profile=swapped_profile()[:200], **options)
    assert difference(decode_image(damaged, "a"), original) < 5


def test_a_colour_profile_and_transparency_go_together() -> None:
    rgba = np.dstack([picture(), np.full((60, 80), 255, np.uint8)])
    rgba[0, 0, 3] = 0
    image = decode_image(encoded(rgba, "PNG", icc_profile=swapped_profile()), "a.png")
    assert image[0, 0].tolist() == [255, 255, 255]
    assert difference(image[1:], rgba[1:, :, 2::-1]) < 5


def test_lab_tiffs_have_their_colours() -> None:
    lab = Image.merge("LAB", [Image.new("L", (2, 2), level) for level in (255, 128, 128)])
    assert decode_image(encoded(lab, "TIFF"), "a.tif").min() > 250


# What is refused


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.95, 0.999])
def test_a_cut_off_file_is_never_half_decoded(format_: str, share: float) -> None:
    content = encoded(picture(300, 400), format_)
    assert refusal(content[: int(len(content) * share)]).kind == "truncated"


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_whose_end_was_filled_with_zeros_is_refused(progressive: bool) -> None:
    content = encoded(picture(300, 400), "JPEG", progressive=progressive)
    for share in (0.3, 0.9):
        cut = int(len(content) * share)
        assert refusal(content[:cut] + bytes(len(content) - cut)).kind == "truncated"


def test_a_cut_off_jpeg_that_was_closed_again_is_refused() -> None:
    content = encoded(picture(300, 400), "JPEG")
    assert refusal(content[: len(content) // 2] + b"\xff\xd9").kind == "truncated"


def test_a_jpeg_that_ends_in_mid_grey_is_read() -> None:
    original = picture()
    original[-24:] = 128
    assert difference(decode_image(encoded(original, "JPEG", quality=95), "a.jpg"), original) < 4


def test_a_png_with_a_changed_byte_is_refused() -> None:
    content = encoded(picture(), "PNG")
    for position in (60, len(content) // 2, len(content) - 20):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        refusal(bytes(damaged))
    end = len(content) - 12
    assert refusal(content[:end]).kind == "truncated"


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_a_damaged_tiff_is_refused_without_a_word_from_its_library(compression: str | None) -> None:
    content = encoded(picture(), "TIFF", compression=compression)
    assert refusal(content[: len(content) // 2]).kind == "truncated"
    if compression in {"tiff_lzw", "tiff_adobe_deflate"}:
        middle = len(content) // 3
        refusal(content[:middle] + b"\xff" * 300 + content[middle + 300 :])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "0 bytes"),
        (b"not a picture at all\n" * 40, "not an image"),
        (b"GIF89a" + bytes(40), "GIF"),
        (b"%PDF-1.7\n", "PDF"),
        (bytes(128) + b"DICM" + bytes(40), "DICOM"),
        (bytes(4) + b"ftypheic" + bytes(40), "HEIC"),
        (b"BMW is a company\n" * 40, "not an image"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(300) + b"\xff\xd9", "damaged"),
        (b"II*\0\x08\0\0\0\0\0" + bytes(100), "damaged"),
    ],
)
def test_what_is_no_image_is_refused_in_words(content: bytes, words: str) -> None:
    assert words in str(refusal(content))


def test_random_bytes_behind_any_signature_raise_nothing_but_image_errors() -> None:
    generator = np.random.default_rng(0)
    for format_ in FORMATS:
        content = encoded(picture(), format_)
        for _ in range(60):
            damaged = bytearray(content)
            for position in generator.integers(2, min(len(content), 600), 6):
                damaged[position] = int(generator.integers(256))
            with contextlib.suppress(ImageError):
                image = decode_image(bytes(damaged), "spot.jpg")
                assert image.dtype == np.uint8
                assert image.shape[2] == 3


def bomb(format_: str) -> bytes:
    """Return a small file that claims more pixels than are read."""
    if format_ == "PNG":
        header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100000)))
    if format_ == "BMP":
        content = bytearray(encoded(picture(), "BMP"))
        content[18:26] = struct.pack("<ii", 60000, 60000)
        return bytes(content)
    if format_ == "WebP":
        features = b"\0\0\0\0" + struct.pack("<I", 16382)[:3] + struct.pack("<I", 16382)[:3]
        body = b"WEBPVP8X" + struct.pack("<I", 10) + features + encoded(picture(), "WebP")[12:]
        return b"RIFF" + struct.pack("<I", len(body)) + body
    if format_ == "TIFF":
        content = bytearray(encoded(picture(), "TIFF"))
        offset = struct.unpack_from("<I", content, 4)[0]
        for position in range(offset + 2, len(content) - 12, 12):
            tag = struct.unpack_from("<H", content, position)[0]
            if tag in {256, 257}:
                struct.pack_into("<HHII", content, position, tag, 4, 1, 60000)
        return bytes(content)
    content = bytearray(encoded(picture(), "JPEG"))
    start = content.index(b"\xff\xc0")
    content[start + 5 : start + 9] = struct.pack(">HH", 60000, 60000)
    return bytes(content)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_header_that_claims_too_many_pixels_is_refused_before_decoding(format_: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = refusal(bomb(format_))
    assert error.kind == "oversize"
    assert "million" in str(error)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_a_file_too_large_to_be_read_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    with path.open("wb") as stream:
        stream.truncate(3 << 30)  # sparse: takes no room
    with pytest.raises(ImageError, match=r"3\.2 GB") as caught:
        read_image(path)
    assert caught.value.kind == "oversize"


def test_what_is_not_there_or_no_file_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "circle.jpg").symlink_to(tmp_path / "circle.jpg")
    listening = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    listening.bind("socket.jpg")
    listening.close()
    for name, kind, words in [
        ("none.jpg", "missing", "no file"),
        ("folder.jpg", "unreadable", "folder"),
        ("pipe.jpg", "unreadable", "regular"),
        ("folder.jpg/inner.jpg", "missing", "no file"),
        ("x" * 300, "unreadable", "too long"),
        ("nu\0ll", "missing", "file name"),
        ("circle.jpg", "unreadable", "link"),
        ("socket.jpg", "unreadable", "regular"),
        ("two\nlines.jpg", "missing", r"two\u000alines"),
    ]:
        with pytest.raises(ImageError) as caught:
            check_image(tmp_path / name)
        assert caught.value.kind == kind
        assert words in str(caught.value)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) <= 500


def test_a_file_that_becomes_a_pipe_before_it_is_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    regular = tmp_path / "spot.jpg"
    regular.touch()
    facts = regular.stat()
    monkeypatch.setattr(Path, "stat", lambda _path, **_options: facts)
    with pytest.raises(ImageError, match="regular"):
        read_image(tmp_path / "pipe.jpg")


def test_a_file_without_permission_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "locked.jpg"
    path.write_bytes(encoded(picture(), "JPEG"))
    path.chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # root may read everything
    try:
        with pytest.raises(ImageError, match="permission") as caught:
            read_image(path)
    finally:
        if root:
            os.seteuid(0)
    assert caught.value.kind == "unreadable"


def test_pillow_warnings_reach_nobody_and_refuse_nothing() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        content = bytearray(encoded(picture(), "TIFF", tiffinfo={270: "x" * 400}))
        offset = struct.unpack_from("<I", content, 4)[0]
        for position in range(offset + 2, len(content) - 12, 12):
            if struct.unpack_from("<H", content, position)[0] == 270:
                struct.pack_into("<I", content, position + 8, 10_000_000)
        assert np.array_equal(decode_image(bytes(content), "a.tif"), picture())
    assert caught == []


# Threads and imports


def test_many_threads_read_at_once(tmp_path: Path) -> None:
    names = []
    for index, format_ in enumerate(FORMATS * 8):
        path = tmp_path / f"{index}.{format_.lower()}"
        path.write_bytes(encoded(picture(seed=index), format_))
        names.append(path)
    filters = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(read_image, names))
    assert warnings.filters == filters
    for path, image in zip(names, together, strict=True):
        assert np.array_equal(image, read_image(path))


def test_importing_the_decoder_loads_no_heavy_library() -> None:
    code = (
        "import sys, trainer.images.decoding; "
        "print([name for name in ('tensorflow', 'pandas', 'scipy', 'tifffile') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.realdata
def test_real_images_are_read_as_pillow_reads_them(real_data: Path) -> None:
    for path in sorted((real_data / "ham10000_600x450_sample" / "images").iterdir())[:10]:
        with Image.open(path) as image:
            assert np.array_equal(read_image(path), np.asarray(image.convert("RGB")))

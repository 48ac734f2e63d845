"""Which files of a folder are images, which are tables, and why the others are neither."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from trainer.dataset.reading.source.companions import companions_among
from trainer.dataset.reading.source.listing import Problem
from trainer.dataset.reading.source.tables import PLAIN_SUFFIXES, TABLE_SUFFIXES
from trainer.files import open_regular
from trainer.images.suffixes import SUFFIXES

if TYPE_CHECKING:
    from trainer.events import StopRequest

ARCHIVES = frozenset({".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2", ".xz"})

_IMAGE_LIKE = {
    **dict.fromkeys((".dcm", ".dicom", ".ima"), "DICOM"),
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIC"),
    ".avif": "AVIF",
    ".gif": "GIF",
    ".svg": "SVG",
    ".psd": "Photoshop",
    **dict.fromkeys((".jp2", ".j2k", ".jpx"), "JPEG 2000"),
    ".jxl": "JPEG XL",
    ".ppm": "PPM",
    ".pgm": "PGM",
    **dict.fromkeys((".raw", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2"), "camera raw"),
    **dict.fromkeys((".npy", ".npz"), "NumPy"),
    **dict.fromkeys((".nii", ".nrrd", ".mha"), "volume"),
    **dict.fromkeys((".mp4", ".mov", ".avi"), "video"),
}
"""Files that hold pictures in a form that is not read."""

_UNFINISHED = frozenset({".crdownload", ".part", ".partial", ".download", ".opdownload", ".tmp", ".!ut"})
_DOCUMENTS = frozenset(
    [
        ".md",
        ".rst",
        ".pdf",
        ".html",
        ".htm",
        ".json",
        ".jsonl",
        ".xml",
        ".yaml",
        ".yml",
        ".toml",
        ".ini",
        ".cfg",
        ".log",
        ".doc",
        ".docx",
        ".odt",
        ".ppt",
        ".pptx",
        ".py",
        ".ipynb",
        ".m",
        ".r",
        ".sh",
        ".bat",
        ".js",
        ".css",
        ".db",
        ".sqlite",
        ".sqlite3",
        ".h5",
        ".hdf5",
        ".pkl",
        ".pt",
        ".pth",
        ".mat",
        ".parquet",
        ".xls",
        ".xlsx",
        ".ods",
        ".numbers",
        ".lnk",
        ".url",
        ".ds_store",
        ".ini",
        ".license",
        ".bib",
        ".tex",
        ".sha256",
        ".md5",
    ]
)
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\x00", b"MM\x00*", b"BM")
_RECOGNISED_BY = 12  # bytes
_MOST_PLAIN = 200  # files without a suffix of a table whose first line is looked at

_STOP_EVERY = 256  # files


class Sorted(msgspec.Struct):
    """The files of a folder.

    Attributes:
        images: paths, sorted.
        tables: paths of tables.
        perhaps: paths of files that may be tables.
        problems: with files that look like images and cannot be read.
        passed_over: reason to number of files that are not taken.
    """

    images: list[str]
    tables: list[str]
    perhaps: list[str]
    problems: list[Problem]
    passed_over: Counter[str]


def sort_out(root: Path, files: list[str], stop: StopRequest | None = None) -> Sorted:
    """Sort the files of a folder.

    Args:
        root: the folder.
        files: paths relative to it, with `/`.
        stop: asked now and then.

    Raises:
        StoppedError: on request.
    """
    found = Sorted([], [], [], [], Counter())
    for number, path in enumerate(files):
        if stop is not None and number % _STOP_EVERY == 0:
            stop.raise_if_asked()
        _sort(root, path, PurePosixPath(path).suffix.lower(), found)
    found.images.sort()
    companions = companions_among(root, found.images)
    if companions:
        found.images = [path for path in found.images if path not in companions]
        found.passed_over["masks and other companions of images"] += len(companions)
    return found


def _sort(root: Path, path: str, suffix: str, found: Sorted) -> None:
    if suffix in SUFFIXES:
        found.images.append(path)
    elif suffix in TABLE_SUFFIXES:
        found.tables.append(path)
    elif suffix in _UNFINISHED:
        _report(found, path, "is a download that was not finished; download it again")
    elif suffix in ARCHIVES:
        _report(found, path, "is an archive; unpack it first, then import again")
    elif suffix in _DOCUMENTS:
        found.passed_over[f"other files ({suffix})"] += 1
    elif _is_image(root / path):
        found.images.append(path)
    elif suffix in _IMAGE_LIKE:
        kind = _IMAGE_LIKE[suffix]
        _report(found, path, f"is a {kind} file, which is not supported; save it as JPEG or PNG")
    elif suffix in PLAIN_SUFFIXES and len(found.perhaps) < _MOST_PLAIN:
        found.perhaps.append(path)
    else:
        found.passed_over[f"other files ({suffix or 'without suffix'})"] += 1


def _is_image(path: Path) -> bool:
    try:
        with open_regular(path) as stream:
            start = stream.read(_RECOGNISED_BY)
    except OSError:
        return False
    return start.startswith(_SIGNATURES) or (start[:4] == b"RIFF" and start[8:] == b"WEBP")


def _report(found: Sorted, path: str, reason: str) -> None:
    found.problems.append(Problem(path=path, sample_id=None, kind="other-format", reason=f"{path} {reason}."))

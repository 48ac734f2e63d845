"""Opens image files: ordinary ones only, since a pipe or a device might never end."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, BinaryIO

from trainer.errors import ImageError
from trainer.images.refusals import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES = 3 << 29
"""Largest file that is read, bytes: 200 million pixels of 16-bit RGB and what belongs to them."""
MISSING = "There is no file {path}; check the name."
"""What is said of a file that is not there."""

# Without O_NONBLOCK opening a pipe waits for a writer; Windows has no such flag, and needs O_BINARY.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open an image file for reading.

    Raises:
        ImageError: it cannot be opened or read, or is too large; `kind` says why.
    """
    name = shown(path)
    try:
        if path.is_dir():  # Windows opens no folder at all
            raise ImageError(f"{name} is a folder, not an image; name a file in it.", "unreadable")
        with os.fdopen(os.open(path, _FLAGS), "rb") as stream:
            _check_kind(os.fstat(stream.fileno()), name)
            yield stream
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ImageError(MISSING.format(path=name), "missing") from error
    except PermissionError as error:
        raise ImageError(f"{name} may not be read; change its permissions.", "unreadable") from error
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise _not_ordinary(name) from error
        if error.errno == errno.ELOOP:
            raise ImageError(
                f"{name} is a link that leads back to itself; name an image file.", "unreadable"
            ) from error
        reason = error.strerror or str(error)
        raise ImageError(
            f"{name} cannot be read: {reason}; check the name and the disk.", "unreadable"
        ) from error
    except ValueError as error:  # a null character in the name
        raise ImageError(f"{name} is not a valid file name; check the name.", "missing") from error


def _check_kind(facts: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise _not_ordinary(name)
    if facts.st_size > MAX_BYTES:
        raise ImageError(
            f"{name} holds {facts.st_size / 1e9:.1f} GB, more than the limit of {MAX_BYTES / 1e9:.1f} GB; "
            "make the image smaller.",
            "oversize",
        )


def _not_ordinary(name: str) -> ImageError:
    return ImageError(f"{name} is not a regular file; name an image file.", "unreadable")

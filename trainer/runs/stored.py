"""JSON files of a run as typed values; what cannot be read is told in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from trainer.errors import TrainerError

if TYPE_CHECKING:
    from pathlib import Path

    Value = TypeVar("Value")

_LARGEST_FILE = 64 << 20  # bytes; no history or table of metrics comes near it


def read_stored(file: Path, decoder: msgspec.json.Decoder[Value], consequence: str) -> Value:
    """Return what a JSON file holds.

    Args:
        file: in the folder that the error names it by.
        decoder: of what it should hold.
        consequence: ends the sentence of the error: what is missing now, or what to do.

    Raises:
        FileNotFoundError: there is no such file.
        TrainerError: it cannot be read.
    """
    try:
        size = file.stat().st_size
        if size > _LARGEST_FILE:
            raise _unreadable(file, f"{size:,} bytes are more than such a file has", consequence)
        return decoder.decode(file.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(file, error.strerror or str(error), consequence) from error
    except msgspec.DecodeError as error:
        raise _unreadable(file, str(error), consequence) from error


def _unreadable(file: Path, reason: str, consequence: str) -> TrainerError:
    name = f"{file.parent.name}/{file.name}"
    return TrainerError(f"{name} cannot be read ({reason.rstrip('.')}): {consequence}.")

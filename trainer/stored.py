"""Stored JSON as typed values: the one reader, with bounds on size and depth, and one error for whatever is wrong.

A file may be damaged by a disk, or come from elsewhere: a byte that is not UTF-8, a hundred thousand brackets, a pipe in
the place of a file. Each of these makes the libraries raise another exception; here all become an `UnreadableError`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from trainer.errors import TrainerError
from trainer.files import read_regular

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Value = TypeVar("Value")

LARGEST_FILE = 64 << 20
"""Bytes; no history or table of metrics comes near it."""
DEEPEST = 64
"""Objects and lists within each other; what we write has fewer than ten."""

_LONGEST_REASON = 200  # characters
_TOO_DEEP = "it is nested too deeply"
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class UnreadableError(Exception):
    """Stored content is not what it should be; the message is a clause, for instance "it is not UTF-8 text"."""


def decoded(content: bytes, decode: Callable[[bytes], Value]) -> Value:
    """Return what JSON holds.

    Args:
        content: of a file, a line, a member of an archive.
        decode: usually that of a `msgspec.json.Decoder`.

    Raises:
        UnreadableError: it is damaged, nested too deeply, or not of the wanted type.
    """
    try:
        value = decode(content)
    except UnicodeDecodeError as error:
        raise UnreadableError("it is not UTF-8 text") from error
    except RecursionError as error:
        raise UnreadableError(_TOO_DEEP) from error
    except ValueError as error:  # of msgspec, json and `int` alike
        raise UnreadableError(_clause(str(error))) from error
    # Some decoders go as deep as Python's stack, and whoever walks through the value later has less of it.
    if _is_deep(content):
        raise UnreadableError(_TOO_DEEP)
    return value


def read_json(file: Path, decode: Callable[[bytes], Value], limit: int = LARGEST_FILE) -> Value:
    """Return what a JSON file holds.

    Args:
        file: a regular one.
        decode: see `decoded`.
        limit: bytes it may have.

    Raises:
        FileNotFoundError: there is no such file.
        UnreadableError: it cannot be read, is larger, damaged, nested too deeply, or not of the wanted type.
    """
    try:
        content = read_regular(file, limit)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error
    return decoded(content, decode)


def read_stored(file: Path, decode: Callable[[bytes], Value], consequence: str) -> Value:
    """Return what a JSON file holds, or raise an error that users can read.

    Args:
        file: in the folder that the error names it by.
        decode: see `decoded`.
        consequence: ends the sentence of the error: what is missing now, or what to do.

    Raises:
        FileNotFoundError: there is no such file.
        TrainerError: it cannot be read.
    """
    try:
        return read_json(file, decode)
    except UnreadableError as error:
        name = f"{file.parent.name}/{file.name}"
        raise TrainerError(f"{name} cannot be read ({error}): {consequence}.") from error


def _is_deep(content: bytes) -> bool:
    """Whether well-formed JSON is nested deeper than `DEEPEST`: each round takes away the innermost brackets."""
    left = _TEXT.sub(b"", content).translate(None, _NO_BRACKETS)
    for _ in range(DEEPEST):
        if not left:
            return False
        left = left.replace(b"[]", b"").replace(b"{}", b"")
    return bool(left)


def _clause(reason: str) -> str:
    """Return the words of a library so that they can stand in a sentence, whatever of the file they quote."""
    shown = "".join(c if c.isprintable() else "?" for c in reason.rstrip("."))
    return shown if len(shown) <= _LONGEST_REASON else shown[: _LONGEST_REASON - 3] + "..."

"""Errors that a user's data, machine or request can cause, with messages that a user can act on.

Every message is one or a few plain sentences: what is wrong, where, and what to do. Anything that is not
a `TrainerError` and reaches the command line is a defect of the program.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from trainer.sentences import shortened, visible

EXIT_DEFECT = 1
EXIT_BAD_INPUT = 2
EXIT_STOPPED = 3


class TrainerError(Exception):
    """Base of all errors whose message may be shown to a user unchanged."""

    def __str__(self) -> str:
        """Return the message in one line of bounded length, whatever names it holds."""
        return shortened(visible(super().__str__()))


ImageProblem: TypeAlias = Literal["undecodable", "truncated", "oversize", "missing", "unreadable"]
"""Not an image or damaged; cut off; too large; no such file; not a file or no permission."""


class ImageError(TrainerError):
    """A file is not an image that can be read in full.

    Attributes:
        kind: what is wrong with it, in one word (see `ImageProblem`).
    """

    def __init__(self, message: str, kind: ImageProblem = "undecodable") -> None:
        super().__init__(message)
        self.kind: ImageProblem = kind


class DatasetError(TrainerError):
    """A folder, a table or a dataset file is not what it should be."""


class ConfigError(TrainerError):
    """A setting is unknown, out of range or contradicts another one."""


class WeightsError(TrainerError):
    """Weights are missing, damaged, or belong to another network."""


class BundleError(TrainerError):
    """A folder is not a bundle, or the bundle is damaged or too new."""


class CheckpointError(TrainerError):
    """There is nothing to resume from, or it belongs to another run."""


class DeviceError(TrainerError):
    """The requested device cannot be used."""


class StorageError(TrainerError):
    """A file cannot be written: disk full, no permission, read-only medium."""


class StoppedError(TrainerError):
    """Work was stopped on request; what was done so far is kept."""

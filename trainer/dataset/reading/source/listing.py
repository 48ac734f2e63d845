"""What a folder of images holds before anything is decoded: samples, problems, and where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from trainer.dataset.fields import Value
from trainer.dataset.reading.source.columns import Columns

ProblemKind: TypeAlias = Literal[
    "undecodable",
    "truncated",
    "oversize",
    "missing",
    "unreadable",
    "without-metadata",
    "unknown-class",
    "id-twice",
    "odd-value",
    "other-format",
    "two-classes",
]
"""The first five are those of `trainer.images.decoding`; a sample with an odd value is kept, without the value."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with a file or a row.

    Attributes:
        path: relative to the root, with `/`; empty where no file is concerned.
        sample_id: where it is known.
        kind: in one word.
        reason: in a sentence.
    """

    path: str
    sample_id: str | None
    kind: ProblemKind
    reason: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A sample as folders and tables describe it.

    Attributes:
        sample_id: unique in the dataset.
        path: relative to the root, with `/`.
        class_name: as written, until `trainer.dataset.reading.joining` has joined spellings.
        facts: by name of the field (see `trainer.dataset.fields`); one that is not known is `None` or absent.
        given_part: of a split that tables or folders give, as written; `None` if none is asked for.
    """

    sample_id: str
    path: str
    class_name: str
    facts: dict[str, Value] = {}
    given_part: str | None = None

    @property
    def grouped(self) -> bool:
        """Whether the lesion or the patient is known."""
        return any(self.facts.get(name) is not None for name in ("lesion_id", "patient_id"))


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What a source holds.

    Attributes:
        layout: name of the one that was found or chosen.
        root: folder that paths are relative to.
        samples: those with a file and a class.
        problems: with rows and files, as far as they show without decoding.
        notes: sentences a user should read.
        passed_over: what was not taken and is no problem, in words, to its number.
        columns: that were chosen, with the table that the user named.
    """

    layout: str
    root: Path
    samples: list[Found]
    problems: list[Problem]
    notes: tuple[str, ...] = ()
    passed_over: dict[str, int] = {}
    columns: Columns = Columns()

"""What a folder of images holds before anything is decoded: samples, problems, and where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

LayoutName: TypeAlias = Literal["kaggle", "isic2018", "class-folders", "csv"]

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
        class_name: tidied (see `trainer.dataset.classes.tidy_class`).
        lesion_id, patient_id, sex, site, dx_type: text, `None` where unknown.
        age: years, `None` where unknown.
    """

    sample_id: str
    path: str
    class_name: str
    lesion_id: str | None = None
    patient_id: str | None = None
    age: float | None = None
    sex: str | None = None
    site: str | None = None
    dx_type: str | None = None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What a source holds.

    Attributes:
        layout: that was found or chosen.
        root: folder that paths are relative to.
        samples: those with a file and a class.
        problems: with rows and files, as far as they show without decoding.
        notes: sentences a user should read.
    """

    layout: LayoutName
    root: Path
    samples: list[Found]
    problems: list[Problem]
    notes: tuple[str, ...] = ()

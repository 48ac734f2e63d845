"""The report of an import. Loads without anything that reads images."""

from __future__ import annotations

import msgspec


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did.

    Attributes:
        added: samples that are new.
        updated: samples whose file or facts have changed.
        unchanged: samples that were there as they are.
        removed: samples whose file or row is gone; they are kept aside and come back with it.
        total: usable samples now.
        problems: rows of the table of problems.
        problem_kinds: kind to number.
        classes: class to number of usable samples.
        lesions: number of different lesion ids.
        layout: that was found or chosen.
        seconds: wall time.
        notes: sentences a user should read.
        passed_over: files and rows that are not taken and are no problem: why, in words, to their number.
    """

    added: int
    updated: int
    unchanged: int
    removed: int
    total: int
    problems: int
    problem_kinds: dict[str, int]
    classes: dict[str, int]
    lesions: int
    layout: str
    seconds: float
    notes: tuple[str, ...] = ()
    passed_over: dict[str, int] = {}

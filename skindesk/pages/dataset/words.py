"""Words of the dataset page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from skindesk.widgets.quantities import images_counted
from trainer.dataset.reading.layouts import AUTO, layout_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.dataset.reports import ImportReport


def _tr(text: str) -> str:
    return QCoreApplication.translate("Dataset", text)


def problems(n: int) -> str:
    """Return a number of problems in words."""
    return (
        _tr("no problems")
        if n == 0
        else _tr("1 problem")
        if n == 1
        else _tr("{n} problems").format(n=f"{n:,}")
    )


def part_name(part: str) -> str:
    """Return the name of a part of the split."""
    return {"train": _tr("Train"), "validation": _tr("Validation"), "test": _tr("Test")}.get(part, part)


PROBLEM_KINDS = {
    "undecodable": "Not an image, or damaged",
    "truncated": "Cut off",
    "oversize": "Too large",
    "missing": "Missing file",
    "unreadable": "Cannot be read",
    "without-metadata": "No class given",
    "unknown-class": "Unknown class",
    "id-twice": "Duplicate id",
    "odd-value": "Invalid value ignored",
    "other-format": "Unsupported file type",
    "two-classes": "Two classes for one file",
}
"""Kinds of problems in a few words; the window translates them."""


def problem_kind(kind: str) -> str:
    """Return what kind of problem it is."""
    return _tr(PROBLEM_KINDS.get(kind, kind))


def layout_name(layout: str) -> str:
    """Return what a layout is called, given its name, an older name or `auto`."""
    if layout == AUTO:
        return _tr("Detect automatically")
    known = layout_named(layout)
    return layout if known is None else _tr(known.title)


def passed_over(reasons: Mapping[str, int]) -> list[str]:
    """Return what an import passed over, a line for each reason.

    Args:
        reasons: in words, to the number of files or rows.
    """
    return [_tr("Skipped: {n} × {what}").format(n=f"{n:,}", what=what) for what, n in reasons.items()]


def imported(report: ImportReport) -> str:
    """Return what an import did, in one or two sentences."""
    if report.added == report.total:
        sentence = _tr("{images} were imported.").format(images=images_counted(report.total))
    elif not (report.added or report.updated or report.removed):
        sentence = _tr("Nothing has changed: {images}.").format(images=images_counted(report.total))
    else:
        changes = [
            (report.added, _tr("{n} new")),
            (report.updated, _tr("{n} changed")),
            (report.removed, _tr("{n} gone")),
            (report.unchanged, _tr("{n} unchanged")),
        ]
        listed = ", ".join(words.format(n=f"{n:,}") for n, words in changes if n)
        sentence = _tr("{images} now: {changes}.").format(images=images_counted(report.total), changes=listed)
    if report.problems:
        unusable = sum(n for kind, n in report.problem_kinds.items() if kind != "odd-value")
        if unusable == 1:
            sentence += " " + _tr("1 file or row could not be used.")
        elif unusable:
            sentence += " " + _tr("{n} files or rows could not be used.").format(n=f"{unusable:,}")
    return sentence

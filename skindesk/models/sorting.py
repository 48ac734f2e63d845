"""Rows of a table in the order of a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

RowT = TypeVar("RowT")


def missing_last(
    rows: Iterable[RowT], value: Callable[[RowT], str | float | None], *, falling: bool
) -> list[RowT]:
    """Return rows sorted by a value; those without one come last either way.

    Args:
        rows: in any order, which those of equal value keep.
        value: what a row is sorted by: texts, or numbers, for all of them; `None` where it is missing.
        falling: whether the largest comes first.
    """
    valued = [(value(row), row) for row in rows]
    known = [(found, row) for found, row in valued if found is not None]
    known.sort(key=lambda pair: pair[0], reverse=falling)
    return [row for _, row in known] + [row for found, row in valued if found is None]

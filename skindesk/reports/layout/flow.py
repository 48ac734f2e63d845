"""Which part of a report comes on which page: plain arithmetic on heights, without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


_HIGHEST_HEAD = 0.25  # of a page


@dataclass(frozen=True)
class Head:
    """The rows of a table that say what its columns hold.

    Attributes:
        start, end: from the top of the piece.
        until: where the table ends; a page that begins before it has the head at its top again.
    """

    start: float
    end: float
    until: float


@dataclass(frozen=True)
class Piece:
    """A part of a report that is kept on one page if it can be. All lengths have one unit.

    Attributes:
        height: of its content.
        space: above it; left out at the top of a page.
        flows: may go on on the next page; other pieces do so only if they are higher than a page.
        with_next: stands on the page where the next piece begins.
        new_page: begins a page.
        cuts: where it may be cut, from its top, rising, each over 0 and below `height`.
        heads: of its tables.
    """

    height: float
    space: float = 0.0
    flows: bool = False
    with_next: bool = False
    new_page: bool = False
    cuts: tuple[float, ...] = ()
    heads: tuple[Head, ...] = ()


@dataclass(frozen=True)
class Slice:
    """What of a piece stands where.

    Attributes:
        piece: its number.
        y: on the page, from the top of the text.
        start, end: of what is shown, from the top of the piece.
    """

    piece: int
    y: float
    start: float
    end: float


def paginate(pieces: Sequence[Piece], page_height: float) -> list[list[Slice]]:
    """Put pieces on pages, in order.

    Args:
        pieces: of the report.
        page_height: of the text on a page, more than 0.

    Returns:
        The slices of each page; one empty page if there is nothing. Heads of tables are slices of their own.
    """
    pages: list[list[Slice]] = [[]]
    y = 0.0
    for index, piece in enumerate(pieces):
        needed = _needed(pieces, index, page_height)
        if pages[-1] and (piece.new_page or y + piece.space + needed > page_height):
            pages.append([])
        y = y + piece.space if pages[-1] else 0.0
        start, fresh = 0.0, not pages[-1]
        while piece.height - start > page_height - y:
            end = _cut(piece, start, page_height - y, forced=fresh)
            if end > start:
                pages[-1].append(Slice(index, y, start, end))
            head = _head_at(piece, end, page_height)
            pages.append([Slice(index, 0.0, head.start, head.end)] if head is not None else [])
            start, y, fresh = end, head.end - head.start if head is not None else 0.0, True
        pages[-1].append(Slice(index, y, start, piece.height))
        y += piece.height - start
    return pages


def _needed(pieces: Sequence[Piece], index: int, page_height: float) -> float:
    """Return the height without which it is not worth while to begin a piece on a page."""
    total = 0.0
    for number in range(index, len(pieces)):
        piece = pieces[number]
        total += piece.space if number > index else 0.0
        if not piece.with_next:
            splits = piece.flows or piece.height > page_height
            return total + (piece.cuts[0] if splits and piece.cuts else piece.height)
        total += piece.height
    return total


def _head_at(piece: Piece, start: float, page_height: float) -> Head | None:
    """Return what stands again at the top of a page that begins within a table; a very high head does not."""
    fitting = (head for head in piece.heads if head.end - head.start < _HIGHEST_HEAD * page_height)
    return next((head for head in fitting if head.end <= start < head.until), None)


def _cut(piece: Piece, start: float, room: float, *, forced: bool) -> float:
    """Return where a piece is cut so that what is between fits: the last place there is, or, if forced, anywhere."""
    fitting = [cut for cut in piece.cuts if start < cut <= start + room]
    if fitting:
        return fitting[-1]
    return start + room if forced else start

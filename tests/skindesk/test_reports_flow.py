"""Pieces of a report on pages: nothing is lost, cut or parted that should not be."""

from __future__ import annotations

import random

import pytest

from skindesk.reports.flow import Piece, Slice, paginate

PAGE = 100.0


def _random_reports(seed: int) -> list[list[Piece]]:
    return [_random_pieces(random.Random(seed + number)) for number in range(50)]


def _random_pieces(generator: random.Random) -> list[Piece]:
    pieces = []
    for _ in range(generator.randrange(1, 30)):
        height = generator.choice([8.0, 20.0, 45.0, 99.0, 100.0, 130.0, 260.0])
        step = generator.choice([5.0, 12.0, 31.0])
        cuts = tuple(step * k for k in range(1, int(height / step) + 1) if step * k < height)
        pieces.append(
            Piece(
                height=height,
                space=generator.choice([0.0, 8.0, 20.0]),
                flows=generator.random() < 0.4,
                with_next=generator.random() < 0.2,
                cuts=cuts if generator.random() < 0.8 else (),
            )
        )
    return pieces


@pytest.mark.parametrize("seed", range(0, 200, 50))
def test_everything_is_shown_once_in_order_and_within_the_page(seed: int) -> None:
    for pieces in _random_reports(seed):
        pages = paginate(pieces, PAGE)
        reached = dict.fromkeys(range(len(pieces)), 0.0)
        last = 0
        for page in pages:
            assert page
            bottom = 0.0
            for part in page:
                assert part.piece >= last
                assert part.start == reached[part.piece]
                assert part.end > part.start
                assert part.y >= bottom - 1e-9
                bottom = part.y + part.end - part.start
                assert bottom <= PAGE + 1e-9
                reached[part.piece], last = part.end, part.piece
        assert reached == {index: piece.height for index, piece in enumerate(pieces)}


@pytest.mark.parametrize("seed", range(0, 200, 50))
def test_only_what_flows_or_is_higher_than_a_page_is_cut_and_only_where_it_may_be(seed: int) -> None:
    for pieces in _random_reports(seed):
        for page in paginate(pieces, PAGE):
            for part in page:
                piece = pieces[part.piece]
                if part.end != piece.height:
                    assert piece.flows or piece.height > PAGE
                    forced = part.y == 0.0 and part.end - part.start == PAGE
                    assert part.end in piece.cuts or forced


def _page_of(pages: list[list[Slice]], piece: int, *, ends: bool) -> int:
    found = [number for number, page in enumerate(pages) for part in page if part.piece == piece]
    return found[-1] if ends else found[0]


@pytest.mark.parametrize("seed", range(0, 200, 50))
def test_a_heading_stands_on_the_page_where_what_it_heads_begins(seed: int) -> None:
    for pieces in _random_reports(seed):
        pages = paginate(pieces, PAGE)
        for index, piece in enumerate(pieces[:-1]):
            following = pieces[index + 1]
            needed = following.cuts[0] if following.cuts else min(following.height, PAGE)
            fits = (
                piece.height + following.space + max(needed, following.height * (not following.flows)) <= PAGE
            )
            if piece.with_next and fits and not following.with_next:
                assert _page_of(pages, index, ends=True) == _page_of(pages, index + 1, ends=False)


def test_space_above_is_left_out_at_the_top_of_a_page() -> None:
    pages = paginate([Piece(60.0, space=20.0), Piece(60.0, space=20.0), Piece(20.0, space=20.0)], PAGE)
    assert [[part.y for part in page] for page in pages] == [[0.0], [0.0, 80.0]]


def test_nothing_makes_one_empty_page() -> None:
    assert paginate([], PAGE) == [[]]

"""Pieces of a report on pages: nothing is lost, cut or parted that should not be."""

from __future__ import annotations

import random

import pytest

from skindesk.reports.layout.flow import Head, Piece, Slice, paginate

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


def test_the_head_of_a_table_is_repeated_where_the_table_goes_on() -> None:
    rows = tuple(
        10.0 + 15.0 * row for row in range(1, 16)
    )  # a head from 10 to 25, rows of 15 to 250, words to 270
    table = Piece(270.0, flows=True, cuts=(*rows[1:], 260.0), heads=(Head(10.0, 25.0, 250.0),))
    assert paginate([Piece(70.0), table, Piece(60.0)], PAGE) == [
        [Slice(0, 0.0, 0.0, 70.0)],  # a head does not stand alone, and with a row it takes 40
        [Slice(1, 0.0, 0.0, 100.0)],
        [Slice(1, 0.0, 10.0, 25.0), Slice(1, 15.0, 100.0, 175.0)],
        [Slice(1, 0.0, 10.0, 25.0), Slice(1, 15.0, 175.0, 260.0)],
        [Slice(1, 0.0, 260.0, 270.0), Slice(2, 10.0, 0.0, 60.0)],  # the words below the table need no head
    ]


def test_a_head_as_high_as_a_page_is_not_repeated() -> None:
    table = Piece(300.0, flows=True, cuts=(80.0, 160.0, 240.0), heads=(Head(0.0, 70.0, 300.0),))
    pages = paginate([table], PAGE)
    assert [[(part.start, part.end) for part in page] for page in pages] == [
        [(0.0, 80.0)],
        [(80.0, 160.0)],
        [(160.0, 240.0)],
        [(240.0, 300.0)],
    ]


def test_nothing_makes_one_empty_page() -> None:
    assert paginate([], PAGE) == [[]]


def test_a_piece_that_begins_a_page_does() -> None:
    pages = paginate([Piece(10.0, new_page=True), Piece(10.0), Piece(10.0, new_page=True)], 100.0)
    assert [[part.piece for part in page] for page in pages] == [[0, 1], [2]]

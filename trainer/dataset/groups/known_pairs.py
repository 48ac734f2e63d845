"""Pairs of images that are known to show one lesion although HAM10000 gives them two lesion ids.

Source: Abhishek, Jain, Hamarneh: Investigating the Quality of DermaMNIST and Fitzpatrick17k Dermatological Image
Datasets, Scientific Data 12, 196 (2025), which confirmed 18 such pairs by eye. Most are two photographs, not copies,
so that comparing the pictures cannot find them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCE = "Abhishek et al. 2025"
"""How the source is named in a sentence."""

_PAIRS: tuple[tuple[tuple[str, str], tuple[str, str]], ...] = (
    (("ISIC_0033481", "HAM_0004198"), ("ISIC_0033421", "HAM_0004196")),
    (("ISIC_0033556", "HAM_0004199"), ("ISIC_0032634", "HAM_0004184")),
    (("ISIC_0029152", "HAM_0003816"), ("ISIC_0033173", "HAM_0003813")),
    (("ISIC_0029036", "HAM_0000955"), ("ISIC_0027027", "HAM_0007604")),
    (("ISIC_0027820", "HAM_0001310"), ("ISIC_0028209", "HAM_0002096")),
    (("ISIC_0027689", "HAM_0003819"), ("ISIC_0032647", "HAM_0003814")),
    (("ISIC_0030906", "HAM_0004847"), ("ISIC_0024879", "HAM_0001387")),
    (("ISIC_0033391", "HAM_0001186"), ("ISIC_0034186", "HAM_0000825")),
    (("ISIC_0025226", "HAM_0004919"), ("ISIC_0030074", "HAM_0000140")),
    (("ISIC_0026087", "HAM_0002378"), ("ISIC_0025664", "HAM_0004619")),
    (("ISIC_0024736", "HAM_0003762"), ("ISIC_0029748", "HAM_0006260")),
    (("ISIC_0024770", "HAM_0000106"), ("ISIC_0027811", "HAM_0006346")),
    (("ISIC_0027162", "HAM_0004905"), ("ISIC_0029061", "HAM_0003881")),
    (("ISIC_0024602", "HAM_0002984"), ("ISIC_0032283", "HAM_0003021")),
    (("ISIC_0029625", "HAM_0004292"), ("ISIC_0024629", "HAM_0005793")),
    (("ISIC_0030000", "HAM_0004735"), ("ISIC_0031392", "HAM_0007465")),
    (("ISIC_0024437", "HAM_0002566"), ("ISIC_0031299", "HAM_0003384")),
    (("ISIC_0033374", "HAM_0006766"), ("ISIC_0033417", "HAM_0007301")),
)
"""Image id and lesion id of both sides of each pair."""


class Side(NamedTuple):
    """One of the two lesion ids of a pair.

    Attributes:
        pair: number of the pair, from 0.
        second: whether it is the second of the two.
    """

    pair: int
    second: bool


_SIDES = {
    identifier: Side(pair, second)
    for pair, sides in enumerate(_PAIRS)
    for second, identifiers in zip((False, True), sides, strict=True)
    for identifier in identifiers
}
_IMAGE_ID = re.compile(r"ISIC_\d{7}(?!\d)", re.IGNORECASE)


def side_of(sample_id: str, path: str, lesion_id: str | None) -> Side | None:
    """Return which side of a known pair a sample shows, if any.

    Args:
        sample_id: of the sample.
        path: of its file; a name such as `ISIC_0033481_cropped.png` holds the image id.
        lesion_id: of the sample, if it is known.
    """
    if lesion_id is not None and (side := _SIDES.get(lesion_id.upper())):
        return side
    for text in (sample_id, path.rpartition("/")[2]):
        if found := _IMAGE_ID.search(text):
            return _SIDES.get(found[0].upper())
    return None


def pair_numbers(
    sample_ids: Iterable[str], paths: Iterable[str], lesion_ids: Iterable[str | None]
) -> list[str | None]:
    """Return what samples of the same known pair have in common, for each sample; `None` for all others."""
    sides = map(side_of, sample_ids, paths, lesion_ids)
    return [None if side is None else str(side.pair) for side in sides]


class PairCounts(NamedTuple):
    """What has become of the known pairs in a dataset.

    Attributes:
        joined: pairs whose images are both present and in one group.
        in_two_parts: pairs whose images lie in different parts of the split.
    """

    joined: int
    in_two_parts: int


def count_pairs(samples: Iterable[tuple[str, str, str | None, str, str | None]]) -> PairCounts:
    """Count the known pairs that are joined, and those that a split divides.

    Args:
        samples: sample id, path, lesion id, group id and part (`None` for none) of each.
    """
    seen: defaultdict[int, list[tuple[Side, str, str | None]]] = defaultdict(list)
    for sample_id, path, lesion_id, group, part in samples:
        side = side_of(sample_id, path, lesion_id)
        if side is not None:
            seen[side.pair].append((side, group, part))
    both = [pair for pair in seen.values() if len({side for side, _, _ in pair}) > 1]
    return PairCounts(
        joined=sum(len({group for _, group, _ in pair}) == 1 for pair in both),
        in_two_parts=sum(len({part for _, _, part in pair if part is not None}) > 1 for pair in both),
    )

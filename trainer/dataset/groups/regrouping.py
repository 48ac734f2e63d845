"""Keeps the stored groups of a dataset right after an import or an edit."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from trainer.dataset.database import damaged
from trainer.dataset.groups.certificate import PARTS
from trainer.dataset.groups.grouping import group_ids
from trainer.dataset.groups.known_pairs import pair_numbers
from trainer.dataset.likeness.looks import BrokenMiniatureError, Pairs, near_duplicates
from trainer.dataset.schema import COMPARE_ANEW, LEAKS_ACCEPTED
from trainer.events import Listener, Progress, Said, StopRequest, silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.dataset.database import Database

_EVENT_SECONDS = 0.1


def compare_looks(
    database: Database, *, listener: Listener = silent, stop: StopRequest | None = None
) -> None:
    """Compare samples not yet compared with all others, and store which are nearly the same picture.

    Args:
        database: of the dataset.
        listener: receives progress events.
        stop: ends it between some hundred samples; those compared are kept.

    Raises:
        StoppedError: on request.
    """
    from threadpoolctl import threadpool_limits

    rows = database.rows("SELECT sample_id, thumbnail, compared FROM looks ORDER BY sample_id")
    total = sum(not row[-1] for row in rows)
    if not total:
        return
    if database.fact(COMPARE_ANEW):
        listener(
            Said(
                message="All images are compared again: mirrored, rotated and cropped copies are now found as well."
            )
        )
    sample_ids, thumbnails, compared = zip(*rows, strict=True)

    def detail(position: int) -> bytes:
        found = database.rows("SELECT detail FROM looks WHERE sample_id = ?", (sample_ids[position],))
        return bytes(found[0][0])

    blocks = _sound(
        database,
        near_duplicates(
            np.frombuffer(b"".join(thumbnails), dtype=np.uint8).reshape(len(rows), -1),
            detail,
            ~np.array(compared, dtype=bool),
        ),
    )
    done = 0
    said = -math.inf
    # The products are small: threads would spend more time waiting for each other than they save (measured on two
    # cores with other work on them: 13 s in place of 3.5).
    with threadpool_limits(limits=1, user_api="blas"):
        for positions, pairs in blocks:
            with database.transaction():
                database.run_many(
                    "INSERT OR IGNORE INTO near_duplicates VALUES (?, ?)",
                    [(sample_ids[first], sample_ids[second]) for first, second in pairs],
                )
                database.run_many(
                    "UPDATE looks SET compared = 1 WHERE sample_id = ?", [(sample_ids[p],) for p in positions]
                )
            done += len(positions)
            now = time.monotonic()
            if done == total or now - said >= _EVENT_SECONDS:
                said = now
                listener(Progress(task="Comparing images", done=done, total=total, unit="images"))
            if stop is not None:
                stop.raise_if_asked()
    database.run("DELETE FROM facts WHERE name = ?", (COMPARE_ANEW,))


def _sound(
    database: Database, blocks: Iterator[tuple[list[int], Pairs]]
) -> Iterator[tuple[list[int], Pairs]]:
    """Yield what was compared; say that the dataset is damaged where a miniature is none."""
    try:
        yield from blocks
    except BrokenMiniatureError as error:
        raise damaged(database.path, f"a thumbnail in it is not an image ({error})") from error


def current_groups(database: Database, *, known_pairs: bool = True) -> list[str]:
    """Return the group id of each usable sample, in the order of their ids, from what the dataset holds.

    Args:
        database: of the dataset.
        known_pairs: join the pairs of `trainer.dataset.groups.known_pairs`, as has been done since version 3 of
            dataset files.
    """
    rows = database.rows(
        "SELECT sample_id, path, lesion_id, patient_id, sha256 FROM samples WHERE usable ORDER BY sample_id"
    )
    if not rows:
        return []
    sample_ids, paths, lesions, patients, files = zip(*rows, strict=True)
    position = {sample_id: index for index, sample_id in enumerate(sample_ids)}
    pairs = [
        (position[first], position[second])
        for first, second in database.rows("SELECT first_id, second_id FROM near_duplicates")
        if first in position and second in position
    ]
    known = pair_numbers(sample_ids, paths, lesions) if known_pairs else [None] * len(sample_ids)
    return group_ids(sample_ids, (lesions, patients, files, known), pairs)


def regroup(database: Database) -> int:
    """Recompute the groups and store what has changed.

    A sample without a part joins the part of its group. Where groups of different parts have become one, the
    whole group goes to the earliest of these parts in the order train, validation, test: so no network that
    was trained before is ever scored on a lesion it has learnt from. A given split whose leaks the user has accepted
    stays as it is.

    Returns:
        Number of samples that were moved from one part to another.
    """
    with database.transaction():
        rows = database.rows("SELECT sample_id, group_id, split FROM samples WHERE usable ORDER BY sample_id")
        if not rows:
            return 0
        sample_ids, old_groups, old_parts = zip(*rows, strict=True)
        groups = current_groups(database)
        parts_of: defaultdict[str, set[str]] = defaultdict(set)
        for group, part in zip(groups, old_parts, strict=True):
            if part is not None:
                parts_of[group].add(part)
        kept = old_parts if database.fact(LEAKS_ACCEPTED) else [None] * len(groups)
        parts = [
            part or (min(parts_of[group], key=PARTS.index) if parts_of[group] else None)
            for part, group in zip(kept, groups, strict=True)
        ]
        old = zip(old_groups, old_parts, strict=True)
        changes = [
            (group, part, sample_id)
            for group, part, sample_id, before in zip(groups, parts, sample_ids, old, strict=True)
            if (group, part) != before
        ]
        database.run_many("UPDATE samples SET group_id = ?, split = ? WHERE sample_id = ?", changes)
        return sum(before not in (None, part) for before, part in zip(old_parts, parts, strict=True))

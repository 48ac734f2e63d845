"""Splits a dataset into train, validation and test: by group, stratified by class, seeded and stored.

Method: greedy assignment. Groups are taken class by class, the rarest class first, large groups before small
ones, equal ones in an order drawn from the seed; each goes to the part where it adds least to the chi-square
distance between what the parts hold and what they should hold: the sum of (images there - images requested)^2 /
images requested, over the classes and over all images together. For groups of one class that is close to the
Sainte-Lague rule of apportionment.

scikit-learn's StratifiedGroupKFold makes equal folds only, which would have to be combined into parts
(20 folds of 5 %); HAM10000's rarest class has 73 groups, three or four to a fold.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from typing import TYPE_CHECKING

from trainer.dataset.groups.certificate import PARTS, SplitCertificate, certify
from trainer.dataset.store import DatasetStore, SplitSettings
from trainer.errors import ConfigError, DatasetError
from trainer.events import Listener, Progress, Said, StopRequest, Warned, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["PARTS", "SplitCertificate", "certify", "check_trainable", "split_dataset"]

_TOLERANCE = 1e-6
_GROUPS_AT_ONCE = 500  # some milliseconds
_WORDS = {2: "two", 3: "three"}


def check_trainable(frame: pd.DataFrame) -> None:
    """Check that there are images of at least two classes.

    Args:
        frame: samples as `DatasetStore.frame` gives them.

    Raises:
        DatasetError: no images, or all of one class.
    """
    classes = frame["class_name"].unique()
    if len(classes) == 0:
        raise DatasetError("The dataset has no images that can be used; import some first.")
    if len(classes) == 1:
        raise DatasetError(
            f"All {len(frame):,} images are of class {classes[0]}; at least two classes are needed to train."
        )


def split_dataset(
    store: DatasetStore,
    *,
    seed: int = 0,
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
    listener: Listener = silent,
    stop: StopRequest | None = None,
) -> SplitCertificate:
    """Split a dataset, replacing its split if it has one.

    Args:
        store: the dataset, open for writing.
        seed: the same seed, samples and fractions give the same split on every machine.
        fractions: share of the images of train, validation and test; together 1, each above 0, but 0 for no test part.
        listener: receives progress events, and a warning for what could not be done as requested.
        stop: ends it; the split that was there stays.

    Returns:
        The certificate, counted from what was stored.

    Raises:
        ConfigError: the fractions are none.
        DatasetError: nothing to split, one class only, or fewer groups than parts.
        StorageError: the dataset cannot be written.
        StoppedError: on request.
    """
    _check_fractions(fractions)
    used = _used_parts(fractions)
    store.regroup(listener=listener, stop=stop)
    with store.database.transaction():
        frame = store.frame()
        check_trainable(frame)
        counts = counts_by_group(frame)
        if len(counts) < len(used):
            raise DatasetError(
                f"The dataset has only {len(counts)} groups (lesions or patients), too few for "
                f"{len(used)} parts; import more images."
            )
        part_of = assign_groups(counts, seed=seed, fractions=fractions, listener=listener, stop=stop)
        empty = [part for part in used if part not in part_of.values()]
        if empty:
            raise DatasetError(
                f"These fractions leave nothing for {' and '.join(empty)}; use larger ones or import more images."
            )
        notes = tuple(_notes(counts, part_of, used))
        parts = {
            sample_id: part_of[group]
            for sample_id, group in zip(frame["sample_id"], frame["group_id"], strict=True)
        }
        store.write_split(parts, SplitSettings(seed, fractions, notes))
    for note in notes:
        listener(Warned(message=note))
    certificate = store.certificate()
    assert certificate is not None
    listener(
        Said(
            message=f"{sum(certificate.images.values()):,} images were split into {_WORDS[len(used)]} parts."
        )
    )
    return certificate


def assign_groups(
    counts: dict[str, Counter[str]],
    *,
    seed: int,
    fractions: tuple[float, float, float],
    listener: Listener = silent,
    stop: StopRequest | None = None,
) -> dict[str, str]:
    """Return the part of each group.

    Args:
        counts: group id to class to number of images.
        seed: of the order among equals.
        fractions: share of the images of each part; a part with 0 gets no group.
        listener: receives progress events.
        stop: asked between some hundred groups.

    Raises:
        StoppedError: on request.
    """
    totals: Counter[str] = Counter()
    groups_with: Counter[str] = Counter()
    for count in counts.values():
        totals.update(count)
        groups_with.update(count.keys())
    rarity = {
        name: rank for rank, name in enumerate(sorted(totals, key=lambda name: (groups_with[name], name)))
    }
    wished = {name: [totals[name] * fraction for fraction in fractions] for name in totals}
    held = {name: [0] * len(PARTS) for name in totals}
    all_wished = [totals.total() * fraction for fraction in fractions]
    all_held = [0] * len(PARTS)
    left = Counter(groups_with)
    used = [part for part, fraction in enumerate(fractions) if fraction > 0]
    part_of: dict[str, str] = {}

    def order(group: str) -> tuple[int, int, bytes]:
        rarest = min(rarity[name] for name in counts[group])
        return rarest, -counts[group].total(), hashlib.sha256(f"{seed}\n{group}".encode()).digest()

    for group in sorted(counts, key=order):
        if len(part_of) % _GROUPS_AT_ONCE == 0:
            listener(Progress(task="Splitting", done=len(part_of), total=len(counts), unit="groups"))
            if stop is not None:
                stop.raise_if_asked()
        count = counts[group]
        rarest = min(count, key=rarity.__getitem__)
        lacking = [part for part in used if held[rarest][part] == 0]
        # The last groups of a rare class go to parts that have none of it yet.
        choices = lacking if lacking and left[rarest] <= len(lacking) else used

        def cost(part: int, count: Counter[str] = count) -> float:
            cost = _added(all_held[part], all_wished[part], count.total())
            return cost + sum(_added(held[name][part], wished[name][part], n) for name, n in count.items())

        chosen = min(choices, key=cost)
        part_of[group] = PARTS[chosen]
        all_held[chosen] += count.total()
        for name, n in count.items():
            held[name][chosen] += n
            left[name] -= 1
    return part_of


def _added(held: int, wished: float, n: int) -> float:
    """Return by how much n more images change (held - wished)^2 / wished."""
    return n * (2 * (held - wished) + n) / wished


def counts_by_group(frame: pd.DataFrame) -> dict[str, Counter[str]]:
    """Return group id to class to number of images, of samples as `DatasetStore.frame` gives them."""
    counts: dict[str, Counter[str]] = {}
    for group, name in zip(frame["group_id"], frame["class_name"], strict=True):
        counts.setdefault(group, Counter())[name] += 1
    return counts


def _check_fractions(fractions: tuple[float, float, float]) -> None:
    sound = len(fractions) == len(PARTS) and all(math.isfinite(share) and share >= 0 for share in fractions)
    sound = sound and 0 not in fractions[:-1]
    if not sound or abs(sum(fractions) - 1.0) > _TOLERANCE:
        raise ConfigError(
            f"The fractions {' '.join(f'{share:g}' for share in fractions)} are not valid; give three "
            "numbers above 0 that sum to 1, for train, validation and test (0 for no test part)."
        )


def _used_parts(fractions: tuple[float, float, float]) -> tuple[str, ...]:
    """Return the parts that are to have images."""
    return tuple(part for part, fraction in zip(PARTS, fractions, strict=True) if fraction > 0)


def _notes(counts: dict[str, Counter[str]], part_of: dict[str, str], used: Sequence[str]) -> list[str]:
    groups: dict[str, Counter[str]] = {}
    images: Counter[str] = Counter()
    for group, count in counts.items():
        images.update(count)
        for name in count:
            groups.setdefault(name, Counter())[part_of[group]] += 1
    notes = []
    if "test" not in used:
        notes.append(
            "There is no test part, so networks can only be scored on images that were used to choose them."
        )
    for name in sorted(groups):
        absent = [part for part in used if not groups[name][part]]
        if absent:
            n = groups[name].total()
            present = [part for part in PARTS if groups[name][part]]
            notes.append(
                f"Class {name} is too rare for {_WORDS[len(used)]} parts: its {_number(images[name], 'image')} form "
                f"{_number(n, 'group')}; it is in {' and '.join(present)}, and not in {' and '.join(absent)}."
            )
    return notes


def _number(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"

"""A split that tables or folders give: checked for leaks, then stored as it is."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from trainer.dataset.groups.certificate import PARTS
from trainer.dataset.reading.source.columns import FOLDER_NAME, TABLE_NAME
from trainer.dataset.reading.source.parts import part_named
from trainer.dataset.reading.source.tables import text_or_none
from trainer.dataset.store import SplitSettings
from trainer.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trainer.dataset.reading.source.listing import Listing
    from trainer.dataset.store import DatasetStore

_NAMED = 5  # lesions or groups that fit into a sentence
_TITLES = {"lesion_id": "lesion", "patient_id": "patient"}


def given_parts(listing: Listing) -> dict[str, str]:
    """Return the part of each sample that has one.

    Raises:
        DatasetError: a cell names no part; a lesion or patient lies in two parts, and that is not accepted.
    """
    if listing.columns.split is None:
        return {}
    written = {sample.sample_id: sample.given_part or "" for sample in listing.samples}
    parts = {sample_id: part_named(text) for sample_id, text in written.items()}
    odd = Counter(
        text for sample_id, text in written.items() if parts[sample_id] is None and text_or_none(text)
    )
    if odd and (listing.columns.split not in {TABLE_NAME, FOLDER_NAME} or not any(parts.values())):
        listed = ", ".join(repr(text) for text, _n in odd.most_common(_NAMED))
        raise DatasetError(
            f"{_source(listing).capitalize()} has {listed}, which is not train, validation or test; use "
            "these words there, or import without it and run `split`."
        )
    found = {sample_id: part for sample_id, part in parts.items() if part is not None}
    if "train" not in found.values():
        raise DatasetError(
            f"{_source(listing).capitalize()} puts no image in train; choose another column, or import "
            "without it and run `split`."
        )
    if not listing.columns.accept_leaks:
        for field, title in _TITLES.items():
            ids = {sample.sample_id: sample.facts.get(field) for sample in listing.samples}
            divided = _divided(found, {sample_id: str(i) for sample_id, i in ids.items() if i is not None})
            if divided:
                raise _refusal(listing, title, divided)
    return found


def store_given_split(store: DatasetStore, listing: Listing, parts: Mapping[str, str]) -> list[str]:
    """Store a given split.

    Args:
        store: the dataset, open for writing, with its groups worked out.
        listing: that gives the split.
        parts: see `given_parts`.

    Returns:
        Sentences about it, which its certificate has as well.

    Raises:
        DatasetError: a group lies in two parts, and that is not accepted; no split is stored then.
    """
    groups: dict[str, str] = dict(store.database.rows("SELECT sample_id, group_id FROM samples WHERE usable"))
    there = {sample_id: part for sample_id, part in parts.items() if sample_id in groups}
    divided = _divided(there, groups)
    if divided and not listing.columns.accept_leaks:
        raise _refusal(listing, "group", divided)
    notes = [f"The split was given by {_source(listing)}."]
    if divided:
        notes.append(
            f"The given split leaks: it divides {_number(len(divided), 'group')}, {_listed(divided)}. "
            "Figures on the test part will be too good."
        )
    counts = Counter(there.values())
    notes += [f"The given split puts no image in {part}." for part in PARTS if not counts[part]]
    shares = tuple(counts[part] / max(1, len(there)) for part in PARTS)
    settings = SplitSettings(
        0,
        (shares[0], shares[1], shares[2]),
        tuple(notes),
        given=listing.columns.split or "",
        leaks_accepted=bool(divided),
    )
    store.write_split(there, settings)
    return notes


def _source(listing: Listing) -> str:
    name = listing.columns.split
    if name == TABLE_NAME:
        return "the names of the tables"
    return "the names of the folders" if name == FOLDER_NAME else f"the column {name!r}"


def _divided(parts: Mapping[str, str], ids: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the ids whose samples lie in several parts, each with one sample of each part."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for sample_id, part in parts.items():
        if sample_id in ids:
            found[ids[sample_id]].setdefault(part, sample_id)
    return {name: samples for name, samples in found.items() if len(samples) > 1}


def _refusal(listing: Listing, title: str, divided: Mapping[str, Mapping[str, str]]) -> DatasetError:
    return DatasetError(
        f"{_source(listing).capitalize()} divides {_number(len(divided), title)}: {_listed(divided)}. No split was "
        "taken; correct it, import without it and run `split`, or accept the leak (--accept-leaks)."
    )


def _listed(divided: Mapping[str, Mapping[str, str]]) -> str:
    listed = [
        f"{name} ({', '.join(f'{sample_id} in {part}' for part, sample_id in _by_part(samples))})"
        for name, samples in sorted(divided.items())[:_NAMED]
    ]
    more = len(divided) - len(listed)
    return "; ".join(listed) + (f" and {more:,} more" if more else "")


def _by_part(samples: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    return sorted(samples.items(), key=lambda item: PARTS.index(item[0]))


def _number(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"

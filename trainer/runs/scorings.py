"""How often each bundle was scored on a dataset's test part, counted in the dataset.

A test part that is looked at again and again is on its way to becoming a validation part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trainer.stored import UnreadableError, decoded

if TYPE_CHECKING:
    from trainer.dataset.store import DatasetStore

_FACT = "test_scorings"
_COUNTS = msgspec.json.Decoder(dict[str, int])


def scorings_of(store: DatasetStore, bundle_hash: str) -> int:
    """Return how often a bundle was scored on the test part of a dataset.

    Args:
        store: the dataset.
        bundle_hash: twelve digits of the bundle.
    """
    return _counts(store).get(bundle_hash, 0)


def count_scoring(store: DatasetStore, bundle_hash: str) -> int:
    """Count one more scoring of a bundle on the test part.

    Returns:
        How many there are now.

    Raises:
        StorageError: the dataset file cannot be written.
    """
    with store.database.transaction():
        counts = _counts(store)
        counts[bundle_hash] = counts.get(bundle_hash, 0) + 1
        store.database.set_fact(_FACT, msgspec.json.encode(counts).decode())
    return counts[bundle_hash]


def _counts(store: DatasetStore) -> dict[str, int]:
    try:
        return decoded((store.database.fact(_FACT) or "{}").encode(), _COUNTS.decode)
    except UnreadableError:
        return {}

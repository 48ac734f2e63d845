"""The split a network was trained on, found again in a dataset that may have been split anew since.

A bundle names the seed and the fractions of its split and the fingerprint of the dataset with it. Splitting is
deterministic, so where the samples are still the same, one of a few ways to split gives that fingerprint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.dataset.groups.regrouping import current_groups
from trainer.dataset.splitting import assign_groups, counts_by_group
from trainer.dataset.store import fingerprint_of

if TYPE_CHECKING:
    import pandas as pd

    from trainer.dataset.groups.certificate import SplitCertificate
    from trainer.dataset.store import DatasetStore


def frame_as_split(store: DatasetStore, certificate: SplitCertificate) -> pd.DataFrame | None:
    """Return a dataset's samples with the groups and parts that a certificate is about.

    Tried are the stored split, then a split with the certificate's seed and fractions, first with today's groups, then
    with those of dataset files before version 3, which did not join known pairs.

    Args:
        store: the dataset; it is only read.
        certificate: of a bundle.

    Returns:
        As `DatasetStore.frame`; `None` where the samples or their classes are others.
    """
    frame = store.frame()
    if store.fingerprint() == certificate.fingerprint:
        return frame
    for known_pairs in (True, False):
        frame["group_id"] = np.array(current_groups(store.database, known_pairs=known_pairs), dtype=object)
        parts = assign_groups(counts_by_group(frame), seed=certificate.seed, fractions=certificate.fractions)
        frame["split"] = frame["group_id"].map(parts)
        rows = frame[["sample_id", "sha256", "class_name", "group_id", "split"]]
        if fingerprint_of(rows.itertuples(index=False, name=None)) == certificate.fingerprint:
            return frame
    return None

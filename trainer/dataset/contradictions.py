"""Files that occur more than once: under two classes none is used; under one they count as copies."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.dataset.database import Database


def set_contradictions_aside(database: Database) -> set[str]:
    """Take equal files (same SHA-256) of different classes out of the dataset and list them as problems.

    Returns:
        The ids of these samples.
    """
    with database.transaction():
        rows = database.rows(
            "SELECT sha256, sample_id, path, class_name FROM samples WHERE usable AND sha256 IN ("
            "SELECT sha256 FROM samples WHERE usable GROUP BY sha256 HAVING count(DISTINCT class_name) > 1)"
            " ORDER BY sample_id"
        )
        files: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for sha256, *sample in rows:
            files[sha256].append((sample[0], sample[1], sample[2]))
        for samples in files.values():
            for sample_id, path, class_name in samples:
                other = next(other for other in samples if other[2] != class_name)
                reason = (
                    f"{path} is of class {class_name}, but the same file is of class {other[2]} as "
                    f"{other[1]}; neither is used until one of them is corrected or removed."
                )
                database.run(
                    "INSERT INTO problems (path, sample_id, kind, reason) VALUES (?, ?, 'two-classes', ?)",
                    (path, sample_id, reason),
                )
        aside = {sample_id for samples in files.values() for sample_id, _path, _class in samples}
        database.run_many("UPDATE samples SET usable = 0 WHERE sample_id = ?", [(name,) for name in aside])
        return aside


def copies_in_words(database: Database) -> list[str]:
    """Return a sentence on usable samples whose files are equal, if there are any."""
    ((n, different),) = database.rows(
        "SELECT count(*), count(DISTINCT sha256) FROM samples WHERE usable AND sha256 IN ("
        "SELECT sha256 FROM samples WHERE usable GROUP BY sha256 HAVING count(*) > 1)"
    )
    if not n:
        return []
    return [
        f"{n:,} images are copies of each other, byte for byte ({different:,} different); copies stay in one group."
    ]

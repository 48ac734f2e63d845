"""The tables of a dataset file.

`facts` holds what is said once: the images' folder, the layout, how the split was made. `looks` and
`near_duplicates` hold what samples look like and which look the same. `edits` is the undo log. A class is `marked` as malignant (1) or benign
(0) by the user; where it is not, its name decides. The columns of
`samples` for facts are those of `trainer.dataset.fields`.
"""

from __future__ import annotations

from trainer.dataset import fields

APPLICATION_ID = 0x534B4453
"""`SKDS` in SQLite's header: tells a dataset from every other SQLite file."""

SCHEMA_VERSION = 3
"""Stored as `user_version`; a file with a larger one is refused, one with a smaller one upgraded when it is written to."""

PAGE_SIZE = 8192
"""Bytes; holds three miniatures of some 2 kB, where SQLite's usual 4096 hold one."""

_TABLES = """
CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE classes (
    class_name TEXT PRIMARY KEY,
    marked     INTEGER CHECK (marked IN (0, 1))
) WITHOUT ROWID;

CREATE TABLE samples (
    sample_id  TEXT PRIMARY KEY,
    path       TEXT NOT NULL,
    class_name TEXT NOT NULL REFERENCES classes (class_name),
    group_id   TEXT NOT NULL,
    split      TEXT CHECK (split IN ('train', 'validation', 'test')),
    {facts},
    width      INTEGER NOT NULL,
    height     INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    mtime_ns   INTEGER NOT NULL,
    sha256     TEXT NOT NULL,
    usable     INTEGER NOT NULL DEFAULT 1 CHECK (usable IN (0, 1))
);
CREATE INDEX samples_by_group ON samples (group_id);

CREATE TABLE looks (
    sample_id TEXT PRIMARY KEY REFERENCES samples (sample_id) ON DELETE CASCADE,
    thumbnail BLOB NOT NULL,
    detail    BLOB NOT NULL,
    compared  INTEGER NOT NULL DEFAULT 0 CHECK (compared IN (0, 1))
);

CREATE TABLE near_duplicates (
    first_id  TEXT NOT NULL REFERENCES samples (sample_id) ON DELETE CASCADE,
    second_id TEXT NOT NULL REFERENCES samples (sample_id) ON DELETE CASCADE,
    PRIMARY KEY (first_id, second_id)
) WITHOUT ROWID;

CREATE TABLE problems (
    problem_id INTEGER PRIMARY KEY,
    path       TEXT NOT NULL,
    sample_id  TEXT,
    kind       TEXT NOT NULL,
    reason     TEXT NOT NULL,
    bytes      INTEGER,
    mtime_ns   INTEGER
);

CREATE TABLE edits (
    edit_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    made        TEXT NOT NULL,
    description TEXT NOT NULL
);

CREATE TABLE edit_changes (
    edit_id   INTEGER NOT NULL REFERENCES edits (edit_id) ON DELETE CASCADE,
    sample_id TEXT NOT NULL REFERENCES samples (sample_id) ON DELETE CASCADE,
    field     TEXT NOT NULL,
    before,
    after,
    PRIMARY KEY (edit_id, sample_id, field)
) WITHOUT ROWID;
"""


def tables() -> str:
    """Return the statements that create the tables of an empty dataset."""
    return _TABLES.format(facts=",\n    ".join(map(column, fields.FACTS)))


def column(field: fields.Field) -> str:
    """Return the definition of a fact's column."""
    return f"{field.name} {'REAL' if field.kind == 'number' else 'TEXT'}"


COMPARE_ANEW = "compare_anew"
"""A fact that is there as long as pairs are those an older program found, which found fewer."""

LEAKS_ACCEPTED = "leaks_accepted"
"""A fact that is there as long as the split is a given one that divides groups, and the user wants it so."""

UPGRADES = {
    1: """
CREATE TABLE new_looks (
    sample_id TEXT PRIMARY KEY REFERENCES samples (sample_id) ON DELETE CASCADE,
    thumbnail BLOB NOT NULL,
    detail    BLOB NOT NULL,
    compared  INTEGER NOT NULL DEFAULT 0 CHECK (compared IN (0, 1))
);
INSERT INTO new_looks (sample_id, thumbnail, detail) SELECT sample_id, thumbnail, detail FROM looks;
DROP TABLE looks;
ALTER TABLE new_looks RENAME TO looks;
INSERT OR REPLACE INTO facts VALUES ('compare_anew', 'yes');
""",
    2: """
ALTER TABLE classes ADD COLUMN marked INTEGER CHECK (marked IN (0, 1));
UPDATE classes SET marked = 1 WHERE malignant;
ALTER TABLE classes DROP COLUMN malignant;
""",
}
"""What brings a file of a version to the next one."""

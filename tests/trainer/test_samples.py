"""The table of samples: written, opened by a spreadsheet, imported again; rescued from damaged datasets."""

from __future__ import annotations

import csv
import io
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.drawn import HamFolder, write_image, write_table
from trainer.dataset.importing import import_dataset
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore
from trainer.errors import DatasetError
from trainer.tables import spreadsheet_plain, spreadsheet_safe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.trainer.shell import Shell

COLUMNS = "path,class_name,dx_type,age,sex,site,lesion_id,patient_id,split,group_id"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Eight lesions of two classes, split."""
    ham = HamFolder(tmp_path / "images")
    for number in range(4):
        ham.add("mel", 1 + number % 2)
        ham.add("nv", 2)
    import_dataset(ham.write(), tmp_path / "data.db")
    with DatasetStore.open(tmp_path / "data.db") as store:
        split_dataset(store)
    return tmp_path / "data.db"


def table_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_of_samples_is_imported_again_with_the_same_result(
    file: Path, shell: Shell, tmp_path: Path
) -> None:
    printed = shell("samples", file, "--csv", "-").out
    assert printed.splitlines()[0] == COLUMNS
    table = file.parent / "images" / "samples.csv"
    shell("samples", file, "--csv", table)
    assert table.read_text(encoding="utf-8") == printed
    import_dataset(table, tmp_path / "again.db")
    facts = ["path", "class_name", "dx_type", "age", "sex", "site", "lesion_id", "patient_id", "sha256"]
    with DatasetStore.open(file) as old, DatasetStore.open(tmp_path / "again.db") as new:
        before, after = old.frame().sort_values("path"), new.frame().sort_values("path")
    assert before[facts].to_numpy().tolist() == after[facts].to_numpy().tolist()
    rows = table_of(printed)
    assert [row["split"] for row in rows] == before["split"].tolist()
    assert [row["group_id"] for row in rows] == before["group_id"].tolist()
    assert rows[0]["age"] == "55"


def test_cells_that_look_like_formulas_are_text_and_come_back(shell: Shell, tmp_path: Path) -> None:
    names = ["=1+1", "+x", "@sum", "-x", "plain"]
    rows = [
        (write_image(tmp_path / "images" / f"{seed}.png", seed).name, name, "-0.5")
        for seed, name in enumerate(names)
    ]
    write_table(tmp_path / "images" / "table.csv", ("image", "diagnosis", "lesion_id"), rows)
    import_dataset(tmp_path / "images" / "table.csv", tmp_path / "data.db")
    written = table_of(shell("samples", tmp_path / "data.db", "--csv", "-").out)
    assert sorted(row["class_name"] for row in written) == sorted(["'=1+1", "'+x", "'@sum", "'-x", "plain"])
    assert {row["lesion_id"] for row in written} == {"-0.5"}
    (tmp_path / "images" / "table.csv").unlink()
    shell("samples", tmp_path / "data.db", "--csv", tmp_path / "images" / "samples.csv")
    again = import_dataset(tmp_path / "images", tmp_path / "again.db")
    assert again.classes == dict.fromkeys(sorted(names), 1)


@pytest.mark.parametrize(
    "text", ["=a", "'=a", "''=a", "\ta", "\ra", "-a", "-1", "+1e5", "'a", "", "a", "\uff1da"]
)
def test_what_is_made_safe_comes_back_as_it_was(text: str) -> None:
    assert spreadsheet_plain(spreadsheet_safe(text)) == text


def change(sql: str) -> Callable[[Path], None]:
    """Return what runs SQL on a dataset without any of its checks."""

    def damage(file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(
                f"PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; {sql}"
            )

    return damage


def flip(place: int) -> Callable[[Path], None]:
    """Return what flips a byte of a dataset."""

    def damage(file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        content = bytearray(file.read_bytes())
        content[place] ^= 0xFF
        file.write_bytes(content)

    return damage


def cut_off(file: Path) -> None:
    """Cut the last page off a dataset."""
    flip(18)(file)
    content = bytearray(file.read_bytes())
    content[18] ^= 0xFF
    file.write_bytes(content[:-8192])


ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x"
DAMAGES = {
    "text that is not UTF-8": change("UPDATE samples SET site = CAST(x'ff41' AS TEXT) WHERE rowid = 1"),
    "a class that is not UTF-8": change(
        "UPDATE samples SET class_name = CAST(x'ff41' AS TEXT) WHERE rowid = 1;"
        "INSERT INTO classes (class_name) VALUES (CAST(x'ff41' AS TEXT))"
    ),
    "format for writing": flip(18),
    "format for reading": flip(19),
    "payload fraction": flip(21),
    "cut off": cut_off,
    "missing column": change("ALTER TABLE samples DROP COLUMN sha256"),
    "missing table": change("DROP TABLE edit_changes"),
    "endless view": change(f"DROP TABLE problems; CREATE VIEW problems AS {ENDLESS} AS problem_id FROM n"),
    "trigger": change("CREATE TRIGGER t AFTER UPDATE ON samples BEGIN DELETE FROM samples; END"),
    "number that is a text": change("UPDATE samples SET age = 'old' WHERE rowid = 1"),
    "text that is bytes": change("UPDATE samples SET lesion_id = x'00ff' WHERE rowid = 1"),
    "width that is a text": change("UPDATE samples SET width = 'wide' WHERE rowid = 1"),
    "path with a zero byte": change("UPDATE samples SET path = 'a' || char(0) || 'b' WHERE rowid = 1"),
    "miniature": change("UPDATE looks SET thumbnail = x'00' WHERE rowid = 1"),
    "part that is none": change("UPDATE samples SET split = 'holdout' WHERE rowid = 1"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_dataset_is_one_sentence_and_its_samples_are_rescued(
    file: Path, shell: Shell, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    whole = shell("samples", file, "--csv", "-").out.splitlines()
    damage(file)
    assert "is damaged" in shell.refused("split", file)
    assert "is damaged" in shell.refused("import", tmp_path / "images", "--out", file)
    rescued = shell("samples", file, "--csv", "-")
    assert rescued.status == 0
    assert "is damaged" in rescued.err
    assert "14 samples that can still be read were written" in rescued.err
    lines = rescued.out.splitlines()
    assert len(lines) == len(whole) == 15
    assert len(set(lines) & set(whole)) >= 13  # a row with an odd value is written as it can be


@pytest.mark.parametrize(
    "damage",
    [
        change(f"DROP TABLE samples; CREATE VIEW samples AS {ENDLESS} AS path, x AS class_name FROM n"),
        change("ALTER TABLE samples RENAME TO s"),
        flip(0),
    ],
)
def test_where_nothing_can_be_read_that_is_one_sentence(
    file: Path, shell: Shell, damage: Callable[[Path], None]
) -> None:
    damage(file)
    assert shell.refused("samples", file, "--csv", "-")


def test_a_split_that_cannot_be_read_is_one_sentence(file: Path, tmp_path: Path, shell: Shell) -> None:
    change("UPDATE facts SET value = '{' WHERE name = 'split'")(file)
    assert "how it was split cannot be read" in shell.refused("import", tmp_path / "images", "--out", file)


@pytest.mark.parametrize("miniature", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n"])
def test_a_miniature_that_is_no_picture_is_one_sentence(file: Path, shell: Shell, miniature: bytes) -> None:
    change(
        "CREATE TEMP TABLE one AS SELECT thumbnail FROM looks LIMIT 1;"  # all alike, so that they are compared
        f"UPDATE looks SET compared = 0, thumbnail = (SELECT thumbnail FROM one), detail = x'{miniature.hex()}';"
        "DELETE FROM near_duplicates"
    )(file)
    assert "a thumbnail in it is not an image" in shell.refused("split", file)


def test_a_log_of_corrections_that_names_no_column_is_refused(file: Path) -> None:
    with DatasetStore.open(file) as store:
        sample = store.frame()["sample_id"].iloc[0]
        store.edit([sample], site="hand")
        store.database.run("UPDATE edit_changes SET field = 'class_name = ''x'', path'")
        with pytest.raises(DatasetError, match="its log of corrections"):
            store.undo()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on Windows")
def test_a_pipe_in_place_of_a_dataset_is_refused_at_once(file: Path, tmp_path: Path, shell: Shell) -> None:
    pipe = tmp_path / "pipe.db"
    os.mkfifo(pipe)
    for words in (
        ("split", pipe),
        ("samples", pipe, "--csv", "-"),
        ("import", tmp_path / "images", "--out", pipe),
    ):
        assert "pipe.db" in shell.refused(*words)
    os.mkfifo(f"{file}-wal")
    assert "remove it" in shell.refused("split", file)

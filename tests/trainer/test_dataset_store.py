from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from trainer.dataset import database
from trainer.dataset.importing import import_dataset
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore
from trainer.errors import DatasetError, StorageError
from trainer.events import AnyEvent, Said

if TYPE_CHECKING:
    from pathlib import Path

    from tests.drawn import HamFolder


@pytest.fixture
def file(small_ham: HamFolder, tmp_path: Path) -> Path:
    path = tmp_path / "data #1?.db"
    import_dataset(small_ham.root, path)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        DatasetStore.open(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    return text


def test_no_such_dataset(tmp_path: Path) -> None:
    assert "There is no dataset" in refusal(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_a_folder_is_no_dataset(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"just text", bytes(5000)])
def test_another_file_is_no_dataset(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(content)
    assert "is not a SkinDesk dataset" in refusal(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_no_dataset(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a)")
    assert "another program" in refusal(path)


def test_a_newer_dataset_is_refused(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert "newer SkinDesk (dataset version 99)" in refusal(file)


def as_version_1(file: Path) -> None:
    """Make a dataset what the first version of the program would have left: with hashes, and all compared."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.executescript(
            """
            CREATE TABLE old_looks (
                sample_id       TEXT PRIMARY KEY REFERENCES samples (sample_id) ON DELETE CASCADE,
                difference_hash INTEGER NOT NULL,
                thumbnail       BLOB NOT NULL,
                detail          BLOB NOT NULL,
                compared        INTEGER NOT NULL DEFAULT 0 CHECK (compared IN (0, 1))
            );
            INSERT INTO old_looks SELECT sample_id, 0, thumbnail, detail, 1 FROM looks;
            DROP TABLE looks;
            ALTER TABLE old_looks RENAME TO looks;
            DELETE FROM near_duplicates;
            UPDATE samples SET group_id = sample_id;
            ALTER TABLE classes ADD COLUMN malignant INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE classes DROP COLUMN marked;
            PRAGMA user_version = 1;
            """
        )


def test_a_dataset_of_the_first_version_is_compared_anew_with_the_next_import(
    ham: HamFolder, tmp_path: Path
) -> None:
    first, mirrored, other = (ham.add("nv")[0] for _ in range(3))
    with Image.open(ham.paths[first]) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(ham.paths[mirrored], quality=95)
    file = tmp_path / "data.db"
    import_dataset(ham.write(), file)
    as_version_1(file)
    with DatasetStore.open(file, read_only=True) as store:
        assert store.frame()["group_id"].tolist() == [first, mirrored, other]
    said: list[AnyEvent] = []
    report = import_dataset(ham.root, file, listener=said.append)
    assert (report.added, report.updated, report.unchanged) == (0, 0, 3)
    with DatasetStore.open(file) as store:
        assert store.frame()["group_id"].tolist() == [first, first, other]
        assert store.check_integrity() == []
    sentences = [event.message for event in said if isinstance(event, Said)]
    assert sentences == [
        "All images are compared again: mirrored, rotated and cropped copies are now found as well."
    ]
    again: list[AnyEvent] = []
    import_dataset(ham.root, file, listener=again.append)
    assert not [event for event in again if isinstance(event, Said)]


def test_a_damaged_dataset_is_refused(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[8192:] = b"\x5a" * (len(content) - 8192)
    file.write_bytes(content)
    assert "is damaged" in refusal(file)


def test_a_cut_dataset_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:20_000])
    assert "is damaged" in refusal(file)


def test_create_overwrites_nothing(file: Path) -> None:
    with pytest.raises(DatasetError, match="exists already"):
        DatasetStore.create(file)


def test_an_empty_dataset_is_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "data.db"
    DatasetStore.create(path).close()
    with DatasetStore.open(path) as store:
        assert (len(store.frame()), len(store.problems()), store.classes) == (0, 0, ())
        assert store.certificate() is None
        assert store.check_integrity() == []
        with pytest.raises(DatasetError, match="Nothing has been imported"):
            _ = store.root


def test_frame_of_one_part(file: Path) -> None:
    with DatasetStore.open(file) as store:
        split_dataset(store, fractions=(0.4, 0.3, 0.3))
        parts = [store.frame(part) for part in ("train", "validation", "test")]
        assert sum(len(part) for part in parts) == 8
        assert set(parts[2]["split"]) == {"test"}


def test_the_fingerprint_tells_class_split_and_group(file: Path) -> None:
    with DatasetStore.open(file) as store:
        seen = {store.fingerprint()}
        assert store.fingerprint() in seen
        store.edit(["ISIC_0000000"], class_name="bkl")
        seen.add(store.fingerprint())
        store.edit(["ISIC_0000000"], lesion_id="HAM_X")
        seen.add(store.fingerprint())
        split_dataset(store, fractions=(0.4, 0.3, 0.3))
        seen.add(store.fingerprint())
        assert len(seen) == 4
        before = store.fingerprint()
        store.edit(["ISIC_0000000"], site="foot")
        assert store.fingerprint() == before


def test_an_edit_is_taken_back_whole(file: Path) -> None:
    with DatasetStore.open(file) as store:
        split_dataset(store, fractions=(0.4, 0.3, 0.3))
        before = store.frame()
        store.edit(list(before["sample_id"]), lesion_id="HAM_ALL")
        assert store.frame()["group_id"].nunique() == 1
        assert set(store.frame()["split"]) == {"train"}
        store.edit(["ISIC_0000000"], class_name=" BKL ", age=None)
        assert "bkl" not in store.malignant
        assert store.undo() == "1 sample: class_name = bkl, age = unknown"
        assert store.undo() == "8 samples: lesion_id = HAM_ALL"
        assert store.undo() is None
        assert store.frame().equals(before)


def test_undo_leaves_a_newer_split_alone(file: Path) -> None:
    with DatasetStore.open(file) as store:
        split_dataset(store, fractions=(0.4, 0.3, 0.3))
        ids = ["ISIC_0000002", "ISIC_0000005"]
        store.edit(ids, lesion_id="HAM_ALL")
        split_dataset(store, seed=5, fractions=(0.4, 0.3, 0.3))
        parts = store.frame().set_index("sample_id").loc[ids, "split"].tolist()
        store.undo()
        assert store.frame().set_index("sample_id").loc[ids, "split"].tolist() == parts


@pytest.mark.parametrize(
    ("ids", "fields", "words"),
    [
        (["nobody"], {"class_name": "nv"}, "has no sample 'nobody'"),
        (["ISIC_0000000"], {"class_name": " "}, "must have a class"),
        (["ISIC_0000000"], {"age": "old"}, "'old' is not a valid age"),
        (["ISIC_0000000"], {"age": -1.0}, "is not a valid age"),
        (["ISIC_0000000"], {"sha256": "0"}, "cannot be changed"),
    ],
)
def test_edits_that_cannot_be(file: Path, ids: list[str], fields: dict[str, str], words: str) -> None:
    with DatasetStore.open(file) as store:
        before = store.frame()
        with pytest.raises(DatasetError, match=words):
            store.edit(ids, **fields)
        assert store.frame().equals(before)
        assert store.undo() is None


def test_relocate(file: Path, small_ham: HamFolder, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    small_ham.root.rename(moved)
    with DatasetStore.open(file) as store:
        with pytest.raises(DatasetError, match="There is no folder"):
            store.relocate(tmp_path / "nothing")
        (tmp_path / "other").mkdir()
        with pytest.raises(DatasetError, match="does not hold the images"):
            store.relocate(tmp_path / "other")
        store.relocate(moved)
        assert store.frame()["path"].str.startswith(str(moved)).all()


def test_a_dataset_and_its_folder_can_be_read_on_a_read_only_medium(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "cd" / "data.db"
    copy.parent.mkdir()
    shutil.copyfile(file, copy)
    copy.chmod(0o444)
    copy.parent.chmod(0o555)
    try:
        with DatasetStore.open(copy, read_only=True) as store:
            assert len(store.frame()) == 8
            with pytest.raises(StorageError, match="write-protected"):
                store.edit(["ISIC_0000000"], class_name="nv")
    finally:
        copy.parent.chmod(0o755)


def test_two_processes_have_it_open(file: Path) -> None:
    with DatasetStore.open(file) as store:
        before = store.fingerprint()
        script = (
            "import sys; from pathlib import Path; from trainer.dataset.store import DatasetStore\n"
            "with DatasetStore.open(Path(sys.argv[1])) as store: store.edit(['ISIC_0000000'], class_name='df')"
        )
        subprocess.run([sys.executable, "-c", script, str(file)], check=True)
        assert store.fingerprint() != before
        assert "df" in store.classes


def test_a_locked_dataset_is_one_sentence(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(file, isolation_level=None)) as writer, DatasetStore.open(file) as store:
        writer.execute("BEGIN IMMEDIATE")
        assert len(store.frame()) == 8
        with pytest.raises(DatasetError, match="is in use by another program"):
            store.edit(["ISIC_0000000"], class_name="nv")
        writer.execute("ROLLBACK")
        store.edit(["ISIC_0000000"], class_name="nv")


def test_a_full_disk_is_one_sentence_and_changes_nothing(file: Path) -> None:
    with DatasetStore.open(file) as store:
        before = store.fingerprint()
        ((pages,),) = store.database.rows("PRAGMA page_count")
        store.database.run(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StorageError, match="the disk is full"):
            store.edit(["ISIC_0000000"], lesion_id="x" * 100_000)
        assert store.fingerprint() == before
        store.database.run(f"PRAGMA max_page_count = {pages + 1000}")
        store.edit(["ISIC_0000000"], class_name="df")


def test_broken_references_are_reported(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DELETE FROM classes WHERE class_name = 'mel'")
        connection.commit()
    with DatasetStore.open(file) as store:
        assert store.check_integrity() == ["A row of samples refers to something missing in classes."] * 3

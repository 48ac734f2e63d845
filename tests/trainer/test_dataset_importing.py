from __future__ import annotations

import hashlib
import os
import shutil
import struct
import zlib
from pathlib import Path

import pytest

from tests.drawn import HamFolder, write_class_folders, write_image
from trainer.dataset.importing import import_dataset
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore
from trainer.errors import DatasetError, StoppedError
from trainer.events import AnyEvent, Progress, Said, StopRequest, Warned


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "data.db"


def huge_png() -> bytes:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def problem_kinds(out: Path) -> dict[str, str]:
    with DatasetStore.open(out, read_only=True) as store:
        problems = store.problems()
    return dict(zip(problems["sample_id"], problems["kind"], strict=True))


def test_a_folder_becomes_a_dataset(small_ham: HamFolder, out: Path) -> None:
    report = import_dataset(small_ham.root, out)
    assert (report.added, report.unchanged, report.total, report.problems) == (8, 0, 8, 0)
    assert report.classes == {"bcc": 2, "mel": 3, "nv": 3}
    assert (report.lesions, report.layout) == (6, "ham10000")
    with DatasetStore.open(out, read_only=True) as store:
        frame = store.frame()
        assert store.classes == ("bcc", "mel", "nv")
        assert store.malignant == ("bcc", "mel")
    row = frame.iloc[0]
    path = small_ham.paths["ISIC_0000000"]
    assert row["path"] == str(path)
    assert (row["width"], row["height"], row["bytes"]) == (48, 36, path.stat().st_size)
    assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (row["age"], row["sex"], row["site"], row["dx_type"]) == (55.0, "female", "back", "histo")
    assert row["patient_id"] is None
    assert row["split"] is None
    assert list(frame["sample_id"]) == sorted(frame["sample_id"])
    assert frame["group_id"].nunique() == 6


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png", ".bmp", ".tif", ".tiff", ".webp"])
def test_every_accepted_format(ham: HamFolder, out: Path, suffix: str) -> None:
    ham.add("nv", suffix=suffix)
    assert import_dataset(ham.write(), out).total == 1


def test_images_are_left_as_they_are(small_ham: HamFolder, out: Path) -> None:
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in small_ham.root.rglob("*.*")}
    import_dataset(small_ham.root, out)
    assert before == {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in small_ham.root.rglob("*.*")
    }


def test_bad_files_are_listed_and_stop_nothing(small_ham: HamFolder, out: Path) -> None:
    ids = sorted(small_ham.paths)
    content = small_ham.paths[ids[1]].read_bytes()
    small_ham.paths[ids[0]].write_text("just some words, no picture")
    small_ham.paths[ids[1]].write_bytes(content[: len(content) // 2])
    small_ham.paths[ids[2]].write_bytes(huge_png())
    small_ham.paths[ids[3]].write_bytes(b"")
    small_ham.paths[ids[4]].unlink()
    report = import_dataset(small_ham.root, out)
    assert (report.total, report.problems) == (3, 5)
    assert problem_kinds(out) == {
        ids[0]: "undecodable",
        ids[1]: "truncated",
        ids[2]: "oversize",
        ids[3]: "truncated",
        ids[4]: "missing",
    }
    assert report.problem_kinds == {"missing": 1, "oversize": 1, "truncated": 2, "undecodable": 1}


def test_names_that_are_not_unicode_are_listed_and_stop_nothing(small_ham: HamFolder, out: Path) -> None:
    root = os.fsencode(small_ham.root)
    for name in (b"/\xff\xfe.jpg", b"/\xe9t\xe9/a.jpg"):
        path = Path(os.fsdecode(root + name))
        try:
            path.parent.mkdir(exist_ok=True)
            shutil.copy(next(iter(small_ham.paths.values())), path)
        except OSError:
            pytest.skip("this file system takes Unicode names only")
    report = import_dataset(small_ham.root, out)
    assert (report.total, report.problem_kinds) == (8, {"unreadable": 2})
    with DatasetStore.open(out) as store:
        for problem in store.problems().itertuples():
            assert "is not Unicode" in problem.reason
            assert "rename" in problem.reason


def test_a_folder_whose_own_name_is_not_unicode_is_refused(ham: HamFolder, out: Path) -> None:
    ham.add("nv")
    ham.write()
    try:
        moved = ham.root.rename(Path(os.fsdecode(os.fsencode(ham.root) + b"\xff")))
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    with pytest.raises(DatasetError, match="is not Unicode"):
        import_dataset(moved, out)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_ordinary_file_is_listed_and_never_waited_for(small_ham: HamFolder, out: Path) -> None:
    pipe, endless, linked = (small_ham.paths[image_id] for image_id in sorted(small_ham.paths)[:3])
    pipe.unlink()
    os.mkfifo(pipe)
    endless.unlink()
    endless.symlink_to("/dev/zero")
    target = linked.rename(small_ham.root / "elsewhere.dat")
    linked.symlink_to(target)
    report = import_dataset(small_ham.root, out)
    # The rows of the two miss their images, and the file that is linked to is an image that no row names.
    assert (report.total, report.problem_kinds) == (6, {"missing": 2, "unreadable": 2, "without-metadata": 1})


def test_an_import_of_bad_files_only_says_so_in_its_report(ham: HamFolder, out: Path) -> None:
    (image_id,) = ham.add("nv")
    ham.paths[image_id].write_text("words")
    report = import_dataset(ham.write(), out)
    assert (report.total, report.problems, report.classes) == (0, 1, {})


def test_again_adds_only_what_is_new(small_ham: HamFolder, out: Path) -> None:
    import_dataset(small_ham.root, out)
    # With the same size and time a file is not read again: these bytes would be refused.
    path = small_ham.paths["ISIC_0000000"]
    state = path.stat()
    path.write_bytes(bytes(state.st_size))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    small_ham.add("df")
    small_ham.write()
    report = import_dataset(small_ham.root, out)
    assert (report.added, report.updated, report.unchanged, report.removed) == (1, 0, 8, 0)
    assert (report.total, report.problems) == (9, 0)


def test_refused_files_are_not_read_again_but_stay_listed(small_ham: HamFolder, out: Path) -> None:
    path = small_ham.paths["ISIC_0000000"]
    good = path.read_bytes()
    path.write_bytes(b"x" * len(good))
    state = path.stat()
    import_dataset(small_ham.root, out)
    path.write_bytes(good)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    report = import_dataset(small_ham.root, out)
    assert (report.added, report.unchanged, report.total, report.problems) == (0, 7, 7, 1)
    os.utime(path)
    report = import_dataset(small_ham.root, out)
    assert (report.added, report.total, report.problems) == (1, 8, 0)


def test_a_changed_file_is_noticed(small_ham: HamFolder, out: Path) -> None:
    import_dataset(small_ham.root, out)
    with DatasetStore.open(out) as store:
        before = store.fingerprint()
    write_image(small_ham.paths["ISIC_0000000"], 77, (60, 40))
    report = import_dataset(small_ham.root, out)
    assert (report.added, report.updated, report.unchanged) == (0, 1, 7)
    with DatasetStore.open(out) as store:
        assert store.frame().iloc[0]["width"] == 60
        assert store.fingerprint() != before


def test_a_removed_file_is_put_aside_and_comes_back(small_ham: HamFolder, out: Path, tmp_path: Path) -> None:
    import_dataset(small_ham.root, out)
    with DatasetStore.open(out) as store:
        split_dataset(store, fractions=(0.4, 0.3, 0.3))
        before = store.fingerprint()
    path = small_ham.paths["ISIC_0000000"]
    shutil.move(path, tmp_path / "aside.jpg")
    report = import_dataset(small_ham.root, out)
    assert (report.removed, report.total, report.problem_kinds) == (1, 7, {"missing": 1})
    shutil.move(tmp_path / "aside.jpg", path)
    report = import_dataset(small_ham.root, out)
    assert (report.added, report.updated, report.total, report.problems) == (0, 1, 8, 0)
    with DatasetStore.open(out) as store:
        assert store.fingerprint() == before


def test_a_file_that_has_gone_bad_is_put_aside(small_ham: HamFolder, out: Path) -> None:
    import_dataset(small_ham.root, out)
    small_ham.paths["ISIC_0000000"].write_bytes(b"gone bad")
    report = import_dataset(small_ham.root, out)
    assert (report.total, report.problem_kinds) == (7, {"undecodable": 1})
    assert import_dataset(small_ham.root, out).total == 7


def test_facts_changed_in_the_table_are_taken_over(small_ham: HamFolder, out: Path) -> None:
    import_dataset(small_ham.root, out)
    small_ham.rows[0] = (*small_ham.rows[0][:2], "bkl", *small_ham.rows[0][3:])
    small_ham.write()
    report = import_dataset(small_ham.root, out)
    assert (report.updated, report.unchanged, report.classes["bkl"]) == (1, 7, 1)


def test_corrections_by_hand_outlive_an_import(small_ham: HamFolder, out: Path) -> None:
    import_dataset(small_ham.root, out)
    with DatasetStore.open(out) as store:
        store.edit(["ISIC_0000000"], class_name="bkl")
    small_ham.rows[0] = (*small_ham.rows[0][:4], "33", *small_ham.rows[0][5:])
    small_ham.write()
    import_dataset(small_ham.root, out)
    with DatasetStore.open(out) as store:
        first = store.frame().iloc[0]
        assert (first["class_name"], first["age"]) == ("bkl", 33.0)


def test_progress_reaches_the_end(small_ham: HamFolder, out: Path) -> None:
    events: list[AnyEvent] = []
    import_dataset(small_ham.root, out, listener=events.append)
    checking = [event for event in events if isinstance(event, Progress) and event.task == "Checking images"]
    assert (checking[0].done, checking[0].total, checking[0].unit) == (0, 8, "images")
    assert checking[-1].done == 8


def test_what_was_checked_before_a_stop_is_kept(tmp_path: Path, out: Path) -> None:
    root = write_class_folders(tmp_path / "images", {"a": 40, "b": 40})
    stop = StopRequest()
    seen = 0

    def stop_soon(event: AnyEvent) -> None:
        nonlocal seen
        seen += isinstance(event, Progress)
        if seen == 1:
            stop.ask()

    with pytest.raises(StoppedError):
        import_dataset(root, out, listener=stop_soon, stop=stop)
    with DatasetStore.open(out) as store:
        kept = len(store.frame())
    assert kept < 80
    report = import_dataset(root, out)
    assert (report.unchanged, report.added, report.total) == (kept, 80 - kept, 80)


def test_a_stop_in_the_middle_keeps_a_part(tmp_path: Path, out: Path) -> None:
    root = write_class_folders(tmp_path / "images", {"a": 150, "b": 150})

    class StopAfter(StopRequest):
        asked_for = 0

        @property
        def asked(self) -> bool:
            self.asked_for += 1
            return self.asked_for > 100

    with pytest.raises(StoppedError):
        import_dataset(root, out, stop=StopAfter())
    with DatasetStore.open(out) as store:
        kept = len(store.frame())
        assert store.check_integrity() == []
    assert 50 < kept < 110
    report = import_dataset(root, out)
    assert (report.unchanged, report.total) == (kept, 300)


def test_a_moved_folder_is_followed(small_ham: HamFolder, out: Path, tmp_path: Path) -> None:
    import_dataset(small_ham.root, out)
    moved = tmp_path / "elsewhere"
    small_ham.root.rename(moved)
    events: list[AnyEvent] = []
    report = import_dataset(moved, out, listener=events.append)
    assert (report.unchanged, report.added) == (8, 0)
    assert any(isinstance(event, Said) and "were moved" in event.message for event in events)
    with DatasetStore.open(out) as store:
        assert store.root == moved


def test_a_dataset_holds_one_folder(small_ham: HamFolder, out: Path, tmp_path: Path) -> None:
    import_dataset(small_ham.root, out)
    other = write_class_folders(tmp_path / "other", {"a": 1, "b": 1})
    with pytest.raises(DatasetError, match="the layout ham10000, not class-folders"):
        import_dataset(other, out, layout="class-folders")
    shutil.copytree(small_ham.root, tmp_path / "copy")
    with pytest.raises(DatasetError, match="give another name for a new dataset"):
        import_dataset(tmp_path / "copy", out)


def test_another_file_is_never_overwritten(small_ham: HamFolder, out: Path) -> None:
    out.write_text("my thesis")
    with pytest.raises(DatasetError, match="is not a SkinDesk dataset"):
        import_dataset(small_ham.root, out)
    assert out.read_text() == "my thesis"


def test_nothing_is_created_for_a_source_that_is_none(tmp_path: Path, out: Path) -> None:
    with pytest.raises(DatasetError):
        import_dataset(tmp_path / "nothing", out)
    assert not out.exists()


def test_new_images_join_the_part_of_their_lesion(small_ham: HamFolder, out: Path) -> None:
    import_dataset(small_ham.root, out)
    with DatasetStore.open(out) as store:
        split_dataset(store, fractions=(0.4, 0.3, 0.3))
        frame = store.frame().set_index("sample_id")
    lesion, part = frame.loc["ISIC_0000000", ["lesion_id", "split"]]
    (joining,) = small_ham.add("mel", lesion=str(lesion))
    (new,) = small_ham.add("nv")
    small_ham.write()
    events: list[AnyEvent] = []
    report = import_dataset(small_ham.root, out, listener=events.append)
    with DatasetStore.open(out) as store:
        frame = store.frame().set_index("sample_id")
        certificate = store.certificate()
    assert frame.loc[joining, "split"] == part
    assert frame.loc[new, "split"] is None
    assert certificate is not None
    assert certificate.sound
    assert certificate.without_part == 1
    assert "run `split` again" in certificate.describe()
    assert any("run `split` again" in note for note in report.notes)
    assert any(isinstance(event, Warned) and "run `split` again" in event.message for event in events)


def test_groups_that_become_one_go_to_the_earliest_part(ham: HamFolder, out: Path) -> None:
    for _ in range(12):
        ham.add("nv")
        ham.add("mel")
    import_dataset(ham.write(), out)
    with DatasetStore.open(out) as store:
        split_dataset(store)
        frame = store.frame()
    moles = frame[frame["class_name"] == "nv"]
    train, test = (moles[moles["split"] == part]["sample_id"].iloc[0] for part in ("train", "test"))
    shutil.copyfile(ham.paths[train], ham.paths[test])
    report = import_dataset(ham.root, out)
    with DatasetStore.open(out) as store:
        frame = store.frame().set_index("sample_id")
        certificate = store.certificate()
    assert frame.loc[test, "split"] == "train"
    assert certificate is not None
    assert certificate.sound
    assert "2 images are copies of each other" in report.notes[0]
    assert "1 images changed their part" in report.notes[1]

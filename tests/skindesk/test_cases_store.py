"""Cases on the disk: saved whole or not at all, private, without metadata, never lost to another window, erased for good."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from PIL import Image

from skindesk.models.cases.database import SCHEMA_VERSION, CaseError
from skindesk.models.cases.editing import DayEdit, StateEdit, apply_edits
from skindesk.models.cases.erasing import erase_cases, finish_erasing
from skindesk.models.cases.export import export_archive
from skindesk.models.cases.moments import moments_of
from skindesk.models.cases.reading import cases_of_lesion, copies_of, list_cases, open_case
from skindesk.models.cases.record import diagnosis_of
from skindesk.models.cases.reopening import case_from
from skindesk.models.cases.saving import save_case
from skindesk.models.diagnosis.kept_case import claim_place, text_of
from skindesk.models.diagnosis.patient import PatientFields
from skindesk.paths import Paths
from tests.skindesk.saved_cases import NETWORK, new_case, prediction, save
from trainer.errors import StorageError
from trainer.images.decoding import read_image

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "Zebulon Quexley"
FIRST_VERSION = """{
 "version": 1,
 "images": [{
  "path": "/images/a.jpg", "rotation": 90.0, "crop": [0.0, 0.0, 0.5, 1.0], "copy": "image-1-0badcafe.png",
  "taken": "2021-03-04", "logits": [0.5, -1.0],
  "prediction": {
   "path": "/images/a.jpg", "probabilities": {"mel": 0.25, "nv": 0.75}, "predicted": "mel",
   "malignant_probability": 0.25, "prior": "natural", "warnings": ["Small."], "metadata": null, "error": ""
  }
 }],
 "selected": 0,
 "network": {
  "bundle_hash": "0123456789ab", "name": "First", "classes": ["mel", "nv"],
  "marks": {"malignant": ["mel"], "benign": ["nv"]}, "shares": {"mel": 0.1, "nv": 0.9},
  "decision_rule": "argmax", "prior": "natural"
 },
 "together": null
}"""

FIRST_SCHEMA = """
CREATE TABLE cases (
    number INTEGER PRIMARY KEY AUTOINCREMENT, case_id TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL DEFAULT 0,
    saved_at TEXT NOT NULL, images INTEGER NOT NULL DEFAULT 0, predicted TEXT NOT NULL DEFAULT '',
    predicted_malignant INTEGER NOT NULL DEFAULT 0, probability REAL, malignant REAL,
    unreliable INTEGER NOT NULL DEFAULT 0, above_threshold INTEGER, bundle_hash TEXT NOT NULL DEFAULT '',
    bundle_name TEXT NOT NULL DEFAULT '', patient TEXT NOT NULL DEFAULT '', lesion TEXT NOT NULL,
    confirmed_class TEXT NOT NULL DEFAULT '', confirmed_by TEXT NOT NULL DEFAULT '',
    confirmed_on TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '', removed_at TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE diagnoses (
    case_id TEXT PRIMARY KEY REFERENCES cases (case_id) ON DELETE CASCADE, content TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE thumbnails (
    case_id TEXT NOT NULL REFERENCES cases (case_id) ON DELETE CASCADE, place INTEGER NOT NULL, jpeg BLOB NOT NULL,
    PRIMARY KEY (case_id, place)
) STRICT;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO facts VALUES ('changes', '0');
INSERT INTO cases (case_id, revision, saved_at, images, predicted, patient, lesion, note)
VALUES ('a1', 1, '2026-11-30T12:00:00.000+00:00', 1, 'mel', '{"name": "Ada", "age": "36"}', 'a1', 'itches');
PRAGMA application_id = 1397441603;
PRAGMA user_version = 1;
"""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A photograph with a camera's metadata, held sideways."""
    file = tmp_path / "photograph.jpg"
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x013B] = 6, "Canon-Quexcam", NAME
    exif.get_ifd(0x8769)[0x9003] = "2021:03:04 05:06:07"
    Image.fromarray(pixels).save(file, exif=exif)
    return file


@pytest.fixture
def other(tmp_path: Path) -> Path:
    file = tmp_path / "other.png"
    Image.fromarray(np.full((30, 30, 3), 90, np.uint8)).save(file)
    return file


def all_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_a_case_comes_back_as_it_was_saved(paths: Paths, image: Path, other: Path) -> None:
    new = new_case([image, other], patient=PatientFields(name=NAME, age="52 years"))
    first = msgspec.structs.replace(new.diagnosis.images[0], rotation=90.0, crop=(0.0, 0.0, 0.5, 1.0))
    diagnosis = msgspec.structs.replace(new.diagnosis, images=(first, new.diagnosis.images[1]), selected=1)
    saved = save_case(paths.cases, replace(new, diagnosis=diagnosis))
    opened = open_case(paths.cases, saved.link.case_id)
    assert opened.summary.patient == PatientFields(name=NAME, age="52 years")
    assert opened.diagnosis.network == NETWORK
    assert opened.diagnosis.together == prediction()
    assert opened.diagnosis.images[0].prediction == prediction(path=str(image))
    assert opened.diagnosis.images[0].taken == "2021-03-04"
    case = case_from(opened)
    assert case.together
    assert [image.framing.rotation for image in case.images] == [90.0, 0.0]
    assert case.selected == case.images[1].number
    assert {image.link for image in case.images} == {saved.link}
    assert [bytes(jpeg[:2]) for jpeg in opened.thumbnails.values()] == [b"\xff\xd8"] * 2


def test_what_the_first_version_stored_is_understood() -> None:
    stored = diagnosis_of(FIRST_VERSION)
    (first,) = stored.images
    assert first.file(Path("/cases/x")) == Path("/cases/x/image-1-0badcafe.png")
    assert (first.taken, first.logits, first.framing().rotation) == ("2021-03-04", (0.5, -1.0), 90.0)
    assert stored.decision == first.prediction
    assert stored.network is not None
    assert stored.network.marks.malignant == ("mel",)


def test_the_file_of_the_first_version_is_read_and_written(paths: Paths, image: Path) -> None:
    paths.cases.mkdir(parents=True)
    connection = sqlite3.connect(paths.cases / "cases.db")
    connection.executescript(FIRST_SCHEMA)
    connection.execute("INSERT INTO diagnoses VALUES ('a1', ?)", (FIRST_VERSION,))
    connection.commit()
    connection.close()
    (listed,) = list_cases(paths.cases).cases
    assert (listed.patient.name, listed.state.note, listed.predicted) == ("Ada", "itches", "mel")
    opened = open_case(paths.cases, "a1")
    assert opened.diagnosis == diagnosis_of(FIRST_VERSION)
    assert opened.folder == paths.cases / "images" / "a1"
    save(paths.cases, [image])
    erase_cases(paths, ["a1"])
    assert [case.number for case in list_cases(paths.cases).cases] == [2]


def test_copies_hold_the_same_pixels_and_no_metadata(paths: Paths, image: Path) -> None:
    saved = save(paths.cases, [image])
    (copy,) = copies_of(paths.cases, saved.link.case_id).iterdir()
    assert np.array_equal(read_image(copy), read_image(image))
    with Image.open(copy) as opened:
        assert not opened.getexif()
        assert not opened.info
    assert b"Quexcam" not in all_bytes(paths.cases)
    assert NAME.encode() not in all_bytes(paths.cases)


def test_referenced_images_stay_where_they_lie(paths: Paths, image: Path) -> None:
    saved = save_case(paths.cases, new_case([image], copies=False))
    opened = open_case(paths.cases, saved.link.case_id)
    assert case_from(opened).images[0].path == image
    assert not (paths.cases / "images").exists()


def test_only_the_user_may_read_the_files(paths: Paths, image: Path) -> None:
    save(paths.cases, [image])
    connection = sqlite3.connect(paths.cases / "cases.db")  # so that the log stays
    connection.execute("SELECT count(*) FROM cases").fetchone()
    save(paths.cases, [image])
    files = [file for file in paths.cases.rglob("*") if file.is_file()]
    assert {"cases.db", "cases.db-wal", "cases.db-shm"} <= {file.name for file in files}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(paths.cases.stat().st_mode) == 0o700
    connection.close()


def test_saving_again_replaces_the_diagnosis_and_keeps_number_note_and_copy(
    paths: Paths, image: Path, other: Path
) -> None:
    first = save(paths.cases, [image])
    listed = list_cases(paths.cases).cases[0]
    apply_edits(paths.cases, [StateEdit(listed.case_id, listed.state, replace(listed.state, note="itches"))])
    reopened = case_from(open_case(paths.cases, first.link.case_id))
    again = save_case(
        paths.cases, new_case([reopened.images[0].path, other], predicted="nv", link=first.link)
    )
    assert (again.number, again.link.case_id, again.apart) == (first.number, first.link.case_id, "")
    opened = open_case(paths.cases, again.link.case_id)
    assert (opened.summary.predicted, opened.summary.state.note) == ("nv", "itches")
    assert [saved.path for saved in opened.diagnosis.images] == [str(image), str(other)]
    assert opened.diagnosis.images[0].taken == "2021-03-04"
    assert len(list(opened.folder.iterdir())) == 2
    last = save_case(paths.cases, new_case([other], link=again.link))
    assert len(list(copies_of(paths.cases, last.link.case_id).iterdir())) == 1


def test_what_another_window_has_saved_meanwhile_is_not_overwritten(
    paths: Paths, image: Path, other: Path
) -> None:
    first = save(paths.cases, [image])
    save_case(paths.cases, new_case([image], predicted="nv", link=first.link))  # another window
    mine = save_case(paths.cases, new_case([other], predicted="bcc", link=first.link))
    assert mine.apart == "changed elsewhere"
    assert len({case.state.lesion for case in list_cases(paths.cases).cases}) == 1
    assert [case.predicted for case in list_cases(paths.cases).cases] == ["bcc", "nv"]


def test_the_result_of_another_network_is_not_overwritten(paths: Paths, image: Path) -> None:
    first = save(paths.cases, [image])
    listed = list_cases(paths.cases).cases[0]
    confirmed = replace(listed.state, confirmed_class="mel", confirmed_by="histo")
    apply_edits(paths.cases, [StateEdit(listed.case_id, listed.state, confirmed)])
    reopened = case_from(open_case(paths.cases, first.link.case_id))
    new = new_case([reopened.images[0].path], predicted="nv", link=first.link)
    other = msgspec.structs.replace(NETWORK, bundle_hash="ba9876543210")
    again = save_case(
        paths.cases, replace(new, diagnosis=msgspec.structs.replace(new.diagnosis, network=other))
    )
    assert again.apart == "another network"
    later, earlier = list_cases(paths.cases).cases
    assert [case.predicted for case in (earlier, later)] == ["mel", "nv"]
    assert later.state == confirmed
    stored = open_case(paths.cases, later.case_id)
    assert stored.diagnosis.images[0].taken == "2021-03-04"
    erase_cases(paths, [earlier.case_id])
    assert stored.diagnosis.images[0].file(stored.folder).is_file()


def test_two_windows_that_save_at_once_lose_nothing(paths: Paths, image: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.skindesk.saved_cases import save\n"
        "for _ in range(15): save(Path(sys.argv[1]), [Path(sys.argv[2])])"
    )
    command = [sys.executable, "-c", code, str(paths.cases), str(image)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    children = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [child.wait(60) for child in children] == [0, 0]
    cases = list_cases(paths.cases).cases
    assert sorted(case.number for case in cases) == list(range(1, 31))
    assert all(open_case(paths.cases, case.case_id).folder.is_dir() for case in cases)


def test_a_change_that_another_window_has_made_is_kept(paths: Paths, image: Path) -> None:
    save(paths.cases, [image])
    listed = list_cases(paths.cases).cases[0]
    here, there = replace(listed.state, note="here"), replace(listed.state, note="there")
    confirmed = replace(listed.state, confirmed_class="nv")
    assert apply_edits(paths.cases, [StateEdit(listed.case_id, listed.state, there)]) == 0
    assert apply_edits(paths.cases, [StateEdit(listed.case_id, listed.state, here)]) == 1
    assert (
        apply_edits(paths.cases, [StateEdit(listed.case_id, listed.state, confirmed)]) == 0
    )  # another field
    assert list_cases(paths.cases).cases[0].state == replace(there, confirmed_class="nv")


def test_the_day_an_image_was_taken_can_be_corrected(paths: Paths, image: Path, other: Path) -> None:
    saved = save(paths.cases, [image, other])
    edit = DayEdit(saved.link.case_id, 1, "", "2020-02-03")
    assert apply_edits(paths.cases, [edit]) == 0
    assert apply_edits(paths.cases, [DayEdit(saved.link.case_id, 1, "", "1999-01-01")]) == 1
    opened = open_case(paths.cases, saved.link.case_id)
    assert [kept.taken for kept in opened.diagnosis.images] == ["2021-03-04", "2020-02-03"]
    assert [moment.place for moment in moments_of([opened])] == [1, 0]
    again = save_case(
        paths.cases, new_case([kept.file(opened.folder) for kept in opened.diagnosis.images], link=saved.link)
    )
    assert not again.apart
    assert apply_edits(paths.cases, [edit.undone()]) == 0


def test_cases_of_one_lesion_come_in_order(paths: Paths, image: Path, other: Path) -> None:
    first, second = save(paths.cases, [image]), save(paths.cases, [other])
    later = list_cases(paths.cases).cases[0]
    apply_edits(
        paths.cases, [StateEdit(later.case_id, later.state, replace(later.state, lesion=first.link.case_id))]
    )
    found = cases_of_lesion(paths.cases, first.link.case_id)
    assert [case.summary.number for case in found] == [first.number, second.number]


# --- what can go wrong -----------------------------------------------------------------------------------


def test_a_full_disk_loses_nothing(paths: Paths, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = save(paths.cases, [image])
    before = open_case(paths.cases, first.link.case_id)

    def full(_path: Path, _content: bytes, **_private: bool) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="the disk is full"):
        save(paths.cases, [image])
    monkeypatch.undo()
    assert open_case(paths.cases, first.link.case_id) == before
    assert len(list_cases(paths.cases).cases) == 1
    assert len(list((paths.cases / "images").iterdir())) == 1


def test_a_disk_that_fills_up_in_the_database_loses_nothing(tmp_path: Path, image: Path) -> None:
    folder = tmp_path / "cases"
    first = save(folder, [image])
    code = (
        "import resource, sys; from pathlib import Path; from tests.skindesk.saved_cases import save\n"
        "from trainer.errors import TrainerError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    while True: save(Path(sys.argv[1]), [Path(sys.argv[2])])\n"
        "except TrainerError as error: print(error)"
    )
    command = [sys.executable, "-c", code, str(folder), str(image)]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=True
    )
    assert "disk" in done.stdout
    assert done.stdout.count("\n") == 1
    cases = list_cases(folder).cases
    assert open_case(folder, first.link.case_id).summary in cases
    assert {place.name for place in (folder / "images").iterdir()} == {case.case_id for case in cases}


def test_a_killed_save_leaves_all_or_nothing(paths: Paths, image: Path) -> None:
    save(paths.cases, [image])
    code = (
        "import sys; from pathlib import Path; from tests.skindesk.saved_cases import save\n"
        "print(flush=True)\n"
        "while True: save(Path(sys.argv[1]), [Path(sys.argv[2])])"
    )
    command = [sys.executable, "-c", code, str(paths.cases), str(image)]
    child = subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    while len(list_cases(paths.cases).cases) < 4:
        pass
    child.kill()
    child.wait()
    child.stdout.close()
    cases = list_cases(paths.cases).cases
    assert len(cases) >= 4
    for case in cases:
        opened = open_case(paths.cases, case.case_id)
        assert all(saved.file(opened.folder).is_file() for saved in opened.diagnosis.images)


def overwritten(content: bytes) -> bytes:
    return b"not a database" * 99 + content[1386:]


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


def zeroed(content: bytes) -> bytes:
    return content[:4096] + bytes(len(content) - 4096)


@pytest.mark.parametrize("damage", [overwritten, cut_off, zeroed])
def test_a_damaged_file_is_named_and_left_alone(
    paths: Paths, image: Path, damage: Callable[[bytes], bytes]
) -> None:
    save(paths.cases, [image])
    file = paths.cases / "cases.db"
    file.write_bytes(damage(file.read_bytes()))
    before = file.read_bytes()
    with pytest.raises(CaseError, match=r"The case file .*cases.db is damaged; restore it"):
        list_cases(paths.cases)
    with pytest.raises(CaseError, match=r"The case file .*cases.db is damaged; restore it"):
        save(paths.cases, [image])
    assert file.read_bytes() == before


def test_one_damaged_case_leaves_the_others_alone(paths: Paths, image: Path) -> None:
    bad, good = save(paths.cases, [image]), save(paths.cases, [image])
    connection = sqlite3.connect(paths.cases / "cases.db")
    connection.execute("UPDATE diagnoses SET content = '{' WHERE case_id = ?", (bad.link.case_id,))
    connection.commit()
    connection.close()
    with pytest.raises(CaseError, match="Case 1 cannot be opened"):
        open_case(paths.cases, bad.link.case_id)
    assert open_case(paths.cases, good.link.case_id).diagnosis.images


def test_a_newer_file_is_not_touched(paths: Paths, image: Path) -> None:
    save(paths.cases, [image])
    connection = sqlite3.connect(paths.cases / "cases.db")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(CaseError, match="newer SkinDesk"):
        list_cases(paths.cases)


def test_another_programs_database_is_refused(paths: Paths) -> None:
    paths.cases.mkdir(parents=True)
    connection = sqlite3.connect(paths.cases / "cases.db")
    connection.execute("CREATE TABLE mail (text)")
    connection.close()
    with pytest.raises(CaseError, match="not a file of SkinDesk's cases"):
        list_cases(paths.cases)


def test_an_image_that_is_gone_can_be_saved_and_says_so(paths: Paths, image: Path, other: Path) -> None:
    new = new_case([image, other])
    other.unlink()
    saved = save_case(paths.cases, new)
    assert saved.uncopied == (other.name,)
    opened = open_case(paths.cases, saved.link.case_id)
    assert [bool(kept.copy) for kept in opened.diagnosis.images] == [True, False]


def test_the_small_picture_of_an_image_that_is_gone_outlives_another_save(paths: Paths, other: Path) -> None:
    saved = save_case(paths.cases, new_case([other], copies=False))
    before = open_case(paths.cases, saved.link.case_id).thumbnails
    other.unlink()
    again = save_case(paths.cases, new_case([other], link=saved.link, copies=False))
    assert again.link.case_id == saved.link.case_id
    assert open_case(paths.cases, again.link.case_id).thumbnails == before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all names of files are Unicode")
def test_names_that_are_not_unicode_are_kept(paths: Paths, other: Path) -> None:
    odd = other.rename(other.with_name(os.fsdecode(b"l\xe4sion.png")))
    saved = save_case(paths.cases, new_case([odd], copies=False))
    opened = open_case(paths.cases, saved.link.case_id)
    assert case_from(opened).images[0].path == odd
    file = export_archive(paths.cases, [saved.link.case_id], other.with_name("a.zip"), identifying=True)
    assert file.is_file()


# --- erasing ---------------------------------------------------------------------------------------------


def test_an_erased_case_leaves_no_trace(paths: Paths, image: Path, other: Path) -> None:
    kept = save(paths.cases, [other], patient=PatientFields(name="Somebody Else"))
    pasted = paths.pasted / "Pasted 1.png"
    pasted.parent.mkdir(parents=True)
    pasted.write_bytes(other.read_bytes())
    gone = save(paths.cases, [image, pasted], patient=PatientFields(name=NAME))
    listed = list_cases(paths.cases).cases[0]
    apply_edits(
        paths.cases, [StateEdit(listed.case_id, listed.state, replace(listed.state, note=f"{NAME} itches"))]
    )
    place = claim_place(paths.unfinished, "new")  # an earlier window left it under diagnosis
    assert place is not None
    place.store(place.file, text_of(case_from(open_case(paths.cases, gone.link.case_id))))
    place.release()
    assert NAME.encode() in all_bytes(paths.data_root)
    reader = sqlite3.connect(paths.cases / "cases.db")  # another window: it keeps the log from being removed
    reader.execute("SELECT count(*) FROM cases").fetchone()

    erase_cases(paths, [gone.link.case_id])
    left = all_bytes(paths.data_root)
    assert NAME.encode() not in left
    assert gone.link.case_id.encode() not in left
    assert image.name.encode() not in left
    assert not copies_of(paths.cases, gone.link.case_id).exists()
    assert not pasted.exists()
    assert not list(paths.unfinished.glob("*.json"))
    assert [case.case_id for case in list_cases(paths.cases).cases] == [kept.link.case_id]
    assert open_case(paths.cases, kept.link.case_id).summary.patient.name == "Somebody Else"
    reader.close()


def test_a_case_under_diagnosis_in_another_window_is_not_erased(paths: Paths, image: Path) -> None:
    saved = save(paths.cases, [image])
    place = claim_place(paths.unfinished, "new")
    assert place is not None
    place.store(place.file, text_of(case_from(open_case(paths.cases, saved.link.case_id))))
    with pytest.raises(CaseError, match="open on the Diagnosis page of another window"):
        erase_cases(paths, [saved.link.case_id])
    assert list_cases(paths.cases).cases
    place.release()


def test_an_erasing_that_was_killed_is_finished_later(
    paths: Paths, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save(paths.cases, [image], patient=PatientFields(name=NAME))

    def killed(_path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        erase_cases(paths, [saved.link.case_id])
    monkeypatch.undo()
    assert copies_of(paths.cases, saved.link.case_id).exists()
    assert not list_cases(paths.cases).cases
    finish_erasing(paths)
    assert NAME.encode() not in all_bytes(paths.cases)
    assert not copies_of(paths.cases, saved.link.case_id).exists()


def test_copies_without_a_case_go_when_nobody_can_be_saving_them(paths: Paths, image: Path) -> None:
    save(paths.cases, [image])
    fresh, old = (copies_of(paths.cases, name) for name in ("fresh", "old"))
    fresh.mkdir()
    old.mkdir()
    os.utime(old, (0, 0))
    finish_erasing(paths)
    assert fresh.exists()
    assert not old.exists()
    assert len(list_cases(paths.cases).cases) == 1

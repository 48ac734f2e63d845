"""Folders as people have them: classes at any level, masks, files that are no images, links and pipes."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.drawn import write_class_folders, write_image, write_table
from trainer.dataset.importing import import_dataset
from trainer.dataset.reading.layouts import read_source
from trainer.dataset.reading.source.listing import Listing
from trainer.dataset.reading.source.walking import DEEPEST
from trainer.dataset.store import DatasetStore
from trainer.errors import DatasetError, StoppedError
from trainer.events import StopRequest
from trainer.images import memory


def classes(listing: Listing) -> dict[str, int]:
    return dict(Counter(sample.class_name for sample in listing.samples))


def write_images(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        write_image(root / name, len(list(root.rglob("*"))) + number)
    return root


def write_mask(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((36, 48), dtype=np.uint8)
    mask[10:20, 10:30] = 255
    Image.fromarray(mask).save(path)


@pytest.mark.parametrize(
    "parts",
    [
        ("base_dir/train_dir", "base_dir/val_dir"),
        ("fold1", "fold2", "fold3"),
        ("clinic north", "clinic south"),
        ("archive/HAM10000_images_part_1", "archive/HAM10000_images_part_2"),
        ("splits/fold_0/train", "splits/fold_0/val", "splits/fold_1/train", "splits/fold_1/val"),
    ],
)
def test_classes_are_the_names_that_repeat_below_siblings(tmp_path: Path, parts: tuple[str, ...]) -> None:
    for number, part in enumerate(parts):
        for name in ("plaque", "papule"):
            write_images(tmp_path / part / name, f"{number}{name}1.jpg", f"{number}{name}2.jpg")
    listing = read_source(tmp_path)
    assert classes(listing) == {"plaque": 2 * len(parts), "papule": 2 * len(parts)}
    assert "were read together" in listing.notes[0]


def test_folders_of_patients_inside_classes_are_no_classes(tmp_path: Path) -> None:
    for name in ("melanoma", "other"):
        for patient in ("p1", "p2"):
            write_images(tmp_path / name / patient, f"{name}{patient}.jpg")
    assert classes(read_source(tmp_path)) == {"melanoma": 2, "other": 2}


def test_images_without_a_class_beside_the_classes_are_listed(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "train", {"mel": 2, "nv": 2})
    write_images(tmp_path / "test", "a.jpg", "b.jpg")
    write_image(tmp_path / "train" / "montage.png", 77)
    listing = read_source(tmp_path)
    assert classes(listing) == {"mel": 2, "nv": 2}
    assert sorted(problem.path for problem in listing.problems) == [
        "test/a.jpg",
        "test/b.jpg",
        "train/montage.png",
    ]


def test_a_second_copy_of_the_folders_is_passed_over(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "train", {"benign": 2, "malignant": 2})
    write_class_folders(tmp_path / "test", {"benign": 1, "malignant": 1})
    for part in ("train", "test"):
        shutil.copytree(tmp_path / part, tmp_path / "data" / part)
    listing = read_source(tmp_path)
    assert classes(listing) == {"benign": 3, "malignant": 3}
    assert listing.passed_over == {"images in a second copy of a folder": 6}
    assert any("The folder data holds the same files as test and train" in note for note in listing.notes)


def test_folders_of_cases_are_refused(tmp_path: Path) -> None:
    for number in range(8):
        write_images(tmp_path / "cases" / f"IMD{number:03d}", f"IMD{number:03d}.bmp", f"other{number}.bmp")
    with pytest.raises(DatasetError, match="look like cases, not classes"):
        read_source(tmp_path)


@pytest.mark.parametrize(
    "folder", ["Masks", "GroundTruth", "ISIC2018_Task1_Training_GroundTruth", "binary maps", "b"]
)
def test_masks_of_the_same_names_are_no_photographs(tmp_path: Path, folder: str) -> None:
    names = [f"ISIC_{number:07d}" for number in range(4)]
    for number, name in enumerate(names):
        write_image(tmp_path / "images" / f"{name}.jpg", number)
        write_mask(tmp_path / folder / f"{name}.png")
    write_table(tmp_path / "t.csv", ["image", "label"], [[name, "mel"] for name in names])
    listing = read_source(tmp_path)
    assert [sample.path for sample in listing.samples] == [f"images/{name}.jpg" for name in names]
    assert listing.problems == []
    assert listing.passed_over == {"masks and other companions of images": 4}


def test_companions_beside_the_photographs_are_told_by_their_names(tmp_path: Path) -> None:
    for number in range(3):
        name = f"ISIC_{number:07d}"
        for ending in ("", "_superpixels", "_segmentation", "_mask", "_attribute_pigment_network"):
            write_image(tmp_path / "nv" / f"{name}{ending}.png", number)
    listing = read_source(tmp_path)
    assert classes(listing) == {"nv": 3}
    assert listing.passed_over == {"masks and other companions of images": 12}


def test_large_masks_are_told_by_some_of_their_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "WHOLE", 100)
    for number in range(4):
        write_image(tmp_path / "images" / f"{number}.jpg", number)
        write_mask(tmp_path / "b" / f"{number}.png")
    write_table(tmp_path / "t.csv", ["image", "label"], [[str(number), "mel"] for number in range(4)])
    assert read_source(tmp_path).passed_over == {"masks and other companions of images": 4}


def test_folders_of_masks_alone_are_read(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "masks", {"mel": 2, "nv": 2})
    assert classes(read_source(tmp_path)) == {"mel": 2, "nv": 2}


def test_jpeg_data_is_read_whatever_its_suffix_and_the_rest_has_its_reason(tmp_path: Path) -> None:
    photograph = write_image(tmp_path / "mel" / "a.jpg", 1).read_bytes()
    write_image(tmp_path / "nv" / "n.JPG", 2)
    for number, suffix in enumerate((".jfif", ".jpe", ".dat", "")):
        shutil.copyfile(write_image(tmp_path / "x.jpg", 10 + number), tmp_path / "mel" / f"b{number}{suffix}")
    (tmp_path / "x.jpg").unlink()
    (tmp_path / "mel" / "c.jpg.crdownload").write_bytes(photograph)
    (tmp_path / "mel" / "d.dcm").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "mel" / "e.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "mel" / "f.zip").write_bytes(b"PK")
    (tmp_path / "README.md").write_text("words")
    (tmp_path / ".hidden").write_text("")
    report = import_dataset(tmp_path, tmp_path.parent / "data.db")
    assert report.classes == {"mel": 5, "nv": 1}
    assert report.problem_kinds == {"other-format": 4}
    assert report.passed_over == {"other files (.md)": 1, "hidden files and folders": 1}
    with DatasetStore.open(tmp_path.parent / "data.db", read_only=True) as store:
        reasons = " ".join(store.problems()["reason"])
        assert store.passed_over == report.passed_over
    for words in ("download that was not finished", "DICOM file", "HEIC file", "unpack it first"):
        assert words in reasons


@pytest.mark.parametrize(
    ("name", "words"), [("images.zip", "images.zip is an archive; unpack it first"), ("a.dcm", "DICOM")]
)
def test_a_folder_without_readable_images_says_what_it_holds(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).write_bytes(b"PK\3\4")
    write_table(tmp_path / "HAM10000_metadata.tab", ["image_id", "dx"], [["a", "mel"]])
    with pytest.raises(DatasetError, match=words):
        read_source(tmp_path)


def test_the_same_file_in_two_classes_is_used_in_neither(tmp_path: Path) -> None:
    root = write_class_folders(tmp_path / "images", {"mel": 3, "nv": 3})
    shutil.copyfile(root / "mel" / "0001.png", root / "nv" / "same.png")
    shutil.copyfile(root / "mel" / "0002.png", root / "mel" / "twin.png")
    out = tmp_path / "data.db"
    report = import_dataset(root, out)
    assert report.classes == {"mel": 3, "nv": 3}
    assert report.problem_kinds == {"two-classes": 2}
    assert (report.added, report.total) == (6, 6)
    assert any("2 images are copies of each other" in note for note in report.notes)
    with DatasetStore.open(out, read_only=True) as store:
        frame = store.frame().set_index("sample_id")
        reason = store.problems()["reason"].iloc[0]
    assert frame.loc["mel/0002.png", "group_id"] == frame.loc["mel/twin.png", "group_id"]
    assert "is of class mel, but the same file is of class nv as nv/same.png" in reason
    again = import_dataset(root, out)
    assert (again.added, again.updated, again.total, again.problem_kinds) == (0, 0, 6, {"two-classes": 2})
    (root / "nv" / "same.png").unlink()
    assert import_dataset(root, out).classes == {"mel": 4, "nv": 3}


def test_pipes_devices_and_links_in_circles_are_listed(tmp_path: Path) -> None:
    root = write_class_folders(tmp_path, {"mel": 2, "nv": 2})
    os.mkfifo(root / "table.csv")
    (root / "endless.csv").symlink_to("/dev/zero")
    (root / "first").symlink_to(root / "second")
    (root / "second").symlink_to(root / "first")
    (root / "mel" / "up").symlink_to(root)
    listing = read_source(root)
    assert len(listing.samples) == 4
    assert sorted(problem.path for problem in listing.problems) == [
        "endless.csv",
        "first",
        "second",
        "table.csv",
    ]
    with pytest.raises(DatasetError, match="give a folder of images or a CSV table"):
        read_source(root / "table.csv")


def test_thousands_of_nested_folders_end_with_a_sentence(tmp_path: Path) -> None:
    write_class_folders(tmp_path, {"mel": 1, "nv": 1})
    before = Path.cwd()
    try:
        # Paths of such a length cannot be used whole, not even to take the folders away again.
        os.chdir(tmp_path)
        for _ in range(3000):
            os.mkdir("d")  # noqa: PTH102 - see above
            os.chdir("d")
        listing = read_source(tmp_path)
        for _ in range(3000):
            os.chdir("..")
            os.rmdir("d")  # noqa: PTH106 - see above
    finally:
        os.chdir(before)
    assert len(listing.samples) == 2
    (problem,) = listing.problems
    assert f"nested more than {DEEPEST} deep" in problem.reason


def test_looking_through_a_folder_hears_stop(tmp_path: Path) -> None:
    stop = StopRequest()
    stop.ask()
    with pytest.raises(StoppedError):
        import_dataset(write_class_folders(tmp_path, {"mel": 1}), tmp_path / "data.db", stop=stop)
    assert not (tmp_path / "data.db").exists()

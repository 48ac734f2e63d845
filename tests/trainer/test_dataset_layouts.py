from __future__ import annotations

import shutil
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.drawn import HamFolder, write_class_folders, write_image, write_table
from trainer.dataset.importing import import_dataset
from trainer.dataset.reading.layouts import read_source
from trainer.dataset.store import DatasetStore
from trainer.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.dataset.reading.source.listing import Listing

ONE_HOT = ("image", "MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")


def kinds(listing: Listing) -> dict[str, int]:
    return dict(Counter(problem.kind for problem in listing.problems))


def test_ham10000_with_two_image_folders(small_ham: HamFolder) -> None:
    listing = read_source(small_ham.root)
    assert listing.layout == "ham10000"
    assert listing.problems == []
    assert len(listing.samples) == 8
    first = listing.samples[0]
    assert (first.sample_id, first.path) == ("ISIC_0000000", "HAM10000_images_part_1/ISIC_0000000.jpg")
    assert first.class_name == "mel"
    assert first.facts == {
        "lesion_id": "HAM_0000000",
        "patient_id": None,
        "age": 55.0,
        "sex": "female",
        "site": "back",
        "dx_type": "histo",
    }


def test_ham10000_with_one_image_folder(small_ham: HamFolder) -> None:
    second = small_ham.root / "HAM10000_images_part_2"
    for path in second.iterdir():
        path.rename(small_ham.root / "HAM10000_images_part_1" / path.name)
    second.rmdir()
    (small_ham.root / "HAM10000_images_part_1").rename(small_ham.root / "images")
    listing = read_source(small_ham.root)
    assert (listing.layout, len(listing.samples), listing.problems) == ("ham10000", 8, [])


def test_what_else_kaggle_ships_is_passed_over(small_ham: HamFolder) -> None:
    # Kaggle's archive holds the images twice, in folders of different case, and tables of pixels.
    shutil.copytree(
        small_ham.root / "HAM10000_images_part_1", small_ham.root / "x" / "ham10000_images_part_1"
    )
    write_table(small_ham.root / "hmnist_8_8_L.csv", ["pixel0000", "pixel0001", "label"], [[1, 2, 3]])
    write_image(small_ham.root / "__MACOSX" / "._ISIC_0000001.jpg", 1)
    listing = read_source(small_ham.root)
    assert len(listing.samples) == 8
    assert all(sample.path.startswith("HAM10000_images") for sample in listing.samples)
    assert kinds(listing) == {"id-twice": 4}


def test_dataverse_table_without_suffix_and_with_tabs(small_ham: HamFolder) -> None:
    table = small_ham.root / "HAM10000_metadata.csv"
    table.with_suffix("").write_text(table.read_text().replace(",", "\t"))
    table.unlink()
    assert len(read_source(small_ham.root).samples) == 8


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
def test_table_in_other_encodings(small_ham: HamFolder, encoding: str) -> None:
    table = small_ham.root / "HAM10000_metadata.csv"
    table.write_text(table.read_text().replace("back", "Rücken"), encoding=encoding)
    assert {sample.facts["site"] for sample in read_source(small_ham.root).samples} == {"Rücken"}


def test_unknown_values_become_none_and_odd_ones_are_listed(ham: HamFolder) -> None:
    for _ in range(4):
        ham.add("nv")
    ages = ["", "unknown", "0.0", "about 50"]
    ham.rows = [(*row[:4], age, "unknown", "unknown") for row, age in zip(ham.rows, ages, strict=True)]
    listing = read_source(ham.write())
    assert [sample.facts["age"] for sample in listing.samples] == [None, None, 0.0, None]
    assert {(sample.facts["sex"], sample.facts["site"]) for sample in listing.samples} == {(None, None)}
    assert [(problem.kind, problem.sample_id) for problem in listing.problems] == [
        ("odd-value", "ISIC_0000003")
    ]


def test_every_mismatch_is_listed_with_its_reason(ham: HamFolder) -> None:
    ham.add("nv")
    (gone,) = ham.add("mel")
    (odd,) = ham.add("wart")
    (empty,) = ham.add("")
    ham.add("bcc")
    ham.paths[gone].unlink()
    ham.rows += [ham.rows[0], (*ham.rows[4][:2], "mel", *ham.rows[4][3:])]
    write_image(ham.root / "HAM10000_images_part_1" / "stray.png", 99)
    listing = read_source(ham.write())
    assert [sample.sample_id for sample in listing.samples] == ["ISIC_0000000", "ISIC_0000004"]
    reasons = {(problem.kind, problem.sample_id): problem.reason for problem in listing.problems}
    assert set(reasons) == {
        ("missing", gone),
        ("unknown-class", odd),
        ("unknown-class", empty),
        ("id-twice", "ISIC_0000000"),
        ("id-twice", "ISIC_0000004"),
        ("without-metadata", "stray"),
    }
    assert "HAM10000_metadata.csv, line 3" in reasons["missing", gone]
    assert "'wart' is not one of this layout's classes" in reasons["unknown-class", odd]
    assert "no class is given" in reasons["unknown-class", empty]
    assert "the same facts" in reasons["id-twice", "ISIC_0000000"]
    assert "other facts" in reasons["id-twice", "ISIC_0000004"]


def test_class_names_in_capitals_are_known(ham: HamFolder) -> None:
    ham.add("NV")
    assert [sample.class_name for sample in read_source(ham.write()).samples] == ["nv"]


def isic(root: Path, *, companions: bool) -> Path:
    names = [f"ISIC_{number:07d}" for number in range(4)]
    for number, name in enumerate(names):
        write_image(root / "ISIC2018_Task3_Training_Input" / f"{name}.jpg", number)
    truth = [
        [names[0], 1.0, 0, 0, 0, 0, 0, 0],
        [names[1], 0, 1.0, 0, 0, 0, 0, 0],
        [names[2], 0, 0, 0, 1.0, 0, 0, 1.0],
        [names[3], 0, 0, 0, 0, 0, 0, 0],
    ]
    folder = root / "ISIC2018_Task3_Training_GroundTruth"
    write_table(folder / "ISIC2018_Task3_Training_GroundTruth.csv", ONE_HOT, truth)
    if companions:
        write_table(
            root / "ISIC2018_Task3_Training_LesionGroupings.csv",
            ["image", "lesion_id", "diagnosis_confirm_type"],
            [[name, "L1", "histopathology"] for name in names],
        )
        write_table(
            root / "metadata.csv",
            ["image", "age_approx", "anatom_site_general", "sex"],
            [[name, 70, "torso", "male"] for name in names],
        )
    return root


def test_isic_one_hot_truth(tmp_path: Path) -> None:
    listing = read_source(isic(tmp_path, companions=False))
    assert listing.layout == "isic2018"
    assert [(sample.sample_id, sample.class_name) for sample in listing.samples] == [
        ("ISIC_0000000", "mel"),
        ("ISIC_0000001", "nv"),
    ]
    reasons = [problem.reason for problem in listing.problems]
    assert kinds(listing) == {"unknown-class": 2}
    assert "2 classes are marked (akiec, vasc)" in reasons[0]
    assert "no class is marked" in reasons[1]
    assert "No lesion or patient ids" in listing.notes[0]


def test_isic_companion_tables(tmp_path: Path) -> None:
    listing = read_source(isic(tmp_path, companions=True), "isic2018")
    sample = listing.samples[0]
    known = {name: value for name, value in sample.facts.items() if value is not None}
    assert known == {
        "lesion_id": "L1",
        "dx_type": "histopathology",
        "age": 70.0,
        "site": "torso",
        "sex": "male",
    }
    assert listing.notes == ()


def test_isic_2019_class_that_ham10000_lacks(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", 1)
    write_image(tmp_path / "b.jpg", 2)
    columns = ["image", "MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK"]
    rows = [["a", 0, 0, 0, 1, 0, 0, 0, 0, 0], ["b", 0, 0, 0, 0, 0, 0, 0, 1, 0]]
    write_table(tmp_path / "ISIC_2019_Training_GroundTruth.csv", columns, rows)
    listing = read_source(tmp_path)
    assert [sample.class_name for sample in listing.samples] == ["akiec", "scc"]
    assert listing.problems == []


def test_class_folders_of_any_name(tmp_path: Path) -> None:
    listing = read_source(write_class_folders(tmp_path, {"MEL": 2, "Spitz nevus": 1}))
    assert listing.layout == "class-folders"
    assert [(sample.sample_id, sample.class_name) for sample in listing.samples] == [
        ("MEL/0001.png", "mel"),
        ("MEL/0002.png", "mel"),
        ("Spitz nevus/0003.png", "Spitz nevus"),
    ]


def test_class_folders_below_other_folders(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "images", {"mel": 1, "nv": 1})
    write_image(tmp_path / "stray.png", 9)
    listing = read_source(tmp_path)
    assert {sample.class_name for sample in listing.samples} == {"mel", "nv"}
    assert kinds(listing) == {"without-metadata": 1}


def test_class_folders_below_train_and_test(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "train", {"a": 1, "b": 1})
    write_class_folders(tmp_path / "test", {"a": 1, "b": 1})
    listing = read_source(tmp_path)
    assert sorted(sample.class_name for sample in listing.samples) == ["a", "a", "b", "b"]
    assert "test, train were read together" in listing.notes[0]


def test_a_single_class_folder(tmp_path: Path) -> None:
    listing = read_source(write_class_folders(tmp_path, {"mel": 2}))
    assert {sample.class_name for sample in listing.samples} == {"mel"}


def test_csv_with_paths_and_other_column_names(tmp_path: Path) -> None:
    write_image(tmp_path / "a" / "1.png", 1)
    write_image(tmp_path / "b" / "1.png", 2)
    table = write_table(
        tmp_path / "list.csv",
        ["Image Path", "Diagnosis", "Patient ID", "Gender", "Region"],
        [
            ["a/1.png", "nevus", "P1", "F", "arm"],
            ["b\\1.png", "mel", "P1", "F", "arm"],
            ["c/1.png", "mel", "", "", ""],
        ],
    )
    for source in (tmp_path, table):
        listing = read_source(source)
        assert listing.layout == "csv"
        assert [(s.path, s.class_name, s.facts["patient_id"]) for s in listing.samples] == [
            ("a/1.png", "nevus", "P1"),
            ("b/1.png", "mel", "P1"),
        ]
        assert kinds(listing) == {"missing": 1}


def test_csv_with_absolute_paths_of_another_machine(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "1.png", 1)
    write_table(tmp_path / "t.csv", ["file", "label"], [["/home/ann/study/images/1.png", "mel"]])
    (sample,) = read_source(tmp_path).samples
    assert (sample.sample_id, sample.path) == ("images/1", "images/1.png")


def test_one_file_for_two_rows(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "1.png", 1)
    write_table(tmp_path / "t.csv", ["file", "label"], [["1", "mel"], ["images/1.png", "nv"]])
    listing = read_source(tmp_path)
    assert len(listing.samples) == 1
    assert "which 1 already uses" in listing.problems[0].reason


def sentence(source: Path, layout: str = "auto") -> str:
    with pytest.raises(DatasetError) as caught:
        read_source(source, layout)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


def test_no_such_folder(tmp_path: Path) -> None:
    assert "There is no folder" in sentence(tmp_path / "nothing")


def test_empty_folder(tmp_path: Path) -> None:
    assert "is empty" in sentence(tmp_path)


def test_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    assert "There are no images" in sentence(tmp_path)


def test_missing_table(small_ham: HamFolder) -> None:
    (small_ham.root / "HAM10000_metadata.csv").unlink()
    assert "no table of their classes (such as HAM10000_metadata.csv)" in sentence(small_ham.root)
    assert "There is no CSV table" in sentence(small_ham.root, "ham10000")


def test_images_without_any_folder_or_table(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png", 1)
    assert "no table of their classes" in sentence(tmp_path)
    assert "are not in class folders" in sentence(tmp_path, "class-folders")


def test_wrong_columns_are_named(small_ham: HamFolder) -> None:
    table = small_ham.root / "HAM10000_metadata.csv"
    table.write_text(table.read_text().replace("image_id,dx,", "picture,what,"))
    text = sentence(small_ham.root)
    assert "missing one for the image" in text
    assert "and one for the class" in text
    assert "found lesion_id, picture, what, dx_type" in text
    assert "missing image_id and dx; found" in sentence(small_ham.root, "ham10000")
    assert "missing one for the image" in sentence(small_ham.root, "isic2018")


def test_empty_table(small_ham: HamFolder) -> None:
    (small_ham.root / "HAM10000_metadata.csv").write_text("")
    assert "is empty" in sentence(small_ham.root)


def test_table_that_is_none(small_ham: HamFolder) -> None:
    (small_ham.root / "HAM10000_metadata.csv").write_bytes(bytes(range(256)) * 40)
    assert "HAM10000_metadata.csv" in sentence(small_ham.root)


def test_tables_that_name_classes_in_different_ways(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png", 1)
    write_table(tmp_path / "a.csv", ["file", "label"], [["1.png", "mel"]])
    write_table(tmp_path / "b.csv", ["image", "diagnosis"], [["1.png", "mel"]])
    assert "(a.csv, b.csv); give the one you want" in sentence(tmp_path)
    assert len(read_source(tmp_path / "b.csv").samples) == 1


def test_a_source_that_is_a_file(tmp_path: Path) -> None:
    archive = tmp_path / "ham.zip"
    archive.write_bytes(b"PK")
    assert "unpack it" in sentence(archive)
    assert "is a file; give a folder" in sentence(write_image(tmp_path / "1.png", 1))


def test_unknown_layout(tmp_path: Path) -> None:
    assert "There is no layout 'coco'; choose auto, ham10000" in sentence(tmp_path, "coco")


def test_links_in_a_circle_end(small_ham: HamFolder) -> None:
    (small_ham.root / "HAM10000_images_part_1" / "loop").symlink_to(small_ham.root)
    assert len(read_source(small_ham.root).samples) == 8


def test_the_older_name_of_a_layout_is_understood(small_ham: HamFolder, tmp_path: Path) -> None:
    assert read_source(small_ham.root, "kaggle").layout == "ham10000"
    file = tmp_path / "data.db"
    import_dataset(small_ham.root, file)
    with DatasetStore.open(file) as store:
        store.database.set_fact("layout", "kaggle")
    with DatasetStore.open(file, read_only=True) as store:
        assert store.layout == "ham10000"
    for layout in ("kaggle", "ham10000", "auto"):
        report = import_dataset(small_ham.root, file, layout=layout)
        assert (report.layout, report.unchanged) == ("ham10000", 8)
    with DatasetStore.open(file, read_only=True) as store:
        assert store.database.fact("layout") == "ham10000"

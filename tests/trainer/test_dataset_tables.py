"""Tables as people have them: encodings, separators, lost zeros, ids of nobody, chosen columns, given splits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.drawn import write_image, write_table
from tests.trainer.shell import Shell
from trainer.dataset.importing import import_dataset
from trainer.dataset.reading.layouts import read_source
from trainer.dataset.reading.source.columns import Columns
from trainer.dataset.reading.source.listing import Listing
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore
from trainer.errors import DatasetError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight images, im0.jpg to im7.jpg."""
    for number in range(8):
        write_image(tmp_path / "images" / f"im{number}.jpg", number)
    return tmp_path


def classes(listing: Listing) -> dict[str, int]:
    return dict(Counter(sample.class_name for sample in listing.samples))


def labels(*names: str) -> str:
    return "".join(f"im{number}.jpg,{names[number % len(names)]}\n" for number in range(8))


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("gbk", ("黑色素瘤", "基底细胞癌")),
        ("gb18030", ("色素痣", "黑色素瘤")),
        ("shift_jis", ("悪性黒色腫", "基底細胞癌")),
        ("big5", ("黑色素瘤", "基底細胞癌")),
        ("euc_kr", ("흑색종", "기저세포암")),
        ("cp1251", ("меланома", "невус")),
        ("cp1251", ("Меланома", "Базалиома")),
        ("cp1253", ("μελάνωμα", "σπίλος")),
        ("cp1252", ("mélanome", "nævus")),
        ("cp1252", ("MÉLANOME", "Nävus")),
        ("utf-16-le", ("melanoma", "nevus")),
        ("utf-16-be", ("黑色素瘤", "nævus")),
    ],
)
def test_older_encodings_are_guessed_and_named(folder: Path, encoding: str, names: tuple[str, str]) -> None:
    (folder / "labels.csv").write_bytes(("image,label\n" + labels(*names)).encode(encoding))
    listing = read_source(folder)
    assert classes(listing) == dict.fromkeys(names, 4)
    assert "labels.csv is not in UTF-8; its encoding was taken to be" in listing.notes[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_needs_no_guess(folder: Path, encoding: str) -> None:
    (folder / "labels.csv").write_bytes(("image,label\n" + labels("黑色素瘤", "nævus")).encode(encoding))
    listing = read_source(folder)
    assert classes(listing) == {"黑色素瘤": 4, "nævus": 4}
    assert not any("UTF-8" in note for note in listing.notes)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("first", ["", "sep={}\n", '"sep={}"\r\n'])
def test_separators_and_the_line_that_names_them(folder: Path, separator: str, first: str) -> None:
    text = "image,label,note\n" + "".join(line + ',"a b"\n' for line in labels("mel", "nv").splitlines())
    (folder / "labels.csv").write_text(first.format(separator) + text.replace(",", separator))
    listing = read_source(folder)
    assert classes(listing) == {"mel": 4, "nv": 4}
    assert listing.problems == []


def test_decimal_commas(folder: Path) -> None:
    rows = "".join(f"im{number};{number % 2},0;{1 - number % 2},0;4{number},5\n" for number in range(8))
    (folder / "truth.csv").write_text("image;MEL;NV;age\n" + rows)
    listing = read_source(folder)
    assert classes(listing) == {"mel": 4, "nv": 4}
    assert [sample.facts["age"] for sample in listing.samples][:2] == [40.5, 41.5]


def test_zeros_that_a_spreadsheet_took_away(tmp_path: Path) -> None:
    for name in ("000007", "ISIC_0000012", "000040", "40"):
        write_image(tmp_path / f"{name}.jpg", len(name) + sum(map(ord, name)))
    write_table(
        tmp_path / "t.csv", ["image", "label"], [[7, "mel"], ["ISIC_12", "nv"], [40, "nv"], [9, "nv"]]
    )
    listing = read_source(tmp_path)
    assert [sample.path for sample in listing.samples] == ["000007.jpg", "ISIC_0000012.jpg", "40.jpg"]
    assert any("2 references were matched by their number alone" in note for note in listing.notes)
    assert sorted(problem.kind for problem in listing.problems) == ["missing", "without-metadata"]


def test_ids_that_stand_for_nobody(folder: Path) -> None:
    ids = ["-1", "unknown", "nan", "N/A", "", "P1", "P1", "P2"]
    write_table(
        folder / "t.csv", ["image", "label", "patient_id"], [[f"im{n}", "mel", ids[n]] for n in range(8)]
    )
    found = [sample.facts["patient_id"] for sample in read_source(folder).samples]
    assert found == [None, None, None, None, None, "P1", "P1", "P2"]


def test_one_id_for_most_images_is_noticed(tmp_path: Path) -> None:
    for number in range(12):
        write_image(tmp_path / f"im{number}.jpg", number)

    def read(patient: str) -> Listing:
        rows = [[f"im{n}", "mel", patient if n < 9 else f"P{n}"] for n in range(12)]
        write_table(tmp_path / "t.csv", ["image", "label", "patient_id"], rows)
        return read_source(tmp_path)

    assert sum(sample.facts["patient_id"] is None for sample in read("0").samples) == 9
    assert any("9 of 12 images have the same patient id, IP_1" in note for note in read("IP_1").notes)


def test_lesions_that_are_numbered_within_each_patient(folder: Path) -> None:
    rows = [[f"im{n}", "mel", f"P{n // 4}", n % 4 // 2] for n in range(8)]
    write_table(folder / "t.csv", ["image", "label", "patient_id", "lesion_id"], rows)
    found = [sample.facts["lesion_id"] for sample in read_source(folder).samples]
    assert found == ["P0:0", "P0:0", "P0:1", "P0:1", "P1:0", "P1:0", "P1:1", "P1:1"]


@pytest.mark.parametrize("name", ["labels.tab", "labels", "labels.txt", "labels.tsv"])
def test_tables_of_other_names_are_found_and_can_be_given(folder: Path, name: str) -> None:
    (folder / "README.txt").write_text("These are images, as a table would say.")
    (folder / name).write_text(("image,label\n" + labels("mel", "nv")).replace(",", "\t"))
    for source in (folder, folder / name):
        assert classes(read_source(source)) == {"mel": 4, "nv": 4}


def test_a_table_may_lie_beside_the_folder_of_images(folder: Path) -> None:
    table = write_table(folder / "meta" / "t.csv", ["image", "label"], [["im1", "mel"], ["im2.jpg", "nv"]])
    assert classes(read_source(table)) == {"mel": 1, "nv": 1}


def test_a_table_without_names_of_columns(folder: Path) -> None:
    (folder / "truth.csv").write_text(labels("benign", "malignant"))
    assert classes(read_source(folder)) == {"benign": 4, "malignant": 4}


def test_tables_of_the_same_columns_are_read_together(folder: Path) -> None:
    for name, numbers in (("train.csv", range(5)), ("test.csv", range(5, 8))):
        write_table(
            folder / name, ["image", "label"], [[f"im{n}", "mel" if n % 2 else "nv"] for n in numbers]
        )
    listing = read_source(folder)
    assert len(listing.samples) == 8
    assert listing.notes[0].startswith("These tables were read together: test.csv, train.csv.")
    assert "--split-column table" in listing.notes[0]
    listing = read_source(folder, columns=Columns(split="table"))
    assert Counter(sample.given_part for sample in listing.samples) == {"train": 5, "test": 3}


def test_tables_of_folds_name_each_image_several_times(folder: Path) -> None:
    for fold in range(3):
        write_table(folder / f"fold{fold}.csv", ["image", "label"], [[f"im{n}", "mel"] for n in range(8)])
    listing = read_source(folder)
    assert (len(listing.samples), listing.problems) == (8, [])
    assert listing.passed_over == {"rows that repeat one of another table": 16}


def test_a_form_to_be_filled_in_is_passed_over_and_the_fuller_column_taken(folder: Path) -> None:
    write_table(folder / "sample_submission.csv", ["image_name", "target"], [["im7", 0]])
    rows = [
        [f"im{n}", "unknown" if n < 6 else "nevus", "malignant" if n == 6 else "benign", 0] for n in range(8)
    ]
    write_table(folder / "train.csv", ["image_name", "diagnosis", "benign_malignant", "target"], rows)
    listing = read_source(folder)
    assert classes(listing) == {"benign": 7, "malignant": 1}
    assert "the classes were taken from benign_malignant" in listing.notes[0]
    assert listing.passed_over == {"table that was not needed (sample_submission.csv)": 1}


def test_marks_of_three_classes_in_two_columns(folder: Path) -> None:
    rows = [[f"im{n}", float(n == 0), float(n == 1)] for n in range(8)]
    write_table(folder / "ISIC-2017_Part3.csv", ["image_id", "melanoma", "seborrheic_keratosis"], rows)
    assert classes(read_source(folder)) == {"mel": 1, "seborrheic keratosis": 1, "nevus": 6}


def test_truth_by_lesion_with_further_classes(folder: Path) -> None:
    columns = ["lesion_id", "AKIEC", "BEN_OTH", "MEL", "SCCKA"]
    truth = [["L0", 0, 1, 0, 0], ["L1", 0, 0, 1, 0], ["L2", 0, 0, 0, 1], ["L3", 1, 0, 0, 0]]
    write_table(folder / "Training_GroundTruth.csv", columns, truth)
    facts = [[f"L{n // 2}", f"im{n}", 55] for n in range(8)]
    write_table(folder / "Training_Metadata.csv", ["lesion_id", "isic_id", "age_approx"], facts)
    listing = read_source(folder)
    assert classes(listing) == {"BEN_OTH": 2, "mel": 2, "SCCKA": 2, "akiec": 2}
    assert (listing.samples[0].facts["lesion_id"], listing.samples[0].facts["age"]) == ("L0", 55.0)


def test_ph2_names_classes_by_numbers(tmp_path: Path) -> None:
    lines = ["||   Name || Histological Diagnosis || Clinical Diagnosis ||"]
    for number in range(3):
        case = tmp_path / "images" / f"IMD00{number}"
        write_image(case / f"IMD00{number}_Dermoscopic_Image" / f"IMD00{number}.bmp", number)
        write_image(case / f"IMD00{number}_lesion" / f"IMD00{number}_lesion.bmp", 10 + number)
        lines.append(f"|| IMD00{number} ||     ||   {number} ||")
    (tmp_path / "PH2_dataset.txt").write_text("\n".join(lines))
    assert classes(read_source(tmp_path)) == {"common nevus": 1, "atypical nevus": 1, "melanoma": 1}


# Chosen columns


def odd_table(folder: Path, *, leak: bool = False) -> Path:
    rows = [
        [f"im{n}.jpg", "mel" if n % 2 else "nv", f"L{n // 2}", ["Train", "valid", "TEST", "test"][n // 2]]
        for n in range(8)
    ]
    if leak:
        rows[7][2] = "L0"
    return write_table(folder / "own.csv", ["Photo", "Befund", "Spot", "Teil"], rows)


CHOSEN = Columns(image="Photo", class_name="Befund", lesion_id="spot", split="Teil")


def test_chosen_columns_are_used_again_by_the_next_import(folder: Path) -> None:
    odd_table(folder)
    out = folder.parent / "chosen.db"
    with pytest.raises(DatasetError, match="choose them"):
        import_dataset(folder, out)
    report = import_dataset(folder, out, columns=CHOSEN)
    assert (report.classes, report.lesions) == ({"mel": 4, "nv": 4}, 4)
    with DatasetStore.open(out, read_only=True) as store:
        assert store.columns == CHOSEN
        certificate = store.certificate()
    assert certificate is not None
    assert certificate.images == {"train": 2, "validation": 2, "test": 4}
    assert certificate.notes == ("The split was given by the column 'Teil'.",)
    write_image(folder / "im8.jpg", 80)
    with (folder / "own.csv").open("a") as stream:
        stream.write("im8.jpg,mel,L8,train\n")
    report = import_dataset(folder, out)
    assert (report.added, report.unchanged) == (1, 8)
    with DatasetStore.open(out) as store:
        assert len(store.frame("train")) == 3
        split_dataset(store, seed=3)
        drawn = store.certificate()
    import_dataset(folder, out)
    with DatasetStore.open(out, read_only=True) as store:
        assert store.certificate() == drawn


def test_a_column_that_no_table_has(folder: Path) -> None:
    odd_table(folder)
    with pytest.raises(DatasetError, match=r"column 'nothing'; own\.csv has Photo, Befund, Spot, Teil"):
        read_source(folder, columns=Columns(class_name="nothing"))


def test_a_given_split_that_leaks_is_refused_or_certified(folder: Path, shell: Shell) -> None:
    odd_table(folder, leak=True)
    out = folder.parent / "leak.db"
    words = ["import", str(folder), "--out", str(out), "--image-column", "Photo", "--class-column", "Befund"]
    words += ["--lesion-column", "Spot", "--split-column", "Teil"]
    refused = shell(*words)
    assert refused.status == 2
    assert "divides 1 lesion: L0 (im0 in train, im7 in test)" in refused.err
    assert not out.exists()
    assert shell(*words, "--accept-leaks").status == 0
    with DatasetStore.open(out) as store:
        certificate = store.certificate()
        assert certificate is not None
        assert (certificate.groups_in_two_parts, certificate.sound) == (1, False)
        assert any("The given split leaks: it divides 1 group" in note for note in certificate.notes)
        store.edit(["im1"], age=30.0)
        assert store.certificate() is not None
        assert dict(store.database.rows("SELECT sample_id, split FROM samples"))["im7"] == "test"


def test_near_duplicates_in_two_parts_of_a_given_split_are_refused(folder: Path) -> None:
    (folder / "images" / "im7.jpg").write_bytes((folder / "images" / "im1.jpg").read_bytes())
    odd_table(folder)
    out = folder.parent / "twins.db"
    with pytest.raises(DatasetError, match="divides 1 group"):
        import_dataset(folder, out, columns=CHOSEN)
    with DatasetStore.open(out, read_only=True) as store:
        assert store.certificate() is None


def test_a_split_column_of_other_words_is_refused(folder: Path) -> None:
    odd_table(folder)
    with pytest.raises(DatasetError, match="is not train, validation or test"):
        import_dataset(
            folder,
            folder.parent / "odd.db",
            columns=Columns(image="Photo", class_name="Befund", split="Spot"),
        )


def test_folders_can_give_the_split(tmp_path: Path) -> None:
    for number, part in enumerate(("train_dir", "val_dir", "test_dir")):
        for name in ("mel", "nv"):
            write_image(tmp_path / "in" / part / name / "1.jpg", 10 * number + len(name))
    report = import_dataset(tmp_path / "in", tmp_path / "data.db", columns=Columns(split="folder"))
    assert report.total == 6
    with DatasetStore.open(tmp_path / "data.db", read_only=True) as store:
        certificate = store.certificate()
    assert certificate is not None
    assert certificate.images == {"train": 2, "validation": 2, "test": 2}

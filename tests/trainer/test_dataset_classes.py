"""A class has one identity, however it is spelt."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.drawn import HamFolder, write_class_folders, write_image, write_table
from trainer.dataset.classes.names import class_identity
from trainer.dataset.importing import import_dataset
from trainer.dataset.reading.layouts import read_source
from trainer.dataset.store import DatasetStore

if TYPE_CHECKING:
    from pathlib import Path

IDS = "No lesion or patient ids are known"


def table_of(root: Path, names: list[str]) -> Path:
    rows = [[write_image(root / f"{number}.png", number).name, name] for number, name in enumerate(names)]
    write_table(root / "table.csv", ["file", "label"], rows)
    return root


def read(root: Path) -> tuple[dict[str, int], list[str]]:
    """Return the classes of a folder, and what was said of them."""
    listing = read_source(root)
    counts = Counter(sample.class_name for sample in listing.samples)
    return dict(counts), [note for note in listing.notes if not note.startswith(IDS)]


@pytest.mark.parametrize(
    ("names", "classes", "notes"),
    [
        (
            ["Nevus", "nevus ", "NEVUS", "nevus", "wart"],
            {"nevus": 4, "wart": 1},
            ["'nevus' (2), 'Nevus' (1) and 'NEVUS' (1) are one class: nevus."],
        ),
        (
            [unicodedata.normalize("NFD", "Kératose"), "Kératose", "wart"],
            {"Kératose": 2, "wart": 1},
            [],
        ),
        (["Spitz  nevus", "Spitz nevus"], {"Spitz nevus": 2}, []),
        (["Straße", "STRASSE"], {"Straße": 2}, ["'Straße' (1) and 'STRASSE' (1) are one class: Straße."]),
        (["MEL", "NV"], {"mel": 1, "nv": 1}, []),
        (["AK", "NV"], {"akiec": 1, "nv": 1}, ["'AK' (1) is the class akiec."]),
        (["SCC", "NV"], {"scc": 1, "nv": 1}, []),
        (["Melanoma", "Wart"], {"Melanoma": 1, "Wart": 1}, []),
        (
            ["Melanoma", "mel", "melanoma"],
            {"mel": 3},
            ["'Melanoma' (1), 'mel' (1) and 'melanoma' (1) are one class: mel."],
        ),
    ],
)
def test_spellings_of_a_class_are_one_class(
    tmp_path: Path, names: list[str], classes: dict[str, int], notes: list[str]
) -> None:
    assert read(table_of(tmp_path, names)) == (classes, notes)


def test_class_folders_of_two_spellings_are_one_class(tmp_path: Path) -> None:
    write_class_folders(tmp_path / "train", {"Melanoma": 3, "AK": 1, "akiec": 1})
    write_class_folders(tmp_path / "test", {"melanoma": 1})
    classes, notes = read(tmp_path)
    assert classes == {"Melanoma": 4, "akiec": 2}
    assert "'Melanoma' (3) and 'melanoma' (1) are one class: Melanoma." in notes
    assert "'AK' (1) and 'akiec' (1) are one class: akiec." in notes


def test_full_names_in_ham10000s_table_are_its_classes(ham: HamFolder) -> None:
    for name in (
        "Melanoma",
        "Melanocytic nevi",
        "Melanocytic nevus",
        "Basal cell carcinoma",
        "Actinic keratosis / Bowen's disease (intraepithelial carcinoma)",
        "Benign keratosis-like lesions ",
        "Dermatofibroma",
        "vascular lesions",
        "SCC",
    ):
        ham.add(name)
    classes, notes = read(ham.write())
    assert classes == {"mel": 1, "nv": 2, "bcc": 1, "akiec": 1, "bkl": 1, "df": 1, "vasc": 1, "scc": 1}
    assert "'Melanoma' (1) is the class mel." in notes
    assert "'Melanocytic nevi' (1) and 'Melanocytic nevus' (1) are one class: nv." in notes


def test_the_dataset_keeps_its_name_of_a_class(tmp_path: Path) -> None:
    folder, file = table_of(tmp_path / "images", ["Nevus", "wart"]), tmp_path / "data.db"
    import_dataset(folder, file)
    table_of(folder, ["Nevus", "wart", "nevus", "NEVUS", "nevus"])
    report = import_dataset(folder, file)
    assert report.classes == {"Nevus": 4, "wart": 1}
    assert "'nevus' (2), 'Nevus' (1) and 'NEVUS' (1) are one class: Nevus." in report.notes
    with DatasetStore.open(file) as store:
        store.edit(["1"], class_name="NEVUS")
        assert store.classes == ("Nevus",)


def test_a_dataset_that_has_two_spellings_is_joined_by_the_next_import(tmp_path: Path) -> None:
    folder, file = (
        table_of(tmp_path / "images", ["Nevus", "nevus", "nevus", "wart", "wart"]),
        tmp_path / "data.db",
    )
    import_dataset(folder, file)
    with DatasetStore.open(file) as store:
        store.edit(["3"], class_name="nevus")
        # What a version that took capitals for another class left behind.
        store.database.run("INSERT INTO classes VALUES ('Nevus', 0)")
        store.database.run("UPDATE samples SET class_name = 'Nevus' WHERE sample_id IN ('0', '3')")
        assert store.classes == ("Nevus", "nevus", "wart")
    assert import_dataset(folder, file).classes == {"nevus": 4, "wart": 1}


def test_a_full_name_is_the_same_class_as_its_short_name() -> None:
    assert class_identity("basal cell carcinoma") == "bcc"

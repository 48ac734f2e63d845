"""Which classes are malignant, benign, or neither by their names; what a user says of them."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.drawn import write_class_folders, write_image
from trainer.dataset.classes.malignancy import Marks, malignancy_by_name, mixed
from trainer.dataset.classes.marking import class_list
from trainer.dataset.importing import import_dataset
from trainer.dataset.store import DatasetStore
from trainer.errors import BundleError, DatasetError
from trainer.runs.archive import export_archive, import_archive
from trainer.runs.bundle import REFERENCE, bundle_hash, read_manifest, read_trained_manifest
from trainer.runs.marks import MARKS, write_marks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainer.shell import Shell

MALIGNANT = (
    "melanoma",
    "Melanoma, NOS",
    "cSCC",
    "nodular nBCC",
    "melanoma (in situ)",
    "melanoma metastasis",
    "melanoma (less than 0.76 mm)",
    "Nodular melanoma",
    "lentigo maligna",
    "Lentigo Maligna Melanoma",
    "Squamous cell carcinoma, NOS",
    "SCC",
    "SCCKA",
    "Bowen's disease",
    "Bowens disease",
    "Bowen’s disease",
    "ACK",
    "Actinic keratoses",
    "Solar or actinic keratosis",
    "AK",
    "akiec",
    "AKIEC",
    "BCC",
    "basal cell carcinoma",
    "Basal-cell-carcinoma",
    "BasalCellCarcinoma",
    "Merkel cell carcinoma",
    "Merkel",
    "keratoacanthoma",
    "DFSP",
    "Dermatofibrosarcoma protuberans",
    "metastasis",
    "Metastases",
    "MAL_OTH",
    "malignant",
    "Malignant Lesions",
    "Actinic Keratosis Basal Cell Carcinoma and other Malignant Lesions",
    "non-melanoma skin cancer",
    "NMSC carcinoma",
    "mycosis-fungoides",
    "kaposi-sarcoma",
    "Angiosarcoma",
    "pre-malignant",
    "precancerous",
    "MEL",
    "mel",
    "Mélanome",
    "Melanoma in situ",
    "in situ carcinoma",
    "squamous-cell-carcinoma-in-situ",
    "melanoma-in-situ",
    "keratosis, actinic",
    "Actinic (solar) keratosis",
    "acral-lentiginous melanoma",
    "malignant melanoma",
    "Paget's disease",
    "suspicious for melanoma",
    "superficial spreading melanoma ssm",
    "subcutaneous-t-cell-lymphoma",
    "sebaceous-carcinoma",
    "actinic cheilitis",
    "Melanoma ulcerated",
    "MELANOMA",
    "melanoma_metastasis",
)
MIXED = (
    "melanoma or nevus",
    "Melanoma Skin Cancer Nevi and Moles",
    "benign_malignant",
    "benign and malignant",
    "nevus vs melanoma",
    "malignant nevus",
    "Seborrheic keratosis and melanoma",
)
BENIGN = (
    "benign",
    "Benign keratosis",
    "seborrheic keratosis",
    "lymphangioma",
    "seborrhoeic keratoses",
    "Seborrheic_Keratosis",
    "SEK",
    "NEV",
    "melanocytic nevus",
    "melanocytic nevi",
    "melanocytic-nevi",
    "clark nevus",
    "blue nevus",
    "Naevus",
    "nv",
    "NV",
    "dermatofibroma",
    "DF",
    "BKL",
    "VASC",
    "Vascular lesion",
    "no malignancy",
    "non-malignant",
    "not malignant",
    "nonmalignant",
    "benign melanocytic nevus",
    "benign juvenile melanoma",
    "hemangioma",
    "solar lentigo",
    "lentigo simplex",
    "nevus, no melanoma",
    "melanosis",
    "BEN_OTH",
    "non-neoplastic",
    "no evidence of malignancy",
    "cancer-free",
    "non-cancerous",
    "Nevus (melanoma-like)",
    "wart",
    "lichen planus-like keratosis",
    "Spitz nevus",
    "dysplastic nevus",
    "healthy",
    "pyogenic granuloma",
    "Common_Nevus",
    "no cancer",
    "benign lesion",
)
NOT_STATED = (
    "non-melanoma",
    "nonmelanoma",
    "no melanoma",
    "foo",
    "other",
    "unknown",
    "1",
    "0",
    "c1",
    "Vascular Tumors",
    "melanocytic",
    "not benign",
    "atypical melanocytic proliferation",
    "malar rash",
    "melasma",
    "pseudolymphoma",
    "class a",
    "indeterminate",
    "without melanoma",
    "INF",
    "pigmented",
    "carcinogen",
)


@pytest.mark.parametrize("name", MALIGNANT)
def test_a_name_that_says_malignant(name: str) -> None:
    assert malignancy_by_name(name) == "malignant"
    assert not mixed(name)


@pytest.mark.parametrize("name", MIXED)
def test_a_class_that_mixes_both_counts_as_malignant(name: str) -> None:
    assert malignancy_by_name(name) == "malignant"
    assert mixed(name)


@pytest.mark.parametrize("name", BENIGN)
def test_a_name_that_says_benign(name: str) -> None:
    assert malignancy_by_name(name) == "benign"


@pytest.mark.parametrize("name", NOT_STATED)
def test_a_name_that_says_neither(name: str) -> None:
    assert malignancy_by_name(name) == "not stated"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A dataset of four classes: malignant, benign, mixed, and one of which the name says nothing."""
    classes = {"melanoma (in situ)": 2, "Nevus": 2, "Melanoma and Nevi": 1, "Tumors": 3}
    import_dataset(write_class_folders(tmp_path / "images", classes), tmp_path / "data.db")
    return tmp_path / "data.db"


def test_the_command_lists_and_marks_classes(file: Path, shell: Shell) -> None:
    found = json.loads(shell("classes", file, "--json").out)
    assert found == {
        "classes": {"Melanoma and Nevi": 1, "Nevus": 2, "Tumors": 3, "melanoma (in situ)": 2},
        "malignant": ["Melanoma and Nevi", "melanoma (in situ)"],
        "benign": ["Nevus"],
        "not_stated": ["Tumors"],
    }
    marked = json.loads(
        shell("classes", file, "--malignant", "tumors", "--benign", "Melanoma and Nevi", "--json").out
    )
    assert (marked["malignant"], marked["benign"]) == (
        ["Tumors", "melanoma (in situ)"],
        ["Melanoma and Nevi", "Nevus"],
    )
    text = shell("classes", file).out
    assert "Tumors" in text
    assert "malignant or precancerous" in text
    import_dataset(file.parent / "images", file)  # marks stay
    assert json.loads(shell("classes", file, "--json").out) == marked


def test_marks_that_cannot_be(file: Path, shell: Shell) -> None:
    assert "has no class 'wart'" in shell.refused("classes", file, "--malignant", "wart")
    with DatasetStore.open(file) as store, pytest.raises(DatasetError, match="cannot be both"):
        store.mark(malignant=["Nevus"], benign=["nevus"])
    with DatasetStore.open(file) as store:
        store.mark(benign=["Tumors"])
        store.mark(by_name=["Tumors"])
        assert class_list(store.database).not_stated == ("Tumors",)


def test_an_import_says_which_classes_mix_both(tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "images", {"melanoma or nevus": 2, "nevus": 2})
    notes = import_dataset(folder, tmp_path / "data.db").notes
    assert [note for note in notes if "'melanoma or nevus' mentions both malignant and benign" in note]


def test_a_dataset_of_version_2_is_read_and_upgraded(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(
            "PRAGMA foreign_keys = OFF; BEGIN;"
            "CREATE TABLE old (class_name TEXT PRIMARY KEY,"
            " malignant INTEGER NOT NULL CHECK (malignant IN (0, 1))) WITHOUT ROWID;"
            "INSERT INTO old SELECT class_name, class_name = 'Tumors' FROM classes;"
            "DROP TABLE classes; ALTER TABLE old RENAME TO classes; PRAGMA user_version = 2; COMMIT;"
        )
    expected = ("Melanoma and Nevi", "Tumors", "melanoma (in situ)")
    with DatasetStore.open(file, read_only=True) as store:
        assert store.malignant == expected
    with DatasetStore.open(file) as store:
        assert store.malignant == expected
        assert store.marks.benign == ("Nevus",)
        assert store.check_integrity() == []
        store.mark(benign=["Tumors"])
        assert store.malignant == ("Melanoma and Nevi", "melanoma (in situ)")


def test_what_a_user_says_of_a_bundle_lies_beside_it(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    bundle = run / "bundle"
    identity, before = bundle_hash(bundle), read_manifest(bundle)
    assert (before.malignant, before.benign) == (("mel",), ("bkl", "nv"))
    write_marks(bundle, Marks(malignant=("bkl", "mel"), benign=()))
    assert read_manifest(bundle).marks == Marks(malignant=("bkl", "mel"))
    assert read_trained_manifest(bundle) == before
    assert bundle_hash(bundle) == identity
    export_archive(run, tmp_path / "run.skindesk", name="run", with_reports=False)
    import_archive(tmp_path / "run.skindesk", tmp_path / "copy")
    assert read_manifest(tmp_path / "copy" / "bundle").malignant == ("bkl", "mel")
    write_marks(bundle, None)
    assert read_manifest(bundle) == before


def test_a_bundle_of_an_older_version_whose_marks_are_wrong_says_so_once(
    trained: Path, tmp_path: Path, shell: Shell
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(trained / "bundle", bundle)
    rename_class(bundle, "bkl", "melanoma metastasis")  # which the first version did not count as malignant
    images = [write_image(tmp_path / f"{n}.png", n, (64, 64)) for n in (1, 2)]
    outcome = shell("predict", bundle, *images, "--json")
    assert outcome.err.count("did not count 'melanoma metastasis' as malignant") == 1
    first = json.loads(outcome.out)[0]
    assert first["malignant_probability"] == pytest.approx(first["probabilities"]["mel"])
    assert first["warnings"] == []

    listed = json.loads(shell("classes", bundle, "--malignant", "Melanoma  Metastasis", "--json").out)
    assert listed["malignant"] == ["mel", "melanoma metastasis"]
    assert set(listed["classes"]) == {"melanoma metastasis", "mel", "nv"}
    outcome = shell("predict", bundle, images[0], "--json")
    assert "did not count" not in outcome.err
    (first,) = json.loads(outcome.out)
    assert first["malignant_probability"] == pytest.approx(1 - first["probabilities"]["nv"])

    write_marks(bundle, None)
    assert shell("classes", bundle, "--benign", "melanoma metastasis").status == 0
    assert "did not count" not in shell("predict", bundle, images[0]).err, "the user has confirmed it"
    outcome = shell("classes", bundle, "--malignant", "wart")
    assert outcome.status == 2
    assert "has no class 'wart'" in outcome.err


def rename_class(bundle: Path, old: str, new: str) -> None:
    """Give a class another name and the bundle the first format version, as someone would who knows the format."""
    manifest = json.loads(
        (bundle / "manifest.json").read_bytes().replace(f'"{old}"'.encode(), f'"{new}"'.encode())
    )
    manifest["format_version"] = 1
    del manifest["benign"]
    content = json.dumps(manifest).encode()
    (bundle / "manifest.json").write_bytes(content)
    (bundle / "manifest.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  manifest.json\n")
    (bundle / REFERENCE).unlink(missing_ok=True)  # which that version did not have


@pytest.mark.parametrize(
    "content", [b"{", b"[" * 100_000, b"\xff", b'{"malignant": ["wart"], "benign": []}', b'{"malignant": 1}']
)
def test_damaged_marks_of_a_bundle_are_one_sentence(trained: Path, tmp_path: Path, content: bytes) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(trained / "bundle", bundle)
    (bundle / MARKS).write_bytes(content)
    with pytest.raises(BundleError, match="go back to the marks from the training"):
        read_manifest(bundle)


def test_nothing_is_said_of_malignancy_where_no_class_is_marked(
    trained: Path, tmp_path: Path, shell: Shell
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(trained / "bundle", bundle)
    write_marks(bundle, Marks(benign=("nv",)))
    image = write_image(tmp_path / "lesion.png", 3, (300, 300))
    (prediction,) = json.loads(shell("predict", bundle, image, "--json").out)
    assert prediction["malignant_probability"] is None
    shell("predict", bundle, image, "--csv", tmp_path / "table.csv")
    head, row = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
    assert row.split(",")[head.split(",").index("malignant_probability")] == ""
    text = shell("predict", bundle, image).out
    assert "No class of this network is marked malignant." in text
    assert "malignant 0.0 %" not in text

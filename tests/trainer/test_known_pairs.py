"""Images that are known to show one lesion under two ids stay together, whatever the layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.drawn import HamFolder, write_class_folders, write_image, write_table
from trainer.dataset.groups.known_pairs import side_of
from trainer.dataset.importing import import_dataset
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = "ISIC_0033556", "ISIC_0032634"
"""Lesions HAM_0004199 and HAM_0004184."""
NOTE = "1 pair of images known to show one lesion under two ids (Abhishek et al. 2025) was joined."


def split_of(folder: Path, file: Path) -> tuple[str, dict[str, str]]:
    """Import and split; return the certificate in words and the group of each file by its name."""
    import_dataset(folder, file)
    with DatasetStore.open(file) as store:
        said = split_dataset(store).describe()
        frame = store.frame()
    return said, {
        path.replace("\\", "/").rpartition("/")[2]: group
        for path, group in zip(frame["path"], frame["group_id"], strict=True)
    }


def test_a_known_pair_is_joined_in_folders_of_classes(tmp_path: Path) -> None:
    folder = write_class_folders(tmp_path / "images", {"mel": 4, "nv": 4})
    write_image(folder / "nv" / f"{FIRST}.jpg", 91)
    write_image(folder / "nv" / f"{SECOND.lower()}_cropped.jpg", 92)
    said, groups = split_of(folder, tmp_path / "data.db")
    assert groups[f"{FIRST}.jpg"] == groups[f"{SECOND.lower()}_cropped.jpg"]
    assert NOTE in said


def test_a_known_pair_is_joined_by_lesion_ids(tmp_path: Path) -> None:
    ham = HamFolder(tmp_path / "ham")
    for class_name in 4 * ("mel", "nv"):
        ham.add(class_name)
    first, second = ham.add("nv", lesion="HAM_0004199")[0], ham.add("nv", lesion="HAM_0004184")[0]
    said, groups = split_of(ham.write(), tmp_path / "data.db")
    assert groups[f"{first}.jpg"] == groups[f"{second}.jpg"]
    assert NOTE in said


def test_a_known_pair_is_joined_where_a_table_names_the_files(tmp_path: Path) -> None:
    rows = [("a/0.png", "mel"), ("a/1.png", "mel"), ("a/2.png", "nv")]
    rows += [(f"a/{FIRST}.png", "nv"), (f"b/{SECOND}.png", "nv")]
    for seed, (path, _) in enumerate(rows):
        write_image(tmp_path / "images" / path, seed)
    write_table(tmp_path / "images" / "table.csv", ("path", "diagnosis"), rows)
    _, groups = split_of(tmp_path / "images", tmp_path / "data.db")
    assert groups[f"{FIRST}.png"] == groups[f"{SECOND}.png"]


def test_a_dataset_that_was_split_before_says_so_and_is_joined_with_the_next_import(tmp_path: Path) -> None:
    ham = HamFolder(tmp_path / "ham")
    for class_name in 4 * ("mel", "nv"):
        ham.add(class_name)
    first, second = ham.add("nv", lesion="HAM_0004199")[0], ham.add("nv", lesion="HAM_0004184")[0]
    file = tmp_path / "data.db"
    import_dataset(ham.write(), file)
    with DatasetStore.open(file) as store:
        split_dataset(store)
        for sample, part in ((first, "train"), (second, "test")):  # as an earlier version left them
            store.database.run(
                "UPDATE samples SET split = ?, group_id = sample_id WHERE sample_id = ?", (part, sample)
            )
        before = store.certificate()
    assert before is not None
    assert not before.sound
    assert (before.known_pairs_joined, before.known_pairs_in_two_parts) == (0, 1)
    assert "1 pair of images known to show one lesion under two ids" in before.describe()
    import_dataset(ham.root, file)
    with DatasetStore.open(file) as store:
        after = store.certificate()
        parts = store.frame().set_index("sample_id")["split"]
    assert after is not None
    assert after.sound
    assert (after.known_pairs_joined, after.known_pairs_in_two_parts) == (1, 0)
    assert parts[first] == parts[second] == "train"


@pytest.mark.parametrize(
    ("sample", "path", "lesion", "known"),
    [
        ("ISIC_0033556", "x.jpg", None, True),
        ("nv/0", "part/isic_0033556.jpg", None, True),
        ("0", "0.jpg", "ham_0004199", True),
        ("ISIC_00335561", "x.jpg", None, False),
        ("ISIC_0033556/0", "0.jpg", "HAM_0000001", True),
        ("0", "ISIC_0033556/0.jpg", None, False),
        ("0", "0.jpg", "0004199", False),
    ],
)
def test_a_side_is_known_by_image_or_lesion_id(
    sample: str, path: str, lesion: str | None, *, known: bool
) -> None:
    assert (side_of(sample, path, lesion) is not None) == known


@pytest.mark.realdata
def test_the_pairs_are_those_that_were_published(real_data: Path) -> None:
    rows = (real_data / "ham10000_same_lesion_pairs.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(rows) == 18
    for row in rows:
        first, second = (side_of(image, "", None) for image in row.split(",")[:2])
        assert first is not None
        assert second is not None
        assert (first.pair, first.second, second.second) == (second.pair, False, True)

"""The split a network was trained on is found again, and never taken for another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.drawn import HamFolder
from trainer.dataset.groups import regrouping
from trainer.dataset.importing import import_dataset
from trainer.dataset.recovery import frame_as_split
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def imported(tmp_path: Path) -> Path:
    ham = HamFolder(tmp_path / "ham")
    for class_name in 12 * ("mel", "nv"):
        ham.add(class_name)
    for lesion in ("HAM_0004199", "HAM_0004184"):  # a known pair
        ham.add("nv", lesion=lesion)
    import_dataset(ham.write(), tmp_path / "data.db")
    return tmp_path / "data.db"


def test_a_split_is_found_again_after_another_one_was_made(tmp_path: Path) -> None:
    with DatasetStore.open(imported(tmp_path)) as store:
        certificate = split_dataset(store, seed=3)
        before = store.frame()
        split_dataset(store, seed=4)
        assert list(store.frame()["split"]) != list(before["split"])
        again = frame_as_split(store, certificate)
        assert again is not None
        assert list(again["split"]) == list(before["split"])
        assert list(again["group_id"]) == list(before["group_id"])


def test_a_split_from_before_known_pairs_were_joined_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = imported(tmp_path)
    with monkeypatch.context() as before, DatasetStore.open(file) as store:
        before.setattr(regrouping, "pair_numbers", lambda ids, *_: [None] * len(ids))
        certificate = split_dataset(store, seed=3)
        parts = list(store.frame()["split"])
    with DatasetStore.open(file) as store:
        joined = split_dataset(store, seed=3)
        assert joined.fingerprint != certificate.fingerprint
        again = frame_as_split(store, certificate)
        assert again is not None
        assert list(again["split"]) == parts


def test_no_split_is_found_in_a_dataset_with_other_classes(tmp_path: Path) -> None:
    with DatasetStore.open(imported(tmp_path)) as store:
        certificate = split_dataset(store, seed=3)
        store.database.run(
            "UPDATE samples SET class_name = 'nv' WHERE sample_id = (SELECT min(sample_id) FROM samples WHERE class_name = 'mel')"
        )
        assert frame_as_split(store, certificate) is None

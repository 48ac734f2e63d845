from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trainer.dataset.importing import import_dataset
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.realdata


def test_sample_of_the_original_size(real_data: Path, tmp_path: Path) -> None:
    report = import_dataset(real_data / "ham10000_600x450_sample", tmp_path / "data.db")
    assert (report.total, report.lesions, report.problems, report.layout) == (124, 123, 0, "ham10000")
    with DatasetStore.open(tmp_path / "data.db") as store:
        frame = store.frame()
        certificate = split_dataset(store)
    assert set(zip(frame["width"], frame["height"], strict=True)) == {(600, 450)}
    assert certificate.sound
    assert "Class akiec is too rare for three parts" in certificate.notes[0]


@pytest.mark.slow
def test_all_of_ham10000(real_data: Path, tmp_path: Path) -> None:
    report = import_dataset(real_data / "ham10000_200x150", tmp_path / "data.db")
    assert (report.total, report.lesions, report.problems) == (10015, 7470, 0)
    assert report.classes == {
        "akiec": 327,
        "bcc": 514,
        "bkl": 1099,
        "df": 115,
        "mel": 1113,
        "nv": 6705,
        "vasc": 142,
    }
    with DatasetStore.open(tmp_path / "data.db") as store:
        frame = store.frame()
        certificate = split_dataset(store)
    # The same pictures under two lesion ids: 4 pairs by their looks (each was looked at), 3 of them among the 18 known.
    joined = frame.groupby("group_id")["lesion_id"].nunique()
    pairs = [tuple(frame.loc[frame["group_id"] == group, "sample_id"]) for group in joined[joined > 1].index]
    assert ("ISIC_0025226", "ISIC_0030074") in pairs
    assert len(pairs) == 19
    assert certificate.sound
    assert (certificate.known_pairs_joined, certificate.known_pairs_in_two_parts) == (18, 0)
    for name, total in report.classes.items():
        for part, fraction in zip(("train", "validation", "test"), certificate.fractions, strict=True):
            assert abs(certificate.classes[part][name] - fraction * total) <= 1
    again = import_dataset(real_data / "ham10000_200x150", tmp_path / "data.db")
    assert (again.added, again.unchanged, again.total) == (0, 10015, 10015)

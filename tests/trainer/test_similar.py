"""The training images most like an image: found by the network's features, never of the image's own lesion."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from trainer.dataset.store import DatasetStore
from trainer.files import sha256_of
from trainer.reference.similar import VOTERS

if TYPE_CHECKING:
    import pandas as pd

    from tests.trainer.shell import Shell


@pytest.fixture(scope="module")
def training(dataset_file: Path) -> pd.DataFrame:
    """The training samples."""
    with DatasetStore.open(dataset_file, read_only=True) as store:
        return store.frame("train")


def neighbours_of(shell: Shell, bundle: Path, image: Path, count: int) -> dict:
    outcome = shell("predict", bundle, image, "--json", "--neighbours", count)
    assert outcome.status == 0, outcome.err
    return json.loads(outcome.out)[0]["neighbours"]


def test_a_training_image_is_like_others_and_its_own_lesion_is_left_out(
    shell: Shell, trained: Path, training: pd.DataFrame, tmp_path: Path
) -> None:
    pairs = training.groupby("group_id").filter(lambda group: len(group) > 1)
    own = pairs.iloc[0]
    copy = shutil.copy(own["path"], tmp_path / "the same under another name.png")
    found = neighbours_of(shell, trained / "bundle", copy, 80)
    group = training[training["group_id"] == own["group_id"]]
    assert found["left_out"] == len(group)
    with Image.open(own["path"]) as image:
        image.resize((96, 80)).save(larger := tmp_path / Path(own["path"]).name)
    assert neighbours_of(shell, trained / "bundle", larger, 1)["left_out"] == len(group)
    ids = [case["sample_id"] for case in found["nearest"]]
    assert not set(ids) & set(group["sample_id"])
    known = training.set_index("sample_id")
    assert known.loc[ids, "group_id"].is_unique
    assert len(ids) == training["group_id"].nunique() - 1
    distances = [case["distance"] for case in found["nearest"]]
    assert distances == sorted(distances)
    assert distances[0] >= 0
    for case in found["nearest"]:
        row = known.loc[case["sample_id"]]
        assert (case["class_name"], case["confirmed"]) == (row["class_name"], row["dx_type"])
        assert case["hash"] == row["sha256"] == sha256_of(row["path"])
    votes = Counter(case["class_name"] for case in found["nearest"][:VOTERS])
    assert found["of"] == VOTERS
    assert found["shares"] == {name: count / VOTERS for name, count in votes.items()}
    assert list(found["shares"].values()) == sorted(found["shares"].values(), reverse=True)


def test_an_image_from_elsewhere_leaves_none_out(
    shell: Shell, trained: Path, dataset_file: Path, training: pd.DataFrame
) -> None:
    with DatasetStore.open(dataset_file, read_only=True) as store:
        other = store.frame("test").iloc[0]
    found = neighbours_of(shell, trained / "bundle", other["path"], 3)
    assert found["left_out"] == 0
    assert len(found["nearest"]) == 3
    assert {case["sample_id"] for case in found["nearest"]} <= set(training["sample_id"])


def test_neighbours_are_named_where_they_are_asked_for_and_known(
    shell: Shell, trained: Path, training: pd.DataFrame, tmp_path: Path
) -> None:
    image = training.iloc[0]["path"]
    bundle = shutil.copytree(trained / "bundle", tmp_path / "bundle")
    assert "neighbours" not in json.loads(shell("predict", bundle, image, "--json").out)[0]
    assert "needs --json" in shell.refused("predict", bundle, image, "--neighbours", 3)
    (bundle / "reference.safetensors").unlink()
    outcome = shell("predict", bundle, image, "--json", "--neighbours", 3)
    assert "neighbours" not in json.loads(outcome.out)[0]
    assert "complete it" in outcome.err

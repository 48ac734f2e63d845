"""From a bundle's reference to what predictions and scorings say: `threshold`, `predict` and `evaluate`."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.made_reference import give_reference, overlapping
from tests.trainer.shell import Shell
from trainer.dataset.classes.malignancy import Marks
from trainer.dataset.store import DatasetStore
from trainer.predictions import AppliedPoint
from trainer.reference.reference import REFERENCE, read_reference
from trainer.reference.rules import rules_of
from trainer.runs.bundle import POINT, bundle_hash, read_manifest
from trainer.runs.marks import write_marks
from trainer.runs.operating_point import read_operating_point


def of_each_class(image_folder: Path) -> list[Path]:
    """An image of each class."""
    with (image_folder / "HAM10000_metadata.csv").open(newline="") as stream:
        chosen = {row["dx"]: row["image_id"] for row in csv.DictReader(stream)}
    return [image_folder / "images" / f"{name}.png" for name in chosen.values()]


@pytest.fixture
def bundle(trained: Path, tmp_path: Path) -> Path:
    """A network of bkl, mel and nv with 60 melanomas set aside, and few lesions of bkl."""
    bundle = tmp_path / "bundle"
    shutil.copytree(trained / "bundle", bundle)
    give_reference(bundle, overlapping((8, 60, 150)))
    return bundle


def report(shell: Shell, *words: object) -> dict[str, Any]:
    outcome = shell("threshold", *words, "--json")
    assert outcome.status == 0, outcome.err
    found: dict[str, Any] = json.loads(outcome.out)
    return found


def test_a_threshold_is_chosen_saved_and_removed(shell: Shell, bundle: Path) -> None:
    identity = bundle_hash(bundle)
    found = report(shell, bundle)
    assert (found["target"], found["target_lesions"], found["other_lesions"]) == (
        {"name": "malignant", "classes": ["mel"]},
        60,
        158,
    )
    assert [choice["point"] is not None for choice in found["offered"]] == [True, True, False]
    assert found["offered"][2]["lesions_needed"] == 149
    assert "not determinable with 60 lesions" in found["offered"][2]["reason"]
    assert found["saved"] is None
    point = found["chosen"]["point"]
    assert (point["sensitivity"], point["lesions"], point["missed"]) == (0.95, 60, 0)
    assert found["chosen"]["found"]["missed"] == {
        "count": 0,
        "of": 60,
        "interval": found["chosen"]["found"]["missed"]["interval"],
    }
    assert not (bundle / POINT).exists()

    saved = report(shell, bundle, "--save")
    assert saved["saved"] == point
    assert bundle_hash(bundle) == identity
    text = shell("threshold", bundle, "--sensitivity", "0.9").out
    assert "60 malignant lesions and 158 others were set aside in validation." in text
    assert "Saved: malignant lesions from" in text
    assert "98 %  not determinable: takes 149 lesions" in text
    assert shell("threshold", bundle, "--clear").out == "The operating point was removed.\n"
    assert json.loads(shell("threshold", bundle, "--clear", "--json").out) == {"cleared": False}
    assert read_operating_point(bundle) is None


def test_a_prevalence_of_ones_own_changes_what_a_flag_means(shell: Shell, bundle: Path) -> None:
    rare = report(shell, bundle, "--prevalence", "0.01")
    common = report(shell, bundle, "--prevalence", "0.5")
    assert rare["prevalence"] == 0.01
    assert rare["chosen"]["values"]["positive"] < common["chosen"]["values"]["positive"]
    assert rare["chosen"]["point"] == common["chosen"]["point"]
    assert "not that of a clinic" in shell("threshold", bundle).out
    assert "not that of a clinic" not in shell("threshold", bundle, "--prevalence", "0.02").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--target", "scc"], "no class 'scc'"),
        (["--sensitivity", "95"], "above 0 and below 1"),
        (["--prevalence", "0"], "above 0 and below 1"),
        (["--sensitivity", "0.98", "--save"], "not determinable with 60 lesions"),
        (["--target", "bkl", "--save"], "not determinable with 8 lesions"),
        (["--save", "--clear"], "not both"),
    ],
)
def test_what_cannot_be_chosen_is_one_sentence(
    shell: Shell, bundle: Path, words: list[str], sentence: str
) -> None:
    assert sentence in shell.refused("threshold", bundle, *words)
    assert not (bundle / POINT).exists()


def test_a_bundle_without_a_reference_says_how_to_complete_it(shell: Shell, bundle: Path) -> None:
    (bundle / REFERENCE).unlink()
    assert f"trainer complete {bundle} DATASET.db" in shell.refused("threshold", bundle)


def test_a_damaged_point_can_be_removed(shell: Shell, bundle: Path) -> None:
    (bundle / POINT).write_text("{")
    assert "Delete it, and choose the operating point again" in shell.refused("threshold", bundle)
    assert shell("threshold", bundle, "--clear").status == 0
    assert shell("threshold", bundle).status == 0


def test_predictions_carry_the_point_and_the_set_for_the_natural_prior(
    shell: Shell, bundle: Path, image_folder: Path, tmp_path: Path
) -> None:
    shell("threshold", bundle, "--save")
    point = read_operating_point(bundle)
    assert point is not None
    images = of_each_class(image_folder)
    natural = json.loads(shell("predict", bundle, *images, "--json").out)
    balanced = json.loads(shell("predict", bundle, *images, "--json", "--prior", "balanced").out)
    for one, other in zip(natural, balanced, strict=True):
        share = one["malignant_probability"]
        assert one["above_threshold"] is (share >= point.threshold)
        assert one["operating_point"] == {
            "target": "malignant",
            "probability": pytest.approx(share),
            "threshold": point.threshold,
            "sensitivity": 0.95,
        }
        assert "bkl" in one["prediction_set"]
        assert one["set_basis"]["always"] == ["bkl"]
        assert (one["set_basis"]["coverage"], one["set_basis"]["needed"]) == (0.9, 9)
        for key in ("above_threshold", "operating_point", "prediction_set"):
            assert other[key] == one[key]
    assert {one["above_threshold"] for one in natural} == {True, False}
    shell("predict", bundle, *images, "--csv", tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["above_threshold"] for row in rows] == [
        str(one["above_threshold"]).lower() for one in natural
    ]
    assert [row["prediction_set"].split("; ") for row in rows] == [one["prediction_set"] for one in natural]
    (wide,) = json.loads(shell("predict", bundle, images[0], "--json", "--coverage", "0.95").out)
    assert set(wide["prediction_set"]) >= set(natural[0]["prediction_set"])
    assert wide["set_basis"]["needed"] == 19


def test_a_terminal_says_flagged_or_not_first(shell: Shell, bundle: Path, image_folder: Path) -> None:
    shell("threshold", bundle, "--save")
    images = of_each_class(image_folder)
    text = shell("predict", bundle, *images).out
    assert ": Flagged: malignant " in text
    assert " % for 95 % sensitivity." in text
    assert "In every set, because fewer than 9 lesions were set aside to calibrate them: bkl." in text


def test_a_point_that_is_outdated_flags_nothing_and_says_why(
    shell: Shell, bundle: Path, image_folder: Path
) -> None:
    shell("threshold", bundle, "--save")
    write_marks(bundle, Marks(malignant=("bkl", "mel"), benign=("nv",)))
    image = next((image_folder / "images").glob("*.png"))
    (prediction,) = json.loads(shell("predict", bundle, image, "--json").out)
    assert "above_threshold" not in prediction
    assert any("Choose it again" in warning for warning in prediction["warnings"])
    assert "Choose it again" in report(shell, bundle)["note"]


def test_a_scoring_counts_what_the_saved_point_and_the_sets_lead_to(
    shell: Shell, bundle: Path, dataset_file: Path, tmp_path: Path
) -> None:
    dataset = shutil.copy(dataset_file, tmp_path / "small.db")
    words = ["evaluate", bundle, dataset, "--split", "all"]
    assert json.loads(shell(*words, "--json").out)["operating_point"] is None
    shell("threshold", bundle, "--save")
    outcome = shell(*words, "--report", tmp_path / "report")
    scored = json.loads((tmp_path / "report" / "metrics.json").read_text())
    point = read_operating_point(bundle)
    assert point is not None
    assert scored["operating_point"]["point"]["threshold"] == point.threshold
    with DatasetStore.open(dataset, read_only=True) as store:
        lesions = store.frame().set_index("sample_id")["group_id"]
    table = pd.read_csv(tmp_path / "report" / "predictions.csv").set_index("sample_id")
    # The mean of logits is that of log probabilities, up to a constant that softmax takes away.
    logs = np.log(table[["bkl", "mel", "nv"]]).groupby([table["truth"], lesions]).mean()
    melanoma = (np.exp(logs["mel"]) / np.exp(logs).sum(axis=1)).groupby("truth").apply(list)
    found = scored["operating_point"]["found"]
    assert 0 < len(melanoma["mel"]) < (table["truth"] == "mel").sum()
    assert found["missed"]["of"] == len(melanoma["mel"])
    assert found["missed"]["count"] == sum(share < point.threshold for share in melanoma["mel"])
    others = melanoma["bkl"] + melanoma["nv"]
    assert (found["flagged"]["of"], found["flagged"]["count"]) == (
        len(others),
        sum(share >= point.threshold for share in others),
    )
    sets = scored["prediction_sets"]
    assert (sets["coverage"], sets["always"], sets["calibration_lesions"]["mel"]) == (0.9, ["bkl"], 60)
    assert sets["per_class"]["bkl"]["covered"]["count"] == sets["per_class"]["bkl"]["covered"]["of"]
    assert "Operating point: malignant lesions from" in outcome.out
    assert "Prediction sets, to contain the true class in 9 of 10 images of each class" in outcome.out
    assert "because of too few calibration lesions: bkl (8)." in outcome.out
    assert "so these figures are optimistic." in outcome.out


def test_images_that_chose_the_epoch_calibrate_nothing(bundle: Path) -> None:
    manifest = read_manifest(bundle)
    found = overlapping((20, 20, 20))
    half = np.arange(60) % 2 == 0
    rules = rules_of(manifest, found._replace(aside=half))
    assert rules.sets is not None
    assert sum(len(scores) for scores in rules.sets.scores) == 30
    assert rules_of(manifest, None).sets is None


def test_a_probability_at_the_threshold_is_flagged() -> None:
    point = AppliedPoint(target="mel", probability=0.08, threshold=0.08, sensitivity=0.95)
    assert point.above


def test_the_reference_survives_what_lies_beside_it(shell: Shell, bundle: Path) -> None:
    shell("threshold", bundle, "--save")
    assert read_reference(bundle, read_manifest(bundle)) is not None

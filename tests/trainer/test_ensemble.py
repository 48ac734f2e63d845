"""Networks combined: an ensemble is made, checked, handed on, and used like any bundle."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from tests.made_reference import give_reference, overlapping
from trainer.batches.kept import KEPT_FILE, read_kept
from trainer.dataset.store import DatasetStore
from trainer.errors import BundleError
from trainer.images.decoding import read_image
from trainer.metrics.decision import calibrated_probabilities
from trainer.prediction.batch import predict_folder
from trainer.prediction.completing import complete_bundle
from trainer.prediction.inference import Predictor
from trainer.reference.combining import combined_reference, make_ensemble
from trainer.reference.novelty import Novelty, Subspace
from trainer.reference.reference import read_reference
from trainer.reference.rules import calibrate
from trainer.runs.archive import export_archive, import_archive
from trainer.runs.bundle import (
    REFERENCE,
    bundle_hash,
    manifest_hash,
    read_bundle,
    read_manifest,
    write_bundle,
)
from trainer.runs.ensemble import check_bundle, network_folders

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tests.trainer.shell import Shell


def changed(bundle: Path, target: Path, **changes: Any) -> Path:
    """A bundle with the same weights and another manifest."""
    manifest, arrays = read_bundle(bundle)
    write_bundle(target, msgspec.structs.replace(manifest, **changes), arrays)
    return target


@pytest.fixture(scope="module")
def first(trained: Path) -> Path:
    return trained / "bundle"


@pytest.fixture(scope="module")
def second(first: Path, dataset_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another network of the same dataset: other weights, calibrated in another way."""
    manifest, arrays = read_bundle(first)
    generator = np.random.default_rng(11)
    other = {
        name: (array * generator.uniform(0.8, 1.2, array.shape)).astype(np.float32)
        for name, array in arrays.items()
    }
    calibration = msgspec.structs.replace(manifest.calibration, temperature=1.7)
    folder = tmp_path_factory.mktemp("second") / "bundle"
    write_bundle(folder, msgspec.structs.replace(manifest, calibration=calibration), other)
    with DatasetStore.open(dataset_file, read_only=True) as store:
        complete_bundle(folder, store)
    return folder


@pytest.fixture(scope="module")
def made(first: Path, second: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ensemble of both."""
    folder = tmp_path_factory.mktemp("ensemble") / "both"
    make_ensemble([first, second], folder)
    return folder


@pytest.fixture
def ensemble(made: Path, tmp_path: Path) -> Path:
    """A copy of the ensemble."""
    return shutil.copytree(made, tmp_path / "ensemble")


@pytest.fixture(scope="module")
def images(image_folder: Path) -> list[Path]:
    return sorted(image_folder.rglob("*.png"))[::12]


def probabilities(bundle: Path, images: list[Path]) -> NDArray[np.float64]:
    return np.array([list(shown.probabilities.values()) for shown in Predictor(bundle).predict(images)])


def test_probabilities_are_the_mean_and_the_spread_is_shown(
    first: Path, second: Path, made: Path, images: list[Path]
) -> None:
    members = np.stack([probabilities(bundle, images) for bundle in (first, second)])
    found = Predictor(made).predict(images)
    np.testing.assert_allclose(
        [list(shown.probabilities.values()) for shown in found], members.mean(axis=0), atol=1e-6
    )
    assert np.abs(members[0] - members[1]).max() > 0.01, "the networks differ"
    spreads = [list(shown.spread.values()) for shown in found if shown.spread is not None]
    np.testing.assert_allclose(np.array(spreads)[..., 0], members.min(axis=0), atol=1e-6)
    np.testing.assert_allclose(np.array(spreads)[..., 1], members.max(axis=0), atol=1e-6)
    balanced = Predictor(made, prior="balanced").predict(images[:1])[0]
    assert balanced.spread is not None
    assert all(low <= balanced.probabilities[name] <= high for name, (low, high) in balanced.spread.items())


def test_equal_networks_say_together_what_each_says(first: Path, tmp_path: Path, images: list[Path]) -> None:
    twin = changed(first, tmp_path / "twin", weights_origin="The same once more.")
    make_ensemble([first, twin], tmp_path / "twins")
    alone, together = (Predictor(bundle).predict(images) for bundle in (first, tmp_path / "twins"))
    for one, both in zip(alone, together, strict=True):
        assert both.predicted == one.predicted
        assert both.probabilities == pytest.approx(one.probabilities, abs=1e-6)
        assert one.spread is None


def test_an_ensemble_has_an_identity_of_its_own_and_names_its_members(
    first: Path, second: Path, made: Path
) -> None:
    manifest = read_manifest(made)
    assert manifest.format_version == 3
    assert bundle_hash(made) not in {bundle_hash(first), bundle_hash(second)}
    assert [folder.name for folder in network_folders(made, manifest)] == [
        bundle_hash(first),
        bundle_hash(second),
    ]
    assert "Each of the 2 networks has its own calibration" in manifest.calibration.describe()
    single = json.loads((first / "manifest.json").read_bytes())
    assert single["format_version"] == 2, "older programs read a network by itself"
    assert "members" not in single


def test_what_an_ensemble_knows_is_what_its_members_would_say(
    first: Path, made: Path, dataset_file: Path
) -> None:
    """Validation images are scored as new ones are: the same features, in the same order."""
    reference = read_reference(made, read_manifest(made))
    assert reference is not None
    assert len(reference.novelty.subspaces) == 6
    with DatasetStore.open(dataset_file, read_only=True) as store:
        frame = store.frame("validation").set_index("sample_id")
    predictor = Predictor(made)
    rows = np.flatnonzero(~reference.validation.aside)[:4]
    paths = [Path(frame.loc[reference.validation.sample_ids[row], "path"]) for row in rows]
    squares = np.stack([predictor.seen(read_image(path)).square for path in paths])
    found = predictor.analysed(squares)
    np.testing.assert_allclose(found.logits, reference.validation.logits[rows], atol=1e-4)
    np.testing.assert_allclose(
        reference.novelty.scores(found.features), reference.validation.unusual[rows], atol=1e-3
    )
    own = read_reference(first, read_manifest(first))
    assert own is not None
    cosines = (reference.projection.of(found.features[-1]) * own.projection.of(found.features[-1])).sum(
        axis=1
    )
    np.testing.assert_allclose(cosines, 1.0, atol=1e-5)
    shown = predictor.predict(paths)[0]
    assert shown.unusual is not None
    assert shown.unusual.n == len(reference.validation.truth)


def test_only_images_that_every_member_set_aside_are_set_aside(first: Path, tmp_path: Path) -> None:
    bundles = [changed(first, tmp_path / name, weights_origin=name) for name in ("one", "two")]
    for bundle, left_out in zip(bundles, (slice(0, 5), slice(5, 9)), strict=True):
        found = overlapping((20, 20, 20))
        aside = found.aside.copy()
        aside[left_out] = False
        give_reference(bundle, found._replace(aside=aside))
    reference = make_ensemble(bundles, tmp_path / "both")
    assert reference is not None
    assert np.flatnonzero(~reference.validation.aside).tolist() == list(range(9))


def test_images_that_a_member_was_calibrated_on_are_judged_as_if_they_were_new(
    first: Path, tmp_path: Path
) -> None:
    fitted = msgspec.structs.replace(read_manifest(first).calibration, temperature=0.4, n=120, fitted=True)
    bundles = [
        changed(first, tmp_path / name, weights_origin=name, calibration=fitted) for name in ("one", "two")
    ]
    parts = [
        overlapping((40, 40, 40))._replace(logits=overlapping((40, 40, 40), seed).logits) for seed in (0, 1)
    ]
    for bundle, part in zip(bundles, parts, strict=True):
        give_reference(bundle, part)
    reference = make_ensemble(bundles, tmp_path / "both")
    assert reference is not None
    found = np.exp(reference.validation.logits.astype(np.float64))
    without_each = []
    for bundle, part in zip(bundles, parts, strict=True):
        aside, calibrations = calibrate(part, read_manifest(bundle))
        without_each.append(calibrations.probabilities(aside.logits, aside.groups))
    np.testing.assert_allclose(found, np.mean(without_each, axis=0), atol=1e-6)
    in_sample = np.mean([calibrated_probabilities(part.logits, fitted) for part in parts], axis=0)
    assert np.abs(found - in_sample).max() > 0.05


def test_many_subspaces_come_back_in_their_order() -> None:
    subspaces = tuple(
        Subspace("end", np.full(3, k, np.float32), np.eye(1, 3, dtype=np.float32), 0.0, 1.0)
        for k in range(12)
    )
    again = Novelty.from_arrays(Novelty(subspaces, 1.0, 20).as_arrays())
    assert [subspace.mean[0] for subspace in again.subspaces] == list(range(12))


def test_points_and_sets_work(
    first: Path, second: Path, tmp_path: Path, images: list[Path], shell: Shell
) -> None:
    bundles = [shutil.copytree(bundle, tmp_path / name) for name, bundle in (("one", first), ("two", second))]
    for seed, bundle in enumerate(bundles):
        found = overlapping((60, 60, 60))
        give_reference(bundle, found._replace(logits=overlapping((60, 60, 60), seed).logits))
    both = tmp_path / "both"
    document = json.loads(shell("ensemble", *bundles, "--out", both, "--json").out)
    assert document["set_aside"] == 180
    assert document["bundle_hash"] == bundle_hash(both)
    outcome = shell("threshold", both, "--target", "mel", "--sensitivity", "0.9", "--save", "--json")
    assert outcome.status == 0, outcome.err
    chosen = json.loads(outcome.out)
    assert chosen["saved"]["target"]["name"] == "mel"
    shown = json.loads(shell("predict", both, images[0], "--json").out)[0]
    assert shown["above_threshold"] == (shown["probabilities"]["mel"] >= chosen["saved"]["threshold"])
    assert set(shown["prediction_set"]) <= set(shown["probabilities"])
    low, high = shown["spread"]["mel"]
    assert low <= shown["probabilities"]["mel"] <= high
    assert " over 2 networks)" in shell("predict", both, images[0]).out


def test_an_ensemble_is_evaluated_like_any_bundle(made: Path, dataset_file: Path, shell: Shell) -> None:
    outcome = shell("evaluate", made, dataset_file, "--split", "validation", "--json")
    assert outcome.status == 0, outcome.err
    document = json.loads(outcome.out)
    assert document["bundle"] == bundle_hash(made)
    assert document["n"] > 0
    with DatasetStore.open(dataset_file, read_only=True) as store:
        paths = [Path(path) for path in store.frame("validation")["path"]]
    right = [shown.predicted for shown in Predictor(made).predict(paths)]
    assert sum(map(sum, document["confusion_matrix"])) == len(right)


def test_images_of_a_lesion_are_combined(made: Path, images: list[Path]) -> None:
    from trainer.prediction.inference import Wanted

    predictor = Predictor(made)
    predicted = predictor.predict_each(
        [Wanted(str(path), functools.partial(read_image, path)) for path in images[:2]]
    )
    together = predictor.predict_together(predicted)
    assert together is not None
    assert sum(together.probabilities.values()) == pytest.approx(1.0)
    assert together.spread is None


def test_a_map_says_whose_it_is(
    first: Path, made: Path, images: list[Path], tmp_path: Path, shell: Shell
) -> None:
    words = [images[0], "--class", "mel", "--out", tmp_path / "map.png", "--json"]
    alone, together = (json.loads(shell("explain", bundle, *words).out) for bundle in (first, made))
    assert together["grid"] == alone["grid"]
    assert together["network"] == "The map is that of the first of the ensemble's 2 networks."
    assert alone["network"] == ""


def test_a_folder_is_predicted_with_the_spread(made: Path, images: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    shutil.copy(images[0], folder)
    predict_folder(made, folder, tmp_path / "tables")
    kept = read_kept(tmp_path / "tables" / KEPT_FILE, manifest_hash(made)).rows[0].prediction
    again = Predictor(made).predict(images[:1])[0]
    assert kept.spread is not None
    assert again.spread is not None
    np.testing.assert_allclose(list(kept.spread.values()), list(again.spread.values()), atol=1e-6)


def test_an_ensemble_travels_in_one_file(ensemble: Path, tmp_path: Path, images: list[Path]) -> None:
    export_archive(ensemble, tmp_path / "both.skindesk", name="Both")
    import_archive(tmp_path / "both.skindesk", tmp_path / "imported")
    imported = tmp_path / "imported" / "bundle"
    there = {path.relative_to(imported): path.read_bytes() for path in imported.rglob("*") if path.is_file()}
    assert there == {
        path.relative_to(ensemble): path.read_bytes() for path in ensemble.rglob("*") if path.is_file()
    }
    np.testing.assert_array_equal(probabilities(imported, images[:1]), probabilities(ensemble, images[:1]))


def test_an_ensemble_without_references_is_completed(
    first: Path, second: Path, dataset_file: Path, tmp_path: Path, shell: Shell
) -> None:
    bare = shutil.copytree(second, tmp_path / "bare")
    (bare / REFERENCE).unlink()
    both = tmp_path / "both"
    outcome = shell("ensemble", first, bare, "--out", both)
    assert outcome.status == 0
    assert "Not every network knows the images it learned from" in outcome.err
    assert combined_reference(both) is None
    identity = bundle_hash(both)
    assert shell("complete", both, dataset_file).status == 0
    assert bundle_hash(both) == identity
    reference = read_reference(both, read_manifest(both))
    assert reference is not None
    assert len(reference.novelty.subspaces) == 6


# --- what is refused ------------------------------------------------------------------------------------------


def _other_data(bundle: Path, target: Path) -> Path:
    split = msgspec.structs.replace(read_manifest(bundle).split, fingerprint="1" * 64)
    return changed(bundle, target, split=split, dataset_fingerprint="1" * 64)


def _other_classes(bundle: Path, target: Path) -> Path:
    shutil.copytree(bundle, target)
    content = (target / "manifest.json").read_bytes().replace(b'"nv"', b'"vasc"')
    (target / "manifest.json").write_bytes(content)
    (target / "manifest.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  manifest.json\n")
    return target


def _other_size(bundle: Path, target: Path) -> Path:
    return changed(bundle, target, input_size=64)


def _other_geometry(bundle: Path, target: Path) -> Path:
    manifest = read_manifest(bundle)
    geometry = msgspec.structs.replace(manifest.geometry, shape="pad")
    config = msgspec.structs.replace(manifest.config, geometry=geometry)
    return changed(bundle, target, geometry=geometry, config=config)


def _other_marks(bundle: Path, target: Path) -> Path:
    return changed(bundle, target, malignant=("bkl",), benign=())


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (_other_classes, r"their classes differ \(bkl, mel, nv; bkl, mel, vasc\)"),
        (_other_data, "not trained on the same dataset and split"),
        (_other_size, "their input sizes differ"),
        (_other_geometry, "cut or scale images in different ways"),
        (_other_marks, "do not mark the same classes"),
    ],
)
def test_networks_that_do_not_go_together_are_refused(
    first: Path, tmp_path: Path, make: Callable[[Path, Path], Path], sentence: str
) -> None:
    other = make(first, tmp_path / "other")
    with pytest.raises(BundleError, match=f"cannot be combined: .*{sentence}"):
        make_ensemble([first, other], tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_wrong_orders_are_refused_in_a_sentence(
    first: Path, second: Path, ensemble: Path, tmp_path: Path, shell: Shell
) -> None:
    out = tmp_path / "out"
    assert "needs 2 to 100 networks; 1 given" in shell.refused("ensemble", first, "--out", out)
    copy = shutil.copytree(first, tmp_path / "copy")
    assert "is named twice, or is a copy" in shell.refused("ensemble", first, copy, "--out", out)
    assert "is an ensemble itself" in shell.refused("ensemble", first, ensemble, "--out", out)
    assert "exists already" in shell.refused("ensemble", first, second, "--out", copy)
    with pytest.raises(BundleError, match="has no weights of its own"):
        read_bundle(ensemble)
    weights = copy / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    assert "wrong hash" in shell.refused("ensemble", copy, second, "--out", out)
    assert not out.exists()


def test_one_changed_byte_in_a_member_is_noticed(ensemble: Path, tmp_path: Path) -> None:
    member = network_folders(ensemble, read_manifest(ensemble))[1]
    for name in ("weights.safetensors", "manifest.json", "manifest.sha256"):
        before = (member / name).read_bytes()
        (member / name).write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        for use in (
            Predictor,
            check_bundle,
            lambda folder: export_archive(folder, tmp_path / "a.skindesk", name="a"),
        ):
            with pytest.raises(BundleError, match=r"wrong hash|is not the manifest"):
                use(ensemble)
        (member / name).write_bytes(before)
    check_bundle(ensemble)


def test_a_member_that_is_gone_added_or_replaced_is_noticed(
    ensemble: Path, first: Path, tmp_path: Path
) -> None:
    member = network_folders(ensemble, read_manifest(ensemble))[1]
    shutil.copytree(first, member.with_name("0" * 12))
    with pytest.raises(BundleError, match="holds members/000000000000, which its manifest does not name"):
        check_bundle(ensemble)
    shutil.rmtree(member.with_name("0" * 12))
    member.rename(tmp_path / "away")
    with pytest.raises(BundleError, match=f"is incomplete: its network {member.name} is missing"):
        Predictor(ensemble)
    shutil.copytree(first, member)
    with pytest.raises(BundleError, match="is not the network that the ensemble"):
        Predictor(ensemble)

"""What a bundle knows of its training images: written, read, completed, and used to flag other images."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageFilter

from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore
from trainer.errors import BundleError
from trainer.prediction.inference import Predictor
from trainer.prediction.likeness import Checker
from trainer.reference.novelty import Novelty, fit_subspace, fit_threshold
from trainer.reference.quality import limits_of, measure, passes
from trainer.reference.reference import read_reference
from trainer.runs.archive import export_archive, import_archive
from trainer.runs.bundle import REFERENCE, bundle_hash, read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.trainer.shell import Shell


@pytest.fixture
def bundle(trained: Path, tmp_path: Path) -> Path:
    """A copy of a finished run's bundle."""
    return shutil.copytree(trained / "bundle", tmp_path / "bundle")


def test_a_finished_run_knows_the_samples_it_learned_from(bundle: Path, dataset_file: Path) -> None:
    reference = read_reference(bundle, read_manifest(bundle))
    assert reference is not None
    with DatasetStore.open(dataset_file, read_only=True) as store:
        frames = {part: store.frame(part) for part in ("train", "validation")}
        assert reference.dataset_fingerprint == store.fingerprint()
    assert set(reference.training.hashes) == set(frames["train"]["sha256"])
    assert set(reference.validation.sample_ids) == set(frames["validation"]["sample_id"])
    assert set(reference.training.confirmed) == {"histo"}
    lengths = np.linalg.norm(reference.training.features, axis=1)
    np.testing.assert_allclose(lengths, 1.0, atol=2e-3)
    subspaces = reference.novelty.subspaces
    assert [subspace.depth for subspace in subspaces] == ["stem", "block1", "last"]


def test_an_older_bundle_is_completed_and_stays_the_same_bundle(
    bundle: Path, dataset_file: Path, tmp_path: Path, shell: Shell, image_folder: Path
) -> None:
    whole = read_reference(bundle, read_manifest(bundle))
    (bundle / REFERENCE).unlink()
    identity, image = bundle_hash(bundle), next(image_folder.rglob("*.png"))
    outcome = shell("predict", bundle, image, "--json")
    assert "complete it from its dataset" in outcome.err
    assert "in_distribution" not in json.loads(outcome.out)[0]
    dataset = tmp_path / "split anew.db"
    shutil.copy(dataset_file, dataset)
    with DatasetStore.open(dataset) as store:
        split_dataset(store, seed=77)
    assert shell("complete", bundle, dataset).status == 0
    assert bundle_hash(bundle) == identity
    again = read_reference(bundle, read_manifest(bundle))
    assert whole is not None
    assert again is not None
    assert sorted(again.training.hashes) == sorted(whole.training.hashes)
    assert sorted(again.validation.groups) == sorted(whole.validation.groups)
    assert again.validation.aside.sum() == whole.validation.aside.sum()
    np.testing.assert_allclose(again.novelty.threshold, whole.novelty.threshold, rtol=1e-3)
    assert isinstance(json.loads(shell("predict", bundle, image, "--json").out)[0]["in_distribution"], bool)


def test_a_bundle_is_not_completed_from_other_images(
    bundle: Path, dataset_file: Path, tmp_path: Path, shell: Shell
) -> None:
    dataset = tmp_path / "other.db"
    shutil.copy(dataset_file, dataset)
    with DatasetStore.open(dataset) as store:
        store.database.run("DELETE FROM samples WHERE sample_id = (SELECT max(sample_id) FROM samples)")
    before = (bundle / REFERENCE).read_bytes()
    assert "is not the dataset this network was trained on" in shell.refused("complete", bundle, dataset)
    assert (bundle / REFERENCE).read_bytes() == before


def test_a_changed_reference_is_refused_in_one_sentence(bundle: Path) -> None:
    content = bytearray((bundle / REFERENCE).read_bytes())
    manifest = read_manifest(bundle)
    generator = np.random.default_rng(0)
    for place in [*range(16), *generator.integers(0, len(content), 60).tolist()]:
        changed = content.copy()
        changed[place] ^= 0x10
        (bundle / REFERENCE).write_bytes(changed)
        with pytest.raises(BundleError, match=r"cannot be used: .*\. Delete it, then complete the bundle"):
            read_reference(bundle, manifest)


def test_a_reference_of_another_network_is_refused(bundle: Path) -> None:
    manifest = (bundle / "manifest.json").read_text().replace('"seed": 0', '"seed": 1')
    (bundle / "manifest.json").write_text(manifest)
    import hashlib

    digest = hashlib.sha256(manifest.encode()).hexdigest()
    (bundle / "manifest.sha256").write_text(f"{digest}  manifest.json\n")
    with pytest.raises(BundleError, match="it belongs to another network"):
        read_reference(bundle, read_manifest(bundle))


def test_a_reference_travels_with_its_bundle(bundle: Path, tmp_path: Path) -> None:
    export_archive(bundle, tmp_path / "network.skindesk", name="network")
    import_archive(tmp_path / "network.skindesk", tmp_path / "imported")
    there = (tmp_path / "imported" / "bundle" / REFERENCE).read_bytes()
    assert there == (bundle / REFERENCE).read_bytes()


# --- which images are flagged -----------------------------------------------------------------------------


def ring(generator: np.random.Generator, n: int, noise: float) -> NDArray[np.float32]:
    """Points near a circle in a plane of 20 dimensions."""
    angles = generator.uniform(0, 2 * np.pi, n)
    points = np.zeros((n, 20))
    points[:, :2] = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return (points + generator.normal(0, noise, points.shape)).astype(np.float32)


def test_what_lies_outside_the_subspace_is_unusual_and_a_twentieth_is_flagged() -> None:
    generator = np.random.default_rng(1)
    training, validation, new = (ring(generator, n, 0.01) for n in (300, 400, 4000))
    subspace = fit_subspace("last", training, training[:50], validation)
    novelty = Novelty((subspace,), float("inf"), 0)
    scores = novelty.scores([validation])
    threshold = fit_threshold(scores, np.ones(len(scores), dtype=bool))
    assert 0.03 < (novelty.scores([new]) > threshold).mean() < 0.07
    outside = new + np.float32(0.1) * (np.arange(20) == 7)
    assert (novelty.scores([outside]) > threshold).mean() > 0.95


def test_gate_and_score_share_the_twentieth() -> None:
    scores = np.arange(199, dtype=np.float32)
    passing = np.ones(199, dtype=bool)
    assert (scores > fit_threshold(scores, passing)).sum() == 9  # 10 of 200, the new image included
    passing[:4] = False
    assert ((scores > fit_threshold(scores, passing)) & passing).sum() == 5
    assert fit_threshold(scores[4:10], passing[4:10]) == 9, "few images: the largest score"
    assert fit_threshold(scores[:4], passing[:4]) == float("inf")


def test_a_threshold_holds_for_new_images_on_average() -> None:
    generator = np.random.default_rng(2)
    flagged = []
    for _ in range(400):
        scores = generator.normal(size=61).astype(np.float32)
        threshold = fit_threshold(scores[:60], np.ones(60, dtype=bool))
        flagged.append(scores[60] > threshold)
    assert np.mean(flagged) < 0.05 + 2 * (0.05 * 0.95 / 400) ** 0.5


def lesion(generator: np.random.Generator, skin: tuple[float, float, float]) -> NDArray[np.uint8]:
    """A blotch with some texture on skin of a colour."""
    y, x = np.mgrid[0:96, 0:96] / 96
    blotch = 1 - 0.5 * (np.hypot(x - 0.5, y - 0.5) < generator.uniform(0.2, 0.35))
    values = np.array(skin) * blotch[..., None] * (1 + 0.08 * generator.normal(size=(96, 96, 1)))
    return np.clip(values, 0, 255).astype(np.uint8)


def test_poor_images_fail_the_gate_and_dark_skin_does_not() -> None:
    generator = np.random.default_rng(3)
    light = [lesion(generator, (235, 190, 170)) for _ in range(60)]
    limits = limits_of(np.stack([measure(image) for image in light]))
    dark = [lesion(generator, (112, 74, 55)) for _ in range(40)]
    assert passes(np.stack([measure(image) for image in dark]), limits).mean() >= 0.95

    def said(image: NDArray[np.uint8]) -> bool:
        return bool(passes(measure(image)[np.newaxis], limits)[0])

    blurred = np.asarray(Image.fromarray(light[0]).filter(ImageFilter.GaussianBlur(3)))
    assert not said(blurred)
    assert not said((light[0] * 0.12).astype(np.uint8))
    assert not said(np.clip(light[0] * 3.0 + 60, 0, 255).astype(np.uint8))
    assert not said(np.full((96, 96, 3), 180, np.uint8))


def test_quality_is_said_in_words_even_without_a_reference() -> None:
    checker = Checker(None, 96)
    dark = np.full((200, 300, 3), 20, np.uint8)
    poor = checker.quality(dark, dark[:96, :96])
    assert poor == ("The image is too dark.",)
    likeness = checker.likeness([np.zeros(4, np.float32)], poor, checker.hints(dark))
    assert (likeness.in_distribution, likeness.unusual) == (False, None)
    small = np.full((10, 10, 3), 150, np.uint8)
    assert "too small: 10 x 10 pixels" in checker.quality(small, np.full((96, 96, 3), 150, np.uint8))[0]


def test_an_image_of_another_kind_is_flagged_everywhere(
    bundle: Path, image_folder: Path, tmp_path: Path, shell: Shell
) -> None:
    noise = np.random.default_rng(4).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    image = next(image_folder.rglob("*.png"))
    documents = json.loads(shell("predict", bundle, tmp_path / "noise.png", image, "--json").out)
    flagged, usual = documents
    assert flagged["in_distribution"] is False
    assert flagged["warnings"][0].startswith(
        "Unlike the images this network learned from: it is more unusual than"
    )
    assert flagged["unusual"]["score"] > flagged["unusual"]["threshold"]
    assert usual["unusual"]["score"] < flagged["unusual"]["score"]
    text = shell("predict", bundle, tmp_path / "noise.png").out
    assert "noise.png: not to be relied on" in text.splitlines()[0]
    assert shell("predict", bundle, tmp_path / "noise.png", "--csv", tmp_path / "out.csv").status == 0
    head, row = (tmp_path / "out.csv").read_text().splitlines()[:2]
    assert dict(zip(head.split(","), row.split(","), strict=False))["in_distribution"] == "false"


def test_several_images_of_a_lesion_are_flagged_if_one_of_them_is(
    bundle: Path, image_folder: Path, tmp_path: Path
) -> None:
    predictor = Predictor(bundle)
    noise = np.random.default_rng(4).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    from trainer.images.decoding import read_image
    from trainer.prediction.inference import Wanted

    paths = [tmp_path / "noise.png", next(image_folder.rglob("*.png"))]
    predicted = predictor.predict_each(
        [Wanted(str(path), lambda path=path: read_image(path)) for path in paths]
    )
    together = predictor.predict_together(predicted)
    assert together is not None
    assert together.in_distribution is False
    assert "1 of these 2 images" in together.warnings[0]


def test_poor_images_of_a_lesion_are_not_said_to_be_of_another_kind(bundle: Path, image_folder: Path) -> None:
    (bundle / REFERENCE).unlink()
    from trainer.images.decoding import read_image
    from trainer.prediction.inference import Wanted

    usual = read_image(next(image_folder.rglob("*.png")))
    pixels = [usual, (usual * 0.1).astype(np.uint8)]
    predictor = Predictor(bundle)
    together = predictor.predict_together(predictor.predict_each([Wanted("", lambda p=p: p) for p in pixels]))
    assert together is not None
    assert together.in_distribution is False
    assert together.warnings == ("1 of these 2 images is too poor to rely on an answer.",)

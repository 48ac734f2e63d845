"""A bundle scored on any dataset: classes mapped, images that it knows left out, flags counted."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from tests.small import draw_small_images, index_small_images
from tests.trainer.shell import Shell
from trainer.dataset.importing import import_dataset
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore
from trainer.metrics.flags import flag_figures
from trainer.prediction.inference import Predictor
from trainer.reference.reference import Reference, read_reference, write_reference
from trainer.reference.selecting import select_samples
from trainer.runs.bundle import REFERENCE, read_manifest
from trainer.runs.external import External, LeftOut
from trainer.runs.reports import read_scored


@pytest.fixture
def bundle(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained / "bundle", tmp_path / "bundle"))


@pytest.fixture
def parts(dataset_file: Path) -> dict[str, set[str]]:
    """The sample ids of each part of the network's own split."""
    with DatasetStore.open(dataset_file, read_only=True) as store:
        return {part: set(store.frame(part)["sample_id"]) for part in ("train", "validation", "test")}


def saved_again(image_folder: Path, folder: Path, rename: Callable[[str], str] = str) -> Path:
    """Return the same images, a little brighter, in other files."""
    (folder / "images").mkdir(parents=True)
    for image in (image_folder / "images").iterdir():
        pixels = np.asarray(Image.open(image)).clip(0, 252) + 3
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "images" / f"{rename(image.stem)}.png")
    with (image_folder / "HAM10000_metadata.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row["image_id"] = rename(row["image_id"])
    write_metadata(folder, rows)
    return folder


def metadata(folder: Path) -> list[dict[str, str]]:
    with (folder / "HAM10000_metadata.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def write_metadata(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / "HAM10000_metadata.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def selected(dataset: Path, bundle: Path, part: str = "all") -> tuple[set[str], External | None]:
    manifest = read_manifest(bundle)
    with DatasetStore.open(dataset, read_only=True) as store:
        frame, external = select_samples(store, part, manifest, read_reference(bundle, manifest))
    return set(frame["sample_id"]), external


def test_nothing_is_left_out_of_the_own_dataset_and_split(
    shell: Shell, bundle: Path, dataset_file: Path, parts: dict[str, set[str]], tmp_path: Path
) -> None:
    for part, samples in parts.items():
        assert selected(dataset_file, bundle, part) == (samples, None)
    words = [
        "evaluate",
        bundle,
        dataset_file,
        "--split",
        "validation",
        "--json",
        "--report",
        tmp_path / "report",
    ]
    document = json.loads(shell(*words).out)
    assert document["external"] is None
    assert document["flags"]["overall"]["n"] == document["n"] == len(parts["validation"])
    assert {name: share["n"] for name, share in document["flags"]["per_class"].items()} == {
        name: row["support"] for name, row in document["per_class"].items() if row["support"]
    }
    again = json.loads(msgspec.json.encode(read_scored(tmp_path / "report")))
    assert again == document
    older = {name: value for name, value in document.items() if name not in {"flags", "external"}}
    (tmp_path / "report" / "metrics.json").write_text(json.dumps(older))
    assert read_scored(tmp_path / "report").flags is None


def test_flags_are_those_of_single_predictions(shell: Shell, bundle: Path, dataset_file: Path) -> None:
    with DatasetStore.open(dataset_file, read_only=True) as store:
        paths = [Path(path) for path in store.frame("validation")["path"]]
    alone = [shown.in_distribution is False for shown in Predictor(bundle).predict(paths)]
    document = json.loads(shell("evaluate", bundle, dataset_file, "--split", "validation", "--json").out)
    assert document["flags"]["overall"]["flagged"] == sum(alone)


@pytest.mark.parametrize("with_reference", [True, False])
def test_on_another_split_what_the_network_knows_is_left_out(
    bundle: Path, dataset_file: Path, parts: dict[str, set[str]], tmp_path: Path, *, with_reference: bool
) -> None:
    other = Path(shutil.copy(dataset_file, tmp_path / "other.db"))
    with DatasetStore.open(other) as store:
        split_dataset(store, seed=9, fractions=(0.2, 0.2, 0.6))
        test_part = set(store.frame("test")["sample_id"])
    if not with_reference:
        (bundle / REFERENCE).unlink()
    samples, external = selected(other, bundle, "test")
    assert samples == test_part & parts["test"]
    assert external is not None
    known = external.left_out
    assert known is not None
    assert (known.training, known.validation) == (
        len(test_part & parts["train"]),
        len(test_part & parts["validation"]),
    )
    assert (known.by_file, known.by_id, known.by_group) == (known.total, 0, 0)
    assert external.near_duplicates


def test_the_same_images_in_other_files_are_known_by_their_ids(
    image_folder: Path, bundle: Path, parts: dict[str, set[str]], tmp_path: Path
) -> None:
    folder = saved_again(image_folder, tmp_path / "again")
    dataset = tmp_path / "again.db"
    import_dataset(folder, dataset)
    samples, external = selected(dataset, bundle)
    assert samples == parts["test"]
    assert external == External(
        images=84,
        left_out=LeftOut(
            training=len(parts["train"]),
            validation=len(parts["validation"]),
            parent=0,
            by_file=0,
            by_id=84 - len(parts["test"]),
            by_group=0,
        ),
    )
    sentences = " ".join(external.describe())
    assert (
        f"{len(parts['train'])} of training, {len(parts['validation'])} of validation (0 by file, "
        in sentences
    )
    assert "near duplicates in files of their own were not looked for" in sentences


def test_another_photograph_of_a_training_lesion_is_left_out(
    image_folder: Path, bundle: Path, parts: dict[str, set[str]], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(image_folder, tmp_path / "more"))
    rows = metadata(folder)
    learned = next(row for row in rows if row["image_id"] in parts["train"])
    fresh = next(row for row in rows if row["image_id"] in parts["test"])
    for name, row in (("new_1", learned), ("new_2", fresh)):
        noise = np.random.default_rng(len(row["image_id"]) + ord(name[-1])).integers(0, 255, (40, 48, 3))
        Image.fromarray(noise.astype(np.uint8)).save(folder / "images" / f"{name}.png")
        rows.append({**row, "image_id": name})
    write_metadata(folder, rows)
    dataset = tmp_path / "more.db"
    import_dataset(folder, dataset)
    samples, external = selected(dataset, bundle)
    assert samples == parts["test"] | {"new_2"}
    assert external is not None
    assert external.left_out is not None
    assert external.left_out.by_group == 1
    # Only training images are known by their files: the reference holds no others.
    assert external.left_out.by_file == len(parts["train"])
    assert external.left_out.by_id == len(parts["validation"])


def test_ids_that_mean_something_else_leave_nothing_out(bundle: Path, tmp_path: Path) -> None:
    folder = draw_small_images(tmp_path / "others", {"nv": 36, "bkl": 30, "mel": 18})
    rows = metadata(folder)
    dataset = tmp_path / "others.db"
    import_dataset(folder, dataset)
    samples, external = selected(dataset, bundle)
    assert len(samples) == len(rows)
    assert external is not None
    assert external.left_out == LeftOut(training=0, validation=0, parent=0, by_file=0, by_id=0, by_group=0)
    assert "None of them was recognised" in " ".join(external.describe())


def with_parent(bundle: Path, hashes: tuple[str, ...]) -> None:
    reference = read_reference(bundle, read_manifest(bundle))
    assert isinstance(reference, Reference)
    write_reference(bundle, reference._replace(parent_hashes=hashes))


def test_training_images_of_a_parent_are_left_out(
    bundle: Path, dataset_file: Path, parts: dict[str, set[str]], tmp_path: Path
) -> None:
    other = Path(shutil.copy(dataset_file, tmp_path / "other.db"))
    with DatasetStore.open(other) as store:
        split_dataset(store, seed=9, fractions=(0.2, 0.2, 0.6))
        frame = store.frame()
    fresh = frame[frame["sample_id"].isin(parts["test"])]
    lesion = fresh[fresh["group_id"].eq(fresh["group_id"].iloc[0])]
    with_parent(bundle, (lesion["sha256"].iloc[0],))
    samples, external = selected(other, bundle)
    assert samples == parts["test"] - set(lesion["sample_id"])
    assert external is not None
    assert external.left_out is not None
    assert external.left_out.parent == len(lesion)


def test_other_classes_are_counted_and_spellings_mapped(
    shell: Shell, bundle: Path, image_folder: Path, tmp_path: Path
) -> None:
    folder = saved_again(image_folder, tmp_path / "again", rename=lambda name: name.replace("ISIC", "clinic"))
    source = tmp_path / "folders"
    written = {"bkl": "Benign keratosis", "mel": "MELANOMA", "nv": "scar"}
    for row in metadata(folder):
        target = source / written[row["dx"]]
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "images" / f"{row['image_id']}.png", target)
    dataset = tmp_path / "folders.db"
    import_dataset(source, dataset)
    outcome = shell("evaluate", bundle, dataset, "--json")
    assert "is not split; all of it is scored" in outcome.err
    document = json.loads(outcome.out)
    assert (document["split"], document["n"]) == ("all", 36)
    assert document["external"]["other_classes"] == {"scar": 48}
    assert set(document["external"]["renamed"].values()) <= {"bkl", "mel"}
    assert document["per_class"]["nv"]["support"] == 0
    text = shell("evaluate", bundle, dataset).out
    assert "Left out, because the network was not trained for their classes: scar (48)." in text
    assert "Not to be relied on: unlike the images this network learned from, or too poor" in text


def test_a_dataset_without_a_common_class_is_refused(shell: Shell, bundle: Path, tmp_path: Path) -> None:
    folder = draw_small_images(tmp_path / "drawn", {"nv": 12})
    source = tmp_path / "folders"
    for place, image in enumerate(sorted((folder / "images").iterdir())):
        target = source / ("scar", "tattoo")[place % 2]
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, target)
    dataset = tmp_path / "folders.db"
    import_dataset(source, dataset)
    sentence = shell.refused("evaluate", bundle, dataset)
    assert sentence.endswith("(scar, tattoo) is one of this network's (bkl, mel, nv).")


def test_a_dataset_of_known_images_alone_is_refused(
    shell: Shell, bundle: Path, dataset_file: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copy(dataset_file, tmp_path / "other.db"))
    with DatasetStore.open(other) as store:
        split_dataset(store, seed=1, fractions=(0.6, 0.2, 0.2))
        frame = store.frame("train")
        store.edit([str(frame["sample_id"].iloc[0])], age=41.0)
        store.write_split(dict.fromkeys(frame["sample_id"], "test"), store.split_settings)  # type: ignore[arg-type]
    assert "learned from all images of" in shell.refused("evaluate", bundle, other, "--split", "test")


def test_a_bundle_that_does_not_know_its_training_images_says_so(
    shell: Shell, bundle: Path, image_folder: Path, tmp_path: Path
) -> None:
    (bundle / REFERENCE).unlink()
    dataset = index_small_images(saved_again(image_folder, tmp_path / "again"), tmp_path / "again.db")
    outcome = shell("evaluate", bundle, dataset)
    assert "may include training images; complete it" in outcome.out
    assert "Flagged" not in outcome.out


def test_shares_of_flagged_images_have_intervals_by_group() -> None:
    flagged = np.array([True, True, False, False, True, False])
    truth = np.array([0, 0, 0, 1, 1, 1])
    figures = flag_figures(flagged, truth, ("a", "b", "c"), ["1", "1", "2", "3", "4", "5"])
    assert (figures.overall.n, figures.overall.flagged, figures.overall.share) == (6, 3, 0.5)
    assert list(figures.per_class) == ["a", "b"]
    assert (figures.per_class["a"].n, figures.per_class["a"].flagged) == (3, 2)
    interval = figures.per_class["a"].interval
    assert interval is not None
    assert 0 <= interval.low < 2 / 3 < interval.high <= 1

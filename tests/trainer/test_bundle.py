"""Bundles: what is written comes back, and nothing that was not written is accepted."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from trainer.arrays import encode_arrays
from trainer.config import Geometry, HeadSettings, RunConfig
from trainer.dataset.groups.certificate import SplitCertificate
from trainer.errors import BundleError, StorageError
from trainer.events import PartMetrics
from trainer.metrics.decision import Calibration
from trainer.runs.bundle import (
    BundleMetrics,
    Manifest,
    bundle_hash,
    read_bundle,
    read_manifest,
    write_bundle,
)
from trainer.runs.weights_header import head_shapes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEAD = HeadSettings(dense=(8,))
ARRAYS = {
    "backbone.000.kernel": np.arange(1_280, dtype=np.float32).reshape(2, 640),
    **{name: np.ones(shape, "f4") for name, shape in head_shapes(32, 2, HEAD).items()},
}
BIAS = "head.002.dense.bias"


def make_manifest(**changes: object) -> Manifest:
    classes = ("mel", "nv")
    manifest = Manifest(
        program_version="0.1.0",
        created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        backbone="tiny",
        head=HEAD,
        classes=classes,
        malignant=("mel",),
        input_size=32,
        geometry=Geometry(shape="pad"),
        calibration=Calibration(
            classes=classes,
            temperature=1.25,
            bias={"mel": 0.1, "nv": -0.1},
            prior={"mel": 0.2, "nv": 0.8},
            decision_weights={"mel": 0.8, "nv": 0.2},
            n=40,
            fitted=True,
        ),
        split=SplitCertificate(
            seed=3,
            fractions=(0.7, 0.15, 0.15),
            images={"train": 7, "validation": 2, "test": 1},
            groups={"train": 7, "validation": 2, "test": 1},
            lesions={"train": 7, "validation": 2, "test": 1},
            classes={part: {"mel": 1} for part in ("train", "validation", "test")},
            groups_in_two_parts=0,
            lesions_in_two_parts=0,
            patients_in_two_parts=0,
            fingerprint="0" * 64,
        ),
        dataset_fingerprint="0" * 64,
        metrics=BundleMetrics(
            stage="head",
            epoch=3,
            validation=PartMetrics(loss=0.5, accuracy=0.8, macro_recall=0.75, recall={"mel": 0.7, "nv": 0.8}),
        ),
        config=RunConfig(backbone="tiny", head=HEAD, geometry=Geometry(shape="pad")),
        weights_origin="Random weights.",
        versions={"python": "3.11.2", "keras": "3.15.1"},
    )
    return msgspec.structs.replace(manifest, **changes)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    write_bundle(folder, make_manifest(), ARRAYS)
    return folder


def rewrite_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest and give it a fresh hash, as someone would who knows the format."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    change(manifest)
    content = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  manifest.json\n")


def refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        read_bundle(folder)
    message = str(caught.value)
    assert message.endswith((".", "?"))
    assert "\n" not in message
    return message


def test_a_bundle_comes_back_as_it_was_written(bundle: Path) -> None:
    manifest, arrays = read_bundle(bundle)

    assert msgspec.structs.replace(manifest, files={}) == make_manifest()
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
    assert read_manifest(bundle) == manifest


def test_a_bundle_holds_three_files_and_their_hashes_can_be_checked_by_hand(bundle: Path) -> None:
    assert sorted(path.name for path in bundle.iterdir()) == [
        "manifest.json",
        "manifest.sha256",
        "weights.safetensors",
    ]
    weights = hashlib.sha256((bundle / "weights.safetensors").read_bytes()).hexdigest()
    assert read_manifest(bundle).files == {"weights.safetensors": weights}
    digest, name = (bundle / "manifest.sha256").read_text().split()
    assert digest == hashlib.sha256((bundle / name).read_bytes()).hexdigest()


def test_a_bundle_loads_without_tensorflow(bundle: Path) -> None:
    code = (
        "import sys, pathlib, trainer.runs.bundle as b; b.read_bundle(pathlib.Path(sys.argv[1]));"
        "print(sorted({'tensorflow', 'keras', 'pandas', 'sklearn', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(bundle)], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


def test_the_short_hash_follows_the_content(bundle: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "same", make_manifest(), ARRAYS)
    write_bundle(tmp_path / "other", make_manifest(), ARRAYS | {BIAS: np.zeros(2, "f4")})

    assert len(bundle_hash(bundle)) == 12
    assert bundle_hash(bundle) == bundle_hash(tmp_path / "same") != bundle_hash(tmp_path / "other")


def test_writing_replaces_a_bundle(bundle: Path) -> None:
    write_bundle(bundle, make_manifest(weights_origin="Others."), ARRAYS)

    assert read_manifest(bundle).weights_origin == "Others."
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_writing_leaves_a_folder_with_other_things_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(BundleError, match="exists and is not a bundle; choose another folder"):
        write_bundle(tmp_path, make_manifest(), ARRAYS)

    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_bundle_that_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    broken = PartMetrics(loss=float("nan"), accuracy=0.8, macro_recall=0.75, recall={})

    with pytest.raises(BundleError, match="Expected `float`, got `null`"):
        write_bundle(
            tmp_path / "bundle",
            make_manifest(metrics=BundleMetrics(stage="head", epoch=1, validation=broken)),
            ARRAYS,
        )

    assert not list(tmp_path.iterdir())


def test_writing_below_a_file_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageError, match="Cannot write"):
        write_bundle(tmp_path / "file" / "bundle", make_manifest(), ARRAYS)


def test_each_changed_byte_is_refused(bundle: Path) -> None:
    for name in ("manifest.json", "manifest.sha256", "weights.safetensors"):
        original = (bundle / name).read_bytes()
        for position in range(0, len(original), max(1, len(original) // 97)):
            changed = bytearray(original)
            changed[position] ^= 1
            (bundle / name).write_bytes(changed)
            assert str(bundle) in refusal(bundle)
        (bundle / name).write_bytes(original)
    read_bundle(bundle)


def test_a_changed_byte_is_explained(bundle: Path) -> None:
    weights = bundle / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")

    assert refusal(bundle) == (
        f"{weights} differs from what was written (wrong hash): the file was changed or damaged. "
        "Copy the bundle again from where it came from, or train again."
    )


def test_what_is_no_bundle_is_explained(tmp_path: Path, bundle: Path) -> None:
    assert refusal(tmp_path / "nowhere") == f"There is no bundle at {tmp_path / 'nowhere'}; check the path."
    assert "is a file; a bundle is a folder with" in refusal(bundle / "manifest.json")
    assert refusal(tmp_path) == (
        f"{tmp_path} is not a bundle: it has no manifest.json; did you mean {bundle}?"
    )
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "is not a bundle: it has no manifest.json; choose the bundle in the folder of a finished run." in (
        refusal(empty)
    )
    (empty / "manifest.json").write_text('{"name": "a web page", "icons": []}')
    assert "is not the manifest of a SkinDesk bundle" in refusal(empty)
    (empty / "manifest.json").write_text("not even JSON")
    assert "is not the manifest of a SkinDesk bundle" in refusal(empty)


@pytest.mark.parametrize("name", ["weights.safetensors", "manifest.sha256"])
def test_a_missing_file_is_explained(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    assert refusal(bundle) == f"The bundle {bundle} is incomplete: it has no {name}."


def test_a_further_weights_file_is_refused_and_other_files_are_not(bundle: Path) -> None:
    (bundle / "notes.txt").write_text("mine")
    read_bundle(bundle)
    (bundle / "more.safetensors").write_bytes(b"")
    assert "holds more.safetensors, which its manifest does not name; remove it." in refusal(bundle)


def test_a_bundle_of_a_newer_program_is_refused_in_words(bundle: Path) -> None:
    rewrite_manifest(bundle, lambda manifest: manifest.update(format_version=99, a_new_field=1))
    assert refusal(bundle) == (
        f"The bundle {bundle} was written by a newer SkinDesk (bundle format 99, this program reads up to 3); "
        "update this program."
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(surprise=1), "unknown field `surprise`"),
        (lambda m: m["head"].update(surprise=1), "unknown field `surprise`"),
        (lambda m: m["split"].update(surprise=1), "unknown field `split.surprise`"),
        (
            lambda m: m["metrics"]["validation"].update(surprise=1),
            "unknown field `metrics.validation.surprise`",
        ),
        (lambda m: m["config"]["head_stage"].update(surprise=1), "unknown field `surprise`"),
        (lambda m: m.pop("classes"), "missing required field `classes`"),
        (lambda m: m.update(backbone="os.system"), "Invalid enum value 'os.system'"),
        (lambda m: m["head"].update(dense=[10**9]), "<= 8192"),
        (lambda m: m.update(input_size=10**6), "<= 1024"),
        (lambda m: m.update(format_version=0), ">= 1"),
        (lambda m: m.update(classes=["mel", "mel"]), "a class is named twice"),
        (lambda m: m.update(classes=["mel"]), "length >= 2"),
        (lambda m: m.update(malignant=["bcc"]), "`malignant` names a class that is not in `classes`"),
        (lambda m: m.update(classes=["nv", "mel"]), "the calibration is for other classes"),
        (lambda m: m["calibration"].update(temperature=0), ">= 0.01"),
        (lambda m: m["calibration"].update(temperature=1e-30), ">= 0.01"),
        (lambda m: m["calibration"]["bias"].update(mel=1e30), "from -100 to 100"),
        (lambda m: m["head"].update(dense=[8192] * 4_000), "length <= 16"),
        (lambda m: m["calibration"]["prior"].update(mel=0.9), "must sum to 1"),
        (lambda m: m["config"].update(backbone="xception"), "`config` describes a different network"),
        (lambda m: m.update(dataset_fingerprint="1" * 64), "`split` certifies a different split"),
        (lambda m: m.update(created="yesterday"), "Invalid RFC3339"),
        (lambda m: m.update(created="2026-01-02T03:04:05"), "timezone"),
        (
            lambda m: m["files"].update({"../../secrets": "0" * 64}),
            "and no other file; it names ../../secrets",
        ),
        (lambda m: m.update(files={"/etc/passwd": "0" * 64}), "it names /etc/passwd"),
        (lambda m: m.update(files={}), "it names nothing"),
        (lambda m: m["files"].update({"weights.safetensors": "short"}), "matching regex"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(
    bundle: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    rewrite_manifest(bundle, change)
    assert said in refusal(bundle)


def test_weights_that_are_no_safetensors_are_refused_even_with_the_right_hash(bundle: Path) -> None:
    content = b"\x80\x04K\x01."  # a pickle
    (bundle / "weights.safetensors").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    rewrite_manifest(bundle, lambda manifest: manifest["files"].update({"weights.safetensors": digest}))
    assert "is not a safetensors file" in refusal(bundle)


def test_a_huge_manifest_is_not_read(bundle: Path) -> None:
    with (bundle / "manifest.json").open("ab") as stream:
        stream.truncate(1 << 40)  # a sparse file: takes no room
    assert "it is larger than the 16,777,216 bytes" in refusal(bundle)


def test_a_manifest_nested_without_end_is_refused(bundle: Path) -> None:
    nested = b"[" * 100_000 + b"]" * 100_000
    for content in (
        b'{"format_version": 1, "more": ' + nested + b"}",
        (bundle / "manifest.json").read_bytes().rstrip()[:-1] + b', "more": ' + nested + b"}",
    ):
        (bundle / "manifest.json").write_bytes(content)
        (bundle / "manifest.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  manifest.json\n")
        assert "manifest" in refusal(bundle)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.array([1.0, np.nan], "f4"), "not finite"),
        (np.array([1.0, np.inf], "f4"), "not finite"),
        (np.ones(2, "f8"), "float64"),
        (np.ones(2, "i4"), "int32"),
    ],
)
def test_weights_that_are_no_finite_float32_are_neither_written_nor_read(
    bundle: Path, tmp_path: Path, array: Any, reason: str
) -> None:
    arrays = ARRAYS | {BIAS: array}
    with pytest.raises(BundleError, match=reason):
        write_bundle(tmp_path / "other", make_manifest(), arrays)
    assert not (tmp_path / "other").exists()
    content = encode_arrays(arrays)
    (bundle / "weights.safetensors").write_bytes(content)
    rewrite_manifest(
        bundle, lambda m: m.update(files={"weights.safetensors": hashlib.sha256(content).hexdigest()})
    )
    assert reason in refusal(bundle)
